//! The REST API, as its client.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::target::Credentials;
use crate::arguments::{Assignment, Target};

const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Why one account was refused; the others may do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

/// A realm's accounts, with a token.
#[derive(Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    credentials: Credentials,
    token_endpoint: Url,
    accounts: Url,
    token: SecretString,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: Url,
}

#[derive(Deserialize)]
struct Token {
    access_token: SecretString,
}

impl Api {
    /// Reads the realm's metadata and gets a token.
    pub(crate) async fn connect(target: &Target) -> anyhow::Result<Self> {
        let credentials = target.credentials()?;
        let mut http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        if let Some(file) = &target.ca_file {
            let pem =
                std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            for certificate in reqwest::Certificate::from_pem_bundle(&pem)? {
                http = http.add_root_certificate(certificate);
            }
        }
        let http = http.build()?;
        let issuer = credentials.issuer.as_str().trim_end_matches('/');
        let metadata: Metadata = http
            .get(format!("{issuer}/.well-known/openid-configuration"))
            .send()
            .await
            .with_context(|| format!("cannot reach {issuer}"))?
            .error_for_status()?
            .json()
            .await
            .with_context(|| format!("{issuer} does not answer as an issuer"))?;
        if metadata.issuer != issuer {
            bail!("{issuer} says that it is {}", metadata.issuer);
        }
        let mut api = Self {
            accounts: Url::parse(&format!("{issuer}/api/v1/accounts"))?,
            token_endpoint: metadata.token_endpoint,
            token: SecretString::default(),
            credentials,
            http,
        };
        api.renew().await?;
        Ok(api)
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let answer = self
            .http
            .post(self.token_endpoint.clone())
            // Every provider supports it; both halves are form-encoded (RFC 6749 section 2.3.1).
            .basic_auth(
                encoded(&self.credentials.client_id),
                Some(encoded(self.credentials.secret.expose_secret())),
            )
            .form(&[
                ("grant_type", "client_credentials"),
                ("scope", "realmwright:accounts"),
            ])
            .send()
            .await
            .context("the token endpoint does not answer")?;
        let status = answer.status();
        let body = body(answer).await?;
        if status != StatusCode::OK {
            bail!("no token: {}", words(status, &body));
        }
        let token: Token = serde_json::from_value(body).context("the answer holds no token")?;
        self.token = token.access_token;
        Ok(())
    }

    fn url(&self, path: &[&str]) -> anyhow::Result<Url> {
        let mut url = self.accounts.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("the issuer is no base for paths"))?
            .extend(path);
        Ok(url)
    }

    async fn call(
        &mut self,
        method: Method,
        url: Url,
        json: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        // A token may end during a long import: then once more with a new one.
        for attempt in 0..2 {
            let mut request = self
                .http
                .request(method.clone(), url.clone())
                .bearer_auth(self.token.expose_secret());
            if let Some(json) = json {
                request = request.json(json);
            }
            let answer = request.send().await.context("the realm does not answer")?;
            let status = answer.status();
            let body = body(answer).await?;
            if status != StatusCode::UNAUTHORIZED || attempt == 1 {
                return Ok((status, body));
            }
            self.renew().await?;
        }
        bail!("the realm does not accept its own token")
    }

    /// What lies at a path; none when nothing does.
    pub(crate) async fn find(&mut self, path: &[&str]) -> anyhow::Result<Option<Value>> {
        self.change(Method::GET, path, None).await
    }

    /// The answer to a change; none when there is no such account.
    pub(crate) async fn change(
        &mut self,
        method: Method,
        path: &[&str],
        json: Option<&Value>,
    ) -> anyhow::Result<Option<Value>> {
        let url = self.url(path)?;
        match self.call(method, url, json).await? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, body) if status.is_success() => Ok(Some(body)),
            (status, body) => Err(Refused(words(status, &body)).into()),
        }
    }

    /// The answer to a call that something must answer.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &[&str],
        json: Option<&Value>,
    ) -> anyhow::Result<Value> {
        self.change(method, path, json)
            .await?
            .context("the realm has no accounts API")
    }

    /// Accounts by attributes.
    pub(crate) async fn search(
        &mut self,
        attributes: &[Assignment],
        limit: u32,
    ) -> anyhow::Result<Value> {
        let mut url = self.accounts.clone();
        {
            let mut query = url.query_pairs_mut();
            for Assignment { name, value } in attributes {
                query.append_pair(name, value);
            }
            query.append_pair("limit", &limit.to_string());
        }
        let (status, body) = self.call(Method::GET, url, None).await?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(Refused(words(status, &body)).into())
        }
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The body as JSON; null when there is none.
async fn body(mut answer: reqwest::Response) -> anyhow::Result<Value> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            bail!("the answer is larger than {MAX_ANSWER} bytes");
        }
        bytes.extend_from_slice(&chunk);
    }
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    Ok(serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned())))
}

/// What an error answer says, in a line: RFC 6749 and RFC 9457 forms, else as it is.
fn words(status: StatusCode, body: &Value) -> String {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let said: Vec<&str> = ["error", "title", "error_description", "detail"]
        .into_iter()
        .filter_map(text)
        .collect();
    let mut line = if said.is_empty() {
        status.to_string()
    } else {
        said.join(": ")
    };
    if let Some(fields) = body.get("fields").or_else(|| body.get("errors")) {
        line.push_str(&format!(" {fields}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_are_said_in_the_servers_words() {
        let status = StatusCode::BAD_REQUEST;
        assert_eq!(
            words(
                status,
                &json!({"error": "invalid_scope", "error_description": "no"})
            ),
            "invalid_scope: no"
        );
        assert_eq!(words(status, &json!({"title": "Taken"})), "Taken");
        assert_eq!(words(status, &Value::Null), "400 Bad Request");
    }
}
