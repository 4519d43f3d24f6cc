//! The choice of an account, and the form that carries an answer to the client, in every state.

use super::{Sample, SampleView, arabic, hostile, notes, own, sample};
use crate::web::pages::{ClientHost, ClientView, FormPostView, Locale, SelectView};

/// Every state.
pub(super) fn answers(locale: Locale) -> Vec<Sample> {
    let select = |name: &str, view| sample(&format!("select-{name}"), locale, SampleView::Select(view));
    let post = |name: &str, view| sample(&format!("form-post-{name}"), locale, SampleView::FormPost(view));
    let usual = |client| choice(client, Some("Alice Adams"), "alice", locale);
    let long = "<img src=x onerror=alert(1)> von und zu Hohenlohe-Waldenburg-Schillingsfürst";
    let endless = "a-user-name-that-is-as-long-as-they-come".repeat(3);
    vec![
        select("fresh", usual(notes())),
        select("first-party", usual(own())),
        select("nameless", choice(notes(), None, "alice", locale)),
        select("long", choice(hostile(), Some(long), &endless, locale)),
        select("rtl", choice(arabic(), Some("ليلى حسن"), "layla", locale)),
        post("code", form("https://notes.juniper.example/callback", locale)),
        post(
            "device",
            form(
                "http://127.0.0.1:8400/cb?x=\"><script>alert('x')</script>",
                locale,
            ),
        ),
    ]
}

fn choice(client: ClientView, display_name: Option<&str>, username: &str, locale: Locale) -> SelectView {
    SelectView {
        interaction: "mA5nq0t7v9kQx2b8L1wZ3cR6yT4uP0sD7fG2hJ5kN8E".to_owned(),
        csrf: "Zp3Vb8n2Q6m1X0c9L7k5J4h2G1f8D6s3A0qWeRtYuIo".to_owned(),
        client,
        redirect_uri: "https://notes.juniper.example/callback".to_owned(),
        display_name: display_name.map(str::to_owned),
        username: username.to_owned(),
        locale,
    }
}

fn form(action: &str, locale: Locale) -> FormPostView {
    FormPostView {
        action: action.to_owned(),
        host: ClientHost::of(action),
        fields: vec![
            ("code", "Zp3Vb8n2Q6m1X0c9L7k5J4h2G1f8D6s3A0qWeRtYuIo".to_owned()),
            ("state", "\"><script>alert('x')</script>".to_owned()),
            ("iss", "https://login.example".to_owned()),
        ],
        locale,
    }
}
