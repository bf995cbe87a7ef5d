//! Every CEL rule of every kind, kept and broken, judged as Kubernetes judges: offline, by the
//! rules in the definitions. A rule without a case that breaks it fails `every_rule_is_broken_once`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panic"
)]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use realmwright_crds::{
    AttributeStore, AuthFlow, AuthMethod, Client, Realm, RealmTest, ReferenceGrant, Region, Scope,
    definitions,
};
use serde_json::{Value, json};

/// The smallest object of each kind that has something in every part with rules.
fn base(kind: &str) -> Value {
    let realm = json!({"name": "main"});
    let spec = match kind {
        "Region" => json!({
            "country": "UA",
            "place": {"cluster": "prod-ua"},
            "hosts": [{"pattern": "id.example.com", "namespaces": ["identity"]}],
            "instances": [{"name": "default"}],
            "allowedExports": [{"to": "PL", "dataClasses": ["Pseudonymous"]}],
        }),
        "Realm" => json!({
            "id": "identity.main",
            "placements": [{"region": "ua", "issuer": "https://id.example.com/main"}],
            "locales": {"supported": ["en", "uk"], "default": "uk"},
            "attributes": [{"name": "email", "type": "String", "searchable": true}],
            "sessions": {}, "keys": {}, "protection": {"passwordQueue": {}}, "retention": {},
            "tokens": {"accessToken": {}, "idToken": {}, "refreshToken": {}},
        }),
        "Client" => json!({
            "realmRef": realm,
            "identifier": "demo",
            "roleScope": {"full": true},
            "claims": [{"name": "email", "from": {"attribute": "email"}}],
            "oidc": {
                "authentication": {"secret": {"generated": {}}},
                "redirectUris": ["https://app.example.com/callback"],
                "scopes": {"default": ["openid"], "optional": ["email"]},
                "accessToken": {}, "idToken": {}, "refreshToken": {},
                "logout": {"redirectUris": ["https://app.example.com/"]},
            },
        }),
        "Scope" => json!({
            "realmRef": realm,
            "scope": "albums:view",
            "claims": [{"name": "email", "from": {"attribute": "email"}}],
        }),
        "AttributeStore" => json!({"realmRef": realm, "internal": {"maxResults": 100}}),
        "AuthMethod" => json!({
            "realmRef": realm,
            "password": {
                "match": [{"all": [{"attribute": "email", "equals": "login"}]}],
                "policy": {}, "lockout": {},
            },
        }),
        "AuthFlow" => json!({
            "realmRef": realm,
            "deny": [{"name": "banned", "when": "false", "message": {"en": "No."}}],
            "entry": [{"name": "fresh", "then": {"more": {"methods": ["password"]}}}],
            "afterStep": [{"name": "done", "then": {"enough": {}}}],
        }),
        "RealmTest" => json!({
            "realmRef": realm,
            "cases": [{
                "name": "one", "client": "demo", "request": {"prompt": ["login"]},
                "expect": {"result": "Allowed"},
            }],
        }),
        "ReferenceGrant" => json!({
            "from": [{"kind": "Client", "namespace": "team-a"}],
            "to": [{"kind": "Secret"}],
        }),
        other => panic!("no base for {other}"),
    };
    object(kind, "main", &spec)
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "realmwright.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "identity"},
        "spec": spec,
    })
}

const KINDS: [&str; 9] = [
    "Region",
    "Realm",
    "Client",
    "Scope",
    "AttributeStore",
    "AuthMethod",
    "AuthFlow",
    "RealmTest",
    "ReferenceGrant",
];

/// Merges as RFC 7396 does: `null` removes.
fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.remove(key);
                } else {
                    merge(target.entry(key.clone()).or_insert(json!({})), value);
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

fn patched(kind: &str, patch: &Value) -> Value {
    let mut object = base(kind);
    merge(&mut object, &json!({"spec": patch}));
    object
}

fn schema(kind: &str) -> Value {
    let definition = definitions()
        .into_iter()
        .find(|definition| definition.spec.names.kind == kind)
        .unwrap();
    let schema = definition.spec.versions[0].schema.clone().unwrap();
    serde_json::to_value(schema.open_api_v3_schema.unwrap()).unwrap()
}

/// Rule and message of every violation.
fn violations(kind: &str, object: &Value, old: Option<&Value>) -> Vec<(String, String)> {
    static COMPILED: LazyLock<Vec<(&str, CompiledSchema)>> = LazyLock::new(|| {
        KINDS
            .into_iter()
            .map(|kind| (kind, compile_schema(&schema(kind))))
            .collect()
    });
    let (_, schema) = COMPILED.iter().find(|(name, _)| *name == kind).unwrap();
    match Validator::new().validate_compiled(schema, object, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors
            .iter()
            .map(|error| (error.rule.clone(), error.message.clone()))
            .collect(),
    }
}

/// A patch of the base that breaks exactly the rule with the message.
struct Broken {
    kind: &'static str,
    patch: Value,
    message: &'static str,
}

/// What each rule refuses at creation.
fn broken_at_creation() -> Vec<Broken> {
    let mut cases = Vec::new();
    let mut add = |kind, patch, message| {
        cases.push(Broken {
            kind,
            patch,
            message,
        });
    };
    // REGION-RES-01: an export has another country as its aim.
    add(
        "Region",
        json!({"allowedExports": [{"to": "UA", "dataClasses": ["Pseudonymous"]}]}),
        "an export goes to another country than the region's own",
    );
    add(
        "Region",
        json!({"instances": [{"name": "keys"}]}),
        "an instance cannot be called `keys`: that namespace holds the region's keys",
    );
    for place in [
        json!({"nodeSelector": {"zone": "a"}}),
        json!({"cluster": null}),
    ] {
        add(
            "Region",
            json!({"place": place}),
            "exactly one of cluster, nodeSelector must be set",
        );
    }
    for issuer in ["http://id.example.com", "http://localhost:8080"] {
        add(
            "Realm",
            json!({"placements": [{"region": "ua", "issuer": issuer}]}),
            "an issuer is https",
        );
    }
    for issuer in [
        "https://id.example.com/",
        "https://id.example.com/main/",
        "https://id.example.com/main?a=b",
        "https://id.example.com/main#a",
    ] {
        add(
            "Realm",
            json!({"placements": [{"region": "ua", "issuer": issuer}]}),
            "an issuer has no trailing slash, no query and no fragment",
        );
    }
    for backend in ["https://b.example.com/", "http://b/x?y", "http://b/x#y"] {
        add(
            "Realm",
            json!({"placements": [{
                "region": "ua", "issuer": "https://id.example.com", "backendUrl": backend,
            }]}),
            "a backend URL has no trailing slash, no query and no fragment",
        );
    }
    add(
        "Realm",
        json!({"locales": {"default": "ru"}}),
        "the default language must be one of the supported ones",
    );
    // ATTR-PURP-01: the identifier is built in.
    add(
        "Realm",
        json!({"attributes": [{"name": "sub"}]}),
        "`sub` is built in and cannot be declared",
    );
    // ATTR-COMP-01: a computed attribute is read-only and not stored.
    for stored in [
        json!({"searchable": true}),
        json!({"required": true}),
        json!({"unique": true}),
        json!({"input": {"match": ".*"}}),
    ] {
        let mut attribute = json!({"name": "full_name", "computed": "person.email"});
        merge(&mut attribute, &stored);
        add(
            "Realm",
            json!({"attributes": [attribute]}),
            "a computed attribute is not stored: it cannot be searchable, required or unique, and \
             has no input",
        );
    }
    add(
        "Realm",
        json!({"attributes": [{"name": "age", "type": "Number", "caseInsensitive": true}]}),
        "only texts can be caseInsensitive",
    );
    // ATTR-IN-01: transforms are for texts.
    add(
        "Realm",
        json!({"attributes": [{"name": "age", "type": "Number", "input": {"match": "x"}}]}),
        "only texts can have an input",
    );
    for lookup in [json!({"searchable": true}), json!({"unique": true})] {
        let mut attribute = json!({"name": "photo", "type": "Bytes"});
        merge(&mut attribute, &lookup);
        add(
            "Realm",
            json!({"attributes": [attribute]}),
            "octets cannot be searchable or unique",
        );
    }
    // AUTH-GEN-02, AUTH-GEN-03: idle within lifetime, also against a default.
    for sessions in [
        json!({"idle": "2h", "lifetime": "1h"}),
        json!({"idle": "11h"}),
        json!({"lifetime": "29m"}),
    ] {
        add(
            "Realm",
            json!({"sessions": sessions}),
            "idle must not be longer than lifetime (defaults 30m and 10h)",
        );
    }
    for field in ["idle", "loginLifetime"] {
        add(
            "Realm",
            json!({"sessions": {field: "0s"}}),
            "idle, lifetime, loginLifetime must be longer than 0s",
        );
    }
    // KC-AZ-06: a code lives shortly.
    for life in ["0s", "11m"] {
        add(
            "Realm",
            json!({"tokens": {"codeLifetime": life}}),
            "codeLifetime must be longer than 0s and at most 10m",
        );
    }
    for token in ["accessToken", "idToken"] {
        add(
            "Realm",
            json!({"tokens": {token: {"lifetime": "0m"}}}),
            "lifetime must be longer than 0s",
        );
    }
    // KC-LT-02: a refresh token's idle life within the family's.
    add(
        "Realm",
        json!({"tokens": {"refreshToken": {"idle": "10h1s"}}}),
        "idle must not be longer than lifetime (defaults 30m and 10h)",
    );
    add(
        "Realm",
        json!({"tokens": {"refreshToken": {"idle": "0s"}}}),
        "idle, lifetime must be longer than 0s",
    );
    add(
        "Realm",
        json!({"keys": {"jwksMaxAge": "0s"}}),
        "rotationInterval, publishAhead, jwksMaxAge must be longer than 0s",
    );
    for keys in [json!({"jwksMaxAge": "25h"}), json!({"publishAhead": "59m"})] {
        add(
            "Realm",
            json!({"keys": keys}),
            "publishAhead must not be shorter than jwksMaxAge, or a cache could meet an unknown \
             key (defaults 24h and 1h)",
        );
    }
    for keys in [
        json!({"rotationInterval": "24h"}),
        json!({"publishAhead": "720h"}),
    ] {
        add(
            "Realm",
            json!({"keys": keys}),
            "publishAhead must be shorter than rotationInterval (defaults 24h and 720h)",
        );
    }
    // CONF-STORE-03.
    add(
        "Realm",
        json!({"retention": {"auditEvents": "23h"}}),
        "auditEvents are kept for 24h at least",
    );
    add(
        "Realm",
        json!({"retention": {"deadLetters": "0s"}}),
        "deadLetters must be longer than 0s",
    );
    add(
        "Realm",
        json!({"protection": {"attemptWindow": "0s"}}),
        "attemptWindow must be longer than 0s",
    );
    add(
        "Realm",
        json!({"protection": {"responseFloor": "11s"}}),
        "responseFloor must not be longer than 10s",
    );
    add(
        "Realm",
        json!({"protection": {"passwordQueue": {"maxWait": "61s"}}}),
        "maxWait must not be longer than 1m",
    );
    // APP-01: what OAuth forbids in an identifier, and what is reserved.
    for identifier in ["a:b", "a~b", "https://sp.example.com/saml"] {
        add(
            "Client",
            json!({"identifier": identifier}),
            "an OAuth identifier contains neither `:` nor `~`",
        );
    }
    add(
        "Client",
        json!({"identifier": "dyn~acme~1", "oidc": null}),
        "identifiers that begin with `dyn~` are reserved for applications that register themselves",
    );
    // KC-ROLE-02: all, or a list, and nothing that could be read as both.
    for scope in [
        json!({"full": true, "roles": [{"role": "a"}]}),
        json!({"full": null}),
    ] {
        add(
            "Client",
            json!({"roleScope": scope}),
            "exactly one of full, roles must be set",
        );
    }
    add(
        "Client",
        json!({"roleScope": {"full": false}}),
        "full is `true` or left out",
    );
    // OIDC-12, OIDC-13, OIDC-30, OIDC-31: return addresses of login and logout.
    for part in [json!("oidc"), json!("logout")] {
        let nest = |inner: Value| {
            if part == "oidc" {
                json!({"oidc": inner})
            } else {
                json!({"oidc": {"logout": inner}})
            }
        };
        for addresses in [
            json!({"redirectUris": ["https://app.example.com/a#b"]}),
            json!({"redirectUriPrefixes": ["https://app.example.com/#"]}),
            json!({
                "redirectUris": ["https://app.example.com/a#b"],
                "defaultRedirectUri": "https://app.example.com/a#b",
            }),
        ] {
            add(
                "Client",
                nest(addresses),
                "a return address must not have a fragment (`#`)",
            );
        }
        add(
            "Client",
            nest(json!({"redirectUriPrefixes": ["https://app.example.com/a?b=c"]})),
            "a prefix must not have a query (`?`)",
        );
        for addresses in [
            json!({"defaultRedirectUri": "https://evil.example.com/"}),
            json!({
                "redirectUriPrefixes": ["https://app.example.com/in/"],
                "defaultRedirectUri": "https://app.example.com/out",
            }),
        ] {
            add(
                "Client",
                nest(addresses),
                "defaultRedirectUri must be one of redirectUris or begin with one of \
                 redirectUriPrefixes",
            );
        }
    }
    for addresses in [
        json!({"redirectUris": null}),
        json!({"redirectUris": [], "grantTypes": ["refresh_token", "authorization_code"]}),
    ] {
        add(
            "Client",
            json!({"oidc": addresses}),
            "authorization_code needs redirectUris or redirectUriPrefixes",
        );
    }
    // OIDC-19, OIDC-20: a response type without its grant.
    add(
        "Client",
        json!({"oidc": {"grantTypes": ["client_credentials"], "responseTypes": ["code"]}}),
        "responseTypes are for authorization_code, which grantTypes leaves out",
    );
    // OIDC-17: PKCE for public clients, always.
    add(
        "Client",
        json!({"oidc": {"authentication": {"secret": null, "none": {}}, "pkce": "Optional"}}),
        "a public client must use PKCE",
    );
    // KC-CL-07: a service account needs credentials.
    add(
        "Client",
        json!({"oidc": {
            "authentication": {"secret": null, "none": {}},
            "grantTypes": ["client_credentials"],
        }}),
        "a public client has no credentials for client_credentials",
    );
    add(
        "Client",
        json!({"oidc": {"authentication": {
            "secret": null, "privateKeyJwt": {"jwksUri": "http://app.example.com/jwks"},
        }}}),
        "jwksUri is https",
    );
    for authentication in [json!({"none": {}}), json!({"secret": null})] {
        add(
            "Client",
            json!({"oidc": {"authentication": authentication}}),
            "exactly one of none, secret, privateKeyJwt must be set",
        );
    }
    for keys in [
        json!({}),
        json!({"jwks": {"keys": [{"kty": "EC"}]}, "jwksUri": "https://app.example.com/jwks"}),
    ] {
        add(
            "Client",
            json!({"oidc": {"authentication": {"secret": null, "privateKeyJwt": keys}}}),
            "exactly one of jwks, jwksUri must be set",
        );
    }
    // OIDC-10: the secret is made here or brought along.
    for secret in [
        json!({"generated": null}),
        json!({"secretRef": {"name": "demo", "key": "secret"}}),
    ] {
        add(
            "Client",
            json!({"oidc": {"authentication": {"secret": secret}}}),
            "exactly one of generated, secretRef must be set",
        );
    }
    // OIDC-11: the second secret of a rotation.
    let reference = json!({"name": "demo", "key": "secret"});
    add(
        "Client",
        json!({"oidc": {"authentication": {"secret": {"additionalSecretRef": reference}}}}),
        "additionalSecretRef is only for a secret that secretRef names",
    );
    add(
        "Client",
        json!({"oidc": {"authentication": {"secret": {
            "generated": null, "secretRef": reference, "additionalSecretRef": reference,
        }}}}),
        "additionalSecretRef must name another value than secretRef",
    );
    // OIDC-14, OIDC-15.
    add(
        "Client",
        json!({"oidc": {"scopes": {"optional": ["openid"]}}}),
        "a scope is either default or optional",
    );
    for token in ["accessToken", "idToken"] {
        add(
            "Client",
            json!({"oidc": {token: {"lifetime": "0s"}}}),
            "lifetime must be longer than 0s",
        );
    }
    add(
        "Client",
        json!({"oidc": {"refreshToken": {"lifetime": "0s"}}}),
        "idle, lifetime must be longer than 0s",
    );
    add(
        "Client",
        json!({"oidc": {"refreshToken": {"idle": "2h", "lifetime": "1h"}}}),
        "idle must not be longer than lifetime",
    );
    add(
        "Scope",
        json!({"system": true, "consent": {"ask": true}}),
        "nobody is asked for a system scope: leave consent out",
    );
    add(
        "AttributeStore",
        json!({"internal": null}),
        "internal must be set",
    );
    for method in [json!({"totp": {}}), json!({"password": null})] {
        add(
            "AuthMethod",
            method,
            "exactly one of password, totp must be set",
        );
    }
    // AUTH-PWDPOL-01, 03, 06, 07.
    for policy in [
        json!({"minLength": 20, "maxLength": 10}),
        json!({"minLength": 257}),
        json!({"maxLength": 7}),
    ] {
        add(
            "AuthMethod",
            json!({"password": {"policy": policy}}),
            "minLength must not be greater than maxLength (defaults 8 and 256)",
        );
    }
    for policy in [
        json!({"minGroups": 5}),
        json!({"minGroups": 2, "groups": [{"name": "digits", "characters": "[0-9]"}]}),
    ] {
        add(
            "AuthMethod",
            json!({"password": {"policy": policy}}),
            "minGroups must not be greater than the number of groups (default 4)",
        );
    }
    add(
        "AuthMethod",
        json!({"password": {"policy": {"minAge": "24h", "maxAge": "24h"}}}),
        "minAge must be shorter than maxAge",
    );
    // AUTH-PWD-04.
    add(
        "AuthMethod",
        json!({"password": {"lockout": {"duration": "0s"}}}),
        "duration must be longer than 0s",
    );
    // AUTH-TOTP-01.
    add(
        "AuthMethod",
        json!({"password": null, "totp": {"lock": "0s"}}),
        "lock must be longer than 0s",
    );
    for period in ["9s", "301s"] {
        add(
            "AuthMethod",
            json!({"password": null, "totp": {"period": period}}),
            "period must be between 10s and 5m",
        );
    }
    // FLOW-03: one name, one rule.
    for clash in [
        json!({"entry": [{"name": "banned", "then": {"enough": {}}}]}),
        json!({"afterStep": [{"name": "banned", "then": {"enough": {}}}]}),
        json!({"afterStep": [{"name": "fresh", "then": {"enough": {}}}]}),
    ] {
        add(
            "AuthFlow",
            clash,
            "the name of a rule is unique in its flow",
        );
    }
    // FLOW-07: one outcome, one selection.
    add(
        "AuthFlow",
        json!({"entry": [{"name": "x", "then": {
            "more": {"methods": ["password"], "except": ["totp"]},
        }}]}),
        "methods and except cannot both be set",
    );
    for then in [json!({}), json!({"more": {}, "enough": {}})] {
        add(
            "AuthFlow",
            json!({"entry": [{"name": "x", "then": then}]}),
            "exactly one of more, logoutThenMore, resetSessionThenMore, enough, deny must be set",
        );
    }
    let case = |request: Value, expect: Value| {
        json!({"cases": [{
            "name": "one", "client": "demo", "request": request, "expect": expect,
        }]})
    };
    add(
        "RealmTest",
        case(json!({}), json!({"result": "Allowed", "denial": "banned"})),
        "only a denied case has a denial",
    );
    for also in [
        json!({"claims": {"idToken": {"a": 1}}}),
        json!({"consent": ["email"]}),
        json!({"singleSession": true}),
    ] {
        let mut expect = json!({"result": "Denied"});
        merge(&mut expect, &also);
        add(
            "RealmTest",
            case(json!({}), expect),
            "a denied case has no claims, consent or singleSession",
        );
    }
    add(
        "RealmTest",
        case(
            json!({"prompt": ["none", "login"]}),
            json!({"result": "Allowed"}),
        ),
        "prompt `none` stands alone",
    );
    cases
}

/// What each rule refuses at a change of the base.
fn broken_at_change() -> Vec<Broken> {
    let mut cases = Vec::new();
    let mut add = |kind, patch, message| {
        cases.push(Broken {
            kind,
            patch,
            message,
        });
    };
    // REGION-RES-04: a move to another country is an export of everybody.
    add(
        "Region",
        json!({"country": "KZ"}),
        "the country of a region cannot change",
    );
    for id in [json!("identity.other"), Value::Null] {
        add(
            "Realm",
            json!({"id": id}),
            "id cannot be added, changed or removed",
        );
    }
    for identifier in [json!("other"), Value::Null] {
        add(
            "Client",
            json!({"identifier": identifier}),
            "identifier cannot be added, changed or removed",
        );
    }
    for scope in [json!("other"), Value::Null] {
        add(
            "Scope",
            json!({"scope": scope}),
            "scope cannot be added, changed or removed",
        );
    }
    add(
        "AuthMethod",
        json!({"password": null, "totp": {}}),
        "a method cannot become another one: people hold credentials for it",
    );
    for kind in [
        "Client",
        "Scope",
        "AttributeStore",
        "AuthMethod",
        "AuthFlow",
        "RealmTest",
    ] {
        for realm in [json!({"name": "other"}), json!({"namespace": "elsewhere"})] {
            add(
                kind,
                json!({"realmRef": realm}),
                "realmRef cannot change: create the object anew",
            );
        }
    }
    cases
}

#[test]
fn the_bases_keep_every_rule() {
    for kind in KINDS {
        let object = base(kind);
        assert_eq!(violations(kind, &object, None), [], "{kind}");
        assert_eq!(
            violations(kind, &object, Some(&object)),
            [],
            "{kind}, unchanged"
        );
    }
}

#[test]
fn the_bases_are_typed_and_pass_the_derived_check() {
    fn read<T: serde::de::DeserializeOwned>(kind: &str) -> T {
        serde_json::from_value(base(kind)).unwrap()
    }
    macro_rules! check {
        ($($kind:ident),*) => {$(
            let object: $kind = read(stringify!($kind));
            object.validate_cel().unwrap();
            object.validate_cel_update(&object).unwrap();
        )*};
    }
    check!(
        Region,
        Realm,
        Client,
        Scope,
        AttributeStore,
        AuthMethod,
        AuthFlow,
        RealmTest,
        ReferenceGrant
    );
}

#[test]
fn what_a_rule_refuses_is_refused_by_that_rule_alone() {
    for Broken {
        kind,
        patch,
        message,
    } in broken_at_creation()
    {
        let found = violations(kind, &patched(kind, &patch), None);
        let messages: Vec<&str> = found.iter().map(|(_, message)| message.as_str()).collect();
        assert_eq!(messages, [message], "{kind} {patch}");
    }
}

#[test]
fn what_cannot_change_is_refused_and_may_be_created() {
    for Broken {
        kind,
        patch,
        message,
    } in broken_at_change()
    {
        let object = patched(kind, &patch);
        assert_eq!(violations(kind, &object, None), [], "{kind} {patch}");
        let found = violations(kind, &object, Some(&base(kind)));
        let messages: Vec<&str> = found.iter().map(|(_, message)| message.as_str()).collect();
        assert_eq!(messages, [message], "{kind} {patch}");
    }
}

#[test]
fn an_optional_identity_cannot_be_added_later() {
    for (kind, field) in [
        ("Realm", "id"),
        ("Client", "identifier"),
        ("Scope", "scope"),
    ] {
        let old = patched(kind, &json!({field: null}));
        let found = violations(kind, &base(kind), Some(&old));
        assert_eq!(found.len(), 1, "{kind}");
        assert_eq!(
            found[0].1,
            format!("{field} cannot be added, changed or removed")
        );
    }
}

#[test]
fn the_name_of_a_region_fits_into_a_namespace() {
    let spec = base("Region")["spec"].clone();
    for name in ["ua", "a23456789012345678901234567890"] {
        assert_eq!(
            violations("Region", &object("Region", name, &spec), None),
            []
        );
    }
    for name in ["a234567890123456789012345678901", "ua.west"] {
        let found = violations("Region", &object("Region", name, &spec), None);
        assert_eq!(found.len(), 1, "{name}");
        assert!(found[0].1.contains("at most 30 characters"));
    }
}

#[test]
fn what_the_rules_mean_to_allow_is_allowed() {
    for (kind, patch) in [
        ("Region", json!({"place": null})),
        (
            "Region",
            json!({"place": {"cluster": null, "nodeSelector": {"zone": "a"}}}),
        ),
        (
            "Realm",
            json!({"sessions": {"idle": "10h", "lifetime": "600m"}}),
        ),
        ("Realm", json!({"keys": {"publishAhead": "60m"}})),
        (
            "Realm",
            json!({"retention": {"auditEvents": "24h", "deadLetters": "1s"}}),
        ),
        (
            "Realm",
            json!({"tokens": {"codeLifetime": "10m", "refreshToken": {"reuseInterval": "0s"}}}),
        ),
        (
            "Realm",
            json!({"protection": {"responseFloor": "0s", "passwordQueue": {"maxWait": "1m"}}}),
        ),
        (
            "Realm",
            json!({"attributes": [
                {"name": "full_name", "computed": "person.given_name", "searchable": false},
                {"name": "tags", "type": "StringList", "caseInsensitive": true},
                {"name": "age", "type": "Number", "searchable": true, "caseInsensitive": false},
            ]}),
        ),
        // APP-01: an entityID may be a URL where OAuth is not configured.
        (
            "Client",
            json!({"identifier": "https://sp.example.com/saml", "oidc": null}),
        ),
        // KC-CL-05: a native application on loopback, public, with PKCE.
        (
            "Client",
            json!({"oidc": {
                "authentication": {"secret": null, "none": {}},
                "redirectUris": ["http://127.0.0.1/callback"],
                "grantTypes": ["authorization_code", "refresh_token"],
            }}),
        ),
        // KC-CL-07: a service has no redirect address.
        (
            "Client",
            json!({"oidc": {"redirectUris": null, "grantTypes": ["client_credentials"]}}),
        ),
        (
            "Client",
            json!({"oidc": {
                "redirectUriPrefixes": ["https://app.example.com/in/"],
                "defaultRedirectUri": "https://app.example.com/in/here",
            }}),
        ),
        (
            "Client",
            json!({"oidc": {"authentication": {
                "secret": null, "privateKeyJwt": {"jwks": {"keys": [{"kty": "EC"}]}},
            }}}),
        ),
        // OIDC-11: another key, another Secret, another namespace.
        (
            "Client",
            json!({"oidc": {"authentication": {"secret": {
                "generated": null,
                "secretRef": {"name": "demo", "key": "old"},
                "additionalSecretRef": {"name": "demo", "key": "new"},
            }}}}),
        ),
        (
            "Client",
            json!({"oidc": {"authentication": {"secret": {
                "generated": null,
                "secretRef": {"name": "demo", "key": "value"},
                "additionalSecretRef": {"name": "demo", "key": "value", "namespace": "vault"},
            }}}}),
        ),
        ("Client", json!({"roleScope": {"full": null, "roles": []}})),
        (
            "Scope",
            json!({"system": false, "consent": {"text": {"en": "See your albums"}}}),
        ),
        (
            "AuthMethod",
            json!({"password": null, "totp": {"period": "60s", "digits": 8}}),
        ),
        (
            "AuthMethod",
            json!({"password": {"policy": {"minGroups": 4, "minAge": "1h", "maxAge": "2160h"}}}),
        ),
        (
            "AuthFlow",
            json!({"entry": [{"name": "x", "then": {"more": {}}}]}),
        ),
        (
            "RealmTest",
            json!({"cases": [{
                "name": "denied", "client": "demo", "request": {"prompt": ["none"]},
                "expect": {"result": "Denied", "denial": "banned", "steps": []},
            }]}),
        ),
    ] {
        assert_eq!(
            violations(kind, &patched(kind, &patch), None),
            [],
            "{kind} {patch}"
        );
    }
}

/// All rules below a schema, with their messages.
fn rules(schema: &Value, found: &mut BTreeSet<(String, String)>) {
    match schema {
        Value::Object(object) => {
            for rule in object
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let text = |key: &str| rule[key].as_str().unwrap().to_owned();
                found.insert((text("rule"), text("message")));
            }
            for value in object.values() {
                rules(value, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                rules(item, found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_rule_is_broken_once() {
    for kind in KINDS {
        let mut declared = BTreeSet::new();
        rules(&schema(kind), &mut declared);
        let mut broken = BTreeSet::new();
        for case in broken_at_creation() {
            if case.kind == kind {
                broken.extend(violations(kind, &patched(kind, &case.patch), None));
            }
        }
        for case in broken_at_change() {
            if case.kind == kind {
                let object = patched(kind, &case.patch);
                broken.extend(violations(kind, &object, Some(&base(kind))));
            }
        }
        if kind == "Region" {
            let spec = base(kind)["spec"].clone();
            broken.extend(violations(kind, &object(kind, "a.b", &spec), None));
        }
        let missing: Vec<_> = declared.difference(&broken).collect();
        assert!(missing.is_empty(), "{kind}: nothing breaks {missing:#?}");
    }
}
