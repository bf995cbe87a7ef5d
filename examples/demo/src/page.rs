//! The one page.

use minijinja::{Environment, Value, context};

use crate::relying_party::Tokens;

const TEMPLATE: &str = include_str!("page.html");

/// What the page shows.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client: &'a str,
    pub(crate) tokens: Option<&'a Tokens>,
    pub(crate) fault: Option<&'a str>,
}

/// Claims in the order in which they came, values as people read them.
fn claims(value: &serde_json::Value) -> Vec<Value> {
    let Some(members) = value.as_object() else {
        return Vec::new();
    };
    members
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            context! { name => name.as_str(), value => text, note => note(name) }
        })
        .collect()
}

fn note(name: &str) -> Option<&'static str> {
    Some(match name {
        "iss" => "who says so",
        "sub" => "who it is, for this application",
        "aud" => "for whom it was made",
        "exp" => "valid until, Unix seconds",
        "iat" => "made at, Unix seconds",
        "auth_time" => "when the person logged in, Unix seconds",
        "nonce" => "binds it to the login that began here",
        "amr" => "how the person logged in",
        "acr" => "how strong the login was",
        "sid" => "the single sign-on session",
        "at_hash" => "binds it to the access token",
        "azp" => "to whom it was issued",
        _ => return None,
    })
}

fn first_text<'a>(values: &[&'a serde_json::Value], names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        values
            .iter()
            .find_map(|value| value.get(name).and_then(serde_json::Value::as_str))
    })
}

/// The page as HTML.
pub(crate) fn render(view: &View<'_>) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.add_template("page.html", TEMPLATE)?;
    let person = view.tokens.map(|tokens| {
        let sources = [&tokens.user_info, &tokens.id_claims];
        let name = first_text(
            &sources,
            &["name", "given_name", "preferred_username", "email", "sub"],
        )
        .unwrap_or("somebody");
        context! {
            name,
            initial => name.chars().next().map(|c| c.to_uppercase().to_string()),
            id_token => claims(&tokens.id_claims),
            user_info => claims(&tokens.user_info),
            scopes => tokens.scopes.clone(),
            lifetime => tokens.lifetime.map(|lifetime| lifetime.as_secs()),
            can_refresh => tokens.can_refresh(),
        }
    });
    environment.get_template("page.html")?.render(context! {
        issuer => view.issuer,
        client => view.client,
        person,
        fault => view.fault,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_login_there_is_a_button() {
        let page = render(&View {
            issuer: "http://127.0.0.1:8080",
            client: "demo",
            tokens: None,
            fault: None,
        })
        .unwrap();
        assert!(page.contains("href=\"/login\""));
        assert!(!page.contains("Log out"));
    }

    #[test]
    fn what_came_from_outside_is_escaped() {
        let page = render(&View {
            issuer: "http://127.0.0.1:8080",
            client: "demo",
            tokens: None,
            fault: Some("<script>alert(1)</script>"),
        })
        .unwrap();
        assert!(!page.contains("<script>"));
        assert!(page.contains("&lt;script&gt;"));
    }
}
