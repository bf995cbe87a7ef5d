//! An edit is live in under a second, and a mistake leaves the last good realm serving (FLOW-04,
//! design.md promises 2 and 3).

use std::time::{Duration, Instant};

use crate::support::application::Application;
use crate::support::dev::Dev;
use crate::support::person::Person;

const SECRET: &str = "planted-client-secret-4f1c0e6b9a7d2835";

#[tokio::test]
async fn an_edit_is_live_and_a_mistake_is_told_and_mended() {
    let mut dev = Dev::start();
    let application = Application::start(&dev.issuer, "app", Some(SECRET)).await;
    let person = Person::new();
    let shows = async |name: &str| {
        let page = person
            .open(&application.begin(&[], &[]).url)
            .await
            .unwrap()
            .page();
        assert!(page.html.contains(name), "no {name:?} in {}", page.html);
    };
    shows("Harbour library").await;

    let began = Instant::now();
    let said = dev.edit("applications.yaml", "Harbour library", "Seaside library");
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(said["live"][0]["realm"], "identity.quickstart", "{said}");
    shows("Seaside library").await;

    let said = dev.edit(
        "applications.yaml",
        "scopes: {default: [openid]",
        "scopes: {default: [opnid]",
    );
    assert_eq!(said["live"].as_array().map(Vec::len), Some(0), "{said}");
    let told = said["diagnostics"].to_string();
    assert!(
        told.contains("opnid") && told.contains("applications.yaml"),
        "{told}"
    );
    assert!(told.contains("openid"), "the fix is named: {told}");
    shows("Seaside library").await;

    let said = dev.edit("applications.yaml", "[opnid]", "[openid]");
    assert_eq!(
        said["diagnostics"].as_array().map(Vec::len),
        Some(0),
        "{said}"
    );
    shows("Seaside library").await;
    assert_eq!(dev.stop(), Some(0));
}
