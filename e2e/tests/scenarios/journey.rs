//! Logins with every step that there is, while something happens to what serves them between any
//! two requests. What the browser and the application hold, and the database, is all that a
//! request needs (design.md promise 7), so that each goes on as if nothing had happened.

use openidconnect::OAuth2TokenResponse;
use url::Url;

use crate::support::application::Application;
use crate::support::authenticator::Authenticator;
use crate::support::dev::{LOGIN, PASSWORD};
use crate::support::network::Network;
use crate::support::person::{Page, Person, Seen};

const WRONG: &[(&str, &str)] = &[("login", LOGIN), ("password", "planted-password wrong")];
const RIGHT: &[(&str, &str)] = &[("login", LOGIN), ("password", PASSWORD)];

/// What is served, and what happens to it.
pub(crate) trait Site {
    fn issuer(&self) -> Url;
    fn network(&self) -> Network;
    /// Comes before every request.
    fn disturb(&mut self);
}

/// A person on their way through a site.
struct Traveller<'s, S> {
    site: &'s mut S,
    person: Person,
}

impl<'s, S: Site> Traveller<'s, S> {
    fn new(site: &'s mut S) -> Self {
        let person = Person::over(&site.network());
        Self { site, person }
    }

    async fn open(&mut self, url: &Url) -> Seen {
        self.site.disturb();
        let answer = self.person.get(url.clone()).await.unwrap();
        let seen = self.person.follow(answer, || self.site.disturb()).await;
        seen.unwrap()
    }

    async fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Seen {
        self.site.disturb();
        let answer = self.person.send(page, fields).await.unwrap();
        let seen = self.person.follow(answer, || self.site.disturb()).await;
        seen.unwrap()
    }

    /// Follows the browser to the application.
    async fn arrive(&self, seen: Seen) {
        self.person.open(&seen.left()).await.unwrap();
    }
}

/// A wrong password, a password, the enrolment of a second factor, recovery codes, consent; the
/// code, userinfo, a refresh; the second factor at another browser, and that its code is not taken
/// twice; single sign-on; logout (KC-AZ-01, AUTH-TOTP-01, KC-CONS-01, KC-TK-01, KC-TK-04, KC-UI-01,
/// FLOW-06, KC-LO-01).
pub(crate) async fn a_login_goes_on(site: &mut impl Site) {
    let network = site.network();
    let mut application = Application::over(&network, &site.issuer(), "notary", None).await;

    let begun = application.begin(&["profile"], &[]);
    let mut first = Traveller::new(site);
    let page = first.open(&begun.url).await.page();
    let page = first.submit(&page, WRONG).await.page();
    assert!(page.asks_for("password"), "{}", page.html);
    let page = first.submit(&page, RIGHT).await.page();
    let authenticator = Authenticator::with_seed(&page.text_of("secret").expect("a seed"));
    let code = authenticator.code(0);
    let page = first.submit(&page, &[("code", &code)]).await.page();
    let page = first.submit(&page, &[("saved", "yes")]).await.page();
    assert!(page.html.contains("Notary"), "consent: {}", page.html);
    let seen = first.submit(&page, &[("decision", "allow")]).await;
    first.arrive(seen).await;
    first.site.disturb();
    let logged_in = application.finish(begun).await;
    let sub = logged_in.claims.subject().clone();
    first.site.disturb();
    application.userinfo(&logged_in.tokens).await.unwrap();
    first.site.disturb();
    let refreshed = logged_in.tokens.refresh_token().expect("a refresh token");
    let refreshed = application.refresh(refreshed).await.unwrap();
    first.site.disturb();
    let userinfo = application.userinfo(&refreshed).await.unwrap();
    assert_eq!(*userinfo.subject(), sub);

    // At another browser, with the code of the next time step.
    let code = authenticator.code(1);
    let begun = application.begin(&[], &[]);
    let mut second = Traveller::new(first.site);
    let page = second.open(&begun.url).await.page();
    let page = second.submit(&page, RIGHT).await.page();
    let seen = second.submit(&page, &[("code", &code)]).await;
    second.arrive(seen).await;
    second.site.disturb();
    let logged_in = application.finish(begun).await;
    assert_eq!(*logged_in.claims.subject(), sub);

    let silent = application.begin(&[], &[("prompt", "none")]);
    let seen = second.open(&silent.url).await;
    second.arrive(seen).await;
    second.site.disturb();
    let again = application.finish(silent).await;
    assert_eq!(again.claims.auth_time(), logged_in.claims.auth_time());

    let page = second.open(&application.log_out(&logged_in)).await.page();
    let gone = second.submit(&page, &[("answer", "yes")]).await.left();
    assert_eq!(gone, application.home());
    let silent = application.begin(&[], &[("prompt", "none")]);
    let refused = second.open(&silent.url).await.left();
    assert!(
        refused.as_str().contains("error=login_required"),
        "{refused}"
    );
    second.site.disturb();
    let ended = logged_in.tokens.refresh_token().expect("a refresh token");
    assert!(application.refresh(ended).await.is_err());

    let mut third = Traveller::new(second.site);
    let page = third.open(&application.begin(&[], &[]).url).await.page();
    let page = third.submit(&page, RIGHT).await.page();
    let page = third.submit(&page, &[("code", &code)]).await.page();
    assert!(page.asks_for("code"), "it was used: {}", page.html);
}

/// Wrong passwords are counted in the database, and the right one is then barred too, with the
/// same words (AUTH-PWD-04).
pub(crate) async fn a_lockout_holds(site: &mut impl Site) {
    let network = site.network();
    let application = Application::over(&network, &site.issuer(), "notary", None).await;
    let mut traveller = Traveller::new(site);
    let begun = application.begin(&[], &[]);
    let mut page = traveller.open(&begun.url).await.page();
    for _ in 0..5 {
        page = traveller.submit(&page, WRONG).await.page();
    }
    let barred = traveller.submit(&page, RIGHT).await.page();
    assert!(barred.asks_for("password"), "{}", barred.html);
    assert_eq!(page.text_of("problem"), barred.text_of("problem"));
}
