//! The whole path, with memory: objects that did not change are not compiled again.

use std::collections::BTreeSet;
use std::sync::Arc;

use realmwright_snapshot::{
    Digest, InstanceName, RealmId, RealmSnapshot, RegionName, Sealed, SigningAlgorithm,
};
use url::Url;

use crate::diagnostics::{Code, Diagnostic, Location, Severity};
use crate::fault::Report;
use crate::index::{Broken, Index};
use crate::manifests::{Document, Manifests, documents};
use crate::object::{Kind, Placed};
use crate::parse::{self, Content, Parsed};
use crate::realm::{self, Memory, Surroundings};
use crate::secrets::{SecretKey, SecretNeed, SecretValues};
use crate::stage::Memo;
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
    /// Secrets that it cannot be served without, in order of their handles.
    pub secrets: Vec<SecretNeed>,
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

/// A larger file is refused.
const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// Compiles manifests again and again; the work grows with what changed since the last time.
#[derive(Debug, Default)]
pub struct Compiler {
    documents: Memo<Digest, Parsed>,
    memory: Memory,
}

impl Compiler {
    /// A compiler without memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Compiles everything. The result depends on the arguments only, never on what was compiled
    /// before.
    pub fn compile(&mut self, manifests: &Manifests, profile: &CompileProfile) -> Compilation {
        let mut report = Report::default();
        let Input {
            placed,
            broken,
            unnamed,
        } = self.parse(manifests, &mut report);
        let index = Index::build(&placed, &broken, &mut report);
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
        let mut compilation = Compilation::default();
        for (key, located) in &located {
            let (realms, tests) =
                realm::compile(&surroundings, key, located, &mut self.memory, &mut report);
            compilation.realms.extend(realms);
            compilation.tests.extend(tests);
        }
        compilation.secrets = secret_values(&index);
        compilation
            .realms
            .sort_by(|a, b| (&a.id, &a.region).cmp(&(&b.id, &b.region)));
        compilation.diagnostics = report.diagnostics;
        compilation
            .diagnostics
            .sort_by(|a, b| a.order().cmp(&b.order()));
        self.documents.turn();
        self.memory.turn();
        compilation
    }

    fn parse(&mut self, manifests: &Manifests, report: &mut Report) -> Input {
        let mut unnamed = Vec::new();
        let mut tasks: Vec<(Digest, Document)> = Vec::new();
        for (file, bytes) in manifests.iter() {
            if bytes.len() > MAX_FILE_BYTES {
                let message = format!("the file is larger than {MAX_FILE_BYTES} bytes");
                report.add_file(file, Code::LimitExceeded, message);
                unnamed.push(None);
                continue;
            }
            match std::str::from_utf8(bytes) {
                Ok(text) => {
                    let cut = documents(file, text).map(|document| (document.digest, document));
                    tasks.extend(cut);
                }
                Err(fault) => {
                    let message = format!("byte {} is not UTF-8", fault.valid_up_to());
                    report.add_file(file, Code::NotUtf8, message);
                    unnamed.push(None);
                }
            }
        }
        let parsed = self.documents.all(&tasks, parse::parse);
        let mut placed = Vec::with_capacity(tasks.len());
        let mut broken = Vec::new();
        for ((_, document), parsed) in tasks.into_iter().zip(parsed) {
            let id = match &parsed.content {
                Content::Object(object) => Some(&object.id),
                Content::Broken { id, realm } => {
                    broken.push(Broken {
                        id: id.clone(),
                        realm: realm.clone(),
                    });
                    Some(id)
                }
                Content::Unnamed { namespace } => {
                    unnamed.push(namespace.clone());
                    None
                }
                Content::Nothing => None,
            };
            for fault in &parsed.faults {
                report.add_document(&document, id, fault.clone());
            }
            if let Content::Object(object) = &parsed.content {
                placed.push(Placed {
                    object: Arc::clone(object),
                    document,
                });
            }
        }
        Input {
            placed,
            broken,
            unnamed,
        }
    }
}

/// What the manifests hold.
struct Input {
    placed: Vec<Placed>,
    broken: Vec<Broken>,
    /// Namespaces of what could not be read at all; none where not even that is known.
    unnamed: Vec<Option<String>>,
}

fn secret_values(index: &Index<'_>) -> SecretValues {
    let mut values = SecretValues::default();
    for ((namespace, name), data) in &index.secrets {
        for (key, value) in *data {
            values.insert(
                SecretKey {
                    namespace: (*namespace).to_owned(),
                    name: (*name).to_owned(),
                    key: key.clone(),
                },
                value.clone(),
            );
        }
    }
    values
}
