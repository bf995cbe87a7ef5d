//! More passwords at once than can be checked: they are checked in the order in which they came,
//! those beyond the queue are told when to come again, and what needs no password is as fast as
//! ever. That they come in order is tried in `idp/src/password/tests.rs`.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::StatusCode;

use super::{at, at_share, client_credentials, http, log_in};
use crate::support::application::Application;
use crate::support::dev::{ANY_PORT, Dev, LOGIN, PASSWORD, edit, scenario_folder};
use crate::support::network::Network;
use crate::support::person::Person;

const AT_ONCE: usize = 100;
const QUEUE: usize = 4;
/// Less than one check takes here: checks on the threads of the runtime would hold tokens up for
/// longer.
const FAST: Duration = Duration::from_millis(250);

#[tokio::test]
async fn passwords_queue_and_all_else_is_fast() {
    let folder = scenario_folder();
    edit(
        folder.path(),
        "realm.yaml",
        "  retention:",
        &format!(
            "  protection: {{passwordQueue: {{length: {QUEUE}, maxWait: 60s}}}}\n  retention:"
        ),
    );
    edit(
        folder.path(),
        "methods.yaml",
        "  password:\n",
        "  password:\n    hashing: {memoryKiB: 65536, iterations: 4}\n",
    );
    let dev = Dev::start_with(folder, ANY_PORT, &[]);
    let network = Network::default();
    let application = Application::over(&network, &dev.issuer, "plain", None).await;
    let url = application.begin(&[], &[]).url;
    // From now on the person's hash is as dear as it should be.
    assert_eq!(log_in(&network, &url).await.status, StatusCode::SEE_OTHER);
    let pages = (0..AT_ONCE).map(|_| async {
        let person = Person::over(&network);
        let page = person.open(&url).await.unwrap().page();
        (person, page)
    });
    let people = join_all(pages).await;

    let begun = Instant::now();
    let logins = people.iter().map(|(person, page)| async move {
        let fields = [("login", LOGIN), ("password", PASSWORD)];
        let answer = person.send(page, &fields).await.unwrap();
        (answer, begun.elapsed())
    });
    let http = http(&network);
    let done = std::cell::Cell::new(false);
    let others = async {
        let mut times = Vec::new();
        while !done.get() || times.len() < 50 {
            let since = Instant::now();
            let token = client_credentials(&http, &dev.issuer).await.unwrap();
            assert_eq!(token.status(), StatusCode::OK);
            let keys = http.get(at(&dev.issuer, "/oauth2/jwks")).send().await;
            assert_eq!(keys.unwrap().status(), StatusCode::OK);
            times.push(since.elapsed());
        }
        times
    };
    let logins = async {
        let answers = join_all(logins).await;
        done.set(true);
        answers
    };
    let (answers, mut times) = futures::join!(logins, others);

    let mut served = 0;
    let mut refused = 0;
    for (answer, _) in &answers {
        match answer.page.status {
            StatusCode::SEE_OTHER => served += 1,
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(answer.retry_after.is_some_and(|seconds| seconds > 0));
                refused += 1;
            }
            other => panic!("neither served nor refused: {other}\n{}", answer.page.html),
        }
    }
    let last = answers.iter().map(|(_, after)| *after).max().unwrap();
    println!(
        "{AT_ONCE} logins at once: {served} served within {last:?}, {refused} refused; meanwhile \
         {} tokens with key sets, p50 {:?}, p99 {:?}",
        times.len(),
        at_share(&mut times, 50),
        at_share(&mut times, 99),
    );
    assert!(served >= QUEUE, "the queue is served to its end: {served}");
    assert!(refused > 0, "beyond the queue nobody waits");
    assert!(at_share(&mut times, 99) < FAST, "{times:?}");
    // And then it is as before.
    assert_eq!(log_in(&network, &url).await.status, StatusCode::SEE_OTHER);
}
