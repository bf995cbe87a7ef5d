//! Unions: an object of which exactly one property is set.
//!
//! In Rust they are externally tagged enums. For Kubernetes the structural schema keeps the
//! `oneOf`, and a CEL rule beside it gives the message that people can act on.

use schemars::Schema;
use serde_json::{Value, json};

/// Schema transform for externally tagged enums: adds the rule that says which properties there
/// are and that exactly one must be set.
pub(crate) fn exactly_one(schema: &mut Schema) {
    let names: Vec<String> = schema
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|variant| variant.get("required")?.as_array()?.first()?.as_str())
        .map(str::to_owned)
        .collect();
    let (rule, message) = exactly_one_rule(&names);
    schema.insert(
        "x-kubernetes-validations".to_owned(),
        json!([{ "rule": rule, "message": message }]),
    );
}

/// The rule and its message for properties of `self`.
pub(crate) fn exactly_one_rule<T: AsRef<str>>(names: &[T]) -> (String, String) {
    let set: Vec<String> = names
        .iter()
        .map(|name| format!("has(self.{})", name.as_ref()))
        .collect();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    (
        format!("[{}].exists_one(set, set)", set.join(", ")),
        format!("exactly one of {} must be set", names.join(", ")),
    )
}
