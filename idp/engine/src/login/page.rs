//! The page of a step: what the person sees, and nothing else.

use realmwright_decision::flow::{Offer, OfferKind};
use realmwright_decision::scopes::ConsentDecision;
use realmwright_protocol::seal::SealPurpose;
use realmwright_snapshot::{MethodKind, MethodSnapshot, ScopeName, TotpMethod};
use secrecy::SecretString;
use url::Url;

use super::Run;
use super::generator::RECOVERY_CODES;
use super::state::Stage;
use crate::Engine;
use crate::api::{ConsentScope, EngineFault, FormTarget, LoginPage, MethodView, StepView};
use crate::totp::provisioning;

/// How long a person may look at recovery codes; the login ends earlier anyway.
pub(super) const CODES_CONTEXT: &[u8] = b"recovery codes";

impl Engine {
    pub(super) async fn page(
        &self,
        run: &Run,
        target: FormTarget,
    ) -> Result<LoginPage, EngineFault> {
        let now = self.ports.clock.now();
        let realm = &run.cx.realm;
        let person = run
            .state
            .sub
            .as_ref()
            .and(run.person.as_ref())
            .map(|record| realm.person_view(&record.person, now));
        Ok(LoginPage {
            client: run.valid.client_view(realm),
            person,
            target,
            view: self.view(run).await?,
            notice: run.state.notice,
            other_ways: has_other_ways(run),
            form_action: form_action(run.valid.request.target.redirect_uri.url()),
            expires_at: run.state.expires_at,
        })
    }

    async fn view(&self, run: &Run) -> Result<StepView, EngineFault> {
        let realm = &run.cx.realm;
        match &run.state.stage {
            Stage::Ask { chosen: None, .. } => Ok(StepView::Choice {
                methods: offered(run),
            }),
            Stage::Ask { .. } => self.ask_view(run),
            Stage::RecoveryCodes { sealed } => {
                let now = self.ports.clock.now();
                let codes: Vec<String> = realm
                    .open(SealPurpose::RecoveryCodes, CODES_CONTEXT, sealed, now)
                    .and_then(|plain| serde_json::from_slice(&plain).ok())
                    .ok_or_else(|| EngineFault::internal("recovery codes do not open"))?;
                Ok(StepView::RecoveryCodes {
                    codes: codes.into_iter().map(SecretString::from).collect(),
                })
            }
            Stage::NewPassword { broken } => {
                let prepared = realm
                    .first_password_method()
                    .ok_or_else(|| EngineFault::internal("no password method"))?;
                let (reason, skippable) = run
                    .state
                    .password_due
                    .ok_or_else(|| EngineFault::internal("no new password is due"))?;
                Ok(StepView::NewPassword {
                    reason,
                    rules: prepared.rules(),
                    broken: broken.clone(),
                    skippable,
                    ask_current: prepared.method.policy.min_differing.is_some(),
                })
            }
            Stage::Consent { shown } => self.consent_view(run, shown).await,
        }
    }

    fn ask_view(&self, run: &Run) -> Result<StepView, EngineFault> {
        let realm = &run.cx.realm;
        let (offer, seed) = run
            .state
            .chosen()
            .ok_or_else(|| EngineFault::internal("nothing is chosen"))?;
        let method = realm
            .snapshot
            .methods
            .get(&offer.method)
            .ok_or_else(|| EngineFault::internal("the method is gone"))?;
        match (&method.kind, offer.kind) {
            (MethodKind::Password(_), _) => Ok(StepView::Password {
                method: method.name.clone(),
                login: run
                    .state
                    .typed
                    .clone()
                    .or_else(|| run.valid.request.login_hint.clone()),
                known: run.state.sub.is_some(),
            }),
            (MethodKind::Totp(totp), OfferKind::Prove) => Ok(StepView::Totp {
                method: method.name.clone(),
                digits: totp.digits,
                recovery: has_recovery_codes(run),
            }),
            (MethodKind::Totp(totp), OfferKind::Enrol) => {
                self.enrolment_view(run, method, totp, seed)
            }
        }
    }

    fn enrolment_view(
        &self,
        run: &Run,
        method: &MethodSnapshot,
        totp: &TotpMethod,
        seed: Option<&str>,
    ) -> Result<StepView, EngineFault> {
        let now = self.ports.clock.now();
        let realm = &run.cx.realm;
        let sub = run.state.subject();
        let seed = sub
            .as_ref()
            .zip(seed)
            .and_then(|(sub, seed)| {
                realm.open_at_rest(SealPurpose::TotpSeed, sub.0.as_bytes(), seed, now)
            })
            .ok_or_else(|| EngineFault::internal("a seed does not open"))?;
        let label = run
            .person
            .as_ref()
            .and_then(|record| {
                realm
                    .program()
                    .account_label(&method.name, &record.person, now)
            })
            .unwrap_or_else(|| run.valid.client.snapshot().id.to_string());
        let (uri, seed) = provisioning(totp, &seed, &label)
            .ok_or_else(|| EngineFault::internal("no provisioning address"))?;
        Ok(StepView::EnrolTotp {
            method: method.name.clone(),
            uri: SecretString::from(uri),
            seed: SecretString::from(seed),
            digits: totp.digits,
        })
    }

    async fn consent_view(&self, run: &Run, shown: &[ScopeName]) -> Result<StepView, EngineFault> {
        let granted = match self.consent_needed(run).await? {
            ConsentDecision::Granted => Vec::new(),
            ConsentDecision::Ask { known, .. } => known,
        };
        Ok(StepView::Consent {
            scopes: shown
                .iter()
                .filter(|scope| !granted.contains(scope))
                .map(|scope| consent_scope(run, scope))
                .collect(),
            granted: granted
                .iter()
                .map(|scope| consent_scope(run, scope))
                .collect(),
        })
    }
}

fn has_recovery_codes(run: &Run) -> bool {
    run.person
        .as_ref()
        .and_then(|record| record.credential(RECOVERY_CODES))
        .is_some_and(|row| !row.secret.is_empty())
}

/// Whether the method that is asked for is one of several.
fn has_other_ways(run: &Run) -> bool {
    match &run.state.stage {
        Stage::Ask { offers, chosen, .. } => chosen.is_some() && offers.len() > 1,
        Stage::RecoveryCodes { .. } | Stage::NewPassword { .. } | Stage::Consent { .. } => false,
    }
}

/// What the person may choose from.
fn offered(run: &Run) -> Vec<MethodView> {
    let Stage::Ask { offers, .. } = &run.state.stage else {
        return Vec::new();
    };
    let realm = &run.cx.realm;
    let default = &realm.snapshot.core.locales.default;
    let view = |offer: &Offer| {
        let method = realm.snapshot.methods.get(&offer.method)?;
        Some(MethodView {
            method: method.name.clone(),
            kind: method.kind.credential(),
            label: method
                .display_name
                .get(&run.valid.locale, default)
                .map(str::to_owned),
        })
    };
    offers.iter().filter_map(view).collect()
}

fn consent_scope(run: &Run, name: &ScopeName) -> ConsentScope {
    let realm = &run.cx.realm;
    let default = &realm.snapshot.core.locales.default;
    let scope = realm.snapshot.scopes.get(name);
    let text = |text: &realmwright_snapshot::LocalizedText| {
        text.get(&run.valid.locale, default).map(str::to_owned)
    };
    ConsentScope {
        scope: name.clone(),
        name: scope
            .and_then(|scope| text(&scope.display_name))
            .unwrap_or_else(|| name.to_string()),
        text: scope.and_then(|scope| text(&scope.consent_text)),
    }
}

/// What `form-action` must name so that the browser follows the response (design, section 8).
pub(crate) fn form_action(redirect: &Url) -> String {
    match redirect.origin() {
        origin @ url::Origin::Tuple(..) => origin.ascii_serialization(),
        url::Origin::Opaque(_) => format!("{}:", redirect.scheme()),
    }
}
