//! Applications.

use std::sync::Arc;

use realmwright_crds::client::{
    Access, AccessRule as SpecRule, ClientConsent, ClientRole, OnDeny as SpecOnDeny,
    RoleScope as SpecRoleScope,
};
use realmwright_crds::realm::AttachableKind;
use realmwright_crds::{ClientSpec, RoleRef as SpecRef};
use realmwright_decision::expression::Type;
use realmwright_snapshot::{
    AccessRule, AccessSnapshot, ClientId, ClientSnapshot, FlowName, OnDeny, Period, PrivacyDomain,
    RoleName, RoleRef, RoleScope, Shard, SigningAlgorithm,
};

use super::claims::{self, Owner};
use super::{Context, expression, oidc, roles, web_url};
use crate::diagnostics::Code;
use crate::fault::Fault;
use crate::index::Typed;
use crate::path::{FieldPath, field};
use crate::secrets::SecretNeed;

/// A client and what the rest of the realm must know of it.
#[derive(Debug)]
pub(crate) struct Lowered {
    pub(crate) snapshot: Arc<ClientSnapshot>,
    /// Of its identifier.
    pub(crate) shard: Shard,
    pub(crate) secrets: Vec<(FieldPath, Arc<SecretNeed>)>,
    pub(crate) algorithm: Option<SigningAlgorithm>,
    pub(crate) longest_token_life: Period,
    /// Roles that it names, to be looked up among all clients.
    pub(crate) roles: Vec<(FieldPath, RoleRef)>,
}

/// The identifier: what the spec says, else the object's name (APP-01).
pub(crate) fn identifier<'a>(client: &Typed<'a, ClientSpec>) -> &'a str {
    client
        .spec
        .identifier
        .as_ref()
        .map_or_else(|| client.name(), |identifier| identifier.as_str())
}

pub(crate) fn is_enabled(client: &ClientSpec) -> bool {
    !client.disabled.unwrap_or(false)
}

pub(crate) fn lower(
    context: &Context<'_>,
    client: &Typed<'_, ClientSpec>,
    faults: &mut Vec<Fault>,
) -> Lowered {
    let ClientSpec {
        realm_ref: _,
        identifier: _,
        display_name,
        description,
        url,
        start_url,
        tags,
        privacy_domain,
        disabled: _,
        flow,
        access,
        roles: declared,
        role_scope,
        claims,
        consent,
        oidc: oidc_spec,
    } = client.spec;
    attached(context, client, faults);
    context.texts(
        description.as_ref(),
        None,
        &field!("spec", "description"),
        faults,
    );
    if let Some(flow) = flow {
        context.check_flow(flow, field!("spec", "flow"), faults);
    }
    let ClientConsent { required } = consent.unwrap_or_default();
    let consent_required = required.unwrap_or(false);
    let oidc = oidc_spec
        .as_ref()
        .map(|spec| oidc::lower(context, client, spec, consent_required, faults));
    let name = identifier(client);
    let (snapshot_oidc, secrets) = match oidc {
        Some(oidc::Lowered { client, secrets }) => (Some(client), secrets),
        None => (None, Vec::new()),
    };
    let longest_token_life = snapshot_oidc.as_ref().map_or(Period::ZERO, |oidc| {
        oidc.access_token_lifetime.max(oidc.id_token_lifetime)
    });
    let mut named = Vec::new();
    let snapshot = ClientSnapshot {
        id: ClientId::from(name),
        origin: format!("{}/{}", client.namespace(), client.name()),
        display_name: context.texts(
            display_name.as_ref(),
            Some(name),
            &field!("spec", "displayName"),
            faults,
        ),
        url: url
            .as_ref()
            .and_then(|url| web_url(url, field!("spec", "url"), faults)),
        start_url: start_url
            .as_ref()
            .and_then(|url| web_url(url, field!("spec", "startUrl"), faults)),
        tags: tags.iter().map(ToString::to_string).collect(),
        privacy_domain: privacy_domain
            .as_ref()
            .map(|domain| PrivacyDomain::from(domain.as_str())),
        access: lower_access(context, access.as_ref(), faults),
        roles: declared
            .iter()
            .enumerate()
            .map(|(index, role)| {
                let ClientRole { name, display_name } = role;
                let path = field!("spec", "roles", index, "displayName");
                let texts = context.texts(display_name.as_ref(), Some(name), &path, faults);
                (RoleName::from(name.as_str()), texts)
            })
            .collect(),
        role_scope: lower_role_scope(role_scope.as_ref(), &mut named),
        claims: claims::lower(
            context,
            claims,
            Owner::Client,
            &field!("spec", "claims"),
            faults,
        ),
        consent_required,
        flow: flow.as_ref().map(|flow| FlowName::from(flow.as_str())),
        oidc: snapshot_oidc,
    };
    Lowered {
        algorithm: snapshot.oidc.as_ref().map(|oidc| oidc.signing_algorithm),
        shard: Shard::of(name),
        snapshot: Arc::new(snapshot),
        secrets: secrets
            .into_iter()
            .map(|(path, need)| (path, Arc::new(need)))
            .collect(),
        longest_token_life,
        roles: named,
    }
}

/// An object of another namespace needs the realm's admission, for itself and for its scopes.
fn attached(context: &Context<'_>, client: &Typed<'_, ClientSpec>, faults: &mut Vec<Fault>) {
    if client.namespace() == context.key.namespace {
        return;
    }
    let admissions: Vec<_> = context
        .realm
        .attach
        .iter()
        .filter(|attachment| {
            attachment.kinds.contains(&AttachableKind::Client)
                && attachment
                    .namespaces
                    .iter()
                    .any(|namespace| namespace.as_str() == client.namespace())
        })
        .collect();
    if admissions.is_empty() {
        faults.push(
            Fault::error(
                Code::AttachmentRefused,
                field!("spec", "realmRef"),
                format!(
                    "realm {}/{} does not admit Clients of namespace `{}`",
                    context.key.namespace,
                    context.key.name,
                    client.namespace()
                ),
            )
            .fix("add the namespace to the Realm's `spec.attach`".to_owned()),
        );
        return;
    }
    let Some(scopes) = client
        .spec
        .oidc
        .as_ref()
        .and_then(|oidc| oidc.scopes.as_ref())
    else {
        return;
    };
    for (list, tokens) in [("default", &scopes.default), ("optional", &scopes.optional)] {
        for (index, token) in tokens.iter().enumerate() {
            let admitted = admissions
                .iter()
                .any(|attachment| attachment.scopes.contains(token));
            if !admitted {
                faults.push(
                    Fault::error(
                        Code::AttachmentRefused,
                        field!("spec", "oidc", "scopes", list, index),
                        format!(
                            "the realm does not admit scope `{token}` for namespace `{}`",
                            client.namespace()
                        ),
                    )
                    .fix("add it to `scopes` of the Realm's `spec.attach`".to_owned()),
                );
            }
        }
    }
}

fn lower_access(
    context: &Context<'_>,
    access: Option<&Access>,
    faults: &mut Vec<Fault>,
) -> AccessSnapshot {
    let Some(Access { rules, on_deny }) = access else {
        return AccessSnapshot {
            rules: None,
            on_deny: OnDeny::ProtocolError,
        };
    };
    let mut lowered = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let SpecRule {
            name,
            description: _,
            disabled,
            when,
        } = rule;
        let path = field!("spec", "access", "rules", index, "when");
        roles::check_literals(context, when, &path, faults);
        let environment = &context.environment;
        let (when, _) = expression(when, environment, Some(&Type::Bool), &path, faults);
        if !disabled.unwrap_or(false) {
            lowered.push(AccessRule {
                name: name.to_string(),
                when,
            });
        }
    }
    AccessSnapshot {
        rules: Some(lowered),
        on_deny: match on_deny {
            Some(SpecOnDeny::ErrorPage) => OnDeny::ErrorPage,
            Some(SpecOnDeny::ProtocolError) | None => OnDeny::ProtocolError,
        },
    }
}

fn lower_role_scope(
    scope: Option<&SpecRoleScope>,
    named: &mut Vec<(FieldPath, RoleRef)>,
) -> RoleScope {
    match scope {
        Some(SpecRoleScope {
            full: Some(true), ..
        }) => RoleScope::Full,
        Some(SpecRoleScope {
            full: _,
            roles: Some(list),
        }) => {
            for (index, role) in list.iter().enumerate() {
                let path = field!("spec", "roleScope", "roles", index, "role");
                named.push((path, roles::reference(role)));
            }
            RoleScope::Only(roles::references(list))
        }
        Some(_) | None => RoleScope::Only([].into()),
    }
}

/// Where a scope names roles.
pub(crate) fn named_by_scope(list: &[SpecRef]) -> Vec<(FieldPath, RoleRef)> {
    list.iter()
        .enumerate()
        .map(|(index, role)| {
            (
                field!("spec", "roles", index, "role"),
                roles::reference(role),
            )
        })
        .collect()
}
