//! Settings of the process. How a realm behaves is never one.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::catalogue::SecretScope;

/// The control plane of Realmwright.
#[derive(Debug, Parser)]
#[command(name = "realmwright-operator", version)]
pub struct Settings {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What is logged: `error`, `warn`, `info`, `debug`, or a filter such as
    /// `info,realmwright_operator=debug`.
    #[arg(long, env = "REALMWRIGHT_LOG", default_value = "info", global = true)]
    pub log: String,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watches the resources, compiles, ships and says status, until SIGTERM.
    Run(Run),
    /// Writes the artefacts of an instance into a folder: the init container of its pods.
    Fetch(Fetch),
}

/// Settings of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Namespace of the lease: the operator's own.
    #[arg(long, env = "POD_NAMESPACE", default_value = "realmwright-system")]
    pub namespace: String,
    /// Name of the operator's account in that namespace.
    #[arg(
        long,
        env = "REALMWRIGHT_OPERATOR_ACCOUNT",
        default_value = "realmwright-operator"
    )]
    pub account: String,
    /// Name of this process among those that would lead: its pod's.
    #[arg(long, env = "POD_NAME")]
    pub identity: String,
    /// Namespaces whose Secrets may be read and written, separated by commas; `*` for all of the
    /// cluster. Without one no realm can use a Secret.
    #[arg(long, env = "REALMWRIGHT_SECRET_NAMESPACES", value_delimiter = ',')]
    pub secret_namespaces: Vec<String>,
    /// Name of this cluster: regions whose `place.cluster` is another one are left to its operator.
    #[arg(long, env = "REALMWRIGHT_CLUSTER")]
    pub cluster: Option<String>,
    /// Image of the pods.
    #[arg(long, env = "REALMWRIGHT_IDP_IMAGE")]
    pub idp_image: String,
    /// Image of their init container: the operator's own.
    #[arg(long, env = "REALMWRIGHT_OPERATOR_IMAGE")]
    pub operator_image: String,
}

impl Run {
    /// Which Secrets may be read.
    #[must_use]
    pub fn secret_scope(&self) -> SecretScope {
        if self
            .secret_namespaces
            .iter()
            .any(|namespace| namespace == "*")
        {
            SecretScope::Cluster
        } else {
            SecretScope::Namespaces(self.secret_namespaces.clone())
        }
    }
}

/// Settings of `fetch`.
#[derive(Debug, Args)]
pub struct Fetch {
    /// Namespace of the instance, `rw-<region>-<instance>`.
    #[arg(long, env = "POD_NAMESPACE")]
    pub namespace: String,
    /// Folder to write into; `realmwright-idp --source dir:<folder>` reads it.
    #[arg(long, env = "REALMWRIGHT_FOLDER")]
    pub folder: PathBuf,
}
