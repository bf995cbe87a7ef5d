//! Several pods over one PostgreSQL database: any pod answers any request.

use url::Url;

use crate::journey::{Site, a_lockout_holds, a_login_goes_on};
use crate::support::application::Application;
use crate::support::network::Network;
use crate::support::person::Person;
use crate::support::pods::Pods;

/// Every request goes to another pod than the one before.
struct Alternating {
    pods: Pods,
    next: usize,
}

impl Alternating {
    fn start() -> Self {
        Self {
            pods: Pods::start(2),
            next: 0,
        }
    }
}

impl Site for Alternating {
    fn issuer(&self) -> Url {
        self.pods.issuer().clone()
    }

    fn network(&self) -> Network {
        self.pods.network()
    }

    fn disturb(&mut self) {
        self.next = 1 - self.next;
        self.pods.turn_to(self.next);
    }
}

#[tokio::test]
async fn a_login_goes_from_pod_to_pod() {
    let mut site = Alternating::start();
    a_login_goes_on(&mut site).await;
    for pod in site.pods.iter_mut() {
        let metrics = pod.metrics().await;
        for endpoint in ["/oauth2/authorize", "/login/{id}"] {
            let answered = format!("realmwright_http_requests_total{{endpoint=\"{endpoint}\"");
            assert!(metrics.contains(&answered), "not {endpoint}:\n{metrics}");
        }
    }
}

#[tokio::test]
async fn a_lockout_counts_over_all_pods() {
    a_lockout_holds(&mut Alternating::start()).await;
}

/// Design.md promise 3.
#[tokio::test]
async fn an_edit_reaches_every_pod() {
    let mut pods = Pods::start(2);
    let network = pods.network();
    let application = Application::over(&network, pods.issuer(), "notary", None).await;
    let begun = application.begin(&[], &[]);
    pods.edit("applications.yaml", "Notary", "Public notary");
    for number in 0..2 {
        pods.turn_to(number);
        let page = Person::over(&network).open(&begun.url).await.unwrap();
        let page = page.page();
        assert!(page.html.contains("Public notary"), "{}", page.html);
    }
    for pod in pods.iter_mut() {
        assert_eq!(pod.stop(), Some(0));
    }
}
