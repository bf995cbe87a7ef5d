//! A realm made ready to serve: indexes, keys, compiled expressions and documents that every
//! request would otherwise work out again. Pure: no I/O, no clock.
//!
//! What the former realm holds of an unchanged client is shared with it by pointer; what only
//! some requests need is prepared at its first use.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use realmwright_keys::{Keyring, PublicJwk, SecretBundle};
use realmwright_snapshot::{
    ClientId, ClientSnapshot, Digest, Locale, Period, RealmId, RealmSnapshot,
};
use serde::Serialize;
use url::Url;

use crate::accounts::attributes::PreparedSchema;

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
    /// An expression that does not compile: the snapshot is not from our compiler.
    #[error("expression in {place} does not compile: {detail}")]
    Expression {
        /// Where.
        place: String,
        /// Why.
        detail: String,
    },
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

/// A realm made ready to serve.
#[derive(Debug)]
pub struct RuntimeRealm {
    pub(crate) snapshot: Arc<RealmSnapshot>,
    pub(crate) version: SnapshotVersion,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) secrets: Arc<SecretBundle>,
    pub(crate) schema: PreparedSchema,
    web_origins: OnceLock<HashSet<String>>,
    discovery: CachedDocument,
    jwks: CachedDocument,
}

/// A JWK set, RFC 7517 section 5.
#[derive(Serialize)]
struct JwkSet {
    keys: Vec<PublicJwk>,
}

impl RuntimeRealm {
    /// Makes a realm ready. `now` chooses the keys that the JWK set shows: prepare again at
    /// [`Keyring::next_change`].
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
        realmwright_keys::bind(&snapshot, &keyring, &secrets, now).map_err(|missing| {
            let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
            PrepareFault::Unbound(missing.join("; "))
        })?;
        let _ = former;
        let keys = keyring
            .published(now)
            .map(|entry| {
                entry
                    .public_jwk()
                    .map_err(|fault| PrepareFault::Other(fault.to_string()))
            })
            .collect::<Result<_, _>>()?;
        let jwks = CachedDocument::of(&JwkSet { keys }, snapshot.core.keys.jwks_max_age)?;
        Ok(Self {
            schema: PreparedSchema::prepare(&snapshot.core.attributes)?,
            discovery: CachedDocument::of(
                &serde_json::json!({"issuer": snapshot.core.issuer.as_str().trim_end_matches('/')}),
                DISCOVERY_MAX_AGE,
            )?,
            jwks,
            web_origins: OnceLock::new(),
            version,
            keyring,
            secrets,
            snapshot,
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

    /// The language for a request: `ui_locales` first, then `Accept-Language` unless the realm
    /// leaves it aside, then the realm's default. Both most wanted first; a tag also matches by
    /// its primary language.
    #[must_use]
    pub fn negotiate_locale(&self, ui_locales: &[Locale], accepted: &[Locale]) -> Locale {
        let locales = &self.snapshot.core.locales;
        let accepted = if locales.ignore_browser {
            &[]
        } else {
            accepted
        };
        let supported = |wanted: &Locale| {
            let primary = |tag: &str| {
                tag.split('-')
                    .next()
                    .unwrap_or_default()
                    .to_ascii_lowercase()
            };
            locales
                .supported
                .iter()
                .find(|locale| locale.as_str().eq_ignore_ascii_case(wanted.as_str()))
                .or_else(|| {
                    locales
                        .supported
                        .iter()
                        .find(|locale| primary(locale.as_str()) == primary(wanted.as_str()))
                })
                .cloned()
        };
        ui_locales
            .iter()
            .chain(accepted)
            .find_map(supported)
            .unwrap_or_else(|| locales.default.clone())
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
