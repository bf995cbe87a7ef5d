//! A recorded refusal against a configuration: where its rules stand, and what their atoms say.

#![expect(clippy::indexing_slicing, reason = "a test may fail so")]

use realmwright_compiler::why::{ExplainedRule, explain};
use realmwright_compiler::{Compilation, CompileProfile, Compiler, Manifests};
use realmwright_decision::flow::BuiltIn;
use realmwright_decision::why::{JudgedAtom, JudgedRule, RuleList, Verdict, Why};
use realmwright_snapshot::{ClientId, DataClass, Digest};

const REALM: &str = "
apiVersion: realmwright.dev/v1alpha1
kind: Region
metadata: {name: ua}
spec: {country: UA, hosts: [{pattern: id.example.com, namespaces: [clinic]}]}
---
apiVersion: realmwright.dev/v1alpha1
kind: Realm
metadata: {namespace: clinic, name: main}
spec:
  displayName: {en: Clinic}
  placements: [{region: ua, issuer: 'https://id.example.com/main'}]
  attributes:
  - {name: email, displayName: {en: E-mail}, searchable: true, unique: true}
  - {name: ward, displayName: {en: Ward}, dataClass: Medical}
---
apiVersion: realmwright.dev/v1alpha1
kind: Scope
metadata: {namespace: clinic, name: openid}
spec: {realmRef: {name: main}, displayName: {en: Identity}}
---
apiVersion: realmwright.dev/v1alpha1
kind: AuthMethod
metadata: {namespace: clinic, name: password}
spec:
  realmRef: {name: main}
  password: {match: [{all: [{attribute: email, equals: login}]}]}
";

const FLOW: &str = "
apiVersion: realmwright.dev/v1alpha1
kind: AuthFlow
metadata: {namespace: clinic, name: careful}
spec:
  realmRef: {name: main}
  deny:
  - name: other
    when: client.id == 'other'
    message: {en: Not there}
  - name: patients
    when: >-
      person.ward == 'x' &&
      !person.email.endsWith('@clinic.example.com')
    message: {en: Not for patients, uk: Не для пацієнтів}
";

const CLIENT: &str = "
apiVersion: realmwright.dev/v1alpha1
kind: Client
metadata: {namespace: clinic, name: desk}
spec:
  realmRef: {name: main}
  displayName: {en: Desk}
  access:
    rules:
    - {name: gone, disabled: true, when: 'false'}
    - {name: staff, when: 'person.email == \"a\"'}
  oidc:
    authentication: {none: {}}
    redirectUris: ['https://app.example.com/callback']
    scopes: {default: [openid]}
";

fn compiled(flow: &str) -> (Compiler, Compilation) {
    let mut manifests = Manifests::new();
    for (name, text) in [
        ("realm.yaml", REALM),
        ("flow.yaml", flow),
        ("desk.yaml", CLIENT),
    ] {
        manifests.insert(name, text.as_bytes().to_vec());
    }
    let mut compiler = Compiler::new();
    let compilation = compiler.compile(&manifests, &CompileProfile::Production);
    assert!(!compilation.has_errors(), "{:#?}", compilation.diagnostics);
    (compiler, compilation)
}

fn desk() -> ClientId {
    "desk".into()
}

fn judged(list: RuleList, name: &str, condition: &str) -> JudgedRule {
    JudgedRule {
        list,
        name: name.to_owned(),
        truth: None,
        class: DataClass::Medical,
        condition: Some(Digest::of(condition.as_bytes())),
        atoms: vec![JudgedAtom {
            at: 1,
            truth: Verdict::False,
            class: DataClass::Personal,
        }],
        left_out: 1,
    }
}

const CONDITION: &str = "person.ward == 'x' && !person.email.endsWith('@clinic.example.com')";

fn patients() -> Why {
    Why::Flow {
        flow: "careful".into(),
        rule: judged(RuleList::Deny, "patients", CONDITION),
    }
}

/// The one rule of a refusal in a configuration, and its file and line.
fn explained(
    why: &Why,
    (compiler, compilation): &(Compiler, Compilation),
) -> (ExplainedRule, Option<String>) {
    let realm = &compilation.realms[0];
    let mut rules = explain(why, &desk(), Some(&realm.snapshot));
    assert_eq!(rules.len(), 1);
    let rule = rules.remove(0);
    let place = compiler.place_of_rule(realm, why, &desk(), &rule);
    let place = place.map(|place| format!("{}:{}", place.file, place.line));
    (rule, place)
}

#[test]
fn a_rule_is_found_with_its_message_and_what_its_atoms_say() {
    let (rule, place) = explained(&patients(), &compiled(FLOW));
    assert_eq!(place.as_deref(), Some("flow.yaml:11"));
    assert!(rule.same_condition);
    let message = rule.message.get(&"uk".into(), &"en".into());
    assert_eq!(message, Some("Не для пацієнтів"));
    assert_eq!(rule.atoms.len(), 1);
    let text = rule.atoms[0].text.as_deref();
    assert_eq!(text, Some("person.email.endsWith('@clinic.example.com')"));
    assert_eq!(rule.left_out, 1);
    let said = serde_json::to_string(&rule).unwrap();
    assert!(!said.contains("ward"), "{said}");
}

#[test]
fn what_was_judged_by_other_words_has_a_place_and_no_texts() {
    let other = FLOW.replace("'x'", "'y'");
    let (rule, place) = explained(&patients(), &compiled(&other));
    assert_eq!(place.as_deref(), Some("flow.yaml:11"));
    assert!(!rule.same_condition);
    assert_eq!((rule.atoms[0].at, rule.atoms[0].text.as_deref()), (1, None));
}

#[test]
fn a_rule_that_is_not_there_any_more_has_no_place() {
    for gone in [
        FLOW.replace("name: patients", "name: somebody"),
        FLOW.replace("name: careful", "name: careless"),
    ] {
        let (rule, place) = explained(&patients(), &compiled(&gone));
        assert_eq!(place, None);
        assert!(!rule.same_condition && rule.message.is_empty());
        assert_eq!(
            rule.atoms[0].truth,
            Verdict::False,
            "what was recorded stays"
        );
    }
}

/// An attribute that has become medical since is not spoken of.
#[test]
fn what_is_medical_now_is_not_said() {
    let mut why = patients();
    if let Why::Flow { rule, .. } = &mut why {
        rule.atoms[0].at = 0;
    }
    let (rule, _) = explained(&why, &compiled(FLOW));
    assert!(rule.same_condition);
    assert_eq!(rule.atoms[0].text, None);
}

/// APP-10: a rule that is switched off moves no other.
#[test]
fn an_access_rule_is_found_in_its_client() {
    let condition = "person.email == \"a\"";
    let mut rule = judged(RuleList::Access, "staff", condition);
    rule.atoms[0].at = 0;
    let why = Why::Access { rules: vec![rule] };
    let (rule, place) = explained(&why, &compiled(FLOW));
    assert_eq!(place.as_deref(), Some("desk.yaml:11"));
    assert_eq!(rule.atoms[0].text.as_deref(), Some(condition));
    assert!(rule.message.is_empty());
}

#[test]
fn without_a_configuration_there_is_what_was_recorded() {
    let rules = explain(&patients(), &desk(), None);
    assert_eq!(
        (&*rules[0].name, rules[0].same_condition),
        ("patients", false)
    );
    assert_eq!(rules[0].atoms[0].text, None);
    let provider = Why::BuiltIn {
        rule: BuiltIn::NoMethodLeft,
    };
    assert!(explain(&provider, &desk(), None).is_empty());
}
