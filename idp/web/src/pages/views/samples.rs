//! One sample, or a few, of every page: for tests, the gallery and the screenshots.

use super::{
    BackLink, ConsentView, DeniedView, ErrorKind, ErrorView, Failure, Form, FormPostView,
    LoggedOutView, LogoutView, MethodChoiceView, MethodOption, Notice, Page, PasswordChangeReason,
    PasswordChangeView, PasswordView, RecoveryCodesView, RuleState, RuleView, ScopeView, Shown,
    TotpEnrolmentView, TotpView,
};
use crate::pages::{QrCode, SUBMIT_SCRIPT};

const APPLICATION: &str = "Harbour Library";
const ERROR_ID: &str = "7f3k-92mc-q4xw";

impl Page {
    /// Samples of every page, by name.
    #[must_use]
    pub fn samples() -> Vec<(String, Self)> {
        let mut samples = login();
        samples.extend(totp());
        samples.extend(password_change());
        samples.extend(consent());
        samples.extend(ends());
        samples.extend(ErrorKind::ALL.iter().map(|kind| {
            let view = ErrorView::new(*kind, ERROR_ID);
            (kind.key().to_owned(), Self::Error(view))
        }));
        samples.push((
            "error-with-link".to_owned(),
            Self::Error(ErrorView {
                again_href: Some("https://library.example/start".to_owned()),
                back: Some(back()),
                ..ErrorView::new(ErrorKind::LoginGone, ERROR_ID)
            }),
        ));
        samples
    }
}

fn form() -> Form {
    Form::to("/quickstart/login")
        .with("csrf", "8pT2q")
        .with("request", "sealed.value")
}

fn back() -> BackLink {
    BackLink {
        name: APPLICATION.to_owned(),
        href: "https://library.example/".to_owned(),
    }
}

fn methods() -> Vec<MethodOption> {
    [
        ("partner-login", "Partner account"),
        ("badge", "Staff badge"),
    ]
    .map(|(name, label)| MethodOption {
        name: name.to_owned(),
        label: label.to_owned(),
    })
    .to_vec()
}

fn named<const N: usize>(pages: [(&str, Page); N]) -> Vec<(String, Page)> {
    pages.map(|(name, page)| (name.to_owned(), page)).to_vec()
}

fn login() -> Vec<(String, Page)> {
    let plain = PasswordView {
        form: form(),
        application: Some(APPLICATION.to_owned()),
        login: String::new(),
        known: false,
        notice: None,
        failure: None,
        other_ways: false,
    };
    let choice = MethodChoiceView {
        form: form(),
        application: Some(APPLICATION.to_owned()),
        methods: methods(),
        notice: None,
        failure: None,
    };
    let mut samples = named([
        ("login", Page::Password(plain.clone())),
        (
            "login-hint",
            Page::Password(PasswordView {
                login: "olena@example.com".to_owned(),
                other_ways: true,
                ..plain.clone()
            }),
        ),
        (
            "login-failed",
            Page::Password(PasswordView {
                login: "olena@example.com".to_owned(),
                failure: Some(Failure::Credentials),
                ..plain.clone()
            }),
        ),
        (
            "login-known",
            Page::Password(PasswordView {
                login: "olena@example.com".to_owned(),
                known: true,
                notice: Some(Notice::Reauthenticate),
                ..plain.clone()
            }),
        ),
        (
            "login-realm",
            Page::Password(PasswordView {
                application: None,
                ..plain.clone()
            }),
        ),
        ("choice", Page::MethodChoice(choice.clone())),
        (
            "choice-realm",
            Page::MethodChoice(MethodChoiceView {
                application: None,
                ..choice
            }),
        ),
    ]);
    samples.extend(Notice::ALL.iter().map(|notice| {
        let view = PasswordView {
            notice: Some(*notice),
            ..plain.clone()
        };
        (notice.key().to_owned(), Page::Password(view))
    }));
    samples.extend(Failure::ALL.iter().map(|failure| {
        let view = PasswordView {
            failure: Some(*failure),
            ..plain.clone()
        };
        (failure.key().to_owned(), Page::Password(view))
    }));
    samples
}

fn totp() -> Vec<(String, Page)> {
    let code = TotpView {
        form: form(),
        digits: 6,
        recovery: true,
        notice: None,
        failure: None,
        other_ways: false,
    };
    let uri = "otpauth://totp/Quickstart:olena%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Quickstart";
    let mut samples = named([
        ("code", Page::Totp(code.clone())),
        (
            "code-failed",
            Page::Totp(TotpView {
                failure: Some(Failure::Code),
                other_ways: true,
                ..code.clone()
            }),
        ),
        (
            "code-only",
            Page::Totp(TotpView {
                recovery: false,
                ..code
            }),
        ),
        (
            "recovery-codes",
            Page::RecoveryCodes(RecoveryCodesView {
                form: form(),
                codes: (1..=10)
                    .map(|number| Shown::new(format!("k{number:02}w-7tqm-x2h{}", number % 10)))
                    .collect(),
                notice: None,
                failure: None,
            }),
        ),
    ]);
    if let Some(qr) = QrCode::of(uri) {
        let enrolment = TotpEnrolmentView {
            form: form(),
            qr,
            uri: Shown::new(uri),
            secret: Shown::new("JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"),
            account: "olena@example.com".to_owned(),
            digits: 6,
            notice: None,
            failure: None,
            other_ways: false,
        };
        samples.extend(named([
            ("enrolment", Page::TotpEnrolment(enrolment.clone())),
            (
                "enrolment-failed",
                Page::TotpEnrolment(TotpEnrolmentView {
                    failure: Some(Failure::Code),
                    other_ways: true,
                    ..enrolment
                }),
            ),
        ]));
    }
    samples
}

fn password_change() -> Vec<(String, Page)> {
    let groups = ["a–z", "A–Z", "0–9", "!?#"].map(str::to_owned);
    let rules = vec![
        RuleView::min_length(12),
        RuleView::max_length(128),
        RuleView::groups(3, &groups),
        RuleView::dictionary(),
        RuleView::login(),
        RuleView::history(5),
        RuleView::differing(4),
        RuleView::min_age(),
    ];
    let judged = rules
        .iter()
        .enumerate()
        .map(|(index, rule)| {
            let state = if index % 3 == 0 {
                RuleState::Violated
            } else {
                RuleState::Met
            };
            rule.clone().judged(state)
        })
        .collect();
    let plain = PasswordChangeView {
        form: form(),
        reason: PasswordChangeReason::Forced,
        login: "olena@example.com".to_owned(),
        ask_current: false,
        can_skip: false,
        rules,
        notice: None,
        failure: None,
    };
    let mut samples = named([(
        "password-change-failed",
        Page::PasswordChange(PasswordChangeView {
            rules: judged,
            failure: Some(Failure::Password),
            ..plain.clone()
        }),
    )]);
    samples.extend(PasswordChangeReason::ALL.iter().map(|reason| {
        let view = PasswordChangeView {
            reason: *reason,
            ask_current: *reason == PasswordChangeReason::Policy,
            can_skip: *reason == PasswordChangeReason::Policy,
            ..plain.clone()
        };
        (reason.key().to_owned(), Page::PasswordChange(view))
    }));
    samples
}

fn consent() -> Vec<(String, Page)> {
    let scope = |name: &str, text: &str| ScopeView {
        name: name.to_owned(),
        text: (!text.is_empty()).then(|| text.to_owned()),
    };
    let first = ConsentView {
        form: form(),
        application: APPLICATION.to_owned(),
        person: Some("Olena Kovalenko".to_owned()),
        new: vec![
            scope("Your profile", "Name, picture and language"),
            scope("E-mail address", "To send you notices about loans"),
            scope("Offline access", ""),
        ],
        granted: Vec::new(),
        notice: None,
        failure: None,
    };
    let more = ConsentView {
        new: vec![scope(
            "Your albums",
            "Look at the photographs in your albums",
        )],
        granted: first.new.clone(),
        person: None,
        ..first.clone()
    };
    let again = ConsentView {
        new: Vec::new(),
        ..more.clone()
    };
    named([
        ("consent-again", Page::Consent(again)),
        ("consent", Page::Consent(first)),
        ("consent-more", Page::Consent(more)),
    ])
}

fn ends() -> Vec<(String, Page)> {
    let denied = DeniedView {
        id: ERROR_ID.to_owned(),
        message: None,
        application: Some(APPLICATION.to_owned()),
        back: Some(back()),
        failure: None,
    };
    let logout = LogoutView {
        form: Form::to("/quickstart/oauth2/logout"),
        application: Some(APPLICATION.to_owned()),
        failure: None,
    };
    named([
        ("logout-client", Page::Logout(logout.clone())),
        (
            "logout",
            Page::Logout(LogoutView {
                application: None,
                ..logout
            }),
        ),
        (
            "logged-out",
            Page::LoggedOut(LoggedOutView {
                ended: true,
                back: Some(back()),
                failure: None,
            }),
        ),
        (
            "stayed",
            Page::LoggedOut(LoggedOutView {
                ended: false,
                back: Some(back()),
                failure: None,
            }),
        ),
        (
            "logged-out-realm",
            Page::LoggedOut(LoggedOutView {
                ended: true,
                back: None,
                failure: None,
            }),
        ),
        ("denied-client", Page::Denied(denied.clone())),
        (
            "denied-message",
            Page::Denied(DeniedView {
                message: Some(
                    "The library is open to members only. Ask at the desk for membership."
                        .to_owned(),
                ),
                ..denied.clone()
            }),
        ),
        (
            "denied-realm",
            Page::Denied(DeniedView {
                application: None,
                back: None,
                ..denied
            }),
        ),
        (
            "form-post",
            Page::FormPost(FormPostView {
                form: Form::to("https://library.example/callback")
                    .with("code", "SplxlOBeZQQYbYS6WxSbIA")
                    .with("state", "af0ifjsldkj"),
                application: APPLICATION.to_owned(),
                script: SUBMIT_SCRIPT,
                failure: None,
            }),
        ),
    ])
}
