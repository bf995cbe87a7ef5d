//! A PostgreSQL database for one region, prepared as `docs/running.md` tells.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use realmwright_store_postgres::testing;
use tempfile::TempDir;
use url::Url;

use super::binaries::{binary, repository};
use super::child::Running;

const OWNER_PASSWORD: &str = "planted-password-of-owner";
const SERVE_PASSWORD: &str = "planted-password-of-pods";

/// An empty database with its two roles, gone with this value.
pub(crate) struct RegionDatabase {
    superuser: Url,
    name: String,
    files: TempDir,
}

impl RegionDatabase {
    /// Roles, database and rights, no table.
    pub(crate) fn prepare() -> Self {
        let server = testing::server_url().expect("PostgreSQL, which `make prepare` installs");
        Self::prepare_on(&server)
    }

    /// The same, on the server with this URL of its superuser.
    pub(crate) fn prepare_on(server: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = Self {
            superuser: Url::parse(server).expect("a URL"),
            name: format!("realmwright_e2e_{}_{number}", std::process::id()),
            files: tempfile::tempdir().expect("a temporary folder"),
        };
        let prepared = database.psql(&database.superuser, &database.documented_statements());
        assert!(prepared.status.success(), "{prepared:?}");
        database
    }

    /// What the page says, with the names and passwords of this database.
    fn documented_statements(&self) -> String {
        let page = std::fs::read_to_string(repository().join("docs/running.md")).expect("the page");
        let (_, rest) = page.split_once("```sql\n").expect("a block of SQL");
        let (statements, _) = rest.split_once("```").expect("its end");
        self.with_its_names(statements)
    }

    fn with_its_names(&self, statements: &str) -> String {
        statements
            .replace("realmwright", &self.name)
            .replace("first-password", OWNER_PASSWORD)
            .replace("second-password", SERVE_PASSWORD)
    }

    fn url(&self, role: &str, password: &str) -> Url {
        let mut url = self.superuser.clone();
        let set = url
            .set_username(&format!("{}_{role}", self.name))
            .and_then(|()| url.set_password(Some(password)));
        set.expect("it has a host");
        url.set_path(&self.name);
        url
    }

    /// URL of the owner, who may migrate it.
    pub(crate) fn owner_url(&self) -> Url {
        self.url("owner", OWNER_PASSWORD)
    }

    fn serve_url(&self) -> Url {
        self.url("serve", SERVE_PASSWORD)
    }

    /// File with the URL of the role that owns the schema.
    pub(crate) fn owner_url_file(&self) -> PathBuf {
        self.url_file("owner-url", &self.owner_url())
    }

    /// File with the URL of the role that pods have.
    pub(crate) fn serve_url_file(&self) -> PathBuf {
        self.url_file("serve-url", &self.serve_url())
    }

    fn url_file(&self, name: &str, url: &Url) -> PathBuf {
        let path = self.files.path().join(name);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .expect("it can be made");
        writeln!(file, "{url}").expect("it can be written");
        path
    }

    /// Runs `realmwright-idp migrate`; exit code and what it said.
    pub(crate) fn migrate(url_file: &Path) -> (Option<i32>, String) {
        let mut running = Running::start(
            Command::new(binary("realmwright-idp"))
                .args(["migrate", "--database-url-file"])
                .arg(url_file),
        );
        let code = running.end(Duration::from_secs(30));
        running.assert_discreet();
        (code, running.text())
    }

    /// With its schema.
    pub(crate) fn migrated() -> Self {
        Self::prepare().with_schema()
    }

    /// Migrates it.
    pub(crate) fn with_schema(self) -> Self {
        let (code, said) = Self::migrate(&self.owner_url_file());
        assert_eq!(code, Some(0), "{said}");
        self
    }

    /// Runs statements as the owner of the schema, with the names of the page.
    pub(crate) fn run_as_owner(&self, statements: &str) {
        let done = self.psql(&self.owner_url(), &self.with_its_names(statements));
        assert!(done.status.success(), "{done:?}");
    }

    /// Runs statements as the superuser, with the names of the page.
    pub(crate) fn run_as_superuser(&self, statements: &str) {
        let done = self.psql(&self.superuser, &self.with_its_names(statements));
        assert!(done.status.success(), "{done:?}");
    }

    /// The same, where the server may be gone.
    pub(crate) fn try_as_superuser(&self, statements: &str) -> Output {
        self.psql(&self.superuser, &self.with_its_names(statements))
    }

    /// Holds these tables against everybody, until it is dropped.
    pub(crate) fn lock(&self, tables: &str) -> Running {
        let mut session = Running::start(
            Command::new("psql")
                .args(["--no-psqlrc", "--quiet", "--dbname"])
                .arg(self.owner_url().as_str()),
        );
        session.say(&format!(
            "BEGIN; LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE;"
        ));
        session.say("\\echo held");
        session.wait_for(0, Duration::from_secs(10), "lock", |line| {
            (line == "held").then_some(())
        });
        session
    }

    /// Runs statements as the role of the pods.
    pub(crate) fn run_as_pod(&self, statements: &str) -> Output {
        self.psql(&self.serve_url(), statements)
    }

    fn psql(&self, url: &Url, statements: &str) -> Output {
        let mut child = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set", "ON_ERROR_STOP=1", "--dbname", url.as_str()])
            .current_dir(self.files.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql, which comes with PostgreSQL");
        let mut input = child.stdin.take().expect("piped");
        // Where it did not read, its status says so.
        let _ = input.write_all(statements.as_bytes());
        drop(input);
        child.wait_with_output().expect("it ends")
    }
}

impl Drop for RegionDatabase {
    fn drop(&mut self) {
        let name = &self.name;
        // What stays until the server ends harms no test.
        self.psql(
            &self.superuser,
            &format!(
                "DROP DATABASE IF EXISTS {name} WITH (FORCE);
                 DROP ROLE IF EXISTS {name}_owner;
                 DROP ROLE IF EXISTS {name}_serve;"
            ),
        );
    }
}
