//! One-time passwords and recovery codes of a person: judged, set up, used once (AUTH-TOTP-01,
//! AUTH-CODE-04).

use jiff::Timestamp;
use realmwright_keys::Purpose;
use realmwright_protocol::seal::SealPurpose;
use realmwright_snapshot::TotpMethod;
use realmwright_store::{Change, CredentialId, CredentialRow, SubjectId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::Engine;
use crate::api::{EngineFault, RequestContext};
use crate::attempts::{ADDRESS, Counted};
use crate::crypto::{base64url, keyed_hash, octets, uuid};
use crate::passwords::Refused;
use crate::ports::Observation;
use crate::runtime_realm::RuntimeRealm;
use crate::totp::{SEED_BYTES, matching_step};

/// Kinds of credentials, as in their table.
pub(crate) const TOTP: &str = "totp";
pub(crate) const RECOVERY_CODES: &str = "recovery_codes";

/// What a generator keeps beside its seed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct GeneratorState {
    /// Last accepted step; earlier ones and itself are refused.
    #[serde(default)]
    step: Option<u64>,
}

/// What judging a code came to.
#[derive(Debug)]
pub(crate) enum CodeJudgement {
    /// Right; to be written with whatever the login comes to.
    Passed(Vec<Change>),
    /// Wrong, used, or the method is barred.
    Refused(Refused),
}

/// A generator that was set up.
#[derive(Debug)]
pub(crate) struct Enrolled {
    pub(crate) changes: Vec<Change>,
    /// Shown once; only their hashes are stored.
    pub(crate) recovery_codes: Vec<SecretString>,
}

impl Engine {
    /// Judges a code of one of the person's generators. The attempt is counted first.
    pub(crate) async fn judge_code(
        &self,
        cx: &RequestContext,
        method: &TotpMethod,
        sub: &SubjectId,
        credentials: &[CredentialRow],
        code: &SecretString,
    ) -> Result<CodeJudgement, EngineFault> {
        self.judge(cx, method, sub, |realm, now| {
            let mut passed = None;
            for row in credentials.iter().filter(|row| row.kind == TOTP) {
                let seed = realm
                    .open_at_rest(SealPurpose::TotpSeed, sub.0.as_bytes(), &row.secret, now)
                    .ok_or_else(|| EngineFault::internal("a seed does not open"))?;
                let state: GeneratorState =
                    serde_json::from_value(row.state.clone()).unwrap_or_default();
                let step = matching_step(
                    method,
                    &seed,
                    code.expose_secret(),
                    now.as_second(),
                    state.step,
                );
                if let Some(step) = step
                    && passed.is_none()
                {
                    passed = Some(CredentialRow {
                        state: generator_state(step)?,
                        last_used_at: Some(now),
                        ..row.clone()
                    });
                }
            }
            Ok(passed)
        })
        .await
    }

    /// Judges a recovery code, and uses it up.
    pub(crate) async fn judge_recovery_code(
        &self,
        cx: &RequestContext,
        method: &TotpMethod,
        sub: &SubjectId,
        credentials: &[CredentialRow],
        code: &SecretString,
    ) -> Result<CodeJudgement, EngineFault> {
        self.judge(cx, method, sub, |realm, now| {
            let typed = realm.recovery_hash(sub, code.expose_secret())?;
            let mut passed = None;
            for row in credentials.iter().filter(|row| row.kind == RECOVERY_CODES) {
                let (used, rest): (Vec<&str>, Vec<&str>) = row
                    .secret
                    .split(',')
                    .partition(|hash| crate::crypto::equal(hash.as_bytes(), typed.as_bytes()));
                if !used.is_empty() {
                    passed = Some(CredentialRow {
                        secret: rest.join(","),
                        last_used_at: Some(now),
                        ..row.clone()
                    });
                }
            }
            Ok(passed)
        })
        .await
    }

    async fn judge(
        &self,
        cx: &RequestContext,
        method: &TotpMethod,
        sub: &SubjectId,
        find: impl FnOnce(&RuntimeRealm, Timestamp) -> Result<Option<CredentialRow>, EngineFault>,
    ) -> Result<CodeJudgement, EngineFault> {
        let realm = &cx.realm;
        let mut limits: Vec<_> = realm.address_limit(cx.address)?.into_iter().collect();
        limits.push(realm.method_limit(TOTP, Ok(sub), method.total_attempts, method.lock)?);
        let now = self.ports.clock.now();
        match self.count_attempts(realm, &limits).await? {
            Counted::Free => {}
            Counted::Barred { purpose, until } if purpose == ADDRESS => {
                self.ports
                    .observer
                    .observe(realm.id(), Observation::AddressBarred);
                return Err(EngineFault::TooManyAttempts {
                    retry_after: crate::sessions::remaining(now, until),
                });
            }
            Counted::Barred { .. } => return Ok(CodeJudgement::Refused(Refused::Barred)),
        }
        Ok(match find(realm, now)? {
            Some(row) => {
                let mut changes = Self::forgiven(&limits);
                changes.push(Change::UpdateCredential(row));
                CodeJudgement::Passed(changes)
            }
            None => CodeJudgement::Refused(Refused::Wrong),
        })
    }

    /// A new seed, sealed so that only a login of this person opens it.
    pub(crate) fn new_seed(
        &self,
        realm: &RuntimeRealm,
        sub: &SubjectId,
    ) -> Result<String, EngineFault> {
        let seed: [u8; SEED_BYTES] = octets(&*self.ports.random);
        realm.seal_at_rest(SealPurpose::TotpSeed, sub.0.as_bytes(), &seed)
    }

    /// Sets a generator up when the code shows that the app has the seed; none when it does not.
    pub(crate) fn enrol(
        &self,
        realm: &RuntimeRealm,
        method: &TotpMethod,
        sub: &SubjectId,
        sealed_seed: &str,
        code: &SecretString,
    ) -> Result<Option<Enrolled>, EngineFault> {
        let now = self.ports.clock.now();
        let seed = realm
            .open_at_rest(SealPurpose::TotpSeed, sub.0.as_bytes(), sealed_seed, now)
            .ok_or_else(|| EngineFault::internal("a seed does not open"))?;
        let code = code.expose_secret();
        let Some(step) = matching_step(method, &seed, code, now.as_second(), None) else {
            return Ok(None);
        };
        let random = &*self.ports.random;
        let row = |kind: &str, secret: String, state| CredentialRow {
            id: CredentialId(uuid(random)),
            sub: sub.clone(),
            kind: kind.to_owned(),
            label: method.issuer.clone(),
            secret,
            state,
            created_at: now,
            last_used_at: None,
            version: 0,
        };
        let mut changes = vec![Change::InsertCredential(row(
            TOTP,
            sealed_seed.to_owned(),
            generator_state(step)?,
        ))];
        let recovery_codes: Vec<SecretString> = (0..method.recovery_codes)
            .map(|_| SecretString::from(recovery_code(&octets(random))))
            .collect();
        if !recovery_codes.is_empty() {
            let hashes = recovery_codes
                .iter()
                .map(|code| realm.recovery_hash(sub, code.expose_secret()))
                .collect::<Result<Vec<_>, _>>()?;
            changes.push(Change::DeleteCredentials {
                sub: sub.clone(),
                kind: RECOVERY_CODES.to_owned(),
            });
            changes.push(Change::InsertCredential(row(
                RECOVERY_CODES,
                hashes.join(","),
                serde_json::Value::Null,
            )));
        }
        Ok(Some(Enrolled {
            changes,
            recovery_codes,
        }))
    }
}

fn generator_state(step: u64) -> Result<serde_json::Value, EngineFault> {
    serde_json::to_value(GeneratorState { step: Some(step) }).map_err(EngineFault::internal)
}

/// Letters that are not taken for one another when written down.
const LETTERS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Ten letters in two groups: 49 bits, behind a counter of attempts.
fn recovery_code(random: &[u8; 20]) -> String {
    let mut code = String::with_capacity(11);
    for (index, pair) in random.chunks_exact(2).enumerate() {
        if index == 5 {
            code.push('-');
        }
        let [high, low] = *pair else { continue };
        let value = usize::from(u16::from_be_bytes([high, low])) % LETTERS.len();
        code.extend(LETTERS.get(value).map(|letter| char::from(*letter)));
    }
    code
}

impl RuntimeRealm {
    /// What is stored of a recovery code: keyed, and bound to its owner.
    fn recovery_hash(&self, sub: &SubjectId, code: &str) -> Result<String, EngineFault> {
        let normal: String = code
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        self.keyring
            .of(Purpose::Pepper)
            .last()
            .map(|entry| {
                base64url(keyed_hash(
                    entry.material.expose(),
                    &[b"recovery code", sub.0.as_bytes(), normal.as_bytes()],
                ))
            })
            .ok_or_else(|| EngineFault::internal("no key for recovery codes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_ten_clear_letters() {
        let code = recovery_code(&[255; 20]);
        assert_eq!(code.len(), 11);
        assert_eq!(code.find('-'), Some(5));
        for first in 0..=255 {
            let code = recovery_code(&[first; 20]);
            assert!(code.chars().all(|c| c == '-' || c.is_ascii_alphanumeric()));
            assert!(!code.contains(['o', 'l', 'i', '0', '1']));
        }
    }
}
