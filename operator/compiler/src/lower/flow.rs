//! Flows: names, conditions and session claims. Whether a flow ends is the decision crate's
//! question, asked in `validate::flows`.

use std::collections::{BTreeMap, BTreeSet};

use realmwright_crds::auth_flow::{
    Deny, DenyRule as SpecDeny, DenyTarget as SpecTarget, Enough, FlowRule as SpecRule,
    MethodSelection as SpecSelection, Outcome as SpecOutcome, SessionClaim as SpecClaim,
};
use realmwright_crds::names::ObjectName;
use realmwright_crds::{AuthFlowSpec, RealmSpec};
use realmwright_decision::expression::{Compiled, Environment, Scope, Type};
use realmwright_snapshot::{
    DataClass, DenyRule, DenyTarget, Expression, FlowName, FlowRule, FlowSnapshot, MethodName,
    MethodSelection, Outcome, SessionClaim,
};

use super::claims::session_claim;
use super::{Context, expression, roles};
use crate::diagnostics::Code;
use crate::doubts::Absent;
use crate::fault::Fault;
use crate::index::Typed;
use crate::object::Kind;
use crate::path::{FieldPath, field};

/// The class of each declared session claim: the strictest that any flow puts into it, followed
/// through claims that are made of other claims.
pub(crate) fn session_claim_classes(
    realm: &RealmSpec,
    flows: &[Typed<'_, AuthFlowSpec>],
    environment: &Environment,
) -> BTreeMap<String, DataClass> {
    let mut classes: BTreeMap<String, DataClass> = realm
        .session_claims
        .iter()
        .map(|name| (name.to_string(), DataClass::Pseudonymous))
        .collect();
    let mut made_of: Vec<(&str, BTreeSet<String>)> = Vec::new();
    for claim in flows.iter().flat_map(|flow| set_by(flow.spec)) {
        let source = Expression::from(claim.value.as_str());
        let Ok(compiled) = Compiled::compile(&source, environment) else {
            continue;
        };
        let reads = compiled.reads();
        if let Some(class) = classes.get_mut(claim.name.as_str()) {
            *class = (*class).max(reads.data_class);
        }
        made_of.push((claim.name.as_str(), reads.session_claims.clone()));
    }
    for _ in 0..made_of.len() {
        for (name, sources) in &made_of {
            let read = sources
                .iter()
                .filter_map(|source| classes.get(source).copied())
                .max();
            if let (Some(read), Some(class)) = (read, classes.get_mut(*name)) {
                *class = (*class).max(read);
            }
        }
    }
    classes
}

fn set_by(flow: &AuthFlowSpec) -> impl Iterator<Item = &SpecClaim> {
    flow.entry
        .iter()
        .chain(&flow.after_step)
        .filter_map(|rule| match &rule.then {
            SpecOutcome::Enough(enough) => Some(&enough.claims),
            _ => None,
        })
        .flatten()
}

pub(crate) fn lower(
    context: &Context<'_>,
    flow: &Typed<'_, AuthFlowSpec>,
    faults: &mut Vec<Fault>,
) -> FlowSnapshot {
    let AuthFlowSpec {
        realm_ref: _,
        display_name,
        required_factors,
        deny,
        entry,
        after_step,
    } = flow.spec;
    context.texts(
        display_name.as_ref(),
        None,
        &field!("spec", "displayName"),
        faults,
    );
    FlowSnapshot {
        name: FlowName::from(flow.name()),
        required_factors: required_factors.map(factors),
        deny: deny
            .iter()
            .enumerate()
            .map(|(index, rule)| deny_rule(context, rule, &field!("spec", "deny", index), faults))
            .collect(),
        entry: rules(context, entry, &field!("spec", "entry"), faults),
        after_step: rules(context, after_step, &field!("spec", "afterStep"), faults),
    }
}

/// The schema admits 1 and 2.
pub(crate) fn factors(value: i32) -> u8 {
    u8::try_from(value).unwrap_or(super::defaults::REQUIRED_FACTORS)
}

fn condition(
    context: &Context<'_>,
    source: &str,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> Expression {
    roles::check_literals(context, source, path, faults);
    let environment = &context.environment;
    expression(source, environment, Some(&Type::Bool), path, faults).0
}

fn target(show: Option<SpecTarget>) -> DenyTarget {
    match show {
        Some(SpecTarget::Page) | None => DenyTarget::Page,
        Some(SpecTarget::Client) => DenyTarget::Client,
    }
}

fn deny_rule(
    context: &Context<'_>,
    rule: &SpecDeny,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> DenyRule {
    let SpecDeny {
        name,
        when,
        message,
        show,
    } = rule;
    DenyRule {
        name: name.to_string(),
        when: condition(context, when, &path.at("when"), faults),
        message: context.texts(Some(message), None, &path.at("message"), faults),
        show: target(*show),
    }
}

fn rules(
    context: &Context<'_>,
    rules: &[SpecRule],
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> Vec<FlowRule> {
    rules
        .iter()
        .enumerate()
        .map(|(index, rule)| {
            let SpecRule { name, when, then } = rule;
            let path = path.at(index);
            FlowRule {
                name: name.to_string(),
                when: when
                    .as_ref()
                    .map(|source| condition(context, source, &path.at("when"), faults)),
                then: outcome(context, then, &path.at("then"), faults),
            }
        })
        .collect()
}

fn outcome(
    context: &Context<'_>,
    outcome: &SpecOutcome,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> Outcome {
    match outcome {
        SpecOutcome::More(methods) => {
            Outcome::More(selection(context, methods, &path.at("more"), faults))
        }
        SpecOutcome::LogoutThenMore(methods) => Outcome::LogoutThenMore(selection(
            context,
            methods,
            &path.at("logoutThenMore"),
            faults,
        )),
        SpecOutcome::ResetSessionThenMore(methods) => Outcome::ResetSessionThenMore(selection(
            context,
            methods,
            &path.at("resetSessionThenMore"),
            faults,
        )),
        SpecOutcome::Enough(Enough {
            end_other_sessions,
            claims,
        }) => Outcome::Enough {
            end_other_sessions: end_other_sessions.unwrap_or(false),
            claims: claims
                .iter()
                .enumerate()
                .map(|(index, claim)| {
                    let path = path.at("enough").at("claims").at(index);
                    claim_of_session(context, claim, &path, faults)
                })
                .collect(),
        },
        SpecOutcome::Deny(Deny { message, show }) => Outcome::Deny {
            message: context.texts(Some(message), None, &path.at("deny").at("message"), faults),
            show: target(*show),
        },
    }
}

fn claim_of_session(
    context: &Context<'_>,
    claim: &SpecClaim,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> SessionClaim {
    let SpecClaim { name, value } = claim;
    session_claim(context, name, &path.at("name"), faults);
    roles::check_literals(context, value, &path.at("value"), faults);
    let environment = context.environment(Scope::SessionClaim);
    let (source, compiled) = expression(value, &environment, None, &path.at("value"), faults);
    if compiled.is_some_and(|compiled| context.class_of(&compiled) == DataClass::Medical) {
        faults.push(Fault::error(
            Code::ClaimBeyondDataClass,
            path.at("value"),
            "reads medical data, which is not put into sessions",
        ));
    }
    SessionClaim {
        name: name.to_string(),
        value: source,
    }
}

fn selection(
    context: &Context<'_>,
    selection: &SpecSelection,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> MethodSelection {
    let SpecSelection { methods, except } = selection;
    match (methods, except) {
        (Some(methods), _) => {
            for (index, name) in methods.iter().enumerate() {
                method(context, name, path.at("methods").at(index), faults);
                if context
                    .methods
                    .get(name.as_str())
                    .is_some_and(|facts| facts.disabled)
                {
                    faults.push(Fault::error(
                        Code::MethodDisabled,
                        path.at("methods").at(index),
                        format!("method `{name}` is disabled"),
                    ));
                }
            }
            MethodSelection::Only(names(methods))
        }
        (None, Some(except)) => {
            for (index, name) in except.iter().enumerate() {
                method(context, name, path.at("except").at(index), faults);
            }
            MethodSelection::Except(names(except))
        }
        (None, None) => MethodSelection::Any,
    }
}

fn names(names: &[ObjectName]) -> Vec<MethodName> {
    names
        .iter()
        .map(|name| MethodName::from(name.as_str()))
        .collect()
}

fn method(context: &Context<'_>, name: &str, path: FieldPath, faults: &mut Vec<Fault>) {
    if !context.methods.contains_key(name) {
        let names = context.methods.keys().copied();
        faults.push(
            Fault::not_found(Code::MethodNotFound, path, "method", name, names)
                .lacking(Absent::member(Kind::AuthMethod, context.key, name)),
        );
    }
}
