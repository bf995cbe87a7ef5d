//! The rules of a password policy, in words.

use serde_json::Value;

/// A rule as the accounts API names it: a name, or a name with its number. One that is not known
/// here is shown as it came.
fn in_words(rule: &Value) -> String {
    let (name, of) = match rule {
        Value::String(name) => (name.as_str(), &Value::Null),
        Value::Object(rule) => match rule.iter().next() {
            Some((name, of)) => (name.as_str(), of),
            None => ("", &Value::Null),
        },
        _ => ("", &Value::Null),
    };
    match (name, of.as_u64()) {
        ("minLength", Some(count)) => format!("at least {count} characters"),
        ("maxLength", Some(count)) => format!("at most {count} characters"),
        ("groups", _) => groups(of),
        ("dictionary", _) => "not one that many people use".to_owned(),
        ("notLogin", _) => "must not contain the login".to_owned(),
        ("notFormer", Some(1)) => "not the current one".to_owned(),
        ("notFormer", Some(count)) => format!("none of the last {count}"),
        ("tooYoung", _) => "was changed too recently to be changed again".to_owned(),
        ("differing", Some(count)) => {
            format!("at least {count} characters other than in the former one")
        }
        _ => rule.to_string(),
    }
}

fn groups(of: &Value) -> String {
    let names = of.get("names").and_then(Value::as_array);
    let names: Vec<String> = names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(spaced)
        .collect();
    let min = of.get("min").and_then(Value::as_u64);
    let min = usize::try_from(min.unwrap_or_default()).unwrap_or_default();
    let all = names.join(", ");
    if min >= names.len() {
        format!("characters of each kind: {all}")
    } else {
        format!("characters of at least {min} of these kinds: {all}")
    }
}

/// `lowerCase` as `lower case`.
fn spaced(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_uppercase() {
            text.push(' ');
        }
        text.extend(character.to_lowercase());
    }
    text.trim_start().to_owned()
}

/// All of them, in a line.
pub(crate) fn all_in_words(rules: &[Value]) -> String {
    rules.iter().map(in_words).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_said_in_words() {
        let rules = [
            json!({"minLength": 12}),
            json!({"groups": {"min": 2, "names": ["digits", "lowerCase", "others"]}}),
            json!("dictionary"),
            json!({"notFormer": 3}),
        ];
        assert_eq!(
            all_in_words(&rules),
            "at least 12 characters; characters of at least 2 of these kinds: digits, lower case, \
             others; not one that many people use; none of the last 3"
        );
    }

    #[test]
    fn a_rule_of_a_newer_server_is_shown_as_it_came() {
        assert_eq!(
            all_in_words(&[json!({"maxRepeats": 3})]),
            r#"{"maxRepeats":3}"#
        );
    }
}
