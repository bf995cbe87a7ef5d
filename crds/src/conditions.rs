//! The closed vocabulary of status conditions, and the status that most kinds share.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Types of conditions. `True` is the good state, but for `Pinned` and `RotationBlocked`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// The object itself is right and takes part in the compile.
    Accepted,
    /// The realm compiled into a snapshot.
    Compiled,
    /// The head of every placement that this cluster serves names the revision.
    Published,
    /// At least one pod of every such placement serves the revision.
    Serving,
    /// Every ready pod of every such placement serves the revision.
    Ready,
    /// The revision is held back by an annotation; changes wait.
    Pinned,
    /// A key or secret cannot be rotated.
    RotationBlocked,
}

impl ConditionType {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Compiled,
        Self::Published,
        Self::Serving,
        Self::Ready,
        Self::Pinned,
        Self::RotationBlocked,
    ];

    /// The value of `type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Compiled => "Compiled",
            Self::Published => "Published",
            Self::Serving => "Serving",
            Self::Ready => "Ready",
            Self::Pinned => "Pinned",
            Self::RotationBlocked => "RotationBlocked",
        }
    }
}

/// Reasons of conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// `Accepted`: the object takes part.
    Accepted,
    /// `Accepted=False`: the object is wrong; the message names the diagnostic.
    Invalid,
    /// `Accepted=False`: it names an object that is not there.
    ReferenceNotFound,
    /// `Accepted=False`: the realm or the Secret's namespace does not admit the reference.
    ReferenceNotPermitted,
    /// `Accepted=False`: another object has the identifier.
    Conflict,
    /// `Accepted=False`: another namespace, region or instance holds the host.
    HostConflict,
    /// `Compiled`: there is a snapshot of this generation.
    Compiled,
    /// `Compiled=False`: there is none; the message lists the diagnostics.
    CompileFailed,
    /// `Compiled=False`: a `RealmTest` fails.
    TestFailed,
    /// `Published`: the head names the revision.
    Published,
    /// `Published=False`: a secret or key that the snapshot names does not resolve.
    HandleUnresolved,
    /// `Published=False`: pods report more than the head; the cluster was restored.
    HeadBehindPods,
    /// `Serving` and `Ready`: pods serve the revision.
    Served,
    /// `Serving=False` and `Ready=False`: pods have not reported the revision yet.
    Progressing,
    /// `Serving=False` and `Ready=False`: no pod of the placement is ready.
    NoReadyPods,
    /// `Ready`: this cluster serves no placement of the realm.
    Elsewhere,
    /// `Pinned`: held back by the annotation.
    PinnedByAnnotation,
    /// `RotationBlocked`: a pod has not acknowledged the keys that must be known first.
    NotAcknowledged,
    /// `RotationBlocked`: the store of keys or secrets refuses or is not there.
    StoreUnavailable,
    /// `Pinned=False`, `RotationBlocked=False`: nothing to say.
    None,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Accepted,
        Self::Invalid,
        Self::ReferenceNotFound,
        Self::ReferenceNotPermitted,
        Self::Conflict,
        Self::HostConflict,
        Self::Compiled,
        Self::CompileFailed,
        Self::TestFailed,
        Self::Published,
        Self::HandleUnresolved,
        Self::HeadBehindPods,
        Self::Served,
        Self::Progressing,
        Self::NoReadyPods,
        Self::Elsewhere,
        Self::PinnedByAnnotation,
        Self::NotAcknowledged,
        Self::StoreUnavailable,
        Self::None,
    ];

    /// The value of `reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Invalid => "Invalid",
            Self::ReferenceNotFound => "ReferenceNotFound",
            Self::ReferenceNotPermitted => "ReferenceNotPermitted",
            Self::Conflict => "Conflict",
            Self::HostConflict => "HostConflict",
            Self::Compiled => "Compiled",
            Self::CompileFailed => "CompileFailed",
            Self::TestFailed => "TestFailed",
            Self::Published => "Published",
            Self::HandleUnresolved => "HandleUnresolved",
            Self::HeadBehindPods => "HeadBehindPods",
            Self::Served => "Served",
            Self::Progressing => "Progressing",
            Self::NoReadyPods => "NoReadyPods",
            Self::Elsewhere => "Elsewhere",
            Self::PinnedByAnnotation => "PinnedByAnnotation",
            Self::NotAcknowledged => "NotAcknowledged",
            Self::StoreUnavailable => "StoreUnavailable",
            Self::None => "None",
        }
    }
}

/// Status of an object that belongs to a realm. It never carries values of the realm, so that one
/// edit of the realm does not rewrite thousands of objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStatus {
    /// `metadata.generation` that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions by type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}
