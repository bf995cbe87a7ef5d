//! What a tired person is told who starts something wrongly: one line that says what is wrong and
//! what to do, and an exit status that is not 0.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::binaries::binary;
use crate::support::certificates::Certificates;
use crate::support::child::Running;
use crate::support::dev::{ANY_PORT, Dev, regions_folder, scenario_folder};

/// Runs it to its end: status, and what it said.
fn run(program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut running = Running::start(Command::new(binary(program)).args(arguments));
    let code = running.end(Duration::from_secs(30));
    running.assert_discreet();
    (code, running.text())
}

fn assert_one_line(program: &str, arguments: &[&str], status: i32, told: &[&str]) {
    let (code, said) = run(program, arguments);
    assert_eq!(code, Some(status), "{arguments:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    for text in told {
        assert!(said.contains(text), "no {text:?} in: {said}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// A listener on a port that so is taken.
fn taken() -> (TcpListener, String) {
    let taken = TcpListener::bind(ANY_PORT).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    (taken, address)
}

#[test]
fn dev_names_what_is_wrong_and_what_to_do() {
    let folder = scenario_folder();
    let folder = text(folder.path());
    let regions = regions_folder();
    let regions = text(regions.path());
    let (_taken, address) = taken();
    let certificates = Certificates::of("id.test");
    let others = Certificates::of("id.test");
    let (certificate, key) = (certificates.certificate(), certificates.key());
    let (certificate, key) = (text(&certificate), text(&key));
    let other_key = others.key();
    let other_key = text(&other_key);
    let tls = |certificate, key| ["--tls-cert", certificate, "--tls-key", key];
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            folder,
            &["--listen", &address],
            &[
                "cannot listen on",
                &address,
                "in use",
                "--listen takes another",
            ],
        ),
        (
            folder,
            &["--management-listen", &address],
            &[
                "cannot listen on",
                &address,
                "--management-listen takes another",
            ],
        ),
        (
            regions,
            &[],
            &["several regions", "--region pl or --region ua"],
        ),
        (
            regions,
            &["--region", "fr"],
            &[
                "no realm is placed in region fr",
                "--region pl or --region ua",
            ],
        ),
        (
            folder,
            &tls("/nowhere/cert.pem", key),
            &[
                "/nowhere/cert.pem",
                "No such file",
                "that this user may read",
            ],
        ),
        (
            folder,
            &tls(folder, key),
            &["cannot read", "directory", "that this user may read"],
        ),
        (
            folder,
            &tls(key, key),
            &[
                "key.pem holds no CERTIFICATE",
                "-----BEGIN CERTIFICATE-----",
            ],
        ),
        (
            folder,
            &tls(certificate, certificate),
            &[
                "cert.pem holds no PRIVATE KEY",
                "-----BEGIN PRIVATE KEY-----",
            ],
        ),
        (
            folder,
            &tls(certificate, other_key),
            &["cannot be used together", "the key must be that of"],
        ),
        (
            folder,
            &["--host", "https://id.test/"],
            &["--host https://id.test/", "a name alone, such as id.test"],
        ),
        (
            folder,
            &["--host", "id.test"],
            &["over plain http", "--tls-cert and --tls-key"],
        ),
        (
            folder,
            // The name is of this machine, the address is everybody's.
            &["--listen", "0.0.0.0:0", "--host", "localhost"],
            &["over plain http", "--tls-cert and --tls-key"],
        ),
        (
            folder,
            &[&tls(certificate, key)[..], &["--listen", "0.0.0.0:0"]].concat(),
            &["no address that people can use", "--host"],
        ),
        ("/nowhere", &[], &["/nowhere is not a folder"]),
    ];
    for (folder, arguments, told) in cases {
        let listen: &[&str] = if arguments.contains(&"--listen") {
            &[]
        } else {
            &["--listen", "127.0.0.1:0"]
        };
        let arguments = [&["dev", "--no-demo", folder], listen, arguments].concat();
        assert_one_line("realmwright", &arguments, 3, told);
    }
}

/// One folder's state is of one region; whose it is, and how to go on, is said.
#[test]
fn dev_keeps_the_people_of_two_regions_apart() {
    let mut dev = Dev::start_with(regions_folder(), ANY_PORT, &["--region", "ua"]);
    assert_eq!(dev.stop(), Some(0));
    let folder = dev.folder();
    let arguments = [
        "dev",
        "--no-demo",
        "--listen",
        "127.0.0.1:0",
        "--region",
        "pl",
    ];
    let told = ["belongs to region ua in UA", ".realmwright", "remove it"];
    assert_one_line(
        "realmwright",
        &[&arguments[..], &[text(folder)]].concat(),
        3,
        &told,
    );
}

#[test]
fn idp_names_what_is_wrong_and_what_to_do() {
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, content).unwrap();
        text(&path).to_owned()
    };
    let folder = text(files.path());
    let source = format!("dir:{folder}");
    let sqlite = format!("{folder}/database");
    let other = file("mysql", "mysql://who:planted-password@127.0.0.1/db");
    let two = file("two", "postgres://a@127.0.0.1/x\npostgres://b@127.0.0.1/x");
    let closed = file("closed", "postgres://who:planted-password@127.0.0.1:1/db");
    let certificate = file("cert.pem", "nothing");
    let (_taken, address) = taken();
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["--source", "dir:/nowhere", "--sqlite", &sqlite],
            &["no source: /nowhere", "No such file", "--source takes"],
        ),
        (
            &["--source", &format!("dir:{other}"), "--sqlite", &sqlite],
            &["no source", "Not a directory", "--source takes"],
        ),
        (
            &["--source", &source, "--sqlite", "/nowhere/database"],
            &["/nowhere/database", "No such file"],
        ),
        (
            &["--source", &source, "--sqlite", &other],
            &["no SQLite database"],
        ),
        (
            &["--source", &source, "--database-url-file", "/nowhere"],
            &["cannot read the database URL from /nowhere", "No such file"],
        ),
        (
            &["--source", &source, "--database-url-file", folder],
            &["cannot read the database URL", "Is a directory"],
        ),
        (
            &["--source", &source, "--database-url-file", &other],
            &["its URL cannot be read", "postgres://user:password@host"],
        ),
        (
            &["--source", &source, "--database-url-file", &two],
            &["its URL cannot be read", "one line"],
        ),
        (
            &[
                "--source", &source, "--sqlite", &sqlite, "--listen", &address,
            ],
            &["cannot listen on", &address, "--listen takes another"],
        ),
        (
            &[
                "--source",
                &source,
                "--sqlite",
                &sqlite,
                "--management-listen",
                &address,
            ],
            &[
                "cannot listen on",
                &address,
                "--management-listen takes another",
            ],
        ),
        (
            &[
                "--source",
                &source,
                "--sqlite",
                &sqlite,
                "--tls-cert",
                &certificate,
                "--tls-key",
                &certificate,
            ],
            &[
                "cert.pem holds no CERTIFICATE",
                "-----BEGIN CERTIFICATE-----",
            ],
        ),
        (
            &["--source", &source, "--sqlite", &sqlite, "--log", "x=["],
            &["--log x=[ cannot be read", "it takes `info`"],
        ),
        (
            &["migrate", "--database-url-file", "/nowhere"],
            &["cannot read the database URL from /nowhere", "No such file"],
        ),
        (
            &["migrate", "--database-url-file", &closed],
            &["cannot migrate", "no connection to 127.0.0.1:1", "refused"],
        ),
    ];
    for (arguments, told) in cases {
        let mut arguments = arguments.to_vec();
        for option in ["--listen", "--management-listen"] {
            if arguments.first() != Some(&"migrate") && !arguments.contains(&option) {
                arguments.extend([option, "127.0.0.1:0"]);
            }
        }
        assert_one_line("realmwright-idp", &arguments, 1, told);
    }
}

/// Wrong usage is told from what cannot be done, and shows what is right.
#[test]
fn idp_tells_wrong_usage() {
    for (arguments, told) in [
        (
            &[][..],
            &["--source", "--database-url-file", "--sqlite"][..],
        ),
        (
            &["--source", "ftp:/x", "--sqlite", "/x"],
            &["`dir:` and a path"],
        ),
        (
            &["--source", "dir:/x"],
            &["--database-url-file", "--sqlite"],
        ),
        (&["migrate"], &["--database-url-file", "--sqlite"]),
        (
            &["--source", "dir:/x", "--sqlite", "/x", "--tls-cert", "/c"],
            &["--tls-key"],
        ),
        (&["serve"], &["unrecognized subcommand", "--help"]),
        (
            &["--source", "dir:/x", "--sqlite", "/x", "--listen", "8080"],
            &["an address and a port, such as 127.0.0.1:8080"],
        ),
    ] {
        let (code, said) = run("realmwright-idp", arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        for text in told {
            assert!(said.contains(text), "{arguments:?}: no {text:?} in: {said}");
        }
    }
    let (code, said) = run("realmwright-idp", &["--help"]);
    assert_eq!(code, Some(0));
    for text in [
        "migrate",
        "--source",
        "REALMWRIGHT_DATABASE_URL_FILE",
        "Examples:",
        "Exit status",
    ] {
        assert!(said.contains(text), "no {text:?} in: {said}");
    }
}
