//! `realmwright-idp` from settings to exit.

use std::process::ExitCode;
use std::sync::{Arc, RwLock};

use anyhow::{Context, bail};
use tokio::net::TcpListener;

use crate::database::{self, OwnDatabase};
use crate::directory::Directory;
use crate::lifecycle::{Ended, Lifecycle};
use crate::listener::Listener;
use crate::process::{Process, ProcessSettings};
use crate::settings::{Command, DatabaseSettings, Serve, Settings, SourceAddress};
use crate::source::DirectorySource;
use crate::telemetry::start_logs;
use crate::tls::TlsFiles;

/// Does what the settings say.
///
/// # Errors
/// When it cannot begin.
pub async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    match settings.command {
        Some(Command::Migrate { database, logs }) => {
            start_logs(logs.log_format, &logs.log)?;
            migrate(&database).await
        }
        None => {
            start_logs(settings.serve.logs.log_format, &settings.serve.logs.log)?;
            serve(settings.serve).await
        }
    }
}

async fn migrate(settings: &DatabaseSettings) -> anyhow::Result<ExitCode> {
    let store = database::open(settings).await?;
    store.migrate().await.context("cannot migrate")?;
    tracing::info!("the schema is current");
    Ok(ExitCode::SUCCESS)
}

async fn bind(address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

async fn serve(settings: Serve) -> anyhow::Result<ExitCode> {
    let life = Lifecycle::new();
    life.listen_for_signals().context("cannot handle signals")?;
    let store = database::open(&settings.database).await?;
    // A schema that this build must not touch ends the start. A database that is away does not.
    match store.check_schema().await {
        Err(fault @ realmwright_store::StoreError::Refused(_)) => return Err(fault.into()),
        Err(fault) => tracing::warn!(
            error = &fault as &dyn std::error::Error,
            "the schema is not checked yet"
        ),
        Ok(()) => {}
    }
    let own_database = if settings.instance_database {
        OwnDatabase::OfInstance
    } else {
        OwnDatabase::OfRegion
    };
    let process = Process::assemble(
        store,
        ProcessSettings {
            trusted_proxies: settings.trusted_proxies.clone(),
            fetch_from: settings.fetch_from.clone(),
            own_database,
        },
        life.clone(),
    )?;

    let Some(SourceAddress::Directory(folder)) = &settings.source else {
        bail!("no source is named");
    };
    let source = Arc::new(RwLock::new(DirectorySource::new(
        Directory::new(folder),
        Arc::clone(process.swap()),
        Arc::clone(process.clock()),
    )));
    life.spawn(DirectorySource::follow(Arc::clone(&source), life.clone()));
    process.start(move || source.read().is_ok_and(|source| source.is_served()));

    let management = bind(settings.management_listen).await?;
    life.spawn(Listener::new(management, process.management_router()).serve(life.clone()));
    let socket = bind(settings.listen).await?;
    let mut listener = Listener::new(socket, process.router()).with_limits(settings.limits());
    if let (Some(certificate), Some(key)) = (&settings.tls_cert, &settings.tls_key) {
        let tls = TlsFiles::load(certificate, key)?;
        life.spawn(tls.clone().reload(life.clone()));
        listener = listener.with_tls(tls);
    }
    tracing::info!(listen = %settings.listen, management = %settings.management_listen, "started");
    life.spawn(listener.serve(life.clone()));

    life.stopped().await;
    let ended = process.finish(settings.patience()).await;
    let failed = life.has_failed();
    tracing::info!(?ended, "stopped");
    Ok(match ended {
        _ if failed => ExitCode::FAILURE,
        Ended::Finished => ExitCode::SUCCESS,
        Ended::Aborted => ExitCode::from(3),
    })
}
