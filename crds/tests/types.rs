//! The types read what the schema allows, refuse what it does not know, and give back what they
//! read: what was left out stays out.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panic"
)]

use proptest::prelude::*;
use realmwright_crds::auth_method::Method;
use realmwright_crds::claims::ClaimSource;
use realmwright_crds::client::Authentication;
use realmwright_crds::duration::PATTERN;
use realmwright_crds::{
    AttributeStoreSpec, AuthFlowSpec, AuthMethodSpec, ClientSpec, Duration, RealmSpec,
    RealmTestSpec, ReferenceGrantSpec, RegionSpec, ScopeSpec,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const CLIENT: &str = "
realmRef: {name: main}
displayName: {en: Demo, uk: Демо}
roleScope: {full: true}
claims:
  - {name: a, from: {attribute: email}}
  - {name: b, from: {constant: [1, null]}, targets: [AccessToken]}
  - {name: c, from: {realmRoles: {}}}
oidc:
  authentication: {secret: {generated: {}}}
  redirectUris: ['http://127.0.0.1/callback']
  refreshToken: {idle: 1h30m}
";

/// Reads, writes, and compares with what was read.
fn round_trip<T: DeserializeOwned + Serialize>(yaml: &str) -> T {
    let typed: T = serde_saphyr::from_str(yaml).unwrap();
    let read: Value = serde_saphyr::from_str(yaml).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), read);
    typed
}

#[test]
fn what_is_read_is_given_back() {
    let client: ClientSpec = round_trip(CLIENT);
    assert_eq!(client.consent, None, "left out is not reset");
    assert!(matches!(client.claims[2].from, ClaimSource::RealmRoles(_)));
    let oidc = client.oidc.unwrap();
    assert!(matches!(oidc.authentication, Authentication::Secret(_)));
    let idle = oidc.refresh_token.unwrap().idle.unwrap();
    assert_eq!(idle.get().as_secs(), 5400);
    round_trip::<RegionSpec>("{country: UA, place: {nodeSelector: {zone: a}}}");
    round_trip::<RealmSpec>("{placements: [{region: ua, issuer: 'https://id.example.com'}]}");
    round_trip::<ScopeSpec>("{realmRef: {name: main}, consent: {ask: false}}");
    round_trip::<AttributeStoreSpec>("{realmRef: {name: main}, internal: {}}");
    round_trip::<AuthFlowSpec>(
        "{realmRef: {name: main}, entry: [{name: a, then: {logoutThenMore: {except: [totp]}}}]}",
    );
    round_trip::<RealmTestSpec>(
        "{realmRef: {name: main}, cases: [{name: a, client: b, context: \
         {at: '2026-01-01T00:00:00Z'}, expect: {result: Denied, steps: []}}]}",
    );
    round_trip::<ReferenceGrantSpec>(
        "{from: [{kind: Realm, namespace: a}], to: [{kind: Secret}], verbs: [Read, Write]}",
    );
}

#[test]
fn a_spec_names_its_one_method() {
    let totp: AuthMethodSpec =
        round_trip("{realmRef: {name: main}, totp: {algorithm: SHA256, enrolment: 'Off'}}");
    assert!(matches!(totp.method(), Some(Method::Totp(_))));
    let both: AuthMethodSpec =
        round_trip("{realmRef: {name: main}, totp: {}, password: {match: []}}");
    assert_eq!(both.method(), None);
    let neither: AuthMethodSpec = round_trip("{realmRef: {name: main}}");
    assert_eq!(neither.method(), None);
}

/// The message of the refusal.
fn refused<T: DeserializeOwned>(yaml: &str) -> String {
    serde_saphyr::from_str::<T>(yaml)
        .err()
        .unwrap_or_else(|| panic!("accepted: {yaml}"))
        .to_string()
}

#[test]
fn unknown_fields_and_values_are_refused() {
    for (yaml, word) in [
        ("{realmRef: {name: main}, colour: red}", "colour"),
        ("{realmRef: {name: main, kind: Realm}}", "kind"),
        (
            "{realmRef: {name: main}, oidc: {authentication: {none: {a: 1}}}}",
            "a",
        ),
        (
            "{realmRef: {name: main}, oidc: {authentication: {password: {}}}}",
            "password",
        ),
        (
            "{realmRef: {name: main}, oidc: {authentication: {none: {}}, pkce: Plain}}",
            "Plain",
        ),
        (
            "{realmRef: {name: main}, oidc: {authentication: {none: {}}, grantTypes: [password]}}",
            "password",
        ),
        (
            "{realmRef: {name: main}, claims: [{name: a, from: {claim: b}}]}",
            "claim",
        ),
        ("{identifier: a}", "realmRef"),
        (
            "{realmRef: {name: main}, oidc: {authentication: {none: {}}, idToken: {lifetime: 1d}}}",
            "expected a duration",
        ),
    ] {
        let message = refused::<ClientSpec>(yaml);
        assert!(message.contains(word), "{yaml}: {message}");
    }
    refused::<RegionSpec>("{country: UA, county: UA}");
    refused::<RealmSpec>("{placements: [], sessions: {idle: 5}}");
    refused::<ScopeSpec>("{realmRef: {name: main}, ask: true}");
    refused::<AttributeStoreSpec>("{realmRef: {name: main}, ldap: {}}");
    refused::<AuthMethodSpec>("{realmRef: {name: main}, totp: {digits: six}}");
    refused::<AuthFlowSpec>("{realmRef: {name: main}, entry: [{name: a, then: {most: {}}}]}");
    refused::<RealmTestSpec>("{realmRef: {name: main}, cases: [{name: a, client: b}]}");
    refused::<ReferenceGrantSpec>("{from: [], to: [{kind: ConfigMap}]}");
}

#[test]
fn a_union_with_two_members_is_refused() {
    refused::<ClientSpec>(
        "{realmRef: {name: main}, claims: [{name: a, from: {attribute: b, constant: 1}}]}",
    );
    refused::<RegionSpec>("{country: UA, place: {cluster: a, nodeSelector: {}}}");
}

#[test]
fn a_spec_without_content_keeps_it_so() {
    let spec: AttributeStoreSpec =
        serde_saphyr::from_str("{realmRef: {name: main}, internal: null}").unwrap();
    assert_eq!(
        serde_json::to_value(spec).unwrap(),
        json!({"realmRef": {"name": "main"}})
    );
}

proptest! {
    /// GEP-2257: the parser and the pattern of the schema agree on every text.
    #[test]
    fn durations_are_what_the_pattern_says(text in "[0-9hmsd .-]{0,16}") {
        let pattern = regex::Regex::new(PATTERN).unwrap();
        prop_assert_eq!(text.parse::<Duration>().is_ok(), pattern.is_match(&text));
    }

    /// What is written is read as the same length.
    #[test]
    fn durations_survive_writing(parts in prop::collection::vec((0u32..100_000, "(h|m|s|ms)"), 1..4)) {
        let text: String = parts.iter().map(|(number, unit)| format!("{number}{unit}")).collect();
        let read: Duration = text.parse().unwrap();
        let written = read.to_string();
        // Several parts of 99999 hours have no text of five digits; they cannot come from one part.
        if let Ok(again) = written.parse::<Duration>() {
            prop_assert_eq!(again, read);
        } else {
            prop_assert!(read.get().as_secs() >= 100_000 * 3600);
        }
    }
}
