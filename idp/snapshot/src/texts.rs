//! Texts that people read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Locale;

/// One human text in several languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocalizedText(pub BTreeMap<Locale, String>);

impl LocalizedText {
    /// The text in `locale`, else in `default`, else in the first language there is.
    #[must_use]
    pub fn get(&self, locale: &Locale, default: &Locale) -> Option<&str> {
        self.0
            .get(locale)
            .or_else(|| self.0.get(default))
            .or_else(|| self.0.values().next())
            .map(String::as_str)
    }

    /// Whether no language has a text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for LocalizedText {
    fn from(texts: [(&str, &str); N]) -> Self {
        Self(
            texts
                .into_iter()
                .map(|(locale, text)| (Locale::from(locale), text.to_owned()))
                .collect(),
        )
    }
}
