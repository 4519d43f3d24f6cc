//! Renders a person's own pages, and those of signing out.

use http::StatusCode;
use serde::Serialize;

use super::{
    AccountLoginView, AccountView, AppsView, ClientView, LoginProblem, LogoutView, Page, Pages, PagesError,
    ResendView, SessionsView, WhoView,
    moment::Moment,
    page::Csp,
    scope_texts::{ScopeText, scope_text},
};

/// Forms whose answers stay on this server.
const OWN: Csp<'static> = Csp {
    nonce: None,
    connect: false,
    form: Some(""),
};

/// A page under the navigation of the account.
#[derive(Serialize)]
struct Section<'a, V> {
    /// Which entry of the navigation is the page's own.
    section: &'static str,
    #[serde(flatten)]
    view: &'a V,
}

impl Pages {
    /// The way in to a person's own pages.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_account_login(&self, view: &AccountLoginView) -> Result<Page, PagesError> {
        let nonce = self.nonce();
        let csp = Csp {
            nonce: Some(&nonce),
            ..OWN
        };
        let mut page = self.render(view.locale, "account_login.html", view, &csp)?;
        page.status = view.error.map_or(StatusCode::OK, LoginProblem::status);
        if let Some(LoginProblem::Delayed { seconds }) = view.error {
            page.retry_after_seconds = Some(seconds);
        }
        Ok(page)
    }

    /// The overview.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_account(&self, view: &AccountView) -> Result<Page, PagesError> {
        let section = "account";
        self.render(view.locale, "account.html", &Section { section, view }, &OWN)
    }

    /// What the person agreed to.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_apps(&self, view: &AppsView) -> Result<Page, PagesError> {
        #[derive(Serialize)]
        struct App<'a> {
            client_id: &'a str,
            client: &'a ClientView,
            scopes: Vec<ScopeText<'a>>,
            agreed: &'a Moment,
        }
        #[derive(Serialize)]
        struct Shown<'a> {
            who: &'a WhoView,
            csrf: &'a str,
            apps: Vec<App<'a>>,
            /// Of all scopes: drawn once in the page, however many apps have them.
            icons: Vec<&'static str>,
            withdrawn: bool,
        }
        let apps: Vec<App<'_>> = view
            .apps
            .iter()
            .map(|app| App {
                client_id: &app.client_id,
                client: &app.client,
                scopes: app.scopes.iter().map(scope_text).collect(),
                agreed: &app.agreed,
            })
            .collect();
        let icons = apps.iter().flat_map(|app| &app.scopes).map(ScopeText::icon);
        let shown = Section {
            section: "consents",
            view: &Shown {
                who: &view.who,
                csrf: &view.csrf,
                icons: icons.collect(),
                apps,
                withdrawn: view.withdrawn,
            },
        };
        self.render(view.locale, "consents.html", &shown, &OWN)
    }

    /// Where the person is signed in.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_sessions(&self, view: &SessionsView) -> Result<Page, PagesError> {
        let section = "sessions";
        self.render(view.locale, "sessions.html", &Section { section, view }, &OWN)
    }

    /// The confirmation of signing out.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_logout(&self, view: &LogoutView) -> Result<Page, PagesError> {
        let csp = Csp {
            form: Some(view.after.as_ref().map_or("", |after| &after.uri)),
            ..OWN
        };
        self.render(view.locale, "logout.html", view, &csp)
    }

    /// The request to sign out once more, from here.
    ///
    /// # Errors
    /// [`PagesError::Template`]: answer 500.
    pub fn render_resend(&self, view: &ResendView) -> Result<Page, PagesError> {
        let nonce = self.nonce();
        let csp = Csp {
            nonce: Some(&nonce),
            form: Some(view.after.as_deref().unwrap_or_default()),
            ..OWN
        };
        self.render(view.locale, "resend.html", view, &csp)
    }
}
