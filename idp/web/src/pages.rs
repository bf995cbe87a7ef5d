//! Pages: one view for each, rendered on the server in the person's language, without script.
//!
//! Templates are built in and escape everything; the only text that goes out as it is, is the
//! constant script of the form post page, which the policy names by hash.

mod frame;
mod qr;
mod views;

use std::sync::Arc;

use fluent::{FluentArgs, FluentValue};
use minijinja::value::{Kwargs, Serde};
use minijinja::{
    Environment, ErrorKind as TemplateFault, State, UndefinedBehavior, Value, context,
};

pub use frame::{AssetLinks, Frame, LanguageLink};
pub use qr::QrCode;
pub use views::{
    BackLink, ConsentView, DeniedView, ErrorKind, ErrorView, Failure, Form, FormPostView,
    HiddenField, LoggedOutView, LogoutView, MethodChoiceView, MethodLabel, MethodOption, Notice,
    Page, PasswordChangeReason, PasswordChangeView, PasswordView, RecoveryCodesView, RuleState,
    RuleView, ScopeView, Shown, TotpEnrolmentView, TotpView,
};

use crate::texts::{TextError, Texts};

/// Submits the only form of the page. The policy names it by hash.
pub const SUBMIT_SCRIPT: &str = "document.forms[0].submit()";

const TEMPLATES: [(&str, &str); 14] = [
    ("layout.html", include_str!("../templates/layout.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("password.html", include_str!("../templates/password.html")),
    ("totp.html", include_str!("../templates/totp.html")),
    (
        "totp_enrolment.html",
        include_str!("../templates/totp_enrolment.html"),
    ),
    (
        "recovery_codes.html",
        include_str!("../templates/recovery_codes.html"),
    ),
    (
        "password_change.html",
        include_str!("../templates/password_change.html"),
    ),
    ("consent.html", include_str!("../templates/consent.html")),
    (
        "method_choice.html",
        include_str!("../templates/method_choice.html"),
    ),
    ("logout.html", include_str!("../templates/logout.html")),
    (
        "logged_out.html",
        include_str!("../templates/logged_out.html"),
    ),
    ("denied.html", include_str!("../templates/denied.html")),
    ("error.html", include_str!("../templates/error.html")),
    (
        "form_post.html",
        include_str!("../templates/form_post.html"),
    ),
];

/// Why a page cannot be rendered: a mistake of this build.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The texts are wrong.
    #[error("the texts cannot be used")]
    Texts(#[from] TextError),
    /// A template is wrong, or asks for what its view does not have.
    #[error("the page cannot be rendered")]
    Template(#[from] minijinja::Error),
}

/// All templates and texts.
#[derive(Clone, Debug)]
pub struct Pages {
    environment: Environment<'static>,
    texts: Arc<Texts>,
}

impl Pages {
    /// Compiles what is built in.
    ///
    /// # Errors
    /// [`PageError`] when something built in is wrong; tests find it.
    pub fn load() -> Result<Self, PageError> {
        let texts = Arc::new(Texts::load()?);
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        let for_templates = Arc::clone(&texts);
        environment.add_function("t", move |state: &State, key: &str, args: Kwargs| {
            translate(&for_templates, state, key, &args)
        });
        for (name, source) in TEMPLATES {
            environment.add_template(name, source)?;
        }
        Ok(Self { environment, texts })
    }

    /// The page as HTML.
    ///
    /// # Errors
    /// [`PageError`] when the template asks for what the view does not have; tests find it.
    pub fn render(&self, frame: &Frame, page: &Page) -> Result<String, PageError> {
        let template = self.environment.get_template(page.template())?;
        Ok(template.render(context! { frame => Serde(frame), page => page.view() })?)
    }

    /// The texts.
    #[must_use]
    pub fn texts(&self) -> &Texts {
        &self.texts
    }
}

fn translate(
    texts: &Texts,
    state: &State,
    key: &str,
    args: &Kwargs,
) -> Result<String, minijinja::Error> {
    let frame = state.lookup("frame").unwrap_or_default();
    let locale = frame.get_attr("locale")?;
    let mut values = FluentArgs::new();
    for name in args.args() {
        let value: Value = args.get(name)?;
        values.set(name.to_owned(), fluent_value(&value));
    }
    texts
        .get(locale.as_str().unwrap_or_default(), key, &values)
        .map_err(|error| {
            minijinja::Error::new(TemplateFault::InvalidOperation, "no such text")
                .with_source(error)
        })
}

fn fluent_value(value: &Value) -> FluentValue<'static> {
    match i64::try_from(value.clone()) {
        Ok(number) if value.is_number() => FluentValue::from(number),
        _ => FluentValue::from(value.to_string()),
    }
}

#[cfg(test)]
mod tests;
