//! What surrounds every page.

use realmwright_snapshot::Locale;
use serde::Serialize;

use crate::assets::Assets;
use crate::texts::language_name;

/// What surrounds every page.
#[derive(Clone, Debug, Serialize)]
pub struct Frame {
    /// Language of the page.
    pub locale: String,
    /// Name of the realm; none where no realm was found.
    pub realm: Option<String>,
    /// First letter of the name.
    pub monogram: String,
    /// Host of the issuer, which people compare with the address bar.
    pub host: Option<String>,
    /// Where the style sheet and the icon are.
    pub assets: AssetLinks,
    /// The language menu; empty where the page cannot be asked for again by a link.
    pub languages: Vec<LanguageLink>,
}

/// Where the style sheet and the icon are.
#[derive(Clone, Debug, Serialize)]
pub struct AssetLinks {
    /// Path of the style sheet.
    pub stylesheet: String,
    /// Path of the icon.
    pub icon: String,
}

impl AssetLinks {
    /// The files under `base`, a path without a slash at its end.
    #[must_use]
    pub fn under(base: &str, assets: &Assets) -> Self {
        Self {
            stylesheet: format!("{base}/{}", assets.stylesheet()),
            icon: format!("{base}/{}", assets.icon()),
        }
    }
}

/// An entry of the language menu.
#[derive(Clone, Debug, Serialize)]
pub struct LanguageLink {
    /// BCP 47 tag.
    pub tag: String,
    /// The language's own name.
    pub name: String,
    /// The same page in that language.
    pub href: String,
    /// Whether the page is in it.
    pub current: bool,
}

impl Frame {
    /// A page outside any realm.
    #[must_use]
    pub fn neutral(locale: &Locale, assets: AssetLinks) -> Self {
        Self {
            locale: locale.as_str().to_owned(),
            realm: None,
            monogram: String::new(),
            host: None,
            assets,
            languages: Vec::new(),
        }
    }

    /// A page of the realm called `name`.
    #[must_use]
    pub fn of_realm(name: &str, host: Option<&str>, locale: &Locale, assets: AssetLinks) -> Self {
        Self {
            locale: locale.as_str().to_owned(),
            realm: Some(name.to_owned()),
            monogram: name
                .chars()
                .find(|letter| letter.is_alphanumeric())
                .map(|letter| letter.to_uppercase().collect())
                .unwrap_or_default(),
            host: host.map(str::to_owned),
            assets,
            languages: Vec::new(),
        }
    }

    /// With a menu of these languages, each at the address that `href` makes.
    #[must_use]
    pub fn with_languages(
        mut self,
        supported: &[Locale],
        href: impl Fn(&Locale) -> String,
    ) -> Self {
        self.languages = supported
            .iter()
            .map(|locale| LanguageLink {
                tag: locale.as_str().to_owned(),
                name: language_name(locale.as_str()).to_owned(),
                href: href(locale),
                current: locale.as_str() == self.locale,
            })
            .collect();
        self
    }
}
