//! The configurations of `examples/clients`, with the addresses and files of a scenario in place of
//! those that are in them.

use std::net::TcpListener;
use std::path::Path;

use tempfile::TempDir;
use url::Url;

use super::binaries::repository;
use super::dev::{ANY_PORT, edit};
use super::secured::{HOST, Secured};

/// In the realm of the examples, and in none of its groups.
pub(crate) const GUEST: &str = "guest@example.com";

/// A file of `examples/clients` with texts replaced, each of which has to be there.
pub(crate) fn example(file: &str, replaced: &[(&str, &str)]) -> String {
    let path = repository().join("examples/clients").join(file);
    let mut text = std::fs::read_to_string(path).expect("the example is there");
    for (from, to) in replaced {
        assert!(text.contains(from), "{file} does not hold {from:?}");
        text = text.replace(from, to);
    }
    text
}

/// The realm of the examples, with texts in its applications replaced. Its keys are rotated in a
/// second.
pub(crate) fn serve_examples(in_clients: &[(&str, &str)]) -> Secured {
    let folder = TempDir::new().expect("a temporary folder");
    let write = |file: &str, replaced: &[(&str, &str)]| {
        let text = example(&format!("realm/{file}"), replaced);
        std::fs::write(folder.path().join(file), text).expect("it can be written");
    };
    write("realm.yaml", &[]);
    write("clients.yaml", in_clients);
    let soon = "{jwksMaxAge: 1s, publishAhead: 1s}";
    edit(
        folder.path(),
        "realm.yaml",
        "{jwksMaxAge: 1h, publishAhead: 24h}",
        soon,
    );
    Secured::start(folder)
}

/// The secret that was generated for a client.
pub(crate) fn generated_secret(folder: &Path, client: &str) -> String {
    let secrets = folder.join(".realmwright/secrets");
    let prefix = format!("identity.{client}-client.");
    let mut files = std::fs::read_dir(secrets).expect("secrets were made");
    let file = files.find_map(|file| {
        let file = file.expect("an entry");
        file.file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(&prefix))
            .then(|| file.path())
    });
    let manifest = std::fs::read_to_string(file.expect("one for the client")).expect("text");
    let (_, data) = manifest.split_once("stringData:").expect("a value");
    data.split('"').nth(3).expect("a value").to_owned()
}

/// An https address of this machine that nobody listens at.
pub(crate) fn free_site() -> Url {
    let listener = TcpListener::bind(ANY_PORT).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    Url::parse(&format!("https://{HOST}:{port}/")).expect("an address")
}
