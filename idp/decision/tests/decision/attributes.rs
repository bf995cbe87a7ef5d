use std::collections::BTreeSet;

use realmwright_decision::attributes::*;
use realmwright_decision::matching::*;
use realmwright_snapshot::*;

use crate::fixture::*;

const PHONE: &str = r"\+?[78]? ?\(?([0-9]{3})\)?[ -]?([0-9]{3})[ -]?([0-9]{2})[ -]?([0-9]{2})";

fn with_input(name: &str, pattern: &str, format: &str) -> AttributeSnapshot {
    AttributeSnapshot {
        searchable: true,
        input: Some(Transform {
            pattern: pattern.to_owned(),
            format: format.to_owned(),
        }),
        ..attribute(name, ValueKind::String)
    }
}

fn computed(name: &str, kind: ValueKind, text: &str) -> AttributeSnapshot {
    AttributeSnapshot {
        computed: Some(text.into()),
        ..attribute(name, kind)
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::String(value.to_owned())
}

fn rich_schema() -> Vec<AttributeSnapshot> {
    let mut all = schema();
    all.push(with_input("mobile", PHONE, "+7(${1})${2}${3}${4}"));
    all.push(with_input("mail", "(.+)@(.+)", "${0}"));
    all.push(AttributeSnapshot {
        required: true,
        ..attribute("surname", ValueKind::String)
    });
    let full_name = "person.given_name + ' ' + person.family_name";
    all.push(computed("full_name", ValueKind::String, full_name));
    let domain = "person.email.extract('@(.+)$', 1)";
    all.push(computed("domain", ValueKind::String, domain));
    let groups =
        "person.memberOf.filter(g, g.startsWith('CN=')).map(g, g.extract('CN=([^,]+)', 1))";
    all.push(computed("onlyCN", ValueKind::StringList, groups));
    all
}

fn compiled_schema() -> Schema {
    let purposes = Purposes {
        display_name: Some("has(person.given_name) ? person.given_name : ''".into()),
        display_identifier: Some("mask(person.email, 2, 4)".into()),
        ..Purposes::default()
    };
    Schema::compile(&rich_schema(), &purposes).unwrap()
}

/// ATTR-IN-01.
#[test]
fn attr_in_01_a_value_is_checked_and_brought_into_its_form() {
    let schema = compiled_schema();
    let input = |value: &str| schema.input(&"mobile".into(), text(value));
    assert_eq!(input("8 (999) 123-45-67").unwrap(), text("+7(999)1234567"));
    assert_eq!(input("+79991234567").unwrap(), text("+7(999)1234567"));
    assert_eq!(input("abc"), Err(InputFault::Form("mobile".into())));
    assert_eq!(
        input("8 (999) 123-45-67 ext"),
        Err(InputFault::Form("mobile".into())),
        "the whole value must match"
    );
    assert_eq!(
        schema.input(&"mail".into(), text("a@b")).unwrap(),
        text("a@b")
    );
    let fault = schema.input(&"mobile".into(), text("secret")).unwrap_err();
    assert!(!fault.to_string().contains("secret"));
}

/// ATTR-STORED-01.
#[test]
fn attr_stored_01_type_declaration_and_length() {
    let schema = compiled_schema();
    assert_eq!(
        schema.input(&"level".into(), text("3")),
        Err(InputFault::Kind("level".into()))
    );
    assert_eq!(
        schema.input(&"nope".into(), text("3")),
        Err(InputFault::Unknown("nope".into()))
    );
    assert_eq!(
        schema.input(&"full_name".into(), text("x")),
        Err(InputFault::Computed("full_name".into()))
    );
    assert_eq!(
        schema.input(&"given_name".into(), text(&"x".repeat(MAX_TEXT + 1))),
        Err(InputFault::TooLong("given_name".into()))
    );
    let many = AttributeValue::StringList(vec![String::new(); MAX_ITEMS + 1]);
    assert_eq!(
        schema.input(&"memberOf".into(), many),
        Err(InputFault::TooLong("memberOf".into()))
    );
    assert_eq!(
        schema.input(&"surname".into(), text("")),
        Err(InputFault::Required("surname".into()))
    );
}

/// ATTR-STORED-01.
#[test]
fn attr_stored_01_required_attributes_stay() {
    let schema = compiled_schema();
    assert_eq!(schema.missing(&person().attributes), ["surname".into()]);
    assert_eq!(
        schema.removal(&"surname".into()),
        Err(InputFault::Required("surname".into()))
    );
    assert_eq!(
        schema.removal(&"full_name".into()),
        Err(InputFault::Computed("full_name".into()))
    );
    assert_eq!(schema.removal(&"email".into()), Ok(()));
}

/// ATTR-COMP-01.
#[test]
fn attr_comp_01_computed_on_read() {
    let mut person = person();
    person
        .attributes
        .insert("full_name".into(), text("stored under a computed name"));
    person.attributes.insert("undeclared".into(), text("x"));
    person
        .attributes
        .insert("active".into(), text("of another type"));
    compiled_schema().complete(&mut person, now());
    assert_eq!(person.attributes["full_name"], text("Ann Lee"));
    assert_eq!(person.attributes["domain"], text("example.com"));
    assert!(
        !person.attributes.contains_key("onlyCN"),
        "its parts are absent"
    );
    assert!(!person.attributes.contains_key("undeclared"));
    assert!(!person.attributes.contains_key("active"));
}

/// ATTR-COMP-02.
#[test]
fn attr_comp_02_a_list_computes_to_a_list() {
    let mut person = person();
    let groups = ["CN=ops,DC=x", "OU=other", "CN=dev,DC=x"].map(str::to_owned);
    person.attributes.insert(
        "memberOf".into(),
        AttributeValue::StringList(groups.to_vec()),
    );
    compiled_schema().complete(&mut person, now());
    let expected = AttributeValue::StringList(vec!["ops".to_owned(), "dev".to_owned()]);
    assert_eq!(person.attributes["onlyCN"], expected);
}

#[test]
fn computed_attributes_read_stored_ones_only() {
    let mut all = rich_schema();
    all.push(computed("again", ValueKind::String, "person.full_name"));
    let faults = Schema::compile(&all, &Purposes::default()).unwrap_err();
    assert_eq!(
        faults.len(),
        1,
        "no computed attribute can depend on itself"
    );
    assert_eq!(faults[0].place, SchemaPlace::Computed(all.len() - 1));
    let wrong = vec![computed("n", ValueKind::Number, "'text'")];
    assert!(Schema::compile(&wrong, &Purposes::default()).is_err());
}

#[test]
fn faulty_transforms_are_refused() {
    let fault = |pattern: &str, format: &str| {
        let schema = [with_input("x", pattern, format)];
        Schema::compile(&schema, &Purposes::default())
            .unwrap_err()
            .remove(0)
    };
    assert_eq!(fault("(", "${0}").place, SchemaPlace::Match(0));
    assert_eq!(fault("a)(b", "${0}").place, SchemaPlace::Match(0));
    let missing = fault("(a)", "${1}${2}");
    assert_eq!(missing.kind, SchemaFaultKind::NoSuchGroup("2".to_owned()));
    assert_eq!(
        fault("(a)", "$1x").kind,
        SchemaFaultKind::NoSuchGroup("1x".to_owned())
    );
    let fine = [with_input("x", "(?<n>a)", "$${9} ${n}")];
    assert!(Schema::compile(&fine, &Purposes::default()).is_ok());
}

/// AUTH-GEN-08.
#[test]
fn auth_gen_08_and_09_name_and_masked_identifier() {
    let schema = compiled_schema();
    let mut person = person();
    assert_eq!(schema.display_name(&person, now()).unwrap(), "Ann");
    assert_eq!(
        schema.display_identifier(&person, now()).unwrap(),
        "an*********.com"
    );
    person.attributes.clear();
    assert_eq!(
        schema.display_name(&person, now()),
        None,
        "an empty name is none"
    );
    assert_eq!(schema.display_identifier(&person, now()), None);
}

fn rules(rules: &[&[(&str, &str)]]) -> Vec<MatchRule> {
    rules
        .iter()
        .map(|all| MatchRule {
            all: all
                .iter()
                .map(|(attribute, equals)| MatchCondition {
                    attribute: (*attribute).into(),
                    equals: (*equals).into(),
                })
                .collect(),
        })
        .collect()
}

fn alternatives(of: &[&[(&str, &str)]], typed: &str) -> Vec<Vec<(String, String, bool)>> {
    Matching::compile(&rules(of), &rich_schema())
        .unwrap()
        .alternatives(typed, &application(), &compiled_schema())
        .into_iter()
        .map(|conditions| {
            conditions
                .into_iter()
                .map(|c| (c.attribute.to_string(), c.value, c.case_insensitive))
                .collect()
        })
        .collect()
}

fn condition(attribute: &str, value: &str, case_insensitive: bool) -> (String, String, bool) {
    (attribute.to_owned(), value.to_owned(), case_insensitive)
}

/// AUTH-MATCH-01.
#[test]
fn auth_match_01_alternatives_of_conditions() {
    let found = alternatives(
        &[
            &[("email", "login")],
            &[("mobile", "login"), ("email", "client.id + '@x'")],
            &[("sub", "login")],
        ],
        " Ann@Example.com ",
    );
    assert_eq!(found[0], [condition("email", "Ann@Example.com", true)]); // AUTH-MATCH-02
    assert_eq!(found[1].len(), 2);
    assert_eq!(found[1][1], condition("email", "demo@x", true));
    assert_eq!(found[2], [condition("sub", "Ann@Example.com", false)]);
}

/// ATTR-IN-02.
#[test]
fn attr_in_02_a_typed_login_is_brought_into_the_stored_form() {
    let found = alternatives(&[&[("mobile", "login")]], "8 999 123-45-67");
    assert_eq!(found[0], [condition("mobile", "+7(999)1234567", false)]);
    let found = alternatives(&[&[("mobile", "login")]], "no phone");
    assert_eq!(found[0], [condition("mobile", "no phone", false)]);
}

#[test]
fn nothing_matches_by_an_empty_login() {
    assert!(alternatives(&[&[("email", "login")]], "  ").is_empty());
    assert!(alternatives(&[&[("email", "login.extract('x(.*)', 1)")]], "abc").is_empty());
    assert!(alternatives(&[&[]], "abc").is_empty());
}

#[test]
fn faulty_match_rules_are_refused() {
    let faults = |of: &[&[(&str, &str)]]| {
        Matching::compile(&rules(of), &rich_schema())
            .unwrap_err()
            .remove(0)
            .kind
    };
    assert_eq!(
        faults(&[&[("given_name", "login")]]),
        MatchFaultKind::NotSearchable
    );
    assert_eq!(
        faults(&[&[("emial", "login")]]),
        MatchFaultKind::Unknown(Some("email".to_owned()))
    );
    assert!(matches!(
        faults(&[&[("email", "1")]]),
        MatchFaultKind::Expression(_)
    ));
    assert!(matches!(
        faults(&[&[("email", "person.email")]]),
        MatchFaultKind::Expression(_)
    ));
}

/// AUTH-MATCH-03.
#[test]
fn auth_match_03_one_account_or_nobody() {
    let set = |subs: &[&'static str]| subs.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(resolve::<&str>(&[]), Matched::Nobody);
    assert_eq!(resolve(&[vec![set(&["a"])]]), Matched::One("a"));
    assert_eq!(resolve(&[vec![set(&["a", "b"])]]), Matched::Ambiguous);
    assert_eq!(
        resolve(&[vec![set(&["a", "b"]), set(&["b", "c"])]]),
        Matched::One("b")
    );
    assert_eq!(
        resolve(&[vec![set(&["a"])], vec![set(&["a"])]]),
        Matched::One("a")
    );
    assert_eq!(
        resolve(&[vec![set(&["a"])], vec![set(&["b"])]]),
        Matched::Ambiguous
    );
    assert_eq!(
        resolve::<&str>(&[vec![set(&["a"]), set(&[])], vec![]]),
        Matched::Nobody
    );
}
