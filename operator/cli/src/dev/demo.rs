//! The demo application beside `dev`: the program `realmwright-demo`, when it lies beside this
//! one and the folder has a client for it.

use std::path::PathBuf;
use std::process::Stdio;

use realmwright_idp::lifecycle::Lifecycle;
use realmwright_snapshot::ClientSnapshot;
use tokio::process::Command;
use url::Url;

use super::is_this_machine;
use super::publish::Publisher;
use crate::arguments::Dev;

/// A demo application that was started.
#[derive(Debug)]
pub(crate) struct Demo {
    pub(crate) url: Url,
}

/// Its program lies beside ours, under one name.
fn program() -> Option<PathBuf> {
    let path = std::env::current_exe()
        .ok()?
        .with_file_name("realmwright-demo");
    path.is_file().then_some(path)
}

fn is_local(url: &Url) -> bool {
    url.scheme() == "http" && url.host().is_some_and(|host| is_this_machine(&host))
}

/// Where the application says that it lives, when a program on this machine can live there.
fn home_of(client: &ClientSnapshot) -> Option<Url> {
    let home = client.url.clone().filter(is_local)?;
    client
        .oidc
        .as_ref()?
        .redirect_uris
        .iter()
        .any(|url| is_local(url) && url.path() == "/callback")
        .then_some(home)
}

/// Starts it, when there is one and a client for it. It ends with us.
pub(crate) fn start(publisher: &Publisher, command: &Dev, life: &Lifecycle) -> Option<Demo> {
    let program = program()?;
    let (realm, placement, url) = publisher.served().iter().find_map(|(realm, placement)| {
        let client = placement
            .compiled
            .snapshot
            .clients
            .get(command.demo_client.as_str())?;
        Some((realm, placement, home_of(client)?))
    })?;
    let address = url.socket_addrs(|| None).ok()?.into_iter().next()?;
    // Where it lives is said in the Client, and a browser is sent there: another port is no help.
    if let Err(fault) = std::net::TcpListener::bind(address) {
        tracing::warn!(
            "the demo application is not started: {address} cannot be had ({fault}); end what uses \
             it, or say --no-demo"
        );
        return None;
    }
    let issuer = &placement.compiled.snapshot.core.issuer;
    let mut demo = Command::new(program);
    demo.args(["--issuer", issuer.as_str().trim_end_matches('/')])
        .args(["--client-id", &command.demo_client])
        .args(["--listen", &address.to_string()])
        .args(["--url", url.as_str()])
        .args(["--log", "warn"])
        // Ctrl-C reaches us alone, and we take it along.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    match publisher.keep_client_secret(realm, &command.demo_client) {
        Ok(Some(file)) => {
            demo.arg("--client-secret-file").arg(file);
        }
        Ok(None) => {}
        Err(fault) => {
            tracing::warn!(error = format!("{fault:#}"), "the demo gets no secret");
            return None;
        }
    }
    if let Some(certificate) = &command.tls_cert {
        demo.arg("--ca-file").arg(certificate);
    }
    let mut child = match demo.spawn() {
        Ok(child) => child,
        Err(fault) => {
            tracing::warn!(error = %fault, "the demo application cannot be started");
            return None;
        }
    };
    let stop = life.stop_token();
    life.spawn(async move {
        tokio::select! {
            ended = child.wait() => match ended {
                Ok(status) => tracing::error!("the demo application ended: {status}"),
                Err(fault) => tracing::error!("the demo application is lost: {fault}"),
            },
            () = stop.cancelled() => {
                let _ = child.kill().await;
            }
        }
    });
    Some(Demo { url })
}
