//! The pure middle: what an identity provider decides, as functions from values to values.
//!
//! Expressions, the flow machine and its check, scopes, consent, access, claims, passwords against
//! their policy, what password hashes are understood and may cost, matching of logins, and audit
//! events. The same code answers in the served login, in `realmwright test` and in `plan`, so these
//! cannot disagree.
//!
//! This crate must not know time, randomness, databases, HTTP or tasks: no clock (`now` is an
//! argument), no async, no traits for I/O.
//!
//! Recipe for a new decision: a module with its inputs as plain values and its result as a closed
//! type; if an author configures it by an expression, a compiled form made once from the snapshot
//! ([`realm`]), never at request time; tests that cite the rows of the specification, as many
//! negative as positive; and a use of it in [`simulate`] or [`own_token`] when a config test or a
//! plan should see it.

pub mod access;
pub mod attributes;
pub mod audit;
pub mod claims;
pub mod expression;
pub mod facts;
pub mod flow;
pub mod matching;
pub mod own_token;
pub mod password;
pub mod password_hash;
pub mod realm;
pub mod roles;
pub mod scopes;
pub mod simulate;
pub mod why;

/// The name nearest to `name`, when one is near enough to have been meant.
#[must_use]
pub fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    names
        .into_iter()
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= 1 + name.chars().count().min(candidate.chars().count()) / 4
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}
