//! Whether a flow ends as its author meant: the decision crate's check, with its findings placed.

use realmwright_decision::flow::check::{FlowProblem, Witness, check as prove};
use realmwright_decision::flow::{BuiltIn, Flow, Method, RuleName};
use realmwright_snapshot::{FlowSnapshot, MethodSnapshot};

use crate::diagnostics::Code;
use crate::doubts::Absent;
use crate::fault::Fault;
use crate::lower::{Context, defaults, flow};
use crate::object::Kind;
use crate::path::{FieldPath, field};

/// Proves one flow. Its expressions have been checked before.
pub(crate) fn check(
    context: &Context<'_>,
    methods: &[MethodSnapshot],
    flow: &FlowSnapshot,
) -> Vec<Fault> {
    let Ok(compiled) = Flow::compile(flow, &context.environment) else {
        return Vec::new();
    };
    problems(context, methods, &compiled)
        .into_iter()
        .map(|problem| fault(context, problem, &|rule| place(flow, rule)))
        .collect()
}

/// Proves the standard flow, where the realm uses it: it has a dead end when the realm demands
/// factors that its methods cannot give.
pub(crate) fn check_standard(context: &Context<'_>, methods: &[MethodSnapshot]) -> Vec<Fault> {
    let first_factor = methods.iter().any(|method| method.kind.factor() == 1);
    if context.realm.flow.is_some() || !first_factor {
        return Vec::new();
    }
    problems(context, methods, &Flow::standard())
        .into_iter()
        .map(|problem| fault(context, problem, &|_| field!("spec", "requiredFactors")))
        .collect()
}

fn problems(context: &Context<'_>, methods: &[MethodSnapshot], flow: &Flow) -> Vec<FlowProblem> {
    let methods: Vec<Method> = methods.iter().map(Method::from).collect();
    let factors = context
        .realm
        .required_factors
        .map_or(defaults::REQUIRED_FACTORS, flow::factors);
    prove(flow, &methods, factors)
}

fn fault(
    context: &Context<'_>,
    problem: FlowProblem,
    place: &dyn Fn(&RuleName) -> FieldPath,
) -> Fault {
    let methods = || Absent::any_member(Kind::AuthMethod, context.key);
    let shown = |code, message: &str, witness: Witness| {
        let path = witness
            .steps
            .iter()
            .rfind(|step| !matches!(step.rule, RuleName::BuiltIn(_)))
            .map_or_else(
                || place(&RuleName::BuiltIn(BuiltIn::Standard)),
                |step| place(&step.rule),
            );
        Fault::error(code, path, message)
            .note(witness.to_string())
            .lacking(methods())
    };
    match problem {
        FlowProblem::EverybodyDenied(witness) => {
            shown(Code::FlowDeniesEverybody, "nobody ever gets in", witness)
        }
        FlowProblem::DeadEnd(witness) => shown(
            Code::FlowDeadEnd,
            "somebody is asked for more, but there is nothing left to ask with",
            witness,
        )
        .fix("offer another method or an enrolment, or deny with a message".to_owned()),
        FlowProblem::NoFactor { rule, witness } => Fault::error(
            Code::FlowWithoutFactor,
            place(&rule),
            format!("{rule} says `enough` where no factor was passed"),
        )
        .note(witness.to_string())
        .fix("add a condition, such as `when: session.exists`".to_owned()),
        FlowProblem::TooManyAtoms { count } => Fault::error(
            Code::FlowTooComplex,
            field!("spec"),
            format!("{count} different conditions are more than can be checked"),
        ),
        FlowProblem::TooComplex => Fault::error(
            Code::FlowTooComplex,
            field!("spec"),
            "the conditions are too entangled to be checked",
        ),
    }
}

fn place(flow: &FlowSnapshot, rule: &RuleName) -> FieldPath {
    let index_in =
        |names: Vec<&String>, name: &String| names.iter().position(|other| *other == name);
    let rules = |rules: &'_ [realmwright_snapshot::FlowRule], name: &String| {
        index_in(rules.iter().map(|rule| &rule.name).collect(), name)
    };
    let (list, index) = match rule {
        RuleName::Deny(name) => (
            "deny",
            index_in(flow.deny.iter().map(|rule| &rule.name).collect(), name),
        ),
        RuleName::Entry(name) => ("entry", rules(&flow.entry, name)),
        RuleName::AfterStep(name) => ("afterStep", rules(&flow.after_step, name)),
        RuleName::BuiltIn(_) => return field!("spec"),
    };
    match index {
        Some(index) => field!("spec", list, index, "name"),
        None => field!("spec"),
    }
}
