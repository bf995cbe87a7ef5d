//! `kubectl` against a kube-apiserver with the configuration of `examples/clients/kubernetes`: who
//! somebody is there by an id token of ours, what they may, refresh, userinfo, rotation of keys in
//! mid-session, logout, and what is refused (KC-AZ-01, KC-TK-04, KC-UI-01, KC-LO-01, KC-KEY-02,
//! KC-KEY-03).

use openidconnect::core::CoreTokenResponse;
use openidconnect::{OAuth2TokenResponse, TokenResponse};
use realmwright_e2e::kubernetes::{ControlPlane, Kubectl, Said};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::application::{Application, LoggedIn};
use crate::support::binaries::repository;
use crate::support::dev::LOGIN;
use crate::support::examples::{GUEST, example, serve_examples};
use crate::support::person::Person;
use crate::support::secured::{Secured, key_of, log_in, log_out, text, trimmed, until};

const WHO: &[&str] = &["auth", "whoami", "--output", "json"];
const READ: &[&str] = &["get", "configmaps", "--output", "json"];

async fn cluster_that_trusts(served: &Secured) -> ControlPlane {
    let indented = served
        .certificates
        .authority
        .trim()
        .replace('\n', "\n        ");
    let authentication = example(
        "kubernetes/authentication.yaml",
        &[
            ("https://id.example.com/main", trimmed(&served.dev.issuer)),
            ("AUTHORITY", &indented),
        ],
    );
    let cluster = ControlPlane::authenticating(&authentication).await;
    let rules = repository().join("examples/clients/kubernetes/rbac.yaml");
    cluster.kubectl().apply_from(&rules);
    cluster
}

/// `kubectl` as somebody who shows a token, with the configuration of the examples.
fn kubectl_of(cluster: &ControlPlane, token: &str, arguments: &[&str]) -> Said {
    let home = TempDir::new().expect("a temporary folder");
    let kept = home.path().join("id-token");
    std::fs::write(&kept, token).expect("it can be written");
    let config = example(
        "kubernetes/kubeconfig.yaml",
        &[
            ("https://api.example.com:6443", trimmed(cluster.address())),
            (
                "/etc/kubernetes/authority.pem",
                text(&cluster.authority_file()),
            ),
            ("/run/user/me/id-token", text(&kept)),
        ],
    );
    let configured = home.path().join("kubeconfig.yaml");
    std::fs::write(&configured, config).expect("it can be written");
    Kubectl::configured(&configured).run(arguments)
}

async fn application(served: &Secured, client: &str) -> Application {
    Application::over(&served.network(), &served.dev.issuer, client, None).await
}

async fn enter(application: &mut Application, person: &Person, login: &str) -> LoggedIn {
    let begun = application.begin(&["email", "groups"], &[]);
    let page = person.open(&begun.url).await.unwrap().page();
    let back = log_in(person, &page, login).await;
    person.open(&back).await.unwrap();
    application.finish(begun).await
}

fn id_token(tokens: &CoreTokenResponse) -> String {
    tokens.id_token().unwrap().to_string()
}

/// Whom the server takes somebody for, whatever token that was.
fn user(said: &Said) -> Value {
    let mut user = said.json()["status"]["userInfo"].take();
    let extra = user.as_object_mut().and_then(|user| user.remove("extra"));
    assert!(extra.is_some_and(|extra| extra.to_string().contains("JTI=")));
    user
}

fn assert_unauthorized(said: &Said) {
    let is_refused = !said.done && said.text.contains("Unauthorized");
    assert!(is_refused, "{said:?}");
}

#[tokio::test]
async fn kubectl_knows_people_while_keys_are_rotated() {
    let served = serve_examples(&[]);
    let cluster = cluster_that_trusts(&served).await;
    let (dev, person) = (&served.dev, served.person());
    let mut kubectl = application(&served, "kubernetes").await;
    let first = enter(&mut kubectl, &person, LOGIN).await;
    let token = id_token(&first.tokens);

    // The server discovers the issuer after it is ready.
    let who = until("authentication by our tokens", async || {
        let said = kubectl_of(&cluster, &token, WHO);
        said.done.then(|| user(&said))
    })
    .await;
    assert_eq!(who["username"], format!("oidc:{LOGIN}"));
    assert_eq!(who["uid"], first.claims.subject().as_str());
    let groups = who["groups"].as_array().unwrap();
    assert!(groups.contains(&"oidc:staff".into()), "{groups:?}");
    assert!(kubectl_of(&cluster, &token, READ).done);

    let refreshed = async |kubectl: &Application, tokens: &CoreTokenResponse| {
        let next = kubectl.refresh(tokens.refresh_token().unwrap()).await;
        let next = next.unwrap();
        let person = kubectl.userinfo(&next).await.unwrap();
        assert_eq!(person.email().unwrap().as_str(), LOGIN);
        assert_eq!(user(&kubectl_of(&cluster, &id_token(&next), WHO)), who);
        next
    };
    let second = refreshed(&kubectl, &first.tokens).await;

    let rotated = dev.rotate();
    let third = refreshed(&kubectl, &second).await;
    assert_eq!(key_of(&id_token(&third)), rotated);
    assert!(
        kubectl_of(&cluster, &token, READ).done,
        "the former key is good"
    );

    let replaced = dev.compromise();
    let fourth = refreshed(&kubectl, &third).await;
    assert_eq!(key_of(&id_token(&fourth)), replaced);
    // The server remembers for ten seconds that a token was good.
    until("refusal of the compromised key", async || {
        let said = kubectl_of(&cluster, &id_token(&third), WHO);
        (!said.done).then(|| assert_unauthorized(&said))
    })
    .await;

    let ended = LoggedIn {
        tokens: fourth,
        claims: first.claims,
    };
    let home = log_out(&person, &kubectl.log_out(&ended)).await;
    assert_eq!(home, kubectl.home());
    let refused = kubectl.refresh(ended.tokens.refresh_token().unwrap()).await;
    assert!(refused.unwrap_err().contains("invalid_grant"));
}

/// Another application of the same realm, and the same application of another realm.
#[tokio::test]
async fn whom_the_cluster_does_not_know_is_refused() {
    let served = serve_examples(&[]);
    let other_client = example("realm/clients.yaml", &[("kubernetes}", "elsewhere}")]);
    let (_, other_client) = other_client.rsplit_once("---\n").unwrap();
    served.dev.add("elsewhere.yaml", other_client);
    let cluster = cluster_that_trusts(&served).await;

    let mut kubectl = application(&served, "kubernetes").await;
    let guest = enter(&mut kubectl, &served.person(), GUEST).await;
    let token = id_token(&guest.tokens);
    let who = until("authentication by our tokens", async || {
        let said = kubectl_of(&cluster, &token, WHO);
        said.done.then(|| user(&said))
    })
    .await;
    assert_eq!(who["groups"], serde_json::json!(["system:authenticated"]));
    let said = kubectl_of(&cluster, &token, READ);
    assert!(!said.done && said.text.contains("Forbidden"), "{said:?}");

    assert_unauthorized(&kubectl_of(
        &cluster,
        guest.tokens.access_token().secret(),
        WHO,
    ));
    let mut elsewhere = application(&served, "elsewhere").await;
    let other = enter(&mut elsewhere, &served.person(), LOGIN).await;
    assert_unauthorized(&kubectl_of(&cluster, &id_token(&other.tokens), WHO));

    let foreign = serve_examples(&[]);
    let mut stranger = application(&foreign, "kubernetes").await;
    let other = enter(&mut stranger, &foreign.person(), LOGIN).await;
    assert_unauthorized(&kubectl_of(&cluster, &id_token(&other.tokens), WHO));
}
