//! A person's own pages in every state, and those of signing out.

use authly_core::Timestamp;

use super::{Sample, SampleView, arabic, hostile, notes, own, sample};
use crate::web::pages::{
    AccountLoginView, AccountView, AfterView, AppView, AppsView, ClientView, Locale, LoginProblem,
    LogoutView, ResendView, ScopeLine, SessionView, SessionsView, WhoView, moment::Moment, user_agent::Seen,
};

/// When the pictures are taken.
const NOW: Timestamp = Timestamp::from_secs(1_795_513_506);

/// So many seconds ago.
fn ago(seconds: i64) -> Moment {
    Moment::of(Timestamp::from_secs(NOW.as_secs() - seconds), NOW)
}

fn csrf() -> String {
    "Zp3Vb8n2Q6m1X0c9L7k5J4h2G1f8D6s3A0qWeRtYuIo".to_owned()
}

fn alice() -> WhoView {
    WhoView {
        username: "alice".to_owned(),
        display_name: Some("Alice Adams".to_owned()),
    }
}

/// A person whose names break out or never end.
fn long() -> WhoView {
    WhoView {
        username: "a-user-name-that-is-as-long-as-they-come".repeat(3),
        display_name: Some(
            "<img src=x onerror=alert(1)> von und zu Hohenlohe-Waldenburg-Schillingsfürst".to_owned(),
        ),
    }
}

fn layla() -> WhoView {
    WhoView {
        username: "layla".to_owned(),
        display_name: Some("ليلى حسن".to_owned()),
    }
}

fn nameless() -> WhoView {
    WhoView {
        display_name: None,
        ..alice()
    }
}

/// All of them in one language.
pub(super) fn account(locale: Locale) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut add = |name: String, view| samples.push(sample(&name, locale, view));
    for (name, view) in logins(locale) {
        add(format!("account-login-{name}"), SampleView::AccountLogin(view));
    }
    for (name, view) in overviews(locale) {
        add(format!("account-{name}"), SampleView::Account(view));
    }
    for (name, view) in apps(locale) {
        add(format!("consents-{name}"), SampleView::Apps(view));
    }
    for (name, view) in sessions(locale) {
        add(format!("sessions-{name}"), SampleView::Sessions(view));
    }
    for (name, view) in logouts(locale) {
        add(format!("logout-{name}"), SampleView::Logout(view));
    }
    add("resend".to_owned(), SampleView::Resend(resend(locale)));
    samples
}

fn logins(locale: Locale) -> Vec<(&'static str, AccountLoginView)> {
    let view = |username: Option<&str>, error| AccountLoginView {
        to: "sessions",
        csrf: csrf(),
        username: username.map(str::to_owned),
        error,
        locale,
    };
    vec![
        ("fresh", view(None, None)),
        ("rejected", view(Some("alice"), Some(LoginProblem::Rejected))),
        (
            "delayed",
            view(Some("alice"), Some(LoginProblem::Delayed { seconds: 30 })),
        ),
    ]
}

fn overviews(locale: Locale) -> Vec<(&'static str, AccountView)> {
    let view = |who, apps, sessions| AccountView {
        who,
        apps,
        sessions,
        locale,
    };
    vec![
        ("usual", view(alice(), 3, 2)),
        ("new", view(nameless(), 0, 1)),
        ("long", view(long(), 1, 200)),
        ("rtl", view(layla(), 2, 2)),
    ]
}

fn app(client_id: &str, client: ClientView, scopes: &[&str], agreed: Moment) -> AppView {
    let line = |name: &&str| ScopeLine {
        name: (*name).to_owned(),
        description: Some(format!("Access {name}")),
        is_new: false,
    };
    AppView {
        client_id: client_id.to_owned(),
        client,
        scopes: scopes.iter().map(line).collect(),
        agreed,
    }
}

fn apps(locale: Locale) -> Vec<(&'static str, AppsView)> {
    const USUAL: [&str; 4] = ["openid", "profile", "email", "offline_access"];
    const ADMIN: [&str; 3] = ["openid", "admin:users:write", "invoices:read"];
    let view = |who, apps, withdrawn| AppsView {
        who,
        csrf: csrf(),
        apps,
        withdrawn,
        locale,
    };
    let three = || {
        vec![
            app("juniper-notes", notes(), &USUAL, ago(7_200)),
            app("console", own(), &ADMIN, ago(30 * 86_400)),
            app("juniper-notes-beta", notes(), &["openid"], ago(400 * 86_400)),
        ]
    };
    let many = || {
        (0..6)
            .map(|n| app(&format!("juniper-notes-{n}"), notes(), &USUAL, ago(n * 86_400)))
            .collect()
    };
    vec![
        ("usual", view(alice(), three(), false)),
        ("none", view(nameless(), Vec::new(), false)),
        ("withdrawn", view(alice(), many(), true)),
        ("last-withdrawn", view(alice(), Vec::new(), true)),
        (
            "long",
            view(
                long(),
                vec![app(
                    &"a-client-id-that-never-ends-".repeat(9),
                    hostile(),
                    &ADMIN,
                    ago(60),
                )],
                false,
            ),
        ),
        (
            "rtl",
            view(
                layla(),
                vec![app("cairo-notes", arabic(), &USUAL, ago(60))],
                false,
            ),
        ),
    ]
}

fn session(user_agent: &str, address: Option<&str>, last_used: i64) -> SessionView {
    let Seen {
        browser,
        system,
        is_mobile,
    } = Seen::of(user_agent);
    SessionView {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        is_current: false,
        browser,
        system,
        is_mobile,
        address: address.map(str::to_owned),
        started: ago(last_used + 2 * 3_600),
        last_used: ago(last_used),
    }
}

fn sessions(locale: Locale) -> Vec<(&'static str, SessionsView)> {
    let view = |who, sessions, ended| SessionsView {
        who,
        csrf: csrf(),
        sessions,
        ended,
        locale,
    };
    let this = || SessionView {
        is_current: true,
        ..session("X11; Linux Firefox/133.0", Some("203.0.113.7"), 5)
    };
    let others = || {
        vec![
            this(),
            session(
                "iPhone Safari/604.1",
                Some("2001:db8:85a3:8d3:1319:8a2e:370:7348"),
                60,
            ),
            session("Windows NT 10.0 Chrome/131.0", Some("198.51.100.23"), 5 * 3_600),
            session("", None, 7 * 3_600),
        ]
    };
    vec![
        ("usual", view(alice(), others(), false)),
        ("one", view(nameless(), vec![this()], false)),
        ("ended", view(alice(), vec![this()], true)),
        ("long", view(long(), others(), false)),
        ("rtl", view(layla(), others(), false)),
    ]
}

fn logouts(locale: Locale) -> Vec<(&'static str, LogoutView)> {
    let view = |who, client, after| LogoutView {
        who,
        csrf: csrf(),
        client,
        after,
        locale,
    };
    let after = |state: Option<&str>| AfterView {
        client_id: "juniper-notes".to_owned(),
        uri: "https://notes.juniper.example/bye".to_owned(),
        state: state.map(str::to_owned),
    };
    vec![
        ("own", view(alice(), None, None)),
        ("nameless", view(nameless(), None, None)),
        ("client", view(alice(), Some(notes()), Some(after(Some("xyz"))))),
        ("first-party", view(alice(), Some(own()), Some(after(None)))),
        ("nowhere", view(alice(), Some(notes()), None)),
        (
            "long",
            view(long(), Some(hostile()), Some(after(Some("\"><script>alert(1)")))),
        ),
        ("rtl", view(layla(), Some(arabic()), Some(after(None)))),
    ]
}

fn resend(locale: Locale) -> ResendView {
    ResendView {
        fields: vec![
            (
                "id_token_hint",
                "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln".to_owned(),
            ),
            ("state", "\"><b>".to_owned()),
        ],
        after: Some("https://notes.juniper.example/bye".to_owned()),
        locale,
    }
}
