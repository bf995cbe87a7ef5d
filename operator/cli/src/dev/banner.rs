//! What `dev` says once it serves.

use std::path::Path;
use std::time::Duration;

use realmwright_compiler::Manifests;
use serde::Deserialize;
use url::Url;

use super::demo::Demo;
use super::publish::{Publisher, Report};
use super::state::{self, State};
use crate::arguments::Format;
use crate::output::{BOLD, FAINT, GOOD, LINK, Output};

/// Annotations, best on the Secret with the password hash, that name a person to try it with.
const LOGIN: &str = "realmwright.dev/demo-login";
const PASSWORD: &str = "realmwright.dev/demo-password";

pub(crate) struct Banner<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) state: &'a State,
    pub(crate) origin: &'a Url,
    pub(crate) publisher: &'a Publisher,
    pub(crate) demo: Option<&'a Demo>,
    pub(crate) manifests: &'a Manifests,
    pub(crate) report: &'a Report,
    pub(crate) took: Duration,
}

/// A person to try it with.
#[derive(Debug, PartialEq, Eq)]
struct DemoPerson {
    login: String,
    password: String,
}

#[derive(Deserialize)]
struct Annotated {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

/// The first object that names one. A document that cannot be read has been reported already.
fn demo_person(manifests: &Manifests) -> Option<DemoPerson> {
    manifests.iter().find_map(|(_, bytes)| {
        let text = std::str::from_utf8(bytes).ok()?;
        if !text.contains(LOGIN) {
            return None;
        }
        let documents: Vec<Annotated> = serde_saphyr::from_multiple(text).ok()?;
        documents.into_iter().find_map(|document| {
            let annotations = document.metadata.annotations;
            Some(DemoPerson {
                login: annotations.get(LOGIN)?.clone(),
                password: annotations.get(PASSWORD)?.clone(),
            })
        })
    })
}

/// Whether nobody wrote any: the Secrets that we make do not count.
fn holds_no_yaml(manifests: &Manifests) -> bool {
    let mut files = manifests.iter();
    files.all(|(path, _)| Path::new(path.as_ref()).starts_with(state::NAME))
}

impl Banner<'_> {
    pub(crate) fn print(&self, output: Output) -> anyhow::Result<()> {
        if output.format == Format::Json {
            return self.print_json(output);
        }
        let entry = |name: &str, value: String| {
            output.line(format_args!(
                "  {} {value}",
                output.paint(FAINT, format_args!("{name:<12}"))
            ));
        };
        output.line("");
        output.line(format_args!(
            "  {}  {}",
            output.paint(BOLD, "Realmwright"),
            output.paint(FAINT, self.folder.display())
        ));
        for placement in self.publisher.served().values() {
            let core = &placement.compiled.snapshot.core;
            let default = &core.locales.default;
            let name = core
                .display_name
                .get(default, default)
                .unwrap_or(core.id.as_str());
            let declared = placement.compiled.declared_issuer.as_str();
            let served = core.issuer.as_str().trim_end_matches('/');
            output.line("");
            entry(
                "realm",
                format!(
                    "{} {}",
                    output.paint(BOLD, name),
                    output.paint(FAINT, &core.id)
                ),
            );
            entry("issuer", output.paint(LINK, served));
            entry(
                "",
                output.paint(
                    FAINT,
                    format_args!(
                        "in YAML {}; here it is served at {}",
                        declared.trim_end_matches('/'),
                        self.origin.as_str().trim_end_matches('/')
                    ),
                ),
            );
        }
        output.line("");
        if let Some(demo) = self.demo {
            entry("demo", output.paint(LINK, demo.url.as_str()));
        }
        let is_served = !self.publisher.served().is_empty();
        if let Some(person) = demo_person(self.manifests).filter(|_| is_served) {
            entry(
                "log in as",
                format!(
                    "{}  {} {}",
                    output.paint(BOLD, &person.login),
                    output.paint(FAINT, "password"),
                    output.paint(BOLD, &person.password)
                ),
            );
        }
        entry("state", output.paint(FAINT, self.state.root().display()));
        output.line("");
        if holds_no_yaml(self.manifests) {
            output.line(format_args!(
                "  {} holds no YAML, so nothing is served yet. A copy of examples/quickstart is a \
                 start.",
                self.folder.display()
            ));
        } else if !is_served {
            output.line("  Nothing is served yet.");
        } else {
            output.line(format_args!(
                "  {} in {} ms. Edit the YAML and it is live at once; Ctrl-C ends.",
                output.paint(GOOD, "Ready"),
                self.took.as_millis()
            ));
        }
        output.line("");
        Ok(())
    }

    fn print_json(&self, output: Output) -> anyhow::Result<()> {
        let realms: Vec<_> = self
            .publisher
            .served()
            .values()
            .map(|placement| {
                serde_json::json!({
                    "realm": placement.compiled.id,
                    "issuer": placement.compiled.snapshot.core.issuer.as_str().trim_end_matches('/'),
                    "declaredIssuer": placement.compiled.declared_issuer,
                    "digest": placement.compiled.sealed.digest,
                })
            })
            .collect();
        output.line(serde_json::json!({
            "ready": !self.publisher.served().is_empty(),
            "realms": realms,
            "demo": self.demo.map(|demo| demo.url.as_str()),
            "state": self.state.root(),
            "tookMs": u64::try_from(self.took.as_millis())?,
            "diagnostics": self.report.diagnostics,
            "failingTests": self.report.failing,
            "notServed": self.report.not_served(),
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_secrets_are_no_yaml_of_a_person() {
        let mut manifests = Manifests::new();
        assert!(holds_no_yaml(&manifests));
        manifests.insert(".realmwright/secrets/a.yaml", b"kind: Secret\n".to_vec());
        assert!(holds_no_yaml(&manifests));
        manifests.insert("realm.yaml", b"kind: Realm\n".to_vec());
        assert!(!holds_no_yaml(&manifests));
    }

    #[test]
    fn the_demo_person_is_an_annotation() {
        let mut manifests = Manifests::new();
        let realm = "kind: Client\n---\nkind: Realm\nmetadata:\n  name: x\n  annotations:\n    \
                     realmwright.dev/demo-login: ann@example.com\n    \
                     realmwright.dev/demo-password: correct horse\n";
        manifests.insert("realm.yaml", realm.as_bytes().to_vec());
        assert_eq!(
            demo_person(&manifests),
            Some(DemoPerson {
                login: "ann@example.com".into(),
                password: "correct horse".into()
            })
        );
        let mut other = Manifests::new();
        other.insert("a.yaml", b"kind: Realm\nmetadata: {name: x}\n".to_vec());
        assert_eq!(demo_person(&other), None);
    }
}
