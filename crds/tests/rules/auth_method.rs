use serde_json::{Value, json};

use crate::{Cases, Refusal, other_realm};

pub(crate) fn cases() -> Cases {
    let totp = |totp: Value| json!({"password": null, "totp": totp});
    let policy = |policy: Value| json!({"password": {"policy": policy}});
    Cases {
        kind: "AuthMethod",
        base: json!({
            "realmRef": {"name": "main"},
            "password": {
                "match": [{"all": [{"attribute": "email", "equals": "login"}]}],
                "policy": {}, "lockout": {},
            },
        }),
        refused: vec![
            Refusal::new(
                "spec",
                "exactly one of password, totp must be set",
                [json!({"totp": {}}), json!({"password": null})],
            ),
            // AUTH-PWDPOL-01, 03, 06, 07.
            Refusal::new(
                "spec.password.policy.minLength",
                "minLength must not be greater than maxLength (defaults 8 and 256)",
                [
                    json!({"minLength": 20, "maxLength": 10}),
                    json!({"minLength": 257}),
                    json!({"maxLength": 7}),
                ]
                .map(policy),
            ),
            Refusal::new(
                "spec.password.policy.minGroups",
                "minGroups must not be greater than the number of groups (default 4)",
                [
                    json!({"minGroups": 5}),
                    json!({
                        "minGroups": 2, "groups": [{"name": "digits", "characters": "[0-9]"}],
                    }),
                ]
                .map(policy),
            ),
            Refusal::new(
                "spec.password.policy.minAge",
                "minAge must be shorter than maxAge",
                [policy(json!({"minAge": "24h", "maxAge": "24h"}))],
            ),
            // AUTH-PWD-04.
            Refusal::new(
                "spec.password.lockout.duration",
                "duration must be longer than 0s",
                [json!({"password": {"lockout": {"duration": "0s"}}})],
            ),
            // What can be set can be checked; `realmwright-decision` has the numbers.
            Refusal::new(
                "spec.password.hashing",
                "memoryKiB times iterations must not be greater than 262144 (defaults 19456 and 2)",
                [
                    json!({"memoryKiB": 262_144}),
                    json!({"memoryKiB": 262_144, "iterations": 2}),
                    json!({"memoryKiB": 131_073, "iterations": 2}),
                    json!({"iterations": 14}),
                ]
                .map(|hashing| json!({"password": {"hashing": hashing}})),
            ),
            // AUTH-TOTP-01.
            Refusal::new(
                "spec.totp.lock",
                "lock must be longer than 0s",
                [totp(json!({"lock": "0s"}))],
            ),
            Refusal::new(
                "spec.totp.period",
                "period must be between 10s and 5m",
                ["9s", "301s"].map(|period| totp(json!({"period": period}))),
            ),
        ],
        unchangeable: vec![
            Refusal::new(
                "spec",
                "a method cannot become another one: people hold credentials for it",
                [totp(json!({}))],
            ),
            other_realm(),
        ],
        allowed: vec![
            totp(json!({"period": "60s", "digits": 8})),
            policy(json!({"minGroups": 4, "minAge": "1h", "maxAge": "2160h"})),
        ],
    }
}
