//! 10,000 clients: a cold compile and an edit of one. Run with
//! `cargo test --release -p realmwright-compiler --test scale -- --ignored --nocapture`.

use std::fmt::Write as _;
use std::time::Instant;

use realmwright_compiler::{Colour, CompileProfile, Compiler, Manifests, human};

const CLIENTS: usize = 10_000;

const REALM: &str = "\
apiVersion: realmwright.dev/v1alpha1
kind: Region
metadata: {name: ua}
spec: {country: UA, hosts: [{pattern: id.example.com, namespaces: [identity]}]}
---
apiVersion: realmwright.dev/v1alpha1
kind: Realm
metadata: {name: main, namespace: identity}
spec:
  placements: [{region: ua, issuer: https://id.example.com/main}]
  attributes: [{name: email, searchable: true}]
---
apiVersion: realmwright.dev/v1alpha1
kind: AuthMethod
metadata: {name: password, namespace: identity}
spec:
  realmRef: {name: main}
  password: {match: [{all: [{attribute: email, equals: login}]}]}
---
apiVersion: realmwright.dev/v1alpha1
kind: Scope
metadata: {name: openid, namespace: identity}
spec: {realmRef: {name: main}}
";

fn client(number: usize, edit: &str) -> String {
    format!(
        "\
apiVersion: realmwright.dev/v1alpha1
kind: Client
metadata: {{name: client-{number}, namespace: identity}}
spec:
  realmRef: {{name: main}}
  displayName: {{en: Client {number}{edit}}}
  tags: [web, \"n{number}\"]
  access:
    rules:
    - {{name: known, when: has(person.email) && person.email.endsWith('@example.com')}}
  claims:
  - {{name: email, from: {{attribute: email}}, targets: [IdToken, UserInfo]}}
  oidc:
    authentication: {{secret: {{generated: {{}}}}}}
    redirectUris: [https://app-{number}.example.com/callback]
    scopes: {{default: [openid]}}
    webOrigins: [\"+\"]
    logout: {{redirectUris: [https://app-{number}.example.com/bye]}}
"
    )
}

fn manifests(edit: &str) -> Manifests {
    let mut manifests = Manifests::new();
    manifests.insert("realm.yaml", REALM.as_bytes());
    // One big file is the hard case: none of it can be skipped unread.
    let mut text = String::new();
    for number in 0..CLIENTS {
        let edit = if number == CLIENTS / 2 { edit } else { "" };
        let _ = write!(text, "---\n{}", client(number, edit));
    }
    manifests.insert("clients.yaml", text.into_bytes());
    manifests
}

#[test]
#[ignore = "measures time: run it alone and in release"]
fn ten_thousand_clients() {
    let profile = CompileProfile::Production;
    let (first, edited) = (manifests(""), manifests(" edited"));
    let mut compiler = Compiler::new();
    let start = Instant::now();
    let cold = compiler.compile(&first, &profile);
    let cold_time = start.elapsed();
    assert_eq!(
        cold.realms.len(),
        1,
        "{}",
        human(&cold.diagnostics, Colour::None)
    );
    assert_eq!(cold.realms[0].snapshot.clients.len(), CLIENTS);
    let mut times = Vec::new();
    let mut last = cold.realms[0].sealed.digest;
    for round in 0..6 {
        let manifests = if round % 2 == 0 { &edited } else { &first };
        let start = Instant::now();
        let compilation = compiler.compile(manifests, &profile);
        times.push(start.elapsed());
        assert_ne!(compilation.realms[0].sealed.digest, last);
        last = compilation.realms[0].sealed.digest;
    }
    assert_eq!(last, cold.realms[0].sealed.digest);
    println!("cold {cold_time:?}, edits {times:?}");
}
