//! The end of a login: everything is decided once more, then session, grant and code are written
//! in one commit with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use realmwright_decision::access::AccessDecision;
use realmwright_decision::audit::AuditEvent;
use realmwright_decision::facts::{Authentication, Facts, Login, Session};
use realmwright_decision::flow::Machine;
use realmwright_decision::why::Moment;
use realmwright_protocol::oauth2::ErrorCode;
use realmwright_snapshot::{GrantType, MethodName};
use realmwright_store::{
    AuthenticationRow, Change, CodeRow, ConsentRow, GrantId, GrantRow, SessionId, SessionRow,
    SubjectId,
};

use super::deny::DeniedLogin;
use super::state::Done;
use super::{Run, Stored, finished};
use crate::Engine;
use crate::api::{ClientResponse, EngineFault, Reply, Step};
use crate::audit::by_person;
use crate::crypto::{token, token_hash, uuid};
use crate::people::PersonRecord;
use crate::ports::Observation;
use crate::sessions::{CLOCKS_DIFFER, LiveSession, later};
use crate::spans;

impl Engine {
    /// Issues the code, unless something denies at the last moment.
    pub(super) async fn finish(
        &self,
        mut run: Run,
        consent: Option<ConsentRow>,
    ) -> Result<Reply, EngineFault> {
        let now = self.ports.clock.now();
        let Some(person) = run.person.clone() else {
            return Err(EngineFault::internal("the login has no person"));
        };
        if let Some(step) = self.other_person(&run, &person) {
            self.drop_login(&mut run).await?;
            return Ok(run.reply(step));
        }
        let existing = run.session_of_person().cloned();
        let done = run.state.enough.clone().unwrap_or(Done {
            end_other_sessions: false,
            claims: serde_json::Map::new(),
        });
        let facts = combined(existing.as_ref(), &run.state.pass.passed, &done);
        if let Some(denial) = run.decide(now, Some(&facts), |m: &Machine<'_>, s| m.denied(s))? {
            let refusal = DeniedLogin::by_flow(denial, Moment::BeforeCode);
            return self.deny(run, refusal).await;
        }
        // What tokens and access rules say of this login: a session whose factors do not count
        // (`prompt=login`, `max_age`) lends none.
        let counts = existing.as_ref().filter(|_| run.state.pass.session_counts);
        let facts = Session {
            claims: facts.claims,
            ..combined(counts, &run.state.pass.passed, &done)
        };
        let rule = match self.access(&run, &person, &facts, now)? {
            AccessDecision::Allowed { rule } => rule,
            AccessDecision::Denied { on_deny, why } => {
                return self.deny(run, DeniedLogin::by_access(on_deny, why)).await;
            }
        };
        Box::pin(self.issue_code(run, person, (&done, &facts, rule, consent))).await
    }

    /// The session of this browser is somebody else's: an answer for another person than the
    /// application had is given only where it asked for a choice (INT-OIDC-06).
    fn other_person(&self, run: &Run, person: &PersonRecord) -> Option<Step> {
        let other = run
            .session
            .as_ref()
            .is_some_and(|session| session.row.sub != person.row.sub);
        (other && !run.valid.request.prompt.interactions().select_account).then(|| {
            run.valid.refuse(
                &run.cx.realm,
                ErrorCode::LoginRequired,
                "another person has logged in",
            )
        })
    }

    /// Whether the application's rules let the person in (APP-10).
    fn access(
        &self,
        run: &Run,
        person: &PersonRecord,
        session: &Session,
        now: Timestamp,
    ) -> Result<AccessDecision, EngineFault> {
        let realm = &run.cx.realm;
        let client = &run.valid.client.client;
        let login = Login {
            factors: session.factors(),
            methods: run.passed_methods(),
            available_methods: realm.snapshot.methods.keys().cloned().collect(),
            typed: run.state.typed.clone(),
        };
        let rules = &client.decisions(realm)?.access;
        let facts = Facts {
            person: Some(&person.person),
            client: &run.valid.application(),
            request: &run.valid.facts(&run.cx),
            session: Some(session),
            login: &login,
            now,
        };
        Ok(spans::decide("access", || rules.decide(&facts)))
    }

    async fn issue_code(
        &self,
        mut run: Run,
        person: PersonRecord,
        (done, facts, access_rule, consent): (&Done, &Session, Option<String>, Option<ConsentRow>),
    ) -> Result<Reply, EngineFault> {
        let now = self.ports.clock.now();
        let realm = Arc::clone(&run.cx.realm);
        let sub = person.row.sub.clone();
        let client = Arc::clone(run.valid.client.snapshot());
        let passed: Vec<AuthenticationRow> = run
            .state
            .pass
            .passed
            .iter()
            .map(|passed| AuthenticationRow {
                // Filled in with the session's own id.
                session: SessionId(run.state.id),
                method: passed.method.clone(),
                amr: realm.amr_of(&passed.method).to_owned(),
                factor: passed.factor,
                at: passed.at,
            })
            .collect();
        let joined = run.joined_session(&sub);
        let established =
            self.establish_session(&run.cx, &sub, joined, &passed, done.claims.clone());
        let mut last = finished(&run);
        last.extend(established.changes);
        for replaced in self.replaced_sessions(&run, &sub).await? {
            last.extend(self.end_session(&run, &replaced, now));
        }
        if done.end_other_sessions {
            last.push(Change::EndSessionsOf {
                sub: sub.clone(),
                except: Some(established.session),
                at: now,
            });
        }
        last.push(self.enter_client(&realm, established.session, &client.id)?);
        last.extend(consent.map(Change::PutConsent));
        let (grant, code, code_row) = self.grant(&run, facts, established.session)?;
        last.push(Change::InsertGrant(grant));
        last.push(Change::InsertCode(code_row));
        let mut context = run.audit_context();
        context.session = Some(established.session.to_string());
        let event = AuditEvent::Login {
            auth_methods: methods(facts),
            authn_done: !passed.is_empty(),
            used_login: run.state.typed.clone(),
            id_store: person.row.store.clone(),
            alt_pswd_cause: None,
            access_rule,
        };
        last.extend(self.audit(&realm, &by_person(context, Some(&sub), event)));
        run.cookies.extend(established.cookie);
        match self.commit_login(&mut run, last).await? {
            Stored::Done => {}
            Stored::Superseded => {
                // A second click: the first one has got the code.
                return Ok(run.superseded());
            }
            Stored::UsedElsewhere => {
                let row = self.fall_back(&mut run)?;
                let id = row.id;
                self.commit_login(&mut run, vec![Change::SaveLogin(row)])
                    .await?;
                run.cookies.clear();
                return Ok(run.reply(Step::Continue(id)));
            }
        }
        self.ports
            .observer
            .observe(realm.id(), Observation::LoginFinished);
        let target = &run.valid.request.target;
        let step = Step::Respond(ClientResponse {
            redirect_uri: target.redirect_uri.url().clone(),
            mode: target.mode,
            parameters: target.code(realm.issuer(), &code),
        });
        Ok(run.reply(step))
    }

    /// The grant that the code redeems.
    fn grant(
        &self,
        run: &Run,
        facts: &Session,
        session: SessionId,
    ) -> Result<(GrantRow, String, CodeRow), EngineFault> {
        let now = self.ports.clock.now();
        let realm = &run.cx.realm;
        let oidc = run.valid.oidc()?;
        let code_lifetime = realm.snapshot.core.tokens.code_lifetime;
        let request = &run.valid.request;
        let longest = if oidc.grant_types.contains(&GrantType::RefreshToken) {
            oidc.refresh.lifetime.max(oidc.access_token_lifetime)
        } else {
            oidc.access_token_lifetime
        };
        let code = token(&*self.ports.random).expose().to_owned();
        let expires_at = later(later(later(now, code_lifetime), longest), CLOCKS_DIFFER);
        let id = GrantId(uuid(&*self.ports.random));
        let factors = facts.factors();
        let grant = GrantRow {
            id,
            sub: run.state.subject(),
            session: (!oidc.refresh.offline).then_some(session),
            client: run.valid.client.snapshot().id.clone(),
            scopes: run.valid.granted.scopes().to_vec(),
            resource: request.resource.clone(),
            authorization_details: serde_json::Value::Array(Vec::new()),
            claims: serde_json::Value::Null,
            cnf: None,
            nonce: request.nonce.clone(),
            auth_time: facts.authenticated_at(),
            acr: Some(factors.len().max(1).to_string()),
            amr: amr(run, facts, &factors),
            created_at: now,
            expires_at,
            ended_at: None,
        };
        let code_row = CodeRow {
            hash: token_hash(&code),
            grant: id,
            redirect_uri: request.redirect_uri.clone(),
            code_challenge: request
                .code_challenge
                .as_ref()
                .map(|challenge| challenge.as_str().to_owned()),
            expires_at: later(now, code_lifetime),
            used_at: None,
        };
        Ok((grant, code, code_row))
    }

    /// Sessions that no browser holds any more once this login is done. Nobody could log out of
    /// them, so they end with it.
    async fn replaced_sessions(
        &self,
        run: &Run,
        sub: &SubjectId,
    ) -> Result<Vec<SessionRow>, EngineFault> {
        let others = run.held.iter().filter(|held| held.row.sub != *sub);
        let mut replaced: Vec<SessionRow> = others.map(|other| other.row.clone()).collect();
        if let Some(id) = run.state.forgotten_id() {
            let realm = run.cx.realm.id();
            replaced.extend(self.ports.store.session(realm, &id).await?);
        }
        Ok(replaced)
    }

    /// Ends a session of this browser in the course of a login.
    pub(super) fn end_session(
        &self,
        run: &Run,
        session: &SessionRow,
        at: Timestamp,
    ) -> Vec<Change> {
        let context = realmwright_decision::audit::AuditContext {
            client: Some(run.valid.client.snapshot().id.clone()),
            session: Some(session.id.to_string()),
            ..Default::default()
        };
        let record = by_person(context, Some(&session.sub), AuditEvent::Logout);
        let mut changes = vec![Change::EndSession { id: session.id, at }];
        changes.extend(self.audit(&run.cx.realm, &record));
        changes
    }
}

impl Run {
    /// The session that this login goes on with: the one that the browser holds, also when another
    /// tab has begun it meanwhile.
    fn joined_session(&self, sub: &SubjectId) -> Option<&LiveSession> {
        self.held
            .as_ref()
            .filter(|held| held.row.sub == *sub && Some(held.row.id) != self.state.forgotten_id())
    }

    /// The login was finished by another request: nothing is left to show.
    fn superseded(mut self) -> Reply {
        self.cookies.clear();
        super::gone()
    }
}

/// The session as it will be: what it holds and what was passed now.
fn combined(existing: Option<&LiveSession>, passed: &[Authentication], done: &Done) -> Session {
    let mut session = existing.map(LiveSession::facts).unwrap_or_default();
    session.authentications.extend_from_slice(passed);
    session.claims.extend(done.claims.clone());
    session
}

fn methods(session: &Session) -> Vec<MethodName> {
    let passed = session.authentications.iter();
    passed.map(|passed| passed.method.clone()).collect()
}

/// RFC 8176: each method once, and `mfa` for two factors.
fn amr(run: &Run, session: &Session, factors: &BTreeSet<u8>) -> Vec<String> {
    let mut amr: Vec<String> = Vec::new();
    for passed in &session.authentications {
        let value = run.cx.realm.amr_of(&passed.method);
        if !value.is_empty() && !amr.iter().any(|known| known == value) {
            amr.push(value.to_owned());
        }
    }
    if factors.len() > 1 {
        amr.push("mfa".to_owned());
    }
    amr
}
