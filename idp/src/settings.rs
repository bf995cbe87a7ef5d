//! Settings of the process: addresses, logs, database, source. How a realm behaves is never one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use url::Url;

use crate::listener::Limits;
use crate::telemetry::LogFormat;

/// The identity provider of Realmwright: serves the realms that a source gives it.
#[derive(Debug, Parser)]
#[command(
    name = "realmwright-idp",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  realmwright-idp --source dir:/var/lib/realmwright --database-url-file /etc/realmwright/database-url
  realmwright-idp migrate --database-url-file /etc/realmwright/database-url

Exit status: 0 stopped in order, 1 cannot start or had to stop, 2 wrong usage,
3 requests were dropped because they did not end in time."
)]
pub struct Settings {
    /// Instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// To serve.
    #[command(flatten)]
    pub serve: Serve,
}

/// What else the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the schema of the database up to this build, and end.
    Migrate {
        /// Which database.
        #[command(flatten)]
        database: DatabaseSettings,
        /// Logs.
        #[command(flatten)]
        logs: LogSettings,
    },
}

/// Where the source of artefacts lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceAddress {
    /// A folder: `dir:<path>`.
    Directory(PathBuf),
}

impl FromStr for SourceAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Directory(path.into())),
            _ => Err("expected `dir:` and a path".to_owned()),
        }
    }
}

/// An address to listen on.
///
/// # Errors
/// What is wanted, in words.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "expected an address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned()
    })
}

/// To serve.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where snapshots, keyrings and secrets come from: `dir:<path>`.
    // Optional only in the type: a subcommand does without it.
    #[arg(long, env = "REALMWRIGHT_SOURCE", required = true)]
    pub source: Option<SourceAddress>,

    /// Which database.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// The database belongs to this instance alone and not to the whole region.
    #[arg(long, env = "REALMWRIGHT_INSTANCE_DATABASE")]
    pub instance_database: bool,

    /// Address for browsers and applications.
    #[arg(
        long,
        env = "REALMWRIGHT_LISTEN",
        value_parser = listen_address,
        default_value = "0.0.0.0:8080"
    )]
    pub listen: SocketAddr,

    /// Address for probes and metrics. Keep it away from the outside.
    #[arg(
        long,
        env = "REALMWRIGHT_MANAGEMENT_LISTEN",
        value_parser = listen_address,
        default_value = "127.0.0.1:9090"
    )]
    pub management_listen: SocketAddr,

    /// Certificate chain, PEM. Read again when it changes.
    #[arg(long, env = "REALMWRIGHT_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// Its private key, PEM.
    #[arg(long, env = "REALMWRIGHT_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Networks of proxies whose forwarded headers count, such as 10.0.0.0/8. Nobody else's do.
    #[arg(
        long = "trusted-proxy",
        env = "REALMWRIGHT_TRUSTED_PROXIES",
        value_delimiter = ','
    )]
    pub trusted_proxies: Vec<IpNet>,

    /// Internal networks in which applications may keep documents such as `jwks_uri`.
    #[arg(
        long = "fetch-from",
        env = "REALMWRIGHT_FETCH_FROM",
        value_delimiter = ','
    )]
    pub fetch_from: Vec<IpNet>,

    /// Open connections at most; further ones wait. The limit of open files is raised for them, as
    /// far as it may be.
    #[arg(long, env = "REALMWRIGHT_MAX_CONNECTIONS", default_value_t = Limits::default().connections)]
    pub max_connections: usize,

    /// Seconds that requests under way have to end after a stop.
    #[arg(long, env = "REALMWRIGHT_STOP_SECONDS", default_value_t = 25)]
    pub stop_seconds: u64,

    /// Logs.
    #[command(flatten)]
    pub logs: LogSettings,

    /// Traces and metrics.
    #[command(flatten)]
    pub otlp: OtlpSettings,
}

impl Serve {
    /// How long requests under way have.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        Duration::from_secs(self.stop_seconds)
    }
}

/// Which database. A URL holds a password, so it comes from a file and never from the command
/// line, where every process could read it.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct DatabaseSettings {
    /// File with the URL of a PostgreSQL database.
    #[arg(long, env = "REALMWRIGHT_DATABASE_URL_FILE")]
    pub database_url_file: Option<PathBuf>,

    /// File of an embedded SQLite database, for a single process.
    #[arg(long, env = "REALMWRIGHT_SQLITE")]
    pub sqlite: Option<PathBuf>,
}

/// Logs.
#[derive(Clone, Debug, Args)]
pub struct LogSettings {
    /// How logs look.
    #[arg(long, env = "REALMWRIGHT_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// What is logged, such as `info` or `warn,realmwright_idp=debug`.
    #[arg(long, env = "REALMWRIGHT_LOG", default_value = "info")]
    pub log: String,
}

/// Traces and metrics for a collector. The variables of the OpenTelemetry specification count as
/// well; docs/monitoring.md says which.
#[derive(Clone, Debug, Default, Args)]
pub struct OtlpSettings {
    /// Collector that takes traces and metrics over OTLP/HTTP, such as http://collector:4318.
    #[arg(long, env = "REALMWRIGHT_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<Url>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Settings, clap::Error> {
        Settings::try_parse_from([&["realmwright-idp"], arguments].concat())
    }

    #[test]
    fn a_source_and_a_database_are_enough_to_serve() {
        let settings = parse(&["--source", "dir:/x", "--sqlite", "/y"]).unwrap();
        let serve = settings.serve;
        assert_eq!(serve.source, Some(SourceAddress::Directory("/x".into())));
        assert!(
            serve.trusted_proxies.is_empty(),
            "nobody is trusted unasked"
        );
        assert!(serve.management_listen.ip().is_loopback());
    }

    #[test]
    fn the_schema_needs_no_source() {
        let settings = parse(&["migrate", "--database-url-file", "/x"]).unwrap();
        assert!(matches!(settings.command, Some(Command::Migrate { .. })));
    }

    #[test]
    fn wrong_usage_is_refused() {
        for arguments in [
            &[][..],
            &["--source", "dir:/x"],
            &["--sqlite", "/y"],
            &["--source", "ftp:/x", "--sqlite", "/y"],
            &["--source", "dir:", "--sqlite", "/y"],
            &[
                "--source",
                "dir:/x",
                "--sqlite",
                "/y",
                "--database-url-file",
                "/z",
            ],
            &["--source", "dir:/x", "--sqlite", "/y", "--tls-cert", "/c"],
            &[
                "--source",
                "dir:/x",
                "--sqlite",
                "/y",
                "--trusted-proxy",
                "anybody",
            ],
            &["migrate"],
            &["--source", "dir:/x", "--sqlite", "/y", "--listen", "8080"],
        ] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
    }
}
