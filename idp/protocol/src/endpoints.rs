//! The one table of endpoints: which path under the issuer, and which methods. Routers,
//! discovery and pages all read it, so another layout is another column here and nothing else.

use realmwright_snapshot::Layout;
use url::Url;

/// An endpoint of a realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// OpenID Connect Discovery 1.0 section 4 (OIDC-50).
    Discovery,
    /// RFC 6749 section 3.1 (OIDC-51).
    Authorization,
    /// RFC 6749 section 3.2 (OIDC-52).
    Token,
    /// OpenID Connect Core 1.0 section 5.3.
    UserInfo,
    /// RFC 7662.
    Introspection,
    /// RFC 7009.
    Revocation,
    /// RFC 7517 section 5.
    Jwks,
    /// OpenID Connect RP-Initiated Logout 1.0.
    EndSession,
    /// First submission of a login: the sealed request and the first answer.
    LoginStart,
    /// A step of a login; `{id}` is the login.
    LoginStep,
    /// Style sheets, scripts and images of pages; `{file}` is the name.
    Asset,
    /// Root of the accounts API.
    Api,
}

/// Every endpoint.
pub const ALL: &[Endpoint] = &[
    Endpoint::Discovery,
    Endpoint::Authorization,
    Endpoint::Token,
    Endpoint::UserInfo,
    Endpoint::Introspection,
    Endpoint::Revocation,
    Endpoint::Jwks,
    Endpoint::EndSession,
    Endpoint::LoginStart,
    Endpoint::LoginStep,
    Endpoint::Asset,
    Endpoint::Api,
];

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// `GET`, and `HEAD` with it.
    Get,
    /// `POST`.
    Post,
}

/// The path of an endpoint under the issuer, with `{name}` for a segment that varies.
#[must_use]
pub const fn path(layout: Layout, endpoint: Endpoint) -> &'static str {
    match layout {
        Layout::Realmwright => match endpoint {
            Endpoint::Discovery => "/.well-known/openid-configuration",
            Endpoint::Authorization => "/oauth2/authorize",
            Endpoint::Token => "/oauth2/token",
            Endpoint::UserInfo => "/oauth2/userinfo",
            Endpoint::Introspection => "/oauth2/introspect",
            Endpoint::Revocation => "/oauth2/revoke",
            Endpoint::Jwks => "/oauth2/jwks",
            Endpoint::EndSession => "/oauth2/logout",
            Endpoint::LoginStart => "/login",
            Endpoint::LoginStep => "/login/{id}",
            Endpoint::Asset => "/assets/{file}",
            Endpoint::Api => "/api/v1",
        },
    }
}

/// The methods of an endpoint; [`Endpoint::Api`] routes its own.
#[must_use]
pub const fn methods(endpoint: Endpoint) -> &'static [Method] {
    match endpoint {
        Endpoint::Discovery | Endpoint::Jwks | Endpoint::Asset => &[Method::Get],
        Endpoint::Token | Endpoint::Introspection | Endpoint::Revocation => &[Method::Post],
        Endpoint::Authorization
        | Endpoint::UserInfo
        | Endpoint::EndSession
        | Endpoint::LoginStart
        | Endpoint::LoginStep => &[Method::Get, Method::Post],
        Endpoint::Api => &[],
    }
}

/// Whether browsers of other origins may read the answers of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Every origin: the answer is public.
    Public,
    /// The `webOrigins` of clients.
    Clients,
    /// None.
    SameOrigin,
}

/// Whether browsers of other origins may read the answers of an endpoint.
#[must_use]
pub const fn sharing(endpoint: Endpoint) -> Sharing {
    match endpoint {
        Endpoint::Discovery | Endpoint::Jwks => Sharing::Public,
        Endpoint::Token | Endpoint::UserInfo | Endpoint::Revocation => Sharing::Clients,
        Endpoint::Authorization
        | Endpoint::Introspection
        | Endpoint::EndSession
        | Endpoint::LoginStart
        | Endpoint::LoginStep
        | Endpoint::Asset
        | Endpoint::Api => Sharing::SameOrigin,
    }
}

/// The issuer as `iss` says it: without the slash that a [`Url`] adds to a bare host.
#[must_use]
pub fn issuer(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// The absolute address of an endpoint. `base` is the issuer, or the backend URL for endpoints
/// that applications call from their servers.
#[must_use]
pub fn url(layout: Layout, endpoint: Endpoint, base: &Url) -> String {
    format!("{}{}", issuer(base), path(layout, endpoint))
}

/// The path of an endpoint on its host: the issuer's path, then its own.
#[must_use]
pub fn host_path(layout: Layout, endpoint: Endpoint, issuer: &Url) -> String {
    format!(
        "{}{}",
        issuer.path().trim_end_matches('/'),
        path(layout, endpoint)
    )
}

/// The path on the host of the metadata of RFC 8414 section 3.1: the issuer's path follows the
/// well-known part.
#[must_use]
pub fn authorization_server_metadata_path(issuer: &Url) -> String {
    format!(
        "/.well-known/oauth-authorization-server{}",
        issuer.path().trim_end_matches('/')
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn at(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn absolute_addresses_never_double_the_slash() {
        for base in ["https://id.example.com", "https://id.example.com/"] {
            assert_eq!(issuer(&at(base)), "https://id.example.com");
            assert_eq!(
                url(Layout::Realmwright, Endpoint::Token, &at(base)),
                "https://id.example.com/oauth2/token"
            );
        }
        assert_eq!(
            url(
                Layout::Realmwright,
                Endpoint::Jwks,
                &at("https://a.example/x/y")
            ),
            "https://a.example/x/y/oauth2/jwks"
        );
        assert_eq!(
            host_path(
                Layout::Realmwright,
                Endpoint::Jwks,
                &at("https://a.example/x")
            ),
            "/x/oauth2/jwks"
        );
    }

    /// FUNC-OIDC-08
    #[test]
    fn server_metadata_lies_before_the_path_of_the_issuer() {
        assert_eq!(
            authorization_server_metadata_path(&at("https://a.example/x")),
            "/.well-known/oauth-authorization-server/x"
        );
        assert_eq!(
            authorization_server_metadata_path(&at("https://a.example")),
            "/.well-known/oauth-authorization-server"
        );
    }

    #[test]
    fn no_two_endpoints_share_a_path() {
        let paths: BTreeSet<_> = ALL
            .iter()
            .map(|endpoint| path(Layout::Realmwright, *endpoint))
            .collect();
        assert_eq!(paths.len(), ALL.len());
    }
}
