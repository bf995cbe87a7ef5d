//! The boolean skeleton of a condition: its `&& || ! ?:` over atoms. The flow check tries every
//! answer of the atoms.

use super::evaluate;
use super::node::{Fact, Node, facts_of, may_fail};
use super::parse::{Expr, ExprKind, Operator};
use super::{Compiled, Environment, Truth, Unevaluable, Value};
use realmwright_snapshot::{DataClass, Digest};

use crate::facts::Facts;
use crate::why::{JudgedAtom, Verdict};

/// A condition as connectives over atoms.
#[derive(Clone, Debug)]
pub(crate) enum Skeleton {
    /// A part that no connective splits.
    Atom {
        /// Its source.
        text: String,
        node: Box<Node>,
        reads: AtomReads,
        /// Strictest class of what it reads.
        class: DataClass,
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
    pub(super) fn build(source: &str, expr: &Expr, node: &Node, environment: &Environment) -> Self {
        let boxed = |expr, node| Box::new(Self::build(source, expr, node, environment));
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
            _ => {
                let text = source.get(expr.span.clone()).unwrap_or(source);
                Self::atom(text, node, environment)
            }
        }
    }

    fn atom(text: &str, node: &Node, environment: &Environment) -> Self {
        let mut facts = Vec::new();
        facts_of(node, &mut facts);
        let classes = facts.iter().map(|fact| environment.class_of(fact));
        Self::Atom {
            text: text.to_owned(),
            class: classes.max().unwrap_or(DataClass::Pseudonymous),
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
        self.each(&mut |atom| {
            if let Self::Atom { text, reads, .. } = atom
                && !reads.structural
                && !found.contains(text)
            {
                found.push(text.clone());
            }
        });
    }

    /// Visits the atoms, in the order of the source.
    fn each<'s>(&'s self, visit: &mut dyn FnMut(&'s Self)) {
        match self {
            Self::Atom { .. } => visit(self),
            Self::Not(a) => a.each(visit),
            Self::And(a, b) | Self::Or(a, b) => {
                a.each(visit);
                b.each(visit);
            }
            Self::Conditional(a, b, c) => {
                a.each(visit);
                b.each(visit);
                c.each(visit);
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

/// What a condition came to, atom by atom; see [`crate::why`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The whole; none where an atom is left out.
    pub truth: Option<Verdict>,
    /// Strictest class of what it reads.
    pub class: DataClass,
    /// The atoms that are shown, each once.
    pub atoms: Vec<JudgedAtom>,
    /// How many are left out.
    pub left_out: usize,
}

impl Default for Judged {
    /// Of a rule without a condition, which always holds.
    fn default() -> Self {
        Self {
            truth: Some(Verdict::True),
            class: DataClass::Pseudonymous,
            atoms: Vec::new(),
            left_out: 0,
        }
    }
}

/// A part of a condition that no connective splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Atom<'c> {
    /// Its source.
    pub text: &'c str,
    /// Strictest class of what it reads.
    pub class: DataClass,
}

impl Compiled {
    /// The different atoms of a condition, in the order of its source.
    #[must_use]
    pub fn atoms(&self) -> Vec<Atom<'_>> {
        self.different_atoms()
            .into_iter()
            .map(|(atom, _)| atom)
            .collect()
    }

    fn different_atoms(&self) -> Vec<(Atom<'_>, &Node)> {
        let mut found: Vec<(Atom<'_>, &Node)> = Vec::new();
        self.skeleton.each(&mut |atom| {
            if let Skeleton::Atom {
                text, class, node, ..
            } = atom
                && found.iter().all(|(known, _)| known.text != text)
            {
                found.push((
                    Atom {
                        text,
                        class: *class,
                    },
                    node,
                ));
            }
        });
        found
    }

    /// What each atom of a condition came to. Those that read medical attributes are left out,
    /// and so is the whole, of which they could be told.
    #[must_use]
    pub fn judge(&self, facts: &Facts<'_>) -> Judged {
        let atoms = self.different_atoms();
        let class = atoms.iter().map(|(atom, _)| atom.class).max();
        let shown: Vec<JudgedAtom> = atoms
            .iter()
            .enumerate()
            .filter(|(_, (atom, _))| atom.class < DataClass::Medical)
            .map(|(at, (atom, node))| JudgedAtom {
                at,
                truth: Verdict::from(&Self::truth_of(node, facts)),
                class: atom.class,
            })
            .collect();
        let left_out = atoms.len() - shown.len();
        Judged {
            truth: (left_out == 0).then(|| Verdict::from(&self.holds(facts))),
            class: class.unwrap_or(DataClass::Pseudonymous),
            atoms: shown,
            left_out,
        }
    }

    /// Digest of its source: names the condition where its text is not at hand.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.source.as_bytes())
    }

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
