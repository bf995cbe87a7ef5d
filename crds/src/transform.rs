//! Schema transforms for what the derive cannot say.
//!
//! A union is an object of which exactly one property is set: in Rust an externally tagged enum.
//! For Kubernetes the structural schema keeps the `oneOf`, and a CEL rule beside it gives the
//! message that people can act on.

use schemars::Schema;
use serde_json::{Value, json};

use crate::rules::exactly_one_rule;

/// For structs without fields: Kubernetes prunes what is not declared and refuses to hear that
/// nothing else may be there.
pub(crate) fn empty(schema: &mut Schema) {
    schema.remove("additionalProperties");
}

/// For enumerations of values: kube lets the description of the type take the place of that of an
/// optional field.
pub(crate) fn undescribed(schema: &mut Schema) {
    schema.remove("description");
}

/// For externally tagged enums: adds the rule that says which properties there are and that
/// exactly one must be set. CEL does not see properties without a type (free JSON); a union that
/// has one keeps only its `oneOf`.
pub(crate) fn exactly_one(schema: &mut Schema) {
    let variants = || {
        schema
            .get("oneOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|variant| variant.get("properties")?.as_object()?.iter().next())
    };
    if variants().any(|(_, property)| is_untyped(property)) {
        return;
    }
    let names: Vec<&String> = variants().map(|(name, _)| name).collect();
    let (rule, message) = exactly_one_rule(&names);
    schema.insert(
        "x-kubernetes-validations".to_owned(),
        json!([{ "rule": rule, "message": message }]),
    );
}

fn is_untyped(schema: &Value) -> bool {
    schema
        .get("x-kubernetes-preserve-unknown-fields")
        .is_some_and(|open| open == true)
}
