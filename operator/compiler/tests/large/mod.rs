//! A realm of many clients, for measuring and counting.

use std::fmt::Write as _;

/// Everything but the clients.
pub(crate) const REALM: &str = "\
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
---
apiVersion: realmwright.dev/v1alpha1
kind: AuthFlow
metadata: {name: plain, namespace: identity}
spec:
  realmRef: {name: main}
  entry: [{name: password, then: {more: {methods: [password]}}}]
  afterStep: [{name: done, then: {enough: {}}}]
";

/// Clients spread over files of the same size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clients {
    pub(crate) count: usize,
    pub(crate) per_file: usize,
}

impl Clients {
    pub(crate) fn files(self) -> std::ops::Range<usize> {
        0..self.count / self.per_file
    }

    pub(crate) fn name(file: usize) -> String {
        format!("clients-{file:05}.yaml")
    }

    /// A file, with `edit` in the display name of one client.
    pub(crate) fn text(self, file: usize, edited: usize, edit: &str) -> String {
        let mut text = String::new();
        for number in file * self.per_file..(file + 1) * self.per_file {
            let edit = if number == edited { edit } else { "" };
            let _ = write!(text, "---\n{}", client(number, edit));
        }
        text
    }
}

pub(crate) fn client(number: usize, edit: &str) -> String {
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
