//! Scopes (OIDC-57).

use realmwright_crds::ScopeSpec;
use realmwright_crds::scope::ScopeConsent;
use realmwright_decision::scopes::OPENID;
use realmwright_snapshot::{ScopeName, ScopeSnapshot};

use super::claims::{self, Owner};
use super::{Context, roles};
use crate::fault::Fault;
use crate::index::Typed;
use crate::path::{FieldPath, field};

/// The scope token: what the spec says, else the object's name.
pub(crate) fn token<'a>(scope: &Typed<'a, ScopeSpec>) -> &'a str {
    scope
        .spec
        .scope
        .as_ref()
        .map_or_else(|| scope.name(), |token| token.as_str())
}

/// Where the token stands.
pub(crate) fn token_path(scope: &Typed<'_, ScopeSpec>) -> FieldPath {
    if scope.spec.scope.is_some() {
        field!("spec", "scope")
    } else {
        field!("metadata", "name")
    }
}

/// Whether it lets anything through, beside its own name.
fn releases(spec: &ScopeSpec) -> bool {
    !(spec.claims.is_empty() && spec.audiences.is_empty() && spec.roles.is_empty())
}

pub(crate) fn lower(
    context: &Context<'_>,
    scope: &Typed<'_, ScopeSpec>,
    faults: &mut Vec<Fault>,
) -> ScopeSnapshot {
    let ScopeSpec {
        realm_ref: _,
        scope: _,
        display_name,
        consent,
        system,
        include_in_token,
        claims,
        audiences,
        roles,
    } = scope.spec;
    let token = token(scope);
    let ScopeConsent { text, ask } = consent.clone().unwrap_or_default();
    let asks = ask.unwrap_or_else(|| token != OPENID || text.is_some() || releases(scope.spec));
    let name = context.texts(
        display_name.as_ref(),
        Some(token),
        &field!("spec", "displayName"),
        faults,
    );
    let consent_text = match &text {
        Some(text) => context.texts(Some(text), None, &field!("spec", "consent", "text"), faults),
        None => name.clone(),
    };
    ScopeSnapshot {
        name: ScopeName::from(token),
        display_name: name,
        consent_text,
        ask_consent: asks,
        system: system.unwrap_or(false),
        in_token: include_in_token.unwrap_or(true),
        claims: claims::lower(
            context,
            claims,
            Owner::Scope { asks },
            &field!("spec", "claims"),
            faults,
        ),
        audiences: audiences.iter().map(ToString::to_string).collect(),
        roles: roles::references(roles),
    }
}
