//! The files that pages load: one stylesheet, two small scripts, the icon, the operator's logo.
//!
//! All are served under one hash over all of them, so they may be cached for ever and change together.

use authly_core::TokenHash;
use bytes::Bytes;

use super::theme::Theme;

/// A file that pages load.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its name within `/assets/{hash}/`.
    pub name: &'static str,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The content.
    pub bytes: Bytes,
}

/// Every asset, with the hash in their URLs.
#[derive(Clone, Debug)]
pub struct Assets {
    hash: String,
    files: Vec<Asset>,
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

impl Assets {
    /// Our own, with the theme's tokens between our tokens and our rules.
    pub(super) fn build(theme: &Theme) -> Self {
        let sheet = [
            include_str!("styles/tokens.css"),
            theme.tokens.as_deref().unwrap_or_default(),
            include_str!("styles/authly.css"),
        ]
        .concat();
        let mut files = vec![
            asset("authly.css", CSS, sheet),
            asset("demo.css", CSS, include_str!("styles/demo.css")),
            asset("reveal.js", JS, include_str!("scripts/reveal.js")),
            asset("submit.js", JS, include_str!("scripts/submit.js")),
            asset("demo.js", JS, include_str!("scripts/demo.js")),
            asset("icon.svg", SVG, include_str!("styles/icon.svg")),
        ];
        files.extend(theme.logo.as_ref().map(|logo| {
            let content_type = if logo.name == "logo.svg" { SVG } else { "image/png" };
            asset(logo.name, content_type, logo.bytes.clone())
        }));
        let mut all = Vec::new();
        for file in &files {
            all.extend_from_slice(TokenHash::of(&file.bytes).as_bytes());
        }
        let hash = hex::encode(TokenHash::of(&all).as_bytes())
            .chars()
            .take(16)
            .collect();
        Self { hash, files }
    }

    /// The hash in the URLs.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// A file by name.
    pub fn get(&self, name: &str) -> Option<&Asset> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Every file.
    pub fn iter(&self) -> impl Iterator<Item = &Asset> {
        self.files.iter()
    }

    /// The path of a file below the issuer's path.
    pub(super) fn path(&self, name: &str) -> Option<String> {
        self.get(name)
            .map(|file| format!("/assets/{}/{}", self.hash, file.name))
    }
}

fn asset(name: &'static str, content_type: &'static str, bytes: impl Into<Bytes>) -> Asset {
    Asset {
        name,
        content_type,
        bytes: bytes.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_changes_the_hash_and_comes_before_our_rules() {
        let plain = Assets::build(&Theme::default());
        let theme = Theme {
            tokens: Some(":root{--accent:hotpink}".to_owned()),
            ..Theme::default()
        };
        let themed = Assets::build(&theme);
        assert_ne!(plain.hash(), themed.hash());
        let sheet = std::str::from_utf8(&themed.get("authly.css").unwrap().bytes).unwrap();
        assert!(sheet.find("--accent:").unwrap() < sheet.find("hotpink").unwrap());
        assert!(sheet.find("hotpink").unwrap() < sheet.find(".card").unwrap());
    }
}
