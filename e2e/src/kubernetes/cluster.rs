//! A whole Kubernetes in namespaces of its own, by `e2e/cluster/cluster`.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

use super::{Kubectl, Said, crds, text};
use crate::child::Running;
use crate::repository;

/// The variable that names the folder of a cluster.
pub(super) const HOME: &str = "CLUSTER_HOME";

/// Exit status where the machine does not allow one.
const NOT_ALLOWED: i32 = 77;

/// It takes seconds, and longer beside other tests.
const START: Duration = Duration::from_secs(180);

/// A cluster with one node, DNS and our kinds.
#[derive(Debug)]
pub struct Cluster {
    up: Running,
    home: TempDir,
}

/// The current thread is in the network of a cluster, with all that it starts. Dropped, it is
/// where it was before.
#[derive(Debug)]
pub struct InNetwork {
    before: File,
}

fn command() -> PathBuf {
    repository().join("e2e/cluster/cluster")
}

impl Cluster {
    /// Starts one. None where the machine does not allow it, which is said on standard error
    /// whatever the test harness captures, and a failure where `CI` is `true`.
    pub fn start() -> Option<Self> {
        let home = TempDir::new().expect("a temporary folder");
        let mut up = Running::start(Command::new(command()).env(HOME, home.path()).args([
            "up",
            "--node",
            "--dns",
            "--crds",
            text(&crds()),
        ]));
        if up.says("ready", START) {
            return Some(Self { up, home });
        }
        let said = up.text();
        let code = up.end(START);
        assert_eq!(code, Some(NOT_ALLOWED), "{said}");
        let word = format!("NOT TESTED, as there is no cluster to test on: {said}");
        let must_run = std::env::var("CI").as_deref() == Ok("true");
        assert!(!must_run, "{word}");
        writeln!(std::io::stderr(), "{word}").expect("it can be written");
        None
    }

    /// Makes an image of files of this machine (`/path` and file; the first is what it runs, and
    /// shared libraries come along) and loads it into the node. Without `:latest` in its name, no
    /// registry is asked for it.
    pub fn load(&self, image: &str, files: &[(&str, &Path)]) {
        let pairs = files
            .iter()
            .map(|(path, file)| format!("{path}={}", text(file)));
        let made = self.tell(&["image", image]).args(pairs).output();
        let said = Said::of(made.expect("it starts"));
        assert!(said.done, "{}", said.text);
    }

    /// As administrator, from wherever the thread is.
    pub fn kubectl(&self) -> Kubectl {
        Kubectl::of_cluster(&command(), self.home.path())
    }

    /// Moves the current thread into the network of the cluster, with runtimes and processes that
    /// it starts from then on: addresses of pods and services lead there, and nothing else does.
    pub fn enter(&self) -> InNetwork {
        let before = File::open("/proc/thread-self/ns/net").expect("a network");
        let inside = format!("/proc/{}/ns/net", self.running(1));
        move_to(&File::open(inside).expect("a network"));
        InNetwork { before }
    }

    /// The process that ends it all with itself.
    pub fn process(&self) -> u32 {
        self.running(0).parse().expect("a number")
    }

    /// SIGKILL to the process that ends it all.
    pub fn crash(&mut self) {
        self.up.kill();
    }

    /// The control group of its pods, below the root of each controller.
    pub fn control_group(&self) -> PathBuf {
        self.running(2).trim_start_matches('/').into()
    }

    /// What the command notes of it, by line: the process that holds it, the first in its
    /// namespaces, its control group.
    fn running(&self, line: usize) -> String {
        let noted = std::fs::read_to_string(self.home.path().join("running"));
        let noted = noted.expect("it runs");
        noted.lines().nth(line).expect("a line").to_owned()
    }

    fn tell(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(command());
        command.env(HOME, self.home.path()).args(arguments);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let ended = Said::of(self.tell(&["down"]).output().expect("it starts"));
        if !std::thread::panicking() {
            assert!(ended.done, "{}", ended.text);
        }
    }
}

impl Drop for InNetwork {
    fn drop(&mut self) {
        move_to(&self.before);
    }
}

fn move_to(network: &File) {
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
        .expect("it is allowed where namespaces can be made");
}
