//! A refusal for people.

use std::fmt::Write as _;

use realmwright_decision::flow::BuiltIn;
use realmwright_decision::why::{Moment, RuleList, Verdict, Why};

use super::{Compared, Finding, Found};
use crate::output::{BAD, BOLD, FAINT, GOOD, LINK, Output};

/// Width of what stands in front of the values.
const NAMES: usize = 15;
/// Width of a truth value.
const VERDICTS: usize = 10;

/// All of it.
pub(super) fn human(finding: &Finding<'_>, output: Output) -> String {
    let mut page = Page {
        text: String::new(),
        output,
    };
    let denial = finding.denial;
    let at = denial.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let id = output.paint(BOLD, &denial.id);
    let _ = writeln!(page.text, "{id}  {}", output.paint(FAINT, at));
    match &denial.sub {
        Some(sub) => page.line("person", sub),
        None => page.line("person", "not known yet"),
    }
    page.line("application", &denial.client);
    page.line("when", moment(denial.record.moment));
    page.line("data class", &denial.class);
    match &denial.record.why {
        Why::Flow { flow, .. } => {
            for found in &finding.rules {
                let list = list(found.rule.list);
                page.line(
                    "refused by",
                    format_args!("{list} {} of flow {flow}", found.rule.name),
                );
                page.rule(finding, found, true);
            }
        }
        Why::Access { .. } if finding.rules.is_empty() => page.line(
            "refused by",
            format_args!(
                "{}: its access list holds no rule, which lets nobody in",
                denial.client
            ),
        ),
        Why::Access { .. } => {
            page.line(
                "refused by",
                format_args!("{}: none of its access rules holds", denial.client),
            );
            for found in &finding.rules {
                page.line("access rule", output.paint(BOLD, &found.rule.name));
                page.rule(finding, found, false);
            }
        }
        Why::BuiltIn { rule } => page.line(
            "refused by",
            format_args!("the provider itself: {}", built_in(*rule)),
        ),
    }
    page.configuration(finding);
    page.text
}

struct Page {
    text: String,
    output: Output,
}

impl Page {
    fn line(&mut self, name: &str, value: impl std::fmt::Display) {
        let name = self.output.paint(FAINT, format_args!("{name:<NAMES$}"));
        let _ = writeln!(self.text, "  {name}{value}");
    }

    /// Where it is written, what it says, and what it came to.
    fn rule(&mut self, finding: &Finding<'_>, found: &Found, refuses: bool) {
        let rule = &found.rule;
        if let Some(place) = &found.place {
            let place = format!("{}:{}", place.file.display(), place.line);
            let place = self.output.paint(LINK, place);
            self.line("", place);
        }
        if let Some(message) = rule.message.get(&finding.locale, &finding.locale) {
            self.line("message", format_args!("“{message}”"));
        }
        if let Some(came_to) = came_to(rule.truth, refuses) {
            self.line("", came_to);
        }
        for (number, atom) in rule.atoms.iter().enumerate() {
            let name = if number == 0 { "conditions" } else { "" };
            let text = atom.text.clone();
            let text = text.unwrap_or_else(|| format!("condition {} of the rule", atom.at + 1));
            let style = match atom.truth {
                Verdict::True => GOOD,
                Verdict::False => BAD,
                Verdict::Absent | Verdict::NotIdentified | Verdict::Failed => FAINT,
            };
            let truth = format!("{:<VERDICTS$}", verdict(atom.truth));
            let truth = self.output.paint(style, truth);
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            self.line(name, format_args!("{truth}{text}"));
        }
        if rule.left_out > 0 {
            let name = if rule.atoms.is_empty() {
                "conditions"
            } else {
                ""
            };
            let more = if rule.atoms.is_empty() { "" } else { " more" };
            let text = match rule.left_out {
                1 => format!("1{more} reads medical data and is left out"),
                several => format!("{several}{more} read medical data and are left out"),
            };
            self.line(name, self.output.paint(FAINT, text));
        }
    }

    fn configuration(&mut self, finding: &Finding<'_>) {
        let denial = finding.denial;
        let revision = denial.record.revision;
        let short: String = denial.digest.chars().take(12).collect();
        let name = finding.name;
        self.line(
            "configuration",
            format_args!("revision {revision}, {short}"),
        );
        match &finding.compared {
            Compared::Nothing => {
                self.line(
                    "",
                    "name its folder or REVISION:PATH to see file, line and conditions",
                );
            }
            Compared::Same => self.line("", format_args!("which is what {name} holds")),
            Compared::NoRealm => {
                let realm = &denial.realm;
                let region = &denial.region;
                self.line(
                    "",
                    format_args!("{name} holds no realm {realm} in {region} that compiles"),
                );
                self.older(finding);
            }
            Compared::Other(digest) => {
                let other: String = digest.chars().take(12).collect();
                self.line("", format_args!("{name} holds another one now, {other}"));
                let gone = finding
                    .rules
                    .iter()
                    .filter(|found| !found.rule.same_condition);
                let gone: Vec<&Found> = gone.collect();
                if gone.is_empty() {
                    self.line("", "the conditions above are the same in both");
                } else {
                    for found in gone {
                        let kind = list(found.rule.list);
                        let what = match found.place {
                            Some(_) => "has other conditions there",
                            None => "is not there any more",
                        };
                        self.line("", format_args!("{kind} {} {what}", found.rule.name));
                    }
                    self.older(finding);
                }
            }
        }
    }

    /// How to see the conditions that were judged.
    fn older(&mut self, finding: &Finding<'_>) {
        let name = finding.name;
        let path = name.split_once(':').map_or(name, |(_, path)| path);
        self.line(
            "",
            format_args!("to see it as it was, find the commit with `git log -- {path}`, then"),
        );
        let id = &finding.denial.id;
        self.line(
            "",
            format_args!("  realmwright why-denied {id} COMMIT:{path}"),
        );
    }
}

const fn moment(moment: Moment) -> &'static str {
    match moment {
        Moment::Entry => "at entry, before anything was asked",
        Moment::AfterStep => "after a step of the login",
        Moment::BeforeCode => "at the end of the login, before the application got its code",
        Moment::Redemption => "when the application redeemed its code",
        Moment::Refresh => "when the application refreshed its tokens",
    }
}

const fn built_in(rule: BuiltIn) -> &'static str {
    match rule {
        BuiltIn::Locked => "the account is locked",
        BuiltIn::NoMethodLeft => "more was asked for, and the person holds nothing to pass it with",
        BuiltIn::RequiredFactors => "too few factors were passed",
        BuiltIn::Standard => "no rule of the author applies",
    }
}

const fn list(list: RuleList) -> &'static str {
    match list {
        RuleList::Deny => "deny rule",
        RuleList::Entry => "entry rule",
        RuleList::AfterStep => "rule after a step",
        RuleList::Access => "access rule",
    }
}

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::True => "true",
        Verdict::False => "false",
        Verdict::Absent => "no value",
        Verdict::NotIdentified => "too early",
        Verdict::Failed => "failed",
    }
}

/// What is not plain from the refusal itself.
const fn came_to(truth: Option<Verdict>, refuses: bool) -> Option<&'static str> {
    match (truth, refuses) {
        (Some(Verdict::Absent), true) => {
            Some("something that it needs has no value, and then it refuses")
        }
        (Some(Verdict::Absent), false) => {
            Some("something that it needs has no value, and then it does not hold")
        }
        (Some(Verdict::Failed), true) => Some("it could not be evaluated, and then it refuses"),
        (Some(Verdict::Failed), false) => Some("it could not be evaluated, and so does not hold"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use realmwright_compiler::Colour;
    use realmwright_compiler::why::{ExplainedAtom, ExplainedRule};
    use realmwright_snapshot::{DataClass, LocalizedText};
    use serde_json::{Value, json};

    use super::super::Denial;
    use super::*;
    use crate::arguments::Format;
    use crate::reports::Place;

    fn denial(why: &Value) -> Denial {
        let denial = json!({
            "id": "7f3a-k2pq-9d4e",
            "at": "2026-11-25T17:03:11.5Z",
            "expiresAt": "2026-12-25T17:03:11.5Z",
            "realm": "identity.quickstart",
            "region": "ua",
            "client": "desk",
            "sub": "5d2f6b0a",
            "digest": "b378c73a34519f00",
            "class": "personal",
            "moment": "afterStep",
            "revision": 12,
            "why": why,
        });
        serde_json::from_value(denial).unwrap()
    }

    fn by_flow() -> Denial {
        denial(&json!({
            "by": "flow",
            "flow": "careful",
            "rule": {
                "list": "deny", "name": "adults", "class": "personal", "atoms": [], "leftOut": 1
            },
        }))
    }

    fn rule(name: &str, list: RuleList, atoms: &[(Verdict, Option<&str>)]) -> ExplainedRule {
        let atoms = atoms.iter().enumerate();
        ExplainedRule {
            list,
            name: name.to_owned(),
            same_condition: atoms.clone().all(|(_, (_, text))| text.is_some()),
            message: LocalizedText::default(),
            truth: Some(Verdict::False),
            left_out: 0,
            atoms: atoms
                .map(|(at, (truth, text))| ExplainedAtom {
                    at,
                    text: text.map(str::to_owned),
                    truth: *truth,
                    class: DataClass::Personal,
                })
                .collect(),
        }
    }

    fn at(line: u32) -> Option<Place> {
        Some(Place {
            file: "config/flow.yaml".into(),
            line,
            column: 1,
            end_column: 2,
        })
    }

    fn said(denial: &Denial, name: &str, compared: Compared, rules: Vec<Found>) -> String {
        let finding = Finding {
            denial,
            name,
            compared,
            rules,
            locale: "en".into(),
        };
        let output = Output {
            format: Format::Human,
            colour: Colour::None,
        };
        human(&finding, output)
    }

    #[test]
    fn a_rule_of_a_flow() {
        let rule = ExplainedRule {
            message: [("en", "You must be of age."), ("uk", "Лише для дорослих.")].into(),
            truth: None,
            left_out: 1,
            ..rule(
                "adults",
                RuleList::Deny,
                &[
                    (Verdict::True, Some("client.id == \"desk\"")),
                    (Verdict::Absent, Some("person.age\n    < 18")),
                ],
            )
        };
        let found = Found {
            rule,
            place: at(14),
        };
        insta::assert_snapshot!(said(&by_flow(), "config", Compared::Same, vec![found]));
    }

    #[test]
    fn a_rule_that_was_written_anew() {
        let rule = rule("adults", RuleList::Deny, &[(Verdict::True, None)]);
        let found = Found {
            rule,
            place: at(14),
        };
        let other = Compared::Other("00ff00ff00ff00ff".to_owned());
        insta::assert_snapshot!(said(&by_flow(), "config", other, vec![found]));
    }

    #[test]
    fn a_rule_that_is_gone() {
        let rule = rule("adults", RuleList::Deny, &[(Verdict::True, None)]);
        let found = Found { rule, place: None };
        let other = Compared::Other("00ff00ff00ff00ff".to_owned());
        insta::assert_snapshot!(said(&by_flow(), "config", other, vec![found]));
    }

    #[test]
    fn a_refusal_without_a_configuration() {
        let rule = rule("adults", RuleList::Deny, &[(Verdict::True, None)]);
        let found = Found { rule, place: None };
        insta::assert_snapshot!(said(&by_flow(), "", Compared::Nothing, vec![found]));
    }

    #[test]
    fn access_rules() {
        let by_access = denial(&json!({"by": "access", "rules": []}));
        let rules = [
            ("staff", Verdict::False, "\"staff\" in person.roles"),
            (
                "verified",
                Verdict::Failed,
                "timestamp(person.verified) < now",
            ),
        ];
        let found = rules.map(|(name, truth, text)| Found {
            rule: ExplainedRule {
                truth: Some(truth),
                ..rule(name, RuleList::Access, &[(truth, Some(text))])
            },
            place: at(40),
        });
        insta::assert_snapshot!(said(&by_access, "config", Compared::Same, found.into()));
        insta::assert_snapshot!(said(&by_access, "config", Compared::NoRealm, Vec::new()));
    }

    #[test]
    fn what_no_author_wrote() {
        let mut built_in = denial(&json!({"by": "builtIn", "rule": "NoMethodLeft"}));
        built_in.sub = None;
        insta::assert_snapshot!(said(&built_in, "config", Compared::Same, Vec::new()));
    }
}
