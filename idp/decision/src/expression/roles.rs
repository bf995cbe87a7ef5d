//! The role names that an expression compares the person's roles with: texts that no type check
//! knows to be right or wrong.

use super::parse::{self, Expr, ExprKind, Operator, Span};

/// A text that is compared with a role of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleLiteral {
    /// `role` of the realm, or `client:role`.
    pub name: String,
    /// Where it stands, in bytes of the source, its quotes included.
    pub span: Span,
}

/// All of them, in the order of the source; none where it cannot be parsed.
#[must_use]
pub fn role_literals(source: &str) -> Vec<RoleLiteral> {
    let Ok(expr) = parse::parse(source) else {
        return Vec::new();
    };
    let mut search = Search::default();
    search.walk(&expr);
    search.found.sort_by_key(|literal| literal.span.start);
    search.found
}

#[derive(Default)]
struct Search<'e> {
    /// Variables of the comprehensions around, the outermost first, and whether each stands for a
    /// role.
    variables: Vec<(&'e str, bool)>,
    found: Vec<RoleLiteral>,
}

impl<'e> Search<'e> {
    fn walk(&mut self, expr: &'e Expr) {
        match &expr.kind {
            ExprKind::Bool(_) | ExprKind::Int(_) | ExprKind::String(_) | ExprKind::Ident(_) => {}
            ExprKind::List(items) => items.iter().for_each(|item| self.walk(item)),
            ExprKind::Select { of, .. } | ExprKind::Not(of) | ExprKind::Negate(of) => self.walk(of),
            ExprKind::Index { of, index } => {
                self.walk(of);
                self.walk(index);
            }
            ExprKind::Call { target, args, .. } => {
                if let Some(target) = target {
                    self.walk(target);
                }
                match (target.as_deref(), args.as_slice()) {
                    (
                        Some(list),
                        [
                            Expr {
                                kind: ExprKind::Ident(variable),
                                ..
                            },
                            body,
                        ],
                    ) => {
                        let is_role = self.are_roles(list);
                        self.variables.push((variable, is_role));
                        self.walk(body);
                        self.variables.pop();
                    }
                    _ => args.iter().for_each(|argument| self.walk(argument)),
                }
            }
            ExprKind::Binary {
                operator,
                left,
                right,
            } => {
                self.compared(*operator, left, right);
                self.walk(left);
                self.walk(right);
            }
            ExprKind::Conditional {
                condition,
                then,
                otherwise,
            } => [condition, then, otherwise]
                .into_iter()
                .for_each(|part| self.walk(part)),
        }
    }

    fn compared(&mut self, operator: Operator, left: &Expr, right: &Expr) {
        match operator {
            Operator::In if self.are_roles(right) || self.is_role(left) => {
                let texts = if self.is_role(left) { right } else { left };
                self.take(texts);
            }
            Operator::Equal | Operator::NotEqual => {
                for (one, other) in [(left, right), (right, left)] {
                    if self.is_role(one) || self.are_roles(one) {
                        self.take(other);
                    }
                }
            }
            _ => {}
        }
    }

    /// `person.roles`, or what a filter leaves of it.
    fn are_roles(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Select { of, field, .. } => field == "roles" && self.is_person(of),
            ExprKind::Index { of, index } => {
                matches!(&index.kind, ExprKind::String(field) if field == "roles")
                    && self.is_person(of)
            }
            ExprKind::Call {
                target: Some(of),
                name,
                ..
            } => name == "filter" && self.are_roles(of),
            _ => false,
        }
    }

    fn is_person(&self, expr: &Expr) -> bool {
        matches!(&expr.kind, ExprKind::Ident(name) if name == "person")
            && !self.variables.iter().any(|(name, _)| *name == "person")
    }

    /// A variable over the person's roles, or one of them by its place.
    fn is_role(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Ident(name) => {
                let mut inner = self.variables.iter().rev();
                inner
                    .find(|(variable, _)| variable == name)
                    .is_some_and(|(_, is_role)| *is_role)
            }
            ExprKind::Index { of, .. } => self.are_roles(of),
            _ => false,
        }
    }

    fn take(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::String(name) => self.found.push(RoleLiteral {
                name: name.clone(),
                span: expr.span.clone(),
            }),
            ExprKind::List(items) => items.iter().for_each(|item| self.take(item)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str) -> Vec<String> {
        let literals = role_literals(source).into_iter();
        literals
            .map(|literal| {
                assert_eq!(
                    source.get(literal.span),
                    Some(&*format!("\"{}\"", literal.name))
                );
                literal.name
            })
            .collect()
    }

    #[test]
    fn every_comparison_with_a_role_is_found() {
        for (source, found) in [
            (
                r#""a" in person.roles && !("b" in person["roles"])"#,
                vec!["a", "b"],
            ),
            (r#"person.roles == ["a", "b"]"#, vec!["a", "b"]),
            (r#"person.roles[0] != "a""#, vec!["a"]),
            (
                r#"person.roles.exists(r, r == "a" || r in ["b", "c"])"#,
                vec!["a", "b", "c"],
            ),
            (
                r#"person.roles.filter(r, r != "a").exists(r, "b" == r)"#,
                vec!["a", "b"],
            ),
            (
                r#"["x"].exists(s, "a" in person.roles && s == "x")"#,
                vec!["a"],
            ),
        ] {
            assert_eq!(names(source), found, "{source}");
        }
    }

    #[test]
    fn other_texts_are_no_roles() {
        for source in [
            r#""a" in person.groups"#,
            r#""a" in request.scopes && client.id == "b""#,
            r#"person.roles.exists(r, r.startsWith("a"))"#,
            r#"person.roles.exists(r, ["x"].exists(r, r == "x"))"#,
            r#"size(person.roles) > 0 && "a" == "b""#,
            r#""a" in person.roles &&"#,
        ] {
            assert_eq!(names(source), Vec::<String>::new(), "{source}");
        }
    }
}
