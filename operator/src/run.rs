//! The operator's life: lease, watches, desk, until the stop.

use anyhow::Context;
use kube::Client;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::catalogue::Catalogue;
use crate::cluster_secrets::ClusterSecrets;
use crate::desk::Desk;
use crate::lease::Lease;
use crate::publish::Publisher;
use crate::region::Regions;
use crate::region::build::PodSettings;
use crate::settings::Run;
use crate::ship::store::Store;
use crate::status::StatusWriter;

/// Name of the lease.
const LEASE: &str = "realmwright-operator";

/// Works until the stop, and gives the lease back.
pub async fn run(client: Client, settings: &Run, stop: CancellationToken) {
    let (leads, lead) = watch::channel(None);
    let lease = Lease::new(
        client.clone(),
        &settings.namespace,
        LEASE,
        &settings.identity,
    );
    let holding = tokio::spawn(lease.hold(leads, stop.clone()));
    let catalogue = Catalogue::watch(&client, &settings.secret_scope(), &stop);
    let images = PodSettings {
        idp_image: settings.idp_image.clone(),
        operator_image: settings.operator_image.clone(),
        operator_account: (settings.namespace.clone(), settings.account.clone()),
    };
    let desk = Desk::new(
        catalogue.clone(),
        ClusterSecrets::new(catalogue, client.clone()),
        Publisher::new(Store::new(client.clone())),
        StatusWriter::new(client.clone()),
        Regions::new(client, images, settings.cluster.clone()),
        lead,
    );
    desk.work(stop).await;
    if let Err(fault) = holding.await {
        tracing::error!(error = %fault, "the lease was not given back");
    }
}

/// Ends with SIGTERM or SIGINT.
///
/// # Errors
/// When the signals cannot be listened for.
pub fn stop_on_signals() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).context("signals cannot be listened for")?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}
