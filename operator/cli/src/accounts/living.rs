//! A living account as the person of a question.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use realmwright_crds::names::{ClientIdentifier, GroupPath, ObjectName, RoleName};
use realmwright_crds::realm_test::TestPerson;
use realmwright_crds::{Json, RoleRef};
use realmwright_snapshot::RealmSnapshot;
use serde::Deserialize;
use serde_json::Value;

use super::api::Api;
use crate::arguments::{Assignment, Target};

/// An account, as far as decisions read it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    state: String,
    required_factors: u8,
    attributes: BTreeMap<String, Value>,
    roles: Vec<String>,
    groups: Vec<String>,
    credentials: Vec<Credential>,
}

#[derive(Debug, Deserialize)]
struct Credential {
    kind: String,
}

/// Reads the account that is meant, by identifier or by an attribute as `name=value`.
pub(crate) fn fetch(target: &Target, realm: Option<&str>, meant: &str) -> anyhow::Result<Value> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let mut api = Api::connect(target, realm).await?;
            match meant.parse::<Assignment>() {
                Ok(attribute) => found(&mut api, attribute).await,
                Err(_) => {
                    let account = api.find(&[meant]).await?;
                    account.with_context(|| format!("there is no account {meant}"))
                }
            }
        })
}

async fn found(api: &mut Api, attribute: Assignment) -> anyhow::Result<Value> {
    let name = attribute.name.clone();
    let mut page = api.search(&[attribute], 2).await?;
    let accounts = page.get_mut("items").and_then(Value::as_array_mut);
    let accounts = accounts.context("the answer holds no list of accounts")?;
    match accounts.as_mut_slice() {
        [account] => Ok(account.take()),
        [] => bail!("there is no account with this {name}"),
        _ => bail!("several accounts have this {name}; name one by its identifier"),
    }
}

/// The person of a question about `realm`. What that realm does not declare (attributes, roles)
/// is left out, as decisions do not see it either; what it computes is computed again.
pub(crate) fn person(realm: &RealmSnapshot, account: Value) -> anyhow::Result<TestPerson> {
    let account: Account =
        serde_json::from_value(account).context("the account has another form")?;
    let core = &realm.core;
    let is_stored = |name: &str| {
        let mut declared = core.attributes.iter();
        declared.any(|known| known.name.as_str() == name && known.computed.is_none())
    };
    let held: Vec<&str> = account
        .credentials
        .iter()
        .map(|credential| credential.kind.as_str())
        .collect();
    let methods = realm.methods.values();
    let methods = methods.filter(|method| held.contains(&method.kind.credential()));
    Ok(TestPerson {
        attributes: account
            .attributes
            .into_iter()
            .filter(|(name, _)| is_stored(name))
            .map(|(name, value)| (name, Json(value)))
            .collect(),
        credentials: Some(
            methods
                .map(|method| ObjectName(method.name.to_string()))
                .collect(),
        ),
        required_factors: Some(account.required_factors)
            .filter(|factors| *factors > 0)
            .map(i32::from),
        roles: account
            .roles
            .iter()
            .map(|text| role(text))
            .filter(|role| declares(realm, role))
            .collect(),
        groups: account.groups.into_iter().map(GroupPath).collect(),
        locked: Some(account.state == "locked"),
    })
}

/// A role as the accounts API and the command line write it: `role`, or `client:role`.
pub(crate) fn role(text: &str) -> RoleRef {
    let (client, role) = match text.rsplit_once(':') {
        Some((client, role)) => (Some(ClientIdentifier(client.to_owned())), role),
        None => (None, text),
    };
    RoleRef {
        client,
        role: RoleName(role.to_owned()),
    }
}

fn declares(realm: &RealmSnapshot, role: &RoleRef) -> bool {
    let name = role.role.as_str();
    match &role.client {
        None => realm.core.roles.contains_key(name),
        Some(client) => {
            let client = realm.clients.get(client.as_str());
            client.is_some_and(|client| client.roles.contains_key(name))
        }
    }
}

#[cfg(test)]
mod tests {
    use realmwright_compiler::{CompileProfile, Compiler, Manifests};
    use serde_json::json;
    use std::sync::Arc;

    use super::*;

    fn quickstart() -> Arc<RealmSnapshot> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/quickstart");
        let manifests: Manifests = crate::folder::read_committed(folder.as_ref()).unwrap();
        let profile = CompileProfile::Dev {
            origin: "http://127.0.0.1:8080".parse().unwrap(),
        };
        let compilation = Compiler::new().compile(&manifests, &profile);
        Arc::clone(&compilation.realms.first().unwrap().snapshot)
    }

    #[test]
    fn an_account_becomes_what_decisions_see_of_it() {
        let account = json!({
            "sub": "x", "store": "internal", "name": "ann", "state": "locked",
            "requiredFactors": 2,
            "attributes": {
                "email": "ann@example.com", "name": "Ann Lee", "gone": "not declared any more"
            },
            "roles": ["administrator", "gone", "gone:role"],
            "groups": ["/Staff"],
            "credentials": [
                {"kind": "password", "id": "1"}, {"kind": "recovery_codes", "id": "2"}
            ],
            "version": 3,
        });
        let person = person(&quickstart(), account).unwrap();
        let attributes: Vec<&str> = person.attributes.keys().map(String::as_str).collect();
        assert_eq!(attributes, ["email"], "computed ones are computed");
        assert_eq!(person.roles, [role("administrator")]);
        assert_eq!(person.groups, [GroupPath("/Staff".to_owned())]);
        let held = person.credentials.unwrap();
        assert_eq!(held, [ObjectName("password".to_owned())]);
        assert_eq!(
            (person.required_factors, person.locked),
            (Some(2), Some(true))
        );
    }

    #[test]
    fn an_answer_of_another_form_is_no_account() {
        assert!(person(&quickstart(), json!({"sub": "x"})).is_err());
    }
}
