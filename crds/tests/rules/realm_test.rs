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
                "spec.cases[0].expect.denial",
                "only a denied case has a denial",
                [case(
                    json!({}),
                    json!({"result": "Allowed", "denial": "banned"}),
                )],
            ),
            Refusal::new(
                "spec.cases[0].expect.claims",
                "a denied case has no claims",
                [denied(json!({"claims": {"idToken": {"a": 1}}}))],
            ),
            Refusal::new(
                "spec.cases[0].expect.consent",
                "a denied case has no consent",
                [denied(json!({"consent": ["email"]}))],
            ),
            Refusal::new(
                "spec.cases[0].expect.singleSession",
                "a denied case has no singleSession",
                [denied(json!({"singleSession": true}))],
            ),
            Refusal::new(
                "spec.cases[0].request.prompt",
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
