//! Headers that keep answers where they belong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::pages::SUBMIT_SCRIPT;

/// For answers that show nothing: JSON, redirects, files.
const BARE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a page may do, Content Security Policy Level 3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PagePolicy {
    form_action: Option<String>,
    submits_itself: bool,
}

impl PagePolicy {
    /// Forms also go to `origin`, or are redirected there: Chromium holds `form-action` against
    /// redirects as well.
    #[must_use]
    pub(crate) fn with_form_action(mut self, origin: Option<String>) -> Self {
        self.form_action = origin;
        self
    }

    /// The page runs [`SUBMIT_SCRIPT`] and nothing else.
    #[must_use]
    pub(crate) const fn submitting_itself(mut self) -> Self {
        self.submits_itself = true;
        self
    }

    /// The header.
    #[must_use]
    pub(crate) fn header(&self) -> HeaderValue {
        let mut policy = String::from(
            "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; \
             base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
        );
        if let Some(origin) = self
            .form_action
            .as_deref()
            .filter(|origin| is_source(origin))
        {
            policy.push(' ');
            policy.push_str(origin);
        }
        if self.submits_itself {
            let digest =
                aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, SUBMIT_SCRIPT.as_bytes());
            policy.push_str("; script-src 'sha256-");
            policy.push_str(&STANDARD.encode(digest));
            policy.push('\'');
        }
        HeaderValue::try_from(policy).unwrap_or(BARE_POLICY)
    }
}

/// An origin or a scheme with its colon: nothing that would begin another directive.
fn is_source(origin: &str) -> bool {
    !origin.is_empty()
        && origin
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b":/.-+[]_".contains(&octet))
}

/// Sets what every answer has; headers that are there already stay.
pub(crate) fn harden(headers: &mut HeaderMap, https: bool) {
    let fixed = [
        (CONTENT_SECURITY_POLICY, BARE_POLICY),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(value);
    }
    if https {
        headers
            .entry(STRICT_TRANSPORT_SECURITY)
            .or_insert(HeaderValue::from_static("max-age=31536000"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// KC-AZ-13.
    #[test]
    fn kc_az_13_pages_are_never_framed_and_run_no_script() {
        let policy = PagePolicy::default().header();
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"));
        assert!(policy.contains("default-src 'none'"));
        assert!(!policy.contains("script-src"));
        assert!(!policy.contains("unsafe"));
    }

    #[test]
    fn form_action_names_the_origin_that_the_login_goes_to() {
        for (origin, there) in [
            ("https://app.example.com", true),
            ("https://[2001:db8::1]:8443", true),
            ("com.example.app:", true),
            ("https://a; script-src *", false),
            ("https://a 'unsafe-inline'", false),
            ("*", false),
            ("", false),
        ] {
            let policy = PagePolicy::default()
                .with_form_action(Some(origin.to_owned()))
                .header();
            let ends = policy
                .to_str()
                .unwrap()
                .ends_with(&format!("form-action 'self' {origin}"));
            assert_eq!(ends && !origin.is_empty(), there, "{origin}");
        }
    }

    #[test]
    fn the_only_script_is_named_by_hash() {
        let policy = PagePolicy::default().submitting_itself().header();
        assert!(policy.to_str().unwrap().contains("; script-src 'sha256-"));
    }

    #[test]
    fn headers_that_are_there_stay() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
        harden(&mut headers, false);
        assert_eq!(headers[CACHE_CONTROL], "public");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
        harden(&mut headers, true);
        assert!(headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }
}
