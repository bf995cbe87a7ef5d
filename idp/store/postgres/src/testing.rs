//! A real PostgreSQL server for tests, also those of other crates.
//!
//! [`TestDatabase::create`] gives a new database on the server that
//! `REALMWRIGHT_TEST_POSTGRES_URL` names (a role that may create databases), or else on a private
//! server that is started once for the test process from Debian's packages, in a temporary folder
//! and on a port of the loopback interface. A supervisor shell stops that server and removes its
//! folder when its standard input ends, which is when this process ends, however it ends.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that has no server fails"
)]

mod relay;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use realmwright_store::Maintenance as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

pub use relay::Relay;

use crate::{PostgresSettings, PostgresStore};

/// Names a server to use instead of a private one.
pub const SERVER_URL: &str = "REALMWRIGHT_TEST_POSTGRES_URL";

const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The server runs in the shell's background; a word on standard input kills or starts it. Its
/// children outlive it for a moment, and until they are gone it does not start again.
const SUPERVISOR: &str = r#"
trap '' INT TERM HUP
folder=$1; shift
"$@" >>"$folder/log" 2>&1 & server=$!
while read -r word; do
    case "$word" in
        crash)
            children=$(cat "/proc/$server/task/$server/children")
            kill -KILL "$server"; wait "$server"
            for child in $children; do
                while kill -0 "$child" 2>/dev/null; do sleep 0.01; done
            done ;;
        start) "$@" >>"$folder/log" 2>&1 & server=$! ;;
    esac
done
kill -QUIT "$server"
wait "$server"
rm -rf "$folder"
"#;

/// Whether a private server waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// As in production; for measurements.
    Disk,
    /// Only for the operating system: what it was told survives SIGKILL. For all other tests.
    OperatingSystem,
}

/// Folders of other disks than that of temporary files, empty ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disks<'p> {
    /// For tables and everything else.
    pub data: Option<&'p Path>,
    /// For the write-ahead log, which then takes little room.
    pub log: Option<&'p Path>,
}

/// A private server.
#[derive(Debug)]
pub struct Server {
    binaries: PathBuf,
    data: PathBuf,
    port: u16,
    password: String,
    supervisor: Mutex<Child>,
}

impl Server {
    /// Makes a cluster and starts it.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn start(durability: Durability) -> Result<Self, String> {
        Self::start_on(Disks::default(), durability)
    }

    /// The same on these disks.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn start_on(disks: Disks<'_>, durability: Durability) -> Result<Self, String> {
        let binaries = binaries()?;
        let password = random_hex();
        let folder = server_folder(&password)?;
        let data = disks
            .data
            .map_or_else(|| folder.join("data"), Path::to_owned);
        let mut initdb = as_server_user(&binaries.join("initdb"));
        initdb
            .arg("--pgdata")
            .arg(&data)
            .arg("--pwfile")
            .arg(folder.join("password"))
            .args(["--username=postgres", "--auth=scram-sha-256"])
            .args(["--encoding=UTF8", "--locale=C", "--no-sync"]);
        for disk in [disks.data, disks.log].into_iter().flatten() {
            give_to_server_user(disk)?;
        }
        let mut settings = Vec::new();
        if let Some(log) = disks.log {
            initdb.arg("--waldir").arg(log).arg("--wal-segsize=1");
            settings.extend(["min_wal_size=2MB", "max_wal_size=4MB"]);
        }
        succeeded("initdb", initdb.current_dir(&folder).output())?;
        if durability == Durability::OperatingSystem {
            settings.push("fsync=off");
        }
        Self::run_in(&folder, data, binaries, password, &settings)
    }

    /// A standby with a copy of this server, without which no commit ends from now on.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn synchronous_standby(&self) -> Result<Self, String> {
        let folder = server_folder(&self.password)?;
        let data = folder.join("data");
        let copied = as_server_user(&self.binaries.join("pg_basebackup"))
            .arg("--dbname")
            .arg(format!("{}?application_name=standby", self.url()))
            .arg("--pgdata")
            .arg(&data)
            .args(["--write-recovery-conf", "--wal-method=stream"])
            .args(["--checkpoint=fast", "--no-sync"])
            .current_dir(&folder)
            .output();
        succeeded("pg_basebackup", copied)?;
        let (binaries, password) = (self.binaries.clone(), self.password.clone());
        let standby = Self::run_in(&folder, data, binaries, password, &["fsync=off"])?;
        self.ask("ALTER SYSTEM SET synchronous_standby_names = 'standby'")?;
        self.ask("SELECT pg_reload_conf()")?;
        let following = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        self.wait_until(following, "1")?;
        Ok(standby)
    }

    /// Makes a standby take writes.
    ///
    /// # Errors
    /// When it is none.
    pub fn promote(&self) -> Result<(), String> {
        self.ask("SELECT pg_promote()")?;
        self.wait_until("SELECT pg_is_in_recovery()", "f")
    }

    /// Starts the server that was killed, as a standby that follows nobody: with what it had, and
    /// without writes.
    ///
    /// # Errors
    /// When it does not come.
    pub fn return_as_standby(&self) -> Result<(), String> {
        std::fs::write(self.data.join("standby.signal"), "").map_err(|error| error.to_string())?;
        self.restart();
        self.wait_until("SELECT pg_is_in_recovery()", "t")
    }

    /// Whether it has not given up by itself.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.data.join("postmaster.pid").exists()
    }

    fn run_in(
        folder: &Path,
        data: PathBuf,
        binaries: PathBuf,
        password: String,
        settings: &[&str],
    ) -> Result<Self, String> {
        let port = free_port()?;
        let mut supervisor = as_server_user(Path::new("/bin/sh"));
        supervisor
            .args(["-c", SUPERVISOR, "sh"])
            .arg(folder)
            .arg(binaries.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder)
            .args(["-h", "127.0.0.1", "-p", &port.to_string()])
            .args(["-c", "max_connections=300", "-c", "shared_buffers=32MB"]);
        for setting in settings {
            supervisor.args(["-c", setting]);
        }
        let supervisor = supervisor
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start a shell: {error}"))?;
        let server = Self {
            binaries,
            data,
            port,
            password,
            supervisor: Mutex::new(supervisor),
        };
        server.wait_until_ready(folder)?;
        Ok(server)
    }

    /// URL of its maintenance database.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres:{}@127.0.0.1:{}/postgres",
            self.password, self.port
        )
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// URL of its maintenance database over a relay.
    #[must_use]
    pub fn url_over(&self, relay: &Relay) -> String {
        let address = relay.address().to_string();
        self.url().replace(&self.address().to_string(), &address)
    }

    /// The first value that a statement of the superuser gives.
    fn ask(&self, statement: &str) -> Result<String, String> {
        let asked = Command::new(self.binaries.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--dbname", &self.url(), "--command", statement])
            .current_dir("/")
            .output();
        let answer = succeeded("psql", asked)?;
        Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned())
    }

    fn wait_until(&self, question: &str, answer: &str) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let told = self.ask(question);
            if told.as_deref() == Ok(answer) {
                return Ok(());
            }
            if started.elapsed() > START_TIMEOUT {
                return Err(format!("{question}: {told:?}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills the server with SIGKILL; does not wait for it.
    pub fn crash(&self) {
        self.order(b"crash\n");
    }

    /// Starts the server that was killed; does not wait for it.
    pub fn restart(&self) {
        self.order(b"start\n");
    }

    /// Processor time that the server has taken, all its processes together; in steps of 10 ms.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        let supervisor = self.supervisor.lock().unwrap().id();
        Duration::from_millis(10 * ticks(supervisor))
    }

    fn order(&self, word: &[u8]) {
        let mut supervisor = self.supervisor.lock().unwrap();
        let orders = supervisor.stdin.as_mut().expect("its input is a pipe");
        orders.write_all(word).unwrap();
    }

    fn wait_until_ready(&self, folder: &Path) -> Result<(), String> {
        let started = Instant::now();
        while started.elapsed() < START_TIMEOUT {
            let ready = Command::new(self.binaries.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status();
            if ready.is_ok_and(|status| status.success()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        Err(format!("PostgreSQL does not start:\n{log}"))
    }
}

/// Clock ticks of a process, of those that it has waited for, and of those that it has now;
/// `proc_pid_stat(5)`. None of one that ended in between.
fn ticks(process: u32) -> u64 {
    let read = |path: &str| std::fs::read_to_string(format!("/proc/{process}/{path}"));
    let stat = read("stat").unwrap_or_default();
    // The name, which may hold anything, ends at the last bracket.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let own: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(4)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    let children = read(&format!("task/{process}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    own + children.map(ticks).sum::<u64>()
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut supervisor = self.supervisor.lock().unwrap();
        drop(supervisor.stdin.take());
        let _ = supervisor.wait();
    }
}

/// A new database, dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    server: String,
    name: String,
    url: String,
}

impl TestDatabase {
    /// A new, migrated database on the server of this test process. None where PostgreSQL cannot
    /// be had, which is said on standard error; with `CI=true` that is a panic.
    pub async fn create() -> Option<Self> {
        let server = server_url()?;
        let database = Self::create_on(&server).await;
        database.store().migrate().await.expect("migrates");
        Some(database)
    }

    /// A new, empty database on the server with this URL.
    pub async fn create_on(server: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("realmwright_test_{}_{number}", std::process::id());
        execute(server, format!("CREATE DATABASE {name}")).await;
        let mut url = url_parts(server);
        url.1 = name.clone();
        Self {
            server: server.to_owned(),
            name,
            url: format!("{}/{}{}", url.0, url.1, url.2),
        }
    }

    /// A new, empty database beside this one.
    pub async fn create_empty(&self) -> Self {
        Self::create_on(&self.server).await
    }

    /// URL for [`PostgresSettings`].
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A store on it.
    #[must_use]
    pub fn store(&self) -> PostgresStore {
        PostgresStore::connect(&PostgresSettings::new(&self.url)).expect("the URL is ours")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let server = self.server.clone();
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // The runtime of the test may be ending: this needs one of its own.
        let dropping = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(execute(&server, statement));
        });
        // A database that stays until the server ends harms no test.
        let _ = dropping.join();
    }
}

async fn execute(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.expect("connects");
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .expect("the statement succeeds");
    connection.close().await.expect("closes");
}

/// What comes before the database of a URL, the database, and the parameters after it.
fn url_parts(url: &str) -> (&str, String, &str) {
    let (address, parameters) = url.split_at(url.find('?').unwrap_or(url.len()));
    let authority = address.find("://").map_or(0, |scheme| scheme + 3);
    match address.get(authority..).and_then(|rest| rest.find('/')) {
        Some(slash) => {
            let (base, database) = address.split_at(authority + slash);
            (
                base,
                database.trim_start_matches('/').to_owned(),
                parameters,
            )
        }
        None => (address, String::new(), parameters),
    }
}

/// URL of the maintenance database on the server of this test process, as its superuser. None
/// where PostgreSQL cannot be had, as for [`TestDatabase::create`].
pub fn server_url() -> Option<String> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    if let Ok(url) = std::env::var(SERVER_URL) {
        return Some(url);
    }
    match SERVER.get_or_init(|| Server::start(Durability::OperatingSystem)) {
        Ok(server) => Some(server.url()),
        Err(reason) => {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "no PostgreSQL: {reason}"
            );
            // Not `eprintln!`: the test harness hides that of tests that pass.
            let text = format!("\n*** NOT TESTED, for want of PostgreSQL: {reason} ***\n");
            let _ = std::io::stderr().write_all(text.as_bytes());
            None
        }
    }
}

/// The newest version that is installed.
fn binaries() -> Result<PathBuf, String> {
    let missing = || format!("install the package postgresql, or set {SERVER_URL}");
    let folders = std::fs::read_dir("/usr/lib/postgresql").map_err(|_| missing())?;
    let newest = folders
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .ok_or_else(missing)?;
    let folder = PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin"));
    if folder.join("initdb").exists() && folder.join("postgres").exists() {
        Ok(folder)
    } else {
        Err(missing())
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// PostgreSQL refuses to run as root: there it runs as the user that its package makes.
fn as_server_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid=postgres",
            "--regid=postgres",
            "--init-groups",
            "--",
        ])
        .arg(program);
    command
}

/// A folder for a server, with the password of its superuser.
fn server_folder(password: &str) -> Result<PathBuf, String> {
    let folder = tempfile::Builder::new()
        .prefix("realmwright-postgres-")
        .tempdir()
        .map_err(|error| format!("no temporary folder: {error}"))?
        .keep();
    std::fs::write(folder.join("password"), password).map_err(|error| error.to_string())?;
    give_to_server_user(&folder)?;
    Ok(folder)
}

fn give_to_server_user(folder: &Path) -> Result<(), String> {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
        .map_err(|error| error.to_string())?;
    if !is_root() {
        return Ok(());
    }
    let output = Command::new("chown")
        .args(["-R", "postgres:postgres"])
        .arg(folder)
        .output();
    succeeded("chown", output).map(drop)
}

fn succeeded(what: &str, output: std::io::Result<Output>) -> Result<Output, String> {
    let output = output.map_err(|error| format!("cannot run {what}: {error}"))?;
    if output.status.success() {
        Ok(output)
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{what} fails: {said}"))
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok(address.port())
}

fn random_hex() -> String {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .expect("random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
