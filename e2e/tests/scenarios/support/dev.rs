//! `realmwright dev` on a copy of the quickstart folder with the applications of the scenarios.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use super::binaries::{binary, repository};
use super::child::Running;

/// Values that no output may ever hold (design.md section 8): passwords, secrets, personal data.
pub(crate) const PLANTED: &[&str] = &[
    "correct horse battery",
    "planted-client-secret",
    "planted-password",
    "demo@example.com",
    "planted.person@example.com",
    "+380501234567",
];

/// The demo person of the quickstart.
pub(crate) const LOGIN: &str = "demo@example.com";
/// Their password.
pub(crate) const PASSWORD: &str = "correct horse battery";

const START: Duration = Duration::from_secs(30);

/// A folder that is served.
pub(crate) struct Dev {
    running: Running,
    folder: TempDir,
    listen: String,
    /// Issuer, as it is served.
    pub(crate) issuer: Url,
}

impl Dev {
    /// Serves a fresh copy.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        copy(&repository().join("examples/quickstart"), folder.path());
        copy_file(
            &repository().join("e2e/tests/scenarios/applications.yaml"),
            folder.path(),
        );
        let (running, issuer) = serve(folder.path(), "127.0.0.1:0");
        let listen = format!("127.0.0.1:{}", issuer.port().expect("a port"));
        Self {
            running,
            folder,
            listen,
            issuer,
        }
    }

    /// SIGKILL, then the same folder at the same address.
    pub(crate) fn kill_and_restart(&mut self) {
        self.running.kill();
        self.search_output();
        let (running, issuer) = serve(self.folder.path(), &self.listen);
        assert_eq!(issuer, self.issuer);
        self.running = running;
    }

    /// The folder of YAML.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces a text in a file and waits for what `dev` says of it.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) -> Value {
        let path = self.folder.path().join(file);
        let text = std::fs::read_to_string(&path).expect("the file is there");
        assert!(text.contains(from), "{file} does not hold {from:?}");
        let printed = self.running.printed();
        std::fs::write(&path, text.replacen(from, to, 1)).expect("it can be written");
        self.running.wait_for(
            printed,
            Duration::from_secs(20),
            "answer to an edit",
            |line| {
                let said: Value = serde_json::from_str(line).ok()?;
                said.get("live").is_some().then_some(said)
            },
        )
    }

    /// Runs the command line against this folder.
    pub(crate) fn accounts(&self, arguments: &[&str], input: &str) -> (bool, String) {
        use std::io::Write;
        use std::process::Stdio;
        let mut child = Command::new(binary("realmwright"))
            .args(["--format", "json", "accounts", "--dev"])
            .arg(self.folder.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        child
            .stdin
            .take()
            .expect("piped")
            .write_all(input.as_bytes())
            .expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8(text).expect("it prints text"),
        )
    }

    /// Waits until the log has a line with this text.
    pub(crate) fn wait_for_log(&self, text: &str) {
        self.running
            .wait_for(0, Duration::from_secs(5), text, |line| {
                line.contains(text).then_some(())
            });
    }

    /// SIGTERM; the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.running.stop(Duration::from_secs(10))
    }

    fn search_output(&self) {
        let text = self.running.text();
        for planted in PLANTED {
            assert!(!text.contains(planted), "{planted:?} was printed:\n{text}");
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.search_output();
        }
    }
}

fn serve(folder: &Path, listen: &str) -> (Running, Url) {
    let running = Running::start(
        Command::new(binary("realmwright"))
            .args(["--format", "json", "dev"])
            .arg(folder)
            .args(["--listen", listen, "--no-demo", "--log", "debug"]),
    );
    let ready: Value = running.wait_for(0, START, "ready line", |line| {
        let said: Value = serde_json::from_str(line).ok()?;
        (said.get("ready") == Some(&Value::Bool(true))).then_some(said)
    });
    let issuer = ready["realms"][0]["issuer"]
        .as_str()
        .unwrap_or_else(|| panic!("no realm is served:\n{}", running.text()));
    let issuer = Url::parse(issuer).expect("an address");
    (running, issuer)
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("the example is there") {
        let path = entry.expect("an entry").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            copy_file(&path, to);
        }
    }
}

fn copy_file(path: &Path, folder: &Path) {
    let name = path.file_name().expect("a name");
    std::fs::copy(path, folder.join(name)).expect("it can be copied");
}
