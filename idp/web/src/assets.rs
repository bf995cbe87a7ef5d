//! The style sheet, fonts and icon, under names that hold a digest of their content, so that
//! caches may keep them for ever.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// One file.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its name with the digest in it.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub content: Vec<u8>,
}

/// All files.
#[derive(Clone, Debug)]
pub struct Assets {
    files: Vec<Asset>,
    stylesheet: String,
    icon: String,
}

const FONTS: [(&str, &[u8]); 2] = [
    (
        "inter-latin.woff2",
        include_bytes!("../assets/inter-latin.woff2"),
    ),
    (
        "inter-cyrillic.woff2",
        include_bytes!("../assets/inter-cyrillic.woff2"),
    ),
];
const STYLESHEET: &str = include_str!("../assets/realmwright.css");
const ICON: &[u8] = include_bytes!("../assets/icon.svg");

impl Assets {
    /// The files that are built in. The style sheet names the fonts by their digests.
    #[must_use]
    pub fn load() -> Self {
        let mut css = STYLESHEET.to_owned();
        let mut files = Vec::new();
        for (name, content) in FONTS {
            let font = asset(name, "font/woff2", content);
            css = css.replace(name, &font.name);
            files.push(font);
        }
        let icon = asset("icon.svg", "image/svg+xml", ICON);
        let stylesheet = asset("realmwright.css", "text/css; charset=utf-8", css.as_bytes());
        let (icon_name, stylesheet_name) = (icon.name.clone(), stylesheet.name.clone());
        files.extend([icon, stylesheet]);
        Self {
            files,
            stylesheet: stylesheet_name,
            icon: icon_name,
        }
    }

    /// The file of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Asset> {
        self.files.iter().find(|file| file.name == name)
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &Asset> {
        self.files.iter()
    }

    /// Name of the style sheet.
    #[must_use]
    pub fn stylesheet(&self) -> &str {
        &self.stylesheet
    }

    /// Name of the icon.
    #[must_use]
    pub fn icon(&self) -> &str {
        &self.icon
    }
}

fn asset(name: &str, media_type: &'static str, content: &[u8]) -> Asset {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
    let short: String = URL_SAFE_NO_PAD.encode(digest).chars().take(16).collect();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    Asset {
        name: format!("{stem}.{short}.{extension}"),
        media_type,
        content: content.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_font_of_the_style_sheet_is_served() {
        let assets = Assets::load();
        let css = assets.find(assets.stylesheet()).unwrap();
        let css = std::str::from_utf8(&css.content).unwrap();
        let mut urls = 0;
        for part in css.split("url(\"").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(assets.find(name).is_some(), "{name}");
            urls += 1;
        }
        assert_eq!(urls, FONTS.len());
    }

    #[test]
    fn names_follow_content() {
        let one = asset("a.css", "text/css", b"a");
        let other = asset("a.css", "text/css", b"b");
        assert_ne!(one.name, other.name);
        assert!(Assets::load().find("../Cargo.toml").is_none());
    }
}
