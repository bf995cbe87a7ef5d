//! A disk that is full, under SQLite and under PostgreSQL.

use std::fs::{File, Permissions, remove_file};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use realmwright_store_postgres::testing::{Disks, Durability, Server};
use reqwest::StatusCode;
use tempfile::TempDir;
use url::Url;

use super::scene::{Scene, until_counted};
use super::{Told, client_credentials, http, log_in, until};
use crate::support::application::Application;
use crate::support::dev::{ANY_PORT, Dev, scenario_folder};
use crate::support::network::Network;

/// How long a database may have room left that it has taken before.
const LEFT: Duration = Duration::from_secs(60);

/// Fills a segment of the write-ahead log.
const A_SEGMENT: &str = "SELECT pg_logical_emit_message(false, '', repeat('x', 1000000))";

/// A file system of a few megabytes in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this user may not mount, which is said; with `CI=true` that is a panic.
    fn at(folder: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir(folder).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(folder)
            .output();
        if mounted.as_ref().is_ok_and(|done| done.status.success()) {
            return Some(Self(folder.to_owned()));
        }
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "no right to mount a small disk: {mounted:?}"
        );
        // Not `eprintln!`: the test harness hides that of tests that pass.
        let text = "\n*** NOT TESTED, for want of the right to mount: a full disk ***\n";
        std::io::stderr().write_all(text.as_bytes()).expect("heard");
        None
    }

    fn fill(&self) {
        let mut file = File::create(self.0.join("ballast")).expect("a file");
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn free(&self) {
        remove_file(self.0.join("ballast")).expect("it is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Logs in, which is right or an honest "not now".
async fn log_in_or_not(network: &Network, url: &Url) -> Told {
    let told = log_in(network, url).await;
    let refused = told.status == StatusCode::SERVICE_UNAVAILABLE;
    assert!(refused || told.status == StatusCode::SEE_OTHER, "{told:?}");
    assert_eq!(refused, told.retry_after.is_some(), "{told:?}");
    told
}

async fn until_logins_are(status: StatusCode, network: &Network, url: &Url) -> Duration {
    until(LEFT, || async {
        log_in_or_not(network, url).await.status == status
    })
    .await
}

/// Nobody logs in, and is told so; what writes nothing goes on; with room again so do logins.
#[tokio::test]
async fn a_disk_that_is_full_under_sqlite() {
    let folder = scenario_folder();
    let Some(disk) = SmallDisk::at(&folder.path().join(".realmwright"), 6) else {
        return;
    };
    let dev = Dev::start_with(folder, ANY_PORT, &[]);
    let network = Network::default();
    let application = Application::over(&network, &dev.issuer, "plain", None).await;
    let url = application.begin(&[], &[]).url;
    assert_eq!(log_in(&network, &url).await.status, StatusCode::SEE_OTHER);
    disk.fill();
    until_logins_are(StatusCode::SERVICE_UNAVAILABLE, &network, &url).await;
    let token = client_credentials(&http(&network), &dev.issuer).await;
    assert_eq!(token.unwrap().status(), StatusCode::OK);
    disk.free();
    let took = until_logins_are(StatusCode::SEE_OTHER, &network, &url).await;
    println!("logins again {took:?} after there is room");
    drop(disk);
}

/// A small disk and a large one, each with a folder for a server.
struct ServerDisks {
    small: SmallDisk,
    place: TempDir,
}

impl ServerDisks {
    fn new(megabytes: u32) -> Option<Self> {
        // The user of the server has to get there.
        let permissions = Permissions::from_mode(0o755);
        let place = tempfile::Builder::new().permissions(permissions).tempdir();
        let place = place.expect("a temporary folder");
        let small = SmallDisk::at(&place.path().join("small"), megabytes)?;
        let disks = Self { small, place };
        for folder in [disks.on_small(), disks.on_large()] {
            std::fs::create_dir(folder).expect("a folder");
        }
        Some(disks)
    }

    fn on_small(&self) -> PathBuf {
        self.small.0.join("server")
    }

    fn on_large(&self) -> PathBuf {
        self.place.path().join("server")
    }

    fn serve(&self, data: &Path, log: &Path) -> Scene {
        let disks = Disks {
            data: Some(data),
            log: Some(log),
        };
        Scene::on(Server::start_on(disks, Durability::OperatingSystem).expect("PostgreSQL"))
    }
}

/// Tables cannot grow: as under SQLite, and who is in stays in.
#[tokio::test]
async fn a_disk_that_is_full_under_postgresql() {
    let Some(disks) = ServerDisks::new(64) else {
        return;
    };
    let scene = disks.serve(&disks.on_small(), &disks.on_large());
    let url = scene.authorize();
    let person = scene.person().await;
    let code = scene.code_for(&person).await.expect("a code");
    let tokens = scene.tokens(&code).await;
    let token = tokens["access_token"].as_str().expect("a token");
    disks.small.fill();
    let took = until(LEFT, || async { scene.code_for(&person).await.is_none() }).await;
    println!("no code {took:?} after the disk is full");
    until_logins_are(StatusCode::SERVICE_UNAVAILABLE, &scene.network, &url).await;
    assert_eq!(scene.userinfo(token).await.status(), StatusCode::OK);
    scene.assert_stateless_is_fast().await;
    disks.small.free();
    let took = until_logins_are(StatusCode::SEE_OTHER, &scene.network, &url).await;
    println!("logins again {took:?} after there is room");
    scene.becomes(true).await;
    scene.assert_serves().await;
}

/// The write-ahead log cannot grow: the server ends at once and cannot recover. Whoever runs it
/// makes room and starts it; the pod finds it by itself.
#[tokio::test]
async fn a_log_that_is_full_under_postgresql() {
    let Some(disks) = ServerDisks::new(40) else {
        return;
    };
    let scene = disks.serve(&disks.on_large(), &disks.on_small());
    let codes = scene.codes(6).await;
    let won = scene
        .race(&codes, async |not_now| {
            disks.small.fill();
            let database = scene.pods.database();
            while scene.server.is_there() {
                database.try_as_superuser(A_SEGMENT);
            }
            until_counted(not_now).await;
            scene.assert_no_login().await;
            scene.becomes(false).await;
            scene.assert_stateless_is_fast().await;
            disks.small.free();
            scene.server.restart();
        })
        .await;
    scene.assert_recovered(won, codes.len()).await;
}
