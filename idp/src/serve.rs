//! `realmwright-idp` from settings to exit.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use realmwright_artefacts::Directory;
use realmwright_store::StoreError;

use crate::database::{self, OwnDatabase};
use crate::descriptors;
use crate::lifecycle::{Ended, Lifecycle};
use crate::listener::{Limits, Listener, bind};
use crate::process::{Process, ProcessSettings};
use crate::settings::{Command, DatabaseSettings, Serve, Settings, SourceAddress};
use crate::source::DirectorySource;
use crate::telemetry::{Otlp, start_logs};
use crate::tls::TlsFiles;

/// Does what the settings say.
///
/// # Errors
/// When it cannot begin.
pub async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    match settings.command {
        Some(Command::Migrate { database, logs }) => {
            start_logs(logs.log_format, &logs.log, None)?;
            migrate(&database).await
        }
        None => {
            let settings = settings.serve;
            let otlp = Otlp::start(&settings.otlp, "realmwright-idp")?.map(Arc::new);
            start_logs(
                settings.logs.log_format,
                &settings.logs.log,
                otlp.as_deref(),
            )?;
            serve(settings, otlp).await
        }
    }
}

async fn migrate(settings: &DatabaseSettings) -> anyhow::Result<ExitCode> {
    let store = database::open(settings).await?;
    store.migrate().await.context("cannot migrate")?;
    tracing::info!("the schema is current");
    Ok(ExitCode::SUCCESS)
}

/// What can be wrong with the settings is found out before anything is touched, whose database it
/// is before anybody is let in.
async fn serve(settings: Serve, otlp: Option<Arc<Otlp>>) -> anyhow::Result<ExitCode> {
    let life = Lifecycle::new();
    life.listen_for_signals().context("cannot handle signals")?;
    let tls = match (&settings.tls_cert, &settings.tls_key) {
        (Some(certificate), Some(key)) => Some(TlsFiles::load(certificate, key)?),
        _ => None,
    };
    let limits = Limits {
        connections: descriptors::make_room(settings.max_connections),
        ..Limits::default()
    };
    let management = bind(settings.management_listen, "--management-listen").await?;
    let socket = bind(settings.listen, "--listen").await?;
    let addresses = (socket.local_addr()?, management.local_addr()?);
    let store = database::open(&settings.database).await?;
    let schema = store.check_schema().await;
    let process_settings = process_settings(&settings, otlp.as_deref(), tls.clone());
    let process = Process::assemble(store, process_settings, life.clone())?;
    let source = read_source(&settings, &process)?;
    // A database that refuses us ends the start. One that is away does not, and is not waited for.
    match schema {
        Ok(()) => {
            process.settle().await?;
        }
        Err(fault @ StoreError::Refused(_)) => return Err(fault.into()),
        Err(fault) => tracing::warn!(
            error = &fault as &dyn std::error::Error,
            "the schema is not checked yet"
        ),
    }

    process.start(source.is_served());
    life.spawn(source.follow(life.clone()));
    life.spawn(
        Listener::for_management(management, process.management_router()).serve(life.clone()),
    );
    let mut listener = Listener::new(socket, process.router()).with_limits(limits);
    if let Some(tls) = tls {
        life.spawn(tls.clone().reload(life.clone()));
        listener = listener.with_tls(tls);
    }
    life.spawn(listener.serve(life.clone()));
    process.export(otlp.as_ref());
    tracing::info!(listen = %addresses.0, management = %addresses.1, "started");

    life.stopped().await;
    let metrics = Arc::clone(process.metrics());
    let ended = process.finish(settings.patience()).await;
    let failed = life.has_failed();
    if let Some(otlp) = otlp {
        otlp.finish(&metrics).await;
    }
    tracing::info!(?ended, "stopped");
    Ok(match ended {
        _ if failed => ExitCode::FAILURE,
        Ended::Finished => ExitCode::SUCCESS,
        Ended::Aborted => ExitCode::from(3),
    })
}

fn process_settings(
    settings: &Serve,
    otlp: Option<&Otlp>,
    tls: Option<TlsFiles>,
) -> ProcessSettings {
    ProcessSettings {
        trusted_proxies: settings.trusted_proxies.clone(),
        fetch_from: settings.fetch_from.clone(),
        own_database: if settings.instance_database {
            OwnDatabase::OfInstance
        } else {
            OwnDatabase::OfRegion
        },
        spans: otlp.map(Otlp::spans).cloned().unwrap_or_default(),
        tls,
    }
}

/// The source, looked at once. A folder that is not there is a slip of the pen; one that holds
/// nothing yet is waited for.
fn read_source(settings: &Serve, process: &Process) -> anyhow::Result<DirectorySource> {
    let Some(SourceAddress::Directory(folder)) = &settings.source else {
        bail!("no source is named; say --source dir:<path>");
    };
    let mut source = DirectorySource::new(
        Directory::new(folder),
        Arc::clone(process.swap()),
        Arc::clone(process.clock()),
    );
    match source.look() {
        Ok(()) => Ok(source),
        Err(fault) => bail!(
            "no source: {:#}; --source takes `dir:` and a folder of artefacts",
            anyhow::Error::from(fault)
        ),
    }
}
