//! Matching: how a typed login finds an account (AUTH-MATCH).

use std::collections::BTreeSet;

use realmwright_snapshot::{AttributeName, AttributeSnapshot, MatchRule};

use crate::attributes::Schema;
use crate::expression::{Compiled, Environment, ExpressionFault, Scope, Type, Value};
use crate::facts::Application;

/// Match rules with their expressions compiled.
#[derive(Clone, Debug)]
pub struct Matching(Vec<Vec<(AttributeName, Compiled)>>);

/// What an account must have: `sub`, or a searchable attribute, of this value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LookupCondition {
    /// The attribute; `sub` is built in.
    pub attribute: AttributeName,
    /// Its value, trimmed and in its normal form.
    pub value: String,
    /// Whether it is compared without regard to case (AUTH-MATCH-02).
    pub case_insensitive: bool,
}

/// A fault in match rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchFault {
    /// Which rule, from 0.
    pub rule: usize,
    /// Which condition of it, from 0.
    pub condition: usize,
    /// What is wrong.
    pub kind: MatchFaultKind,
}

/// See [`MatchFault`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatchFaultKind {
    /// The expression is faulty.
    Expression(ExpressionFault),
    /// The realm declares no such attribute; the nearest searchable one.
    Unknown(Option<String>),
    /// People are not searched by the attribute.
    NotSearchable,
}

impl Matching {
    /// Compiles match rules over a realm's schema.
    ///
    /// # Errors
    /// Every fault with its place.
    pub fn compile(
        rules: &[MatchRule],
        schema: &[AttributeSnapshot],
    ) -> Result<Self, Vec<MatchFault>> {
        let environment = Environment::new(Scope::Match, schema, &BTreeSet::new());
        let mut faults = Vec::new();
        let mut compiled = Vec::new();
        for (rule, MatchRule { all }) in rules.iter().enumerate() {
            let mut conditions = Vec::new();
            for (condition, wanted) in all.iter().enumerate() {
                let mut fault = |kind| {
                    faults.push(MatchFault {
                        rule,
                        condition,
                        kind,
                    });
                };
                if let Some(kind) = unfit(&wanted.attribute, schema) {
                    fault(kind);
                }
                match Compiled::compile_as(&wanted.equals, &environment, &Type::String) {
                    Ok(equals) => conditions.push((wanted.attribute.clone(), equals)),
                    Err(found) => found
                        .into_iter()
                        .map(MatchFaultKind::Expression)
                        .for_each(fault),
                }
            }
            compiled.push(conditions);
        }
        if faults.is_empty() {
            Ok(Self(compiled))
        } else {
            Err(faults)
        }
    }

    /// The alternatives to look for (AUTH-MATCH-01): an account matches when it has all conditions
    /// of one of them. A rule whose expression has no value, or an empty one, is left out: it must
    /// never match by something that is not there.
    #[must_use]
    pub fn alternatives(
        &self,
        typed: &str,
        client: &Application,
        schema: &Schema,
    ) -> Vec<Vec<LookupCondition>> {
        self.0
            .iter()
            .filter(|conditions| !conditions.is_empty())
            .filter_map(|conditions| {
                conditions
                    .iter()
                    .map(
                        |(attribute, equals)| match equals.evaluate_login(typed, client) {
                            Ok(Value::String(text)) if !text.trim().is_empty() => {
                                let (value, case_insensitive) =
                                    schema.login_value(attribute, &text);
                                Some(LookupCondition {
                                    attribute: attribute.clone(),
                                    value,
                                    case_insensitive,
                                })
                            }
                            _ => None,
                        },
                    )
                    .collect()
            })
            .collect()
    }
}

fn unfit(name: &AttributeName, schema: &[AttributeSnapshot]) -> Option<MatchFaultKind> {
    if name.as_str() == "sub" {
        return None;
    }
    match schema.iter().find(|attribute| attribute.name == *name) {
        Some(attribute) if attribute.searchable && attribute.computed.is_none() => None,
        Some(_) => Some(MatchFaultKind::NotSearchable),
        None => {
            let searchable = schema.iter().filter(|attribute| attribute.searchable);
            let names = searchable.map(|attribute| attribute.name.as_str());
            Some(MatchFaultKind::Unknown(crate::nearest(
                name.as_str(),
                names,
            )))
        }
    }
}

/// Who was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matched<S> {
    /// Exactly one account.
    One(S),
    /// None.
    Nobody,
    /// Several: refused, like nobody to the outside, as `ambiguous` in the audit (AUTH-MATCH-03).
    Ambiguous,
}

/// Joins what each condition of each alternative found: an account must be found by all conditions
/// of one alternative, and only one account may be.
#[must_use]
pub fn resolve<S: Ord + Clone>(found: &[Vec<BTreeSet<S>>]) -> Matched<S> {
    let mut matching: BTreeSet<S> = BTreeSet::new();
    for alternative in found {
        let mut conditions = alternative.iter();
        let Some(first) = conditions.next() else {
            continue;
        };
        let all = conditions.fold(first.clone(), |all, one| &all & one);
        matching.extend(all);
    }
    match matching.pop_first() {
        None => Matched::Nobody,
        Some(_) if !matching.is_empty() => Matched::Ambiguous,
        Some(one) => Matched::One(one),
    }
}
