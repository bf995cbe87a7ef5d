//! A person with a browser that runs no script: cookies, redirects by hand, forms.

use std::collections::BTreeMap;

use reqwest::{Client, Response, StatusCode, header};
use url::Url;

use super::network::Network;

/// A browser without script.
pub(crate) struct Person {
    http: Client,
}

/// A page with its first form.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) url: Url,
    pub(crate) html: String,
}

/// What one request was answered with.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) page: Page,
    /// Where the browser is sent.
    pub(crate) leads_to: Option<Url>,
    /// `Set-Cookie`, each.
    pub(crate) cookies: Vec<String>,
    /// Seconds after which it may be asked again.
    pub(crate) retry_after: Option<u32>,
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
        Self::over(&Network::default())
    }

    /// The same, over this network.
    pub(crate) fn over(network: &Network) -> Self {
        let http = network.http().cookie_store(true).build();
        Self {
            http: http.expect("a client"),
        }
    }

    /// Opens an address and follows redirects within its origin.
    pub(crate) async fn open(&self, url: &Url) -> reqwest::Result<Seen> {
        let answer = self.get(url.clone()).await?;
        self.follow(answer, || {}).await
    }

    /// Submits the first form of a page.
    pub(crate) async fn submit(
        &self,
        page: &Page,
        fields: &[(&str, &str)],
    ) -> reqwest::Result<Seen> {
        let answer = self.send(page, fields).await?;
        self.follow(answer, || {}).await
    }

    /// Submits and does not look at where it leads.
    pub(crate) async fn send(
        &self,
        page: &Page,
        fields: &[(&str, &str)],
    ) -> reqwest::Result<Answer> {
        let (action, mut values) = page.form();
        for (name, value) in fields {
            values.insert((*name).to_owned(), (*value).to_owned());
        }
        let origin = page.url.origin().ascii_serialization();
        let request = self
            .http
            .post(action)
            .header(header::ORIGIN, origin)
            .form(&values);
        Answer::read(request.send().await?).await
    }

    /// Goes where an answer leads, as long as that is within its origin, each time after
    /// `before`.
    pub(crate) async fn follow(
        &self,
        answer: Answer,
        mut before: impl FnMut(),
    ) -> reqwest::Result<Seen> {
        let origin = answer.page.url.origin();
        let mut answer = answer;
        while let Some(next) = answer.leads_to {
            if next.origin() != origin {
                return Ok(Seen::Left(next));
            }
            before();
            answer = self.get(next).await?;
        }
        Ok(Seen::Page(answer.page))
    }

    /// Opens an address and does not look at where it leads.
    pub(crate) async fn get(&self, url: Url) -> reqwest::Result<Answer> {
        Answer::read(self.http.get(url).send().await?).await
    }
}

impl Answer {
    async fn read(answer: Response) -> reqwest::Result<Self> {
        let url = answer.url().clone();
        let leads_to = answer
            .status()
            .is_redirection()
            .then(|| answer.headers()[header::LOCATION].to_str().expect("text"))
            .map(|location| url.join(location).expect("an address"));
        let cookies = answer
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|cookie| cookie.to_str().expect("text").to_owned())
            .collect();
        let retry_after = answer.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|after| after.to_str().ok()?.parse().ok());
        Ok(Self {
            leads_to,
            cookies,
            retry_after,
            page: Page {
                status: answer.status(),
                html: answer.text().await?,
                url,
            },
        })
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
