//! Scopes as text, RFC 6749 section 3.3.

use realmwright_snapshot::ScopeName;

/// Most scopes of one request.
const MAX_SCOPES: usize = 64;

/// A text that is not a list of scope tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scope is malformed")]
pub struct ScopeFault;

/// Reads a list of scope tokens; a repeated one counts once.
///
/// # Errors
/// [`ScopeFault`] for a letter that no token may have, and beyond 64 of them.
pub fn parse_scope(text: &str) -> Result<Vec<ScopeName>, ScopeFault> {
    let mut scopes: Vec<ScopeName> = Vec::new();
    for token in text.split(' ').filter(|token| !token.is_empty()) {
        let is_token = token
            .bytes()
            .all(|octet| matches!(octet, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        if !is_token || scopes.len() == MAX_SCOPES {
            return Err(ScopeFault);
        }
        if !scopes.iter().any(|scope| scope.as_str() == token) {
            scopes.push(ScopeName::from(token));
        }
    }
    Ok(scopes)
}

/// Writes a list of scope tokens.
#[must_use]
pub fn scope_text<'a>(scopes: impl IntoIterator<Item = &'a ScopeName>) -> String {
    let tokens: Vec<&str> = scopes.into_iter().map(ScopeName::as_str).collect();
    tokens.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_tokens_once_and_in_order() {
        let scopes = parse_scope("openid  albums:view openid").unwrap();
        assert_eq!(scope_text(&scopes), "openid albums:view");
        assert_eq!(parse_scope("").unwrap(), []);
    }

    #[test]
    fn refuses_letters_that_no_token_has() {
        for text in ["a\"b", "a\\b", "a\tb", "a\nb", "ä", "a\u{7f}"] {
            assert_eq!(parse_scope(text), Err(ScopeFault), "{text:?}");
        }
        let many: Vec<String> = (0..=MAX_SCOPES).map(|n| n.to_string()).collect();
        assert_eq!(parse_scope(&many.join(" ")), Err(ScopeFault));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(text in "[!#-\\[\\]-~ ]{0,60}") {
            let scopes = parse_scope(&text).unwrap();
            prop_assert_eq!(parse_scope(&scope_text(&scopes)).unwrap(), scopes);
        }
    }
}
