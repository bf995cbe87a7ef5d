//! Validation rules that several kinds share, as CEL for Kubernetes.

use kube::core::Rule;

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

/// Optional durations of `self` that must be longer than nothing.
pub(crate) fn positive(fields: &[&str]) -> Rule {
    let values: Vec<String> = fields
        .iter()
        .map(|field| format!("has(self.{field}) ? self.{field} : '1s'"))
        .collect();
    Rule::new(format!(
        "[{}].all(value, duration(value) > duration('0s'))",
        values.join(", ")
    ))
    .message(format!("{} must be longer than 0s", fields.join(", ")).as_str())
}

/// Properties of `self` of which exactly one must be set.
pub(crate) fn exactly_one_of(fields: &[&str]) -> Rule {
    let (rule, message) = exactly_one_rule(fields);
    Rule::new(rule).message(message.as_str())
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

/// Lists of addresses, and one address, of `self`: none has a fragment (RFC 6749 section 3.1.2).
pub(crate) fn no_fragments(lists: &[&str], single: &str) -> Rule {
    let mut parts: Vec<String> = lists
        .iter()
        .map(|list| format!("(!has(self.{list}) || self.{list}.all(uri, !uri.contains('#')))"))
        .collect();
    parts.push(format!(
        "(!has(self.{single}) || !self.{single}.contains('#'))"
    ));
    Rule::new(parts.join(" && ")).message("a return address must not have a fragment (`#`)")
}

/// Prefixes of addresses have no query.
pub(crate) fn no_query_in_prefixes() -> Rule {
    Rule::new(
        "!has(self.redirectUriPrefixes) || self.redirectUriPrefixes.all(uri, !uri.contains('?'))",
    )
    .message("a prefix must not have a query (`?`)")
    .field_path(".redirectUriPrefixes")
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
