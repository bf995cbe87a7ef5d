//! Source text to syntax tree: the grammar of CEL, as far as our subset has it, with the place of
//! every node. Length and nesting are bounded, so that every later walk is.

use std::ops::Range;

use super::ExpressionFault;

/// Longest source, in bytes.
pub const MAX_LENGTH: usize = 2048;

/// Deepest syntax tree. A chain such as `a && b && c` counts one level for each operator.
pub const MAX_DEPTH: usize = 128;

/// Bytes of the source.
pub(crate) type Span = Range<usize>;

/// A fault by its place in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    span: Span,
    message: String,
    suggestion: Option<String>,
}

impl Fault {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            suggestion: None,
        }
    }

    pub(crate) fn with_suggestion(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }

    /// Adds line and column.
    pub(crate) fn locate(self, source: &str) -> ExpressionFault {
        let before = source.get(..self.span.start).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        ExpressionFault {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or("").chars().count() + 1,
            message: self.message,
            span: self.span,
            suggestion: self.suggestion,
        }
    }
}

/// A node of the syntax tree.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
    depth: usize,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Bool(bool),
    Int(i64),
    String(String),
    List(Vec<Expr>),
    Ident(String),
    Select {
        of: Box<Expr>,
        field: String,
        field_span: Span,
    },
    Index {
        of: Box<Expr>,
        index: Box<Expr>,
    },
    Call {
        target: Option<Box<Expr>>,
        name: String,
        name_span: Span,
        args: Vec<Expr>,
    },
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary {
        operator: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Conditional {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }

    /// Binding strength; all are left-associative.
    const fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::In => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Remainder => 5,
        }
    }
}

/// Identifiers that CEL keeps for itself.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Ident(String),
    Int(u64),
    String(String),
    Symbol(&'static str),
    End,
}

/// Parses a whole source.
pub(crate) fn parse(source: &str) -> Result<Expr, Fault> {
    if source.len() > MAX_LENGTH {
        return Err(Fault::new(
            0..source.len(),
            format!(
                "the expression has {} bytes, the most is {MAX_LENGTH}",
                source.len()
            ),
        ));
    }
    let tokens = Lexer { source, at: 0 }.tokens()?;
    let mut parser = Parser {
        tokens,
        at: 0,
        nesting: 0,
    };
    let expr = parser.expression()?;
    match parser.peek() {
        (Token::End, _) => Ok(expr),
        (_, span) => Err(Fault::new(span.clone(), "the expression should end here")),
    }
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

const SYMBOLS: &[&str] = &[
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", ".", ",", "?", ":", "+",
    "-", "*", "/", "%",
];

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or("")
    }

    fn tokens(mut self) -> Result<Vec<(Token, Span)>, Fault> {
        let mut tokens = Vec::new();
        loop {
            self.skip_blank();
            let start = self.at;
            let Some(first) = self.rest().chars().next() else {
                tokens.push((Token::End, start..start));
                return Ok(tokens);
            };
            let token = match first {
                '"' | '\'' => self.string(first, false)?,
                'r' | 'R' if self.rest().get(1..2).is_some_and(|c| c == "\"" || c == "'") => {
                    self.at += 1;
                    let quote = self.rest().chars().next().unwrap_or('"');
                    self.string(quote, true)?
                }
                '0'..='9' => self.number()?,
                c if c.is_ascii_alphabetic() || c == '_' => {
                    let length = self
                        .rest()
                        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                        .unwrap_or(self.rest().len());
                    let text = self.rest().get(..length).unwrap_or("").to_owned();
                    self.at += length;
                    Token::Ident(text)
                }
                _ => self.symbol(first)?,
            };
            tokens.push((token, start..self.at));
        }
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
            let mut skipped = rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                skipped += trimmed.find('\n').unwrap_or(trimmed.len());
            }
            if skipped == 0 {
                return;
            }
            self.at += skipped;
        }
    }

    fn symbol(&mut self, first: char) -> Result<Token, Fault> {
        if let Some(symbol) = SYMBOLS.iter().find(|s| self.rest().starts_with(**s)) {
            self.at += symbol.len();
            return Ok(Token::Symbol(symbol));
        }
        let span = self.at..self.at + first.len_utf8();
        let (message, suggestion) = match first {
            '&' => ("`&` is not an operator", Some("&&")),
            '|' => ("`|` is not an operator", Some("||")),
            '=' => ("`=` is not an operator", Some("==")),
            '{' => ("maps are not part of the language", None),
            _ => ("this character has no meaning here", None),
        };
        Err(Fault::new(span, message).with_suggestion(suggestion.map(str::to_owned)))
    }

    fn number(&mut self) -> Result<Token, Fault> {
        let start = self.at;
        let rest = self.rest();
        let (digits, radix, prefix) = match rest.get(..2) {
            Some("0x" | "0X") => (rest.get(2..).unwrap_or(""), 16, 2),
            _ => (rest, 10, 0),
        };
        let length = digits
            .find(|c: char| !c.is_digit(radix))
            .unwrap_or(digits.len());
        let text = digits.get(..length).unwrap_or("").to_owned();
        let after = digits.get(length..).unwrap_or("");
        let fraction = radix == 10
            && (after.starts_with(['e', 'E'])
                || (after.starts_with('.')
                    && after
                        .get(1..)
                        .is_some_and(|a| a.starts_with(|c: char| c.is_ascii_digit()))));
        let end = start + prefix + length;
        if fraction {
            return Err(Fault::new(
                start..end + 1,
                "fractions are not part of the language",
            ));
        }
        if after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return Err(Fault::new(
                start..end + 1,
                "a number is written in digits only",
            ));
        }
        self.at = end;
        u64::from_str_radix(&text, radix)
            .map(Token::Int)
            .map_err(|_| Fault::new(start..end, "the number is not a 64-bit integer"))
    }

    fn string(&mut self, quote: char, raw: bool) -> Result<Token, Fault> {
        let start = self.at;
        self.at += quote.len_utf8();
        let mut text = String::new();
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(Fault::new(start..self.at, "the text is not closed"));
            };
            match c {
                c if c == quote => {
                    self.at += c.len_utf8();
                    return Ok(Token::String(text));
                }
                '\n' | '\r' => {
                    return Err(Fault::new(start..self.at, "the text is not closed"));
                }
                '\\' if raw => {
                    // A raw text keeps its backslashes, but one cannot stand before the quote:
                    // whether that closes the text is where readers and parsers disagree.
                    if self.rest().get(1..).is_some_and(|r| r.starts_with(quote)) {
                        return Err(Fault::new(
                            self.at..self.at + 2,
                            "a raw text cannot hold a backslash before its quote",
                        ));
                    }
                    text.push(c);
                    self.at += 1;
                }
                '\\' => text.push(self.escape()?),
                c => {
                    text.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.at;
        let mut chars = self.rest().chars().skip(1);
        let code = chars.next();
        let simple = match code {
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('a') => Some('\u{7}'),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('v') => Some('\u{b}'),
            Some(c @ ('\\' | '\'' | '"' | '`' | '?')) => Some(c),
            _ => None,
        };
        if let Some(c) = simple {
            self.at += 2;
            return Ok(c);
        }
        let digits = match code {
            Some('x' | 'X') => 2,
            Some('u') => 4,
            Some('U') => 8,
            other => {
                let length = other.map_or(0, char::len_utf8);
                return Err(Fault::new(
                    start..start + 1 + length,
                    "there is no such escape; a backslash is written `\\\\`",
                )
                .with_suggestion(other.map(|c| format!("\\\\{c}"))));
            }
        };
        let hex: String = chars.take(digits).collect();
        let end = start + 2 + hex.len();
        let value = (hex.len() == digits && hex.chars().all(|c| c.is_ascii_hexdigit()))
            .then(|| u32::from_str_radix(&hex, 16).ok())
            .flatten()
            .and_then(char::from_u32);
        self.at = end;
        value.ok_or_else(|| {
            Fault::new(
                start..end,
                format!("the escape needs {digits} hexadecimal digits of a character"),
            )
        })
    }
}

struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
    nesting: usize,
}

const END: &(Token, Span) = &(Token::End, 0..0);

impl Parser {
    fn peek(&self) -> &(Token, Span) {
        self.tokens
            .get(self.at)
            .or_else(|| self.tokens.last())
            .unwrap_or(END)
    }

    fn next(&mut self) -> (Token, Span) {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn eat(&mut self, symbol: &'static str) -> Option<Span> {
        let (token, span) = self.peek();
        let span = span.clone();
        (*token == Token::Symbol(symbol)).then(|| {
            self.at += 1;
            span
        })
    }

    fn expect(&mut self, symbol: &'static str, open: &Span) -> Result<Span, Fault> {
        self.eat(symbol).ok_or_else(|| {
            let (token, span) = self.peek();
            if *token == Token::End {
                Fault::new(open.clone(), format!("`{symbol}` is missing for this"))
            } else {
                Fault::new(span.clone(), format!("`{symbol}` is missing before this"))
            }
        })
    }

    fn expression(&mut self) -> Result<Expr, Fault> {
        self.nesting += 1;
        if self.nesting > MAX_DEPTH / 4 {
            return Err(too_deep(self.peek().1.clone()));
        }
        let condition = self.binary(1)?;
        let expr = if let Some(mark) = self.eat("?") {
            let then = self.binary(1)?;
            self.expect(":", &mark)?;
            let otherwise = self.expression()?;
            let span = condition.span.start..otherwise.span.end;
            let depth = deepest([&condition, &then, &otherwise]);
            build(
                ExprKind::Conditional {
                    condition: Box::new(condition),
                    then: Box::new(then),
                    otherwise: Box::new(otherwise),
                },
                span,
                depth,
            )?
        } else {
            condition
        };
        self.nesting -= 1;
        Ok(expr)
    }

    fn operator(&self) -> Option<Operator> {
        let symbol = match &self.peek().0 {
            Token::Ident(word) if word == "in" => return Some(Operator::In),
            Token::Symbol(symbol) => *symbol,
            _ => return None,
        };
        [
            Operator::Or,
            Operator::And,
            Operator::Equal,
            Operator::NotEqual,
            Operator::Less,
            Operator::LessOrEqual,
            Operator::Greater,
            Operator::GreaterOrEqual,
            Operator::Add,
            Operator::Subtract,
            Operator::Multiply,
            Operator::Divide,
            Operator::Remainder,
        ]
        .into_iter()
        .find(|operator| operator.as_str() == symbol)
    }

    fn binary(&mut self, least: u8) -> Result<Expr, Fault> {
        let mut left = self.unary()?;
        while let Some(operator) = self.operator().filter(|o| o.precedence() >= least) {
            self.at += 1;
            let right = self.binary(operator.precedence() + 1)?;
            let span = left.span.start..right.span.end;
            let depth = deepest([&left, &right]);
            left = build(
                ExprKind::Binary {
                    operator,
                    left: Box::new(left),
                    right: Box::new(right),
                },
                span,
                depth,
            )?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Fault> {
        let (token, start) = self.peek().clone();
        match token {
            Token::Symbol("!") => {
                let mut marks = 0_usize;
                while self.eat("!").is_some() {
                    marks += 1;
                }
                let mut expr = self.member()?;
                for _ in 0..marks {
                    let depth = expr.depth;
                    let span = start.start..expr.span.end;
                    expr = build(ExprKind::Not(Box::new(expr)), span, depth)?;
                }
                Ok(expr)
            }
            Token::Symbol("-") => {
                self.at += 1;
                if let (Token::Int(value), span) = self.peek().clone() {
                    self.at += 1;
                    let value = 0_i64
                        .checked_sub_unsigned(value)
                        .ok_or_else(|| too_large(span.clone()))?;
                    return self.postfix(leaf(ExprKind::Int(value), start.start..span.end));
                }
                if self.eat("-").is_some() {
                    return Err(Fault::new(start, "one sign is enough"));
                }
                let expr = self.member()?;
                let depth = expr.depth;
                let span = start.start..expr.span.end;
                build(ExprKind::Negate(Box::new(expr)), span, depth)
            }
            _ => self.member(),
        }
    }

    fn member(&mut self) -> Result<Expr, Fault> {
        let primary = self.primary()?;
        self.postfix(primary)
    }

    fn postfix(&mut self, mut expr: Expr) -> Result<Expr, Fault> {
        loop {
            if self.eat(".").is_some() {
                let (Token::Ident(name), name_span) = self.next() else {
                    return Err(Fault::new(
                        self.tokens.get(self.at - 1).unwrap_or(END).1.clone(),
                        "a name should follow the point",
                    ));
                };
                if matches!(name.as_str(), "true" | "false" | "null" | "in") {
                    return Err(Fault::new(name_span, format!("`{name}` is not a name")));
                }
                let start = expr.span.start;
                let depth = expr.depth;
                expr = if let Some(open) = self.eat("(") {
                    let (args, end) = self.list(")", &open)?;
                    let depth = args.iter().map(|a| a.depth).fold(depth, usize::max);
                    build(
                        ExprKind::Call {
                            target: Some(Box::new(expr)),
                            name,
                            name_span,
                            args,
                        },
                        start..end,
                        depth,
                    )?
                } else {
                    let end = name_span.end;
                    build(
                        ExprKind::Select {
                            of: Box::new(expr),
                            field: name,
                            field_span: name_span,
                        },
                        start..end,
                        depth,
                    )?
                };
            } else if let Some(open) = self.eat("[") {
                let index = self.expression()?;
                let end = self.expect("]", &open)?.end;
                let span = expr.span.start..end;
                let depth = deepest([&expr, &index]);
                expr = build(
                    ExprKind::Index {
                        of: Box::new(expr),
                        index: Box::new(index),
                    },
                    span,
                    depth,
                )?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let (token, span) = self.next();
        match token {
            Token::Int(value) => i64::try_from(value)
                .map(|value| leaf(ExprKind::Int(value), span.clone()))
                .map_err(|_| too_large(span)),
            Token::String(text) => Ok(leaf(ExprKind::String(text), span)),
            Token::Ident(word) => self.word(word, span),
            Token::Symbol("(") => {
                let inner = self.expression()?;
                self.expect(")", &span)?;
                Ok(inner)
            }
            Token::Symbol("[") => {
                let (items, end) = self.list("]", &span)?;
                let depth = items.iter().map(|i| i.depth).max().unwrap_or(0);
                build(ExprKind::List(items), span.start..end, depth)
            }
            Token::End => Err(Fault::new(span, "the expression is not complete")),
            Token::Symbol(symbol) => Err(Fault::new(
                span,
                format!("a value should stand here, not `{symbol}`"),
            )),
        }
    }

    fn word(&mut self, word: String, span: Span) -> Result<Expr, Fault> {
        match word.as_str() {
            "true" => return Ok(leaf(ExprKind::Bool(true), span)),
            "false" => return Ok(leaf(ExprKind::Bool(false), span)),
            "null" => {
                return Err(Fault::new(
                    span,
                    "`null` is not part of the language; whether a value is there says `has(...)`",
                ));
            }
            "in" => return Err(Fault::new(span, "a value should stand before `in`")),
            reserved if RESERVED.contains(&reserved) => {
                return Err(Fault::new(span, format!("`{word}` is reserved")));
            }
            _ => {}
        }
        let Some(open) = self.eat("(") else {
            return Ok(leaf(ExprKind::Ident(word), span));
        };
        let (args, end) = self.list(")", &open)?;
        let depth = args.iter().map(|a| a.depth).max().unwrap_or(0);
        build(
            ExprKind::Call {
                target: None,
                name: word,
                name_span: span.clone(),
                args,
            },
            span.start..end,
            depth,
        )
    }

    /// Items up to `close`; returns them and the end of `close`.
    fn list(&mut self, close: &'static str, open: &Span) -> Result<(Vec<Expr>, usize), Fault> {
        let mut items = Vec::new();
        if let Some(span) = self.eat(close) {
            return Ok((items, span.end));
        }
        loop {
            items.push(self.expression()?);
            if self.eat(",").is_none() {
                let end = self.expect(close, open)?.end;
                return Ok((items, end));
            }
        }
    }
}

const fn leaf(kind: ExprKind, span: Span) -> Expr {
    Expr {
        kind,
        span,
        depth: 1,
    }
}

fn deepest<const N: usize>(children: [&Expr; N]) -> usize {
    children.iter().map(|c| c.depth).max().unwrap_or(0)
}

fn build(kind: ExprKind, span: Span, depth_below: usize) -> Result<Expr, Fault> {
    if depth_below >= MAX_DEPTH {
        return Err(too_deep(span));
    }
    Ok(Expr {
        kind,
        span,
        depth: depth_below + 1,
    })
}

fn too_deep(span: Span) -> Fault {
    Fault::new(span, "the expression is nested too deeply")
}

fn too_large(span: Span) -> Fault {
    Fault::new(span, "the number is not a 64-bit integer")
}
