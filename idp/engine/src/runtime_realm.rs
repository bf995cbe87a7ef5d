//! A realm made ready to serve: indexes, keys, compiled expressions and documents that every
//! request would otherwise work out again. Pure: no I/O, no clock.

use std::collections::BTreeSet;
use std::sync::Arc;

use realmwright_snapshot::{
    ClientId, ClientSnapshot, Digest, Locale, Period, RealmId, RealmSnapshot,
};
use url::Url;

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

/// A realm made ready to serve.
#[derive(Debug)]
pub struct RuntimeRealm {
    pub(crate) snapshot: Arc<RealmSnapshot>,
    pub(crate) version: SnapshotVersion,
    pub(crate) web_origins: BTreeSet<String>,
    pub(crate) discovery: CachedDocument,
    pub(crate) jwks: CachedDocument,
}

impl RuntimeRealm {
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
            || self.web_origins.contains(origin),
            |client| {
                self.client(client.as_str())
                    .and_then(|client| client.oidc.as_ref())
                    .is_some_and(|oidc| oidc.web_origins.contains(origin))
            },
        )
    }
}
