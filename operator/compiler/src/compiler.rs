//! The whole path, with memory: objects that did not change are not compiled again.

use std::collections::BTreeSet;
use std::sync::Arc;

use realmwright_snapshot::{
    InstanceName, RealmId, RealmSnapshot, RegionName, Sealed, SigningAlgorithm,
};
use url::Url;

use crate::diagnostics::{Diagnostic, Location, Severity};
use crate::doubts::{Doubtful, Unread};
use crate::fault::Report;
use crate::index::{Broken, Index};
use crate::manifests::Manifests;
use crate::object::{Kind, Placed};
use crate::parse::Content;
use crate::read::{ReadDocument, ReadFile, Reader, Unreadable};
use crate::realm::{self, Memory, Surroundings};
use crate::secrets::{SecretNeeds, SecretValues};
use crate::validate::placements;

/// For whom to compile: an input, never read from the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileProfile {
    /// Issuers are https and stay as written.
    Production,
    /// `realmwright dev`: issuers are rewritten to an origin that may be plain http on loopback.
    /// One placement is served at the origin plus its issuer's path, several at
    /// `<origin>/<realm id>` plus their paths.
    Dev {
        /// Scheme, host and port.
        origin: Url,
    },
}

/// One placement of one realm, ready to be bound and shipped.
#[derive(Clone, Debug)]
pub struct CompiledRealm {
    /// The realm's id.
    pub id: RealmId,
    /// Namespace of the Realm.
    pub namespace: String,
    /// Name of the Realm.
    pub name: String,
    /// Region of the placement.
    pub region: RegionName,
    /// Instance of the region.
    pub instance: InstanceName,
    /// The issuer as the manifest says it; the snapshot's differs in the `Dev` profile.
    pub declared_issuer: Url,
    /// The values.
    pub snapshot: Arc<RealmSnapshot>,
    /// The same, sealed.
    pub sealed: Sealed,
    /// Algorithms that keys are needed for.
    pub algorithms: BTreeSet<SigningAlgorithm>,
    /// Secrets that it cannot be served without.
    pub secrets: SecretNeeds,
}

/// The outcome of one case of a `RealmTest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// `namespace/name` of the RealmTest.
    pub test: String,
    /// Name of the case.
    pub case: String,
    /// Where the case stands.
    pub location: Option<Location>,
    /// One line for each expectation that was not met; empty when the case passed.
    pub differences: Vec<String>,
}

impl TestResult {
    /// Whether every expectation was met.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// How much of a compile was not remembered from the last one. It grows with the change and not
/// with the realm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Files that were cut into documents.
    pub files: usize,
    /// Documents that were parsed and held against their schema and its rules.
    pub documents: usize,
    /// Clients that were lowered.
    pub clients: usize,
    /// Flows whose graph was walked.
    pub flows: usize,
    /// Parts of clients that were sealed, of 256 for each placement.
    pub parts: usize,
}

/// What a compile gives.
#[derive(Clone, Debug, Default)]
pub struct Compilation {
    /// Every placement of every realm that has no error, by realm id and region. A realm whose
    /// config tests fail is not here.
    pub realms: Vec<CompiledRealm>,
    /// Everything there is to say, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The config tests that ran.
    pub tests: Vec<TestResult>,
    /// Values of the Secrets among the manifests.
    pub secrets: SecretValues,
    /// What it cost.
    pub work: Work,
}

impl Compilation {
    /// Whether anything was refused.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Compiles manifests again and again; the work grows with what changed since the last time.
#[derive(Debug, Default)]
pub struct Compiler {
    reader: Reader,
    memory: Memory,
    secrets: SecretValues,
}

impl Compiler {
    /// A compiler without memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The good resources of the last compile.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Placed> {
        self.reader.objects()
    }

    /// Compiles everything. The result depends on the arguments only, never on what was compiled
    /// before; only [`Compilation::work`] does.
    pub fn compile(&mut self, manifests: &Manifests, profile: &CompileProfile) -> Compilation {
        let mut report = Report::default();
        let read = self.reader.read(manifests);
        let Input { broken, unnamed } = input(self.reader.files(), &mut report);
        let index = Index::build(self.reader.objects(), &mut report);
        let located = placements::resolve(&index, &mut report);
        let surroundings = Surroundings {
            index: &index,
            broken: &broken,
            unnamed: &unnamed,
            profile,
            realms: index.realms.len()
                + broken
                    .iter()
                    .filter(|broken| broken.id.kind == Kind::Realm)
                    .count(),
        };
        let mut compilation = Compilation {
            work: Work {
                files: read.files,
                documents: read.documents,
                ..Work::default()
            },
            ..Compilation::default()
        };
        for (key, located) in &located {
            let outcome =
                realm::compile(&surroundings, key, located, &mut self.memory, &mut report);
            compilation.realms.extend(outcome.realms);
            compilation.tests.extend(outcome.tests);
            compilation.work.clients += outcome.work.clients;
            compilation.work.flows += outcome.work.flows;
            compilation.work.parts += outcome.work.parts;
        }
        compilation.secrets = self.secrets.now(&index.secrets);
        compilation
            .realms
            .sort_by(|a, b| (&a.id, &a.region).cmp(&(&b.id, &b.region)));
        compilation.diagnostics = report.diagnostics;
        compilation
            .diagnostics
            .sort_by(|a, b| a.order().cmp(&b.order()));
        self.memory.turn();
        compilation
    }
}

/// What is among the manifests beside good resources.
#[derive(Default)]
struct Input {
    broken: Vec<Broken>,
    /// Namespaces of what could not be read at all; none where not even that is known.
    unnamed: Vec<Option<String>>,
}

fn input(files: &[Arc<ReadFile>], report: &mut Report) -> Input {
    let mut input = Input::default();
    for file in files.iter().filter(|file| !file.is_plain) {
        match &file.documents {
            Ok(documents) => {
                for document in documents {
                    input.add(document, report);
                }
            }
            Err(Unreadable { code, message }) => {
                report.add_file(&file.path, *code, message.clone());
                report.doubts.add_unread(Unread::default());
                input.unnamed.push(None);
            }
        }
    }
    input
}

impl Input {
    fn add(&mut self, read: &ReadDocument, report: &mut Report) {
        let id = match &read.parsed.content {
            Content::Object(object) => Some(&object.id),
            Content::Broken { id, realm, called } => {
                report.doubts.add(Doubtful {
                    kind: id.kind,
                    namespace: realm.as_ref().map_or(&id.namespace, |key| &key.namespace),
                    realm: realm.as_ref(),
                    called: called.as_deref(),
                });
                self.broken.push(Broken {
                    id: id.clone(),
                    realm: realm.clone(),
                });
                Some(id)
            }
            Content::Unnamed { unread } => {
                report.doubts.add_unread(unread.clone());
                self.unnamed.push(unread.namespace.clone());
                None
            }
            Content::Nothing => None,
        };
        for fault in &read.parsed.faults {
            report.add_document(&read.document, id, fault.clone());
        }
    }
}
