use std::collections::BTreeSet;

use jiff::Timestamp;
use realmwright_engine::accounts::{
    Account, AccountChange, AccountCredential, AccountSession, AccountState, BuiltIn, Denial,
    JudgedAtom, JudgedRule, Moment, NewAccount, NewPassword, RefusalRecord, RuleList, Verdict, Why,
};
use realmwright_snapshot::{DataClass, Digest};
use serde_json::{Value, json};

use super::*;
use crate::api::ApiPath;

const COMMITTED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/reference/accounts-api.json"
);

fn described() -> Value {
    serde_json::from_str(&document()).unwrap()
}

fn fields(schema: &str) -> BTreeSet<String> {
    described()["components"]["schemas"][schema]["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

fn keys(value: &impl serde::Serialize) -> BTreeSet<String> {
    serde_json::to_value(value)
        .unwrap()
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

/// `REALMWRIGHT_WRITE=1 cargo test -p realmwright-web openapi` writes the file anew.
#[test]
fn the_committed_description_is_current() {
    if std::env::var_os("REALMWRIGHT_WRITE").is_some() {
        std::fs::create_dir_all(std::path::Path::new(COMMITTED).parent().unwrap()).unwrap();
        std::fs::write(COMMITTED, document()).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap();
    assert_eq!(committed, document(), "write it anew, see above");
}

#[test]
fn every_path_and_method_is_described() {
    let described = described();
    let paths = described["paths"].as_object().unwrap();
    let mut expected = 0;
    for path in ApiPath::ALL {
        if path == ApiPath::Description {
            continue;
        }
        let item = paths[path.path()].as_object().unwrap();
        for method in path.methods() {
            let operation = &item[&method.to_lowercase()];
            assert!(operation["summary"].is_string(), "{method} {}", path.path());
            assert!(operation["security"].is_array(), "{method} {}", path.path());
            expected += 1;
        }
    }
    let all: usize = paths
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum();
    assert_eq!(all, expected);
}

#[test]
fn answers_have_the_fields_that_are_described() {
    let at = Timestamp::UNIX_EPOCH;
    let credential = AccountCredential {
        id: String::new(),
        kind: String::new(),
        label: String::new(),
        created_at: at,
        last_used_at: None,
    };
    assert_eq!(keys(&credential), fields("AccountCredential"));
    let account = Account {
        sub: String::new(),
        store: String::new(),
        name: String::new(),
        state: AccountState::Active,
        required_factors: 0,
        attributes: [].into(),
        roles: Vec::new(),
        groups: Vec::new(),
        credentials: vec![credential],
        created_at: at,
        updated_at: at,
        version: 1,
    };
    assert_eq!(keys(&account), fields("Account"));
    let session = AccountSession {
        id: String::new(),
        created_at: at,
        last_used_at: at,
        expires_at: at,
        user_agent: None,
        address: None,
        methods: Vec::new(),
        clients: Vec::new(),
    };
    assert_eq!(keys(&session), fields("AccountSession"));
}

/// Every shape of a refusal has the fields that are described.
#[test]
fn denials_have_the_fields_that_are_described() {
    let rule = JudgedRule {
        list: RuleList::Deny,
        name: String::new(),
        truth: Some(Verdict::True),
        class: DataClass::Personal,
        condition: Some(Digest::of(b"")),
        atoms: vec![JudgedAtom {
            at: 0,
            truth: Verdict::False,
            class: DataClass::Personal,
        }],
        left_out: 0,
    };
    assert_eq!(keys(&rule), fields("JudgedRule"));
    assert_eq!(keys(&rule.atoms[0]), fields("JudgedAtom"));
    let denial = |why| Denial {
        id: String::new(),
        at: Timestamp::UNIX_EPOCH,
        expires_at: Timestamp::UNIX_EPOCH,
        realm: "a".into(),
        region: "b".into(),
        client: "c".into(),
        sub: None,
        digest: String::new(),
        class: String::new(),
        record: RefusalRecord {
            moment: Moment::Entry,
            revision: 1,
            why,
        },
    };
    let whys = [
        Why::Flow {
            flow: "f".into(),
            rule: rule.clone(),
        },
        Why::Access { rules: vec![rule] },
        Why::BuiltIn {
            rule: BuiltIn::NoMethodLeft,
        },
    ];
    let described = described();
    let shapes = described["components"]["schemas"]["Why"]["oneOf"]
        .as_array()
        .unwrap();
    assert_eq!(shapes.len(), whys.len());
    for (why, shape) in whys.into_iter().zip(shapes) {
        let expected: BTreeSet<String> = shape["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(keys(&why), expected);
        let by = &shape["properties"]["by"]["enum"][0];
        assert_eq!(&serde_json::to_value(&why).unwrap()["by"], by);
        assert_eq!(keys(&denial(why)), fields("Denial"));
    }
    let names = |schema: &str| described["components"]["schemas"][schema]["enum"].clone();
    let moments = [
        Moment::Entry,
        Moment::AfterStep,
        Moment::BeforeCode,
        Moment::Redemption,
        Moment::Refresh,
    ];
    assert_eq!(json!(moments), names("Moment"));
    let verdicts = [
        Verdict::True,
        Verdict::False,
        Verdict::Absent,
        Verdict::NotIdentified,
        Verdict::Failed,
    ];
    assert_eq!(json!(verdicts), names("Verdict"));
    let lists = [
        RuleList::Deny,
        RuleList::Entry,
        RuleList::AfterStep,
        RuleList::Access,
    ];
    assert_eq!(json!(lists), names("RuleList"));
}

/// The engine refuses unknown fields and names those it knows.
fn known<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
    let Err(fault) = serde_json::from_value::<T>(json!({"no such field": 1})) else {
        panic!("unknown fields are accepted");
    };
    fault
        .to_string()
        .split('`')
        .skip(3)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn requests_have_the_fields_that_are_described() {
    assert_eq!(known::<NewAccount>(), fields("NewAccount"));
    assert_eq!(known::<NewPassword>(), fields("NewPassword"));
    assert_eq!(known::<AccountChange>(), fields("AccountChange"));
}
