//! A person with a browser that runs no script: cookies, redirects by hand, forms.

use std::collections::BTreeMap;

use reqwest::{Client, Response, StatusCode, header};
use url::Url;

/// A browser without script.
pub(crate) struct Person {
    http: Client,
}

/// A page with its first form.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) url: Url,
    pub(crate) html: String,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Seen {
    /// A page.
    Page(Page),
    /// The browser was sent away to an application.
    Left(Url),
}

impl Seen {
    /// The page.
    pub(crate) fn page(self) -> Page {
        match self {
            Self::Page(page) => page,
            Self::Left(url) => panic!("sent to {url} instead of a page"),
        }
    }

    /// The address of the application.
    pub(crate) fn left(self) -> Url {
        match self {
            Self::Left(url) => url,
            Self::Page(page) => panic!("still on a page: {}\n{}", page.status, page.html),
        }
    }
}

impl Person {
    /// With nothing remembered.
    pub(crate) fn new() -> Self {
        let http = Client::builder()
            .cookie_store(true)
            // A connection of before a kill would fail the first request after it.
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(std::time::Duration::from_secs(20))
            .build()
            .expect("a client");
        Self { http }
    }

    /// Opens an address and follows redirects within its origin.
    pub(crate) async fn open(&self, url: &Url) -> reqwest::Result<Seen> {
        let answer = self.http.get(url.clone()).send().await?;
        self.follow(url, answer).await
    }

    /// Submits the first form of a page.
    pub(crate) async fn submit(
        &self,
        page: &Page,
        fields: &[(&str, &str)],
    ) -> reqwest::Result<Seen> {
        let answer = self.send(page, fields).await?;
        self.follow(&page.url, answer).await
    }

    /// Submits and does not look at where it leads.
    pub(crate) async fn send(
        &self,
        page: &Page,
        fields: &[(&str, &str)],
    ) -> reqwest::Result<Response> {
        let (action, mut values) = page.form();
        for (name, value) in fields {
            values.insert((*name).to_owned(), (*value).to_owned());
        }
        let origin = page.url.origin().ascii_serialization();
        self.http
            .post(action)
            .header(header::ORIGIN, origin)
            .form(&values)
            .send()
            .await
    }

    async fn follow(&self, from: &Url, answer: Response) -> reqwest::Result<Seen> {
        let mut answer = answer;
        loop {
            let url = answer.url().clone();
            if !answer.status().is_redirection() {
                return Ok(Seen::Page(Page {
                    status: answer.status(),
                    html: answer.text().await?,
                    url,
                }));
            }
            let location = answer.headers()[header::LOCATION].to_str().expect("text");
            let next = url.join(location).expect("an address");
            if next.origin() != from.origin() {
                return Ok(Seen::Left(next));
            }
            answer = self.http.get(next).send().await?;
        }
    }
}

impl Page {
    /// Target and hidden fields of the first form.
    fn form(&self) -> (Url, BTreeMap<String, String>) {
        let start = self
            .html
            .find("<form")
            .unwrap_or_else(|| panic!("no form: {}\n{}", self.status, self.html));
        let form = &self.html[start..];
        let form = &form[..form.find("</form>").expect("it ends")];
        let action = attribute(form, "action").expect("it has a target");
        let hidden = form
            .split("<input")
            .skip(1)
            .map(|input| &input[..input.find('>').expect("it ends")])
            .filter(|input| attribute(input, "type").as_deref() == Some("hidden"))
            .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
            .collect();
        (self.url.join(&action).expect("an address"), hidden)
    }

    /// Whether the page has a field or button with this name.
    pub(crate) fn asks_for(&self, name: &str) -> bool {
        self.html.contains(&format!("name=\"{name}\""))
    }

    /// Text of the first element with this class.
    pub(crate) fn text_of(&self, class: &str) -> Option<String> {
        let start = self.html.find(&format!("class=\"{class}\""))?;
        let inner = &self.html[start..][self.html[start..].find('>')? + 1..];
        Some(without_tags(&inner[..inner.find("</p>")?]))
    }
}

fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for letter in html.chars() {
        match letter {
            '<' => in_tag = true,
            '>' => in_tag = false,
            other if !in_tag => text.push(other),
            _ => {}
        }
    }
    text.trim().to_owned()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = &tag[start..];
    let value = &value[..value.find('"')?];
    Some(
        value
            .replace("&#x2f;", "/")
            .replace("&#x27;", "'")
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}
