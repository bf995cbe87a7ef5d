//! Accounts and sessions for people.

use serde_json::Value;

use crate::arguments::Format;
use crate::output::{BAD, BOLD, FAINT, Output};

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn field(account: &Value, name: &str) -> String {
    account.get(name).map_or_else(String::new, text)
}

/// One line.
pub(crate) fn row(account: &Value, output: Output) {
    let attributes: Vec<String> = account
        .get("attributes")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .take(4)
        .map(|(name, value)| format!("{}={}", output.paint(FAINT, name), text(value)))
        .collect();
    let locked = if field(account, "state") == "locked" {
        output.paint(BAD, " locked")
    } else {
        String::new()
    };
    output.line(format_args!(
        "{}{locked}  {}",
        output.paint(BOLD, field(account, "sub")),
        attributes.join("  ")
    ));
}

fn entry(name: &str, value: impl std::fmt::Display, output: Output) {
    output.line(format_args!(
        "  {} {value}",
        output.paint(FAINT, format_args!("{name:<18}"))
    ));
}

/// All of it.
pub(crate) fn account(account: &Value, output: Output) -> anyhow::Result<()> {
    if output.format == Format::Json {
        return output.json(account);
    }
    output.line(output.paint(BOLD, field(account, "sub")));
    for name in [
        "name",
        "state",
        "requiredFactors",
        "roles",
        "groups",
        "createdAt",
        "updatedAt",
    ] {
        let value = field(account, name);
        if !value.is_empty() {
            entry(name, value, output);
        }
    }
    if let Some(attributes) = account.get("attributes").and_then(Value::as_object) {
        output.line("attributes");
        for (name, value) in attributes {
            entry(name, text(value), output);
        }
    }
    if let Some(credentials) = account.get("credentials").and_then(Value::as_array) {
        output.line("credentials");
        for credential in credentials {
            entry(
                &field(credential, "kind"),
                format_args!("since {}", field(credential, "createdAt")),
                output,
            );
        }
    }
    Ok(())
}

/// Sessions, a line each.
pub(crate) fn sessions(sessions: &Value, output: Output) -> anyhow::Result<()> {
    if output.format == Format::Json {
        return output.json(sessions);
    }
    let list = sessions
        .as_array()
        .or_else(|| sessions.get("items").and_then(Value::as_array));
    for session in list.into_iter().flatten() {
        output.line(format_args!(
            "{}  since {}  last {}  {}  {}",
            output.paint(BOLD, field(session, "id")),
            field(session, "createdAt"),
            field(session, "lastUsedAt"),
            field(session, "address"),
            output.paint(FAINT, field(session, "userAgent")),
        ));
    }
    output.line(format_args!("{} sessions", list.map_or(0, Vec::len)));
    Ok(())
}
