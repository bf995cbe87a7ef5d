//! Scopes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{ClaimSnapshot, LocalizedText, RoleRef, ScopeName};

/// An OAuth scope: what it releases and how people are asked for it (OIDC-57).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScopeSnapshot {
    /// The scope token.
    pub name: ScopeName,
    /// Short name on the consent page.
    pub display_name: LocalizedText,
    /// Sentence on the consent page.
    pub consent_text: LocalizedText,
    /// Whether people are asked for it where the client requires consent.
    pub ask_consent: bool,
    /// Granted only to `client_credentials`, never in a person's name.
    pub system: bool,
    /// Whether the granted scope is named in tokens and answers.
    pub in_token: bool,
    /// Claims that it releases.
    pub claims: Vec<ClaimSnapshot>,
    /// Audiences that it adds to access tokens (KC-MAP-03).
    pub audiences: BTreeSet<String>,
    /// Roles that it lets through to the client (KC-ROLE-04).
    pub roles: BTreeSet<RoleRef>,
}
