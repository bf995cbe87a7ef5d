//! A token that an application asks for in its own name (`client_credentials`, RFC 6749 section
//! 4.4), without a server: what `plan` runs for programs, as [`crate::simulate`] is for people.
//!
//! Nobody logs in, so there is no flow, no access rule, no consent and no datum of a person.

use std::collections::BTreeSet;

use jiff::Timestamp;
use realmwright_snapshot::{ClientId, DenyTarget, GrantType, RealmSnapshot, ScopeName};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::claims::{Target, audiences};
use crate::facts::{Facts, Login, Request};
use crate::realm::RealmDecisions;
use crate::roles::VisibleRoles;
use crate::scopes::{Grantor, decide_scopes};
use crate::simulate::Refused;

/// A request of an application that has proven who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRequest {
    /// The application.
    pub client: ClientId,
    /// The scopes that it names; none asks for its default ones.
    pub scopes: Vec<ScopeName>,
    /// Now.
    pub now: Timestamp,
}

/// What an access token in an application's own name says, beside what the protocol does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnToken {
    /// Granted scopes.
    pub scopes: Vec<ScopeName>,
    /// Claims.
    pub claims: Map<String, Json>,
    /// Audiences.
    pub audiences: BTreeSet<String>,
}

/// Decides on one request. `decisions` are those of `realm`.
///
/// # Errors
/// [`Refused`] by `unknown-client`, `unauthorized-client` (the grant is not allowed for it) or
/// `invalid-scope`.
pub fn own_token(
    realm: &RealmSnapshot,
    decisions: &RealmDecisions,
    request: &OwnRequest,
) -> Result<OwnToken, Refused> {
    let refused = |denial| Refused::new(denial, DenyTarget::Client);
    let unknown = || refused("unknown-client");
    let snapshot = realm.clients.get(&request.client).ok_or_else(unknown)?;
    let client = decisions.client(&request.client).ok_or_else(unknown)?;
    let oidc = snapshot.oidc.as_ref().ok_or_else(unknown)?;
    if !oidc.grant_types.contains(&GrantType::ClientCredentials) {
        return Err(refused("unauthorized-client"));
    }
    let granted = decide_scopes(
        &realm.scopes,
        &oidc.scopes,
        &request.scopes,
        Grantor::Client,
    )
    .map_err(|_| refused("invalid-scope"))?
    .into_scopes();
    let scopes = granted.iter().filter_map(|name| realm.scopes.get(name));
    let audiences = audiences(oidc, scopes, realm.core.issuer.as_str());
    let facts = Facts {
        person: None,
        client: &client.application,
        request: &Request {
            scopes: granted.clone(),
            ..Request::default()
        },
        session: None,
        login: &Login::default(),
        now: request.now,
    };
    let nobodys = VisibleRoles::default();
    let claims =
        decisions
            .program()
            .claims(client, &granted, Target::AccessToken, &facts, &nobodys);
    Ok(OwnToken {
        scopes: granted,
        claims,
        audiences,
    })
}
