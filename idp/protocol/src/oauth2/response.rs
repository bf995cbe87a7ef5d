//! Authorization responses: RFC 6749 sections 4.1.2 and 4.1.2.1, `iss` of RFC 9207, and how they
//! travel (OAuth 2.0 Multiple Response Type Encoding Practices, OAuth 2.0 Form Post Response
//! Mode). KC-AZ-01, INT-OIDC-03.

use std::fmt;

use realmwright_snapshot::ResponseMode;
use serde::{Deserialize, Serialize};
use url::Url;

use super::error::{ErrorCode, descriptive};
use crate::redirect::RedirectUri;

/// Where a response goes: fixed as soon as client and redirect address are known.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseTarget {
    /// The registered address.
    pub redirect_uri: RedirectUri,
    /// How the parameters travel.
    pub mode: ResponseMode,
    /// Echoed as it came.
    pub state: Option<String>,
}

impl fmt::Debug for ResponseTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseTarget")
            .field("redirect_uri", &self.redirect_uri)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl ResponseTarget {
    /// Parameters of a success, in order.
    #[must_use]
    pub fn code(&self, issuer: &str, code: &str) -> Vec<(String, String)> {
        self.parameters(vec![("code", code.to_owned())], issuer)
    }

    /// Parameters of an error, in order.
    #[must_use]
    pub fn error(&self, issuer: &str, code: ErrorCode, description: &str) -> Vec<(String, String)> {
        self.parameters(
            vec![
                ("error", code.as_str().to_owned()),
                ("error_description", descriptive(description)),
            ],
            issuer,
        )
    }

    fn parameters(
        &self,
        mut parameters: Vec<(&'static str, String)>,
        issuer: &str,
    ) -> Vec<(String, String)> {
        if let Some(state) = &self.state {
            parameters.push(("state", state.clone()));
        }
        parameters.push(("iss", issuer.to_owned()));
        parameters
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// What a browser is given.
#[derive(Clone, PartialEq, Eq)]
pub enum Delivery {
    /// 303 to this address.
    Redirect(String),
    /// A page with a form that posts itself.
    FormPost {
        /// Where to.
        action: String,
        /// Its hidden fields, in order.
        fields: Vec<(String, String)>,
    },
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Redirect(_) => "Redirect",
            Self::FormPost { .. } => "FormPost",
        };
        f.debug_struct(name).finish_non_exhaustive()
    }
}

/// How a response travels to an address.
#[must_use]
pub fn deliver(
    redirect_uri: &Url,
    mode: ResponseMode,
    parameters: Vec<(String, String)>,
) -> Delivery {
    match mode {
        ResponseMode::Query => {
            let mut url = redirect_uri.clone();
            url.query_pairs_mut().extend_pairs(&parameters);
            Delivery::Redirect(url.into())
        }
        ResponseMode::Fragment => {
            let mut url = redirect_uri.clone();
            let fragment = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&parameters)
                .finish();
            url.set_fragment(Some(&fragment));
            Delivery::Redirect(url.into())
        }
        ResponseMode::FormPost => Delivery::FormPost {
            action: redirect_uri.as_str().to_owned(),
            fields: parameters,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target(uri: &str, mode: ResponseMode, state: Option<&str>) -> ResponseTarget {
        ResponseTarget {
            redirect_uri: RedirectUri::registered(Url::parse(uri).unwrap()),
            mode,
            state: state.map(str::to_owned),
        }
    }

    fn redirect(uri: &str, mode: ResponseMode, state: Option<&str>) -> Url {
        let target = target(uri, mode, state);
        let parameters = target.code("https://id.example/q", "c0de");
        match deliver(target.redirect_uri.url(), mode, parameters) {
            Delivery::Redirect(text) => Url::parse(&text).unwrap(),
            Delivery::FormPost { .. } => panic!("not a redirect"),
        }
    }

    /// KC-AZ-01, RFC 9207
    #[test]
    fn a_query_response_keeps_the_query_of_the_address() {
        let url = redirect(
            "https://app.example/cb?a=b",
            ResponseMode::Query,
            Some("s&t=1"),
        );
        assert_eq!(
            url.as_str(),
            "https://app.example/cb?a=b&code=c0de&state=s%26t%3D1&iss=https%3A%2F%2Fid.example%2Fq"
        );
    }

    #[test]
    fn a_fragment_response_leaves_the_query_alone() {
        let url = redirect("https://app.example/cb?a=b", ResponseMode::Fragment, None);
        assert_eq!(url.query(), Some("a=b"));
        assert_eq!(
            url.fragment(),
            Some("code=c0de&iss=https%3A%2F%2Fid.example%2Fq")
        );
    }

    #[test]
    fn a_form_response_encodes_nothing() {
        let target = target(
            "https://app.example/cb",
            ResponseMode::FormPost,
            Some("<&\">"),
        );
        let parameters = target.error("https://id.example", ErrorCode::AccessDenied, "no");
        let Delivery::FormPost { action, fields } =
            deliver(target.redirect_uri.url(), target.mode, parameters)
        else {
            panic!("not a form");
        };
        assert_eq!(action, "https://app.example/cb");
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["error", "error_description", "state", "iss"]);
        assert_eq!(fields[2].1, "<&\">");
    }

    /// design.md section 8: codes and `state` are not printed along.
    #[test]
    fn a_response_on_its_way_prints_no_parameter() {
        let target = target(
            "https://app.example/cb",
            ResponseMode::Query,
            Some("planted"),
        );
        let mut printed = format!("{target:?}");
        for mode in [
            ResponseMode::Query,
            ResponseMode::Fragment,
            ResponseMode::FormPost,
        ] {
            let parameters = target.code("https://id.example", "planted");
            let delivery = deliver(target.redirect_uri.url(), mode, parameters);
            printed += &format!("{delivery:?}");
        }
        assert!(!printed.contains("planted"), "{printed}");
    }

    #[test]
    fn custom_schemes_are_redirected_to() {
        let url = redirect("com.example.app:/cb", ResponseMode::Query, None);
        assert_eq!(url.scheme(), "com.example.app");
        assert_eq!(url.path(), "/cb");
    }

    proptest! {
        /// `state` is echoed exactly, whatever it holds, and never leaves its parameter.
        #[test]
        fn state_comes_back_as_it_was(state in "[^\0]{1,60}") {
            for mode in [ResponseMode::Query, ResponseMode::Fragment] {
                let url = redirect("https://app.example/cb", mode, Some(&state));
                let text = match mode {
                    ResponseMode::Query => url.query(),
                    _ => url.fragment(),
                };
                let pairs: Vec<(String, String)> =
                    url::form_urlencoded::parse(text.unwrap().as_bytes()).into_owned().collect();
                prop_assert_eq!(pairs.len(), 3);
                prop_assert_eq!(&pairs[1], &("state".to_owned(), state.clone()));
                prop_assert_eq!(url.host_str(), Some("app.example"));
            }
        }
    }
}
