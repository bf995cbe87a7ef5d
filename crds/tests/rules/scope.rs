use serde_json::json;

use crate::{Cases, Refusal, other_realm};

pub(crate) fn cases() -> Cases {
    Cases {
        kind: "Scope",
        base: json!({
            "realmRef": {"name": "main"},
            "scope": "albums:view",
            "claims": [{"name": "email", "from": {"attribute": "email"}}],
        }),
        refused: vec![Refusal::new(
            "spec.consent",
            "nobody is asked for a system scope",
            [json!({"system": true, "consent": {"ask": true}})],
        )],
        unchangeable: vec![
            Refusal::new(
                "spec.scope",
                "scope cannot be added, changed or removed",
                [json!({"scope": "other"}), json!({"scope": null})],
            ),
            other_realm(),
        ],
        allowed: vec![json!({"system": false, "consent": {"text": {"en": "See your albums"}}})],
    }
}
