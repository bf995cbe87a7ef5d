use realmwright_decision::scopes::*;
use realmwright_snapshot::{ClientScopes, ScopeSnapshot};

use crate::fixture::*;

fn realm() -> std::collections::BTreeMap<realmwright_snapshot::ScopeName, ScopeSnapshot> {
    scopes(vec![
        scope("openid"),
        scope("profile"),
        scope("albums:view"),
        scope("albums:create"),
        scope("albums:delete"),
        ScopeSnapshot {
            in_token: false,
            ask_consent: false,
            ..scope("quiet")
        },
        ScopeSnapshot {
            system: true,
            ..scope("realmwright:accounts")
        },
    ])
}

fn of_client(default: &str, allowed: &str) -> ClientScopes {
    ClientScopes {
        default: names(default).into_iter().collect(),
        allowed: names(allowed).into_iter().collect(),
    }
}

const ALL: &str = "openid profile albums:view albums:create albums:delete realmwright:accounts";

fn decide(client: &ClientScopes, requested: &str, grantor: Grantor) -> Result<String, ScopeFault> {
    decide_scopes(&realm(), client, &names(requested), grantor)
        .map(|granted| scope_text(&realm(), granted.scopes()))
}

/// OIDC-14.
#[test]
fn oidc_14_only_allowed_scopes_and_none_is_dropped_in_silence() {
    let client = of_client("openid", "openid profile");
    let person = |requested| decide(&client, requested, Grantor::Person);
    assert_eq!(person("profile openid").unwrap(), "profile openid");
    assert_eq!(person("openid openid").unwrap(), "openid");
    assert_eq!(
        person("openid albums:view nowhere"),
        Err(ScopeFault::NotAllowed(names("albums:view nowhere")))
    );
    let nothing = of_client("", "");
    assert!(
        decide(&nothing, "openid", Grantor::Person).is_err(),
        "an empty list allows none"
    );
}

/// OIDC-15.
#[test]
fn oidc_15_defaults_when_none_is_asked_for() {
    let client = of_client("openid profile", "openid profile albums:view");
    assert_eq!(
        decide(&client, "", Grantor::Person).unwrap(),
        "openid profile"
    );
    assert_eq!(
        decide(&client, "openid", Grantor::Person).unwrap(),
        "openid"
    );
    let none = of_client("", "openid");
    assert_eq!(
        decide(&none, "", Grantor::Person),
        Err(ScopeFault::NothingRequested)
    );
}

/// OIDC-57.
#[test]
fn oidc_57_system_scopes_only_in_the_clients_own_name() {
    let client = of_client("openid realmwright:accounts", ALL);
    assert_eq!(
        decide(&client, "openid realmwright:accounts", Grantor::Person),
        Err(ScopeFault::SystemScope(names("realmwright:accounts")))
    );
    assert_eq!(
        decide(&client, "realmwright:accounts", Grantor::Client).unwrap(),
        "realmwright:accounts"
    );
    assert_eq!(
        decide(&client, "realmwright:accounts openid", Grantor::Client),
        Err(ScopeFault::PersonScope(names("openid")))
    );
    // A default system scope never slips into a person's grant, nor the other way.
    assert_eq!(decide(&client, "", Grantor::Person).unwrap(), "openid");
    assert_eq!(
        decide(&client, "", Grantor::Client).unwrap(),
        "realmwright:accounts"
    );
    let people_only = of_client("openid", ALL);
    assert_eq!(
        decide(&people_only, "", Grantor::Client),
        Err(ScopeFault::NothingRequested)
    );
}

/// KC-SC-05.
#[test]
fn kc_sc_05_without_openid_there_is_no_id_token() {
    let granted = decide_scopes(
        &realm(),
        &of_client("", ALL),
        &names("profile"),
        Grantor::Person,
    );
    assert!(!granted.unwrap().has_openid());
    let granted = decide_scopes(
        &realm(),
        &of_client("", ALL),
        &names("openid"),
        Grantor::Person,
    );
    assert!(granted.unwrap().has_openid());
}

#[test]
fn scopes_that_are_not_named_stay_out_of_tokens() {
    assert_eq!(
        scope_text(&realm(), &names("openid quiet profile gone")),
        "openid profile"
    );
}

#[test]
fn a_refresh_never_widens_and_loses_what_was_taken_away() {
    let narrow = |client: &ClientScopes, requested: &str| {
        narrow_scopes(
            &realm(),
            client,
            &names("openid profile albums:view"),
            &names(requested),
        )
        .map(Granted::into_scopes)
    };
    let client = of_client("", ALL);
    assert_eq!(
        narrow(&client, "").unwrap(),
        names("openid profile albums:view")
    );
    assert_eq!(narrow(&client, "openid").unwrap(), names("openid"));
    assert_eq!(
        narrow(&client, "openid albums:create"),
        Err(ScopeFault::Wider(names("albums:create")))
    );
    assert_eq!(
        narrow(&of_client("", "openid"), "").unwrap(),
        names("openid")
    );
    assert_eq!(
        narrow(&of_client("", ""), ""),
        Err(ScopeFault::NothingRequested)
    );
}

fn consent(
    required: bool,
    granted: &str,
    remembered: &str,
    prompt: ConsentPrompt,
) -> ConsentDecision {
    decide_consent(
        &realm(),
        required,
        &names(granted),
        &names(remembered),
        prompt,
    )
}

/// KC-CONS-01.
#[test]
fn kc_cons_01_asks_only_where_required_and_only_for_what_is_new() {
    use ConsentPrompt::{Again, AsNeeded};
    assert_eq!(
        consent(false, "openid profile", "", AsNeeded),
        ConsentDecision::Granted
    );
    assert_eq!(
        consent(true, "openid profile", "openid", AsNeeded),
        ConsentDecision::Ask {
            scopes: names("profile"),
            known: names("openid"),
            remember: names("openid profile"),
        }
    );
    assert_eq!(
        consent(true, "openid", "profile openid", AsNeeded),
        ConsentDecision::Granted
    );
    assert_eq!(
        consent(true, "quiet", "", AsNeeded),
        ConsentDecision::Granted
    );
    assert_eq!(
        consent(true, "openid", "openid profile", Again),
        ConsentDecision::Ask {
            scopes: names("openid"),
            known: names("openid"),
            remember: names("openid profile"),
        }
    );
    assert!(matches!(
        consent(false, "openid", "", Again),
        ConsentDecision::Ask { .. }
    ));
}

/// KC-SC-04.
#[test]
fn kc_sc_04_each_request_consents_to_one_more_and_yields_only_what_it_asks() {
    let client = of_client("albums:view", "albums:view albums:create albums:delete");
    let mut remembered = Vec::new();
    for (requested, new) in [
        ("albums:view albums:create", "albums:view albums:create"),
        ("albums:view albums:delete", "albums:delete"),
    ] {
        let granted = decide_scopes(&realm(), &client, &names(requested), Grantor::Person).unwrap();
        assert_eq!(granted.scopes(), names(requested), "never all three");
        let decision = decide_consent(
            &realm(),
            true,
            granted.scopes(),
            &remembered,
            ConsentPrompt::AsNeeded,
        );
        let ConsentDecision::Ask {
            scopes, remember, ..
        } = decision
        else {
            panic!("{decision:?}");
        };
        assert_eq!(scopes, names(new));
        remembered = remember;
    }
    assert_eq!(remembered, names("albums:view albums:create albums:delete"));
}
