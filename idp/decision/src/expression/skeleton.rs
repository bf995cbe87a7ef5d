//! The boolean skeleton of a condition: its `&& || ! ?:` over atoms. The flow check tries every
//! answer of the atoms.

use super::evaluate;
use super::node::{Fact, Node, facts_of, may_fail};
use super::parse::{Expr, ExprKind, Operator};
use super::{Compiled, Truth, Unevaluable, Value};
use crate::facts::Facts;

/// A condition as connectives over atoms.
#[derive(Clone, Debug)]
pub(crate) enum Skeleton {
    /// A part that no connective splits.
    Atom {
        /// Its source.
        text: String,
        node: Box<Node>,
        reads: AtomReads,
        /// Whether it may have no value although the person is known.
        may_fail: bool,
    },
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Conditional(Box<Self>, Box<Self>, Box<Self>),
}

/// What an atom reads, as far as the flow check asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtomReads {
    /// Nothing but what the run of a login knows.
    pub(crate) structural: bool,
    /// Something that may change during a login.
    pub(crate) moving: bool,
    /// Something of the person.
    pub(crate) personal: bool,
    /// Age or claims of the session, which are absent without one.
    pub(crate) session: bool,
}

impl Skeleton {
    /// Splits a typed condition along its source.
    pub(super) fn build(source: &str, expr: &Expr, node: &Node) -> Self {
        let boxed = |expr, node| Box::new(Self::build(source, expr, node));
        match (&expr.kind, node) {
            (ExprKind::Not(of), Node::Not(node)) => Self::Not(boxed(of, node)),
            (
                ExprKind::Binary {
                    operator: Operator::And,
                    left,
                    right,
                },
                Node::And(l, r),
            ) => Self::And(boxed(left, l), boxed(right, r)),
            (
                ExprKind::Binary {
                    operator: Operator::Or,
                    left,
                    right,
                },
                Node::Or(l, r),
            ) => Self::Or(boxed(left, l), boxed(right, r)),
            (
                ExprKind::Conditional {
                    condition,
                    then,
                    otherwise,
                },
                Node::Conditional(c, t, o),
            ) => Self::Conditional(boxed(condition, c), boxed(then, t), boxed(otherwise, o)),
            _ => Self::atom(source.get(expr.span.clone()).unwrap_or(source), node),
        }
    }

    fn atom(text: &str, node: &Node) -> Self {
        let mut facts = Vec::new();
        facts_of(node, &mut facts);
        Self::Atom {
            text: text.to_owned(),
            reads: AtomReads {
                structural: facts.iter().all(Fact::is_structural),
                moving: facts.iter().any(Fact::is_moving),
                personal: facts.iter().any(Fact::is_personal),
                session: facts
                    .iter()
                    .any(|fact| matches!(fact, Fact::SessionAge | Fact::SessionClaim(_))),
            },
            may_fail: may_fail(node),
            node: Box::new(node.clone()),
        }
    }

    /// Collects the sources of the free atoms, each once.
    pub(crate) fn collect(&self, found: &mut Vec<String>) {
        match self {
            Self::Atom { text, reads, .. } => {
                if !reads.structural && !found.contains(text) {
                    found.push(text.clone());
                }
            }
            Self::Not(a) => a.collect(found),
            Self::And(a, b) | Self::Or(a, b) => {
                a.collect(found);
                b.collect(found);
            }
            Self::Conditional(a, b, c) => {
                a.collect(found);
                b.collect(found);
                c.collect(found);
            }
        }
    }

    /// What the condition comes to, given its atoms: as the evaluator connects them.
    pub(crate) fn truth(&self, atom: &mut dyn FnMut(&Self) -> Truth) -> Truth {
        match self {
            Self::Atom { .. } => atom(self),
            Self::Not(of) => match of.truth(atom) {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                unknown @ Truth::Unknown(_) => unknown,
            },
            Self::And(left, right) => connect(left, right, &Truth::False, atom),
            Self::Or(left, right) => connect(left, right, &Truth::True, atom),
            Self::Conditional(condition, then, otherwise) => match condition.truth(atom) {
                Truth::True => then.truth(atom),
                Truth::False => otherwise.truth(atom),
                unknown @ Truth::Unknown(_) => unknown,
            },
        }
    }
}

fn connect(
    left: &Skeleton,
    right: &Skeleton,
    decides: &Truth,
    atom: &mut dyn FnMut(&Skeleton) -> Truth,
) -> Truth {
    let left = left.truth(atom);
    if left == *decides {
        return left;
    }
    let right = right.truth(atom);
    match (left, right) {
        (_, right) if right == *decides => right,
        (Truth::Unknown(left), Truth::Unknown(right)) => {
            Truth::Unknown(evaluate::graver(left, right))
        }
        (unknown @ Truth::Unknown(_), _) | (_, unknown) => unknown,
    }
}

impl Compiled {
    /// Its skeleton.
    pub(crate) fn skeleton(&self) -> &Skeleton {
        &self.skeleton
    }

    /// What a node of type bool comes to.
    pub(crate) fn truth_of(node: &Node, facts: &Facts<'_>) -> Truth {
        match evaluate::evaluate(node, evaluate::Source::Facts(facts)) {
            Ok(Value::Bool(true)) => Truth::True,
            Ok(Value::Bool(false)) => Truth::False,
            Ok(_) => Truth::Unknown(Unevaluable::Failed("the condition is not of type bool")),
            Err(reason) => Truth::Unknown(reason),
        }
    }
}
