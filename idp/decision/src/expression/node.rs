//! The typed tree that the checker makes and the evaluator walks.

use ipnet::IpNet;
use jiff::tz::TimeZone;
use realmwright_snapshot::AttributeName;

use super::parse::Operator;
use super::{Part, Value};

/// Something that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    PersonSub,
    PersonKnown,
    PersonRoles,
    PersonGroups,
    PersonRequiredFactors,
    PersonAttribute(AttributeName),
    ClientId,
    ClientTags,
    RequestPrompt,
    RequestScopes,
    RequestIp,
    RequestAcrValues,
    RequestLoginHint,
    RequestUiLocales,
    SessionExists,
    SessionMethods,
    SessionFactors,
    SessionAge,
    SessionClaim(String),
    LoginFactors,
    LoginMethods,
    LoginAvailableMethods,
    LoginTyped,
    Now,
    TypedLogin,
}

impl Fact {
    /// Whether it follows from the run of the login alone, so that the flow check knows it
    /// instead of trying both answers.
    pub(crate) const fn is_structural(&self) -> bool {
        matches!(
            self,
            Self::PersonKnown
                | Self::PersonRequiredFactors
                | Self::SessionExists
                | Self::SessionMethods
                | Self::SessionFactors
                | Self::LoginFactors
                | Self::LoginMethods
                | Self::LoginAvailableMethods
        )
    }

    /// Whether it can change while one login runs.
    pub(crate) const fn is_moving(&self) -> bool {
        matches!(
            self,
            Self::Now
                | Self::LoginFactors
                | Self::LoginMethods
                | Self::LoginTyped
                | Self::SessionExists
                | Self::SessionMethods
                | Self::SessionFactors
                | Self::SessionAge
                | Self::SessionClaim(_)
        )
    }

    /// Whether it is about the person.
    pub(crate) const fn is_personal(&self) -> bool {
        matches!(
            self,
            Self::PersonSub
                | Self::PersonRoles
                | Self::PersonGroups
                | Self::PersonRequiredFactors
                | Self::PersonAttribute(_)
        )
    }

    /// Its coarse kind; none for what no change of a configuration touches, and for attributes.
    pub(crate) const fn part(&self) -> Option<Part> {
        match self {
            Self::PersonRoles => Some(Part::Roles),
            Self::ClientTags => Some(Part::Tags),
            Self::RequestScopes => Some(Part::Scopes),
            Self::SessionExists
            | Self::SessionMethods
            | Self::SessionFactors
            | Self::SessionAge
            | Self::SessionClaim(_) => Some(Part::Session),
            Self::LoginFactors | Self::LoginMethods | Self::LoginAvailableMethods => {
                Some(Part::Login)
            }
            Self::PersonSub
            | Self::PersonKnown
            | Self::PersonGroups
            | Self::PersonRequiredFactors
            | Self::PersonAttribute(_)
            | Self::ClientId
            | Self::RequestPrompt
            | Self::RequestIp
            | Self::RequestAcrValues
            | Self::RequestLoginHint
            | Self::RequestUiLocales
            | Self::LoginTyped
            | Self::Now
            | Self::TypedLogin => None,
        }
    }

    /// Whether it may be absent.
    pub(crate) const fn is_optional(&self) -> bool {
        matches!(
            self,
            Self::PersonAttribute(_)
                | Self::RequestIp
                | Self::RequestLoginHint
                | Self::SessionAge
                | Self::SessionClaim(_)
                | Self::LoginTyped
        )
    }
}

/// A regular expression that compares by its pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(pub(crate) regex::Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// What a comprehension does with its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// Networks of `inCidr`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Networks {
    /// Written in the expression, and checked.
    Fixed(Vec<IpNet>),
    /// Read at evaluation.
    Read(Box<Node>),
}

/// A function with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Helper {
    Size(Box<Node>),
    StartsWith(Box<Node>, Box<Node>),
    EndsWith(Box<Node>, Box<Node>),
    Contains(Box<Node>, Box<Node>),
    Matches(Box<Node>, Pattern),
    Extract(Box<Node>, Pattern, usize),
    Replace(Box<Node>, Box<Node>, Box<Node>),
    LowerAscii(Box<Node>),
    Mask(Box<Node>, Box<Node>, Box<Node>),
    InCidr(Box<Node>, Networks),
    Timestamp(Box<Node>),
    Duration(Box<Node>),
    ParseTime(Box<Node>, String, TimeZone),
    Text(Box<Node>),
}

/// The typed tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Literal(Value),
    Fact(Fact),
    Has(Fact),
    /// Variable of a comprehension: its place among those in scope, the outermost first.
    Local(usize),
    List(Vec<Self>),
    Not(Box<Self>),
    Negate(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Conditional(Box<Self>, Box<Self>, Box<Self>),
    Equal(Box<Self>, Box<Self>),
    Order(Operator, Box<Self>, Box<Self>),
    In(Box<Self>, Box<Self>),
    Index(Box<Self>, Box<Self>),
    Arithmetic(Operator, Box<Self>, Box<Self>),
    Call(Helper),
    Comprehension {
        what: Macro,
        range: Box<Self>,
        body: Box<Self>,
    },
}

/// What a node reads; for the flow check.
pub(crate) fn facts_of(node: &Node, found: &mut Vec<Fact>) {
    if let Node::Fact(fact) | Node::Has(fact) = node {
        found.push(fact.clone());
    }
    for child in children(node) {
        facts_of(child, found);
    }
}

fn children(node: &Node) -> Vec<&Node> {
    match node {
        Node::Literal(_) | Node::Fact(_) | Node::Has(_) | Node::Local(_) => Vec::new(),
        Node::List(items) => items.iter().collect(),
        Node::Not(a) | Node::Negate(a) => vec![a],
        Node::And(a, b)
        | Node::Or(a, b)
        | Node::Equal(a, b)
        | Node::Order(_, a, b)
        | Node::In(a, b)
        | Node::Index(a, b)
        | Node::Arithmetic(_, a, b) => vec![a, b],
        Node::Conditional(a, b, c) => vec![a, b, c],
        Node::Comprehension { range, body, .. } => vec![range, body],
        Node::Call(helper) => match helper {
            Helper::Size(a)
            | Helper::Matches(a, _)
            | Helper::Extract(a, _, _)
            | Helper::LowerAscii(a)
            | Helper::Timestamp(a)
            | Helper::Duration(a)
            | Helper::ParseTime(a, _, _)
            | Helper::Text(a)
            | Helper::InCidr(a, Networks::Fixed(_)) => vec![a],
            Helper::StartsWith(a, b)
            | Helper::EndsWith(a, b)
            | Helper::Contains(a, b)
            | Helper::InCidr(a, Networks::Read(b)) => vec![a, b],
            Helper::Replace(a, b, c) | Helper::Mask(a, b, c) => vec![a, b, c],
        },
    }
}

/// Whether a node may have no value although the person is known: it reads something that may be
/// absent, or computes something that may fail.
pub(crate) fn may_fail(node: &Node) -> bool {
    let here = match node {
        Node::Fact(fact) => fact.is_optional(),
        Node::Index(..) | Node::Arithmetic(..) | Node::Negate(_) | Node::Comprehension { .. } => {
            true
        }
        Node::Call(helper) => !matches!(
            helper,
            Helper::Size(_)
                | Helper::StartsWith(..)
                | Helper::EndsWith(..)
                | Helper::Contains(..)
                | Helper::Matches(..)
        ),
        _ => false,
    };
    here || children(node).into_iter().any(may_fail)
}
