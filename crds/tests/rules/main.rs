//! Every CEL rule of every kind, kept and broken, judged as Kubernetes judges: offline, by the
//! rules in the definitions. A rule without a case that breaks it fails `every_rule_is_broken_once`.
//!
//! A module for each kind holds its [`Cases`]; what is asked of them is here.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panic"
)]

mod attribute_store;
mod auth_flow;
mod auth_method;
mod client;
mod realm;
mod realm_test;
mod reference_grant;
mod region;
mod scope;

use std::collections::BTreeSet;

use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use realmwright_crds::{
    AttributeStore, AuthFlow, AuthMethod, Client, Realm, RealmTest, ReferenceGrant, Region, Scope,
    definitions,
};
use serde_json::{Value, json};

/// What the rules of one kind mean.
struct Cases {
    kind: &'static str,
    /// The spec of the smallest object that has something in every part with rules.
    base: Value,
    /// What is refused at creation.
    refused: Vec<Refusal>,
    /// What is refused at a change of the base, and may be created.
    unchangeable: Vec<Refusal>,
    /// Patches of the base that no rule refuses.
    allowed: Vec<Value>,
}

/// Patches of a base, each of which breaks exactly one rule.
struct Refusal {
    /// The field that the rule refuses.
    at: String,
    message: &'static str,
    patches: Vec<Value>,
}

impl Refusal {
    fn new(at: &str, message: &'static str, patches: impl Into<Vec<Value>>) -> Self {
        Self {
            at: at.to_owned(),
            message,
            patches: patches.into(),
        }
    }
}

/// The refusal that all kinds with a `realmRef` share.
fn other_realm() -> Refusal {
    Refusal::new(
        "spec.realmRef",
        "realmRef cannot change: create the object anew",
        [
            json!({"realmRef": {"name": "other"}}),
            json!({"realmRef": {"namespace": "elsewhere"}}),
        ],
    )
}

fn all_cases() -> [Cases; 9] {
    [
        region::cases(),
        realm::cases(),
        client::cases(),
        scope::cases(),
        attribute_store::cases(),
        auth_method::cases(),
        auth_flow::cases(),
        realm_test::cases(),
        reference_grant::cases(),
    ]
}

impl Cases {
    fn base(&self) -> Value {
        object(self.kind, "main", &self.base)
    }

    fn patched(&self, patch: &Value) -> Value {
        let mut object = self.base();
        merge(&mut object, &json!({"spec": patch}));
        object
    }
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "realmwright.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "identity"},
        "spec": spec,
    })
}

/// Merges as RFC 7396 does: `null` removes.
fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.remove(key);
                } else {
                    merge(target.entry(key.clone()).or_insert(json!({})), value);
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

fn schema(kind: &str) -> Value {
    let definition = definitions()
        .into_iter()
        .find(|definition| definition.spec.names.kind == kind)
        .unwrap();
    let schema = definition.spec.versions[0].schema.clone().unwrap();
    serde_json::to_value(schema.open_api_v3_schema.unwrap()).unwrap()
}

/// The rules of one kind, as Kubernetes applies them.
struct Judge {
    rules: CompiledSchema,
    validator: Validator,
}

impl Judge {
    fn of(kind: &str) -> Self {
        Self {
            rules: compile_schema(&schema(kind)),
            validator: Validator::new(),
        }
    }

    /// Rule and message of every violation.
    fn violations(&self, object: &Value, old: Option<&Value>) -> Vec<(String, String)> {
        match self.validator.validate_compiled(&self.rules, object, old) {
            Ok(()) => Vec::new(),
            Err(errors) => errors
                .iter()
                .map(|error| (error.rule.clone(), error.message.clone()))
                .collect(),
        }
    }

    fn messages(&self, object: &Value, old: Option<&Value>) -> Vec<String> {
        self.violations(object, old)
            .into_iter()
            .map(|(_, message)| message)
            .collect()
    }

    /// Place and message of every violation.
    fn places(&self, object: &Value, old: Option<&Value>) -> Vec<(String, String)> {
        let outcome = self.validator.validate_compiled(&self.rules, object, old);
        let errors = outcome.err().into_iter().flatten();
        errors
            .map(|error| (error.field_path, error.message))
            .collect()
    }
}

#[test]
fn the_bases_keep_every_rule() {
    for cases in all_cases() {
        let (judge, object) = (Judge::of(cases.kind), cases.base());
        for old in [None, Some(&object)] {
            assert_eq!(judge.violations(&object, old), [], "{}", cases.kind);
        }
    }
}

#[test]
fn the_bases_are_typed_and_pass_the_derived_check() {
    macro_rules! check {
        ($($kind:ident),*) => {$(
            let cases = all_cases();
            let cases = cases.iter().find(|cases| cases.kind == stringify!($kind)).unwrap();
            let object: $kind = serde_json::from_value(cases.base()).unwrap();
            object.validate_cel().unwrap();
            object.validate_cel_update(&object).unwrap();
        )*};
    }
    check!(
        Region,
        Realm,
        Client,
        Scope,
        AttributeStore,
        AuthMethod,
        AuthFlow,
        RealmTest,
        ReferenceGrant
    );
}

#[test]
fn what_a_rule_refuses_is_refused_by_that_rule_alone() {
    for cases in all_cases() {
        let judge = Judge::of(cases.kind);
        for Refusal {
            at,
            message,
            patches,
        } in &cases.refused
        {
            for patch in patches {
                let found = judge.places(&cases.patched(patch), None);
                let expected = (at.clone(), (*message).to_owned());
                assert_eq!(found, [expected], "{} {patch}", cases.kind);
            }
        }
    }
}

#[test]
fn what_cannot_change_is_refused_and_may_be_created() {
    for cases in all_cases() {
        let (judge, base) = (Judge::of(cases.kind), cases.base());
        for Refusal {
            at,
            message,
            patches,
        } in &cases.unchangeable
        {
            for patch in patches {
                let object = cases.patched(patch);
                assert_eq!(
                    judge.violations(&object, None),
                    [],
                    "{} {patch}",
                    cases.kind
                );
                let found = judge.places(&object, Some(&base));
                let expected = (at.clone(), (*message).to_owned());
                assert_eq!(found, [expected], "{} {patch}", cases.kind);
            }
        }
    }
}

#[test]
fn an_optional_identity_cannot_be_added_later() {
    for (cases, field) in [
        (realm::cases(), "id"),
        (client::cases(), "identifier"),
        (scope::cases(), "scope"),
    ] {
        let old = cases.patched(&json!({field: null}));
        assert_eq!(
            Judge::of(cases.kind).messages(&cases.base(), Some(&old)),
            [format!("{field} cannot be added, changed or removed")],
            "{}",
            cases.kind
        );
    }
}

#[test]
fn the_name_of_a_region_fits_into_a_namespace() {
    let (judge, spec) = (Judge::of("Region"), region::cases().base);
    for name in ["ua", "a23456789012345678901234567890"] {
        assert_eq!(judge.violations(&object("Region", name, &spec), None), []);
    }
    for name in ["a234567890123456789012345678901", "ua.west"] {
        let found = judge.messages(&object("Region", name, &spec), None);
        assert_eq!(found.len(), 1, "{name}");
        assert!(found[0].contains("at most 30 characters"));
    }
}

#[test]
fn what_the_rules_mean_to_allow_is_allowed() {
    for cases in all_cases() {
        let judge = Judge::of(cases.kind);
        for patch in &cases.allowed {
            let found = judge.violations(&cases.patched(patch), None);
            assert_eq!(found, [], "{} {patch}", cases.kind);
        }
    }
}

/// All rules below a schema, with their messages.
fn rules(schema: &Value, found: &mut BTreeSet<(String, String)>) {
    match schema {
        Value::Object(object) => {
            for rule in object
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let text = |key: &str| rule[key].as_str().unwrap().to_owned();
                found.insert((text("rule"), text("message")));
            }
            for value in object.values() {
                rules(value, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                rules(item, found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_rule_is_broken_once() {
    for cases in all_cases() {
        let (judge, base) = (Judge::of(cases.kind), cases.base());
        let mut declared = BTreeSet::new();
        rules(&schema(cases.kind), &mut declared);
        let mut broken = BTreeSet::new();
        for (refusals, old) in [(&cases.refused, None), (&cases.unchangeable, Some(&base))] {
            for patch in refusals.iter().flat_map(|refusal| &refusal.patches) {
                broken.extend(judge.violations(&cases.patched(patch), old));
            }
        }
        if cases.kind == "Region" {
            broken.extend(judge.violations(&object("Region", "a.b", &cases.base), None));
        }
        let missing: Vec<_> = declared.difference(&broken).collect();
        assert!(
            missing.is_empty(),
            "{}: nothing breaks {missing:#?}",
            cases.kind
        );
    }
}
