//! `realmwright dev`, mostly on a copy of the quickstart folder with the applications of the
//! scenarios.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use super::binaries::{binary, repository};
use super::child::{LOG, Running, Told};

/// The demo person of the quickstart.
pub(crate) const LOGIN: &str = "demo@example.com";
/// Their password.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Some port of this machine.
pub(crate) const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

const START: Duration = Duration::from_secs(30);

/// A folder that is served.
pub(crate) struct Dev {
    running: Running,
    folder: TempDir,
    listen: SocketAddr,
    told: Told,
    /// Issuers by realm, as they are served.
    pub(crate) realms: BTreeMap<String, Url>,
    /// The issuer, or the first of several.
    pub(crate) issuer: Url,
}

/// A copy of the quickstart folder with the applications of the scenarios.
pub(crate) fn scenario_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&repository().join("examples/quickstart"), folder.path());
    copy_file(
        &repository().join("e2e/tests/scenarios/applications.yaml"),
        folder.path(),
    );
    folder
}

/// A folder with two regions and two realms.
pub(crate) fn regions_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy_file(
        &repository().join("e2e/tests/scenarios/regions.yaml"),
        folder.path(),
    );
    folder
}

/// Replaces a text in a file of a folder.
pub(crate) fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).expect("the file is there");
    assert!(text.contains(from), "{file} does not hold {from:?}");
    std::fs::write(&path, text.replacen(from, to, 1)).expect("it can be written");
}

impl Dev {
    /// Serves a fresh copy.
    pub(crate) fn start() -> Self {
        Self::start_with(scenario_folder(), ANY_PORT, &[])
    }

    /// Serves a folder at an address, with further arguments.
    pub(crate) fn start_with(folder: TempDir, listen: SocketAddr, arguments: &[&str]) -> Self {
        let told = Told {
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            ..Told::default()
        };
        Self::start_told(folder, listen, told)
    }

    /// The same, told more.
    pub(crate) fn start_told(folder: TempDir, mut listen: SocketAddr, told: Told) -> Self {
        let (running, realms) = serve(folder.path(), listen, &told);
        let issuer = realms.values().next().expect("a realm").clone();
        // Once restarted it is at the same address.
        listen.set_port(issuer.port().expect("a port"));
        Self {
            running,
            folder,
            listen,
            told,
            realms,
            issuer,
        }
    }

    /// The process.
    pub(crate) const fn running(&self) -> &Running {
        &self.running
    }

    /// SIGKILL, then the same folder at the same address.
    pub(crate) fn kill_and_restart(&mut self) {
        self.running.kill();
        self.running.assert_discreet();
        let (running, realms) = serve(self.folder.path(), self.listen, &self.told);
        assert_eq!(realms, self.realms);
        self.running = running;
    }

    /// The folder of artefacts that `realmwright-idp` can serve.
    pub(crate) fn published(&self) -> PathBuf {
        self.folder.path().join(".realmwright/published")
    }

    /// The folder of YAML.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces a text in a file and waits for what `dev` says of it.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) -> Value {
        let printed = self.running.printed();
        edit(self.folder.path(), file, from, to);
        self.said(printed)
    }

    /// What `dev` said to an edit, after so many lines.
    fn said(&self, printed: usize) -> Value {
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

    /// Puts a file into the folder and waits for what `dev` says of it.
    pub(crate) fn add(&self, file: &str, text: &str) -> Value {
        let path = self.folder.path().join(file);
        let printed = self.running.printed();
        std::fs::write(&path, text).expect("it can be written");
        self.said(printed)
    }

    /// Looks after accounts of this folder; whether that went well, and what was said.
    pub(crate) fn accounts(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let mut command = Command::new(binary("realmwright"));
        command
            .args(["--format", "json", "accounts", "--dev"])
            .arg(self.folder.path())
            .args(arguments);
        run(&mut command, input)
    }

    /// Lists or rotates the keys of this folder; whether that went well, and what was said.
    pub(crate) fn keys(&self, verb: &str, arguments: &[&str]) -> (bool, String) {
        keys(self.folder.path(), verb, arguments)
    }

    /// The key that signs now.
    pub(crate) fn signing_key(&self) -> String {
        let (done, said) = self.keys("list", &[]);
        assert!(done, "{said}");
        let keys: Value = serde_json::from_str(&said).expect("JSON");
        let keys = keys.as_array().expect("a list");
        let signs = |key: &&Value| key["purpose"] == "sign" && key["standing"] == "inUse";
        let kid = keys.iter().find(signs).expect("a key signs")["kid"].as_str();
        kid.expect("text").to_owned()
    }

    /// Rotates the signing key and waits until the new one signs; the new one.
    pub(crate) fn rotate(&self) -> String {
        let printed = self.running.printed();
        let (_, successor) = self.replace_signing_key(&[]);
        // The former key ends once the new one signs.
        let limit = Duration::from_secs(20);
        self.running
            .wait_for(printed, limit, "end of a rotation", |line| {
                line.contains("keysAdvanced").then_some(())
            });
        successor
    }

    /// Says that somebody else knows the signing key; the new one.
    pub(crate) fn compromise(&self) -> String {
        self.replace_signing_key(&["--compromised"]).1
    }

    /// The former key and its successor.
    fn replace_signing_key(&self, arguments: &[&str]) -> (String, String) {
        let (done, said) = self.keys("rotate", arguments);
        assert!(done, "{said}");
        let said: Value = serde_json::from_str(&said).expect("JSON");
        let key = |name: &str| said["keys"][0][name].as_str().expect("a key").to_owned();
        (key("former"), key("successor"))
    }

    /// Waits until the log has a line with this text.
    pub(crate) fn wait_for_log(&self, text: &str) {
        self.running
            .wait_for(0, Duration::from_secs(5), text, |line| {
                line.contains(text).then_some(())
            });
    }

    /// SIGKILL; what it has published stays.
    pub(crate) fn kill(&mut self) {
        self.running.kill();
    }

    /// SIGTERM; the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.running.stop(Duration::from_secs(10))
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.running.assert_discreet();
        }
    }
}

/// `realmwright keys` on a folder; whether that went well, and what was said.
pub(crate) fn keys(folder: &Path, verb: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(binary("realmwright"));
    command.args(["--format", "json", "keys", verb]).arg(folder);
    run(command.args(arguments), "")
}

fn run(command: &mut Command, input: &str) -> (bool, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // What reads nothing may be gone already.
    let written = child
        .stdin
        .take()
        .expect("piped")
        .write_all(input.as_bytes());
    assert!(written.is_ok() || input.is_empty(), "it does not read");
    let output = child.wait_with_output().expect("it ends");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("it prints text");
    (output.status.success(), text)
}

fn serve(folder: &Path, listen: SocketAddr, told: &Told) -> (Running, BTreeMap<String, Url>) {
    let running = Running::start(
        Command::new(binary("realmwright"))
            .args(["--format", "json", "dev", "--no-demo", "--log", LOG])
            .args(["--listen", &listen.to_string()])
            .args(&told.arguments)
            .envs(told.environment.iter().cloned())
            .arg(folder),
    );
    let ready: Value = running.wait_for(0, START, "ready line", |line| {
        let said: Value = serde_json::from_str(line).ok()?;
        (said.get("ready") == Some(&Value::Bool(true))).then_some(said)
    });
    assert_eq!(
        ready["diagnostics"],
        Value::Array(Vec::new()),
        "faults in the folder"
    );
    let realms = ready["realms"].as_array().expect("a list");
    let realms = realms.iter().map(|realm| {
        let text = |name: &str| realm[name].as_str().expect("text").to_owned();
        (
            text("realm"),
            Url::parse(&text("issuer")).expect("an address"),
        )
    });
    (running, realms.collect())
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
