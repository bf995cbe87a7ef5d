//! What redirect and return addresses may not have in their query: names that answers add. Two
//! values of one name are ambiguous, and whoever chose one of them could pass it off as ours.

use url::{Url, form_urlencoded};

/// Parameters of authorization responses: those that they add (RFC 6749 sections 4.1.2 and
/// 4.1.2.1, RFC 9207), and those that an application could take for the answer of another response
/// type or mode.
pub const RESPONSE_PARAMETERS: &[&str] = &[
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "error_uri",
    "access_token",
    "id_token",
    "response",
];

/// What a logout adds to its return address (OpenID Connect RP-Initiated Logout 1.0 section 3).
pub const LOGOUT_PARAMETERS: &[&str] = &["state"];

/// The first of `names` that the query of an address has already, read as the most lenient of
/// frameworks do: decoded, in any case, with `;` as a separator, up to a bracket.
#[must_use]
pub fn own_parameter<'n>(address: &Url, names: &[&'n str]) -> Option<&'n str> {
    let query = address.query()?.replace(';', "&");
    form_urlencoded::parse(query.as_bytes()).find_map(|(name, _)| {
        let plain = name.split(['[', '\0']).next().unwrap_or_default().trim();
        let mut names = names.iter().copied();
        names.find(|known| plain.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(query: &str) -> Option<&'static str> {
        let address = Url::parse(&format!("https://app.example/cb{query}")).unwrap();
        own_parameter(&address, RESPONSE_PARAMETERS)
    }

    #[test]
    fn other_parameters_are_the_applications_own() {
        for query in [
            "",
            "?",
            "?a=b",
            "?tenant=code",
            "?encode=1&my-state=2",
            "?code-x",
        ] {
            assert_eq!(found(query), None, "{query}");
        }
    }

    #[test]
    fn names_of_answers_are_found_however_they_are_written() {
        for query in [
            "?code=x",
            "?a=b&code=x",
            "?code",
            "?%63ode=x",
            "?CODE=x",
            "?a=b;code=x",
            "?code[]=x",
            "?code%5B0%5D=x",
            "?+code=x",
        ] {
            assert_eq!(found(query), Some("code"), "{query}");
        }
        assert_eq!(found("?x=1&iss=https%3A%2F%2Fevil.example"), Some("iss"));
    }
}
