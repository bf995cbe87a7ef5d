//! A disk that is full under SQLite.

use std::fs::{File, remove_file};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::StatusCode;

use super::{client_credentials, http, log_in, until};
use crate::support::application::Application;
use crate::support::dev::{ANY_PORT, Dev, scenario_folder};
use crate::support::network::Network;

/// A file system of a few megabytes in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this user may not mount.
    fn at(folder: &Path) -> Option<Self> {
        std::fs::create_dir(folder).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(folder)
            .output();
        if mounted.is_ok_and(|done| done.status.success()) {
            return Some(Self(folder.to_owned()));
        }
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

/// Nobody logs in, and is told so; what writes nothing goes on; with room again so do logins.
#[tokio::test]
async fn a_disk_that_is_full_under_sqlite() {
    let folder = scenario_folder();
    let Some(disk) = SmallDisk::at(&folder.path().join(".realmwright")) else {
        return;
    };
    let dev = Dev::start_with(folder, ANY_PORT, &[]);
    let network = Network::default();
    let application = Application::over(&network, &dev.issuer, "plain", None).await;
    let url = application.begin(&[], &[]).url;
    assert_eq!(log_in(&network, &url).await.status, StatusCode::SEE_OTHER);
    disk.fill();
    // The log of the database has some room left that it has taken before.
    until(Duration::from_secs(60), || async {
        let told = log_in(&network, &url).await;
        let refused = told.status == StatusCode::SERVICE_UNAVAILABLE;
        assert!(refused || told.status == StatusCode::SEE_OTHER, "{told:?}");
        assert_eq!(refused, told.retry_after.is_some(), "{told:?}");
        refused
    })
    .await;
    let token = client_credentials(&http(&network), &dev.issuer).await;
    assert_eq!(token.unwrap().status(), StatusCode::OK);
    disk.free();
    let took = until(Duration::from_secs(10), || async {
        let told = log_in(&network, &url).await;
        told.status == StatusCode::SEE_OTHER
    })
    .await;
    println!("logins again {took:?} after there is room");
    drop(disk);
}
