//! Specs to snapshot values. Each function destructures its spec without `..`, resolves what the
//! spec names against the [`Context`], and reports what it cannot resolve; a value that was
//! lowered with an error is never sealed. Defaults are in [`defaults`] only.

pub(crate) mod attributes;
pub(crate) mod claims;
pub(crate) mod client;
pub(crate) mod core;
pub(crate) mod defaults;
pub(crate) mod flow;
pub(crate) mod method;
pub(crate) mod oidc;
pub(crate) mod roles;
pub(crate) mod scope;

use std::collections::{BTreeMap, BTreeSet};

use realmwright_crds::Texts;
use realmwright_decision::expression::{Compiled, Environment, Scope, Type};
use realmwright_snapshot::{
    AttributeName, AttributeSnapshot, DataClass, Expression, Locale, Locales, LocalizedText,
    Period, RealmId,
};
use regex::Regex;
use url::Url;

use crate::diagnostics::Code;
use crate::doubts::Absent;
use crate::fault::Fault;
use crate::object::{Kind, RealmKey};
use crate::path::FieldPath;

/// What an object of a realm may name, and what it inherits.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) key: &'a RealmKey,
    pub(crate) id: RealmId,
    pub(crate) realm: &'a realmwright_crds::RealmSpec,
    pub(crate) locales: Locales,
    pub(crate) schema: Vec<AttributeSnapshot>,
    /// Every attribute and session claim, for conditions.
    pub(crate) environment: Environment,
    /// Class of each declared session claim: the strictest that some flow puts into it.
    pub(crate) session_claims: BTreeMap<String, DataClass>,
    pub(crate) scopes: BTreeMap<&'a str, ScopeFacts>,
    pub(crate) methods: BTreeMap<&'a str, MethodFacts>,
    pub(crate) flows: BTreeSet<&'a str>,
    pub(crate) tokens: defaults::Tokens,
}

/// What clients must know of a scope.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScopeFacts {
    pub(crate) system: bool,
    /// Strictest class that it releases.
    pub(crate) data_class: DataClass,
}

/// What flows must know of a method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MethodFacts {
    pub(crate) disabled: bool,
}

/// An attribute of a schema; `sub` is built in and in none.
pub(crate) fn declared<'a>(
    schema: &'a [AttributeSnapshot],
    name: &str,
) -> Option<&'a AttributeSnapshot> {
    schema
        .iter()
        .find(|attribute| attribute.name.as_str() == name)
}

pub(crate) fn unknown_attribute(
    schema: &[AttributeSnapshot],
    name: &str,
    path: FieldPath,
) -> Fault {
    let names = schema.iter().map(|attribute| attribute.name.as_str());
    Fault::not_found(Code::AttributeNotFound, path, "attribute", name, names)
}

impl Context<'_> {
    pub(crate) fn environment(&self, scope: Scope) -> Environment {
        self.environment.with_scope(scope)
    }

    /// An attribute of the schema; `sub` is built in and has no snapshot.
    pub(crate) fn attribute(&self, name: &str) -> Option<&AttributeSnapshot> {
        declared(&self.schema, name)
    }

    /// Reports an attribute that is neither declared nor `sub`.
    pub(crate) fn check_attribute(&self, name: &str, path: FieldPath, faults: &mut Vec<Fault>) {
        if name != SUB && self.attribute(name).is_none() {
            faults.push(unknown_attribute(&self.schema, name, path));
        }
    }

    /// Reports a flow that does not exist.
    pub(crate) fn check_flow(&self, name: &str, path: FieldPath, faults: &mut Vec<Fault>) {
        if !self.flows.contains(name) {
            let names = self.flows.iter().copied();
            faults.push(
                Fault::not_found(Code::FlowNotFound, path, "flow", name, names)
                    .lacking(Absent::member(Kind::AuthFlow, self.key, name)),
            );
        }
    }

    /// Texts by locale; a locale that the realm does not offer gets a warning. Without texts the
    /// `fallback` stands in the default locale.
    pub(crate) fn texts(
        &self,
        texts: Option<&Texts>,
        fallback: Option<&str>,
        path: &FieldPath,
        faults: &mut Vec<Fault>,
    ) -> LocalizedText {
        let Some(Texts(texts)) = texts else {
            return LocalizedText(
                fallback
                    .map(|text| (self.locales.default.clone(), text.to_owned()))
                    .into_iter()
                    .collect(),
            );
        };
        for locale in texts.keys() {
            if !self
                .locales
                .supported
                .iter()
                .any(|supported| supported.as_str() == locale)
            {
                let supported = self.locales.supported.iter().map(Locale::as_str);
                faults.push(
                    Fault::warning(
                        Code::UnsupportedLocale,
                        path.at(locale),
                        format!("the realm does not offer `{locale}`, so nobody sees this text"),
                    )
                    .note(format!(
                        "it offers {}",
                        supported.collect::<Vec<_>>().join(", ")
                    )),
                );
            }
        }
        LocalizedText(
            texts
                .iter()
                .map(|(locale, text)| (Locale::from(locale.as_str()), text.clone()))
                .collect(),
        )
    }

    /// The class of what an expression reads, session claims included.
    pub(crate) fn class_of(&self, compiled: &Compiled) -> DataClass {
        let reads = compiled.reads();
        reads
            .session_claims
            .iter()
            .filter_map(|claim| self.session_claims.get(claim).copied())
            .chain([reads.data_class])
            .max()
            .unwrap_or(DataClass::Personal)
    }
}

/// The built-in attribute.
pub(crate) const SUB: &str = "sub";

/// Checks an expression; `wanted` none admits every type.
pub(crate) fn expression(
    source: &str,
    environment: &Environment,
    wanted: Option<&Type>,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> (Expression, Option<Compiled>) {
    let source = Expression::from(source);
    let outcome = match wanted {
        Some(wanted) => Compiled::compile_as(&source, environment, wanted),
        None => Compiled::compile(&source, environment),
    };
    match outcome {
        Ok(compiled) => (source, Some(compiled)),
        Err(found) => {
            faults.extend(
                found
                    .into_iter()
                    .map(|fault| Fault::expression(path.clone(), fault)),
            );
            (source, None)
        }
    }
}

/// Checks a regular expression.
pub(crate) fn pattern(source: &str, path: FieldPath, faults: &mut Vec<Fault>) -> String {
    if let Err(fault) = Regex::new(source) {
        let last = fault
            .to_string()
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        faults.push(Fault::error(
            Code::BadPattern,
            path,
            format!("not a regular expression: {last}"),
        ));
    }
    source.to_owned()
}

/// Checks an address of ours: https.
pub(crate) fn https_url(text: &str, path: FieldPath, faults: &mut Vec<Fault>) -> Option<Url> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" => Some(url),
        Ok(_) => {
            faults.push(
                Fault::error(
                    Code::IssuerNotHttps,
                    path,
                    format!("`{text}` is not an https address"),
                )
                .fix(
                    "write `https://...`; `realmwright dev` serves it at its own origin".to_owned(),
                ),
            );
            None
        }
        Err(fault) => {
            faults.push(Fault::error(
                Code::BadIssuer,
                path,
                format!("`{text}` is not an address: {fault}"),
            ));
            None
        }
    }
}

/// A web address of an application.
pub(crate) fn web_url(text: &str, path: FieldPath, faults: &mut Vec<Fault>) -> Option<Url> {
    Url::parse(text)
        .map_err(|fault| {
            faults.push(Fault::error(
                Code::InvalidValue,
                path,
                format!("`{text}` is not an address: {fault}"),
            ));
        })
        .ok()
}

pub(crate) fn period(duration: Option<realmwright_crds::Duration>, default: Period) -> Period {
    duration.map_or(default, |duration| duration.get().into())
}

/// The schema keeps counts above zero.
pub(crate) fn count(value: Option<i32>, default: u32) -> u32 {
    value.map_or(default, |value| u32::try_from(value).unwrap_or(default))
}

/// One length of time must not exceed another; `path` is where the first one is said.
pub(crate) fn not_longer(
    (short, short_name): (Period, &str),
    (long, long_name): (Period, &str),
    path: FieldPath,
    faults: &mut Vec<Fault>,
) {
    if short > long {
        faults.push(Fault::error(
            Code::InconsistentPeriods,
            path,
            format!(
                "{short_name} ({}) is longer than {long_name} ({})",
                length(short),
                length(long)
            ),
        ));
    }
}

fn length(period: Period) -> String {
    let seconds = period.as_secs();
    match seconds {
        0 => format!("{}ms", period.as_millis()),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

pub(crate) fn attribute_name(name: &realmwright_crds::names::AttributeName) -> AttributeName {
    AttributeName::from(name.as_str())
}
