//! Steps of a login as pages.

use axum::response::Response;
use fluent::FluentArgs;
use http::StatusCode;
use realmwright_engine::{
    ConsentScope, FormTarget, LoginPage, MethodView, NewPasswordReason, Notice as EngineNotice,
    PasswordRule, StepView,
};
use realmwright_protocol::endpoints::Endpoint;
use secrecy::ExposeSecret;

use crate::headers::PagePolicy;
use crate::pages::{
    ConsentView, ErrorKind, Failure, Form, MethodChoiceView, MethodLabel, MethodOption, Notice,
    Page, PasswordChangeReason, PasswordChangeView, PasswordView, QrCode, RecoveryCodesView,
    RuleState, RuleView, ScopeView, Shown, TotpEnrolmentView, TotpView,
};
use crate::visit::Visit;

/// A step of the login.
pub(crate) fn login_page(visit: &Visit, page: LoginPage) -> Response {
    let policy = PagePolicy::default().with_form_action(Some(page.form_action.clone()));
    match view(visit, page) {
        Some(view) => visit.page(StatusCode::OK, &view, &policy),
        None => visit.error(ErrorKind::Internal, Some("QR code")),
    }
}

fn view(visit: &Visit, page: LoginPage) -> Option<Page> {
    let form = form(visit, &page.target);
    let (notice, failure) = messages(page.notice);
    let other_ways = page.other_ways;
    let application = page.client.name;
    Some(match page.view {
        StepView::Choice { methods } => Page::MethodChoice(MethodChoiceView {
            form,
            application: Some(application),
            methods: options(visit, &methods),
            notice,
            failure,
        }),
        StepView::Password { login, known, .. } => Page::Password(PasswordView {
            form,
            application: Some(application),
            login: login.unwrap_or_default(),
            known,
            notice: notice.or(known.then_some(Notice::Reauthenticate)),
            failure,
            other_ways,
        }),
        StepView::Totp {
            digits, recovery, ..
        } => Page::Totp(TotpView {
            form,
            digits,
            recovery,
            notice,
            failure,
            other_ways,
        }),
        StepView::EnrolTotp {
            uri, seed, digits, ..
        } => Page::TotpEnrolment(TotpEnrolmentView {
            form,
            qr: QrCode::of(uri.expose_secret())?,
            account: account_of(uri.expose_secret()),
            uri: Shown::new(uri.expose_secret()),
            secret: Shown::new(in_fours(seed.expose_secret())),
            digits,
            notice,
            failure,
            other_ways,
        }),
        StepView::RecoveryCodes { codes } => Page::RecoveryCodes(RecoveryCodesView {
            form,
            codes: codes
                .iter()
                .map(|code| Shown::new(code.expose_secret()))
                .collect(),
            notice,
            failure,
        }),
        StepView::NewPassword {
            reason,
            rules,
            broken,
            skippable,
            ask_current,
        } => Page::PasswordChange(PasswordChangeView {
            form,
            reason: reason_of(reason),
            login: page
                .person
                .and_then(|person| person.identifier)
                .unwrap_or_default(),
            ask_current,
            can_skip: skippable,
            failure: broken_failure(&broken).or(failure),
            rules: judged(&rules, &broken),
            notice,
        }),
        StepView::Consent { scopes, granted } => Page::Consent(ConsentView {
            form,
            application,
            person: page.person.and_then(|person| person.name),
            new: scopes.into_iter().map(scope).collect(),
            granted: granted.into_iter().map(scope).collect(),
            notice,
            failure,
        }),
    })
}

fn form(visit: &Visit, target: &FormTarget) -> Form {
    let query = visit.carried_query();
    match target {
        FormTarget::Sealed(sealed) => {
            Form::to(visit.path(Endpoint::LoginStart) + &query).with("request", sealed)
        }
        FormTarget::Login { id, version } => {
            let path = visit.path(Endpoint::LoginStep);
            Form::to(path.replace("{id}", &id.to_string()) + &query)
                .with("version", version.to_string())
        }
    }
}

const fn messages(notice: Option<EngineNotice>) -> (Option<Notice>, Option<Failure>) {
    match notice {
        None => (None, None),
        Some(EngineNotice::WrongPassword) => (None, Some(Failure::Credentials)),
        Some(EngineNotice::WrongCode) => (None, Some(Failure::Code)),
        Some(EngineNotice::NewPasswordRefused) => (None, Some(Failure::Password)),
        Some(EngineNotice::NoCookies) => (None, Some(Failure::NoCookies)),
        Some(EngineNotice::StaleStep) => (Some(Notice::Moved), None),
        Some(EngineNotice::Restarted) => (Some(Notice::MethodGone), None),
        Some(EngineNotice::Expired) => (Some(Notice::Restarted), None),
    }
}

fn options(visit: &Visit, methods: &[MethodView]) -> Vec<MethodOption> {
    methods
        .iter()
        .map(|method| MethodOption {
            name: method.method.to_string(),
            label: label(visit, method),
        })
        .collect()
}

fn label(visit: &Visit, method: &MethodView) -> String {
    let text = match method.kind {
        "password" => MethodLabel::Password,
        "totp" => MethodLabel::Totp,
        _ => {
            return method
                .label
                .clone()
                .unwrap_or_else(|| method.method.to_string());
        }
    };
    let own = || {
        let texts = visit.web.pages.texts();
        texts.get(visit.locale.as_str(), text.key(), &FluentArgs::new())
    };
    method
        .label
        .clone()
        .or_else(|| own().ok())
        .unwrap_or_else(|| method.method.to_string())
}

/// The label of an `otpauth:` address, after the issuer.
fn account_of(uri: &str) -> String {
    let path = uri
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or("", |(_, label)| label.split('?').next().unwrap_or(label));
    let label = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    match label.split_once(':') {
        Some((_, account)) => account.trim().to_owned(),
        None => label.into_owned(),
    }
}

/// A key in groups of four letters, as authenticator apps show it.
fn in_fours(seed: &str) -> String {
    let letters: Vec<char> = seed.chars().collect();
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    groups.join(" ")
}

const fn reason_of(reason: NewPasswordReason) -> PasswordChangeReason {
    match reason {
        NewPasswordReason::MustChange => PasswordChangeReason::Forced,
        NewPasswordReason::TooOld => PasswordChangeReason::Expired,
        NewPasswordReason::Policy => PasswordChangeReason::Policy,
    }
}

fn broken_failure(broken: &[PasswordRule]) -> Option<Failure> {
    if broken.contains(&PasswordRule::Current) {
        Some(Failure::CurrentPassword)
    } else if broken.contains(&PasswordRule::Repetition) {
        Some(Failure::Mismatch)
    } else {
        None
    }
}

/// Every rule, and which of them the last try broke. A rule that only the try brought up is added
/// at the end.
fn judged(rules: &[PasswordRule], broken: &[PasswordRule]) -> Vec<RuleView> {
    let added = broken.iter().filter(|rule| !rules.contains(rule));
    rules
        .iter()
        .chain(added)
        .filter_map(|rule| {
            let view = rule_view(rule)?;
            Some(if broken.contains(rule) {
                view.judged(RuleState::Violated)
            } else if broken_failure(broken).is_some() || broken.is_empty() {
                view
            } else {
                view.judged(RuleState::Met)
            })
        })
        .collect()
}

fn rule_view(rule: &PasswordRule) -> Option<RuleView> {
    Some(match rule {
        PasswordRule::MinLength(count) => RuleView::min_length(*count),
        PasswordRule::MaxLength(count) => RuleView::max_length(*count),
        PasswordRule::Groups { min, names } => RuleView::groups(*min, names),
        PasswordRule::Dictionary => RuleView::dictionary(),
        PasswordRule::NotLogin => RuleView::login(),
        PasswordRule::NotFormer(count) => RuleView::history(*count),
        PasswordRule::TooYoung => RuleView::min_age(),
        PasswordRule::Differing(count) => RuleView::differing(*count),
        PasswordRule::Repetition | PasswordRule::Current => return None,
    })
}

fn scope(scope: ConsentScope) -> ScopeView {
    ScopeView {
        name: scope.name,
        text: scope.text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_what_the_app_will_show() {
        assert_eq!(
            account_of("otpauth://totp/Quick%20start:olena%40example.com?secret=A"),
            "olena@example.com"
        );
        assert_eq!(account_of("otpauth://totp/olena?secret=A"), "olena");
        assert_eq!(account_of("nonsense"), "");
    }

    #[test]
    fn keys_are_read_in_fours() {
        assert_eq!(in_fours("JBSWY3DPE"), "JBSW Y3DP E");
        assert_eq!(in_fours(""), "");
    }

    #[test]
    fn auth_pwdpol_every_violated_rule_is_marked() {
        let rules = [PasswordRule::MinLength(12), PasswordRule::Dictionary];
        let broken = [PasswordRule::MinLength(12), PasswordRule::NotFormer(3)];
        let views = judged(&rules, &broken);
        let states: Vec<_> = views.iter().map(|view| (view.key, view.state)).collect();
        assert_eq!(
            states,
            [
                ("rule-min-length", Some(RuleState::Violated)),
                ("rule-dictionary", Some(RuleState::Met)),
                ("rule-history", Some(RuleState::Violated)),
            ]
        );
        assert!(judged(&rules, &[]).iter().all(|view| view.state.is_none()));
        assert_eq!(
            broken_failure(&[PasswordRule::Repetition]),
            Some(Failure::Mismatch)
        );
    }
}
