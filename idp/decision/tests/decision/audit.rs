use std::collections::BTreeSet;

use realmwright_decision::audit::*;
use realmwright_decision::password::ChangeCause;
use realmwright_snapshot::{AttributeValue, DataClass, GrantType};
use serde_json::json;

const CANARY: &str = "canary@example.com";

fn events() -> Vec<AuditEvent> {
    let scopes = vec!["openid".into(), "email".into()];
    let text = || Some(AttributeValue::String(CANARY.to_owned()));
    vec![
        AuditEvent::AuthReq,
        AuditEvent::Login {
            auth_methods: vec!["password".into(), "totp".into()],
            authn_done: true,
            used_login: Some(CANARY.to_owned()),
            id_store: "internal".to_owned(),
            alt_pswd_cause: Some(ChangeCause::PasswordExpired),
            access_rule: Some("staff".to_owned()),
        },
        AuditEvent::LoginFailed {
            error: LoginError::Denied("network".to_owned()),
            failed_method: Some("password".into()),
            auth_methods: Vec::new(),
            used_login: Some(CANARY.to_owned()),
            pswd_tmp_locked: true,
            tried_old_pswd: false,
            error_id: None,
        },
        AuditEvent::LoginStopped {
            auth_methods: Vec::new(),
            failed_method: None,
            used_login: Some(CANARY.to_owned()),
        },
        AuditEvent::Logout,
        AuditEvent::LogoutReq,
        AuditEvent::TokenGranted {
            grant_type: GrantType::AuthorizationCode,
            oauth_scopes: scopes.clone(),
        },
        AuditEvent::TokenReused {
            grant_type: GrantType::RefreshToken,
        },
        AuditEvent::AssertionReplayed,
        AuditEvent::ClientAuthFailed {
            error: ClientAuthError::WrongSecret,
            times: 3,
        },
        AuditEvent::AuthzGranted {
            oauth_scopes: scopes.clone(),
        },
        AuditEvent::AuthzRejected {
            oauth_scopes: scopes.clone(),
        },
        AuditEvent::AuthzRevoked {
            oauth_scopes: scopes,
        },
        AuditEvent::TotpAttached {
            device: "c1".to_owned(),
        },
        AuditEvent::TotpDetached {
            device: "c1".to_owned(),
        },
        AuditEvent::RecoveryCodeUsed { left: 3 },
        AuditEvent::UserLocked,
        AuditEvent::UserUnlocked,
        AuditEvent::UserPasswordChanged {
            alt_pswd_cause: None,
        },
        AuditEvent::ResetUserPassword,
        AuditEvent::NeedPasswordChange {
            alt_pswd_cause: ChangeCause::PasswordReset,
        },
        AuditEvent::ResetUserSessions,
        AuditEvent::AttributeChanged {
            attr_name: "email".into(),
            old: text(),
            new: text(),
            data_class: DataClass::Personal,
        },
        AuditEvent::MembershipChanged {
            roles: Some(Changed::default()),
            groups: Some(Changed {
                old: vec![CANARY.to_owned()],
                new: vec![CANARY.to_owned()],
            }),
        },
        AuditEvent::InternalUserDeleted {
            id_store: "internal".to_owned(),
        },
        AuditEvent::Registration {
            entry_point: EntryPoint::Rest,
            id_store: "internal".to_owned(),
        },
        AuditEvent::RequiredFactorChanged {
            old_factor: 1,
            new_factor: 2,
        },
        AuditEvent::KeyReplaced(KeyReplaced {
            purpose: "sign ES256".to_owned(),
            former: "k1".to_owned(),
            successor: Some("k2".to_owned()),
            cause: KeyCause::Compromised,
            at: jiff::Timestamp::UNIX_EPOCH,
        }),
    ]
}

fn record(event: AuditEvent) -> AuditRecord {
    AuditRecord {
        event,
        context: AuditContext {
            actor: Some(Actor::Person("u1".to_owned())),
            object: Some("u2".to_owned()),
            client: Some("demo".into()),
            protocol: Some(Protocol::OAuth),
            client_auth: Some(ClientAuth::RedirectUri),
            process: Some("p1".to_owned()),
            session: Some("s1".to_owned()),
            ip: Some("::ffff:203.0.113.7".parse().unwrap()),
            user_agent: Some(CANARY.to_owned()),
        },
    }
}

/// EVENT-TYPE.
#[test]
fn event_type_the_kinds_of_the_catalogue() {
    let kinds: Vec<&str> = events().iter().map(AuditEvent::kind).collect();
    for kind in [
        "auth_req",
        "login",
        "login_failed",
        "login_stopped",
        "logout",
        "logout_req",
        "token_granted",
        "authz_granted",
        "authz_rejected",
        "authz_revoked",
        "totp_attached",
        "totp_detached",
        "user_locked",
        "user_unlocked",
        "user_password_changed",
        "reset_user_password",
        "need_password_change",
        "reset_user_sessions",
        "attribute_changed",
        "internal_user_deleted",
        "registration",
        "required_factor_changed",
    ] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    let distinct: BTreeSet<&str> = kinds.iter().copied().collect();
    assert_eq!(distinct.len(), kinds.len(), "one kind for one event");
}

/// REGION-RES-02.
#[test]
fn region_res_02_the_log_gets_nothing_personal_from_any_event() {
    for event in events() {
        let record = record(event);
        let (kind, log) = record.log();
        let text = serde_json::to_string(&log).unwrap();
        assert!(
            !text.contains(CANARY) && !text.contains("203.0.113"),
            "{kind}: {text}"
        );
        assert_eq!(log["session_id"], "s1", "{kind} can still be joined");
        let (_, row) = record.row();
        assert_eq!(row["ip"], "203.0.113.7");
        assert!(row.len() > log.len());
    }
}

#[test]
fn an_attribute_that_is_pseudonymous_may_be_logged_and_a_medical_one_may_not() {
    let changed = |data_class| {
        record(AuditEvent::AttributeChanged {
            attr_name: "level".into(),
            old: None,
            new: Some(AttributeValue::Number(5)),
            data_class,
        })
    };
    assert_eq!(
        changed(DataClass::Pseudonymous).log().1["new_attr_value"],
        5
    );
    assert!(
        !changed(DataClass::Medical)
            .log()
            .1
            .contains_key("new_attr_value")
    );
    assert!(
        !changed(DataClass::Pseudonymous)
            .row()
            .1
            .contains_key("old_attr_value")
    );
}

/// EVENT-26.
#[test]
fn event_26_and_27_say_what_happened() {
    let events = events();
    let (kind, row) = record(events[1].clone()).row();
    assert_eq!(kind, "login");
    assert_eq!(
        serde_json::Value::Object(row),
        json!({
            "subject_id": "u1", "object_id": "u2", "lp_id": "demo", "protocol": "OAuth",
            "client_auth_method": "redirectUri", "process_id": "p1", "session_id": "s1",
            "ip": "203.0.113.7", "user_agent": CANARY, "auth_methods": "password totp",
            "authnDone": true, "used_login": CANARY, "id_store": "internal",
            "alt_pswd_cause": "password_expired", "access_rule": "staff",
        })
    );
    let (_, row) = record(events[2].clone()).row();
    assert_eq!(row["error"], "denied");
    assert_eq!(row["rule"], "network");
    assert_eq!(row["pswd_tmp_locked"], true);
}

#[test]
fn what_is_not_known_has_no_field() {
    let record = AuditRecord {
        event: AuditEvent::AuthReq,
        context: AuditContext::default(),
    };
    assert!(record.row().1.is_empty());
    let record = AuditRecord {
        event: AuditEvent::ResetUserSessions,
        context: AuditContext {
            actor: Some(Actor::Client("console".into())),
            object: Some("u2".to_owned()),
            ..AuditContext::default()
        },
    };
    assert_eq!(
        serde_json::Value::Object(record.row().1),
        json!({"actor_client": "console", "object_id": "u2"})
    );
}

#[test]
fn every_field_is_named_once() {
    for event in events() {
        let record = record(event);
        let names: BTreeSet<&str> = record.fields().iter().map(|field| field.name).collect();
        assert_eq!(
            names.len(),
            record.fields().len(),
            "{}",
            record.event.kind()
        );
    }
}
