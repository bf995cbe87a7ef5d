use serde_json::json;

use crate::Cases;

pub(crate) fn cases() -> Cases {
    Cases {
        kind: "ReferenceGrant",
        base: json!({
            "from": [{"kind": "Client", "namespace": "team-a"}],
            "to": [{"kind": "Secret"}],
        }),
        refused: Vec::new(),
        unchangeable: Vec::new(),
        allowed: Vec::new(),
    }
}
