//! The choice of a new password, in every state.

use super::{Sample, SampleView, arabic, hostile, notes, sample};
use crate::web::pages::{ClientView, Locale, NewPasswordProblem, NewPasswordView};

/// Every state.
pub(super) fn new_password(locale: Locale) -> Vec<Sample> {
    let page = |name: &str, view| sample(&format!("password-{name}"), locale, SampleView::NewPassword(view));
    let usual = |error| choice(notes(), "alice", error, locale);
    let endless = "a-user-name-that-is-as-long-as-they-come".repeat(3);
    vec![
        page("fresh", usual(None)),
        page("differ", usual(Some(NewPasswordProblem::Differ))),
        page("short", usual(Some(NewPasswordProblem::Short { length_min: 10 }))),
        page("long", usual(Some(NewPasswordProblem::Long))),
        page("own-name", usual(Some(NewPasswordProblem::OwnName))),
        page("guessable", usual(Some(NewPasswordProblem::Guessable))),
        page("same", usual(Some(NewPasswordProblem::Same))),
        page("busy", usual(Some(NewPasswordProblem::Busy))),
        page("unavailable", usual(Some(NewPasswordProblem::Unavailable))),
        page("hostile", choice(hostile(), &endless, None, locale)),
        page("rtl", choice(arabic(), "layla", None, locale)),
    ]
}

fn choice(
    client: ClientView,
    username: &str,
    error: Option<NewPasswordProblem>,
    locale: Locale,
) -> NewPasswordView {
    NewPasswordView {
        interaction: "mA5nq0t7v9kQx2b8L1wZ3cR6yT4uP0sD7fG2hJ5kN8E".to_owned(),
        csrf: "Zp3Vb8n2Q6m1X0c9L7k5J4h2G1f8D6s3A0qWeRtYuIo".to_owned(),
        client,
        redirect_uri: "https://notes.juniper.example/callback".to_owned(),
        username: username.to_owned(),
        error,
        locale,
    }
}
