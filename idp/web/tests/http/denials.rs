//! Why somebody was refused: the page tells a number, the API what it stands for.

use http::StatusCode;

use crate::support::{Browser, TestApp};
use crate::{AUTHORIZE, create_olena, location, log_in};

/// The number on a page.
fn number(page: &str) -> &str {
    let (_, rest) = page.split_once("class=\"error-id\">").unwrap();
    rest.split('<').next().unwrap()
}

/// APP-10, APP-12.
#[tokio::test]
async fn a_denial_is_read_by_the_number_on_its_page() {
    let app = TestApp::new().await;
    let token = create_olena(&app).await;
    let mut browser = Browser::new(&app);
    let closed = AUTHORIZE.replace("client_id=demo", "client_id=closed");
    let page = log_in(&mut browser, &closed).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.body);
    let id = number(&page.body);

    let read = async |path: &str, token: &str| {
        let headers = [("authorization", token)];
        app.call("GET", path, &headers, "").await
    };
    let path = format!("/quickstart/api/v1/denials/{id}");
    let denial = read(&path, &token).await;
    assert_eq!(denial.status, StatusCode::OK, "{}", denial.body);
    let denial = denial.json();
    assert_eq!(denial["id"], id);
    assert_eq!(denial["client"], "closed");
    assert_eq!(denial["moment"], "beforeCode");
    assert_eq!(denial["class"], "personal");
    assert_eq!(denial["why"]["by"], "access");
    let rule = &denial["why"]["rules"][0];
    assert_eq!(
        (&rule["name"], &rule["truth"]),
        (&"staff".into(), &"false".into())
    );
    assert_eq!(rule["atoms"][0]["truth"], "false");
    let said = denial.to_string();
    assert!(!said.contains("olena") && !said.contains("Olena"), "{said}");

    let other = app
        .token("other", "other-service", "realmwright:accounts")
        .await;
    let elsewhere = format!("/other/api/v1/denials/{id}");
    for (path, token) in [
        (elsewhere.as_str(), other.as_str()),
        ("/quickstart/api/v1/denials/0000-0000-0000", token.as_str()),
        ("/quickstart/api/v1/denials/%25", token.as_str()),
    ] {
        let unknown = read(path, token).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(unknown.json()["type"], "#not-found", "{path}");
    }
}

#[tokio::test]
async fn an_application_gets_the_number_in_its_description() {
    let app = TestApp::new().await;
    let token = create_olena(&app).await;
    let mut browser = Browser::new(&app);
    let closed = AUTHORIZE.replace("client_id=demo", "client_id=closed-quietly");
    let answer = location(&log_in(&mut browser, &closed).await);
    let answer: url::Url = answer.parse().unwrap();
    let parameter = |name: &str| {
        let mut pairs = answer.query_pairs();
        pairs
            .find(|(known, _)| known == name)
            .unwrap()
            .1
            .into_owned()
    };
    assert_eq!(parameter("error"), "access_denied");
    let description = parameter("error_description");
    let id = description
        .strip_prefix("access is denied (reference ")
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap();
    let path = format!("/quickstart/api/v1/denials/{id}");
    let headers = [("authorization", token.as_str())];
    let denial = app.call("GET", &path, &headers, "").await;
    assert_eq!(denial.status, StatusCode::OK, "{}", denial.body);
    assert_eq!(denial.json()["client"], "closed-quietly");
}
