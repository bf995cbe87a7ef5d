use std::sync::Arc;

use realmwright_decision::own_token::*;
use realmwright_decision::realm::RealmDecisions;
use realmwright_decision::simulate::Refused;
use realmwright_snapshot::*;
use serde_json::json;

use crate::fixture::*;

/// The realm with the program `nightly`, which may ask for a scope for programs.
fn with_program() -> RealmSnapshot {
    let mut realm = realm();
    let mut program = client();
    program.id = "nightly".into();
    program.claims = vec![
        claim("tier", ClaimSource::Constant(json!("gold"))),
        claim("who", ClaimSource::Expression("client.id".into())),
        claim("email", ClaimSource::Attribute("email".into())),
        claim("roles", ClaimSource::RealmRoles),
    ];
    let oidc = program.oidc.as_mut().unwrap();
    oidc.grant_types = [GrantType::ClientCredentials].into();
    oidc.scopes.allowed = ["openid".into(), "realmwright:accounts".into()].into();
    oidc.scopes.default = oidc.scopes.allowed.clone();
    realm.clients.insert("nightly".into(), Arc::new(program));
    realm
}

fn ask(realm: &RealmSnapshot, client: &str, scopes: &str) -> Result<OwnToken, Refused> {
    let decisions = RealmDecisions::compile(realm, None).unwrap();
    let request = OwnRequest {
        client: client.into(),
        scopes: names(scopes),
        now: now(),
    };
    own_token(realm, &decisions, &request)
}

/// OIDC-15, OIDC-57: without a scope it gets its default ones, as far as they are for programs;
/// claims are of the access token, and none is of a person.
#[test]
fn a_program_gets_what_is_for_programs() {
    for scopes in ["", "realmwright:accounts"] {
        let token = ask(&with_program(), "nightly", scopes).unwrap();
        assert_eq!(token.scopes, names("realmwright:accounts"));
        let claims = serde_json::Value::Object(token.claims);
        assert_eq!(claims, json!({"tier": "gold", "who": "nightly"}));
        let issuer = "https://id.example.com/quickstart".to_owned();
        assert_eq!(token.audiences, [issuer].into(), "nobody else is named");
    }
}

/// RFC 6749 section 5.2.
#[test]
fn what_is_not_for_it_is_refused() {
    let realm = with_program();
    for (client, scopes, denial) in [
        ("nightly", "openid", "invalid-scope"),
        ("nightly", "realmwright:accounts openid", "invalid-scope"),
        ("nightly", "unknown", "invalid-scope"),
        ("demo", "realmwright:accounts", "unauthorized-client"),
        ("nobody", "", "unknown-client"),
    ] {
        let refused = ask(&realm, client, scopes).unwrap_err();
        assert_eq!(refused.denial, denial, "{client} {scopes}");
    }
    let mut silent = realm;
    let mut program = (**silent.clients.get("nightly").unwrap()).clone();
    program.oidc.as_mut().unwrap().scopes.default = ["openid".into()].into();
    silent.clients.insert("nightly".into(), Arc::new(program));
    assert_eq!(
        ask(&silent, "nightly", "").unwrap_err().denial,
        "invalid-scope"
    );
}

/// Applications that decisions were not asked for are nobody.
#[test]
fn decisions_are_of_the_applications_that_they_were_made_for() {
    let realm = with_program();
    let only = ClientId::from("demo");
    let decisions = RealmDecisions::compile_for(&realm, [&only].into_iter(), None).unwrap();
    assert!(decisions.client(&only).is_some());
    let request = OwnRequest {
        client: "nightly".into(),
        scopes: Vec::new(),
        now: now(),
    };
    let refused = own_token(&realm, &decisions, &request).unwrap_err();
    assert_eq!(refused.denial, "unknown-client");
}
