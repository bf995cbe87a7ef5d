//! The type checker: syntax tree to typed tree.

use std::collections::BTreeSet;

use realmwright_snapshot::DataClass;

use super::node::{Fact, Macro, Node};
use super::parse::{Expr, ExprKind, Fault, Operator, Span};
use super::{Environment, Reads, Scope, Type, Value};

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
            parts: BTreeSet::new(),
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
pub(super) type Typed = Option<(Node, Type)>;

pub(super) struct Checker<'a> {
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
    pub(super) fn fault(&mut self, span: &Span, message: impl Into<String>) {
        self.faults.push(Fault::new(span.clone(), message));
    }

    pub(super) fn fault_with_names<'n>(
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

    pub(super) fn expression(&mut self, expr: &Expr) -> Typed {
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

    pub(super) fn boxed(&mut self, expr: &Expr, wanted: &Type) -> Option<Box<Node>> {
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
            Scope::Condition | Scope::SessionClaim => {
                &["person", "client", "request", "session", "login", "now"]
            }
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
                    self.reads.data_class = self.reads.data_class.max(DataClass::Personal);
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
                Object::Person if field == "sub" => {
                    "`sub` leaves only as the subject of tokens".to_owned()
                }
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
            (Object::Person, "sub") => match scope {
                Scope::Claim | Scope::SessionClaim => return None,
                _ => (Fact::PersonSub, Type::String),
            },
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
            .filter(|name| name == "claims" || self.part(object, name).is_some())
            .collect()
    }

    /// Notes what is read, and how far it may travel.
    fn note(&mut self, fact: &Fact) {
        if fact.is_personal() {
            self.reads.person = true;
        }
        self.reads.parts.extend(fact.part());
        match fact {
            Fact::PersonAttribute(name) => {
                self.reads.attributes.insert(name.clone());
            }
            // Its class is that of the expressions which set it.
            Fact::SessionClaim(name) => {
                self.reads.session_claims.insert(name.clone());
                return;
            }
            _ => {}
        }
        let class = self.environment.class_of(fact);
        self.reads.data_class = self.reads.data_class.max(class);
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
