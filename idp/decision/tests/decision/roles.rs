use std::collections::BTreeSet;

use realmwright_decision::facts::{parse_role, role_text};
use realmwright_decision::roles::RoleCatalogue;
use realmwright_snapshot::{RoleRef, RoleScope, ScopeSnapshot};

use crate::fixture::*;

fn refs(roles: &[&str]) -> BTreeSet<RoleRef> {
    roles.iter().map(|role| parse_role(role)).collect()
}

fn catalogue() -> RoleCatalogue {
    RoleCatalogue::new(&realm())
}

/// KC-ROLE-05.
#[test]
fn kc_role_05_a_role_brings_its_whole_chain() {
    let held = catalogue().effective(refs(&["admin"]));
    assert_eq!(held, refs(&["admin", "staff", "demo:editor", "everyone"]));
}

/// KC-ROLE-01.
#[test]
fn kc_role_01_default_roles_are_everybodys() {
    assert_eq!(catalogue().effective([]), refs(&["everyone"]));
}

#[test]
fn roles_that_are_no_longer_declared_are_gone() {
    let held = catalogue().effective(refs(&["ghost", "demo:ghost", "other:editor", "staff"]));
    assert_eq!(held, refs(&["staff", "demo:editor", "everyone"]));
}

#[test]
fn a_cycle_ends() {
    let mut realm = realm();
    let staff = realm.core.roles.get_mut("staff").unwrap();
    staff.includes.insert(parse_role("admin"));
    let held = RoleCatalogue::new(&realm).effective(refs(&["staff"]));
    assert!(held.contains(&parse_role("admin")));
}

/// KC-ROLE-02.
#[test]
fn kc_role_02_an_application_sees_the_intersection() {
    let held = catalogue().effective(refs(&["admin"]));
    let visible = |scope: &RoleScope, scopes: &[ScopeSnapshot]| {
        let visible = catalogue().visible(&held, scope, scopes);
        let realm = visible.realm.iter().map(ToString::to_string);
        let clients = visible
            .clients
            .iter()
            .flat_map(|(client, roles)| roles.iter().map(move |r| format!("{client}:{r}")));
        realm.chain(clients).collect::<Vec<_>>()
    };
    assert_eq!(
        visible(&RoleScope::Full, &[]),
        ["admin", "everyone", "staff", "demo:editor"]
    );
    assert!(visible(&RoleScope::Only(BTreeSet::new()), &[]).is_empty());
    assert_eq!(
        visible(&RoleScope::Only(refs(&["everyone"])), &[]),
        ["everyone"]
    );
    assert_eq!(
        visible(&RoleScope::Only(refs(&["staff"])), &[]),
        ["staff", "demo:editor"],
        "a role in scope lets what it includes through"
    );
    // KC-ROLE-04: a scope lets a role through only when it is granted.
    let editors = ScopeSnapshot {
        roles: refs(&["demo:editor"]),
        ..scope("editors")
    };
    assert_eq!(
        visible(&RoleScope::Only(BTreeSet::new()), &[editors]),
        ["demo:editor"]
    );
    let nobody = catalogue().effective([]);
    let none = catalogue().visible(&nobody, &RoleScope::Only(refs(&["admin"])), []);
    assert!(
        none.realm.is_empty() && none.clients.is_empty(),
        "what is not held is not seen"
    );
}

#[test]
fn role_names_travel_as_text() {
    for text in ["admin", "demo:editor", "https://x.example:editor"] {
        assert_eq!(role_text(&parse_role(text)), text);
    }
    assert_eq!(parse_role("demo:editor").client, Some("demo".into()));
}

#[test]
fn only_declared_roles_are_known() {
    assert!(catalogue().declares(&parse_role("demo:editor")));
    assert!(!catalogue().declares(&parse_role("demo:viewer")));
    assert!(!catalogue().declares(&parse_role("editor")));
}
