//! Why people were refused, for whoever helps them.

use realmwright_decision::why::RefusalRecord;
use realmwright_store::{DenialId, DenialRow};

use super::types::{AccountsError, Denial};
use crate::Engine;
use crate::api::EngineFault;
use crate::crypto::meant_error_id;
use crate::runtime_realm::RuntimeRealm;

impl Engine {
    /// A refusal by the number that was told: capitals, and letters that look like digits, are
    /// read as they are meant. `GET /api/v1/denials/{id}`.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`]: never recorded in this realm, or expired.
    pub async fn denial(&self, realm: &RuntimeRealm, id: &str) -> Result<Denial, AccountsError> {
        let unknown = || AccountsError::NotFound("denial");
        let id = meant_error_id(id).ok_or_else(unknown)?;
        let row = self.ports.store.denial(realm.id(), &DenialId(id)).await?;
        let DenialRow {
            id,
            at,
            subject,
            client,
            digest,
            class,
            record,
            expires_at,
        } = row.ok_or_else(unknown)?;
        let record: RefusalRecord = serde_json::from_value(serde_json::Value::Object(record))
            .map_err(|_| EngineFault::internal("a denial of another build"))?;
        let core = &realm.snapshot.core;
        Ok(Denial {
            id: id.0,
            at,
            expires_at,
            realm: core.id.clone(),
            region: core.region.clone(),
            client,
            sub: subject.map(|sub| sub.0),
            digest,
            class: class.as_str().to_owned(),
            record,
        })
    }
}
