//! Passwords: how a typed login finds an account and how its password is judged, so that unknown,
//! wrong, locked, barred and missing cannot be told apart from outside (AUTH-PWD).

pub(crate) mod change;
pub(crate) mod floor;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use realmwright_decision::attributes::Schema;
use realmwright_decision::facts::Application;
use realmwright_decision::matching::{Matched, resolve};
use realmwright_decision::password::{ChangeCause, SetBy};
use realmwright_decision::password_hash::PasswordHash;
use realmwright_decision::realm::PasswordDecisions;
use realmwright_snapshot::{PasswordHashing, PasswordMethod};
use realmwright_store::{Change, CredentialRow, PasswordState, SubjectId, SubjectState};
use secrecy::{ExposeSecret, SecretString};

use crate::Engine;
use crate::accounts::attributes::login_key;
use crate::api::{EngineFault, NewPasswordReason, PasswordRule, RequestContext};
use crate::attempts::{ADDRESS, Counted, Limit};
use crate::crypto::octets;
use crate::ports::{HashFault, Observation};
use crate::runtime_realm::RuntimeRealm;

/// Kind of the credential, as in its table.
pub(crate) const PASSWORD: &str = "password";

/// Longest password that is hashed, in bytes.
pub(crate) const LONGEST_PASSWORD: usize = 1024;

/// A password method with what decides for it.
#[derive(Debug)]
pub(crate) struct PreparedPassword {
    pub(crate) method: PasswordMethod,
    decisions: Arc<PasswordDecisions>,
}

impl PreparedPassword {
    pub(crate) const fn new(method: PasswordMethod, decisions: Arc<PasswordDecisions>) -> Self {
        Self { method, decisions }
    }

    /// The rules, for the page that asks for a new password.
    pub(crate) fn rules(&self) -> Vec<PasswordRule> {
        let policy = &self.method.policy;
        let mut rules = vec![PasswordRule::MinLength(policy.min_length)];
        if policy.min_groups > 0 {
            rules.push(self.groups_rule());
        }
        if policy.forbid_login {
            rules.push(PasswordRule::NotLogin);
        }
        let remembered = self.decisions.policy.remembered(SetBy::Demand);
        rules.push(PasswordRule::NotFormer(remembered));
        if let Some(count) = policy.min_differing {
            rules.push(PasswordRule::Differing(count));
        }
        rules
    }

    fn groups_rule(&self) -> PasswordRule {
        let policy = &self.method.policy;
        PasswordRule::Groups {
            min: policy.min_groups,
            names: policy
                .groups
                .iter()
                .map(|group| group.name.clone())
                .collect(),
        }
    }
}

/// Why a credential was refused. For the audit only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    UnknownAccount,
    Ambiguous,
    Wrong,
    Locked,
    Barred,
    NoCredential,
    /// The stored hash is not understood.
    Unusable,
}

/// What checking a password against one hash came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check {
    pub(crate) right: bool,
    /// See [`Judged::not_before`].
    not_before: Timestamp,
}

/// A judgement, and when it may be answered at the earliest.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) judgement: Judgement,
    /// The check began as early for everybody, and ends for everybody when the slowest of late
    /// would have ended.
    pub(crate) not_before: Timestamp,
}

/// What judging a password came to.
#[derive(Debug)]
pub(crate) enum Judgement {
    /// It is the right one of somebody who may log in.
    Passed(Box<PassedPassword>),
    /// It is not.
    Refused {
        /// Whose account was meant, when it is known.
        sub: Option<SubjectId>,
        /// For the audit.
        reason: Refused,
    },
}

/// A password that was right.
#[derive(Debug)]
pub(crate) struct PassedPassword {
    pub(crate) sub: SubjectId,
    /// To be written with whatever the login comes to.
    pub(crate) changes: Vec<Change>,
    /// Last use and a stronger hash; left out when somebody else has just written the row.
    pub(crate) credential: Change,
    /// Whether it must be changed, and whether that may be left for later.
    pub(crate) due: Option<(NewPasswordReason, bool)>,
}

/// Who is to be judged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who<'a> {
    /// Nobody is known: the login says who it is.
    Typed(&'a str),
    /// The person is known.
    Known(&'a SubjectId),
}

impl Engine {
    /// Counts the attempt, finds the account and verifies the password. The caller answers
    /// neither earlier than the realm's response floor nor than [`Judged::not_before`].
    pub(crate) async fn judge_password(
        &self,
        cx: &RequestContext,
        prepared: &PreparedPassword,
        client: &Application,
        who: Who<'_>,
        password: &SecretString,
    ) -> Result<Judged, EngineFault> {
        let realm = &cx.realm;
        let found = match who {
            Who::Known(sub) => Ok(sub.clone()),
            Who::Typed(login) => self.find_by_login(realm, prepared, client, login).await?,
        };
        let limits = password_limits(cx, prepared, who, found.as_ref().ok())?;
        let (barred, counted) = match self.count_attempts(realm, &limits).await? {
            Counted::Free => (false, limits.as_slice()),
            Counted::Barred { purpose, until } if purpose == ADDRESS => {
                self.ports
                    .observer
                    .observe(realm.id(), Observation::AddressBarred);
                let now = self.ports.clock.now();
                return Err(EngineFault::TooManyAttempts {
                    retry_after: until.duration_since(now).unsigned_abs(),
                });
            }
            Counted::Barred { purpose, .. } => {
                // Neither the barred one nor those behind it were counted.
                let before = limits.iter().take_while(|l| l.key.purpose != purpose);
                let before = before.count();
                (true, limits.get(..before).unwrap_or_default())
            }
        };
        let account = match &found {
            Ok(sub) => self.password_account(realm, sub).await?,
            Err(_) => None,
        };
        let credential = account
            .as_ref()
            .and_then(|(_, credential)| credential.as_ref());
        let stored = credential.and_then(|credential| self.stored_hash(realm, credential));
        let usable = stored.is_some();
        let hash = stored.unwrap_or_else(|| {
            let random = &*self.ports.random;
            PasswordHash::of_nobody(prepared.method.hashing, octets(random), octets(random))
        });
        let check = match self.verify(realm, password, hash).await {
            Ok(check) => check,
            Err(fault) => {
                // Nothing was judged, so nothing counts; and what was not counted is not given
                // back, or an overload would lift bars.
                let back = counted.iter().map(|limit| Change::UncountAttempt {
                    key: limit.key.clone(),
                });
                self.ports.store.commit(realm.id(), back.collect()).await?;
                return Err(fault);
            }
        };
        let judged = |judgement| Judged {
            judgement,
            not_before: check.not_before,
        };
        let refused = |reason| {
            Ok(judged(Judgement::Refused {
                sub: found.as_ref().ok().cloned(),
                reason,
            }))
        };
        let (state, credential) = match (&found, account) {
            (Err(reason), _) => return refused(*reason),
            (Ok(_), None) => return refused(Refused::UnknownAccount),
            (Ok(_), Some((_, None))) => return refused(Refused::NoCredential),
            (Ok(_), Some((state, Some(credential)))) => (state, credential),
        };
        if barred {
            return refused(Refused::Barred);
        }
        if !usable {
            return refused(Refused::Unusable);
        }
        if !check.right {
            return refused(Refused::Wrong);
        }
        if state == SubjectState::Locked {
            return refused(Refused::Locked);
        }
        let typed = match who {
            Who::Typed(login) => vec![login],
            Who::Known(_) => Vec::new(),
        };
        let due = due(
            prepared,
            &credential,
            password,
            &typed,
            self.ports.clock.now(),
        );
        self.passed(cx, prepared, credential, password, (&limits, due))
            .await
            .map(|passed| judged(Judgement::Passed(Box::new(passed))))
    }

    async fn passed(
        &self,
        cx: &RequestContext,
        prepared: &PreparedPassword,
        mut credential: CredentialRow,
        password: &SecretString,
        (limits, due): (&[Limit], Option<(NewPasswordReason, bool)>),
    ) -> Result<PassedPassword, EngineFault> {
        let now = self.ports.clock.now();
        let wanted = prepared.method.hashing;
        let stored = PasswordHash::parse(&credential.secret);
        if stored.is_ok_and(|stored| stored.is_weaker_than(wanted)) {
            match self
                .hash(&cx.realm, &prepared.method.hashing, password)
                .await
            {
                Ok(hash) => credential.secret = hash,
                // The next login will do it.
                Err(EngineFault::Busy { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
        credential.last_used_at = Some(now);
        Ok(PassedPassword {
            sub: credential.sub.clone(),
            changes: Self::forgiven(limits),
            credential: Change::UpdateCredential(credential),
            due,
        })
    }

    async fn password_account(
        &self,
        realm: &RuntimeRealm,
        sub: &SubjectId,
    ) -> Result<Option<(SubjectState, Option<CredentialRow>)>, EngineFault> {
        let store = &self.ports.store;
        let (subject, credentials) = futures::try_join!(
            store.subject(realm.id(), sub),
            store.credentials(realm.id(), sub)
        )?;
        Ok(subject.map(|subject| {
            (
                subject.state,
                credentials.into_iter().find(|row| row.kind == PASSWORD),
            )
        }))
    }

    /// The one account that a typed login finds (AUTH-MATCH-01 to 03).
    async fn find_by_login(
        &self,
        realm: &RuntimeRealm,
        prepared: &PreparedPassword,
        client: &Application,
        login: &str,
    ) -> Result<Result<SubjectId, Refused>, EngineFault> {
        /// More than these share a value only where it cannot identify anybody.
        const MOST: u32 = 50;
        let schema: &Schema = realm.attribute_schema();
        let mut found = Vec::new();
        for conditions in prepared
            .decisions
            .matching
            .alternatives(login.trim(), client, schema)
        {
            let mut of_rule = Vec::new();
            for condition in conditions {
                let subjects: BTreeSet<SubjectId> = if condition.attribute.as_str() == "sub" {
                    let sub = SubjectId(condition.value);
                    let row = self.ports.store.subject(realm.id(), &sub).await?;
                    row.map(|row| row.sub).into_iter().collect()
                } else {
                    let key = login_key(
                        &condition.attribute,
                        &condition.value,
                        condition.case_insensitive,
                    );
                    let rows = self.ports.store.lookup(realm.id(), &key, MOST).await?;
                    rows.into_iter().collect()
                };
                of_rule.push(subjects);
            }
            found.push(of_rule);
        }
        Ok(match resolve(&found) {
            Matched::One(sub) => Ok(sub),
            Matched::Nobody => Err(Refused::UnknownAccount),
            Matched::Ambiguous => Err(Refused::Ambiguous),
        })
    }

    /// The hash of a credential; none when it is not understood, which is an operator's to mend.
    pub(crate) fn stored_hash(
        &self,
        realm: &RuntimeRealm,
        credential: &CredentialRow,
    ) -> Option<PasswordHash> {
        match PasswordHash::parse(&credential.secret) {
            Ok(hash) => Some(hash),
            Err(fault) => {
                self.ports
                    .observer
                    .observe(realm.id(), Observation::PasswordHashNotUnderstood);
                tracing::error!(
                    realm = %realm.id(),
                    reason = %fault,
                    "a stored password hash cannot be checked against: its owner cannot log in \
                     until the password is set anew"
                );
                None
            }
        }
    }

    /// Whether the password has this hash.
    pub(crate) async fn verify(
        &self,
        realm: &RuntimeRealm,
        password: &SecretString,
        hash: PasswordHash,
    ) -> Result<Check, EngineFault> {
        let protection = &realm.snapshot.core.protection;
        if password.expose_secret().len() > LONGEST_PASSWORD {
            return Ok(Check {
                right: false,
                not_before: self.ports.clock.now(),
            });
        }
        let checked = self
            .ports
            .passwords
            .verify(password.clone(), hash, protection.password_queue)
            .await
            .map_err(|fault| self.hash_fault(realm, fault))?;
        if checked.took > protection.response_floor.as_duration() {
            self.ports
                .observer
                .observe(realm.id(), Observation::CheckSlowerThanFloor);
        }
        let now = self.ports.clock.now();
        let slowest = self.slowest_checks.note(realm.id(), checked.took, now);
        let rest = slowest.saturating_sub(checked.took);
        Ok(Check {
            right: checked.right,
            not_before: now.saturating_add(rest).unwrap_or(Timestamp::MAX),
        })
    }

    /// A new hash at the cost that the method asks for.
    pub(crate) async fn hash(
        &self,
        realm: &RuntimeRealm,
        cost: &PasswordHashing,
        password: &SecretString,
    ) -> Result<String, EngineFault> {
        let queue = realm.snapshot.core.protection.password_queue;
        let salt = octets(&*self.ports.random);
        self.ports
            .passwords
            .hash(password.clone(), salt, *cost, queue)
            .await
            .map_err(|fault| self.hash_fault(realm, fault))
    }

    fn hash_fault(&self, realm: &RuntimeRealm, fault: HashFault) -> EngineFault {
        match fault {
            HashFault::Busy { retry_after } => {
                self.ports
                    .observer
                    .observe(realm.id(), Observation::PasswordQueueFull);
                EngineFault::Busy { retry_after }
            }
            HashFault::Failed(_) => EngineFault::internal(fault),
        }
    }
}

fn password_limits(
    cx: &RequestContext,
    prepared: &PreparedPassword,
    who: Who<'_>,
    found: Option<&SubjectId>,
) -> Result<Vec<Limit>, EngineFault> {
    let realm = &cx.realm;
    let lockout = &prepared.method.lockout;
    let mut limits: Vec<Limit> = realm.address_limit(cx.address)?.into_iter().collect();
    let typed = match who {
        Who::Typed(login) => login,
        Who::Known(sub) => sub.0.as_str(),
    };
    limits.push(realm.login_limit(typed)?);
    limits.push(realm.method_limit(
        PASSWORD,
        found.ok_or(typed),
        lockout.failures,
        lockout.duration,
    )?);
    Ok(limits)
}

/// Whether a right password must be changed all the same.
fn due(
    prepared: &PreparedPassword,
    credential: &CredentialRow,
    password: &SecretString,
    names: &[&str],
    now: Timestamp,
) -> Option<(NewPasswordReason, bool)> {
    let demand = prepared.decisions.policy.demand(
        &prepared.method.policy_check,
        password_state(credential).must_change,
        credential.created_at,
        now,
        (password.expose_secret(), names),
    )?;
    let reason = match demand.cause {
        ChangeCause::PasswordReset => NewPasswordReason::MustChange,
        ChangeCause::PasswordExpired => NewPasswordReason::TooOld,
        ChangeCause::PasswordPolicyViolated => NewPasswordReason::Policy,
    };
    Some((reason, demand.may_skip))
}

/// What a password credential keeps beside its hash; a form that another build wrote counts as
/// nothing kept.
pub(crate) fn password_state(credential: &CredentialRow) -> PasswordState {
    serde_json::from_value(credential.state.clone()).unwrap_or_default()
}
