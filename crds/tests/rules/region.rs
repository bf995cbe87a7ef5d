use serde_json::json;

use crate::{Cases, Refusal};

pub(crate) fn cases() -> Cases {
    Cases {
        kind: "Region",
        base: json!({
            "country": "UA",
            "place": {"cluster": "prod-ua"},
            "hosts": [{"pattern": "id.example.com", "namespaces": ["identity"]}],
            "instances": [{"name": "default"}],
            "allowedExports": [{"to": "PL", "dataClasses": ["Pseudonymous"]}],
        }),
        refused: vec![
            // REGION-RES-01: an export has another country as its aim.
            Refusal::new(
                "spec.allowedExports",
                "an export goes to another country than the region's own",
                [json!({"allowedExports": [{"to": "UA", "dataClasses": ["Pseudonymous"]}]})],
            ),
            Refusal::new(
                "spec.instances[0].name",
                "an instance cannot be called `keys`: that namespace holds the region's keys",
                [json!({"instances": [{"name": "keys"}]})],
            ),
            Refusal::new(
                "spec.place",
                "exactly one of cluster, nodeSelector must be set",
                [
                    json!({"place": {"nodeSelector": {"zone": "a"}}}),
                    json!({"place": {"cluster": null}}),
                ],
            ),
        ],
        unchangeable: vec![
            // REGION-RES-04: a move to another country is an export of everybody.
            Refusal::new(
                "spec.country",
                "the country of a region cannot change",
                [json!({"country": "KZ"})],
            ),
        ],
        allowed: vec![
            json!({"place": null}),
            json!({"place": {"cluster": null, "nodeSelector": {"zone": "a"}}}),
        ],
    }
}
