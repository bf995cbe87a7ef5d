//! What differs between two snapshots, in a few words, and what `dev` looks for in one.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use realmwright_snapshot::{
    ByClient, ClientAuthentication, ClientId, ClientSnapshot, GrantType, PerShard, RealmSnapshot,
    SecretHandle,
};
use url::Url;

/// Longer lists are cut.
const MOST_NAMED: usize = 6;

/// Objects that were added, changed or removed.
pub(crate) fn between(former: &RealmSnapshot, now: &RealmSnapshot) -> Vec<String> {
    let mut changes = Vec::new();
    if former.core.issuer != now.core.issuer {
        changes.push(format!(
            "issuer is now {}, no longer {}",
            shown(&now.core.issuer),
            shown(&former.core.issuer)
        ));
    }
    let moved = realmwright_snapshot::RealmCore {
        issuer: now.core.issuer.clone(),
        ..former.core.clone()
    };
    if moved != now.core {
        changes.push("realm changed".to_owned());
    }
    let (before, after) = (
        differing(&former.clients, &now.clients),
        differing(&now.clients, &former.clients),
    );
    compare("client", &before, &after, &mut changes);
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

/// As applications write it.
fn shown(issuer: &Url) -> &str {
    issuer.as_str().trim_end_matches('/')
}

/// The clients of `one` in shards that `other` does not share, by identifier.
fn differing<'a>(
    one: &'a ByClient<Arc<ClientSnapshot>>,
    other: &'a ByClient<Arc<ClientSnapshot>>,
) -> BTreeMap<&'a ClientId, &'a ClientSnapshot> {
    one.changed(Some(other))
        .flat_map(|(_, clients)| clients.as_ref())
        .map(|(id, client)| (id, client.as_ref()))
        .collect()
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

fn looks_after_accounts(client: &ClientSnapshot) -> bool {
    client.oidc.as_ref().is_some_and(|oidc| {
        oidc.grant_types.contains(&GrantType::ClientCredentials)
            && oidc
                .scopes
                .allowed
                .iter()
                .any(|scope| scope.as_str() == "realmwright:accounts")
    }) && handle_of(client).is_some()
}

/// The first client of each shard, by identifier, that may look after accounts with a secret.
pub(crate) type AccountsClients = PerShard<Option<ClientId>>;

/// They; of shards that `former` shares they are those of then.
pub(crate) fn accounts_clients(
    realm: &RealmSnapshot,
    former: Option<(&RealmSnapshot, &AccountsClients)>,
) -> AccountsClients {
    let former = former.map(|(realm, found)| (&realm.clients, found));
    realm.clients.per_shard(former, |clients| {
        clients
            .values()
            .find(|client| looks_after_accounts(client))
            .map(|client| client.id.clone())
    })
}
