//! Translated texts: Fluent messages by key, the operator's over the built-in ones.

use std::fmt;

use fluent_bundle::{FluentArgs, FluentError, FluentResource, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

use super::{Locale, PagesError};

/// The built-in texts of a language, as Fluent source.
pub(super) const fn built_in(locale: Locale) -> &'static str {
    match locale {
        Locale::English => include_str!("locales/en.ftl"),
        Locale::German => include_str!("locales/de.ftl"),
    }
}

/// The texts of one language.
pub(super) struct Texts(FluentBundle<FluentResource>);

/// Why a text could not be had. A page that meets one is not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum TextError {
    /// No such key.
    #[error("there is no text {0:?}")]
    Unknown(String),
    /// An argument is missing, or the like.
    #[error("text {key:?} cannot be formatted: {errors:?}")]
    Format {
        /// Which text.
        key: String,
        /// What Fluent says.
        errors: Vec<FluentError>,
    },
}

impl Texts {
    /// The built-in texts of `locale`, with `theme` (Fluent source) laid over them.
    ///
    /// # Errors
    /// [`PagesError::Text`] when either is not Fluent or holds markup.
    pub(super) fn load(locale: Locale, theme: Option<&str>) -> Result<Self, PagesError> {
        let invalid = |reason: String| PagesError::Text {
            locale: locale.tag(),
            reason,
        };
        let language: LanguageIdentifier = locale
            .tag()
            .parse()
            .map_err(|error| invalid(format!("{error:?}")))?;
        let mut bundle = FluentBundle::new_concurrent(vec![language]);
        // Names are isolated by <bdi> elements; invisible isolation characters would end up in titles and copies.
        bundle.set_use_isolating(false);
        for source in std::iter::once(built_in(locale)).chain(theme) {
            if source
                .lines()
                .any(|line| !line.starts_with('#') && line.contains(['<', '&']))
            {
                return Err(invalid("a text may not hold '<' or '&'".to_owned()));
            }
            let resource = FluentResource::try_new(source.to_owned()).map_err(|(_, errors)| {
                invalid(
                    errors
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join("; "),
                )
            })?;
            bundle.add_resource_overriding(resource);
        }
        Ok(Self(bundle))
    }

    /// The text of a key.
    ///
    /// # Errors
    /// [`TextError`] for an unknown key or a missing argument.
    pub(super) fn get(&self, key: &str, args: &FluentArgs<'_>) -> Result<String, TextError> {
        let pattern = self
            .0
            .get_message(key)
            .and_then(|message| message.value())
            .ok_or_else(|| TextError::Unknown(key.to_owned()))?;
        let mut errors = Vec::new();
        let text = self
            .0
            .format_pattern(pattern, Some(args), &mut errors)
            .into_owned();
        if errors.is_empty() {
            Ok(text)
        } else {
            Err(TextError::Format {
                key: key.to_owned(),
                errors,
            })
        }
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Texts(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Key → the arguments its text uses.
    fn keys(locale: Locale) -> BTreeMap<String, Vec<String>> {
        let mut keys = BTreeMap::<String, Vec<String>>::new();
        let mut key = String::new();
        for line in built_in(locale).lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
                key = name.to_owned();
                assert!(
                    keys.insert(key.clone(), Vec::new()).is_none(),
                    "{key} twice in {locale:?}"
                );
            }
            let used = line.split('$').skip(1).map(|rest| {
                rest.chars()
                    .take_while(char::is_ascii_alphanumeric)
                    .collect::<String>()
            });
            if let Some(arguments) = keys.get_mut(&key) {
                arguments.extend(used);
                arguments.sort();
                arguments.dedup();
            }
        }
        keys
    }

    #[test]
    fn every_locale_has_the_same_keys_and_arguments() {
        let english = keys(Locale::English);
        assert!(english.len() > 80, "{}", english.len());
        for locale in Locale::ALL {
            assert_eq!(keys(locale), english, "{locale:?}");
        }
    }

    #[test]
    fn plurals_follow_the_language() {
        let texts = Texts::load(Locale::German, None).unwrap();
        let mut args = FluentArgs::new();
        args.set("count", 1);
        assert!(
            texts
                .get("login-delayed-seconds", &args)
                .unwrap()
                .contains("eine Sekunde")
        );
        args.set("count", 30);
        assert!(
            texts
                .get("login-delayed-seconds", &args)
                .unwrap()
                .contains("30 Sekunden")
        );
    }

    #[test]
    fn unknown_keys_and_missing_arguments_are_errors() {
        let texts = Texts::load(Locale::English, None).unwrap();
        assert!(matches!(
            texts.get("no-such-key", &FluentArgs::new()),
            Err(TextError::Unknown(_))
        ));
        assert!(matches!(
            texts.get("login-lead", &FluentArgs::new()),
            Err(TextError::Format { .. })
        ));
    }

    #[test]
    fn an_operators_text_replaces_ours_and_may_not_hold_markup() {
        let texts = Texts::load(Locale::English, Some("brand = Acme ID")).unwrap();
        assert_eq!(texts.get("brand", &FluentArgs::new()).unwrap(), "Acme ID");
        assert!(Texts::load(Locale::English, Some("brand = <b>Acme</b>")).is_err());
        assert!(Texts::load(Locale::English, Some("brand { = ")).is_err());
    }
}
