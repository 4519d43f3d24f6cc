//! What people see: sign-in, consent, errors, and the demonstration page of `--dev`.
//!
//! Handlers make a view (plain data), [`Pages`] renders it in the person's language, and the answer is a [`Page`] with
//! its own Content-Security-Policy. Nothing here reads a request, storage or a clock.

mod account;
pub mod assets;
mod engine;
mod locale;
pub mod moment;
mod page;
pub mod samples;
mod scope_texts;
mod texts;
mod theme;
pub mod user_agent;
mod views;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use authly_core::Rng;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use serde::Serialize;

use self::{
    assets::Assets,
    engine::Engine,
    page::Csp,
    scope_texts::{claim_text, scope_text},
    theme::Theme,
};
pub use self::{locale::Locale, page::Page, views::*};

/// Why pages could not be loaded or rendered.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    /// A file of the theme cannot be used.
    #[error("theme file {path}: {reason}", path = path.display())]
    Theme {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A text is not Fluent, or holds markup.
    #[error("texts in {locale}: {reason}")]
    Text {
        /// Which language.
        locale: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A template is malformed, uses something undefined, or costs too much; the source names template and line.
    #[error("template: {0}")]
    Template(#[source] minijinja::Error),
}

/// Every page in every language.
pub struct Pages {
    english: Engine,
    german: Engine,
    assets: Arc<Assets>,
    rng: Arc<dyn Rng>,
}

impl Pages {
    /// Loads the pages, with the operator's theme over them, and renders each in every state once, so that a broken
    /// theme stops the start and not a person.
    ///
    /// `base_path` is the issuer's path without a trailing slash: empty for an issuer at the root.
    ///
    /// # Errors
    /// [`PagesError`] when a file of the theme cannot be used.
    pub fn load(theme_dir: Option<&Path>, base_path: &str, rng: Arc<dyn Rng>) -> Result<Self, PagesError> {
        let theme = theme_dir.map(Theme::read).transpose()?.unwrap_or_default();
        let assets = Arc::new(Assets::build(&theme));
        let engine = |locale| Engine::build(locale, &theme, &assets, base_path);
        let pages = Self {
            english: engine(Locale::English)?,
            german: engine(Locale::German)?,
            assets: Arc::clone(&assets),
            rng,
        };
        if theme_dir.is_some() {
            for sample in samples::samples() {
                sample.view.render(&pages)?;
            }
        }
        Ok(pages)
    }

    /// The files that pages load.
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// The sign-in page.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_login(&self, view: &LoginView) -> Result<Page, PagesError> {
        let nonce = self.nonce();
        let csp = Csp {
            nonce: Some(&nonce),
            form: Some(&view.redirect_uri),
            ..Csp::default()
        };
        let status = view.error.map_or(StatusCode::OK, LoginProblem::status);
        let mut page = self.render(view.locale, "login.html", view, &csp)?;
        page.status = status;
        if let Some(LoginProblem::Delayed { seconds }) = view.error {
            page.retry_after_seconds = Some(seconds);
        }
        Ok(page)
    }

    /// The consent page.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_consent(&self, view: &ConsentView) -> Result<Page, PagesError> {
        #[derive(Serialize)]
        struct Shown<'a> {
            interaction: &'a str,
            csrf: &'a str,
            client: &'a ClientView,
            display_name: Option<&'a str>,
            username: &'a str,
            scopes: Vec<scope_texts::ScopeText<'a>>,
        }
        let shown = Shown {
            interaction: &view.interaction,
            csrf: &view.csrf,
            client: &view.client,
            display_name: view
                .display_name
                .as_deref()
                .filter(|name| !name.trim().is_empty()),
            username: &view.username,
            scopes: view
                .scopes
                .iter()
                .map(scope_text)
                .chain(view.claims.iter().map(claim_text))
                .collect(),
        };
        let csp = Csp {
            form: Some(&view.redirect_uri),
            ..Csp::default()
        };
        self.render(view.locale, "consent.html", &shown, &csp)
    }

    /// The choice of a new password.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_new_password(&self, view: &NewPasswordView) -> Result<Page, PagesError> {
        let nonce = self.nonce();
        let csp = Csp {
            nonce: Some(&nonce),
            form: Some(&view.redirect_uri),
            ..Csp::default()
        };
        let mut page = self.render(view.locale, "new_password.html", view, &csp)?;
        page.status = view.error.map_or(StatusCode::OK, NewPasswordProblem::status);
        Ok(page)
    }

    /// The choice of an account.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_select(&self, view: &SelectView) -> Result<Page, PagesError> {
        let csp = Csp {
            form: Some(&view.redirect_uri),
            ..Csp::default()
        };
        self.render(view.locale, "select.html", view, &csp)
    }

    /// The form that carries an answer to the client: script sends it, a button where there is none.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_form_post(&self, view: &FormPostView) -> Result<Page, PagesError> {
        let nonce = self.nonce();
        let csp = Csp {
            nonce: Some(&nonce),
            ..Csp::default()
        };
        let mut page = self.render(view.locale, "form_post.html", view, &csp)?;
        page.csp = csp.leaving_for(&view.action);
        Ok(page)
    }

    /// An error page, with the status of its problem.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_error(&self, view: &ErrorView) -> Result<Page, PagesError> {
        let mut page = self.render(view.locale, "error.html", view, &Csp::default())?;
        page.status = view.problem.status();
        Ok(page)
    }

    /// A page that says something.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_message(&self, view: &MessageView) -> Result<Page, PagesError> {
        self.render(view.locale, "message.html", view, &Csp::default())
    }

    /// The demonstration page.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_demo(&self, view: &DemoView) -> Result<Page, PagesError> {
        let nonce = self.nonce();
        let csp = Csp {
            nonce: Some(&nonce),
            connect: true,
            form: None,
        };
        self.render(Locale::English, "demo.html", view, &csp)
    }

    fn render<V: Serialize>(
        &self,
        locale: Locale,
        template: &str,
        view: &V,
        csp: &Csp<'_>,
    ) -> Result<Page, PagesError> {
        let engine = match locale {
            Locale::English => &self.english,
            Locale::German => &self.german,
        };
        Ok(Page {
            status: StatusCode::OK,
            html: engine.render(template, view, csp.nonce)?,
            csp: csp.header(),
            retry_after_seconds: None,
        })
    }

    /// 128 random bits that let this response's own scripts run.
    fn nonce(&self) -> String {
        let mut bytes = [0u8; 16];
        self.rng.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests;
