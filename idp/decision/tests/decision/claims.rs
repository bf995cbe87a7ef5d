use realmwright_decision::claims::*;
use realmwright_decision::expression::{Compiled, Scope};
use realmwright_decision::roles::VisibleRoles;
use realmwright_snapshot::*;
use serde_json::json;

use crate::fixture::*;

fn set(claims: &[ClaimSnapshot]) -> ClaimSet {
    ClaimSet::compile(claims, &environment(Scope::Claim)).unwrap()
}

fn roles() -> VisibleRoles {
    VisibleRoles {
        realm: ["admin".into(), "staff".into()].into(),
        clients: [("demo".into(), ["editor".into()].into())].into(),
    }
}

fn made(list: &[ClaimSnapshot], world: &World, roles: &VisibleRoles) -> serde_json::Value {
    claims([&set(list)], Target::IdToken, &world.facts(), roles).into()
}

fn made_simply(list: &[ClaimSnapshot]) -> serde_json::Value {
    made(list, &World::default(), &VisibleRoles::default())
}

fn fault(claim: ClaimSnapshot) -> ClaimFaultKind {
    let mut faults = ClaimSet::compile(&[claim], &environment(Scope::Claim)).unwrap_err();
    faults.remove(0).kind
}

/// KC-MAP-01.
#[test]
fn kc_map_01_an_attribute_keeps_its_type_and_an_absent_one_is_left_out() {
    let list = [
        claim("email", ClaimSource::Attribute("email".into())),
        claim("level", ClaimSource::Attribute("level".into())),
        claim("enabled", ClaimSource::Attribute("active".into())),
        claim("apps", ClaimSource::Attribute("appList".into())),
        claim("expires", ClaimSource::Attribute("accountExpires".into())),
    ];
    assert_eq!(
        made_simply(&list),
        json!({"email": "ann@example.com", "level": 3, "enabled": true, "apps": ["demo", "mail"]})
    );
    let mut world = World::default();
    let attributes = &mut world.person.as_mut().unwrap().attributes;
    attributes.insert("photo".into(), AttributeValue::Bytes(vec![0xff, 0]));
    attributes.insert("memberOf".into(), AttributeValue::StringList(Vec::new()));
    let list = [
        claim("photo", ClaimSource::Attribute("photo".into())),
        claim("groups", ClaimSource::Attribute("memberOf".into())),
    ];
    assert_eq!(made(&list, &world, &roles()), json!({"photo": "/wA="}));
}

/// KC-MAP-02.
#[test]
fn kc_map_02_a_constant() {
    let list = [
        claim(
            "myotherclaim",
            ClaimSource::Constant(json!("My Other Claim")),
        ),
        claim("nothing", ClaimSource::Constant(json!(null))),
    ];
    assert_eq!(
        made_simply(&list),
        json!({"myotherclaim": "My Other Claim", "nothing": null})
    );
}

/// KC-MAP-08.
#[test]
fn kc_map_08_an_expression_over_person_client_and_session() {
    let list = [
        claim(
            "name",
            ClaimSource::Expression("person.given_name + ' ' + person.family_name".into()),
        ),
        claim("via", ClaimSource::Expression("client.id".into())),
        claim("methods", ClaimSource::Expression("session.methods".into())),
        claim(
            "gone",
            ClaimSource::Expression("person.accountExpires + '!'".into()),
        ),
        claim("empty", ClaimSource::Expression("''".into())),
        claim(
            "until",
            ClaimSource::Expression("now + duration('1h')".into()),
        ),
    ];
    let world = World {
        session: Some(session_by(&[proof("password", 1, 1)])),
        ..World::default()
    };
    assert_eq!(
        made(&list, &world, &roles()),
        json!({
            "name": "Ann Lee", "via": "demo", "methods": ["password"],
            "until": now().as_second() + 3600,
        })
    );
}

#[test]
fn dots_make_nested_objects() {
    let list = [
        claim("address.country", ClaimSource::Constant(json!("UA"))),
        claim("address.city", ClaimSource::Constant(json!("Kyiv"))),
        claim(r"https://x\.example/tier", ClaimSource::Constant(json!(1))),
    ];
    assert_eq!(
        made_simply(&list),
        json!({"address": {"country": "UA", "city": "Kyiv"}, "https://x.example/tier": 1})
    );
    let clash = [
        claim("address", ClaimSource::Constant(json!("x"))),
        claim("address.city", ClaimSource::Constant(json!("y"))),
    ];
    let faults = ClaimSet::compile(&clash, &environment(Scope::Claim)).unwrap_err();
    assert!(matches!(faults[0].kind, ClaimFaultKind::Nested(..)));
    assert_eq!(faults[0].index, 1);
}

/// KC-MAP-05, KC-ROLE-03.
#[test]
fn kc_map_05_and_kc_role_03_roles_and_no_key_for_an_empty_set() {
    let list = [
        claim("realm_access.roles", ClaimSource::RealmRoles),
        claim("resource_access", ClaimSource::ClientRoles(None)),
        claim("editor_of", ClaimSource::ClientRoles(Some("demo".into()))),
        claim("other", ClaimSource::ClientRoles(Some("mail".into()))),
    ];
    assert_eq!(
        made(&list, &World::default(), &roles()),
        json!({
            "realm_access": {"roles": ["admin", "staff"]},
            "resource_access": {"demo": ["editor"]},
            "editor_of": ["editor"],
        })
    );
    assert_eq!(made_simply(&list), json!({}));
}

/// KC-MAP-04.
#[test]
fn kc_map_04_groups_by_full_path_or_name() {
    let list = [
        claim("groups", ClaimSource::Groups { full_path: true }),
        claim("names", ClaimSource::Groups { full_path: false }),
    ];
    assert_eq!(
        made_simply(&list),
        json!({"groups": ["/Staff", "/Staff/Ops"], "names": ["Ops", "Staff"]})
    );
    let mut world = World::default();
    world.person.as_mut().unwrap().groups.clear();
    assert_eq!(made(&list, &world, &roles()), json!({}));
}

/// FLOW-26, OIDC-63.
#[test]
fn oidc_63_flow_26_a_claim_of_the_session() {
    let list = [claim("grps", ClaimSource::SessionClaim("grps".to_owned()))];
    let mut session = session_by(&[proof("password", 1, 1)]);
    session.claims.insert("grps".into(), json!(["a"]));
    let world = World {
        session: Some(session),
        ..World::default()
    };
    assert_eq!(made(&list, &world, &roles()), json!({"grps": ["a"]}));
    assert_eq!(made_simply(&list), json!({}));
    assert_eq!(
        fault(claim("x", ClaimSource::SessionClaim("grp".to_owned()))),
        ClaimFaultKind::UnknownSessionClaim("grp".to_owned(), Some("grps".to_owned()))
    );
}

/// KC-MAP-07.
#[test]
fn kc_map_07_each_answer_has_its_own_claims() {
    let with = |name: &str, targets| ClaimSnapshot {
        targets,
        ..claim(name, ClaimSource::Constant(json!(1)))
    };
    let set = set(&[
        with("i", targets(true, false, false)),
        with("a", targets(false, true, false)),
        with("u", targets(false, false, true)),
        with("none", targets(false, false, false)),
    ]);
    let world = World::default();
    let of = |target| {
        let made = claims([&set], target, &world.facts(), &roles());
        made.keys().cloned().collect::<String>()
    };
    assert_eq!(
        (
            of(Target::IdToken),
            of(Target::AccessToken),
            of(Target::UserInfo)
        ),
        ("i".to_owned(), "a".to_owned(), "u".to_owned())
    );
}

/// KC-MAP-06.
#[test]
fn kc_map_06_the_clients_own_claims_win() {
    let of_scope = set(&[claim("x", ClaimSource::Constant(json!("scope")))]);
    let of_client = set(&[claim("x", ClaimSource::Constant(json!("client")))]);
    let world = World::default();
    let made = claims(
        [&of_scope, &of_client],
        Target::IdToken,
        &world.facts(),
        &roles(),
    );
    assert_eq!(made["x"], "client");
    let nested = set(&[claim("x.y", ClaimSource::Constant(json!(1)))]);
    let made = claims(
        [&of_scope, &nested],
        Target::IdToken,
        &world.facts(),
        &roles(),
    );
    assert_eq!(made["x"], json!({"y": 1}), "of two shapes the later stands");
}

#[test]
fn claims_of_the_protocol_are_never_overridden() {
    for name in [
        "iss", "sub", "aud", "exp", "nonce", "sid", "scope", "cnf", "aud.x", "act.sub", "active",
    ] {
        assert!(is_protected(name), "{name}");
        let kind = fault(claim(name, ClaimSource::Constant(json!(1))));
        assert_eq!(kind, ClaimFaultKind::Protected(name.to_owned()));
    }
    for name in ["email", "subject", "x.sub", "name"] {
        assert!(!is_protected(name), "{name}");
    }
}

/// APP-06.
#[test]
fn app_06_the_internal_subject_leaves_through_no_claim() {
    assert_eq!(
        fault(claim("id", ClaimSource::Attribute("sub".into()))),
        ClaimFaultKind::Subject
    );
    for scope in [Scope::Claim, Scope::SessionClaim] {
        let text = "'u:' + person.sub".into();
        let faults = Compiled::compile(&text, &environment(scope)).unwrap_err();
        assert_eq!(
            faults[0].message,
            "`sub` leaves only as the subject of tokens"
        );
    }
}

#[test]
fn faulty_claims_are_refused() {
    assert_eq!(
        fault(claim("x", ClaimSource::Attribute("emial".into()))),
        ClaimFaultKind::UnknownAttribute("emial".to_owned(), Some("email".to_owned()))
    );
    assert!(matches!(
        fault(claim("a..b", ClaimSource::RealmRoles)),
        ClaimFaultKind::EmptyName(_)
    ));
    assert!(matches!(
        fault(claim("", ClaimSource::RealmRoles)),
        ClaimFaultKind::EmptyName(_)
    ));
    let text = ClaimSource::Expression("login.typed".into());
    assert!(matches!(
        fault(claim("x", text)),
        ClaimFaultKind::Expression(_)
    ));
}

#[test]
fn a_client_in_its_own_name_has_no_claims_of_people() {
    let list = [
        claim("email", ClaimSource::Attribute("email".into())),
        claim("groups", ClaimSource::Groups { full_path: true }),
        claim("via", ClaimSource::Expression("client.id".into())),
    ];
    let world = World {
        person: None,
        ..World::default()
    };
    assert_eq!(
        made(&list, &world, &VisibleRoles::default()),
        json!({"via": "demo"})
    );
}

/// KC-MAP-03.
#[test]
fn kc_map_03_audiences_of_client_and_scopes() {
    let provider = "https://id.example.com";
    let mut client = oidc();
    let albums = ScopeSnapshot {
        audiences: ["albums".to_owned()].into(),
        ..scope("albums")
    };
    let value = |client: &OidcClient, granted: &[ScopeSnapshot]| {
        audience_value(&audiences(client, granted, provider))
    };
    assert_eq!(
        value(&client, &[]),
        json!(provider),
        "without any it is for the provider"
    );
    assert_eq!(
        value(&client, std::slice::from_ref(&albums)),
        json!("albums")
    );
    client.audiences = ["mail".to_owned()].into();
    assert_eq!(value(&client, &[albums]), json!(["albums", "mail"]));
}
