use serde_json::{Value, json};

use crate::{Cases, Refusal, merge, other_realm};

pub(crate) fn cases() -> Cases {
    let case = |request: Value, expect: Value| {
        json!({"cases": [{
            "name": "one", "client": "demo", "request": request, "expect": expect,
        }]})
    };
    let denied = |also: Value| {
        let mut expect = json!({"result": "Denied"});
        merge(&mut expect, &also);
        case(json!({}), expect)
    };
    Cases {
        kind: "RealmTest",
        base: json!({
            "realmRef": {"name": "main"},
            "cases": [{
                "name": "one", "client": "demo", "request": {"prompt": ["login"]},
                "expect": {"result": "Allowed"},
            }],
        }),
        refused: vec![
            Refusal::new(
                "only a denied case has a denial",
                [case(
                    json!({}),
                    json!({"result": "Allowed", "denial": "banned"}),
                )],
            ),
            Refusal::new(
                "a denied case has no claims, consent or singleSession",
                [
                    json!({"claims": {"idToken": {"a": 1}}}),
                    json!({"consent": ["email"]}),
                    json!({"singleSession": true}),
                ]
                .map(denied),
            ),
            Refusal::new(
                "prompt `none` stands alone",
                [case(
                    json!({"prompt": ["none", "login"]}),
                    json!({"result": "Allowed"}),
                )],
            ),
        ],
        unchangeable: vec![other_realm()],
        allowed: vec![json!({"cases": [{
            "name": "denied", "client": "demo", "request": {"prompt": ["none"]},
            "expect": {"result": "Denied", "denial": "banned", "steps": []},
        }]})],
    }
}
