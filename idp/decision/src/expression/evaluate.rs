//! The evaluator: typed tree and facts to a value. The work of one evaluation is bounded.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::node::{Fact, Helper, Macro, Networks, Node};
use super::parse::Operator;
use super::{Unevaluable, Value, helpers};
use crate::facts::{Application, Facts, Login, Person, Request, Session, role_text};

/// Most steps of one evaluation; a text counts one for every 64 bytes, a list one for every item.
const BUDGET: usize = 100_000;

/// Where facts come from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Facts(&'a Facts<'a>),
    Person {
        person: &'a Person,
        now: Timestamp,
    },
    Login {
        typed: &'a str,
        client: &'a Application,
    },
}

impl<'a> Source<'a> {
    fn person(self) -> Result<&'a Person, Unevaluable> {
        match self {
            Self::Facts(facts) => facts.person,
            Self::Person { person, .. } => Some(person),
            Self::Login { .. } => None,
        }
        .ok_or(Unevaluable::NotIdentified)
    }

    fn client(self) -> Result<&'a Application, Unevaluable> {
        match self {
            Self::Facts(facts) => Ok(facts.client),
            Self::Login { client, .. } => Ok(client),
            Self::Person { .. } => Err(absent("client")),
        }
    }

    fn request(self) -> Result<&'a Request, Unevaluable> {
        match self {
            Self::Facts(facts) => Ok(facts.request),
            _ => Err(absent("request")),
        }
    }

    fn session(self) -> Option<&'a Session> {
        match self {
            Self::Facts(facts) => facts.session,
            _ => None,
        }
    }

    fn login(self) -> Result<&'a Login, Unevaluable> {
        match self {
            Self::Facts(facts) => Ok(facts.login),
            _ => Err(absent("login")),
        }
    }

    fn now(self) -> Result<Timestamp, Unevaluable> {
        match self {
            Self::Facts(facts) => Ok(facts.now),
            Self::Person { now, .. } => Ok(now),
            Self::Login { .. } => Err(absent("now")),
        }
    }

    fn read(self, fact: &Fact) -> Result<Value, Unevaluable> {
        Ok(match fact {
            Fact::PersonKnown => Value::Bool(self.person().is_ok()),
            Fact::PersonSub => Value::String(self.person()?.sub.clone()),
            Fact::PersonRoles => list(self.person()?.roles.iter().map(role_text)),
            Fact::PersonGroups => list(self.person()?.groups.iter().cloned()),
            Fact::PersonRequiredFactors => Value::Int(self.person()?.required_factors.into()),
            Fact::PersonAttribute(name) => self
                .person()?
                .attributes
                .get(name)
                .map(Value::from)
                .ok_or_else(|| absent(&format!("person.{name}")))?,
            Fact::ClientId => Value::String(self.client()?.id.to_string()),
            Fact::ClientTags => list(self.client()?.tags.iter().cloned()),
            Fact::RequestPrompt => {
                list(self.request()?.prompt.iter().map(|p| p.as_str().to_owned()))
            }
            Fact::RequestScopes => list(self.request()?.scopes.iter().map(ToString::to_string)),
            Fact::RequestIp => self
                .request()?
                .ip
                .map(|ip| Value::String(ip.to_canonical().to_string()))
                .ok_or_else(|| absent("request.ip"))?,
            Fact::RequestAcrValues => list(self.request()?.acr_values.iter().cloned()),
            Fact::RequestLoginHint => optional(&self.request()?.login_hint, "request.loginHint")?,
            Fact::RequestUiLocales => list(self.request()?.ui_locales.iter().cloned()),
            Fact::SessionExists => Value::Bool(self.session().is_some()),
            Fact::SessionMethods => list(
                self.session()
                    .iter()
                    .flat_map(|s| &s.authentications)
                    .map(|a| a.method.to_string()),
            ),
            Fact::SessionFactors => count(self.session().map_or(0, |s| s.factors().len())),
            Fact::SessionAge => {
                let at = self.session().and_then(Session::authenticated_at);
                let at = at.ok_or_else(|| absent("session.age"))?;
                Value::Duration(self.now()?.duration_since(at))
            }
            Fact::SessionClaim(name) => {
                let claim = self.session().and_then(|s| s.claims.get(name));
                let claim = claim.ok_or_else(|| absent(&format!("session.claims.{name}")))?;
                Value::from_json(claim).ok_or(Unevaluable::Failed(
                    "the session claim is of a type that expressions do not have",
                ))?
            }
            Fact::LoginFactors => count(self.login()?.factors.len()),
            Fact::LoginMethods => list(self.login()?.methods.iter().map(ToString::to_string)),
            Fact::LoginAvailableMethods => list(
                self.login()?
                    .available_methods
                    .iter()
                    .map(ToString::to_string),
            ),
            Fact::LoginTyped => optional(&self.login()?.typed, "login.typed")?,
            Fact::Now => Value::Timestamp(self.now()?),
            Fact::TypedLogin => match self {
                Self::Login { typed, .. } => Value::String(typed.to_owned()),
                _ => return Err(absent("login")),
            },
        })
    }
}

fn absent(what: &str) -> Unevaluable {
    Unevaluable::Absent(what.to_owned())
}

fn optional(text: &Option<String>, what: &str) -> Result<Value, Unevaluable> {
    text.clone().map(Value::String).ok_or_else(|| absent(what))
}

fn list(items: impl Iterator<Item = String>) -> Value {
    Value::List(items.map(Value::String).collect())
}

fn count(number: usize) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Evaluates a typed tree.
pub(super) fn evaluate(node: &Node, source: Source<'_>) -> Result<Value, Unevaluable> {
    Evaluator {
        source,
        budget: BUDGET,
        locals: Vec::new(),
    }
    .value(node)
}

struct Evaluator<'a> {
    source: Source<'a>,
    budget: usize,
    locals: Vec<Value>,
}

/// A session claim is of another type than the expression needs.
const KIND: Unevaluable = Unevaluable::Failed("a session claim is of another type");
const OVERFLOW: Unevaluable = Unevaluable::Failed("the result is out of range");

impl Evaluator<'_> {
    fn value(&mut self, node: &Node) -> Result<Value, Unevaluable> {
        let value = self.step(node)?;
        self.budget = self
            .budget
            .checked_sub(value.weight())
            .ok_or(Unevaluable::TooMuchWork)?;
        Ok(value)
    }

    fn step(&mut self, node: &Node) -> Result<Value, Unevaluable> {
        match node {
            Node::Literal(value) => Ok(value.clone()),
            Node::Fact(fact) => self.source.read(fact),
            Node::Has(fact) => match self.source.read(fact) {
                Ok(_) | Err(Unevaluable::Failed(_)) => Ok(Value::Bool(true)),
                Err(Unevaluable::Absent(_)) => Ok(Value::Bool(false)),
                Err(other) => Err(other),
            },
            Node::Local(at) => self.locals.get(*at).cloned().ok_or(KIND),
            Node::List(items) => items
                .iter()
                .map(|item| self.value(item))
                .collect::<Result<_, _>>()
                .map(Value::List),
            Node::Not(of) => Ok(Value::Bool(!self.bool(of)?)),
            Node::Negate(of) => match self.value(of)? {
                Value::Int(value) => value.checked_neg().map(Value::Int).ok_or(OVERFLOW),
                Value::Duration(value) => value.checked_neg().map(Value::Duration).ok_or(OVERFLOW),
                _ => Err(KIND),
            },
            Node::And(left, right) => self.connect(left, right, false),
            Node::Or(left, right) => self.connect(left, right, true),
            Node::Conditional(condition, then, otherwise) => {
                if self.bool(condition)? {
                    self.value(then)
                } else {
                    self.value(otherwise)
                }
            }
            Node::Equal(left, right) => Ok(Value::Bool(self.value(left)? == self.value(right)?)),
            Node::Order(operator, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                order(*operator, &left, &right).map(Value::Bool)
            }
            Node::In(left, right) => {
                let left = self.value(left)?;
                Ok(Value::Bool(self.list(right)?.contains(&left)))
            }
            Node::Index(of, at) => {
                let items = self.list(of)?;
                let at = usize::try_from(self.int(at)?).ok();
                at.and_then(|at| items.into_iter().nth(at))
                    .ok_or_else(|| absent("the item"))
            }
            Node::Arithmetic(operator, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                arithmetic(*operator, left, right)
            }
            Node::Call(helper) => self.call(helper),
            Node::Comprehension { what, range, body } => self.comprehension(*what, range, body),
        }
    }

    /// `&&` and `||`: one side that decides is enough, whatever the other is.
    fn connect(&mut self, left: &Node, right: &Node, decides: bool) -> Result<Value, Unevaluable> {
        let left = self.bool(left);
        if left == Ok(decides) {
            return Ok(Value::Bool(decides));
        }
        let right = self.bool(right);
        if right == Ok(decides) {
            return Ok(Value::Bool(decides));
        }
        match (left, right) {
            (Ok(_), Ok(_)) => Ok(Value::Bool(!decides)),
            (Err(left), Err(right)) => Err(graver(left, right)),
            (Err(reason), Ok(_)) | (Ok(_), Err(reason)) => Err(reason),
        }
    }

    fn bool(&mut self, node: &Node) -> Result<bool, Unevaluable> {
        match self.value(node)? {
            Value::Bool(value) => Ok(value),
            _ => Err(KIND),
        }
    }

    fn int(&mut self, node: &Node) -> Result<i64, Unevaluable> {
        match self.value(node)? {
            Value::Int(value) => Ok(value),
            _ => Err(KIND),
        }
    }

    fn text(&mut self, node: &Node) -> Result<String, Unevaluable> {
        match self.value(node)? {
            Value::String(value) => Ok(value),
            _ => Err(KIND),
        }
    }

    fn list(&mut self, node: &Node) -> Result<Vec<Value>, Unevaluable> {
        match self.value(node)? {
            Value::List(items) => Ok(items),
            _ => Err(KIND),
        }
    }

    fn comprehension(
        &mut self,
        what: Macro,
        range: &Node,
        body: &Node,
    ) -> Result<Value, Unevaluable> {
        let items = self.list(range)?;
        let mut kept = Vec::new();
        let mut holding = 0_usize;
        let mut unknown: Option<Unevaluable> = None;
        for item in items {
            self.locals.push(item);
            let result = match what {
                Macro::Map => self.value(body),
                _ => self.bool(body).map(Value::Bool),
            };
            let item = self.locals.pop().ok_or(KIND)?;
            match (what, result) {
                (_, Err(Unevaluable::TooMuchWork)) => return Err(Unevaluable::TooMuchWork),
                (Macro::All, Ok(Value::Bool(false))) => return Ok(Value::Bool(false)),
                (Macro::Exists, Ok(Value::Bool(true))) => return Ok(Value::Bool(true)),
                (Macro::All | Macro::Exists, Err(reason)) => {
                    unknown = Some(match unknown {
                        Some(former) => graver(former, reason),
                        None => reason,
                    });
                }
                (_, Err(reason)) => return Err(reason),
                (Macro::ExistsOne, Ok(Value::Bool(true))) => holding += 1,
                (Macro::Filter, Ok(Value::Bool(true))) => kept.push(item),
                (Macro::Map, Ok(value)) => kept.push(value),
                _ => {}
            }
        }
        match (what, unknown) {
            (_, Some(reason)) => Err(reason),
            (Macro::All, None) => Ok(Value::Bool(true)),
            (Macro::Exists, None) => Ok(Value::Bool(false)),
            (Macro::ExistsOne, None) => Ok(Value::Bool(holding == 1)),
            (Macro::Filter | Macro::Map, None) => Ok(Value::List(kept)),
        }
    }

    fn call(&mut self, helper: &Helper) -> Result<Value, Unevaluable> {
        Ok(match helper {
            Helper::Size(of) => match self.value(of)? {
                Value::String(text) => count(text.chars().count()),
                Value::Bytes(bytes) => count(bytes.len()),
                Value::List(items) => count(items.len()),
                _ => return Err(KIND),
            },
            Helper::StartsWith(of, part) => {
                Value::Bool(self.text(of)?.starts_with(&self.text(part)?))
            }
            Helper::EndsWith(of, part) => Value::Bool(self.text(of)?.ends_with(&self.text(part)?)),
            Helper::Contains(of, part) => Value::Bool(self.text(of)?.contains(&self.text(part)?)),
            Helper::Matches(of, pattern) => Value::Bool(pattern.0.is_match(&self.text(of)?)),
            Helper::Extract(of, pattern, group) => {
                let text = self.text(of)?;
                let found = pattern.0.captures(&text).and_then(|c| c.get(*group));
                let found = found.ok_or_else(|| absent("the match"))?;
                Value::String(found.as_str().to_owned())
            }
            Helper::Replace(of, from, to) => {
                let (of, from, to) = (self.text(of)?, self.text(from)?, self.text(to)?);
                helpers::replace(&of, &from, &to)?
            }
            Helper::LowerAscii(of) => Value::String(self.text(of)?.to_ascii_lowercase()),
            Helper::Mask(of, start, end) => {
                let (of, start, end) = (self.text(of)?, self.int(start)?, self.int(end)?);
                Value::String(helpers::mask(&of, start, end))
            }
            Helper::InCidr(ip, networks) => self.in_cidr(ip, networks)?,
            Helper::Timestamp(of) => Value::Timestamp(
                self.text(of)?
                    .parse()
                    .map_err(|_| Unevaluable::Failed("the text is no RFC 3339 time"))?,
            ),
            Helper::Duration(of) => Value::Duration(
                helpers::parse_duration(&self.text(of)?)
                    .ok_or(Unevaluable::Failed("the text is no duration"))?,
            ),
            Helper::ParseTime(of, format, zone) => Value::Timestamp(
                helpers::parse_time(&self.text(of)?, format, zone)
                    .ok_or(Unevaluable::Failed("the text is no time of the format"))?,
            ),
            Helper::Text(of) => match self.value(of)? {
                Value::Int(value) => Value::String(value.to_string()),
                Value::Bool(value) => Value::String(value.to_string()),
                text @ Value::String(_) => text,
                _ => return Err(KIND),
            },
        })
    }

    fn in_cidr(&mut self, ip: &Node, networks: &Networks) -> Result<Value, Unevaluable> {
        let ip: IpAddr = self
            .text(ip)?
            .parse()
            .map_err(|_| Unevaluable::Failed("the text is no address"))?;
        match networks {
            Networks::Fixed(networks) => Ok(Value::Bool(
                networks
                    .iter()
                    .any(|network| helpers::in_network(ip, network)),
            )),
            Networks::Read(node) => {
                let mut inside = false;
                for item in self.list(node)? {
                    let Value::String(text) = item else {
                        return Err(KIND);
                    };
                    let network = helpers::parse_network(&text)
                        .ok_or(Unevaluable::Failed("the text is no network"))?;
                    inside |= helpers::in_network(ip, &network);
                }
                Ok(Value::Bool(inside))
            }
        }
    }
}

/// Of two reasons the one that a caller must hear: that the work is too much, then that the
/// person is not known yet (both sides are evaluated again once they are).
pub(super) fn graver(left: Unevaluable, right: Unevaluable) -> Unevaluable {
    let rank = |reason: &Unevaluable| match reason {
        Unevaluable::TooMuchWork => 2,
        Unevaluable::NotIdentified => 1,
        Unevaluable::Absent(_) | Unevaluable::Failed(_) => 0,
    };
    if rank(&right) > rank(&left) {
        right
    } else {
        left
    }
}

fn order(operator: Operator, left: &Value, right: &Value) -> Result<bool, Unevaluable> {
    let ordering = match (left, right) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        _ => return Err(KIND),
    };
    Ok(match operator {
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::Greater => ordering.is_gt(),
        _ => ordering.is_ge(),
    })
}

fn arithmetic(operator: Operator, left: Value, right: Value) -> Result<Value, Unevaluable> {
    use Value::{Duration, Int, List, String, Timestamp};
    match (operator, left, right) {
        (Operator::Add, String(a), String(b)) => helpers::concat(&a, &b),
        (Operator::Add, List(mut a), List(b)) => {
            a.extend(b);
            Ok(List(a))
        }
        (Operator::Add, Timestamp(at), Duration(by))
        | (Operator::Add, Duration(by), Timestamp(at)) => {
            at.checked_add(by).map(Timestamp).map_err(|_| OVERFLOW)
        }
        (Operator::Subtract, Timestamp(at), Duration(by)) => {
            at.checked_sub(by).map(Timestamp).map_err(|_| OVERFLOW)
        }
        (Operator::Subtract, Timestamp(a), Timestamp(b)) => Ok(Duration(a.duration_since(b))),
        (Operator::Add, Duration(a), Duration(b)) => duration(a.checked_add(b)),
        (Operator::Subtract, Duration(a), Duration(b)) => duration(a.checked_sub(b)),
        (Operator::Divide | Operator::Remainder, Int(_), Int(0)) => {
            Err(Unevaluable::Failed("division by zero"))
        }
        (operator, Int(a), Int(b)) => match operator {
            Operator::Add => a.checked_add(b),
            Operator::Subtract => a.checked_sub(b),
            Operator::Multiply => a.checked_mul(b),
            Operator::Divide => a.checked_div(b),
            _ => a.checked_rem(b),
        }
        .map(Int)
        .ok_or(OVERFLOW),
        _ => Err(KIND),
    }
}

fn duration(value: Option<SignedDuration>) -> Result<Value, Unevaluable> {
    value.map(Value::Duration).ok_or(OVERFLOW)
}
