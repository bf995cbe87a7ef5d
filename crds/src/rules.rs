//! Validation rules that several kinds share, as CEL for Kubernetes.
//!
//! A rule names the field that it refuses (`fieldPath`), or stands on that field. Its `reason` says
//! of which class it is: a value that cannot be (the default), a field that has no place beside
//! another (`FieldValueForbidden`), one that another needs (`FieldValueRequired`), a name that is
//! taken (`FieldValueDuplicate`). The compiler has a code and a way to put it right for each.

use kube::core::{Reason, Rule};
use serde_json::{Value, json};

/// A field of `self` that has no place where `rule` does not hold.
pub(crate) fn forbidden(field: &str, rule: &str, message: &str) -> Rule {
    Rule::new(rule)
        .message(message)
        .reason(Reason::FieldValueForbidden)
        .field_path(format!(".{field}"))
}

/// A boolean of `self` that cannot be true where `rule` does not hold.
pub(crate) fn not_true(field: &str, rule: &str, message: &str) -> Rule {
    Rule::new(format!("!has(self.{field}) || !self.{field} || {rule}"))
        .message(message)
        .reason(Reason::FieldValueForbidden)
        .field_path(format!(".{field}"))
}

/// A list of `self` whose entries have names that none of the entries of `other` has.
pub(crate) fn names_apart(field: &str, other: &str, message: &str) -> Rule {
    Rule::new(format!(
        "!has(self.{field}) || !has(self.{other}) \
         || self.{field}.all(one, !self.{other}.exists(other, other.name == one.name))"
    ))
    .message(message)
    .reason(Reason::FieldValueDuplicate)
    .field_path(format!(".{field}"))
}

/// A field whose value and presence stay as they were created. For a required field's own schema.
pub(crate) fn immutable(message: &str) -> Rule {
    Rule::new("self == oldSelf").message(message)
}

/// An optional field of `self` whose value and presence stay together as they were created.
pub(crate) fn immutable_field(field: &str) -> Rule {
    Rule::new(format!(
        "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    ))
    .message(format!("{field} cannot be added, changed or removed").as_str())
    .field_path(format!(".{field}"))
}

/// An optional duration of `self` that must be longer than nothing.
pub(crate) fn positive(field: &str) -> Rule {
    Rule::new(format!(
        "!has(self.{field}) || duration(self.{field}) > duration('0s')"
    ))
    .message(format!("{field} must be longer than 0s").as_str())
    .field_path(format!(".{field}"))
}

/// Properties of `self` of which exactly one must be set.
pub(crate) fn exactly_one_of(fields: &[&str]) -> Rule {
    let (rule, message) = exactly_one_rule(fields);
    Rule::new(rule).message(message.as_str())
}

/// The same as alternatives of the structure, beside the rule: what shows the second one.
pub(crate) fn alternatives(fields: &[&str]) -> Vec<Value> {
    fields
        .iter()
        .map(|field| json!({"required": [field]}))
        .collect()
}

/// The rule and the message of [`exactly_one_of`].
pub(crate) fn exactly_one_rule<T: AsRef<str>>(fields: &[T]) -> (String, String) {
    let set: Vec<String> = fields
        .iter()
        .map(|field| format!("has(self.{})", field.as_ref()))
        .collect();
    let fields: Vec<&str> = fields.iter().map(AsRef::as_ref).collect();
    let rule = format!("[{}].exists_one(set, set)", set.join(", "));
    let message = match fields.as_slice() {
        [only] => format!("{only} must be set"),
        several => format!("exactly one of {} must be set", several.join(", ")),
    };
    (rule, message)
}

/// The default address is one of the addresses, or begins with a prefix. The compiler compares
/// prefixes at segment boundaries; here a text prefix is enough to catch what is foreign.
pub(crate) fn default_is_allowed() -> Rule {
    Rule::new(
        "!has(self.defaultRedirectUri) \
         || (has(self.redirectUris) && self.defaultRedirectUri in self.redirectUris) \
         || (has(self.redirectUriPrefixes) \
             && self.redirectUriPrefixes.exists(uri, self.defaultRedirectUri.startsWith(uri)))",
    )
    .message(
        "defaultRedirectUri must be one of redirectUris or begin with one of redirectUriPrefixes",
    )
    .field_path(".defaultRedirectUri")
}
