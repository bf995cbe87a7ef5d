//! What `dev` keeps in `<folder>/.realmwright`, and what `accounts --dev` finds there.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use realmwright_compiler::SecretKey;
use realmwright_keys::{Keyring, SecretValue, SecretValues};
use realmwright_snapshot::RealmId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::keys::replace::Replaced;

/// Annotation of a Secret: the former value in it is refused from then on, RFC 3339.
const PREVIOUS_UNTIL: &str = "realmwright.dev/previous-until";

/// Name of the folder in the folder of YAML.
pub(crate) const NAME: &str = ".realmwright";

/// The state of one folder of YAML.
#[derive(Clone, Debug)]
pub(crate) struct State {
    root: PathBuf,
}

/// What is served now, for `accounts --dev`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) realms: Vec<RunningRealm>,
}

/// One realm of [`Running`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunningRealm {
    pub(crate) id: String,
    pub(crate) issuer: Url,
    /// Client with the scope `realmwright:accounts`.
    pub(crate) accounts_client: Option<String>,
}

/// The right to write the state: held while a `dev` runs on a folder.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: fs::File,
}

impl State {
    /// The state of a folder, which need not be there.
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            root: folder.join(NAME),
        }
    }

    /// Makes the folder, for its owner only and out of Git's sight.
    pub(crate) fn prepare(&self) -> anyhow::Result<Lock> {
        for folder in ["", "keyring", "secrets", "clients"] {
            create_folder(&self.root.join(folder))?;
        }
        write(&self.root.join(".gitignore"), b"*\n")?;
        self.lock()?.with_context(|| {
            format!(
                "another `realmwright dev` runs on this folder ({} is locked)",
                self.lock_path().display()
            )
        })
    }

    fn lock_path(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// The right to write; none while somebody else holds it.
    pub(crate) fn lock(&self) -> anyhow::Result<Option<Lock>> {
        let path = self.lock_path();
        let file = open_private(&path, fs::OpenOptions::new().write(true).create(true))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(fault)) => {
                Err(fault).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The embedded database.
    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("database.sqlite")
    }

    /// The artefacts, as `realmwright-idp --source dir:` reads them.
    pub(crate) fn published(&self) -> PathBuf {
        self.root.join("published")
    }

    /// Folder of Secret manifests: generated ones, and those that should not be committed.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// The socket at which the `dev` that holds the lock answers.
    pub(crate) const CONTROL: &str = "control";

    /// The realms that have a keyring, also those that no file declares any more.
    pub(crate) fn realms(&self) -> anyhow::Result<Vec<RealmId>> {
        let folder = self.root.join("keyring");
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut realms = Vec::new();
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
            let name = entry.file_name();
            let realm = name.to_str().and_then(|name| name.strip_suffix(".json"));
            realms.extend(realm.map(RealmId::from));
        }
        realms.sort();
        Ok(realms)
    }

    fn keyring_path(&self, realm: &RealmId) -> PathBuf {
        self.root.join("keyring").join(format!("{realm}.json"))
    }

    /// The keyring of a realm; an empty one when there is none yet.
    pub(crate) fn keyring(&self, realm: &RealmId) -> anyhow::Result<Keyring> {
        let path = self.keyring_path(realm);
        match fs::read(&path) {
            Ok(bytes) => Keyring::from_json(&bytes)
                .with_context(|| format!("{} is not a keyring", path.display())),
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {
                Ok(Keyring::empty(realm.clone()))
            }
            Err(fault) => Err(fault).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    pub(crate) fn keep_keyring(&self, keyring: &Keyring) -> anyhow::Result<()> {
        let json = keyring.to_json().context("a keyring has no JSON form")?;
        write(&self.keyring_path(&keyring.realm), &json)
    }

    fn replaced(&self) -> PathBuf {
        self.root.join("replaced")
    }

    /// Keeps a keyring in which keys were replaced by hand, and a note of that until the audit has
    /// it. The note is first: rather an event too many than one too few.
    pub(crate) fn keep_replaced(
        &self,
        keyring: &Keyring,
        replaced: &Replaced,
    ) -> anyhow::Result<()> {
        let folder = self.replaced();
        create_folder(&folder)?;
        let name = format!("{}.{}.json", keyring.realm, keyring.revision);
        write(&folder.join(name), &serde_json::to_vec_pretty(replaced)?)?;
        self.keep_keyring(keyring)
    }

    /// The notes of what the audit does not have yet.
    pub(crate) fn replaced_keys(&self) -> anyhow::Result<Vec<(PathBuf, Replaced)>> {
        let folder = self.replaced();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(fault) => {
                return Err(fault).with_context(|| format!("cannot read {}", folder.display()));
            }
        };
        let mut notes = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let bytes =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let replaced = serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is not of the expected form", path.display()))?;
            notes.push((path, replaced));
        }
        Ok(notes)
    }

    fn secret_path(&self, key: &SecretKey) -> PathBuf {
        self.secrets()
            .join(format!("{}.{}.{}.yaml", key.namespace, key.name, key.key))
    }

    /// Whether [`Self::keep_secret`] has written this one.
    pub(crate) fn holds_secret(&self, key: &SecretKey) -> bool {
        self.secret_path(key).is_file()
    }

    /// Writes a generated secret as a Secret manifest, with the former value while that is
    /// accepted. One Secret has one such pair here.
    pub(crate) fn keep_secret(&self, key: &SecretKey, values: &SecretValues) -> anyhow::Result<()> {
        let quoted = |text: &str| serde_json::to_string(text);
        let (mut annotations, mut former) = (String::new(), String::new());
        if let Some(previous) = &values.previous {
            let until = format!("{:.0}", previous.not_after);
            annotations = format!(", annotations: {{{PREVIOUS_UNTIL}: {}}}", quoted(&until)?);
            let name = format!("{}Previous", key.key);
            let value = quoted(previous.value.expose())?;
            former = format!(", {}: {value}", quoted(&name)?);
        }
        let manifest = format!(
            "# Generated by `realmwright dev`, which reads it again. Remove it for a new value.\n\
             apiVersion: v1\nkind: Secret\n\
             metadata: {{namespace: {}, name: {}{annotations}}}\n\
             stringData: {{{}: {}{former}}}\n",
            quoted(&key.namespace)?,
            quoted(&key.name)?,
            quoted(&key.key)?,
            quoted(values.current.expose())?,
        );
        write_if_other(&self.secret_path(key), manifest.as_bytes())
    }

    fn client_path(&self, realm: &str, client: &str) -> PathBuf {
        self.root.join("clients").join(format!("{realm}.{client}"))
    }

    /// File with the plain secret of a client, for programs that read files.
    pub(crate) fn keep_client_secret(
        &self,
        realm: &str,
        client: &str,
        value: &SecretValue,
    ) -> anyhow::Result<PathBuf> {
        let path = self.client_path(realm, client);
        write_if_other(&path, value.expose().as_bytes())?;
        Ok(path)
    }

    /// The clients of a realm whose secret lies in a file of its own.
    pub(crate) fn clients_with_secret(&self, realm: &str) -> anyhow::Result<Vec<String>> {
        let folder = self.root.join("clients");
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut clients = Vec::new();
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
            let name = entry.file_name();
            let client = name
                .to_str()
                .and_then(|name| name.strip_prefix(realm)?.strip_prefix('.'));
            clients.extend(client.map(str::to_owned));
        }
        Ok(clients)
    }

    pub(crate) fn client_secret(&self, realm: &str, client: &str) -> anyhow::Result<SecretString> {
        let path = self.client_path(realm, client);
        let secret =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(SecretString::from(secret))
    }

    fn running_path(&self) -> PathBuf {
        self.root.join("running.json")
    }

    pub(crate) fn keep_running(&self, running: &Running) -> anyhow::Result<()> {
        write(&self.running_path(), &serde_json::to_vec_pretty(running)?)
    }

    pub(crate) fn running(&self) -> anyhow::Result<Running> {
        let path = self.running_path();
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is not of the expected form", path.display()))
    }

    /// Forgets what is served, at the end.
    pub(crate) fn stopped(&self) {
        let _ = fs::remove_file(self.running_path());
    }
}

fn create_folder(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o700)))
        .with_context(|| format!("cannot create {}", path.display()))
}

fn open_private(path: &Path, options: &mut fs::OpenOptions) -> anyhow::Result<fs::File> {
    options
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The same, but where the file is there already, for its owner only and with this content.
fn write_if_other(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let is_private = fs::symlink_metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o777 == 0o600);
    let is_same = || fs::read(path).is_ok_and(|found| found == bytes);
    if is_private && is_same() {
        return Ok(());
    }
    write(path, bytes)
}

/// Writes beside the place and renames, for the owner only.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = open_private(
        &beside,
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true),
    )?;
    file.write_all(bytes)
        .and_then(|()| fs::rename(&beside, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_for_its_owner_and_not_for_git() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::of(folder.path());
        let _lock = state.prepare().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(state.root()), 0o700);
        assert_eq!(fs::read(state.root().join(".gitignore")).unwrap(), b"*\n");
        let keyring = Keyring::empty(RealmId::from("a.b"));
        state.keep_keyring(&keyring).unwrap();
        assert_eq!(mode(&state.keyring_path(&keyring.realm)), 0o600);
        assert_eq!(state.keyring(&keyring.realm).unwrap().realm, keyring.realm);
    }

    #[test]
    fn a_folder_is_served_once() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::of(folder.path());
        let lock = state.prepare().unwrap();
        assert!(state.prepare().is_err());
        drop(lock);
        assert!(state.prepare().is_ok());
    }

    #[test]
    fn a_generated_secret_is_a_manifest_that_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::of(folder.path());
        let _lock = state.prepare().unwrap();
        let key = SecretKey {
            namespace: "identity".into(),
            name: "demo".into(),
            key: "client-secret".into(),
        };
        state
            .keep_secret(
                &key,
                &SecretValues::of(
                    SecretValue::new("quoted \" value: # 1"),
                    jiff::Timestamp::UNIX_EPOCH,
                ),
            )
            .unwrap();
        let manifests = crate::folder::read(folder.path()).unwrap();
        assert_eq!(manifests.len(), 1);
        let profile = realmwright_compiler::CompileProfile::Production;
        let compiled = realmwright_compiler::Compiler::new().compile(&manifests, &profile);
        let value = compiled.secrets.get(&key).unwrap();
        assert_eq!(
            secrecy::ExposeSecret::expose_secret(value),
            b"quoted \" value: # 1"
        );
    }

    #[test]
    fn a_damaged_keyring_is_not_replaced_by_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::of(folder.path());
        let _lock = state.prepare().unwrap();
        let realm = RealmId::from("a.b");
        fs::write(state.keyring_path(&realm), b"{").unwrap();
        assert!(state.keyring(&realm).is_err());
    }
}
