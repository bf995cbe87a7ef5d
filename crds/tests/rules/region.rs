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
            "retention": {"auditEvents": {"min": "8760h", "max": "43800h"}, "denials": {"max": "168h"}},
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
            // CONF-STORE-03: bounds that some length of time meets.
            Refusal::new(
                "spec.retention.auditEvents",
                "at least one of min, max must be set",
                [json!({"retention": {"auditEvents": {"min": null, "max": null}}})],
            ),
            Refusal::new(
                "spec.retention.auditEvents.max",
                "max is 24h or longer: no realm may keep less",
                [json!({"retention": {"auditEvents": {"min": null, "max": "23h"}}})],
            ),
            Refusal::new(
                "spec.retention.auditEvents.min",
                "min must not be longer than max",
                [json!({"retention": {"auditEvents": {"min": "43801h"}}})],
            ),
            Refusal::new(
                "spec.retention.denials.max",
                "max is 24h or longer: no realm may keep less",
                [json!({"retention": {"denials": {"max": "23h"}}})],
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
            json!({"retention": {"auditEvents": null}}),
            json!({"retention": {"auditEvents": {"max": null}}}),
            json!({"retention": {"auditEvents": {"min": null}}}),
            json!({"retention": {"auditEvents": {"min": "24h", "max": "1440m"}}}),
            json!({"place": {"cluster": null, "nodeSelector": {"zone": "a"}}}),
        ],
    }
}
