//! What is asked for again and again.

use std::sync::Mutex;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use url::Url;

use super::Server;
use super::assertion::ASSERTION_TYPE;

/// Of `service` and of `opaque-service`.
const SECRET: &str = "planted-client-secret-90b3d5a1c7e84f62";

pub(super) enum Row {
    Get(Url),
    ClientCredentials {
        client: &'static str,
    },
    Assertion,
    Userinfo {
        token: String,
    },
    Introspection {
        token: String,
    },
    /// The newest token of each connection.
    Refresh(Vec<Mutex<String>>),
}

impl Row {
    fn request(&self, server: &Server<'_>, http: &Client, connection: usize) -> RequestBuilder {
        let token = || http.request(Method::POST, server.at("/oauth2/token"));
        match self {
            Self::Get(url) => http.get(url.clone()),
            Self::ClientCredentials { client } => token()
                .basic_auth(client, Some(SECRET))
                .form(&[("grant_type", "client_credentials")]),
            Self::Assertion => token().form(&[
                ("grant_type", "client_credentials"),
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", &server.key.assertion(&server.issuer)),
            ]),
            Self::Userinfo { token } => http.get(server.at("/oauth2/userinfo")).bearer_auth(token),
            Self::Introspection { token } => http
                .post(server.at("/oauth2/introspect"))
                .basic_auth("service", Some(SECRET))
                .form(&[("token", token)]),
            Self::Refresh(tokens) => {
                let newest = tokens[connection].lock().unwrap().clone();
                token().form(&[
                    ("grant_type", "refresh_token"),
                    ("client_id", "plain"),
                    ("refresh_token", &newest),
                ])
            }
        }
    }

    /// Asks once, and sees that the answer is what was wanted.
    pub(super) async fn ask(&self, server: &Server<'_>, http: &Client, connection: usize) {
        let answer = self.request(server, http, connection).send().await.unwrap();
        let status = answer.status();
        let body = answer.bytes().await.unwrap();
        let text = String::from_utf8_lossy(&body);
        assert!(status.is_success(), "{status} {text}");
        match self {
            Self::Refresh(tokens) => {
                let answer: Value = serde_json::from_slice(&body).unwrap();
                let next = answer["refresh_token"].as_str().unwrap().to_owned();
                *tokens[connection].lock().unwrap() = next;
            }
            Self::Introspection { .. } => {
                let answer: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(answer["active"], true, "{answer}");
            }
            _ => {}
        }
    }
}
