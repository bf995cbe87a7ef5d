//! Protection of the login.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::rules::positive;

/// Protection of the login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = positive("attemptWindow"))]
#[x_kube(validation = Rule::new("!has(self.responseFloor) || duration(self.responseFloor) <= duration('10s')")
        .message("responseFloor must not be longer than 10s").field_path(".responseFloor"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Protection {
    /// No answer to a credential comes earlier, so that unknown, wrong, locked and missing look
    /// alike. Where checking a password takes longer, the slowest check of late counts instead,
    /// which is all that counts with `0s`. Default: `500ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_floor: Option<Duration>,
    /// Failed logins from one address (IPv4 /32, IPv6 /64) within the window; then 429. Default:
    /// 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub attempts_per_address: Option<i32>,
    /// Failed logins with one login name within the window; then every answer is that of a wrong
    /// password. Default: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub attempts_per_login: Option<i32>,
    /// The window of both. Default: `15m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_window: Option<Duration>,
    /// The queue in front of the password hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_queue: Option<PasswordQueue>,
}

/// The queue in front of the password hash, of each pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(self.maxWait) || duration(self.maxWait) <= duration('1m')")
        .message("maxWait must not be longer than 1m").field_path(".maxWait"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordQueue {
    /// Most checks that wait; beyond it people read that the service is busy (503 with
    /// `Retry-After`). Default: 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub length: Option<i32>,
    /// Longest wait of one; then the same answer. Default: `5s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_wait: Option<Duration>,
}
