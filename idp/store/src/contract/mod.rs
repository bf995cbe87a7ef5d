//! The suite that every database crate runs: one generic test for each promise.
//!
//! A database crate implements [`Fixture`] and names it to [`contract_suite!`](crate::contract_suite).
//! A test is a public async function of one of the modules here that takes a fixture; one that
//! the macro does not list fails the suite.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]
#![expect(missing_docs, reason = "the name of a test says what it proves")]

pub mod accounts;
pub mod attempts;
pub mod crash;
pub mod denials;
pub mod documents;
pub mod erasure;
pub mod expiry;
pub mod isolation;
pub mod logins;
pub mod outbox;
pub mod races;
pub mod samples;
pub mod schema;
pub mod sessions;
pub mod throughput;
pub mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use realmwright_snapshot::RealmId;

use crate::{Change, Committed, Outcome, Refusal, Store};

/// A database of its own for one test.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The store, migrated.
    fn store(&self) -> Arc<dyn Store>;
    /// Another store on the same database, as another process has one.
    async fn another(&self) -> Arc<dyn Store>;
    /// A store on a new, empty database.
    async fn empty(&self) -> Arc<dyn Store>;
    /// All tables with their columns.
    async fn columns(&self) -> BTreeMap<String, Vec<String>>;
    /// All rows of a table, as text; times and ids may take any form, texts are readable.
    async fn dump(&self, table: &str) -> Vec<String>;
    /// Runs a statement that both databases understand.
    async fn execute(&self, statement: String);
}

/// Defines one `#[tokio::test]` for each test of the suite. `$open` names an async function that
/// gives a [`Fixture`], or none where its database cannot be had and that was said.
#[macro_export]
macro_rules! contract_suite {
    ($open:path) => {
        $crate::contract_suite! { @tests $open;
            accounts: inserts_and_reads_a_person;
            accounts: refuses_a_taken_store_key;
            accounts: refuses_a_taken_unique_value_and_names_it;
            accounts: lets_people_share_a_value_that_is_not_unique;
            accounts: frees_a_unique_value_that_was_changed;
            accounts: replaces_and_removes_attributes_by_version;
            accounts: keeps_attributes_of_every_type;
            accounts: keeps_the_class_of_an_attribute;
            accounts: searches_in_pages;
            accounts: searches_by_several_values;
            accounts: locks_and_unlocks;
            accounts: replaces_roles_and_groups;
            accounts: keeps_credentials_oldest_first;
            accounts: changes_a_credential_only_at_its_version;
            accounts: refuses_rows_of_a_person_who_is_not_there;
            accounts: takes_texts_of_any_kind;
            attempts: bars_at_the_limit_and_forgets_after_the_bar;
            attempts: bars_until_the_window_ends_without_a_bar;
            attempts: starts_a_new_window_after_the_old_one;
            attempts: resets_and_takes_back;
            attempts: a_lower_limit_bars_at_once;
            attempts: a_refused_commit_counts_nothing;
            crash: keeps_what_it_acknowledged;
            denials: reads_back_what_was_recorded;
            denials: hides_and_sweeps_what_has_expired;
            denials: refuses_a_taken_id_and_nobody;
            documents: a_person_is_the_sum_of_the_parts;
            documents: a_grant_stands_as_its_parts_do;
            documents: a_grant_tells_what_has_ended;
            erasure: every_table_has_a_rule;
            erasure: leaves_no_trace_of_a_person;
            erasure: keeps_everybody_else;
            erasure: exports_what_the_rules_say_and_no_secret;
            expiry: hides_what_has_expired;
            expiry: sweeps_what_has_expired_in_batches;
            expiry: purges_audit_events_by_age;
            expiry: purges_dead_letters_by_age;
            expiry: the_offset_shifts_the_clock;
            isolation: finds_nothing_across_realms;
            isolation: changes_nothing_across_realms;
            logins: saves_steps_by_version;
            logins: finishes_once;
            outbox: leases_and_completes;
            outbox: backs_off_and_dies;
            outbox: serves_only_the_realms_it_was_asked_for;
            outbox: counts_the_dead_of_the_realms_it_was_asked_for;
            outbox: pages_through_events;
            races: redeem_a_code_once;
            races: rotate_a_refresh_token_once;
            races: use_an_identifier_once;
            races: take_a_login_step_once;
            races: pass_a_totp_code_once;
            races: stop_at_the_attempt_limit;
            races: give_a_unique_value_to_one_person;
            races: lease_an_outbox_row_once;
            races: end_a_session_with_every_grant;
            races: opposite_orders_of_locks_all_commit;
            schema: migrates_an_empty_database_and_a_current_one;
            schema: migrates_once_when_many_try;
            schema: refuses_an_empty_database_to_serve_from;
            schema: refuses_a_schema_that_is_too_new;
            schema: admits_a_newer_schema_that_admits_it;
            schema: belongs_to_its_first_owner;
            schema: says_that_a_row_is_not_ours;
            sessions: reads_back_a_session;
            sessions: touches_a_session;
            sessions: ends_its_grants_with_a_session;
            sessions: ends_the_other_sessions_of_a_person;
            sessions: refuses_a_grant_of_an_ended_session;
            tokens: reads_back_a_grant;
            tokens: tells_used_from_unknown_codes;
            tokens: rotates_refresh_tokens;
            tokens: remembers_what_was_used_until_its_grant_expires;
            tokens: ends_all_tokens_with_their_grant;
            tokens: ends_grants_of_a_client;
            tokens: keeps_opaque_access_tokens;
            tokens: revokes_by_jti;
            tokens: uses_once_until_it_expires;
            tokens: remembers_consents;
            tokens: refuses_all_when_it_refuses_one;
        }
    };
    (@tests $open:path; $($module:ident: $name:ident;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let Some(fixture) = $open().await else {
                    return;
                };
                $crate::contract::$module::$name(&fixture).await;
            }
        )*

        /// Every test of the suite is listed above.
        #[test]
        fn the_suite_is_complete() {
            let listed: &[(&str, &str)] = &[$((stringify!($module), stringify!($name))),*];
            $crate::contract::assert_complete(listed);
        }
    };
}

const SOURCES: &[(&str, &str)] = &[
    ("accounts", include_str!("accounts.rs")),
    ("attempts", include_str!("attempts.rs")),
    ("crash", include_str!("crash.rs")),
    ("denials", include_str!("denials.rs")),
    ("documents", include_str!("documents.rs")),
    ("erasure", include_str!("erasure.rs")),
    ("expiry", include_str!("expiry.rs")),
    ("isolation", include_str!("isolation.rs")),
    ("logins", include_str!("logins.rs")),
    ("outbox", include_str!("outbox.rs")),
    ("races", include_str!("races.rs")),
    ("schema", include_str!("schema.rs")),
    ("sessions", include_str!("sessions.rs")),
    ("tokens", include_str!("tokens.rs")),
];

/// Fails when a module has a test that `listed` does not name.
pub fn assert_complete(listed: &[(&str, &str)]) {
    for (module, source) in SOURCES {
        for line in source.lines() {
            let Some(rest) = line.strip_prefix("pub async fn ") else {
                continue;
            };
            if rest.contains("(store: ") {
                continue;
            }
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            assert!(
                listed.contains(&(module, name)),
                "{module}::{name} is not in contract_suite!"
            );
        }
    }
}

fn realm() -> RealmId {
    RealmId::from("acme.people")
}

/// Commits what must be accepted.
async fn done(store: &dyn Store, changes: Vec<Change>) -> Committed {
    done_in(store, &realm(), changes).await
}

async fn done_in(store: &dyn Store, realm: &RealmId, changes: Vec<Change>) -> Committed {
    match store.commit(realm, changes).await.unwrap() {
        Outcome::Done(committed) => committed,
        Outcome::Refused { index, reason } => panic!("change {index} was refused: {reason:?}"),
    }
}

/// Commits what must be refused, and says why it was.
async fn refused(store: &dyn Store, changes: Vec<Change>) -> (usize, Refusal) {
    match store.commit(&realm(), changes).await.unwrap() {
        Outcome::Done(_) => panic!("nothing was refused"),
        Outcome::Refused { index, reason } => (index, reason),
    }
}

/// Commits one change that must be refused.
async fn refusal(store: &dyn Store, change: Change) -> Refusal {
    refused(store, vec![change]).await.1
}
