use serde_json::{Value, json};

use crate::{Cases, Refusal, other_realm};

pub(crate) fn cases() -> Cases {
    Cases {
        kind: "Client",
        base: json!({
            "realmRef": {"name": "main"},
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
        refused: [
            identity(),
            return_addresses("spec.oidc", |inner| json!({"oidc": inner})),
            return_addresses(
                "spec.oidc.logout",
                |inner| json!({"oidc": {"logout": inner}}),
            ),
            grants(),
            authentication(),
            scopes_and_tokens(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        unchangeable: vec![
            Refusal::new(
                "spec.identifier",
                "identifier cannot be added, changed or removed",
                [json!({"identifier": "other"}), json!({"identifier": null})],
            ),
            other_realm(),
        ],
        allowed: vec![
            // APP-01: an entityID may be a URL where OAuth is not configured.
            json!({"identifier": "https://sp.example.com/saml", "oidc": null}),
            // KC-CL-05: a native application on loopback, public, with PKCE.
            json!({"oidc": {
                "authentication": {"secret": null, "none": {}},
                "redirectUris": ["http://127.0.0.1/callback"],
                "grantTypes": ["authorization_code", "refresh_token"],
            }}),
            // KC-CL-07: a service has no redirect address.
            json!({"oidc": {"redirectUris": null, "grantTypes": ["client_credentials"]}}),
            json!({"oidc": {
                "redirectUriPrefixes": ["https://app.example.com/in/"],
                "defaultRedirectUri": "https://app.example.com/in/here",
            }}),
            json!({"oidc": {"authentication": {
                "secret": null, "privateKeyJwt": {"jwks": {"keys": [{"kty": "EC"}]}},
            }}}),
            // OIDC-11: another key, another Secret, another namespace.
            json!({"oidc": {"authentication": {"secret": {
                "generated": null,
                "secretRef": {"name": "demo", "key": "old"},
                "additionalSecretRef": {"name": "demo", "key": "new"},
            }}}}),
            json!({"oidc": {"authentication": {"secret": {
                "generated": null,
                "secretRef": {"name": "demo", "key": "value"},
                "additionalSecretRef": {"name": "demo", "key": "value", "namespace": "vault"},
            }}}}),
            // OIDC-10, OIDC-11: a generated secret that is replaced by schedule.
            rotation(&json!({"interval": "25h"})),
            rotation(&json!({"interval": "10s", "overlap": "9999ms"})),
            json!({"roleScope": {"full": null, "roles": []}}),
        ],
    }
}

fn identity() -> Vec<Refusal> {
    vec![
        // APP-01: what OAuth forbids in an identifier, and what is reserved.
        Refusal::new(
            "spec.identifier",
            "an OAuth identifier contains neither `:` nor `~`",
            ["a:b", "a~b", "https://sp.example.com/saml"]
                .map(|identifier| json!({"identifier": identifier})),
        ),
        Refusal::new(
            "spec.identifier",
            "identifiers that begin with `dyn~` are reserved for applications that register \
             themselves",
            [json!({"identifier": "dyn~acme~1", "oidc": null})],
        ),
        // KC-ROLE-02: all, or a list, and nothing that could be read as both.
        Refusal::new(
            "spec.roleScope",
            "exactly one of full, roles must be set",
            [
                json!({"roleScope": {"full": true, "roles": [{"role": "a"}]}}),
                json!({"roleScope": {"full": null}}),
            ],
        ),
        Refusal::new(
            "spec.roleScope.full",
            "full is `true` or left out",
            [json!({"roleScope": {"full": false}})],
        ),
    ]
}

/// OIDC-12, OIDC-13, OIDC-30, OIDC-31: return addresses of login and logout.
fn return_addresses(place: &str, nest: impl Fn(Value) -> Value) -> Vec<Refusal> {
    let under = |field| format!("{place}.{field}");
    vec![
        Refusal::new(
            &under("redirectUris[0]"),
            "a return address must not have a fragment (`#`)",
            [json!({"redirectUris": ["https://app.example.com/a#b"]})].map(&nest),
        ),
        Refusal::new(
            &under("redirectUriPrefixes[0]"),
            "a return address must not have a fragment (`#`)",
            [json!({"redirectUriPrefixes": ["https://app.example.com/#"]})].map(&nest),
        ),
        Refusal::new(
            &under("redirectUriPrefixes[0]"),
            "a prefix must not have a query (`?`)",
            [json!({"redirectUriPrefixes": ["https://app.example.com/a?b=c"]})].map(&nest),
        ),
        Refusal::new(
            &under("defaultRedirectUri"),
            "defaultRedirectUri must be one of redirectUris or begin with one of \
             redirectUriPrefixes",
            [
                json!({"defaultRedirectUri": "https://evil.example.com/"}),
                json!({
                    "redirectUriPrefixes": ["https://app.example.com/in/"],
                    "defaultRedirectUri": "https://app.example.com/out",
                }),
            ]
            .map(&nest),
        ),
    ]
}

fn grants() -> Vec<Refusal> {
    vec![
        Refusal::new(
            "spec.oidc.redirectUris",
            "authorization_code needs redirectUris or redirectUriPrefixes",
            [
                json!({"oidc": {"redirectUris": null}}),
                json!({"oidc": {
                    "redirectUris": [], "grantTypes": ["refresh_token", "authorization_code"],
                }}),
            ],
        ),
        // OIDC-19, OIDC-20: a response type without its grant.
        Refusal::new(
            "spec.oidc.responseTypes",
            "responseTypes are for authorization_code, which grantTypes leaves out",
            [json!({"oidc": {"grantTypes": ["client_credentials"], "responseTypes": ["code"]}})],
        ),
        // OIDC-17: PKCE for public clients, always.
        Refusal::new(
            "spec.oidc.pkce",
            "a public client must use PKCE",
            [json!({"oidc": {
                "authentication": {"secret": null, "none": {}}, "pkce": "Optional",
            }})],
        ),
        // KC-CL-07: a service account needs credentials.
        Refusal::new(
            "spec.oidc.grantTypes",
            "a public client has no credentials for client_credentials",
            [json!({"oidc": {
                "authentication": {"secret": null, "none": {}},
                "grantTypes": ["client_credentials"],
            }})],
        ),
    ]
}

fn rotation(rotation: &Value) -> Value {
    json!({"oidc": {"authentication": {"secret": {"generated": {"rotation": rotation}}}}})
}

fn authentication() -> Vec<Refusal> {
    let authentication = |authentication| json!({"oidc": {"authentication": authentication}});
    let reference = json!({"name": "demo", "key": "secret"});
    vec![
        Refusal::new(
            "spec.oidc.authentication.privateKeyJwt.jwksUri",
            "jwksUri is https",
            [authentication(json!({
                "secret": null, "privateKeyJwt": {"jwksUri": "http://app.example.com/jwks"},
            }))],
        ),
        Refusal::new(
            "spec.oidc.authentication",
            "exactly one of none, secret, privateKeyJwt must be set",
            [json!({"none": {}}), json!({"secret": null})].map(authentication),
        ),
        Refusal::new(
            "spec.oidc.authentication.privateKeyJwt",
            "exactly one of jwks, jwksUri must be set",
            [
                json!({}),
                json!({
                    "jwks": {"keys": [{"kty": "EC"}]}, "jwksUri": "https://app.example.com/jwks",
                }),
            ]
            .map(|keys| authentication(json!({"secret": null, "privateKeyJwt": keys}))),
        ),
        // OIDC-10: the secret is made here or brought along.
        Refusal::new(
            "spec.oidc.authentication.secret",
            "exactly one of generated, secretRef must be set",
            [
                json!({"generated": null}),
                json!({"secretRef": {"name": "demo", "key": "secret"}}),
            ]
            .map(|secret| authentication(json!({"secret": secret}))),
        ),
        // OIDC-11: the former secret has ended before the next one is made.
        Refusal::new(
            "spec.oidc.authentication.secret.generated.rotation.overlap",
            "overlap must be longer than 0s",
            [rotation(&json!({"interval": "1h", "overlap": "0s"}))],
        ),
        Refusal::new(
            "spec.oidc.authentication.secret.generated.rotation.overlap",
            "overlap, 24h where it is left out, must be shorter than interval",
            [
                rotation(&json!({"interval": "24h"})),
                rotation(&json!({"interval": "0s", "overlap": "1s"})),
                rotation(&json!({"interval": "1h", "overlap": "60m"})),
            ],
        ),
        // OIDC-11: the second secret of a rotation.
        Refusal::new(
            "spec.oidc.authentication.secret.additionalSecretRef",
            "additionalSecretRef is only for a secret that secretRef names",
            [authentication(
                json!({"secret": {"additionalSecretRef": reference}}),
            )],
        ),
        Refusal::new(
            "spec.oidc.authentication.secret.additionalSecretRef",
            "additionalSecretRef must name another value than secretRef",
            [authentication(json!({"secret": {
                "generated": null, "secretRef": reference, "additionalSecretRef": reference,
            }}))],
        ),
    ]
}

fn scopes_and_tokens() -> Vec<Refusal> {
    vec![
        // OIDC-14, OIDC-15.
        Refusal::new(
            "spec.oidc.scopes.optional",
            "a scope is either default or optional",
            [json!({"oidc": {"scopes": {"optional": ["openid"]}}})],
        ),
        Refusal::new(
            "spec.oidc.accessToken.lifetime",
            "lifetime must be longer than 0s",
            [json!({"oidc": {"accessToken": {"lifetime": "0s"}}})],
        ),
        Refusal::new(
            "spec.oidc.idToken.lifetime",
            "lifetime must be longer than 0s",
            [json!({"oidc": {"idToken": {"lifetime": "0s"}}})],
        ),
        Refusal::new(
            "spec.oidc.refreshToken.lifetime",
            "lifetime must be longer than 0s",
            [json!({"oidc": {"refreshToken": {"lifetime": "0s"}}})],
        ),
        Refusal::new(
            "spec.oidc.refreshToken.idle",
            "idle must be longer than 0s",
            [json!({"oidc": {"refreshToken": {"idle": "0s"}}})],
        ),
        Refusal::new(
            "spec.oidc.refreshToken.idle",
            "idle must not be longer than lifetime",
            [json!({"oidc": {"refreshToken": {"idle": "2h", "lifetime": "1h"}}})],
        ),
    ]
}
