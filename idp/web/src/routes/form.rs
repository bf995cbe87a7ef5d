//! Forms: their media type, their size, and that they are ours.

use axum::body::Body;
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, HeaderName};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use realmwright_protocol::parameters::MAX_BYTES;

use crate::body::SlowBody;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a body is not a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormFault {
    /// Not `application/x-www-form-urlencoded`.
    #[error("the body is not a form")]
    MediaType,
    /// More than the protocol allows.
    #[error("the body is too large")]
    TooLarge,
    /// Longer on its way than the listener waits.
    #[error("the body came too slowly")]
    TooSlow,
    /// Octets that are not UTF-8, or a connection that broke.
    #[error("the body cannot be read")]
    Unreadable,
}

/// The text of a form.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<String, FormFault> {
    if !has_media_type(headers, "application/x-www-form-urlencoded") {
        return Err(FormFault::MediaType);
    }
    let octets = read_limited(body, MAX_BYTES).await?;
    String::from_utf8(octets).map_err(|_| FormFault::Unreadable)
}

/// At most `limit` octets of a body.
pub(crate) async fn read_limited(body: Body, limit: usize) -> Result<Vec<u8>, FormFault> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(fault) if fault.is::<LengthLimitError>() => Err(FormFault::TooLarge),
        Err(fault) if SlowBody::is(&*fault) => Err(FormFault::TooSlow),
        Err(_) => Err(FormFault::Unreadable),
    }
}

/// Whether the body has this media type, whatever its parameters.
pub(crate) fn has_media_type(headers: &HeaderMap, expected: &str) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(expected))
}

/// Where a browser says that a form was sent from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A page of this origin, or a browser that does not say: then only the cookie that binds the
    /// form speaks for it, which `SameSite` keeps from other sites.
    Ours,
    /// A page of another origin.
    Foreign,
}

/// Reads `Sec-Fetch-Site`, else `Origin`. Our pages send no referrer, so that browsers write the
/// origin of their forms as `null`.
pub(crate) fn sender(headers: &HeaderMap, origin: &str) -> Sender {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let ours = match (text(SEC_FETCH_SITE), text(ORIGIN)) {
        (Some(site), _) => ["same-origin", "none"].contains(&site),
        (None, Some(named)) => named == "null" || named == origin,
        (None, None) => true,
    };
    if ours { Sender::Ours } else { Sender::Foreign }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://id.example.com";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn forms_of_other_origins_are_told_apart() {
        for (pairs, expected) in [
            (vec![], Sender::Ours),
            (vec![("origin", OURS)], Sender::Ours),
            (vec![("origin", "null")], Sender::Ours),
            (vec![("sec-fetch-site", "same-origin")], Sender::Ours),
            (vec![("sec-fetch-site", "none")], Sender::Ours),
            (vec![("origin", "https://evil.example")], Sender::Foreign),
            (
                vec![("origin", "https://id.example.com:8443")],
                Sender::Foreign,
            ),
            (vec![("sec-fetch-site", "same-site")], Sender::Foreign),
            (
                vec![("sec-fetch-site", "cross-site"), ("origin", OURS)],
                Sender::Foreign,
            ),
            (
                vec![("sec-fetch-site", "cross-site"), ("origin", "null")],
                Sender::Foreign,
            ),
        ] {
            assert_eq!(sender(&headers(&pairs), OURS), expected, "{pairs:?}");
        }
    }

    #[tokio::test]
    async fn only_forms_of_bounded_size_are_read() {
        let form = headers(&[(
            "content-type",
            "Application/X-WWW-Form-Urlencoded; charset=utf-8",
        )]);
        assert_eq!(read(&form, Body::from("a=b")).await.unwrap(), "a=b");
        let large = "a".repeat(MAX_BYTES + 1);
        assert_eq!(
            read(&form, Body::from(large)).await,
            Err(FormFault::TooLarge)
        );
        assert_eq!(
            read(&form, Body::from(vec![0xff, 0xfe])).await,
            Err(FormFault::Unreadable)
        );
        for other in ["application/json", "multipart/form-data", "text/plain", ""] {
            let headers = headers(&[("content-type", other)]);
            assert_eq!(
                read(&headers, Body::from("a=b")).await,
                Err(FormFault::MediaType)
            );
        }
        assert_eq!(
            read(&HeaderMap::new(), Body::from("a=b")).await,
            Err(FormFault::MediaType)
        );
    }
}
