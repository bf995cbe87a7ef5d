use serde_json::{Value, json};

use crate::{Cases, Refusal, other_realm};

pub(crate) fn cases() -> Cases {
    let entry = |then: Value| json!({"entry": [{"name": "x", "then": then}]});
    Cases {
        kind: "AuthFlow",
        base: json!({
            "realmRef": {"name": "main"},
            "deny": [{"name": "banned", "when": "false", "message": {"en": "No."}}],
            "entry": [{"name": "fresh", "then": {"more": {"methods": ["password"]}}}],
            "afterStep": [{"name": "done", "then": {"enough": {}}}],
        }),
        refused: vec![
            // FLOW-03: one name, one rule.
            Refusal::new(
                "spec.entry",
                "the name of a rule is unique in its flow",
                [json!({"entry": [{"name": "banned", "then": {"enough": {}}}]})],
            ),
            Refusal::new(
                "spec.afterStep",
                "the name of a rule is unique in its flow",
                [
                    json!({"afterStep": [{"name": "banned", "then": {"enough": {}}}]}),
                    json!({"afterStep": [{"name": "fresh", "then": {"enough": {}}}]}),
                ],
            ),
            // FLOW-07: one outcome, one selection.
            Refusal::new(
                "spec.entry[0].then.more.except",
                "methods and except cannot both be set",
                [entry(
                    json!({"more": {"methods": ["password"], "except": ["totp"]}}),
                )],
            ),
            Refusal::new(
                "spec.entry[0].then",
                "exactly one of more, logoutThenMore, resetSessionThenMore, enough, deny must be \
                 set",
                [json!({}), json!({"more": {}, "enough": {}})].map(entry),
            ),
        ],
        unchangeable: vec![other_realm()],
        allowed: vec![entry(json!({"more": {}}))],
    }
}
