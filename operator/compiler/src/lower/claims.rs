//! Claims and their data class. Medical data is released only where somebody meant it: by a scope
//! of the realm that names the attribute and asks for consent (REGION-RES-01).

use std::collections::BTreeMap;

use realmwright_crds::claims::{
    Claim, ClaimSource as SpecSource, ClaimTarget, ClientRolesSource, GroupsSource,
    RealmRolesSource,
};
use realmwright_decision::claims::is_protected;
use realmwright_decision::expression::Scope;
use realmwright_snapshot::{
    AttributeName, ClaimSnapshot, ClaimSource, ClaimTargets, ClientId, DataClass,
};

use super::{Context, SUB, expression, roles};
use crate::diagnostics::{Code, did_you_mean};
use crate::fault::Fault;
use crate::path::FieldPath;

/// Who declares claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A client for itself.
    Client,
    /// A scope; whether people are asked for it.
    Scope { asks: bool },
}

pub(crate) fn lower(
    context: &Context<'_>,
    claims: &[Claim],
    owner: Owner,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> Vec<ClaimSnapshot> {
    overwritten(claims, path, faults);
    let mut lowered: Vec<ClaimSnapshot> = claims
        .iter()
        .enumerate()
        .map(|(index, claim)| one(context, claim, owner, &path.at(index), faults))
        .collect();
    // Their order has no meaning, so it must not change the digest.
    lowered.sort_by(|a, b| a.claim.cmp(&b.claim));
    lowered
}

/// `address` and `address.country` cannot both be claims.
fn overwritten(claims: &[Claim], path: &FieldPath, faults: &mut Vec<Fault>) {
    let names: BTreeMap<&str, usize> = claims
        .iter()
        .enumerate()
        .map(|(index, claim)| (claim.name.as_str(), index))
        .collect();
    for claim in claims {
        for (dot, _) in claim.name.match_indices('.') {
            let parent = claim.name.get(..dot).unwrap_or_default();
            if let Some(index) = names.get(parent) {
                faults.push(Fault::error(
                    Code::DuplicateClaim,
                    path.at(*index).at("name"),
                    format!("`{parent}` would be overwritten by `{}`", claim.name),
                ));
            }
        }
    }
}

fn one(
    context: &Context<'_>,
    claim: &Claim,
    owner: Owner,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> ClaimSnapshot {
    let Claim {
        name,
        from,
        targets,
    } = claim;
    if is_protected(name) {
        faults.push(Fault::error(
            Code::ReservedClaim,
            path.at("name"),
            format!("`{name}` is set by the protocol"),
        ));
    }
    let (source, data_class) = source(context, from, &path.at("from"), faults);
    if data_class == DataClass::Medical {
        medical(&source, owner, context, &path.at("from"), faults);
    }
    ClaimSnapshot {
        claim: name.to_string(),
        source,
        targets: lower_targets(targets.as_deref()),
        data_class,
    }
}

fn lower_targets(targets: Option<&[ClaimTarget]>) -> ClaimTargets {
    let Some(targets) = targets else {
        return ClaimTargets {
            id_token: true,
            access_token: false,
            userinfo: true,
        };
    };
    ClaimTargets {
        id_token: targets.contains(&ClaimTarget::IdToken),
        access_token: targets.contains(&ClaimTarget::AccessToken),
        userinfo: targets.contains(&ClaimTarget::UserInfo),
    }
}

fn medical(
    source: &ClaimSource,
    owner: Owner,
    context: &Context<'_>,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) {
    let reason = match (source, owner) {
        (ClaimSource::Attribute(name), Owner::Scope { asks }) => {
            let computed = context
                .attribute(name.as_str())
                .is_some_and(|attribute| attribute.computed.is_some());
            if computed {
                "a computed attribute carries medical data; name the attribute itself"
            } else if !asks {
                "a scope that releases medical data asks for consent"
            } else {
                return;
            }
        }
        (_, Owner::Client) => "a client's own claims carry no medical data; use a Scope",
        (_, Owner::Scope { .. }) => {
            "medical data is released by naming the attribute, not by computing with it"
        }
    };
    faults.push(Fault::error(
        Code::ClaimBeyondDataClass,
        path.clone(),
        reason,
    ));
}

fn source(
    context: &Context<'_>,
    from: &SpecSource,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> (ClaimSource, DataClass) {
    match from {
        SpecSource::Attribute(name) => {
            let path = path.at("attribute");
            context.check_attribute(name, path, faults);
            let class = match context.attribute(name) {
                Some(attribute) => attribute.data_class,
                None if name.as_str() == SUB => DataClass::Pseudonymous,
                None => DataClass::Personal,
            };
            (
                ClaimSource::Attribute(AttributeName::from(name.as_str())),
                class,
            )
        }
        SpecSource::Constant(value) => (
            ClaimSource::Constant(value.0.clone()),
            DataClass::Pseudonymous,
        ),
        SpecSource::Expression(source) => {
            roles::check_literals(context, source, &path.at("expression"), faults);
            let environment = context.environment(Scope::Claim);
            let (source, compiled) =
                expression(source, &environment, None, &path.at("expression"), faults);
            let class =
                compiled.map_or(DataClass::Personal, |compiled| context.class_of(&compiled));
            (ClaimSource::Expression(source), class)
        }
        SpecSource::RealmRoles(RealmRolesSource {}) => {
            (ClaimSource::RealmRoles, DataClass::Personal)
        }
        SpecSource::ClientRoles(ClientRolesSource { client }) => (
            ClaimSource::ClientRoles(
                client
                    .as_ref()
                    .map(|client| ClientId::from(client.as_str())),
            ),
            DataClass::Personal,
        ),
        SpecSource::Groups(GroupsSource { full_path }) => (
            ClaimSource::Groups {
                full_path: full_path.unwrap_or(true),
            },
            DataClass::Personal,
        ),
        SpecSource::SessionClaim(name) => {
            let class = session_claim(context, name, &path.at("sessionClaim"), faults);
            (ClaimSource::SessionClaim(name.to_string()), class)
        }
    }
}

/// The class of a declared session claim; one that is not declared is a fault.
pub(crate) fn session_claim(
    context: &Context<'_>,
    name: &str,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) -> DataClass {
    if let Some(class) = context.session_claims.get(name) {
        return *class;
    }
    let declared = context.session_claims.keys().map(String::as_str);
    faults.push(
        Fault::error(
            Code::SessionClaimNotDeclared,
            path.clone(),
            format!("the realm declares no session claim `{name}`"),
        )
        .fix(
            did_you_mean(name, declared)
                .unwrap_or_else(|| format!("add `{name}` to the Realm's `spec.sessionClaims`")),
        ),
    );
    DataClass::Personal
}
