//! Texts of pages in every language, as Fluent messages, and the choice of the language (UI-20).

mod negotiate;

use std::collections::BTreeMap;
use std::fmt;

use fluent::concurrent::FluentBundle;
use fluent::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

pub use negotiate::{Wishes, negotiate};

/// A language that pages have texts in.
#[derive(Clone, Copy, Debug)]
pub struct Language {
    /// BCP 47 tag.
    pub tag: &'static str,
    /// Its own name, for the language menu.
    pub name: &'static str,
    source: &'static str,
}

/// Every language. The first one stands in where a realm declares a language that is not here.
pub const LANGUAGES: [Language; 3] = [
    Language {
        tag: "en",
        name: "English",
        source: include_str!("../texts/en.ftl"),
    },
    Language {
        tag: "uk",
        name: "Українська",
        source: include_str!("../texts/uk.ftl"),
    },
    Language {
        tag: "ru",
        name: "Русский",
        source: include_str!("../texts/ru.ftl"),
    },
];

/// Why the texts cannot be used. All of these are mistakes of this build; tests find them.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The file is not Fluent, or its tag is not BCP 47.
    #[error("the texts of language {0} cannot be read: {1}")]
    Source(&'static str, String),
    /// No message has this key.
    #[error("there is no text `{0}`")]
    Missing(String),
    /// The message needs an argument that was not given.
    #[error("the text `{0}` cannot be formatted: {1}")]
    Format(String, String),
}

/// All texts.
pub struct Texts {
    bundles: BTreeMap<&'static str, FluentBundle<FluentResource>>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.bundles.keys()).finish()
    }
}

impl Texts {
    /// Reads the texts that are built in.
    ///
    /// # Errors
    /// [`TextError::Source`] when a file is wrong.
    pub fn load() -> Result<Self, TextError> {
        let mut bundles = BTreeMap::new();
        for language in LANGUAGES {
            let wrong = |detail: String| TextError::Source(language.tag, detail);
            let tag: LanguageIdentifier = language
                .tag
                .parse()
                .map_err(|error| wrong(format!("{error:?}")))?;
            let resource = FluentResource::try_new(language.source.to_owned())
                .map_err(|(_, errors)| wrong(format!("{errors:?}")))?;
            let mut bundle = FluentBundle::new_concurrent(vec![tag]);
            // Every language here is written from left to right, and the marks would be copied
            // along with the text.
            bundle.set_use_isolating(false);
            bundle
                .add_resource(resource)
                .map_err(|errors| wrong(format!("{errors:?}")))?;
            bundles.insert(language.tag, bundle);
        }
        Ok(Self { bundles })
    }

    /// The text `key` in `locale`, or in the closest language that there is.
    ///
    /// # Errors
    /// [`TextError::Missing`] and [`TextError::Format`].
    pub fn get(&self, locale: &str, key: &str, args: &FluentArgs<'_>) -> Result<String, TextError> {
        let bundle = self
            .bundle(locale)
            .ok_or_else(|| TextError::Missing(key.to_owned()))?;
        let pattern = bundle
            .get_message(key)
            .and_then(|message| message.value())
            .ok_or_else(|| TextError::Missing(key.to_owned()))?;
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(args), &mut errors);
        if errors.is_empty() {
            Ok(text.into_owned())
        } else {
            Err(TextError::Format(key.to_owned(), format!("{errors:?}")))
        }
    }

    fn bundle(&self, locale: &str) -> Option<&FluentBundle<FluentResource>> {
        let language = locale.split('-').next().unwrap_or(locale);
        self.bundles
            .get(locale)
            .or_else(|| self.bundles.get(language))
            .or_else(|| self.bundles.get(LANGUAGES.first()?.tag))
    }
}

/// The language's own name; its tag where it is not one of ours.
#[must_use]
pub fn language_name(tag: &str) -> &str {
    LANGUAGES
        .iter()
        .find(|language| language.tag.eq_ignore_ascii_case(tag))
        .map_or(tag, |language| language.name)
}

#[cfg(test)]
mod tests;
