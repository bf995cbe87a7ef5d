//! `realmwright dev`: compiler and identity provider in one process, over a folder.

mod banner;
mod changes;
mod clients;
pub(crate) mod control;
mod demo;
mod publish;
#[cfg(test)]
mod scale;
pub(crate) mod state;
mod watch;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use realmwright_compiler::human;
use realmwright_idp::database::{self, OwnDatabase};
use realmwright_idp::descriptors;
use realmwright_idp::key_journal::KeyJournal;
use realmwright_idp::lifecycle::Lifecycle;
use realmwright_idp::listener::{Limits, Listener, bind};
use realmwright_idp::process::{Process, ProcessSettings};
use realmwright_idp::settings::DatabaseSettings;
use realmwright_idp::telemetry::{LogFormat, Otlp, start_logs};
use realmwright_idp::tls::TlsFiles;
use realmwright_snapshot::RealmId;
use tokio::net::TcpListener;
use url::{Host, Url};

use crate::Outcome;
use crate::arguments::{Dev, Format};
use crate::folder::{Changed, Difference, Folder};
use crate::keys;
use crate::output::{BAD, BOLD, FAINT, GOOD, Output};
use banner::Banner;
use changes::Edited;
use control::Question;
use publish::{Faults, Live, Publisher, Report};
use state::State;
use watch::{FolderWatch, Wake};

/// Requests under way have so long after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(3);

/// The clock may be set while we wait for the time of a key or a secret; look at it so often.
const LONGEST_REST: Duration = Duration::from_secs(30);

pub(crate) fn run(command: Dev, output: Output) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    if !command.folder.is_dir() {
        bail!("{} is not a folder", command.folder.display());
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve(command, output, started))
}

async fn serve(command: Dev, output: Output, started: Instant) -> anyhow::Result<Outcome> {
    let otlp = Otlp::start(&command.otlp, "realmwright-dev")?.map(Arc::new);
    // The watch has no descriptor left for a folder that was removed, and is at ease with that.
    let filter = format!("notify::inotify=error,{}", command.log);
    start_logs(LogFormat::Auto, &filter, otlp.as_deref())?;
    let state = State::of(&command.folder);
    let _lock = state.prepare()?;
    let life = Lifecycle::new();
    life.listen_for_signals()?;

    let tls = match (&command.tls_cert, &command.tls_key) {
        (Some(certificate), Some(key)) => Some(TlsFiles::load(certificate, key)?),
        _ => None,
    };
    let socket = bind(command.listen, "--listen").await?;
    let management = match command.management_listen {
        Some(address) => Some(bind(address, "--management-listen").await?),
        None => None,
    };
    let origin = origin(&command, &socket)?;
    let store = database::open(&DatabaseSettings {
        database_url_file: None,
        sqlite: Some(state.database()),
    })
    .await?;
    let process = Process::assemble(
        store,
        ProcessSettings {
            trusted_proxies: Vec::new(),
            fetch_from: Vec::new(),
            own_database: OwnDatabase::OfRegion,
            spans: otlp
                .as_deref()
                .map(Otlp::spans)
                .cloned()
                .unwrap_or_default(),
            tls: tls.clone(),
        },
        life.clone(),
    )?;

    let watch = FolderWatch::new(&command.folder)?;
    let stopper = watch.stopper();
    life.spawn(control::answer_all(
        control::listen(&state)?,
        watch.asker(),
        life.clone(),
    ));
    let mut desk = Desk {
        publisher: Publisher::new(
            state.clone(),
            origin.clone(),
            command.region.clone(),
            Arc::clone(process.swap()),
        ),
        state: state.clone(),
        journal: process.key_journal(),
        runtime: tokio::runtime::Handle::current(),
        clock: Arc::clone(process.clock()),
        folder: Folder::read(&command.folder)?,
        told: None,
        changes: changes::teller(output),
        output,
    };
    let report = desk.look()?;
    desk.told = Some(report.faults());

    // The listener is open, and the demo person is there, before anything is said: what is
    // printed works.
    process.settle().await.with_context(|| {
        let root = state.root().display();
        format!("{root} cannot be used; remove it to start afresh, or serve another folder")
    })?;
    // What is compiled is offered at once.
    process.start(tokio::sync::watch::channel(true).1);
    let limits = Limits::default();
    let mut listener = Listener::new(socket, process.router()).with_limits(Limits {
        connections: descriptors::make_room(limits.connections),
        ..limits
    });
    if let Some(tls) = tls {
        life.spawn(tls.clone().reload(life.clone()));
        listener = listener.with_tls(tls);
    }
    life.spawn(listener.serve(life.clone()));
    if let Some(socket) = management {
        let listener = Listener::for_management(socket, process.management_router());
        life.spawn(listener.serve(life.clone()));
    }
    process.export(otlp.as_ref());
    let demo = if command.no_demo {
        None
    } else {
        demo::start(&desk.publisher, &command, &life)
    };
    Banner {
        folder: &command.folder,
        state: &state,
        origin: &origin,
        publisher: &desk.publisher,
        demo: demo.as_ref(),
        manifests: desk.folder.manifests(),
        report: &report,
        took: started.elapsed(),
    }
    .print(output)?;
    desk.tell_faults(&report);

    let desk = std::thread::spawn(move || desk.keep_looking(watch));
    life.stopped().await;
    stopper.stop();
    let metrics = Arc::clone(process.metrics());
    process.finish(PATIENCE).await;
    if let Some(otlp) = otlp {
        otlp.finish(&metrics).await;
    }
    state.stopped();
    match desk.join() {
        Ok(ended) => ended?,
        Err(_) => bail!("the watch of the folder failed"),
    }
    if life.has_failed() {
        bail!("stopped: see the log above");
    }
    Ok(Outcome::Good)
}

/// Scheme, host and port that people use.
fn origin(command: &Dev, socket: &TcpListener) -> anyhow::Result<Url> {
    let address = socket.local_addr()?;
    let host = match (&command.host, address.ip()) {
        (Some(text), _) => Host::parse(text).map_err(|fault| {
            anyhow!("--host {text}: {fault}; it takes a name alone, such as id.test")
        })?,
        (None, IpAddr::V4(ip)) => Host::Ipv4(ip),
        (None, IpAddr::V6(ip)) => Host::Ipv6(ip),
    };
    let scheme = if command.tls_cert.is_some() {
        "https"
    } else if address.ip().is_loopback() && is_this_machine(&host) {
        "http"
    } else {
        bail!(
            "over plain http only this machine is served; say --tls-cert and --tls-key to serve \
             others"
        );
    };
    if command.host.is_none() && address.ip().is_unspecified() {
        bail!("{address} is no address that people can use; say --host and a name of this machine");
    }
    Ok(Url::parse(&format!(
        "{scheme}://{host}:{}",
        address.port()
    ))?)
}

/// Whether this can be nothing but the machine that it is said on.
pub(crate) fn is_this_machine<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref();
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Where edits arrive and are answered.
struct Desk {
    publisher: Publisher,
    state: State,
    journal: KeyJournal,
    /// Of the process, for what goes to its database.
    runtime: tokio::runtime::Handle,
    clock: Arc<dyn realmwright_idp::Clock>,
    folder: Folder,
    /// What was wrong at the last look.
    told: Option<Faults>,
    /// Takes what is to be told of edits.
    changes: Sender<Edited>,
    output: Output,
}

impl Desk {
    /// Publishes what was read.
    fn look(&mut self) -> anyhow::Result<Report> {
        self.publisher
            .publish(self.folder.manifests(), self.clock.now())
    }

    /// Reads and publishes what changed; none when nothing did.
    fn look_again(&mut self, changed: &Changed) -> anyhow::Result<Option<Report>> {
        let difference = self.folder.read_again(changed)?;
        if difference == Difference::Nothing {
            return Ok(None);
        }
        let report = self.look()?;
        let told = self.told.replace(report.faults());
        let is_news = !report.live.is_empty() || told != self.told;
        // Our own writing of a generated Secret wakes the watch too, and is not worth a word.
        Ok((difference == Difference::Authored || is_news).then_some(report))
    }

    /// Answers edits until the stop.
    fn keep_looking(mut self, mut watch: FolderWatch) -> anyhow::Result<()> {
        loop {
            self.advance_secrets();
            if let Err(fault) = self.record_replaced_keys() {
                self.output.failure(&fault);
            }
            match watch.next(self.rest()) {
                Wake::Stop => return Ok(()),
                Wake::Time => match self.publisher.advance_keys(self.clock.now()) {
                    Ok(realms) => {
                        for realm in realms {
                            self.tell_keys(&realm);
                        }
                    }
                    Err(fault) => self.output.failure(&fault),
                },
                Wake::Asked(question) => self.replace_keys(question),
                Wake::Files(since, changed) => match self.look_again(&changed) {
                    Ok(Some(report)) => {
                        self.tell(&report, since);
                        self.tell_changes(report.live);
                    }
                    Ok(None) => {}
                    Err(fault) => self.output.failure(&fault),
                },
            }
        }
    }

    /// How long nothing has to be done but to answer edits.
    fn rest(&self) -> Duration {
        let now = self.clock.now();
        let (keys, secrets) = (
            self.publisher.keys_rest(now),
            self.publisher.secrets_rest(now),
        );
        let rest = keys.into_iter().chain(secrets).min();
        rest.map_or(LONGEST_REST, |rest| rest.min(LONGEST_REST))
    }

    fn advance_secrets(&mut self) {
        match self.publisher.advance_secrets(self.clock.now()) {
            Ok(replaced) => {
                for secret in replaced {
                    secret.tell(self.output);
                }
            }
            Err(fault) => self.output.failure(&fault),
        }
    }

    /// Replaces keys for whoever asks, and says so here too.
    fn replace_keys(&mut self, question: Question) {
        let replaced = self
            .publisher
            .replace_keys(&question.wanted, self.clock.now());
        match &replaced {
            Ok(replaced) => keys::show::told(replaced, self.output),
            Err(fault) => self.output.failure(fault),
        }
        question.answer(replaced.map_err(|fault| format!("{fault:#}")));
    }

    /// Brings to the audit what it does not have; also what was done while nobody served.
    fn record_replaced_keys(&self) -> anyhow::Result<()> {
        for (note, replaced) in self.state.replaced_keys()? {
            let recorded = self.journal.record(&replaced.realm, replaced.events());
            if self.runtime.block_on(recorded)? {
                std::fs::remove_file(&note)
                    .with_context(|| format!("cannot remove {}", note.display()))?;
            }
        }
        Ok(())
    }

    fn tell_keys(&self, realm: &RealmId) {
        let output = self.output;
        if output.format == Format::Json {
            output.line(serde_json::json!({"keysAdvanced": {"realm": realm}}));
        } else {
            output.line(format_args!(
                "{} {realm}",
                output.paint(GOOD, "keys advanced")
            ));
        }
    }

    fn tell(&self, report: &Report, since: Instant) {
        let output = self.output;
        if output.format == Format::Json {
            let live: Vec<_> = report
                .live
                .iter()
                .map(|live| {
                    serde_json::json!({
                        "realm": live.realm,
                        "digest": live.digest,
                        "new": live.former.is_none(),
                    })
                })
                .collect();
            let told = serde_json::json!({
                "live": live,
                "tookMs": u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
                "diagnostics": report.diagnostics,
                "failingTests": report.failing,
                "notServed": report.not_served(),
            });
            output.line(told);
            return;
        }
        for live in &report.live {
            output.line(format_args!(
                "{} in {} ms  {}  {}{}",
                output.paint(GOOD, "live"),
                since.elapsed().as_millis(),
                output.paint(BOLD, &live.realm),
                output.paint(FAINT, live.digest.short()),
                if live.former.is_none() { "  new" } else { "" },
            ));
        }
        self.tell_faults(report);
        if report.live.is_empty() && !report.has_errors() {
            output.line(output.paint(FAINT, "nothing changed in what is served"));
        }
    }

    /// What the edits do is told once it is known.
    fn tell_changes(&self, live: Vec<Live>) {
        for live in live {
            let Some(former) = live.former else {
                continue;
            };
            // Whoever takes it lives as long as the process.
            let _ = self.changes.send(Edited {
                realm: live.realm,
                digest: live.digest,
                former,
                now: live.now,
            });
        }
    }

    fn tell_faults(&self, report: &Report) {
        let output = self.output;
        if output.format == Format::Json {
            return;
        }
        if !report.diagnostics.is_empty() {
            output.line(human(&report.diagnostics, output.colour).trim_end());
        }
        for (realm, reason) in &report.held {
            output.line(format_args!(
                "{} {realm}: {reason}",
                output.paint(BAD, "not served")
            ));
        }
        if report.has_errors() {
            let goes_on = if self.publisher.served().is_empty() {
                "nothing is served until this is mended"
            } else {
                "what was good before goes on being served"
            };
            output.line(output.paint(BOLD, goes_on));
        }
    }
}
