//! What a recorded refusal means in a configuration: where its rules stand, what their author
//! wrote, and what the atoms say whose truth values were recorded.

use std::borrow::Cow;

use realmwright_crds::auth_flow::FlowRule as SpecRule;
use realmwright_decision::expression::{Compiled, Environment, Scope};
use realmwright_decision::why::{JudgedRule, RuleList, Verdict, Why};
use realmwright_snapshot::{
    ClientId, DataClass, Expression, FlowName, FlowRule, LocalizedText, Outcome, RealmSnapshot,
};
use serde::Serialize;

use crate::compiler::{CompiledRealm, Compiler};
use crate::diagnostics::Location;
use crate::fault::Report;
use crate::object::{Placed, Resource};
use crate::path::{FieldPath, field};

/// A rule of a refusal in a configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedRule {
    /// Path of its list.
    pub list: RuleList,
    /// Its name.
    pub name: String,
    /// Whether it has the condition that was judged; without it, what the atoms say is not known.
    pub same_condition: bool,
    /// What the author tells the person; empty where the pages have their own text.
    pub message: LocalizedText,
    /// What its condition came to; none where an atom is left out.
    pub truth: Option<Verdict>,
    /// The atoms that were recorded.
    pub atoms: Vec<ExplainedAtom>,
    /// How many read medical attributes and are left out.
    pub left_out: usize,
}

/// An atom and what it came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedAtom {
    /// Its place among the different atoms of the condition, from 0.
    pub at: usize,
    /// Its source, where that is known.
    pub text: Option<String>,
    /// What it came to.
    pub truth: Verdict,
    /// Strictest class of what it reads.
    #[serde(serialize_with = "class")]
    pub class: DataClass,
}

fn class<S: serde::Serializer>(class: &DataClass, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(class.as_str())
}

/// What the rules of a refusal of somebody on the way to `client` say in this configuration; of
/// one that is not known, what was recorded.
#[must_use]
pub fn explain(why: &Why, client: &ClientId, realm: Option<&RealmSnapshot>) -> Vec<ExplainedRule> {
    let flow = flow_of(why);
    let rules = why.rules().iter();
    rules
        .map(|judged| {
            let written = realm.and_then(|realm| written(realm, flow, client, judged));
            explained(judged, realm, written.as_ref())
        })
        .collect()
}

fn flow_of(why: &Why) -> Option<&FlowName> {
    match why {
        Why::Flow { flow, .. } => Some(flow),
        Why::Access { .. } | Why::BuiltIn { .. } => None,
    }
}

/// A rule as its author wrote it.
struct Written<'a> {
    when: Option<&'a Expression>,
    message: Cow<'a, LocalizedText>,
}

fn written<'a>(
    realm: &'a RealmSnapshot,
    flow: Option<&FlowName>,
    client: &ClientId,
    judged: &JudgedRule,
) -> Option<Written<'a>> {
    let name = &judged.name;
    let of_list = |rules: &'a [FlowRule]| {
        let rule = rules.iter().find(|rule| rule.name == *name)?;
        Some(Written {
            when: rule.when.as_ref(),
            message: match &rule.then {
                Outcome::Deny { message, .. } => Cow::Borrowed(message),
                _ => Cow::default(),
            },
        })
    };
    let flow = || realm.flows.get(flow?);
    match judged.list {
        RuleList::Deny => {
            let mut rules = flow()?.deny.iter();
            rules.find(|rule| rule.name == *name).map(|rule| Written {
                when: Some(&rule.when),
                message: Cow::Borrowed(&rule.message),
            })
        }
        RuleList::Entry => of_list(&flow()?.entry),
        RuleList::AfterStep => of_list(&flow()?.after_step),
        RuleList::Access => {
            let mut rules = realm.clients.get(client)?.access.rules.iter().flatten();
            rules.find(|rule| rule.name == *name).map(|rule| Written {
                when: Some(&rule.when),
                message: Cow::default(),
            })
        }
    }
}

fn explained(
    judged: &JudgedRule,
    realm: Option<&RealmSnapshot>,
    written: Option<&Written<'_>>,
) -> ExplainedRule {
    let compiled = realm
        .zip(written.and_then(|written| written.when))
        .and_then(|(realm, when)| {
            let core = &realm.core;
            let environment =
                Environment::new(Scope::Condition, &core.attributes, &core.session_claims);
            Compiled::condition(when, &environment).ok()
        });
    let same = compiled.filter(|compiled| judged.condition == Some(compiled.digest()));
    let texts = same.as_ref().map(Compiled::atoms).unwrap_or_default();
    let atoms = judged.atoms.iter().map(|atom| ExplainedAtom {
        at: atom.at,
        // A class may have become stricter since: what is medical now is not said.
        text: texts
            .get(atom.at)
            .filter(|known| known.class < DataClass::Medical)
            .map(|known| known.text.to_owned()),
        truth: atom.truth,
        class: atom.class,
    });
    ExplainedRule {
        list: judged.list,
        name: judged.name.clone(),
        same_condition: same.is_some()
            || judged.condition.is_none() && written.is_some_and(|rule| rule.when.is_none()),
        message: written.map_or_else(LocalizedText::default, |rule| {
            rule.message.clone().into_owned()
        }),
        truth: judged.truth,
        atoms: atoms.collect(),
        left_out: judged.left_out,
    }
}

impl Compiler {
    /// Where a rule of a refusal stands in a realm of the last compile; none when it has no such
    /// rule any more.
    #[must_use]
    pub fn place_of_rule(
        &self,
        realm: &CompiledRealm,
        why: &Why,
        client: &ClientId,
        rule: &ExplainedRule,
    ) -> Option<Location> {
        let (placed, list) = match flow_of(why) {
            Some(flow) => self.flow_rule(realm, flow, rule)?,
            None => self.access_rule(realm, client, rule)?,
        };
        Report::default().place(placed, &list.at("name"))
    }

    fn flow_rule(
        &self,
        realm: &CompiledRealm,
        flow: &FlowName,
        rule: &ExplainedRule,
    ) -> Option<(&Placed, FieldPath)> {
        self.members(realm).find_map(|placed| {
            let Resource::AuthFlow(spec) = &placed.object.resource else {
                return None;
            };
            if placed.object.id.name != flow.as_str() {
                return None;
            }
            let place = |rules: &[SpecRule]| {
                let mut rules = rules.iter();
                rules.position(|known| known.name.as_str() == rule.name)
            };
            let (list, index) = match rule.list {
                RuleList::Deny => {
                    let mut rules = spec.deny.iter();
                    let index = rules.position(|known| known.name.as_str() == rule.name);
                    ("deny", index?)
                }
                RuleList::Entry => ("entry", place(&spec.entry)?),
                RuleList::AfterStep => ("afterStep", place(&spec.after_step)?),
                RuleList::Access => return None,
            };
            Some((placed, field!("spec", list, index)))
        })
    }

    fn access_rule(
        &self,
        realm: &CompiledRealm,
        client: &ClientId,
        rule: &ExplainedRule,
    ) -> Option<(&Placed, FieldPath)> {
        let (placed, spec) = self.client(realm, client)?;
        let mut rules = spec.access.as_ref()?.rules.iter();
        let index = rules.position(|known| known.name.as_str() == rule.name)?;
        Some((placed, field!("spec", "access", "rules", index)))
    }
}
