//! Expressions: a closed, typed subset of CEL.
//!
//! [`Compiled::compile`] parses a source of bounded length and nesting, checks its types against
//! an [`Environment`] made from the realm's attribute schema and returns an immutable tree
//! together with what it [`Reads`]. Evaluation cannot panic and cannot meet a type error; where a
//! value is absent it answers [`Unevaluable`] with the reason, which conditions see as
//! [`Truth::Unknown`].
//!
//! The subset: `bool`, `int`, `string`, `timestamp`, `duration` and lists; `&& || ! ?:`,
//! comparisons, `in`, arithmetic, `has()`, `.all .exists .exists_one .filter .map` over lists of
//! the environment, and the functions of [`helpers`]. No maps, no fractions, no unsigned
//! integers, no messages. Whatever is accepted here is CEL.
//!
//! Recipe for a new function: a variant of `helpers::Helper` with its signature and its
//! implementation, and a row in the tests.

mod calls;
mod check;
mod evaluate;
mod fuzz;
pub mod helpers;
mod node;
mod parse;
mod roles;
mod skeleton;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use realmwright_snapshot::{AttributeName, AttributeSnapshot, DataClass, Expression, ValueKind};

#[doc(hidden)]
pub use fuzz::fuzz;
pub use parse::{MAX_DEPTH, MAX_LENGTH};
pub use roles::{RoleLiteral, role_literals};
pub use value::{Truth, Type, Unevaluable, Value};

pub(crate) use node::Node;
pub(crate) use skeleton::Skeleton;
pub use skeleton::{Atom, Judged};

use crate::facts::Facts;

/// Names and types that an expression may use.
#[derive(Clone, Debug)]
pub struct Environment {
    pub(crate) scope: Scope,
    pub(crate) attributes: BTreeMap<AttributeName, (ValueKind, DataClass)>,
    pub(crate) session_claims: BTreeSet<String>,
}

/// What an expression is for, which says what it may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Flow rules and access rules: everything.
    Condition,
    /// Claims that flows put into sessions: everything but `person.sub`. Subjects leave only
    /// through the one function that knows privacy domains (APP-06).
    SessionClaim,
    /// Claims in tokens: `person` without `sub`, `client`, `request`, `session`, `now`.
    Claim,
    /// Display names, labels: `person` and `now`.
    Person,
    /// Computed attributes: stored attributes of `person`, and `now`.
    Computed,
    /// Matching of a typed login: `login` as a text, and `client`.
    Match,
}

impl Environment {
    /// An environment for `scope` over a realm's schema and its declared session claims.
    #[must_use]
    pub fn new(
        scope: Scope,
        schema: &[AttributeSnapshot],
        session_claims: &BTreeSet<String>,
    ) -> Self {
        Self {
            scope,
            attributes: schema
                .iter()
                .filter(|attribute| scope != Scope::Computed || attribute.computed.is_none())
                .map(|attribute| {
                    (
                        attribute.name.clone(),
                        (attribute.kind, attribute.data_class),
                    )
                })
                .collect(),
            session_claims: session_claims.clone(),
        }
    }

    /// How far what is read here may travel. Addresses and logins are personal; group names are
    /// written by people and count as personal, role names are declared. Session claims are
    /// personal at most: the compiler puts no medical data into them.
    pub(crate) fn class_of(&self, fact: &node::Fact) -> DataClass {
        use node::Fact;
        match fact {
            Fact::PersonAttribute(name) => self
                .attributes
                .get(name)
                .map_or(DataClass::Medical, |(_, class)| *class),
            Fact::PersonGroups
            | Fact::RequestIp
            | Fact::RequestLoginHint
            | Fact::LoginTyped
            | Fact::TypedLogin
            | Fact::SessionClaim(_) => DataClass::Personal,
            _ => DataClass::Pseudonymous,
        }
    }

    /// The same names for another purpose. Not for [`Scope::Computed`], which sees fewer
    /// attributes.
    #[must_use]
    pub fn with_scope(&self, scope: Scope) -> Self {
        Self {
            scope,
            ..self.clone()
        }
    }
}

/// What an expression reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reads {
    /// Attributes of the person, `sub` not among them.
    pub attributes: BTreeSet<AttributeName>,
    /// Session claims. Their class is that of the expressions which set them.
    pub session_claims: BTreeSet<String>,
    /// Strictest class of what is read, session claims aside.
    pub data_class: DataClass,
    /// Whether the person is read at all.
    pub person: bool,
    /// What else is read that may differ although the person does not.
    pub parts: BTreeSet<Part>,
}

/// Something that an expression reads beside attributes, in coarse kinds: what a change of the
/// configuration can touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The person's roles.
    Roles,
    /// Labels of the application.
    Tags,
    /// Scopes of the request.
    Scopes,
    /// The session.
    Session,
    /// What the login has come to, or which methods there are.
    Login,
}

/// An error in an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionFault {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes of the source.
    pub span: Range<usize>,
    /// Line of its beginning, from 1.
    pub line: usize,
    /// Column of its beginning in characters, from 1.
    pub column: usize,
    /// What may have been meant, to be written in place of the span.
    pub suggestion: Option<String>,
}

/// A checked expression.
#[derive(Clone, Debug)]
pub struct Compiled {
    source: Arc<str>,
    root: Arc<Node>,
    kind: Type,
    reads: Reads,
    skeleton: Arc<Skeleton>,
}

impl Compiled {
    /// Parses and checks `source`.
    ///
    /// # Errors
    /// Every fault found: one when it does not parse, else all type errors.
    pub fn compile(
        source: &Expression,
        environment: &Environment,
    ) -> Result<Self, Vec<ExpressionFault>> {
        let text = source.as_str();
        let parsed = parse::parse(text).map_err(|fault| vec![fault.locate(text)])?;
        let checked = check::check(&parsed, environment).map_err(|faults| {
            faults
                .into_iter()
                .map(|f| f.locate(text))
                .collect::<Vec<_>>()
        })?;
        Ok(Self {
            skeleton: Arc::new(Skeleton::build(text, &parsed, &checked.node, environment)),
            source: text.into(),
            root: Arc::new(checked.node),
            kind: checked.kind,
            reads: checked.reads,
        })
    }

    /// The same, and its type must be `wanted`.
    ///
    /// # Errors
    /// As [`Self::compile`]; another type is a fault over the whole source.
    pub fn compile_as(
        source: &Expression,
        environment: &Environment,
        wanted: &Type,
    ) -> Result<Self, Vec<ExpressionFault>> {
        let compiled = Self::compile(source, environment)?;
        let exact = compiled.kind != Type::Any || *wanted == Type::Any;
        if wanted.admits(&compiled.kind) && exact {
            return Ok(compiled);
        }
        let text = source.as_str();
        Err(vec![
            parse::Fault::new(
                0..text.len(),
                format!("must be of type {wanted}, but is of type {}", compiled.kind),
            )
            .locate(text),
        ])
    }

    /// A condition: an expression of type bool.
    ///
    /// # Errors
    /// As [`Self::compile_as`].
    pub fn condition(
        source: &Expression,
        environment: &Environment,
    ) -> Result<Self, Vec<ExpressionFault>> {
        Self::compile_as(source, environment, &Type::Bool)
    }

    /// The source text.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> &Type {
        &self.kind
    }

    /// What it reads.
    #[must_use]
    pub const fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Its value.
    ///
    /// # Errors
    /// [`Unevaluable`] when something it needs is absent or cannot be used.
    pub fn evaluate(&self, facts: &Facts<'_>) -> Result<Value, Unevaluable> {
        evaluate::evaluate(&self.root, evaluate::Source::Facts(facts))
    }

    /// Its value as a condition; unknown for any other type than bool.
    #[must_use]
    pub fn holds(&self, facts: &Facts<'_>) -> Truth {
        Self::truth_of(&self.root, facts)
    }

    /// Its value for a person alone, in [`Scope::Person`] and [`Scope::Computed`].
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn evaluate_person(
        &self,
        person: &crate::facts::Person,
        now: jiff::Timestamp,
    ) -> Result<Value, Unevaluable> {
        evaluate::evaluate(&self.root, evaluate::Source::Person { person, now })
    }

    /// Its value for a typed login, in [`Scope::Match`].
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn evaluate_login(
        &self,
        typed: &str,
        client: &crate::facts::Application,
    ) -> Result<Value, Unevaluable> {
        evaluate::evaluate(&self.root, evaluate::Source::Login { typed, client })
    }
}
