//! What people answer, judged and followed.

use realmwright_decision::audit::{AuditEvent, LoginError};
use realmwright_decision::facts::Authentication;
use realmwright_decision::flow::{Decision, Machine, Offer, OfferKind, RuleName};
use realmwright_decision::password::{ChangeCause, SetBy};
use realmwright_decision::scopes::ConsentDecision;
use realmwright_protocol::oauth2::ErrorCode;
use realmwright_protocol::seal::SealPurpose;
use realmwright_snapshot::{MethodKind, MethodName, MethodSnapshot, ScopeName, TotpMethod};
use realmwright_store::{Change, ConsentRow, CredentialRow, SubjectId};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::generator::{CodeJudgement, RECOVERY_CODES};
use super::page::CODES_CONTEXT;
use super::state::Stage;
use super::{MOST_WRONG, Run, gone};
use crate::Engine;
use crate::api::{Answer, EngineFault, NewPasswordReason, Notice, PasswordRule, Reply};
use crate::audit::{by_person, circumstances};
use crate::passwords::change::PasswordChange;
use crate::passwords::{Judgement, PASSWORD, Refused, Who};
use crate::ports::Observation;
use crate::sessions::LiveSession;

impl Engine {
    /// Judges an answer to the current step. An answer to another kind of step shows the current
    /// one again.
    pub(super) async fn answer(&self, mut run: Run, answer: Answer) -> Result<Reply, EngineFault> {
        run.state.notice = None;
        match (&run.state.stage, answer) {
            (_, Answer::Cancel) => self.cancel(run).await,
            (Stage::Ask { .. }, Answer::OtherWay) => self.other_way(run).await,
            (Stage::Ask { .. }, Answer::Choose(method)) => self.choose(run, &method).await,
            (Stage::Ask { .. }, Answer::Password { login, password }) => {
                Box::pin(self.password(run, login, password)).await
            }
            (Stage::Ask { .. }, Answer::Code(code)) => Box::pin(self.code(run, code)).await,
            (Stage::Ask { .. }, Answer::RecoveryCode(code)) => {
                Box::pin(self.recovery(run, code)).await
            }
            (Stage::RecoveryCodes { .. }, Answer::RecoveryCodesSeen) => {
                Box::pin(self.decide_step(run, None)).await
            }
            (
                Stage::NewPassword { .. },
                Answer::NewPassword {
                    current,
                    password,
                    repeated,
                },
            ) => Box::pin(self.new_password(run, current, password, repeated)).await,
            (Stage::NewPassword { .. }, Answer::SkipNewPassword) => self.skip_password(run).await,
            (Stage::Consent { shown }, Answer::Consent) => {
                let shown = shown.clone();
                self.consent(run, &shown).await
            }
            (Stage::Consent { .. }, Answer::RefuseConsent) => self.refuse_consent(run).await,
            _ => self.stale(run).await,
        }
    }

    /// The method that is being answered, when it is of the kind that the answer needs.
    fn chosen(run: &Run) -> Option<(Offer, Option<String>, MethodSnapshot)> {
        let (offer, seed) = run.state.chosen()?;
        let method = run.cx.realm.snapshot.methods.get(&offer.method)?;
        Some((offer.clone(), seed.map(str::to_owned), method.clone()))
    }

    async fn stale(&self, mut run: Run) -> Result<Reply, EngineFault> {
        run.state.notice = Some(Notice::StaleStep);
        self.show_again(run).await
    }

    /// Shows the choice, where there is one.
    async fn other_way(&self, mut run: Run) -> Result<Reply, EngineFault> {
        match &mut run.state.stage {
            Stage::Ask {
                offers,
                chosen,
                seed,
            } if offers.len() > 1 => {
                *chosen = None;
                *seed = None;
                self.show_again(run).await
            }
            _ => self.stale(run).await,
        }
    }

    async fn choose(&self, mut run: Run, method: &MethodName) -> Result<Reply, EngineFault> {
        let Stage::Ask { offers, .. } = &run.state.stage else {
            return self.stale(run).await;
        };
        let Some(chosen) = offers.iter().find(|offer| offer.method == *method) else {
            return self.stale(run).await;
        };
        run.state.stage = self.ask_for(&run, offers.clone(), chosen)?;
        self.show_again(run).await
    }

    async fn password(
        &self,
        run: Run,
        login: String,
        password: SecretString,
    ) -> Result<Reply, EngineFault> {
        let Some((_, _, method)) = Self::chosen(&run) else {
            return self.stale(run).await;
        };
        let Some(prepared) = run.cx.realm.password_method(&method.name) else {
            return self.stale(run).await;
        };
        let known = run.state.subject();
        let who = known.as_ref().map_or(Who::Typed(&login), Who::Known);
        let floor = self.response_floor(&run);
        let judged = self
            .judge_password(&run.cx, prepared, &run.valid.application(), who, &password)
            .await;
        let (reply, floor) = match judged {
            Ok(judged) => {
                let floor = floor.max(judged.not_before);
                let judgement = judged.judgement;
                let reply = self.password_judged(run, &method, &login, judgement);
                (reply.await, floor)
            }
            Err(fault) => (Err(fault), floor),
        };
        self.ports.clock.sleep_until(floor).await;
        reply
    }

    /// No answer to a credential comes earlier (design, section 8).
    fn response_floor(&self, run: &Run) -> jiff::Timestamp {
        let floor = run.cx.realm.snapshot.core.protection.response_floor;
        crate::sessions::later(self.ports.clock.now(), floor)
    }

    async fn password_judged(
        &self,
        mut run: Run,
        method: &MethodSnapshot,
        login: &str,
        judgement: Judgement,
    ) -> Result<Reply, EngineFault> {
        if run.state.sub.is_none() {
            run.state.typed = Some(login.trim().chars().take(256).collect());
        }
        let passed = match judgement {
            Judgement::Refused { sub, reason } => {
                return self
                    .refused(run, method, sub, reason, Notice::WrongPassword)
                    .await;
            }
            Judgement::Passed(passed) => *passed,
        };
        let Some(record) = self.person(&run.cx.realm, &passed.sub).await? else {
            let reason = Refused::UnknownAccount;
            return self
                .refused(run, method, None, reason, Notice::WrongPassword)
                .await;
        };
        let before = run.state.clone();
        run.changes.extend(passed.changes);
        run.soft.push(passed.credential);
        run.state.password_due = passed.due;
        run.state.sub = Some(passed.sub.0.clone());
        run.person = Some(record);
        // Somebody who is right about the password, and still cannot get in, learns no more than
        // somebody who is wrong.
        if let Some(hidden) = self.hopeless(&run, method)? {
            run.state = before;
            run.person = None;
            run.changes.clear();
            run.soft.clear();
            return self
                .refused(run, method, Some(passed.sub), hidden, Notice::WrongPassword)
                .await;
        }
        if let Some((reason, _)) = run.state.password_due {
            let event = AuditEvent::NeedPasswordChange {
                alt_pswd_cause: cause(reason),
            };
            self.note(&mut run, event);
        }
        Box::pin(self.decide_step(run, Some(method))).await
    }

    /// Whether the flow has nothing left for this person, without the author having said so.
    fn hopeless(&self, run: &Run, method: &MethodSnapshot) -> Result<Option<Refused>, EngineFault> {
        let now = self.ports.clock.now();
        let pass = run.state.pass.clone().with(authentication(method, now));
        let session = run.session_of_person().map(LiveSession::facts);
        let decided = run.decide(now, session.as_ref(), |machine, situation| {
            machine.after_step(situation, &pass)
        })?;
        Ok(match decided.decision {
            Decision::Deny(denial) if matches!(denial.rule, RuleName::BuiltIn(_)) => {
                Some(Refused::NoCredential)
            }
            _ => None,
        })
    }

    async fn code(&self, run: Run, code: SecretString) -> Result<Reply, EngineFault> {
        let Some((offer, seed, method)) = Self::chosen(&run) else {
            return self.stale(run).await;
        };
        let (MethodKind::Totp(totp), Some(sub)) = (&method.kind, run.state.subject()) else {
            return self.stale(run).await;
        };
        let floor = self.response_floor(&run);
        let reply = match (offer.kind, seed) {
            (OfferKind::Enrol, Some(seed)) => {
                self.confirm_enrolment(run, &method, totp, (&sub, &seed), &code)
                    .await
            }
            _ => {
                let credentials = credentials(&run);
                let judged = self
                    .judge_code(&run.cx, totp, &sub, &credentials, &code)
                    .await?;
                self.code_judged(run, &method, sub, judged).await
            }
        };
        self.ports.clock.sleep_until(floor).await;
        reply
    }

    async fn recovery(&self, run: Run, code: SecretString) -> Result<Reply, EngineFault> {
        let Some((offer, _, method)) = Self::chosen(&run) else {
            return self.stale(run).await;
        };
        let (MethodKind::Totp(totp), Some(sub), OfferKind::Prove) =
            (&method.kind, run.state.subject(), offer.kind)
        else {
            return self.stale(run).await;
        };
        let floor = self.response_floor(&run);
        let credentials = credentials(&run);
        let judged = self
            .judge_recovery_code(&run.cx, totp, &sub, &credentials, &code)
            .await?;
        let mut run = run;
        if let CodeJudgement::Passed(changes) = &judged {
            let left = changes.iter().find_map(|change| match change {
                Change::UpdateCredential(row) if row.kind == RECOVERY_CODES => Some(
                    row.secret
                        .split(',')
                        .filter(|hash| !hash.is_empty())
                        .count(),
                ),
                _ => None,
            });
            let event = AuditEvent::RecoveryCodeUsed {
                left: u32::try_from(left.unwrap_or_default()).unwrap_or(u32::MAX),
            };
            self.note(&mut run, event);
        }
        let reply = self.code_judged(run, &method, sub, judged).await;
        self.ports.clock.sleep_until(floor).await;
        reply
    }

    async fn code_judged(
        &self,
        mut run: Run,
        method: &MethodSnapshot,
        sub: SubjectId,
        judged: CodeJudgement,
    ) -> Result<Reply, EngineFault> {
        match judged {
            CodeJudgement::Passed(changes) => {
                run.changes.extend(changes);
                Box::pin(self.decide_step(run, Some(method))).await
            }
            CodeJudgement::Refused(reason) => {
                self.refused(run, method, Some(sub), reason, Notice::WrongCode)
                    .await
            }
        }
    }

    async fn confirm_enrolment(
        &self,
        mut run: Run,
        method: &MethodSnapshot,
        totp: &TotpMethod,
        (sub, seed): (&SubjectId, &str),
        code: &SecretString,
    ) -> Result<Reply, EngineFault> {
        let Some(enrolled) = self.enrol(&run.cx.realm, totp, sub, seed, code)? else {
            let reason = Refused::Wrong;
            return self
                .refused(run, method, Some(sub.clone()), reason, Notice::WrongCode)
                .await;
        };
        let device = enrolled.changes.iter().find_map(|change| match change {
            Change::InsertCredential(row) => Some(row.id.to_string()),
            _ => None,
        });
        let Some(record) = &run.person else {
            return Err(EngineFault::internal("enrolment of nobody"));
        };
        run.changes.push(record.hold(self.ports.clock.now()));
        run.changes.extend(enrolled.changes);
        let event = AuditEvent::TotpAttached {
            device: device.unwrap_or_default(),
        };
        self.note(&mut run, event);
        if enrolled.recovery_codes.is_empty() {
            return Box::pin(self.decide_step(run, Some(method))).await;
        }
        let now = self.ports.clock.now();
        let codes = enrolled.recovery_codes.iter();
        let codes: Vec<&str> = codes.map(|code| code.expose_secret()).collect();
        let plain = Zeroizing::new(serde_json::to_vec(&codes).map_err(EngineFault::internal)?);
        let sealed = run.cx.realm.seal(
            SealPurpose::RecoveryCodes,
            CODES_CONTEXT,
            &plain,
            run.state.expires_at,
        )?;
        let pass = std::mem::take(&mut run.state.pass);
        run.state.pass = pass.with(authentication(method, now));
        run.state.stage = Stage::RecoveryCodes { sealed };
        self.save(run).await
    }

    /// Decides after a step that was passed, or again.
    pub(super) async fn decide_step(
        &self,
        mut run: Run,
        passed: Option<&MethodSnapshot>,
    ) -> Result<Reply, EngineFault> {
        let now = self.ports.clock.now();
        if let Some(method) = passed {
            let pass = std::mem::take(&mut run.state.pass);
            run.state.pass = pass.with(authentication(method, now));
        }
        if passed.is_none() || run.changes.iter().any(inserts_credential) {
            // What the person holds has changed since it was read.
            if let Some(sub) = run.state.subject() {
                run.person = self.person(&run.cx.realm, &sub).await?;
            }
        }
        let session = run.session_of_person().map(LiveSession::facts);
        let decided = run.decide(now, session.as_ref(), |machine: &Machine<'_>, situation| {
            machine.after_step(situation, &run.state.pass)
        })?;
        Box::pin(self.follow(run, decided.decision)).await
    }

    /// A wrong answer: recorded, and shown again.
    async fn refused(
        &self,
        mut run: Run,
        method: &MethodSnapshot,
        sub: Option<SubjectId>,
        reason: Refused,
        notice: Notice,
    ) -> Result<Reply, EngineFault> {
        let realm = std::sync::Arc::clone(&run.cx.realm);
        self.ports
            .observer
            .observe(realm.id(), Observation::CredentialRefused);
        let event = AuditEvent::LoginFailed {
            error: match reason {
                Refused::UnknownAccount => LoginError::UnknownUser,
                Refused::Ambiguous => LoginError::Ambiguous,
                Refused::Wrong | Refused::NoCredential => LoginError::InvalidCredentials,
                Refused::Locked => LoginError::UserLocked,
                Refused::Barred => LoginError::MethodLocked,
                Refused::Unusable => LoginError::CredentialUnusable,
            },
            failed_method: Some(method.name.clone()),
            auth_methods: run.passed_methods(),
            used_login: run.state.typed.clone(),
            pswd_tmp_locked: reason == Refused::Barred,
            tried_old_pswd: false,
            error_id: None,
        };
        let record = by_person(run.audit_context(), sub.as_ref(), event);
        run.changes.extend(self.audit(&realm, &record));
        run.state.notice = Some(notice);
        run.state.wrong = run.state.wrong.saturating_add(1);
        if run.state.wrong >= MOST_WRONG {
            self.drop_login(&mut run).await?;
            return Ok(gone());
        }
        self.save(run).await
    }

    async fn new_password(
        &self,
        mut run: Run,
        current: Option<SecretString>,
        password: SecretString,
        repeated: SecretString,
    ) -> Result<Reply, EngineFault> {
        let realm = std::sync::Arc::clone(&run.cx.realm);
        let (Some(prepared), Some(record)) = (realm.first_password_method(), run.person.clone())
        else {
            return self.stale(run).await;
        };
        let Some((reason, _)) = run.state.password_due else {
            return self.stale(run).await;
        };
        let stored = record.credential(PASSWORD);
        let names = realm.names_of(&record.person.attributes);
        let asks_current = prepared.method.policy.min_differing.is_some();
        let mut broken = Vec::new();
        if asks_current {
            let right = match (&current, stored) {
                (Some(current), Some(stored)) => match self.stored_hash(&realm, stored) {
                    Some(hash) => self.verify(&realm, current, hash).await?.right,
                    None => false,
                },
                _ => false,
            };
            if !right {
                broken.push(PasswordRule::Current);
            }
        }
        if password.expose_secret() != repeated.expose_secret() {
            broken.push(PasswordRule::Repetition);
        }
        let former = current
            .as_ref()
            .filter(|_| asks_current && !broken.contains(&PasswordRule::Current));
        let change = PasswordChange {
            realm: &realm,
            prepared,
            sub: &record.row.sub,
            stored,
            by: SetBy::Demand,
            names: &names,
            former: former.map(|former| former.expose_secret()),
            password: &password,
        };
        broken.extend(self.broken_rules(&change).await?);
        if !broken.is_empty() {
            run.state.notice = Some(Notice::NewPasswordRefused);
            run.state.stage = Stage::NewPassword { broken };
            run.state.wrong = run.state.wrong.saturating_add(1);
            if run.state.wrong >= MOST_WRONG {
                self.drop_login(&mut run).await?;
                return Ok(gone());
            }
            return self.save(run).await;
        }
        let write = self.write_password(&change, false).await?;
        run.changes.push(write);
        // The new one is as good as the one that was proven: see `lost_proof`.
        let now = self.ports.clock.now();
        let methods = &realm.snapshot.methods;
        for passed in &mut run.state.pass.passed {
            let method = methods.get(&passed.method);
            if method.is_some_and(|method| method.kind.credential() == PASSWORD) {
                passed.at = now;
            }
        }
        let event = AuditEvent::UserPasswordChanged {
            alt_pswd_cause: Some(cause(reason)),
        };
        self.note(&mut run, event);
        run.state.password_due = None;
        Box::pin(self.after_enough(run)).await
    }

    async fn skip_password(&self, mut run: Run) -> Result<Reply, EngineFault> {
        match run.state.password_due {
            Some((_, true)) => {
                run.state.password_due = None;
                Box::pin(self.after_enough(run)).await
            }
            _ => self.stale(run).await,
        }
    }

    /// Takes the consent to the scopes that the page has shown; to any others it is asked anew.
    async fn consent(&self, mut run: Run, shown: &[ScopeName]) -> Result<Reply, EngineFault> {
        let (scopes, remember) = match self.consent_needed(&run).await? {
            ConsentDecision::Granted => return Box::pin(self.finish(run, None)).await,
            ConsentDecision::Ask {
                scopes, remember, ..
            } => (scopes, remember),
        };
        if scopes != shown {
            run.state.stage = Stage::Consent { shown: scopes };
            return self.stale(run).await;
        }
        let Some(sub) = run.state.subject() else {
            return self.stale(run).await;
        };
        let now = self.ports.clock.now();
        let event = AuditEvent::AuthzGranted {
            oauth_scopes: scopes,
        };
        self.note(&mut run, event);
        let row = ConsentRow {
            sub,
            client: run.valid.client.snapshot().id.clone(),
            scopes: remember,
            granted_at: now,
            updated_at: now,
        };
        Box::pin(self.finish(run, Some(row))).await
    }

    async fn refuse_consent(&self, mut run: Run) -> Result<Reply, EngineFault> {
        let event = AuditEvent::AuthzRejected {
            oauth_scopes: run.valid.granted.scopes().to_vec(),
        };
        self.note(&mut run, event);
        self.drop_login(&mut run).await?;
        let step = run.valid.refuse(
            &run.cx.realm,
            ErrorCode::AccessDenied,
            "the person did not consent",
        );
        Ok(run.reply(step))
    }

    async fn cancel(&self, mut run: Run) -> Result<Reply, EngineFault> {
        // A page that was opened, with nothing entered, is no event (EVENT-POST-01).
        if run.version > 0 || run.state.sub.is_some() {
            let event = AuditEvent::LoginStopped {
                auth_methods: run.passed_methods(),
                failed_method: run.state.chosen().map(|(offer, _)| offer.method.clone()),
                used_login: run.state.typed.clone(),
            };
            self.note(&mut run, event);
        }
        self.drop_login(&mut run).await?;
        let step = run
            .valid
            .refuse(&run.cx.realm, ErrorCode::AccessDenied, "the person gave up");
        Ok(run.reply(step))
    }

    /// Records an event of the person of this login.
    pub(super) fn note(&self, run: &mut Run, event: AuditEvent) {
        let sub = run.state.subject();
        let record = by_person(run.audit_context(), sub.as_ref(), event);
        let changes = self.audit(&run.cx.realm, &record);
        run.changes.extend(changes);
    }
}

impl Run {
    pub(super) fn audit_context(&self) -> realmwright_decision::audit::AuditContext {
        let mut context = circumstances(&self.cx, Some(&self.valid.client.snapshot().id));
        context.process = Some(self.state.id.to_string());
        context.session = self
            .session
            .as_ref()
            .map(|session| session.row.id.to_string());
        context
    }

    pub(super) fn passed_methods(&self) -> Vec<MethodName> {
        let passed = self.state.pass.passed.iter();
        passed.map(|passed| passed.method.clone()).collect()
    }
}

fn inserts_credential(change: &Change) -> bool {
    matches!(change, Change::InsertCredential(_))
}

fn credentials(run: &Run) -> Vec<CredentialRow> {
    run.person
        .as_ref()
        .map(|record| record.credentials.clone())
        .unwrap_or_default()
}

fn authentication(method: &MethodSnapshot, at: jiff::Timestamp) -> Authentication {
    Authentication {
        method: method.name.clone(),
        factor: method.kind.factor(),
        at,
    }
}

const fn cause(reason: NewPasswordReason) -> ChangeCause {
    match reason {
        NewPasswordReason::MustChange => ChangeCause::PasswordReset,
        NewPasswordReason::TooOld => ChangeCause::PasswordExpired,
        NewPasswordReason::Policy => ChangeCause::PasswordPolicyViolated,
    }
}
