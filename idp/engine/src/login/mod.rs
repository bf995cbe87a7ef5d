//! Logins under way: drives the flow machine over what people answer.
//!
//! A login is a [`Run`]: the current snapshot, the validated request, the state. Every answer
//! ends in one commit with the row, or in one that finishes the login.
//!
//! The row comes with the first credential that was judged, right or wrong: a stranger's was
//! counted by address before, so nobody can fill the table, and from then on the attempts of the
//! login itself are bounded. Until then the state travels sealed, through a choice of method as
//! well.

mod answer;
mod deny;
mod finish;
pub(crate) mod generator;
mod page;
pub(crate) mod state;

pub(crate) use page::form_action;

use std::time::Duration;

use realmwright_decision::facts::Session;
use realmwright_decision::flow::{
    Ask, Decision, Machine, Offer, OfferKind, SessionEffect, Situation,
};
use realmwright_decision::scopes::{ConsentDecision, ConsentPrompt, decide_consent};
use realmwright_decision::why::Moment;
use realmwright_protocol::oauth2::ErrorCode;
use realmwright_snapshot::MethodName;
use realmwright_store::{Change, LoginId, Outcome, Refusal};
use secrecy::{ExposeSecret, SecretString};

use self::deny::DeniedLogin;
use self::state::{LoginState, Stage};
use crate::Engine;
use crate::api::{
    Answer, CookieChange, CookiePurpose, Cookies, EngineFault, ErrorKind, ErrorPage, FormTarget,
    Notice, Reply, RequestContext, Step,
};
use crate::authorize::ValidRequest;
use crate::crypto::{base64url, equal, token, token_hash, uuid};
use crate::people::PersonRecord;
use crate::sessions::{LiveSession, later};
use crate::spans;

/// How long a request waits for the configuration that its login has seen.
const SWAP_WAIT: Duration = Duration::from_secs(2);
/// Wrong answers in one login; the counters of person, login and address are stricter.
const MOST_WRONG: u32 = 30;

/// Whether something was submitted already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// The first page: nothing is stored.
    Entry,
    /// An answer, or a stored step.
    Submission,
}

/// A login in one request.
#[derive(Debug)]
pub(crate) struct Run {
    cx: RequestContext,
    valid: ValidRequest,
    state: LoginState,
    /// As it was before this answer.
    before: LoginState,
    /// Version of the row; 0 when there is none.
    version: i64,
    origin: Origin,
    /// The session that this login began with, unless it has left it: what may count for it.
    session: Option<LiveSession>,
    /// The session that this browser holds by now, perhaps from another tab: what the end of the
    /// login goes on with or replaces.
    held: Option<LiveSession>,
    person: Option<PersonRecord>,
    cookies: Vec<CookieChange>,
    /// To be committed with what this answer comes to.
    changes: Vec<Change>,
    /// Committed along, but left out rather than fail the login.
    soft: Vec<Change>,
}

/// What a commit of a login came to.
enum Stored {
    Done,
    /// A code or a credential was used at the same time elsewhere.
    UsedElsewhere,
    /// Another request of the same login was faster.
    Superseded,
}

impl Run {
    /// The session as far as it is this person's.
    fn session_of_person(&self) -> Option<&LiveSession> {
        self.session.as_ref().filter(|session| {
            self.person
                .as_ref()
                .is_none_or(|person| person.row.sub == session.row.sub)
        })
    }

    fn reply(self, step: Step) -> Reply {
        Reply {
            step,
            cookies: self.cookies,
        }
    }

    fn decide<R>(
        &self,
        now: jiff::Timestamp,
        session: Option<&Session>,
        ask: impl FnOnce(&Machine<'_>, &Situation<'_>) -> R,
    ) -> Result<R, EngineFault> {
        let realm = &self.cx.realm;
        let machine = realm.machine(self.valid.client.snapshot())?;
        let application = self.valid.application();
        let request = self.valid.facts(&self.cx);
        let situation = Situation {
            person: self.person.as_ref().map(|record| &record.person),
            client: &application,
            request: &request,
            session,
            typed: self.state.typed.as_deref(),
            now,
        };
        Ok(spans::decide("flow", || ask(&machine, &situation)))
    }
}

impl Engine {
    /// Decides at entry and answers with the first page, or at once.
    pub(crate) async fn enter_login(
        &self,
        cx: &RequestContext,
        valid: ValidRequest,
        cookies: &Cookies,
        notice: Option<Notice>,
    ) -> Result<Reply, EngineFault> {
        let now = self.ports.clock.now();
        let (session, person) = self.session_and_person(cx, cookies).await?;
        let (binding, cookie) = self.binding(cx, cookies);
        let sub = person.as_ref().map(|person| person.row.sub.clone());
        let mut state = LoginState::new(
            uuid(&*self.ports.random),
            valid.client.snapshot().id.clone(),
            &valid.raw,
            binding,
            session.as_ref().map(|session| session.row.id),
            sub,
            Stage::Consent { shown: Vec::new() },
            later(now, cx.realm.snapshot.core.sessions.login_lifetime),
        );
        state.notice = notice;
        state.order = cx.realm.version().order();
        let run = Run {
            cx: cx.clone(),
            valid,
            before: state.clone(),
            state,
            version: 0,
            origin: Origin::Entry,
            held: session.clone(),
            session,
            person,
            cookies: cookie.into_iter().collect(),
            changes: Vec::new(),
            soft: Vec::new(),
        };
        if let Some(step) = self.unexpected_person(&run) {
            return Ok(run.reply(step));
        }
        // Boxed: the states of a whole login are too large for one stack frame each.
        Box::pin(self.decide_entry(run)).await
    }

    async fn decide_entry(&self, run: Run) -> Result<Reply, EngineFault> {
        let now = self.ports.clock.now();
        let session = run.session.as_ref().map(LiveSession::facts);
        let decided = run.decide(now, session.as_ref(), |machine, situation| {
            machine.at_entry(situation)
        })?;
        Box::pin(self.follow(run, decided.decision)).await
    }

    /// `id_token_hint` names somebody: without a page, nobody else may be answered for.
    fn unexpected_person(&self, run: &Run) -> Option<Step> {
        let hint = run.valid.request.id_token_hint.as_deref()?;
        let realm = &run.cx.realm;
        let expected = realm.id_token_hint(hint)?.subject;
        let released = run.person.as_ref().and_then(|person| {
            let client = run.valid.client.snapshot();
            crate::subject::release(&realm.keyring, &person.row.sub, client).ok()
        });
        let other = released.is_none_or(|released| released.as_str() != expected);
        (other && run.valid.request.prompt.forbids_pages()).then(|| {
            run.valid.refuse(
                realm,
                ErrorCode::LoginRequired,
                "another person is logged in",
            )
        })
    }

    /// The live session of this browser with its person; neither when the account is gone or
    /// locked.
    async fn session_and_person(
        &self,
        cx: &RequestContext,
        cookies: &Cookies,
    ) -> Result<(Option<LiveSession>, Option<PersonRecord>), EngineFault> {
        let Some(session) = self.live_session(&cx.realm, cookies).await? else {
            return Ok((None, None));
        };
        let person = self.person(&cx.realm, &session.row.sub).await?;
        Ok(match person {
            Some(person) if !person.person.locked => (Some(session), Some(person)),
            _ => (None, None),
        })
    }

    /// What binds a login to this browser: the cookie it has, or a new one.
    fn binding(&self, cx: &RequestContext, cookies: &Cookies) -> (String, Option<CookieChange>) {
        let known = cookies.login.as_ref().and_then(|cookie| {
            realmwright_protocol::secret::RandomToken::parse(cookie.expose_secret())
        });
        let (value, fresh) = match known {
            Some(value) => (value, false),
            None => (token(&*self.ports.random), true),
        };
        let cookie = fresh.then(|| CookieChange::Set {
            purpose: CookiePurpose::Login,
            value: SecretString::from(value.expose().to_owned()),
            max_age: cx
                .realm
                .snapshot
                .core
                .sessions
                .lifetime
                .as_duration()
                .max(Duration::from_secs(86_400)),
        });
        (base64url(value.hash()), cookie)
    }

    /// Does what the flow decided.
    async fn follow(&self, mut run: Run, decision: Decision) -> Result<Reply, EngineFault> {
        match decision {
            Decision::Ask(ask) => {
                self.ask(&mut run, ask)?;
                self.present(run).await
            }
            Decision::NeedsInteraction => {
                let step = run.valid.refuse(
                    &run.cx.realm,
                    ErrorCode::LoginRequired,
                    "a page would have to be shown",
                );
                Ok(run.reply(step))
            }
            Decision::Enough(enough) => {
                run.state.enough = Some(enough.into());
                // Nothing was proven here, so it is the session that was enough.
                run.state.pass.session_counts |= run.state.pass.passed.is_empty();
                Box::pin(self.after_enough(run)).await
            }
            Decision::Deny(denial) => {
                let moment = match run.origin {
                    Origin::Entry => Moment::Entry,
                    Origin::Submission => Moment::AfterStep,
                };
                self.deny(run, DeniedLogin::by_flow(denial, moment)).await
            }
        }
    }

    fn ask(&self, run: &mut Run, ask: Ask) -> Result<(), EngineFault> {
        let now = self.ports.clock.now();
        if ask.session != SessionEffect::Keep
            && let Some(session) = run.session.take()
        {
            if ask.session == SessionEffect::Logout {
                let ended = self.end_session(run, &session.row, now);
                run.changes.extend(ended);
            } else {
                run.state.forgotten = Some(session.row.id.0);
            }
            run.held = None;
            run.state.session = None;
            run.cookies
                .push(CookieChange::Remove(CookiePurpose::Session));
        }
        run.state.pass = ask.pass;
        let known = run.state.pass.session_counts || !run.state.pass.passed.is_empty();
        if !known {
            run.state.sub = None;
            run.person = None;
        }
        let first = ask.offers.first().cloned();
        let first = first.ok_or_else(|| EngineFault::internal("nothing is offered"))?;
        run.state.stage = self.ask_for(run, ask.offers, &first)?;
        Ok(())
    }

    /// Asks for one of the offers.
    fn ask_for(&self, run: &Run, offers: Vec<Offer>, chosen: &Offer) -> Result<Stage, EngineFault> {
        Ok(Stage::Ask {
            offers,
            chosen: Some(chosen.method.clone()),
            seed: match chosen.kind {
                OfferKind::Enrol => Some(self.seed_for(run)?),
                OfferKind::Prove => None,
            },
        })
    }

    fn seed_for(&self, run: &Run) -> Result<String, EngineFault> {
        let sub = run
            .state
            .subject()
            .ok_or_else(|| EngineFault::internal("enrolment of nobody"))?;
        self.new_seed(&run.cx.realm, &sub)
    }

    /// Steps that follow once the flow has enough: a new password, consent.
    async fn after_enough(&self, mut run: Run) -> Result<Reply, EngineFault> {
        if run.state.password_due.is_some() {
            run.state.stage = Stage::NewPassword { broken: Vec::new() };
            return self.present(run).await;
        }
        match self.consent_needed(&run).await? {
            ConsentDecision::Granted => Box::pin(self.finish(run, None)).await,
            ConsentDecision::Ask { .. } if run.valid.request.prompt.forbids_pages() => {
                let step = run.valid.refuse(
                    &run.cx.realm,
                    ErrorCode::ConsentRequired,
                    "the person has to consent",
                );
                Ok(run.reply(step))
            }
            ConsentDecision::Ask { scopes, .. } => {
                run.state.stage = Stage::Consent { shown: scopes };
                self.present(run).await
            }
        }
    }

    /// What has to be asked for by now: configuration and former consents may have changed since
    /// the page was shown.
    async fn consent_needed(&self, run: &Run) -> Result<ConsentDecision, EngineFault> {
        let Some(person) = &run.person else {
            return Err(EngineFault::internal("consent of nobody"));
        };
        let client = run.valid.client.snapshot();
        let realm = &run.cx.realm;
        let remembered = self
            .ports
            .store
            .consent(realm.id(), &person.row.sub, &client.id)
            .await?;
        let prompt = if run.valid.request.prompt.interactions().consent {
            ConsentPrompt::Again
        } else {
            ConsentPrompt::AsNeeded
        };
        let remembered = remembered.map(|row| row.scopes).unwrap_or_default();
        Ok(spans::decide("consent", || {
            decide_consent(
                &realm.snapshot.scopes,
                client.consent_required,
                run.valid.granted.scopes(),
                &remembered,
                prompt,
            )
        }))
    }

    /// Shows the step: sealed at entry, by its address after a submission.
    async fn present(&self, mut run: Run) -> Result<Reply, EngineFault> {
        match run.origin {
            Origin::Entry => {
                if !run.changes.is_empty() {
                    let changes = std::mem::take(&mut run.changes);
                    self.ports.store.commit(run.cx.realm.id(), changes).await?;
                }
                self.show_sealed(run).await
            }
            Origin::Submission => self.save(run).await,
        }
    }

    /// Shows the step after an answer that presented no credential: a login that is not stored yet
    /// stays so.
    async fn show_again(&self, run: Run) -> Result<Reply, EngineFault> {
        if run.version == 0 {
            self.show_sealed(run).await
        } else {
            self.save(run).await
        }
    }

    async fn show_sealed(&self, mut run: Run) -> Result<Reply, EngineFault> {
        run.state.order = run.state.order.max(run.cx.realm.version().order());
        let sealed = run.state.seal(&run.cx.realm)?;
        let page = self.page(&run, FormTarget::Sealed(sealed)).await?;
        Ok(run.reply(Step::Page(Box::new(page))))
    }

    /// Stores the step and sends the browser to it.
    async fn save(&self, mut run: Run) -> Result<Reply, EngineFault> {
        run.state.order = run.state.order.max(run.cx.realm.version().order());
        let id = run.state.login_id();
        let row = run.state.row(run.version)?;
        match self
            .commit_login(&mut run, vec![Change::SaveLogin(row)])
            .await?
        {
            Stored::Done | Stored::Superseded => Ok(run.reply(Step::Continue(id))),
            Stored::UsedElsewhere => {
                let row = self.fall_back(&mut run)?;
                self.commit_login(&mut run, vec![Change::SaveLogin(row)])
                    .await?;
                Ok(run.reply(Step::Continue(id)))
            }
        }
    }

    /// A code that was used at the same time elsewhere was a wrong one.
    fn fall_back(&self, run: &mut Run) -> Result<realmwright_store::LoginRow, EngineFault> {
        run.state = run.before.clone();
        run.state.notice = Some(Notice::WrongCode);
        run.changes.clear();
        run.soft.clear();
        run.state.row(run.version)
    }

    /// Commits the changes of this answer and then `last`.
    async fn commit_login(&self, run: &mut Run, last: Vec<Change>) -> Result<Stored, EngineFault> {
        let hard = std::mem::take(&mut run.changes);
        let soft = std::mem::take(&mut run.soft);
        let all = |soft: &[Change]| -> Vec<Change> {
            hard.iter().chain(soft).chain(&last).cloned().collect()
        };
        let realm = run.cx.realm.id();
        let mut outcome = self.ports.store.commit(realm, all(&soft)).await?;
        let in_soft = |index: usize| (hard.len()..hard.len() + soft.len()).contains(&index);
        if let Outcome::Refused { index, .. } = outcome
            && in_soft(index)
        {
            outcome = self.ports.store.commit(realm, all(&[])).await?;
        }
        match outcome {
            Outcome::Done(_) => Ok(Stored::Done),
            Outcome::Refused { index, reason } => match (reason, index < hard.len()) {
                (Refusal::Stale | Refusal::AlreadyUsed, true) => Ok(Stored::UsedElsewhere),
                // `Ended`: a logout in another tab came between.
                (
                    Refusal::Stale | Refusal::Unknown | Refusal::Conflict(_) | Refusal::Ended,
                    false,
                ) => Ok(Stored::Superseded),
                (reason, _) => Err(EngineFault::internal(format!("login commit: {reason:?}"))),
            },
        }
    }

    /// Commits what is due and removes the row, if there is one.
    async fn drop_login(&self, run: &mut Run) -> Result<Stored, EngineFault> {
        let last = finished(run);
        if last.is_empty() && run.changes.is_empty() && run.soft.is_empty() {
            return Ok(Stored::Done);
        }
        self.commit_login(run, last).await
    }

    /// `POST /login`: the first answer, to a page whose request travelled sealed.
    ///
    /// # Errors
    /// [`EngineFault`]; a wrong answer shows the step again.
    pub async fn begin_login(
        &self,
        cx: &RequestContext,
        sealed: &str,
        answer: Answer,
        cookies: &Cookies,
    ) -> Result<Reply, EngineFault> {
        let now = self.ports.clock.now();
        let Some(state) = LoginState::open(&cx.realm, sealed, now) else {
            return Ok(gone());
        };
        let cx = self.current(cx, state.order).await?;
        let valid = match self.valid_request(&cx, &state.request).await? {
            Ok(valid) => valid,
            Err(step) => return Ok(Reply::new(step)),
        };
        if !is_bound(&state, cookies) {
            let notice = Some(Notice::NoCookies);
            return Box::pin(self.enter_login(&cx, valid, cookies, notice)).await;
        }
        if state.expires_at <= now {
            let notice = Some(Notice::Expired);
            return Box::pin(self.enter_login(&cx, valid, cookies, notice)).await;
        }
        let row = self
            .ports
            .store
            .login(cx.realm.id(), &state.login_id())
            .await?;
        if row.is_some() {
            // Back button or second click: the login has gone on.
            return Box::pin(self.show_login(&cx, state.login_id(), cookies)).await;
        }
        match Box::pin(self.resume(cx, valid, state, 0, cookies)).await? {
            Ok(run) => Box::pin(self.answer(run, answer)).await,
            Err(reply) => Ok(*reply),
        }
    }

    /// `GET /login/{id}`: the current step.
    ///
    /// # Errors
    /// [`EngineFault`].
    pub async fn show_login(
        &self,
        cx: &RequestContext,
        login: LoginId,
        cookies: &Cookies,
    ) -> Result<Reply, EngineFault> {
        match self.load(cx, login, cookies).await? {
            Ok(run) => self.show(run).await,
            Err(reply) => Ok(*reply),
        }
    }

    async fn show(&self, run: Run) -> Result<Reply, EngineFault> {
        let target = FormTarget::Login {
            id: run.state.login_id(),
            version: run.version,
        };
        let page = self.page(&run, target).await?;
        Ok(run.reply(Step::Page(Box::new(page))))
    }

    /// `POST /login/{id}`: an answer to the step with this version. An answer to another step
    /// shows the current one.
    ///
    /// # Errors
    /// [`EngineFault`]; a wrong answer shows the step again.
    pub async fn submit_login(
        &self,
        cx: &RequestContext,
        login: LoginId,
        version: i64,
        answer: Answer,
        cookies: &Cookies,
    ) -> Result<Reply, EngineFault> {
        let mut run = match self.load(cx, login, cookies).await? {
            Ok(run) => run,
            Err(reply) => return Ok(*reply),
        };
        if run.version != version {
            run.state.notice = Some(Notice::StaleStep);
            return self.show(run).await;
        }
        Box::pin(self.answer(run, answer)).await
    }

    /// Reads a stored login of this browser.
    async fn load(
        &self,
        cx: &RequestContext,
        login: LoginId,
        cookies: &Cookies,
    ) -> Result<Result<Run, Box<Reply>>, EngineFault> {
        let Some(row) = self.ports.store.login(cx.realm.id(), &login).await? else {
            return Ok(Err(Box::new(gone())));
        };
        let cx = self.current(cx, row.revision).await?;
        let Some(state) = LoginState::read(&row.state).filter(|state| is_bound(state, cookies))
        else {
            return Ok(Err(Box::new(gone())));
        };
        match self.valid_request(&cx, &state.request).await? {
            Ok(valid) => Box::pin(self.resume(cx, valid, state, row.version, cookies)).await,
            Err(step) => Ok(Err(Box::new(Reply::new(step)))),
        }
    }

    /// The context with a configuration that is at least as new as the login has seen.
    async fn current(
        &self,
        cx: &RequestContext,
        order: u64,
    ) -> Result<RequestContext, EngineFault> {
        if cx.realm.version().order() >= order {
            return Ok(cx.clone());
        }
        let realm = self
            .ports
            .realms
            .at_least(cx.realm.id(), order, SWAP_WAIT)
            .await
            .ok_or(EngineFault::Behind {
                retry_after: SWAP_WAIT,
            })?;
        Ok(RequestContext {
            realm,
            ..cx.clone()
        })
    }

    /// Puts a login together again; on a newer configuration the step is decided anew.
    async fn resume(
        &self,
        cx: RequestContext,
        valid: ValidRequest,
        state: LoginState,
        version: i64,
        cookies: &Cookies,
    ) -> Result<Result<Run, Box<Reply>>, EngineFault> {
        let (held, session_person) = self.session_and_person(&cx, cookies).await?;
        let began_with = |session: &&LiveSession| Some(session.row.id) == state.session_id();
        let session = held.as_ref().filter(began_with).cloned();
        let lost_session = state.session.is_some()
            && session.is_none()
            && (state.pass.session_counts || state.enough.is_some());
        let person = match state.subject() {
            None => None,
            Some(sub) => match session_person.filter(|person| person.row.sub == sub) {
                Some(person) => Some(person),
                None => self.person(&cx.realm, &sub).await?,
            },
        };
        let lost_person = state.sub.is_some()
            && person
                .as_ref()
                .is_none_or(|person| person.person.locked || lost_proof(&cx, person, &state));
        if lost_session && state.pass.passed.is_empty() || lost_person {
            // Ended elsewhere in the meantime: begin anew.
            let reply = self.enter_login(&cx, valid, cookies, Some(Notice::Restarted));
            return Ok(Err(Box::new(Box::pin(reply).await?)));
        }
        let run = Run {
            before: state.clone(),
            state,
            cx,
            valid,
            version,
            origin: Origin::Submission,
            session,
            held,
            person,
            cookies: Vec::new(),
            changes: Vec::new(),
            soft: Vec::new(),
        };
        if self.is_current(&run)? {
            return Ok(Ok(run));
        }
        let valid = run.valid;
        let reply = self.enter_login(&run.cx, valid, cookies, Some(Notice::Restarted));
        Ok(Err(Box::new(Box::pin(reply).await?)))
    }

    /// Whether the current configuration still has every method that was passed or is offered,
    /// and offers what is being answered.
    fn is_current(&self, run: &Run) -> Result<bool, EngineFault> {
        let realm = &run.cx.realm;
        let there = |name: &MethodName| realm.snapshot.methods.contains_key(name);
        if !run.state.pass.passed.iter().all(|p| there(&p.method)) {
            return Ok(false);
        }
        let Stage::Ask { offers, chosen, .. } = &run.state.stage else {
            return self.is_still_enough(run);
        };
        if enrols_what_is_held(run) {
            return Ok(false);
        }
        let is_asked = |method: &MethodName| chosen.as_ref().is_none_or(|chosen| chosen == method);
        let mut asked = offers
            .iter()
            .map(|offer| &offer.method)
            .filter(|method| is_asked(method));
        if realm.version().order() == run.state.order {
            return Ok(asked.all(there));
        }
        let now = self.ports.clock.now();
        let session = run.session_of_person().map(LiveSession::facts);
        let decided = run.decide(now, session.as_ref(), |machine, situation| {
            if run.state.pass.passed.is_empty() && !run.state.pass.was_reset {
                machine.at_entry(situation)
            } else {
                machine.after_step(situation, &run.state.pass)
            }
        })?;
        Ok(match decided.decision {
            Decision::Ask(ask) => {
                asked.all(|method| ask.offers.iter().any(|offer| offer.method == *method))
            }
            Decision::NeedsInteraction | Decision::Enough(_) | Decision::Deny(_) => false,
        })
    }

    /// Whether what the flow once called enough still reaches the floor: since then the session
    /// that it counted may have ended, and realm or person may demand more.
    fn is_still_enough(&self, run: &Run) -> Result<bool, EngineFault> {
        if run.state.enough.is_none() {
            return Ok(true);
        }
        let now = self.ports.clock.now();
        let session = run.session_of_person().map(LiveSession::facts);
        let needed = run.decide(now, session.as_ref(), |machine, situation| {
            machine.required_factors(situation.person)
        })?;
        Ok(run.state.pass.factors(session.as_ref()).len() >= needed)
    }
}

/// Whether a credential that was proven in this login was changed or taken away since: whoever
/// knew the former password must not go on with it.
fn lost_proof(cx: &RequestContext, person: &PersonRecord, state: &LoginState) -> bool {
    let methods = &cx.realm.snapshot.methods;
    state.pass.passed.iter().any(|passed| {
        methods.get(&passed.method).is_some_and(|method| {
            let kind = method.kind.credential();
            let mut held = person.credentials.iter().filter(|row| row.kind == kind);
            !held.any(|row| row.created_at <= passed.at)
        })
    })
}

/// Whether a first credential is being set up although the person has got one since: then it must
/// be proven, or whoever knows the password alone would add a second one.
fn enrols_what_is_held(run: &Run) -> bool {
    let Some((offer, _)) = run.state.chosen() else {
        return false;
    };
    let method = run.cx.realm.snapshot.methods.get(&offer.method);
    let held = run.person.as_ref().map(|record| &record.person.credentials);
    offer.kind == OfferKind::Enrol
        && method
            .zip(held)
            .is_some_and(|(method, held)| held.contains(method.kind.credential()))
}

/// The changes that remove the row of a login, if there is one.
fn finished(run: &Run) -> Vec<Change> {
    if run.version == 0 {
        return Vec::new();
    }
    vec![Change::FinishLogin {
        id: run.state.login_id(),
        version: run.version,
    }]
}

fn is_bound(state: &LoginState, cookies: &Cookies) -> bool {
    cookies.login.as_ref().is_some_and(|cookie| {
        let hash = base64url(token_hash(cookie.expose_secret()).0);
        equal(hash.as_bytes(), state.binding.as_bytes())
    })
}

fn gone() -> Reply {
    Reply::new(Step::Error(Box::new(ErrorPage::new(ErrorKind::LoginGone))))
}
