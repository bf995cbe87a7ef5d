//! What differs between two snapshots, in a few words, and what `dev` looks for in one.

use std::collections::BTreeMap;
use std::fmt::Display;

use realmwright_snapshot::{
    ClientAuthentication, ClientSnapshot, GrantType, RealmSnapshot, SecretHandle,
};

/// Longer lists are cut.
const MOST_NAMED: usize = 6;

/// Objects that were added, changed or removed.
pub(crate) fn between(former: &RealmSnapshot, now: &RealmSnapshot) -> Vec<String> {
    let mut changes = Vec::new();
    if former.core != now.core {
        changes.push("realm changed".to_owned());
    }
    compare("client", &former.clients, &now.clients, &mut changes);
    compare("scope", &former.scopes, &now.scopes, &mut changes);
    compare("method", &former.methods, &now.methods, &mut changes);
    compare("flow", &former.flows, &now.flows, &mut changes);
    if changes.len() > MOST_NAMED {
        let more = changes.len() - MOST_NAMED;
        changes.truncate(MOST_NAMED);
        changes.push(format!("and {more} more"));
    }
    changes
}

fn compare<K: Ord + Display, V: PartialEq>(
    kind: &str,
    former: &BTreeMap<K, V>,
    now: &BTreeMap<K, V>,
    changes: &mut Vec<String>,
) {
    for (name, value) in now {
        match former.get(name) {
            None => changes.push(format!("{kind} {name} added")),
            Some(before) if before != value => changes.push(format!("{kind} {name} changed")),
            Some(_) => {}
        }
    }
    for name in former.keys().filter(|name| !now.contains_key(*name)) {
        changes.push(format!("{kind} {name} removed"));
    }
}

fn handle_of(client: &ClientSnapshot) -> Option<&SecretHandle> {
    match &client.oidc.as_ref()?.authentication {
        ClientAuthentication::Secret { secret, .. } => Some(secret),
        _ => None,
    }
}

/// Handle of the secret of a client that has one.
pub(crate) fn secret_of(realm: &RealmSnapshot, client: &str) -> Option<SecretHandle> {
    handle_of(realm.clients.get(client)?).cloned()
}

/// The first client that may look after accounts with a secret.
pub(crate) fn accounts_client(realm: &RealmSnapshot) -> Option<String> {
    realm
        .clients
        .values()
        .find(|client| {
            client.oidc.as_ref().is_some_and(|oidc| {
                oidc.grant_types.contains(&GrantType::ClientCredentials)
                    && oidc
                        .scopes
                        .allowed
                        .iter()
                        .any(|scope| scope.as_str() == "realmwright:accounts")
            }) && handle_of(client).is_some()
        })
        .map(|client| client.id.to_string())
}
