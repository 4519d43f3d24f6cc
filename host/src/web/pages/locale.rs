//! The languages the pages speak, and which one a person gets.

use serde::Serialize;
use unic_langid::LanguageIdentifier;

/// A language the pages are translated into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub enum Locale {
    /// The fallback.
    #[default]
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
}

/// The most languages looked at in one request; browsers send fewer than ten.
const REQUESTED_MAX: usize = 20;

impl Locale {
    /// Every language, in the order discovery lists them (`ui_locales_supported`).
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The BCP 47 tag, as in the `lang` attribute.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The `dir` attribute.
    pub const fn dir(self) -> &'static str {
        match self {
            Self::English | Self::German => "ltr",
        }
    }

    /// The language to answer in: the first of `ui_locales` (OIDC Core §3.1.2.1) that is spoken, else the
    /// `Accept-Language` header's most wanted one (RFC 9110 §12.5.4), else English. Regions are ignored: `de-AT`
    /// gets German.
    pub fn negotiate(ui_locales: &[String], accept_language: Option<&str>) -> Self {
        ui_locales
            .iter()
            .take(REQUESTED_MAX)
            .find_map(|tag| Self::spoken(tag))
            .or_else(|| accept_language.and_then(Self::accepted))
            .unwrap_or_default()
    }

    /// The language of a tag, if it is spoken.
    fn spoken(tag: &str) -> Option<Self> {
        let wanted: LanguageIdentifier = tag.trim().parse().ok()?;
        Self::ALL
            .into_iter()
            .find(|locale| wanted.language.as_str() == locale.tag())
    }

    /// The spoken language with the greatest weight; the first of equals.
    fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        for range in header.split(',').take(REQUESTED_MAX) {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let Some(locale) = Self::spoken(tag) else { continue };
            let weight = weight(parameters);
            if weight > best.map_or(0.0, |(_, most)| most) {
                best = Some((locale, weight));
            }
        }
        best.map(|(locale, _)| locale)
    }
}

/// `q` of a language range: 1 when absent, 0 ("not acceptable") when it is no number.
fn weight(parameters: &str) -> f32 {
    match parameters.trim().strip_prefix("q=") {
        None => 1.0,
        Some(q) => q.trim().parse().unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(ui_locales: &[&str], accept_language: &str) -> Locale {
        let ui_locales: Vec<String> = ui_locales.iter().map(|&tag| tag.to_owned()).collect();
        Locale::negotiate(&ui_locales, Some(accept_language))
    }

    #[test]
    fn ui_locales_win_over_the_browser() {
        assert_eq!(negotiate(&["fr", "de-AT", "en"], "en"), Locale::German);
        assert_eq!(negotiate(&["fr"], "de"), Locale::German);
        assert_eq!(negotiate(&["xx-not a tag"], "fr"), Locale::English);
        assert_eq!(Locale::negotiate(&[], None), Locale::English);
    }

    #[test]
    fn accept_language_goes_by_weight_then_order() {
        assert_eq!(negotiate(&[], "en;q=0.5, de-CH;q=0.9"), Locale::German);
        assert_eq!(negotiate(&[], "de, en"), Locale::German);
        assert_eq!(negotiate(&[], "fr, de;q=0, en;q=0.1"), Locale::English);
        assert_eq!(negotiate(&[], "de;q=x, en;q=0.1"), Locale::English);
        assert_eq!(negotiate(&[], "*;q=0.1, ,;;"), Locale::English);
    }

    #[test]
    fn only_the_first_ranges_are_read() {
        let padded = format!("{}de", "fr,".repeat(REQUESTED_MAX));
        assert_eq!(negotiate(&[], &padded), Locale::English);
    }
}
