//! How long records without an end of their own are kept.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::rules::positive;

/// How long records without an end of their own are kept (CONF-STORE-03). Pods delete what is
/// older, by the clock of the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(self.auditEvents) || duration(self.auditEvents) >= duration('24h')")
        .message("auditEvents are kept for 24h at least").field_path(".auditEvents"))]
#[x_kube(validation = positive("deadLetters"))]
#[x_kube(validation = Rule::new("!has(self.denials) || (duration(self.denials) >= duration('1h') && duration(self.denials) <= duration('2160h'))")
        .message("denials are kept for 1h at least and 2160h at most").field_path(".denials"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retention {
    /// Audit events, from when they happened; `24h` or longer, and within what the regions of
    /// `placements` allow (`Region.spec.retention`). Default: they are never deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_events: Option<Duration>,
    /// Deliveries that were given up, from then on. Default: `720h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<Duration>,
    /// Why people were refused, which `realmwright why-denied` shows: from then on, `1h` to
    /// `2160h`. Of people who are not known yet, `24h` at most. Default: `720h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denials: Option<Duration>,
}
