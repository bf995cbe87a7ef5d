//! The end of a login by a rule: recorded, and told under a number.

use std::sync::Arc;

use realmwright_decision::audit::{AuditEvent, LoginError};
use realmwright_decision::flow::Denial;
use realmwright_decision::why::{Moment, Why};
use realmwright_protocol::oauth2::ErrorCode;
use realmwright_snapshot::{DenyTarget, LocalizedText, OnDeny};
use realmwright_store::Change;

use super::{Run, Stored};
use crate::Engine;
use crate::api::{EngineFault, ErrorKind, ErrorPage, Reply, Step};
use crate::audit::by_person;
use crate::denials::{Refused, Told};
use crate::ports::Observation;

/// A rule has refused.
pub(super) struct DeniedLogin {
    why: Why,
    moment: Moment,
    error: LoginError,
    /// For the log.
    detail: String,
    show: DenyTarget,
    message: LocalizedText,
}

impl DeniedLogin {
    pub(super) fn by_flow(denial: Denial, moment: Moment) -> Self {
        let detail = denial.name().to_owned();
        Self {
            why: denial.why,
            moment,
            error: LoginError::Denied(detail.clone()),
            detail,
            show: denial.show,
            message: denial.message,
        }
    }

    /// No access rule of the application lets the person in (APP-10).
    pub(super) fn by_access(on_deny: OnDeny, why: Why) -> Self {
        Self {
            why,
            moment: Moment::BeforeCode,
            error: LoginError::AccessDenied,
            detail: "access".to_owned(),
            show: match on_deny {
                OnDeny::ErrorPage => DenyTarget::Page,
                OnDeny::ProtocolError => DenyTarget::Client,
            },
            message: LocalizedText::default(),
        }
    }
}

impl Engine {
    /// Ends the login with a denied.
    pub(super) async fn deny(
        &self,
        mut run: Run,
        denied: DeniedLogin,
    ) -> Result<Reply, EngineFault> {
        let realm = Arc::clone(&run.cx.realm);
        self.ports
            .observer
            .observe(realm.id(), Observation::LoginDenied);
        let sub = run.person.as_ref().map(|person| person.row.sub.clone());
        let refused = Refused {
            client: &run.valid.client.snapshot().id,
            sub: sub.as_ref(),
            moment: denied.moment,
            why: &denied.why,
        };
        let told = self.tell_denial(&realm, refused)?;
        let id = told.id.to_string();
        // What a stranger may write is bounded: the event stands for all that have its number.
        if sub.is_some() || told.row.is_some() {
            let event = AuditEvent::LoginFailed {
                error: denied.error,
                failed_method: None,
                auth_methods: run.passed_methods(),
                used_login: run.state.typed.clone(),
                pswd_tmp_locked: false,
                tried_old_pswd: false,
                error_id: Some(id.clone()),
            };
            let record = by_person(run.audit_context(), sub.as_ref(), event);
            run.changes.extend(self.audit(&realm, &record));
        }
        self.record(&mut run, told).await?;
        let silent = run.valid.request.prompt.forbids_pages();
        let step = if denied.show == DenyTarget::Client || silent {
            let why = format!("access is denied (reference {id})");
            run.valid.refuse(&realm, ErrorCode::AccessDenied, &why)
        } else {
            let default = &realm.snapshot.core.locales.default;
            let message = denied.message.get(&run.valid.locale, default);
            Step::Error(Box::new(ErrorPage {
                kind: ErrorKind::Denied,
                message: message.map(str::to_owned),
                client: Some(run.valid.client_view(&realm)),
                detail: Some(denied.detail),
                error_id: Some(id),
            }))
        };
        Ok(run.reply(step))
    }

    /// Commits the end of the login with the record of its denied.
    async fn record(&self, run: &mut Run, told: Told) -> Result<(), EngineFault> {
        let change = told.row.clone().map(Change::RecordDenial);
        // Left out where the person is erased meanwhile.
        run.soft.extend(change.clone());
        match self.drop_login(run).await? {
            Stored::Done => {}
            // Another request has ended this login. This one is what the browser shows, so that
            // its number must be known too.
            Stored::UsedElsewhere | Stored::Superseded => {
                let changes: Vec<Change> = change.into_iter().collect();
                if !changes.is_empty() {
                    self.ports.store.commit(run.cx.realm.id(), changes).await?;
                }
            }
        }
        self.remember_denial(told);
        Ok(())
    }
}
