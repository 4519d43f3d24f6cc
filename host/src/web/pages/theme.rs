//! The operator's own look: a directory read once, at start.
//!
//! ```text
//! tokens.css            custom properties that override some of ours
//! logo.svg | logo.png   shown instead of our mark and name
//! templates/NAME.html   replaces a page, or adds a part that a replaced page includes
//! locales/en.ftl        texts that override some of ours
//! ```
//! A theme cannot loosen the Content-Security-Policy: the server makes it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{Locale, PagesError};

/// The largest file of a theme, in bytes: every page or its stylesheet carries it.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The most templates in a theme.
const TEMPLATES_MAX: usize = 100;

/// What a theme directory held.
#[derive(Debug, Default)]
pub(super) struct Theme {
    pub(super) tokens: Option<String>,
    pub(super) logo: Option<Logo>,
    pub(super) templates: BTreeMap<String, String>,
    pub(super) locales: Vec<(Locale, String)>,
}

/// The operator's logo.
#[derive(Debug)]
pub(super) struct Logo {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl Theme {
    /// Reads a theme directory.
    ///
    /// # Errors
    /// [`PagesError::Theme`] when the directory or a file in it cannot be read, is too large, or is not UTF-8.
    pub(super) fn read(dir: &Path) -> Result<Self, PagesError> {
        if !dir.is_dir() {
            return Err(unreadable(dir, "is not a directory"));
        }
        let mut theme = Self {
            tokens: text(&dir.join("tokens.css"))?,
            ..Self::default()
        };
        for name in ["logo.svg", "logo.png"] {
            if theme.logo.is_none() {
                theme.logo = bytes(&dir.join(name))?.map(|bytes| Logo { name, bytes });
            }
        }
        for locale in Locale::ALL {
            let file = dir.join("locales").join(format!("{}.ftl", locale.tag()));
            theme.locales.extend(text(&file)?.map(|source| (locale, source)));
        }
        theme.templates = templates(&dir.join("templates"))?;
        Ok(theme)
    }

    /// The theme's texts in a language.
    pub(super) fn texts(&self, wanted: Locale) -> Option<&str> {
        self.locales
            .iter()
            .find(|(locale, _)| *locale == wanted)
            .map(|(_, source)| source.as_str())
    }
}

/// Every `*.html` directly in `dir`; none when there is no such directory.
fn templates(dir: &Path) -> Result<BTreeMap<String, String>, PagesError> {
    let mut templates = BTreeMap::new();
    if !dir.exists() {
        return Ok(templates);
    }
    for entry in fs::read_dir(dir).map_err(|error| unreadable(dir, error))? {
        let path = entry.map_err(|error| unreadable(dir, error))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if path.extension().is_some_and(|extension| extension == "html")
            && let Some(source) = text(&path)?
        {
            templates.insert(name.to_owned(), source);
        }
        if templates.len() > TEMPLATES_MAX {
            return Err(unreadable(
                dir,
                format!("holds more than {TEMPLATES_MAX} templates"),
            ));
        }
    }
    Ok(templates)
}

fn text(path: &Path) -> Result<Option<String>, PagesError> {
    bytes(path)?
        .map(|bytes| String::from_utf8(bytes).map_err(|_| unreadable(path, "is not UTF-8")))
        .transpose()
}

/// A file's content; `None` when there is no such file.
fn bytes(path: &Path) -> Result<Option<Vec<u8>>, PagesError> {
    match fs::metadata(path) {
        Ok(facts) if facts.len() > FILE_BYTES_MAX => {
            Err(unreadable(path, format!("is larger than {FILE_BYTES_MAX} bytes")))
        }
        Ok(_) => fs::read(path).map(Some).map_err(|error| unreadable(path, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, error)),
    }
}

fn unreadable(path: &Path, reason: impl std::fmt::Display) -> PagesError {
    PagesError::Theme {
        path: PathBuf::from(path),
        reason: reason.to_string(),
    }
}
