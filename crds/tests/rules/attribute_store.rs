use serde_json::json;

use crate::{Cases, Refusal, other_realm};

pub(crate) fn cases() -> Cases {
    Cases {
        kind: "AttributeStore",
        base: json!({"realmRef": {"name": "main"}, "internal": {"maxResults": 100}}),
        refused: vec![Refusal::new(
            "spec",
            "internal must be set",
            [json!({"internal": null})],
        )],
        unchangeable: vec![other_realm()],
        allowed: Vec::new(),
    }
}
