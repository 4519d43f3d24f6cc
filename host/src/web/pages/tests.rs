use std::{collections::BTreeSet, fs, sync::Arc};

use super::{
    samples::{SampleView, samples},
    *,
};

struct Counting;
impl Rng for Counting {
    fn fill(&self, dest: &mut [u8]) {
        dest.fill(0x5a);
    }
}

fn pages() -> Pages {
    Pages::load(None, "", Arc::new(Counting)).unwrap()
}

fn themed(files: &[(&str, &str)]) -> Result<Pages, PagesError> {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let file = dir.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    Pages::load(Some(dir.path()), "", Arc::new(Counting))
}

/// The attribute values and texts of a page would have to be parsed to be sure; these are what an escape that is
/// missing would leave.
const BREAKOUTS: [&str; 4] = ["<script>alert", "\"><script", "<img", "<b>"];

#[test]
fn every_page_renders_in_every_state_and_language() {
    let pages = pages();
    let mut names = BTreeSet::new();
    for sample in samples() {
        let page = sample
            .view
            .render(&pages)
            .unwrap_or_else(|error| panic!("{}: {error:?}", sample.name));
        assert!(names.insert(sample.name.clone()), "{} twice", sample.name);
        assert!(page.html.contains("<h1"), "{}", sample.name);
        for breakout in BREAKOUTS {
            assert!(!page.html.contains(breakout), "{}: {breakout}", sample.name);
        }
        // The most that a request may name (100 scopes) may be longer.
        let limit = if sample.name.starts_with("consent-most") {
            32
        } else {
            20
        };
        assert!(
            page.html.len() < limit * 1024,
            "{}: {} bytes",
            sample.name,
            page.html.len()
        );
        assert!(
            page.csp.contains("default-src 'none'") && !page.csp.contains("unsafe"),
            "{}",
            page.csp
        );
    }
}

#[test]
fn no_page_carries_script_style_or_links_that_a_client_chose() {
    let pages = pages();
    for sample in samples() {
        let html = sample.view.render(&pages).unwrap().html;
        for forbidden in [
            "javascript:",
            " style=",
            "<style",
            " onclick",
            " onload",
            "http-equiv",
        ] {
            assert!(!html.contains(forbidden), "{}: {forbidden}", sample.name);
        }
        let scripts = html.matches("<script").count();
        assert_eq!(
            scripts,
            html.matches(" nonce=\"WlpaWlpaWlpaWlpaWlpaWg\" defer></script>")
                .count(),
            "{}",
            sample.name
        );
    }
}

#[test]
fn language_and_direction_are_those_of_the_view() {
    let pages = pages();
    for sample in samples() {
        let html = sample.view.render(&pages).unwrap().html;
        let tag = sample.name.rsplit('.').next().unwrap();
        assert!(
            html.contains(&format!("<html lang=\"{tag}\" dir=\"ltr\">")),
            "{}",
            sample.name
        );
    }
}

#[test]
fn forms_have_the_names_that_handlers_read() {
    let pages = pages();
    let html = |prefix: &str| {
        let sample = samples()
            .into_iter()
            .find(|sample| sample.name == prefix)
            .unwrap();
        sample.view.render(&pages).unwrap().html
    };
    let login = html("login-fresh.en");
    for part in [
        "<form method=\"post\" action=\"/login\">",
        "name=\"interaction\" value=\"mA5n",
        "name=\"csrf\" value=\"Zp3V",
        "name=\"username\"",
        "name=\"password\"",
        "autocomplete=\"current-password\"",
    ] {
        assert!(login.contains(part), "{part}");
    }
    let consent = html("consent-fresh.en");
    for part in [
        "method=\"post\" action=\"/consent\">",
        "name=\"interaction\" value=\"mA5n",
        "name=\"csrf\" value=\"Zp3V",
        "name=\"decision\" value=\"allow\"",
        "name=\"decision\" value=\"deny\"",
        "href=\"/login?interaction=mA5nq0t7v9kQx2b8L1wZ3cR6yT4uP0sD7fG2hJ5kN8E&amp;switch=1\"",
        "Keep this access while you are not using it",
    ] {
        assert!(consent.contains(part), "{part}");
    }
    // Whoever signs in again may type another name, and simple clients fill in every field.
    assert!(html("login-again.en").contains("name=\"username\" type=\"text\" value=\"alice\""));
    assert!(html("login-again.en").contains("&amp;switch=1"));
}

#[test]
fn what_was_typed_is_kept_and_the_problem_is_tied_to_the_fields() {
    let pages = pages();
    for sample in samples() {
        let SampleView::Login(view) = &sample.view else {
            continue;
        };
        let page = pages.render_login(view).unwrap();
        if view.error == Some(LoginProblem::Rejected) {
            assert_eq!(page.status, StatusCode::BAD_REQUEST);
            assert!(page.html.contains("value=\"alice\""));
            assert_eq!(
                page.html
                    .matches("aria-invalid=\"true\" aria-describedby=\"problem\"")
                    .count(),
                2
            );
        }
        assert_eq!(
            page.html.contains("role=\"alert\""),
            view.error.is_some(),
            "{}",
            sample.name
        );
        assert_eq!(page.html.matches(" autofocus").count(), 1, "{}", sample.name);
    }
}

#[test]
fn a_delay_says_when_to_come_back() {
    let pages = pages();
    for sample in samples() {
        let SampleView::Login(view) = &sample.view else {
            continue;
        };
        if let Some(LoginProblem::Delayed { seconds }) = view.error {
            let page = pages.render_login(view).unwrap();
            assert_eq!(
                (page.status, page.retry_after_seconds),
                (StatusCode::TOO_MANY_REQUESTS, Some(seconds))
            );
        }
    }
}

#[test]
fn an_error_page_keeps_the_developers_words_apart() {
    let pages = pages();
    for sample in samples() {
        let SampleView::Error(view) = &sample.view else {
            continue;
        };
        let html = pages.render_error(view).unwrap().html;
        assert!(html.contains(&view.request_id));
        let before_developer = html.split("class=\"developer\"").next().unwrap();
        assert!(!before_developer.contains("invalid_"), "{}", sample.name);
        assert_eq!(
            html.contains("class=\"developer\""),
            view.developer.is_some(),
            "{}",
            sample.name
        );
    }
}

#[test]
fn assets_are_small_and_every_reference_exists() {
    let pages = pages();
    let sheet = pages.assets().get("authly.css").unwrap();
    // Compresses to less than a third.
    assert!(sheet.bytes.len() < 24 * 1024, "{}", sheet.bytes.len());
    for sample in samples() {
        let html = sample.view.render(&pages).unwrap().html;
        for reference in html.split("\"/assets/").skip(1) {
            let path = reference.split('"').next().unwrap();
            let (hash, name) = path.split_once('/').unwrap();
            assert_eq!(hash, pages.assets().hash());
            assert!(pages.assets().get(name).is_some(), "{name}");
        }
    }
}

#[test]
fn every_custom_property_that_is_used_is_a_token() {
    let sheet = |name: &str| String::from_utf8(pages().assets().get(name).unwrap().bytes.to_vec()).unwrap();
    let (main, demo) = (sheet("authly.css"), sheet("demo.css"));
    for used in [&main, &demo]
        .into_iter()
        .flat_map(|sheet| sheet.split("var(").skip(1))
    {
        let name = used.split(')').next().unwrap();
        assert!(main.contains(&format!("  {name}:")), "{name}");
    }
}

#[test]
fn a_base_path_is_before_every_path() {
    let pages = Pages::load(None, "/tenant", Arc::new(Counting)).unwrap();
    for sample in samples() {
        let html = sample.view.render(&pages).unwrap().html;
        for attribute in ["href=\"/", "src=\"/", "action=\"/"] {
            for path in html.split(attribute).skip(1) {
                // The handlers make the links of error pages, whole.
                let whole = ["api/v1/oauth/authorize?", "login?interaction=x", "account\""]
                    .iter()
                    .any(|own| path.starts_with(own))
                    && !path.contains("<nav");
                assert!(
                    whole || path.starts_with("tenant/"),
                    "{}: {}",
                    sample.name,
                    &path[..30]
                );
            }
        }
    }
}

#[test]
fn a_theme_lays_tokens_texts_logo_and_templates_over_ours() {
    let pages = themed(&[
        ("tokens.css", ":root { --accent: #7a1f5c; }"),
        ("logo.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("locales/en.ftl", "brand = Acme ID\n"),
        ("templates/message.html", "{% extends 'base.html' %}{% block title %}x{% endblock %}{% block content %}<h1>Ours</h1>{% endblock %}"),
    ])
    .unwrap();
    let view = MessageView {
        message: Message::Finished,
        back: None,
        locale: Locale::English,
    };
    let html = pages.render_message(&view).unwrap().html;
    assert!(
        html.contains("<h1>Ours</h1>") && html.contains("alt=\"Acme ID\"") && html.contains("/logo.svg"),
        "{html}"
    );
    assert!(pages.assets().get("logo.svg").is_some());
}

#[test]
fn a_broken_theme_stops_the_start_and_says_where() {
    for (files, expected) in [
        (("templates/login.html", "{{ view.no_such }}"), "login.html:1"),
        (("templates/login.html", "{% if %}"), "login.html:1"),
        (("templates/error.html", "{{ t('no-such') }}"), "error.html:1"),
        (("locales/de.ftl", "brand = <b>x</b>"), "texts in de"),
        (("tokens.css", &"x".repeat(257 * 1024)), "tokens.css"),
    ] {
        let error = themed(&[files]).map(|_| ()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
    }
    assert!(Pages::load(Some(Path::new("/no/such/theme")), "", Arc::new(Counting)).is_err());
}
