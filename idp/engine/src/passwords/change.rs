//! A new password: judged by the policy and the history, then written.

use realmwright_store::{Change, CredentialId, CredentialRow, PasswordState, SubjectId};
use secrecy::{ExposeSecret, SecretString};

use realmwright_decision::password::{NewPassword, SetBy, Violation};
use realmwright_decision::password_hash::PasswordHash;

use super::{LONGEST_PASSWORD, PASSWORD, PreparedPassword, password_state};
use crate::Engine;
use crate::api::{EngineFault, PasswordRule};
use crate::crypto::uuid;
use crate::runtime_realm::RuntimeRealm;

/// A password to be judged and written.
#[derive(Debug)]
pub(crate) struct PasswordChange<'a> {
    pub(crate) realm: &'a RuntimeRealm,
    pub(crate) prepared: &'a PreparedPassword,
    pub(crate) sub: &'a SubjectId,
    /// The stored one, when there is one.
    pub(crate) stored: Option<&'a CredentialRow>,
    pub(crate) by: SetBy,
    /// Names that it must not hold.
    pub(crate) names: &'a [String],
    /// The former one as typed, when it was asked for and is right.
    pub(crate) former: Option<&'a str>,
    pub(crate) password: &'a SecretString,
}

impl Engine {
    /// The rules that a new password breaks, the history among them.
    pub(crate) async fn broken_rules(
        &self,
        change: &PasswordChange<'_>,
    ) -> Result<Vec<PasswordRule>, EngineFault> {
        let prepared = change.prepared;
        let settings = &prepared.method.policy;
        let text = change.password.expose_secret();
        if text.len() > LONGEST_PASSWORD {
            return Ok(vec![PasswordRule::MaxLength(settings.max_length)]);
        }
        let names: Vec<&str> = change.names.iter().map(String::as_str).collect();
        let judge = |used_before| {
            prepared.decisions.policy.violations(&NewPassword {
                text,
                present: change.former,
                names: &names,
                used_before,
                changed_at: change.stored.map(|stored| stored.created_at),
                set_by: change.by,
                now: self.ports.clock.now(),
            })
        };
        let mut violations = judge(false);
        if violations.is_empty() && self.used_before(change).await? {
            violations = judge(true);
        }
        Ok(violations
            .into_iter()
            .map(|violation| match violation {
                Violation::TooShort { min } => PasswordRule::MinLength(min),
                Violation::TooLong { max } => PasswordRule::MaxLength(max),
                Violation::Common => PasswordRule::Dictionary,
                Violation::TooFewGroups { .. } => prepared.groups_rule(),
                Violation::HoldsLogin => PasswordRule::NotLogin,
                Violation::UsedBefore { history } => PasswordRule::NotFormer(history),
                Violation::TooSoon { .. } => PasswordRule::TooYoung,
                Violation::TooSimilar { min } => PasswordRule::Differing(min),
            })
            .collect())
    }

    /// Whether it is one of those that it must differ from.
    async fn used_before(&self, change: &PasswordChange<'_>) -> Result<bool, EngineFault> {
        let Some(stored) = change.stored else {
            return Ok(false);
        };
        let depth = change.prepared.decisions.policy.remembered(change.by);
        let state = password_state(stored);
        let former = std::iter::once(&stored.secret).chain(&state.history);
        for hash in former.take(depth as usize) {
            // What is not understood is nobody's password.
            let Ok(hash) = PasswordHash::parse(hash) else {
                continue;
            };
            let check = self.verify(change.realm, change.password, hash).await?;
            if check.right {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Hashes a password that was judged, as the change that writes it.
    pub(crate) async fn write_password(
        &self,
        change: &PasswordChange<'_>,
        must_change: bool,
    ) -> Result<Change, EngineFault> {
        let cost = &change.prepared.method.hashing;
        let hash = self.hash(change.realm, cost, change.password).await?;
        let depth = change.prepared.method.policy.history;
        Ok(self.password_row(change.sub, change.stored, hash, must_change, depth))
    }

    /// The change that puts `hash` in place of what is stored.
    pub(crate) fn password_row(
        &self,
        sub: &SubjectId,
        stored: Option<&CredentialRow>,
        hash: String,
        must_change: bool,
        history: u32,
    ) -> Change {
        let now = self.ports.clock.now();
        let former = stored.map(|stored| {
            let state = password_state(stored);
            std::iter::once(stored.secret.clone())
                .chain(state.history)
                // The current one counts towards the depth, so one less is kept behind it.
                .take(history.saturating_sub(1) as usize)
                .collect()
        });
        let state = PasswordState {
            must_change,
            history: former.unwrap_or_default(),
        };
        let state = serde_json::to_value(state).unwrap_or_default();
        match stored {
            Some(stored) => Change::UpdateCredential(CredentialRow {
                secret: hash,
                state,
                created_at: now,
                ..stored.clone()
            }),
            None => Change::InsertCredential(CredentialRow {
                id: CredentialId(uuid(&*self.ports.random)),
                sub: sub.clone(),
                kind: PASSWORD.to_owned(),
                label: String::new(),
                secret: hash,
                state,
                created_at: now,
                last_used_at: None,
                version: 0,
            }),
        }
    }
}
