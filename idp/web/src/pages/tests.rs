use realmwright_snapshot::Locale;

use super::*;
use crate::assets::Assets;
use crate::texts::LANGUAGES;

fn frame(locale: &str) -> Frame {
    let locales = LANGUAGES.map(|language| Locale::from(language.tag));
    Frame::of_realm(
        "Quickstart",
        Some("id.example.com"),
        &Locale::from(locale),
        AssetLinks::under("/quickstart/assets", &Assets::load()),
    )
    .with_languages(&locales, |other| format!("?language={other}"))
}

#[test]
fn every_page_renders_with_every_sample_in_every_language() {
    let pages = Pages::load().unwrap();
    for language in LANGUAGES {
        for (name, page) in Page::samples() {
            let html = pages
                .render(&frame(language.tag), &page)
                .unwrap_or_else(|error| panic!("{name} in {}: {error:?}", language.tag));
            assert!(
                html.contains(&format!("<html lang=\"{}\">", language.tag)),
                "{name}"
            );
            assert_eq!(html.matches("<h1>").count(), 1, "{name}");
            assert_eq!(html.matches("<main ").count(), 1, "{name}");
            assert!(!html.contains(" style="), "{name}: the policy forbids it");
            assert!(!html.contains(" onclick="), "{name}: the policy forbids it");
            let scripts = usize::from(matches!(page, Page::FormPost(_)));
            assert_eq!(html.matches("<script").count(), scripts, "{name}");
        }
    }
}

#[test]
fn every_template_has_a_sample() {
    let sampled: std::collections::BTreeSet<_> = Page::samples()
        .iter()
        .map(|(_, page)| page.template())
        .collect();
    for (name, _) in TEMPLATES {
        if !["layout.html", "parts.html"].contains(&name) {
            assert!(sampled.contains(name), "{name}");
        }
    }
}

#[test]
fn what_people_and_applications_say_is_escaped() {
    let attack = "\"><script>alert(1)</script><img src=x onerror='y'>";
    let page = Page::Password(PasswordView {
        form: Form::to(attack).with("request", attack),
        application: Some(attack.to_owned()),
        login: attack.to_owned(),
        known: false,
        notice: None,
        failure: None,
        other_ways: true,
    });
    let choice = Page::MethodChoice(MethodChoiceView {
        form: Form::to(attack).with("request", attack),
        application: Some(attack.to_owned()),
        methods: vec![MethodOption {
            name: attack.to_owned(),
            label: attack.to_owned(),
        }],
        notice: None,
        failure: None,
    });
    let mut frame = frame("en");
    frame.realm = Some(attack.to_owned());
    let pages = Pages::load().unwrap();
    for page in [page, choice] {
        let html = pages.render(&frame, &page).unwrap();
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("<img"), "{html}");
        assert!(!html.contains("onerror='"), "{html}");
    }
}

/// A page of one method leads to the choice by a button of its own form, so that neither a script
/// nor a filled field is needed.
#[test]
fn another_way_is_a_form_of_its_own() {
    let pages = Pages::load().unwrap();
    let (mut with, mut without) = (0, 0);
    for (name, page) in Page::samples() {
        let offers = match &page {
            Page::Password(view) => view.other_ways,
            Page::Totp(view) => view.other_ways,
            Page::TotpEnrolment(view) => view.other_ways,
            _ => false,
        };
        let html = pages.render(&frame("en"), &page).unwrap();
        let forms = html
            .split("<form")
            .filter(|form| form.contains("name=\"decision\" value=\"other-way\""));
        let found: Vec<&str> = forms.collect();
        assert_eq!(found.len(), usize::from(offers), "{name}");
        if let Some(form) = found.first() {
            assert!(!form.contains("required"), "{name}");
            with += 1;
        } else {
            without += 1;
        }
    }
    assert!(with > 2 && without > 2);
}

#[test]
fn a_text_cannot_bring_fluent_or_template_syntax() {
    let page = Page::Denied(DeniedView {
        id: "{{ frame }}".to_owned(),
        message: Some("{ $application } {{ page }}".to_owned()),
        application: Some("{ -brand } { login-title }".to_owned()),
        back: None,
        failure: None,
    });
    let html = Pages::load().unwrap().render(&frame("uk"), &page).unwrap();
    assert!(html.contains("{ $application } {{ page }}"), "{html}");
}

#[test]
fn shown_texts_are_hidden_from_logs() {
    let form = Form::to("/login").with("request", "sealed-value");
    assert!(!format!("{form:?}").contains("sealed-value"));
    let (_, page) = Page::samples()
        .into_iter()
        .find(|(name, _)| name == "enrolment")
        .unwrap();
    assert!(!format!("{page:?}").contains("JBSW"));
}

/// KC-AZ-05.
#[test]
fn kc_az_05_login_hint_is_prefilled() {
    let (_, page) = Page::samples()
        .into_iter()
        .find(|(name, _)| name == "login-hint")
        .unwrap();
    let html = Pages::load().unwrap().render(&frame("en"), &page).unwrap();
    assert!(
        html.contains("value=\"olena@example.com\" autocomplete=\"username\""),
        "{html}"
    );
}
