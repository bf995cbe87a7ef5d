//! What `dev` looks for among the clients of a snapshot.

use realmwright_snapshot::{
    ClientAuthentication, ClientId, ClientSnapshot, GrantType, PerShard, RealmSnapshot,
    SecretHandle,
};

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
