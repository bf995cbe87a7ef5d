//! Which language a page is in.

use realmwright_snapshot::{Locale, Locales};

/// More entries of a header or parameter are not read.
const MOST_WISHES: usize = 20;

/// What a request says about languages, strongest first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes<'a> {
    /// The person has just chosen in the language menu.
    pub chosen: Option<&'a str>,
    /// `ui_locales` of the application: tags by preference, separated by spaces (OIDC Core
    /// section 3.1.2.1).
    pub ui_locales: Option<&'a str>,
    /// An earlier choice, from the cookie.
    pub remembered: Option<&'a str>,
    /// `Accept-Language`, RFC 9110 section 12.5.4.
    pub accept_language: Option<&'a str>,
}

/// The language for a request: what was just chosen, else what the application wishes, else what
/// was chosen before, else what the browser prefers (unless the realm leaves it aside), else the
/// realm's default (UI-20).
#[must_use]
pub fn negotiate(locales: &Locales, wishes: &Wishes<'_>) -> Locale {
    let browser = wishes
        .accept_language
        .filter(|_| !locales.ignore_browser)
        .map(by_weight)
        .unwrap_or_default();
    let explicit = wishes.chosen.into_iter();
    let application = wishes
        .ui_locales
        .into_iter()
        .flat_map(str::split_ascii_whitespace)
        .take(MOST_WISHES);
    explicit
        .chain(application)
        .chain(wishes.remembered)
        .chain(browser)
        .find_map(|tag| lookup(&locales.supported, tag))
        .unwrap_or(&locales.default)
        .clone()
}

/// RFC 4647 section 3.4: the tag, then the tag without its last subtags; at last any supported
/// tag of the same language.
fn lookup<'a>(supported: &'a [Locale], wish: &str) -> Option<&'a Locale> {
    let mut tag = wish.trim();
    while !tag.is_empty() {
        if let Some(found) = supported
            .iter()
            .find(|locale| locale.as_str().eq_ignore_ascii_case(tag))
        {
            return Some(found);
        }
        let Some((shorter, _)) = tag.rsplit_once('-') else {
            break;
        };
        tag = shorter;
    }
    supported.iter().find(|locale| {
        locale
            .as_str()
            .split('-')
            .next()
            .is_some_and(|language| !tag.is_empty() && language.eq_ignore_ascii_case(tag))
    })
}

/// Tags of the header by falling weight; those with weight 0 are not wished at all.
fn by_weight(header: &str) -> Vec<&str> {
    let mut tags: Vec<(&str, u16)> = header
        .split(',')
        .take(MOST_WISHES)
        .filter_map(|entry| {
            let mut parts = entry.split(';');
            let tag = parts.next()?.trim();
            let weight = match parts.next().map(str::trim) {
                None => 1000,
                Some(weight) => thousandths(weight.strip_prefix("q=")?)?,
            };
            (!tag.is_empty() && weight > 0).then_some((tag, weight))
        })
        .collect();
    tags.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    tags.into_iter().map(|(tag, _)| tag).collect()
}

/// `qvalue` of RFC 9110 section 12.4.2 in thousandths.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match (whole, fraction) {
        ("0", _) => Some(fraction),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locales(ignore_browser: bool) -> Locales {
        Locales {
            supported: ["en", "uk", "ru", "pt-BR"].map(Locale::from).to_vec(),
            default: Locale::from("uk"),
            ignore_browser,
        }
    }

    fn chosen(wishes: &Wishes<'_>) -> String {
        negotiate(&locales(false), wishes).as_str().to_owned()
    }

    /// UI-20.
    #[test]
    fn ui_20_precedence() {
        let all = Wishes {
            chosen: Some("ru"),
            ui_locales: Some("en"),
            remembered: Some("uk"),
            accept_language: Some("pt-BR"),
        };
        assert_eq!(chosen(&all), "ru");
        assert_eq!(
            chosen(&Wishes {
                chosen: None,
                ..all
            }),
            "en"
        );
        let without = Wishes {
            chosen: None,
            ui_locales: None,
            ..all
        };
        assert_eq!(chosen(&without), "uk");
        let browser = Wishes {
            accept_language: Some("pt-BR"),
            ..Wishes::default()
        };
        assert_eq!(chosen(&browser), "pt-BR");
        assert_eq!(negotiate(&locales(true), &browser).as_str(), "uk");
        assert_eq!(chosen(&Wishes::default()), "uk");
    }

    #[test]
    fn unknown_and_broken_wishes_fall_through() {
        for broken in ["", "   ", "xx", "-", "en_US;;;q=", "\u{0}", "*"] {
            let wishes = Wishes {
                chosen: Some(broken),
                ui_locales: Some(broken),
                remembered: Some(broken),
                accept_language: Some(broken),
            };
            assert_eq!(chosen(&wishes), "uk", "{broken:?}");
        }
    }

    #[test]
    fn accept_language_by_weight_and_by_prefix() {
        for (header, expected) in [
            ("de, ru;q=0.4, en-GB;q=0.8", "en"),
            ("ru;q=0, en;q=0.1", "en"),
            ("RU-UA", "ru"),
            ("pt", "pt-BR"),
            ("en;q=1.5, ru;q=0.2", "ru"),
            ("en;q=0.0001, ru;q=0.2", "ru"),
        ] {
            let wishes = Wishes {
                accept_language: Some(header),
                ..Wishes::default()
            };
            assert_eq!(chosen(&wishes), expected, "{header}");
        }
    }

    #[test]
    fn a_long_header_is_cut() {
        let header = "xx,".repeat(50) + "en";
        let wishes = Wishes {
            accept_language: Some(&header),
            ..Wishes::default()
        };
        assert_eq!(chosen(&wishes), "uk");
    }
}
