//! What `docs/running.md` says of the database, and what a person is told who does otherwise.

use std::time::{Duration, Instant};

use realmwright_store_postgres::testing::{Durability, Server};

use crate::support::binaries::repository;
use crate::support::dev::{ANY_PORT, Dev, edit, scenario_folder};
use crate::support::pods::{Pod, PodSettings};
use crate::support::region_database::RegionDatabase;

fn assert_told((code, said): &(Option<i32>, String), told: &[&str]) {
    assert_eq!(*code, Some(1), "{said}");
    for text in told {
        assert!(said.contains(text), "no {text:?} in:\n{said}");
    }
}

/// Design.md section 5: `migrate` needs the owner, and pods need no right to define tables.
#[test]
fn migrate_needs_the_owner_and_pods_only_rows() {
    let dev = Dev::start();
    let database = RegionDatabase::prepare();
    let pod = || PodSettings::anywhere(&dev.published(), database.serve_url_file());

    let unmigrated = pod().start_in_vain();
    assert_told(&unmigrated, &["no schema yet", "`realmwright-idp migrate`"]);
    let by_pod = RegionDatabase::migrate(&database.serve_url_file());
    assert_told(&by_pod, &["cannot migrate", "permission denied"]);
    for _ in 0..2 {
        let (code, said) = RegionDatabase::migrate(&database.owner_url_file());
        assert_eq!(code, Some(0), "{said}");
    }
    for definition in [
        "CREATE TABLE mine (a INT)",
        "CREATE SCHEMA mine",
        "CREATE TEMPORARY TABLE mine (a INT)",
        "ALTER TABLE subjects ADD COLUMN mine INT",
        "DROP TABLE subjects",
        "TRUNCATE subjects",
        "CREATE INDEX ON subjects (store)",
    ] {
        let refused = database.run_as_pod(definition);
        assert!(!refused.status.success(), "{definition}");
    }
    assert_eq!(Pod::start(pod()).stop(), Some(0));
}

/// The remedy that the page names for a database whose pods were given no rights.
#[test]
fn a_pod_without_rights_says_so_and_goes_on_when_it_has_them() {
    let dev = Dev::start();
    let database = RegionDatabase::migrated();
    database.run_as_owner("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM realmwright_serve");
    let pod = Pod::start_unready(
        PodSettings::anywhere(&dev.published(), database.serve_url_file()),
        "permission denied for table meta",
    );
    let remedy = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO \
                  realmwright_serve;";
    let page = std::fs::read_to_string(repository().join("docs/running.md")).unwrap();
    assert!(page.contains(remedy));
    database.run_as_owner(remedy);
    pod.wait_until_ready();
}

/// Design.md promise 6: a database belongs to one region of one country.
#[test]
fn a_database_of_another_region_or_country_is_refused() {
    let dev = Dev::start();
    let database = RegionDatabase::migrated();
    let of = |dev: &Dev| PodSettings::anywhere(&dev.published(), database.serve_url_file());
    assert_eq!(Pod::start(of(&dev)).stop(), Some(0));

    for (file, from, to, other) in [
        (
            "region.yaml",
            "country: UA",
            "country: PL",
            "region ua in PL",
        ),
        ("region.yaml", "name: ua", "name: west", "region west in UA"),
    ] {
        let folder = scenario_folder();
        edit(folder.path(), file, from, to);
        if from == "name: ua" {
            edit(folder.path(), "realm.yaml", "region: ua", "region: west");
        }
        let elsewhere = Dev::start_with(folder, ANY_PORT, &[]);
        assert_told(
            &of(&elsewhere).start_in_vain(),
            &["belongs to region ua in UA", other],
        );
    }
    assert_eq!(Pod::start(of(&dev)).stop(), Some(0), "its own goes on");
}

/// A pod starts while its database is away, says so, and is ready once it comes back.
#[test]
fn a_pod_starts_without_its_database_and_finds_it() {
    let dev = Dev::start();
    let server = Server::start(Durability::OperatingSystem).expect("PostgreSQL");
    let database = RegionDatabase::prepare_on(&server.url()).with_schema();
    server.crash();
    let end = Instant::now() + Duration::from_secs(20);
    while database.run_as_pod("SELECT 1").status.success() {
        assert!(Instant::now() < end, "it does not die");
    }
    let pod = Pod::start_unready(
        PodSettings::anywhere(&dev.published(), database.serve_url_file()),
        "Connection refused",
    );
    server.restart();
    pod.wait_until_ready();
}
