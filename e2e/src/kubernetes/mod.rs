//! Kubernetes for tests (`e2e/cluster`): a [`ControlPlane`] for what needs its API alone, a
//! [`Cluster`] for what runs in pods. Each ends with its value, however the test ends.

mod cluster;
mod control_plane;
mod kubectl;

use std::path::{Path, PathBuf};

pub use cluster::{Cluster, InNetwork};
pub use control_plane::ControlPlane;
pub use kubectl::{Kubectl, Said};

use crate::repository;

/// Folder of `etcd`, `kube-apiserver` and `kubectl` in place of those that `scripts/prepare`
/// builds, as the tools of Kubebuilder know it.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// Path of one of those three.
fn asset(name: &str) -> PathBuf {
    let built = || repository().join("e2e/tools/kubernetes");
    std::env::var_os(ASSETS)
        .map_or_else(built, PathBuf::from)
        .join(name)
}

/// Our custom resource definitions.
fn crds() -> PathBuf {
    repository().join("crds/yaml")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
