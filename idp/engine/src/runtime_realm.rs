//! A realm made ready to serve: indexes, keys, compiled expressions and documents that every
//! request would otherwise work out again. Pure: no I/O, no clock.
//!
//! What the former realm holds of an unchanged client is shared with it by pointer; what only
//! some requests need is prepared at its first use.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use realmwright_decision::attributes::Schema;
use realmwright_decision::claims::audiences;
use realmwright_decision::flow::Machine;
use realmwright_decision::realm::{ClientDecisions, MethodDecisions, RealmProgram};
use realmwright_decision::roles::RoleCatalogue;
use realmwright_decision::scopes::Granted;
use realmwright_keys::{Keyring, PublicJwk, Purpose, SecretBundle};
use realmwright_protocol::oidc::discovery::{self, Features};
use realmwright_protocol::oidc::id_token::{self, IdTokenHint};
use realmwright_protocol::secret::AcceptedSecrets;
use realmwright_snapshot::{
    AttributeValue, Attributes, ByClient, ClientId, ClientSnapshot, Digest, MethodKind, MethodName,
    OidcClient, PerShard, Period, RealmId, RealmSnapshot, ScopeName,
};
use serde::Serialize;
use url::Url;

use crate::accounts::ACCOUNTS_SCOPE;
use crate::accounts::attributes::PreparedSchema;
use crate::api::EngineFault;
use crate::keys::RealmKeys;
use crate::passwords::PreparedPassword;

/// Which snapshot a realm was prepared from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotVersion {
    /// See [`realmwright_snapshot::Envelope::incarnation`].
    pub incarnation: u64,
    /// See [`realmwright_snapshot::Envelope::revision`].
    pub revision: u64,
    /// Digest of the root manifest.
    pub digest: Digest,
}

/// Revisions are far below this; incarnations are counted by hand.
const REVISION_BITS: u32 = 40;

impl SnapshotVersion {
    /// One number that grows with incarnation and revision and fits a signed database column;
    /// what logins under way record.
    #[must_use]
    pub const fn order(&self) -> u64 {
        ((self.incarnation & 0x3f_ffff) << REVISION_BITS)
            | (self.revision & ((1 << REVISION_BITS) - 1))
    }
}

/// Why a realm cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PrepareFault {
    /// Something the snapshot names is not in the keyring or the secret bundle.
    #[error("not bound: {0}")]
    Unbound(String),
    /// Something in it does not compile: the snapshot is not from our compiler.
    #[error("it does not compile: {0}")]
    Expression(String),
    /// A key or a document that cannot be made.
    #[error("{0}")]
    Other(String),
}

/// Bytes that are served as they are.
#[derive(Clone, Debug)]
pub struct CachedDocument {
    /// The body, JSON.
    pub body: Arc<[u8]>,
    /// Strong entity tag, with its quotes.
    pub etag: Arc<str>,
    /// `Cache-Control: max-age`.
    pub max_age: Period,
}

impl CachedDocument {
    fn of<T: Serialize>(value: &T, max_age: Period) -> Result<Self, PrepareFault> {
        let body =
            serde_json::to_vec(value).map_err(|fault| PrepareFault::Other(fault.to_string()))?;
        let etag = format!("\"{}\"", Digest::of(&body).short());
        Ok(Self {
            body: body.into(),
            etag: etag.into(),
            max_age,
        })
    }
}

/// Discovery changes with the configuration only, which clients poll at leisure.
const DISCOVERY_MAX_AGE: Period = Period::from_secs(300);

/// The program of a realm and what the engine adds to it, whatever its clients are.
#[derive(Debug)]
struct Prepared {
    program: RealmProgram,
    schema: PreparedSchema,
    passwords: BTreeMap<MethodName, PreparedPassword>,
}

impl Prepared {
    fn prepare(snapshot: &RealmSnapshot) -> Result<Self, PrepareFault> {
        let program = RealmProgram::compile(snapshot)
            .map_err(|faults| PrepareFault::Expression(format!("{faults:?}")))?;
        let passwords = snapshot
            .methods
            .iter()
            .filter_map(
                |(name, method)| match (&method.kind, program.method(name)) {
                    (MethodKind::Password(method), Some(MethodDecisions::Password(decisions))) => {
                        let prepared = PreparedPassword::new(method.clone(), Arc::clone(decisions));
                        Some((name.clone(), prepared))
                    }
                    _ => None,
                },
            )
            .collect();
        Ok(Self {
            schema: PreparedSchema::new(Arc::clone(program.schema()), &snapshot.core.attributes),
            passwords,
            program,
        })
    }
}

type Lazy<T> = Arc<OnceLock<Result<T, String>>>;

/// A client and what is prepared of it.
#[derive(Debug)]
pub(crate) struct RuntimeClient {
    snapshot: Arc<ClientSnapshot>,
    decisions: Lazy<ClientDecisions>,
    secrets: Lazy<AcceptedSecrets>,
}

impl RuntimeClient {
    fn new(snapshot: &Arc<ClientSnapshot>) -> Self {
        Self {
            snapshot: Arc::clone(snapshot),
            decisions: Arc::default(),
            secrets: Arc::default(),
        }
    }

    pub(crate) const fn snapshot(&self) -> &Arc<ClientSnapshot> {
        &self.snapshot
    }

    pub(crate) fn decisions(&self, realm: &RuntimeRealm) -> Result<&ClientDecisions, EngineFault> {
        self.decisions
            .get_or_init(|| {
                let compiled = realm.prepared.program.client(&self.snapshot);
                compiled.map_err(|faults| format!("client {}: {faults:?}", self.snapshot.id))
            })
            .as_ref()
            .map_err(EngineFault::internal)
    }

    /// The accepted values of its secret (OIDC-10, OIDC-11).
    pub(crate) fn accepted_secrets(
        &self,
        realm: &RuntimeRealm,
    ) -> Result<&AcceptedSecrets, EngineFault> {
        self.secrets
            .get_or_init(|| {
                let authentication = self.snapshot.oidc.iter().map(|oidc| &oidc.authentication);
                let values = authentication
                    .flat_map(|authentication| authentication.secrets())
                    .map(|handle| {
                        realm
                            .secrets
                            .get(handle)
                            .ok_or_else(|| format!("secret {handle} is missing"))
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                let pepper = realm
                    .keyring
                    .of(Purpose::Pepper)
                    .last()
                    .ok_or_else(|| "no key for secrets".to_owned())?;
                Ok(AcceptedSecrets::new(
                    pepper.material.expose(),
                    values
                        .into_iter()
                        .flat_map(|values| values.accepted())
                        .map(|(value, not_after)| (value.expose(), not_after)),
                ))
            })
            .as_ref()
            .map_err(EngineFault::internal)
    }
}

/// A realm made ready to serve.
#[derive(Debug)]
pub struct RuntimeRealm {
    pub(crate) snapshot: Arc<RealmSnapshot>,
    pub(crate) version: SnapshotVersion,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) secrets: Arc<SecretBundle>,
    pub(crate) keys: Arc<RealmKeys>,
    pub(crate) roles: RoleCatalogue,
    prepared: Arc<Prepared>,
    clients: ByClient<Arc<RuntimeClient>>,
    web_origins: OnceLock<HashSet<String>>,
    features: PerShard<Features>,
    discovery: CachedDocument,
    jwks: CachedDocument,
}

/// A JWK set, RFC 7517 section 5.
#[derive(Serialize)]
struct JwkSet {
    keys: Vec<PublicJwk>,
}

impl RuntimeRealm {
    /// Makes a realm ready. `now` chooses the keys that sign and that the JWK set shows: prepare
    /// again at [`Keyring::next_change`]. What did not change is shared with `former`.
    ///
    /// # Errors
    /// [`PrepareFault`]; the former realm goes on serving.
    pub fn prepare(
        snapshot: Arc<RealmSnapshot>,
        version: SnapshotVersion,
        keyring: Arc<Keyring>,
        secrets: Arc<SecretBundle>,
        now: Timestamp,
        former: Option<&Self>,
    ) -> Result<Self, PrepareFault> {
        let same_ring = former.filter(|former| Arc::ptr_eq(&former.keyring, &keyring));
        let same_secrets = same_ring.filter(|former| Arc::ptr_eq(&former.secrets, &secrets));
        let bound = same_secrets.map(|former| &*former.snapshot);
        realmwright_keys::bind(&snapshot, &keyring, &secrets, now, bound).map_err(|missing| {
            let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
            PrepareFault::Unbound(missing.join("; "))
        })?;
        let published = keyring.published(now).map(|entry| {
            entry
                .public_jwk()
                .map_err(|fault| PrepareFault::Other(fault.to_string()))
        });
        let keys = published.collect::<Result<_, _>>()?;
        let jwks = CachedDocument::of(&JwkSet { keys }, snapshot.core.keys.jwks_max_age)?;
        let keys = match same_ring.filter(|former| former.keys.until.is_none_or(|at| now < at)) {
            Some(former) => Arc::clone(&former.keys),
            None => Arc::new(RealmKeys::prepare(&keyring, now)?),
        };
        let same_program =
            former.filter(|former| RealmProgram::is_same(&former.snapshot, &snapshot));
        let prepared = match same_program {
            Some(former) => Arc::clone(&former.prepared),
            None => Arc::new(Prepared::prepare(&snapshot)?),
        };
        let clients = Self::clients(&snapshot, former, same_program, same_secrets);
        let features = snapshot.clients.per_shard(
            former.map(|former| (&former.snapshot.clients, &former.features)),
            |clients| Features::of(clients.values().map(AsRef::as_ref)),
        );
        let together = Features::together(features.values().map(AsRef::as_ref));
        let metadata = discovery::metadata(&snapshot, &together);
        Ok(Self {
            discovery: CachedDocument::of(&metadata, DISCOVERY_MAX_AGE)?,
            features,
            roles: RoleCatalogue::sharing(
                &snapshot,
                former.map(|former| (&*former.snapshot, &former.roles)),
            ),
            web_origins: OnceLock::new(),
            jwks,
            keys,
            prepared,
            clients,
            version,
            keyring,
            secrets,
            snapshot,
        })
    }

    /// The clients; of one that is the same, what hangs on the program and on the secrets is shared
    /// where these are the same too.
    fn clients(
        snapshot: &RealmSnapshot,
        former: Option<&Self>,
        same_program: Option<&Self>,
        same_secrets: Option<&Self>,
    ) -> ByClient<Arc<RuntimeClient>> {
        let all_the_same = same_program.and(same_secrets);
        let shared = all_the_same.map(|former| (&former.snapshot.clients, &former.clients));
        snapshot.clients.derive(shared, |id, client| {
            let known = former
                .and_then(|former| former.clients.get(id))
                .filter(|known| Arc::ptr_eq(&known.snapshot, client));
            let Some(known) = known else {
                return Arc::new(RuntimeClient::new(client));
            };
            if all_the_same.is_some() {
                return Arc::clone(known);
            }
            Arc::new(RuntimeClient {
                snapshot: Arc::clone(client),
                decisions: same_program.map_or_else(Arc::default, |_| Arc::clone(&known.decisions)),
                secrets: same_secrets.map_or_else(Arc::default, |_| Arc::clone(&known.secrets)),
            })
        })
    }

    /// The realm's id.
    #[must_use]
    pub fn id(&self) -> &RealmId {
        &self.snapshot.core.id
    }

    /// The values it was prepared from.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<RealmSnapshot> {
        &self.snapshot
    }

    /// Which snapshot it was prepared from.
    #[must_use]
    pub const fn version(&self) -> SnapshotVersion {
        self.version
    }

    /// The issuer, without a trailing slash: exactly what tokens say.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.snapshot.core.issuer.as_str().trim_end_matches('/')
    }

    /// The issuer as an address.
    #[must_use]
    pub fn issuer_url(&self) -> &Url {
        &self.snapshot.core.issuer
    }

    /// OpenID Connect discovery and RFC 8414 metadata.
    #[must_use]
    pub const fn discovery(&self) -> &CachedDocument {
        &self.discovery
    }

    /// The JWK set.
    #[must_use]
    pub const fn jwks(&self) -> &CachedDocument {
        &self.jwks
    }

    /// The application, when there is one.
    #[must_use]
    pub fn client(&self, id: &str) -> Option<&Arc<ClientSnapshot>> {
        self.snapshot.clients.get(id)
    }

    pub(crate) fn runtime_client(&self, id: &str) -> Option<&Arc<RuntimeClient>> {
        self.clients.get(id)
    }

    pub(crate) fn schema(&self) -> &PreparedSchema {
        &self.prepared.schema
    }

    pub(crate) fn attribute_schema(&self) -> &Schema {
        self.prepared.program.schema()
    }

    /// What decides beside the applications; the same that config tests run on.
    pub(crate) fn program(&self) -> &RealmProgram {
        &self.prepared.program
    }

    /// The machine of a client's flow. A flow that is named and not there denies.
    pub(crate) fn machine(&self, client: &ClientSnapshot) -> Result<Machine<'_>, EngineFault> {
        self.prepared
            .program
            .machine(client.flow.as_ref())
            .map_err(EngineFault::internal)
    }

    pub(crate) fn password_method(&self, name: &MethodName) -> Option<&PreparedPassword> {
        self.prepared.passwords.get(name)
    }

    /// The method whose policy holds where no login is under way.
    pub(crate) fn first_password_method(&self) -> Option<&PreparedPassword> {
        self.prepared.passwords.values().next()
    }

    pub(crate) fn amr_of(&self, method: &MethodName) -> &'static str {
        self.snapshot
            .methods
            .get(method)
            .map_or("", |method| method.kind.amr())
    }

    /// Audiences that tokens of these scopes may have.
    pub(crate) fn audiences(
        &self,
        client: &OidcClient,
        granted: Option<&Granted>,
    ) -> BTreeSet<String> {
        let scopes = granted.map(Granted::scopes).unwrap_or_default();
        self.audiences_of(client, scopes)
    }

    pub(crate) fn audiences_of(
        &self,
        client: &OidcClient,
        scopes: &[ScopeName],
    ) -> BTreeSet<String> {
        let granted = scopes
            .iter()
            .filter_map(|scope| self.snapshot.scopes.get(scope));
        let mut audiences = audiences(client, granted, self.issuer());
        // The accounts API is ours, whatever else the token is for.
        if scopes.iter().any(|scope| scope.as_str() == ACCOUNTS_SCOPE) {
            audiences.insert(self.issuer().to_owned());
        }
        audiences
    }

    /// What an id token of ours says, expired or not.
    pub(crate) fn id_token_hint(&self, token: &str) -> Option<IdTokenHint> {
        id_token::hint(&self.keys.verification, token, self.issuer()).ok()
    }

    /// Names that a password of this person must not hold.
    pub(crate) fn names_of(&self, attributes: &Attributes) -> Vec<String> {
        let core = &self.snapshot.core;
        let named: BTreeSet<_> = core
            .attributes
            .iter()
            .filter(|attribute| attribute.searchable || attribute.unique)
            .map(|attribute| &attribute.name)
            .chain(&core.purposes.emails)
            .chain(&core.purposes.phones)
            .collect();
        named
            .into_iter()
            .filter_map(|name| match attributes.get(name) {
                Some(AttributeValue::String(text)) => Some(text.clone()),
                _ => None,
            })
            .collect()
    }

    /// Whether a browser at `origin` may read an answer of a back-channel endpoint: of this
    /// application, or for a preflight (which does not say who asks) of any.
    #[must_use]
    pub fn allows_origin(&self, client: Option<&ClientId>, origin: &str) -> bool {
        client.map_or_else(
            || self.all_web_origins().contains(origin),
            |client| {
                self.client(client.as_str())
                    .and_then(|client| client.oidc.as_ref())
                    .is_some_and(|oidc| oidc.web_origins.contains(origin))
            },
        )
    }

    fn all_web_origins(&self) -> &HashSet<String> {
        self.web_origins.get_or_init(|| {
            self.snapshot
                .clients
                .values()
                .filter_map(|client| client.oidc.as_ref())
                .flat_map(|oidc| oidc.web_origins.iter().cloned())
                .collect()
        })
    }
}
