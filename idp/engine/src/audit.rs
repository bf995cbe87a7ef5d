//! Audit events as rows and outbox entries: written in the commit of the change they report.

use realmwright_decision::audit::{
    Actor, AuditContext, AuditEvent, AuditRecord, KeyReplaced, Protocol,
};
use realmwright_snapshot::ClientId;
use realmwright_store::{Change, EventRow, OutboxId, OutboxRow, StoreError, SubjectId};
use serde_json::json;

use crate::Engine;
use crate::api::RequestContext;
use crate::crypto::{ordered_uuid, uuid};
use crate::runtime_realm::RuntimeRealm;

/// Where the outbox takes events that the log sink prints.
const LOG: &str = "log";

impl Engine {
    /// The changes that record an event: the whole of it in the region's database, its
    /// pseudonymous part for the log.
    pub(crate) fn audit(&self, realm: &RuntimeRealm, record: &AuditRecord) -> Vec<Change> {
        let now = self.ports.clock.now();
        let random = &*self.ports.random;
        let subject = subject_of(&record.context).map(|sub| SubjectId(sub.to_owned()));
        let (kind, fields) = record.row();
        let (_, logged) = record.log();
        let id = ordered_uuid(random, now);
        vec![
            Change::RecordEvent(EventRow {
                id,
                at: now,
                kind: kind.to_owned(),
                subject: subject.clone(),
                client: record.context.client.clone(),
                fields,
            }),
            Change::Enqueue(OutboxRow {
                realm: realm.id().clone(),
                id: OutboxId(uuid(random)),
                target: LOG.to_owned(),
                subject,
                payload: json!({
                    "id": id,
                    "at": now,
                    "realm": realm.id(),
                    "kind": kind,
                    "fields": logged,
                }),
                attempts: 0,
            }),
        ]
    }
}

impl Engine {
    /// Records that keys of a realm were replaced before their time (KC-KEY-03). Keys are not in the
    /// database, so that this follows what it reports.
    ///
    /// # Errors
    /// When the database does not take it; it may be tried again.
    pub async fn record_replaced_keys(
        &self,
        realm: &RuntimeRealm,
        keys: Vec<KeyReplaced>,
    ) -> Result<(), StoreError> {
        let mut changes = Vec::new();
        for key in keys {
            let context = AuditContext {
                actor: Some(Actor::System),
                ..AuditContext::default()
            };
            let event = AuditEvent::KeyReplaced(key);
            changes.extend(self.audit(realm, &AuditRecord { event, context }));
        }
        self.ports.store.commit(realm.id(), changes).await?;
        Ok(())
    }
}

/// Whom an event is about: the person it was done to, else the one who did it.
fn subject_of(context: &AuditContext) -> Option<&str> {
    context.object.as_deref().or(match &context.actor {
        Some(Actor::Person(sub)) => Some(sub),
        _ => None,
    })
}

/// The circumstances of something that a browser or an application asked for.
pub(crate) fn circumstances(cx: &RequestContext, client: Option<&ClientId>) -> AuditContext {
    AuditContext {
        client: client.cloned(),
        protocol: Some(Protocol::OAuth),
        ip: cx.address.map(|address| address.to_canonical()),
        user_agent: cx.user_agent.clone(),
        ..AuditContext::default()
    }
}

/// An event of a person.
pub(crate) fn by_person(
    mut context: AuditContext,
    sub: Option<&SubjectId>,
    event: AuditEvent,
) -> AuditRecord {
    context.actor = sub.map(|sub| Actor::Person(sub.0.clone()));
    context.object = sub.map(|sub| sub.0.clone());
    AuditRecord { event, context }
}
