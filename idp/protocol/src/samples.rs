//! Values that tests of several modules share.

use realmwright_keys::{Generate, PublicJwk, Purpose, SystemGenerator};
use realmwright_snapshot::{
    ClientAuthentication, ClientSnapshot, GrantType, Locale, OidcClient, Pkce, RealmSnapshot,
    SigningAlgorithm, sample,
};
use url::Url;

use crate::Parameters;
use crate::jose::{SigningKey, VerificationKeys};

pub(crate) const ISSUER: &str = "https://id.example/q";

pub(crate) fn parameters(text: &str) -> Parameters {
    Parameters::parse(text.as_bytes()).unwrap()
}

/// A public client with `https://app.example/cb`.
pub(crate) fn oidc_client() -> OidcClient {
    OidcClient {
        authentication: ClientAuthentication::None,
        redirect_uris: vec![Url::parse("https://app.example/cb").unwrap()],
        grant_types: [GrantType::AuthorizationCode].into(),
        pkce: Pkce::Optional,
        ..sample::client("sample").oidc.unwrap()
    }
}

pub(crate) fn client(id: &str, oidc: OidcClient) -> ClientSnapshot {
    ClientSnapshot {
        oidc: Some(oidc),
        ..sample::client(id)
    }
}

pub(crate) fn realm(clients: Vec<ClientSnapshot>) -> RealmSnapshot {
    let mut realm = sample::realm(clients);
    realm.core.issuer = Url::parse(ISSUER).unwrap();
    realm.core.locales.supported.push(Locale::from("uk"));
    realm
}

/// A new key and the set that verifies it.
pub(crate) fn signing_key() -> (SigningKey, VerificationKeys) {
    let alg = SigningAlgorithm::ES256;
    let key = SystemGenerator::default()
        .key(Purpose::Sign { alg })
        .unwrap();
    let jwk = PublicJwk::of_private_key(&key.kid, alg, &key.material).unwrap();
    let jwk = serde_json::to_value(jwk).unwrap();
    (
        SigningKey::from_pkcs8(key.kid.as_str(), alg, key.material.expose()).unwrap(),
        VerificationKeys::from_jwks(&[jwk]).unwrap(),
    )
}
