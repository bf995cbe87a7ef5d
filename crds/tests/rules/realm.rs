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
            "id cannot be added, changed or removed",
            [json!({"id": "identity.other"}), json!({"id": null})],
        )],
        allowed: vec![
            json!({"sessions": {"idle": "10h", "lifetime": "600m"}}),
            json!({"keys": {"publishAhead": "60m"}}),
            json!({"retention": {"auditEvents": "24h", "deadLetters": "1s"}}),
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
            "an issuer is https",
            ["http://id.example.com", "http://localhost:8080"].map(issuer),
        ),
        Refusal::new(
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
            "a backend URL has no trailing slash, no query and no fragment",
            ["https://b.example.com/", "http://b/x?y", "http://b/x#y"].map(backend),
        ),
        Refusal::new(
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
    vec![
        // ATTR-PURP-01: the identifier is built in.
        Refusal::new(
            "`sub` is built in and cannot be declared",
            [json!({"attributes": [{"name": "sub"}]})],
        ),
        // ATTR-COMP-01: a computed attribute is read-only and not stored.
        Refusal::new(
            "a computed attribute is not stored: it cannot be searchable, required or unique, and \
             has no input",
            [
                json!({"searchable": true}),
                json!({"required": true}),
                json!({"unique": true}),
                json!({"input": {"match": ".*"}}),
            ]
            .map(with(
                json!({"name": "full_name", "computed": "person.email"}),
            )),
        ),
        Refusal::new(
            "only texts can be caseInsensitive",
            [json!({"attributes": [{"name": "age", "type": "Number", "caseInsensitive": true}]})],
        ),
        // ATTR-IN-01: transforms are for texts.
        Refusal::new(
            "only texts can have an input",
            [json!({"attributes": [{"name": "age", "type": "Number", "input": {"match": "x"}}]})],
        ),
        Refusal::new(
            "octets cannot be searchable or unique",
            [json!({"searchable": true}), json!({"unique": true})]
                .map(with(json!({"name": "photo", "type": "Bytes"}))),
        ),
    ]
}

fn sessions_and_tokens() -> Vec<Refusal> {
    vec![
        // AUTH-GEN-02, AUTH-GEN-03: idle within lifetime, also against a default.
        Refusal::new(
            "idle must not be longer than lifetime (defaults 30m and 10h)",
            [
                json!({"sessions": {"idle": "2h", "lifetime": "1h"}}),
                json!({"sessions": {"idle": "11h"}}),
                json!({"sessions": {"lifetime": "29m"}}),
            ],
        ),
        Refusal::new(
            "idle, lifetime, loginLifetime must be longer than 0s",
            ["idle", "loginLifetime"].map(|field| json!({"sessions": {field: "0s"}})),
        ),
        // KC-AZ-06: a code lives shortly.
        Refusal::new(
            "codeLifetime must be longer than 0s and at most 10m",
            ["0s", "11m"].map(|life| json!({"tokens": {"codeLifetime": life}})),
        ),
        Refusal::new(
            "lifetime must be longer than 0s",
            ["accessToken", "idToken"].map(|token| json!({"tokens": {token: {"lifetime": "0m"}}})),
        ),
        // KC-LT-02: a refresh token's idle life within the family's.
        Refusal::new(
            "idle must not be longer than lifetime (defaults 30m and 10h)",
            [json!({"tokens": {"refreshToken": {"idle": "10h1s"}}})],
        ),
        Refusal::new(
            "idle, lifetime must be longer than 0s",
            [json!({"tokens": {"refreshToken": {"idle": "0s"}}})],
        ),
    ]
}

fn retention() -> Vec<Refusal> {
    vec![
        // CONF-STORE-03.
        Refusal::new(
            "auditEvents are kept for 24h at least",
            [json!({"retention": {"auditEvents": "23h"}})],
        ),
        Refusal::new(
            "deadLetters must be longer than 0s",
            [json!({"retention": {"deadLetters": "0s"}})],
        ),
    ]
}

fn keys_and_protection() -> Vec<Refusal> {
    vec![
        Refusal::new(
            "rotationInterval, publishAhead, jwksMaxAge must be longer than 0s",
            [json!({"keys": {"jwksMaxAge": "0s"}})],
        ),
        Refusal::new(
            "publishAhead must not be shorter than jwksMaxAge, or a cache could meet an unknown \
             key (defaults 24h and 1h)",
            [
                json!({"keys": {"jwksMaxAge": "25h"}}),
                json!({"keys": {"publishAhead": "59m"}}),
            ],
        ),
        Refusal::new(
            "publishAhead must be shorter than rotationInterval (defaults 24h and 720h)",
            [
                json!({"keys": {"rotationInterval": "24h"}}),
                json!({"keys": {"publishAhead": "720h"}}),
            ],
        ),
        Refusal::new(
            "attemptWindow must be longer than 0s",
            [json!({"protection": {"attemptWindow": "0s"}})],
        ),
        Refusal::new(
            "responseFloor must not be longer than 10s",
            [json!({"protection": {"responseFloor": "11s"}})],
        ),
        Refusal::new(
            "maxWait must not be longer than 1m",
            [json!({"protection": {"passwordQueue": {"maxWait": "61s"}}})],
        ),
    ]
}
