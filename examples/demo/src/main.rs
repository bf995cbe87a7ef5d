//! A small relying party on an independent OpenID Connect library: a "Log in" button, the claims
//! that came, a refresh and a logout. It shows that Realmwright speaks the standard to software
//! that was not written with it, and is a start for one's own application.
//!
//! It must not use any crate of Realmwright.

mod page;
mod relying_party;
mod sessions;
mod site;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use openidconnect::{ClientId, ClientSecret, IssuerUrl, Scope};
use url::Url;

use relying_party::RelyingParty;

/// Shows a login with OpenID Connect, and what an application gets from it.
#[derive(Debug, Parser)]
#[command(version)]
struct Settings {
    /// Issuer of the realm.
    #[arg(long, env = "REALMWRIGHT_DEMO_ISSUER")]
    issuer: IssuerUrlText,

    /// Identifier of this application.
    #[arg(long, env = "REALMWRIGHT_DEMO_CLIENT_ID", default_value = "demo")]
    client_id: String,

    /// Secret of this application. Without one it is a public client.
    #[arg(long, env = "REALMWRIGHT_DEMO_CLIENT_SECRET", hide_env_values = true)]
    client_secret: Option<String>,

    /// File with the secret, read at each login so that a rotated one is found.
    #[arg(
        long,
        env = "REALMWRIGHT_DEMO_CLIENT_SECRET_FILE",
        conflicts_with = "client_secret"
    )]
    client_secret_file: Option<PathBuf>,

    /// Scopes to ask for beside `openid`.
    #[arg(
        long,
        env = "REALMWRIGHT_DEMO_SCOPES",
        value_delimiter = ' ',
        default_value = "profile email"
    )]
    scopes: Vec<String>,

    /// Address to listen on.
    #[arg(
        long,
        env = "REALMWRIGHT_DEMO_LISTEN",
        default_value = "127.0.0.1:8090"
    )]
    listen: SocketAddr,

    /// Address in the browser, when it differs from the one listened on.
    #[arg(long, env = "REALMWRIGHT_DEMO_URL")]
    url: Option<Url>,

    /// Least severe message that is logged.
    #[arg(long, env = "REALMWRIGHT_DEMO_LOG", default_value = "info")]
    log: tracing::Level,

    /// Further certificate authority to trust, PEM.
    #[arg(long, env = "REALMWRIGHT_DEMO_CA_FILE")]
    ca_file: Option<PathBuf>,
}

/// [`IssuerUrl`] has no `FromStr`.
#[derive(Clone, Debug)]
struct IssuerUrlText(IssuerUrl);

impl std::str::FromStr for IssuerUrlText {
    type Err = url::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        IssuerUrl::new(text.to_owned()).map(Self)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Settings::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Whoever starts it wants the reason, and no way through the program.
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(settings.log)
        .init();
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another TLS provider is installed"))?;

    let socket = tokio::net::TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen on {}", settings.listen))?;
    let url = match settings.url {
        Some(url) => url,
        None => Url::parse(&format!("http://{}", socket.local_addr()?))?,
    };
    let secret = match (settings.client_secret, settings.client_secret_file) {
        (Some(secret), _) => relying_party::Secret::Value(ClientSecret::new(secret)),
        (None, Some(file)) => relying_party::Secret::File(file),
        (None, None) => relying_party::Secret::None,
    };
    let party = RelyingParty::new(
        settings.issuer.0,
        ClientId::new(settings.client_id),
        secret,
        settings.scopes.into_iter().map(Scope::new).collect(),
        &url,
        settings.ca_file.as_deref(),
    )?;
    tracing::info!(%url, "demo application");
    axum::serve(socket, site::router(party))
        .with_graceful_shutdown(stopped())
        .await?;
    Ok(())
}

/// Resolves on SIGINT or SIGTERM.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
