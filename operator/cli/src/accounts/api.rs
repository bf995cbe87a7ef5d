//! The REST API, as its client.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::rules;
use super::target::Credentials;
use crate::arguments::{Assignment, Target};

const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// A realm's accounts, with a token.
#[derive(Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    credentials: Credentials,
    token_endpoint: Url,
    accounts: Url,
    denials: Url,
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
    /// Reads the metadata of the realm, `realm` where the target has several, and gets a token.
    pub(crate) async fn connect(target: &Target, realm: Option<&str>) -> anyhow::Result<Self> {
        let credentials = target.credentials(realm)?;
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
            denials: Url::parse(&format!("{issuer}/api/v1/denials"))?,
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
        let body = bytes(answer).await?;
        if status != StatusCode::OK {
            bail!("no token: {}", words(status, &value(&body)));
        }
        let token: Token = serde_json::from_slice(&body).context("the answer holds no token")?;
        self.token = token.access_token;
        Ok(())
    }

    fn url(&self, path: &[&str]) -> anyhow::Result<Url> {
        below(&self.accounts, path)
    }

    /// The realm that is spoken to.
    pub(crate) const fn issuer(&self) -> &Url {
        &self.credentials.issuer
    }

    async fn call(
        &mut self,
        method: Method,
        url: Url,
        content: Option<Content>,
    ) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        // A token may end during a long import: then once more with a new one.
        for attempt in 0..2 {
            let mut request = self
                .http
                .request(method.clone(), url.clone())
                .bearer_auth(self.token.expose_secret());
            if let Some(Content { media_type, bytes }) = &content {
                request = request
                    .header(CONTENT_TYPE, *media_type)
                    .body(bytes.clone());
            }
            let answer = request.send().await.context("the realm does not answer")?;
            let status = answer.status();
            let body = bytes(answer).await?;
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

    /// A refusal by its number; none when there is none.
    pub(crate) async fn denial(&mut self, id: &str) -> anyhow::Result<Option<Value>> {
        let url = below(&self.denials, &[id])?;
        self.answer(Method::GET, url, None).await
    }

    /// The answer to a change; none when there is no such account.
    pub(crate) async fn change(
        &mut self,
        method: Method,
        path: &[&str],
        json: Option<&Value>,
    ) -> anyhow::Result<Option<Value>> {
        let url = self.url(path)?;
        self.answer(method, url, json).await
    }

    async fn answer(
        &mut self,
        method: Method,
        url: Url,
        json: Option<&Value>,
    ) -> anyhow::Result<Option<Value>> {
        let content = json.map(Content::json).transpose()?;
        match self.call(method, url, content).await? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, body) if status.is_success() => Ok(Some(value(&body))),
            (status, body) => Err(refused(status, &body)),
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
                query.append_pair(&format!("attributes.{name}"), value);
            }
            query.append_pair("limit", &limit.to_string());
        }
        let (status, body) = self.call(Method::GET, url, None).await?;
        if status.is_success() {
            Ok(value(&body))
        } else {
            Err(refused(status, &body))
        }
    }

    /// Creates an account for each line; one answer for each that is not empty.
    pub(crate) async fn import(&mut self, lines: String) -> anyhow::Result<Vec<LineAnswer>> {
        let mut url = self.accounts.clone();
        url.set_path(&format!("{}:import", url.path()));
        let content = Content {
            media_type: "application/x-ndjson",
            bytes: lines.into_bytes(),
        };
        let (status, body) = self.call(Method::POST, url, Some(content)).await?;
        if !status.is_success() {
            return Err(refused(status, &body));
        }
        body.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).context("an answer cannot be read"))
            .collect()
    }
}

/// What became of one line of an import.
#[derive(Debug, Deserialize)]
pub(crate) struct LineAnswer {
    /// From 1, in the request.
    pub(crate) line: u64,
    pub(crate) outcome: LineOutcome,
    #[serde(default)]
    problem: Value,
}

impl LineAnswer {
    /// Why it failed.
    pub(crate) fn reason(&self) -> String {
        words(StatusCode::UNPROCESSABLE_ENTITY, &self.problem)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LineOutcome {
    Created,
    Exists,
    Failed,
}

/// What a call carries.
struct Content {
    media_type: &'static str,
    bytes: Vec<u8>,
}

impl Content {
    fn json(value: &Value) -> serde_json::Result<Self> {
        Ok(Self {
            media_type: "application/json",
            bytes: serde_json::to_vec(value)?,
        })
    }
}

fn below(base: &Url, path: &[&str]) -> anyhow::Result<Url> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| anyhow::anyhow!("the issuer is no base for paths"))?
        .extend(path);
    Ok(url)
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn bytes(mut answer: reqwest::Response) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            bail!("the answer is larger than {MAX_ANSWER} bytes");
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A body as JSON; null when there is none, text when it is something else.
fn value(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body).into_owned()))
}

fn refused(status: StatusCode, body: &[u8]) -> anyhow::Error {
    anyhow::anyhow!(words(status, &value(body)))
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
    if let Some(field) = text("field") {
        line = format!("{field}: {line}");
    }
    let rules = body.get("rules").and_then(Value::as_array);
    if let Some(rules) = rules.filter(|rules| !rules.is_empty()) {
        line = format!("{line}: {}", rules::all_in_words(rules));
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
        assert_eq!(
            words(status, &json!({"title": "Already taken", "field": "name"})),
            "name: Already taken"
        );
        assert_eq!(
            words(
                status,
                &json!({"title": "Too weak", "field": "password", "rules": [{"minLength": 12}]})
            ),
            "password: Too weak: at least 12 characters"
        );
        assert_eq!(words(status, &Value::Null), "400 Bad Request");
    }
}
