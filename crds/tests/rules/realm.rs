use serde_json::{Value, json};

use crate::{Cases, Refusal, merge};

pub(crate) fn cases() -> Cases {
    Cases {
        kind: "Realm",
        base: json!({
            "id": "identity.main",
            "placements": [{"region": "ua", "issuer": "https://id.example.com/main"}],
            "locales": {"supported": ["en", "uk"], "default": "uk"},
            "attributes": [{"name": "email", "type": "String", "searchable": true}],
            "sessions": {}, "keys": {}, "protection": {"passwordQueue": {}},
            "retention": {},
            "tokens": {"accessToken": {}, "idToken": {}, "refreshToken": {}},
        }),
        refused: [
            addresses(),
            attributes(),
            sessions_and_tokens(),
            keys_and_protection(),
            retention(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        unchangeable: vec![Refusal::new(
            "spec.id",
            "id cannot be added, changed or removed",
            [json!({"id": "identity.other"}), json!({"id": null})],
        )],
        allowed: vec![
            json!({"sessions": {"idle": "10h", "lifetime": "600m"}}),
            json!({"keys": {"publishAhead": "60m"}}),
            json!({"retention": {"auditEvents": "24h", "deadLetters": "1s", "denials": "1h"}}),
            json!({"tokens": {"codeLifetime": "10m", "refreshToken": {"reuseInterval": "0s"}}}),
            json!({"protection": {"responseFloor": "0s", "passwordQueue": {"maxWait": "1m"}}}),
            json!({"attributes": [
                {"name": "full_name", "computed": "person.given_name", "searchable": false},
                {"name": "tags", "type": "StringList", "caseInsensitive": true},
                {"name": "age", "type": "Number", "searchable": true, "caseInsensitive": false},
            ]}),
        ],
    }
}

fn addresses() -> Vec<Refusal> {
    let issuer = |issuer| json!({"placements": [{"region": "ua", "issuer": issuer}]});
    let backend = |backend| {
        json!({"placements": [{
            "region": "ua", "issuer": "https://id.example.com", "backendUrl": backend,
        }]})
    };
    vec![
        Refusal::new(
            "spec.placements[0].issuer",
            "an issuer is https",
            ["http://id.example.com", "http://localhost:8080"].map(issuer),
        ),
        Refusal::new(
            "spec.placements[0].issuer",
            "an issuer has no trailing slash, no query and no fragment",
            [
                "https://id.example.com/",
                "https://id.example.com/main/",
                "https://id.example.com/main?a=b",
                "https://id.example.com/main#a",
            ]
            .map(issuer),
        ),
        Refusal::new(
            "spec.placements[0].backendUrl",
            "a backend URL has no trailing slash, no query and no fragment",
            ["https://b.example.com/", "http://b/x?y", "http://b/x#y"].map(backend),
        ),
        Refusal::new(
            "spec.locales.default",
            "the default language must be one of the supported ones",
            [json!({"locales": {"default": "ru"}})],
        ),
    ]
}

fn attributes() -> Vec<Refusal> {
    let with = |attribute: Value| {
        move |more: Value| {
            let mut attribute = attribute.clone();
            merge(&mut attribute, &more);
            json!({"attributes": [attribute]})
        }
    };
    let computed = with(json!({"name": "full_name", "computed": "person.email"}));
    let octets = with(json!({"name": "photo", "type": "Bytes"}));
    vec![
        // ATTR-PURP-01: the identifier is built in.
        Refusal::new(
            "spec.attributes[0].name",
            "`sub` is built in and cannot be declared",
            [json!({"attributes": [{"name": "sub"}]})],
        ),
        // ATTR-COMP-01: a computed attribute is read-only and not stored.
        Refusal::new(
            "spec.attributes[0].searchable",
            "a computed attribute is not stored and cannot be searchable",
            [computed(json!({"searchable": true}))],
        ),
        Refusal::new(
            "spec.attributes[0].required",
            "a computed attribute is not stored and cannot be required",
            [computed(json!({"required": true}))],
        ),
        Refusal::new(
            "spec.attributes[0].unique",
            "a computed attribute is not stored and cannot be unique",
            [computed(json!({"unique": true}))],
        ),
        Refusal::new(
            "spec.attributes[0].input",
            "a computed attribute has no input",
            [computed(json!({"input": {"match": ".*"}}))],
        ),
        Refusal::new(
            "spec.attributes[0].caseInsensitive",
            "only texts can be caseInsensitive",
            [json!({"attributes": [{"name": "age", "type": "Number", "caseInsensitive": true}]})],
        ),
        // ATTR-IN-01: transforms are for texts.
        Refusal::new(
            "spec.attributes[0].input",
            "only texts can have an input",
            [json!({"attributes": [{"name": "age", "type": "Number", "input": {"match": "x"}}]})],
        ),
        Refusal::new(
            "spec.attributes[0].searchable",
            "octets cannot be searchable",
            [octets(json!({"searchable": true}))],
        ),
        Refusal::new(
            "spec.attributes[0].unique",
            "octets cannot be unique",
            [octets(json!({"unique": true}))],
        ),
    ]
}

fn sessions_and_tokens() -> Vec<Refusal> {
    vec![
        // AUTH-GEN-02, AUTH-GEN-03: idle within lifetime, also against a default.
        Refusal::new(
            "spec.sessions.idle",
            "idle must not be longer than lifetime (defaults 30m and 10h)",
            [
                json!({"sessions": {"idle": "2h", "lifetime": "1h"}}),
                json!({"sessions": {"idle": "11h"}}),
                json!({"sessions": {"lifetime": "29m"}}),
            ],
        ),
        Refusal::new(
            "spec.sessions.idle",
            "idle must be longer than 0s",
            [json!({"sessions": {"idle": "0s"}})],
        ),
        Refusal::new(
            "spec.sessions.loginLifetime",
            "loginLifetime must be longer than 0s",
            [json!({"sessions": {"loginLifetime": "0s"}})],
        ),
        // KC-AZ-06: a code lives shortly.
        Refusal::new(
            "spec.tokens.codeLifetime",
            "codeLifetime must be longer than 0s and at most 10m",
            ["0s", "11m"].map(|life| json!({"tokens": {"codeLifetime": life}})),
        ),
        Refusal::new(
            "spec.tokens.accessToken.lifetime",
            "lifetime must be longer than 0s",
            [json!({"tokens": {"accessToken": {"lifetime": "0m"}}})],
        ),
        Refusal::new(
            "spec.tokens.idToken.lifetime",
            "lifetime must be longer than 0s",
            [json!({"tokens": {"idToken": {"lifetime": "0m"}}})],
        ),
        // KC-LT-02: a refresh token's idle life within the family's.
        Refusal::new(
            "spec.tokens.refreshToken.idle",
            "idle must not be longer than lifetime (defaults 30m and 10h)",
            [json!({"tokens": {"refreshToken": {"idle": "10h1s"}}})],
        ),
        Refusal::new(
            "spec.tokens.refreshToken.idle",
            "idle must be longer than 0s",
            [json!({"tokens": {"refreshToken": {"idle": "0s"}}})],
        ),
    ]
}

fn retention() -> Vec<Refusal> {
    vec![
        // CONF-STORE-03.
        Refusal::new(
            "spec.retention.auditEvents",
            "auditEvents are kept for 24h at least",
            [json!({"retention": {"auditEvents": "23h"}})],
        ),
        Refusal::new(
            "spec.retention.deadLetters",
            "deadLetters must be longer than 0s",
            [json!({"retention": {"deadLetters": "0s"}})],
        ),
        Refusal::new(
            "spec.retention.denials",
            "denials are kept for 1h at least and 2160h at most",
            [
                json!({"retention": {"denials": "59m"}}),
                json!({"retention": {"denials": "2161h"}}),
                json!({"retention": {"denials": "0s"}}),
            ],
        ),
    ]
}

fn keys_and_protection() -> Vec<Refusal> {
    vec![
        Refusal::new(
            "spec.keys.jwksMaxAge",
            "jwksMaxAge must be longer than 0s",
            [json!({"keys": {"jwksMaxAge": "0s"}})],
        ),
        Refusal::new(
            "spec.keys.publishAhead",
            "publishAhead must not be shorter than jwksMaxAge, or a cache could meet an unknown \
             key (defaults 24h and 1h)",
            [
                json!({"keys": {"jwksMaxAge": "25h"}}),
                json!({"keys": {"publishAhead": "59m"}}),
            ],
        ),
        Refusal::new(
            "spec.keys.publishAhead",
            "publishAhead must be shorter than rotationInterval (defaults 24h and 720h)",
            [
                json!({"keys": {"rotationInterval": "24h"}}),
                json!({"keys": {"publishAhead": "720h"}}),
            ],
        ),
        Refusal::new(
            "spec.protection.attemptWindow",
            "attemptWindow must be longer than 0s",
            [json!({"protection": {"attemptWindow": "0s"}})],
        ),
        Refusal::new(
            "spec.protection.responseFloor",
            "responseFloor must not be longer than 10s",
            [json!({"protection": {"responseFloor": "11s"}})],
        ),
        Refusal::new(
            "spec.protection.passwordQueue.maxWait",
            "maxWait must not be longer than 1m",
            [json!({"protection": {"passwordQueue": {"maxWait": "61s"}}})],
        ),
    ]
}
