//! The binary `realmwright-operator`.

use anyhow::Context;
use clap::Parser;
use kube::Client;
use realmwright_operator::fetch::fetch;
use realmwright_operator::run::{run, stop_on_signals};
use realmwright_operator::settings::{Command, Settings};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let filter = EnvFilter::try_new(&settings.log)
        .with_context(|| format!("--log {:?} is not a filter", settings.log))?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::try_default()
        .await
        .context("no Kubernetes API: neither a pod's account nor a kubeconfig is at hand")?;
    match settings.command {
        Command::Run(settings) => {
            let stop = stop_on_signals()?;
            run(client, &settings, stop).await;
        }
        Command::Fetch(settings) => {
            let realms = fetch(client, &settings.namespace, &settings.folder).await?;
            tracing::info!(realms, folder = %settings.folder.display(), "fetched");
        }
    }
    Ok(())
}
