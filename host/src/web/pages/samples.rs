//! Every page in every state: what tests render, screenshots show, and a theme is tried on before it is used.

mod account;
mod answers;
mod consents;
mod new_password;

use self::consents::consents;
use super::{
    AccountLoginView, AccountView, AppsView, BackLink, ClientHost, ClientView, ConsentView, DemoView,
    DeveloperDetail, ErrorView, FormPostView, Locale, LoginProblem, LoginView, LogoutView, Message,
    MessageView, NewPasswordView, Page, Pages, PagesError, Problem, ResendView, SelectView, SessionsView,
};

/// One state of one page.
pub struct Sample {
    /// A file name without extension.
    pub name: String,
    /// The page's data.
    pub view: SampleView,
}

/// The data of any page.
pub enum SampleView {
    /// Sign in.
    Login(LoginView),
    /// The choice of a new password.
    NewPassword(NewPasswordView),
    /// The choice of an account.
    Select(SelectView),
    /// Consent.
    Consent(ConsentView),
    /// An answer on its way to the client.
    FormPost(FormPostView),
    /// Something went wrong.
    Error(ErrorView),
    /// Something to know.
    Message(MessageView),
    /// The demonstration.
    Demo(DemoView),
    /// The way in to a person's own pages.
    AccountLogin(AccountLoginView),
    /// The overview of a person's own pages.
    Account(AccountView),
    /// What a person agreed to.
    Apps(AppsView),
    /// Where a person is signed in.
    Sessions(SessionsView),
    /// The confirmation of signing out.
    Logout(LogoutView),
    /// A request to sign out, once more.
    Resend(ResendView),
}

impl SampleView {
    /// Renders the page.
    ///
    /// # Errors
    /// As the page's own method.
    pub fn render(&self, pages: &Pages) -> Result<Page, PagesError> {
        match self {
            Self::Login(view) => pages.render_login(view),
            Self::NewPassword(view) => pages.render_new_password(view),
            Self::Select(view) => pages.render_select(view),
            Self::Consent(view) => pages.render_consent(view),
            Self::FormPost(view) => pages.render_form_post(view),
            Self::Error(view) => pages.render_error(view),
            Self::Message(view) => pages.render_message(view),
            Self::Demo(view) => pages.render_demo(view),
            Self::AccountLogin(view) => pages.render_account_login(view),
            Self::Account(view) => pages.render_account(view),
            Self::Apps(view) => pages.render_apps(view),
            Self::Sessions(view) => pages.render_sessions(view),
            Self::Logout(view) => pages.render_logout(view),
            Self::Resend(view) => pages.render_resend(view),
        }
    }
}

/// All states, in every language.
pub fn samples() -> Vec<Sample> {
    let mut samples = vec![sample("demo", Locale::English, SampleView::Demo(demo()))];
    for locale in Locale::ALL {
        for (name, view) in logins(locale) {
            samples.push(sample(&format!("login-{name}"), locale, SampleView::Login(view)));
        }
        for (name, view) in consents(locale) {
            samples.push(sample(
                &format!("consent-{name}"),
                locale,
                SampleView::Consent(view),
            ));
        }
        for problem in Problem::ALL {
            let name = format!("error-{problem:?}").to_lowercase();
            samples.push(sample(&name, locale, SampleView::Error(error(problem, locale))));
        }
        for message in Message::ALL {
            let view = MessageView {
                message,
                back: back(message),
                locale,
            };
            let name = format!("message-{message:?}").to_lowercase();
            samples.push(sample(&name, locale, SampleView::Message(view)));
        }
        samples.extend(new_password::new_password(locale));
        samples.extend(answers::answers(locale));
        samples.extend(account::account(locale));
    }
    samples
}

fn sample(name: &str, locale: Locale, view: SampleView) -> Sample {
    Sample {
        name: format!("{name}.{}", locale.tag()),
        view,
    }
}

/// A client of somebody else, with everything.
fn notes() -> ClientView {
    ClientView {
        name: "Juniper Notes".to_owned(),
        host: Some(ClientHost::Site("notes.juniper.example".to_owned())),
        first_party: false,
        policy_uri: Some("https://notes.juniper.example/privacy".to_owned()),
        tos_uri: Some("https://notes.juniper.example/terms".to_owned()),
    }
}

/// The operator's own client, with nothing.
fn own() -> ClientView {
    ClientView {
        name: "Console".to_owned(),
        host: Some(ClientHost::Site("console.example".to_owned())),
        first_party: true,
        policy_uri: None,
        tos_uri: None,
    }
}

/// A client that tries to break out of its place.
fn hostile() -> ClientView {
    ClientView {
        name: "<script>alert('x')</script> & \"Donaudampfschifffahrtsgesellschaftskapitänsmützenverwaltung\""
            .to_owned(),
        host: Some(ClientHost::Site(format!(
            "{}.example",
            "very-long-subdomain-name.".repeat(6).trim_end_matches('.')
        ))),
        first_party: false,
        policy_uri: Some("javascript:alert('x')".to_owned()),
        tos_uri: Some("https://terms.example/\"><script>alert('x')</script>".to_owned()),
    }
}

/// A client whose name is written from right to left.
fn arabic() -> ClientView {
    ClientView {
        name: "مذكرات القاهرة".to_owned(),
        host: Some(ClientHost::Device),
        ..notes()
    }
}

fn login(client: ClientView, locale: Locale) -> LoginView {
    LoginView {
        interaction: "mA5nq0t7v9kQx2b8L1wZ3cR6yT4uP0sD7fG2hJ5kN8E".to_owned(),
        csrf: "Zp3Vb8n2Q6m1X0c9L7k5J4h2G1f8D6s3A0qWeRtYuIo".to_owned(),
        client,
        redirect_uri: "https://notes.juniper.example/callback".to_owned(),
        username: None,
        error: None,
        signed_in_as: None,
        locale,
    }
}

fn logins(locale: Locale) -> Vec<(&'static str, LoginView)> {
    let fresh = || login(notes(), locale);
    let failed = |error| LoginView {
        username: Some("alice".to_owned()),
        error: Some(error),
        ..fresh()
    };
    let long = "a-user-name-that-is-as-long-as-they-come".repeat(6);
    vec![
        ("fresh", fresh()),
        (
            "hinted",
            LoginView {
                username: Some("alice".to_owned()),
                ..fresh()
            },
        ),
        ("first-party", login(own(), locale)),
        ("rejected", failed(LoginProblem::Rejected)),
        ("delayed", failed(LoginProblem::Delayed { seconds: 30 })),
        ("delayed-one", failed(LoginProblem::Delayed { seconds: 1 })),
        ("delayed-minutes", failed(LoginProblem::Delayed { seconds: 900 })),
        ("busy", failed(LoginProblem::Busy)),
        ("new-password-due", failed(LoginProblem::NewPasswordDue)),
        ("unavailable", failed(LoginProblem::Unavailable)),
        (
            "again",
            LoginView {
                signed_in_as: Some("alice".to_owned()),
                username: Some("alice".to_owned()),
                ..fresh()
            },
        ),
        (
            "again-rejected",
            LoginView {
                signed_in_as: Some("alice".to_owned()),
                ..failed(LoginProblem::Rejected)
            },
        ),
        (
            "long",
            LoginView {
                username: Some(long.clone()),
                ..login(hostile(), locale)
            },
        ),
        (
            "again-long",
            LoginView {
                signed_in_as: Some(long.clone()),
                username: Some(long),
                ..login(hostile(), locale)
            },
        ),
        ("rtl", login(arabic(), locale)),
    ]
}

fn error(problem: Problem, locale: Locale) -> ErrorView {
    let client = || BackLink::Client {
        name: "Juniper Notes".to_owned(),
        uri: "https://notes.juniper.example/".to_owned(),
    };
    let again = || BackLink::StartAgain {
        uri: "/api/v1/oauth/authorize?client_id=juniper-notes".to_owned(),
    };
    let detail = |code: &str, description: &str| DeveloperDetail {
        code: code.to_owned(),
        description: description.to_owned(),
    };
    let (developer, back) = match problem {
        Problem::InvalidRequest => (
            Some(detail(
                "invalid_request",
                "The request needs code_challenge and code_challenge_method=S256 (PKCE, RFC 7636).",
            )),
            Some(client()),
        ),
        Problem::UnknownClient => (
            Some(detail(
                "invalid_client",
                "No active client is registered under this client_id.",
            )),
            None,
        ),
        Problem::RedirectMismatch => (
            Some(detail(
                "invalid_request",
                "redirect_uri is not registered for this client. It must equal a registered one in every character.",
            )),
            Some(client()),
        ),
        Problem::Expired | Problem::OtherBrowser | Problem::FormRejected => (None, Some(again())),
        Problem::Unavailable => (
            None,
            Some(BackLink::Retry {
                uri: "/login?interaction=x".to_owned(),
            }),
        ),
        Problem::NotFound | Problem::TooManyRequests | Problem::Internal => (None, None),
    };
    ErrorView {
        problem,
        developer,
        request_id: "01890a5dac96774bbcceb302099a8057".to_owned(),
        back,
        locale,
    }
}

fn back(message: Message) -> Option<BackLink> {
    match message {
        Message::Finished => Some(BackLink::Client {
            name: "Juniper Notes".to_owned(),
            uri: "https://notes.juniper.example/".to_owned(),
        }),
        Message::StartAtApp => None,
        Message::SignedOut => Some(BackLink::SignIn {
            uri: "/account".to_owned(),
        }),
        Message::StillSignedIn => Some(BackLink::Account {
            uri: "/account".to_owned(),
        }),
    }
}

fn demo() -> DemoView {
    DemoView {
        issuer: "http://localhost:8000".to_owned(),
        client_id: "demo".to_owned(),
        redirect_uri: "http://localhost:8000/demo/callback".to_owned(),
        scope: "openid profile email offline_access".to_owned(),
        plugins_dir: Some("/home/alice/.local/share/authly/plugins".to_owned()),
        username: "alice".to_owned(),
    }
}
