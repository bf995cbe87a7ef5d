use jiff::SignedDuration;
use realmwright_decision::password::*;
use realmwright_snapshot::{CharacterGroup, PasswordPolicy, PolicyCheck, PolicyCheckMode};

use crate::fixture::*;

fn new_password(text: &str) -> NewPassword<'_> {
    NewPassword {
        text,
        present: None,
        names: &["Ann", "ann.lee@example.com"],
        used_before: false,
        changed_at: None,
        set_by: SetBy::Owner,
        now: now(),
    }
}

fn of(settings: &PasswordPolicy, password: &NewPassword<'_>) -> Vec<Violation> {
    Policy::compile(settings).unwrap().violations(password)
}

fn violations(text: &str) -> Vec<Violation> {
    of(&policy(), &new_password(text))
}

#[test]
fn a_good_password_violates_nothing() {
    assert_eq!(violations("Correct4Horse"), []);
    assert_eq!(violations("Пароль-2026"), [], "letters of any script count");
}

/// AUTH-PWDPOL-01.
#[test]
fn auth_pwdpol_01_length_in_characters() {
    assert_eq!(violations("Abc123!"), [Violation::TooShort { min: 8 }]);
    assert_eq!(violations("Äöü123!x"), [], "characters, not bytes");
    let long = "Aa1!".repeat(17);
    assert_eq!(violations(&long), [Violation::TooLong { max: 64 }]);
    let huge = "Aa1!".repeat(1_000_000);
    let changed = NewPassword {
        present: Some(&huge),
        ..new_password(&huge)
    };
    assert_eq!(
        of(&policy(), &changed),
        [Violation::TooLong { max: 64 }],
        "and nothing more is done"
    );
}

/// AUTH-PWDPOL-02.
#[test]
fn auth_pwdpol_02_dictionary_without_regard_to_case() {
    assert_eq!(violations("Password1!x"), []);
    assert_eq!(violations("Password1!"), [Violation::Common]);
}

/// AUTH-PWDPOL-03.
#[test]
fn auth_pwdpol_03_and_04_groups() {
    assert_eq!(
        violations("abcdefgh1"),
        [Violation::TooFewGroups {
            min: 3,
            missing: vec!["upper".to_owned(), "special".to_owned()],
        }]
    );
    let mut settings = policy();
    settings.groups[0].min = 3;
    settings.min_groups = 4;
    assert_eq!(
        of(&settings, &new_password("Abcdefg12!")),
        [Violation::TooFewGroups {
            min: 4,
            missing: vec!["digits".to_owned()],
        }]
    );
    assert_eq!(of(&settings, &new_password("Abcdefg123!")), []);
}

/// AUTH-PWDPOL-05.
#[test]
fn auth_pwdpol_05_history() {
    let used = NewPassword {
        used_before: true,
        ..new_password("Correct4Horse")
    };
    assert_eq!(of(&policy(), &used), [Violation::UsedBefore { history: 3 }]);
}

/// AUTH-PWD-07, AUTH-PWDPOL-05.
#[test]
fn owners_never_choose_the_present_password_again() {
    let remembered = |history, set_by| {
        let mut settings = policy();
        settings.history = history;
        Policy::compile(&settings).unwrap().remembered(set_by)
    };
    for set_by in [SetBy::Owner, SetBy::Demand] {
        assert_eq!(remembered(0, set_by), 1);
        assert_eq!(remembered(1, set_by), 1);
        assert_eq!(remembered(3, set_by), 3);
    }
    assert_eq!(remembered(0, SetBy::Administrator), 0);
    assert_eq!(remembered(3, SetBy::Administrator), 3);
}

/// AUTH-PWDPOL-06.
#[test]
fn auth_pwdpol_06_youngest_age_binds_the_owner_only() {
    let changed_at = now() - SignedDuration::from_mins(30);
    let by = |set_by| NewPassword {
        changed_at: Some(changed_at),
        set_by,
        ..new_password("Correct4Horse")
    };
    let after = changed_at + SignedDuration::from_hours(1);
    assert_eq!(
        of(&policy(), &by(SetBy::Owner)),
        [Violation::TooSoon { after }]
    );
    assert_eq!(of(&policy(), &by(SetBy::Demand)), []);
    assert_eq!(of(&policy(), &by(SetBy::Administrator)), []);
    let mut settings = policy();
    settings.min_age = None;
    assert_eq!(of(&settings, &by(SetBy::Owner)), []);
}

/// AUTH-PWD-03, AUTH-PWDPOL-07.
#[test]
fn auth_pwdpol_07_oldest_age_and_auth_pwd_03_check_at_login() {
    let compiled = Policy::compile(&policy()).unwrap();
    let check = |mode, allow_skip| PolicyCheck { mode, allow_skip };
    let always = check(PolicyCheckMode::Always, true);
    let never = check(PolicyCheckMode::Never, true);
    let days_ago = |days: i64| now() - SignedDuration::from_hours(24 * days);
    let demand = |check: &PolicyCheck, must_change, days, text: &str| {
        compiled
            .demand(check, must_change, days_ago(days), now(), (text, &["ann"]))
            .map(|demand| (demand.cause, demand.may_skip))
    };
    assert_eq!(demand(&never, false, 89, "weak"), None);
    assert_eq!(
        demand(&never, false, 90, "Correct4Horse"),
        Some((ChangeCause::PasswordExpired, false))
    );
    assert_eq!(
        demand(&always, true, 0, "Correct4Horse"),
        Some((ChangeCause::PasswordReset, false))
    );
    assert_eq!(
        demand(&always, false, 0, "weak"),
        Some((ChangeCause::PasswordPolicyViolated, true))
    );
    assert_eq!(demand(&always, false, 0, "Correct4Horse"), None);
    let strict = check(PolicyCheckMode::Always, false);
    assert_eq!(
        demand(&strict, false, 0, "weak"),
        Some((ChangeCause::PasswordPolicyViolated, false))
    );
}

/// AUTH-PWDPOL-08.
#[test]
fn auth_pwdpol_08_characters_that_differ() {
    let changed = |present| NewPassword {
        present,
        ..new_password("Correct4Horse")
    };
    assert_eq!(
        of(&policy(), &changed(Some("Correct5Horse"))),
        [Violation::TooSimilar { min: 3 }]
    );
    assert_eq!(of(&policy(), &changed(Some("Battery9Staple"))), []);
    assert_eq!(
        of(&policy(), &changed(None)),
        [],
        "only where the present one is known"
    );
}

#[test]
fn the_login_is_no_part_of_a_password() {
    assert_eq!(violations("xxANN.LEExx1"), [Violation::HoldsLogin]);
    assert_eq!(
        violations("Hanna4Banana"),
        [Violation::HoldsLogin],
        "`ann` in any case"
    );
    let mut settings = policy();
    settings.forbid_login = false;
    assert_eq!(of(&settings, &new_password("Hanna4Banana")), []);
    let short = NewPassword {
        names: &["al", ""],
        ..new_password("Royal4Horses")
    };
    assert_eq!(of(&policy(), &short), [], "short names are everywhere");
}

#[test]
fn all_violations_are_named_together() {
    let found = violations("ann1");
    assert_eq!(found.len(), 3, "{found:?}");
    let json = serde_json::to_value(&found[0]).unwrap();
    assert_eq!(json, serde_json::json!({"rule": "tooShort", "min": 8}));
}

#[test]
fn a_faulty_group_is_named_and_a_password_is_never_shown() {
    let mut settings = policy();
    settings.groups.push(CharacterGroup {
        name: "bad".to_owned(),
        characters: "[a".to_owned(),
        min: 1,
    });
    let faults = Policy::compile(&settings).unwrap_err();
    assert_eq!(faults[0].group, 4);
    assert!(!format!("{:?}", new_password("Secret4Horse")).contains("Secret"));
}
