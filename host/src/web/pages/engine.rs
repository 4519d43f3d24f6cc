//! The template engine of one language: strict, escaping, and limited in what a template may cost.

use std::sync::Arc;

use fluent_bundle::{FluentArgs, FluentValue};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, HtmlEscape, UndefinedBehavior, Value,
    value::{Kwargs, Serde, ValueKind},
};
use serde::Serialize;
use url::Url;

use super::{Locale, PagesError, assets::Assets, texts::Texts, theme::Theme};

/// Instructions one page may cost. The largest of ours (100 scopes) needs under a tenth.
const FUEL: u64 = 500_000;

/// The built-in templates by name.
const TEMPLATES: [(&str, &str); 17] = [
    ("base.html", include_str!("templates/base.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("login.html", include_str!("templates/login.html")),
    ("new_password.html", include_str!("templates/new_password.html")),
    ("select.html", include_str!("templates/select.html")),
    ("consent.html", include_str!("templates/consent.html")),
    ("form_post.html", include_str!("templates/form_post.html")),
    ("error.html", include_str!("templates/error.html")),
    ("message.html", include_str!("templates/message.html")),
    ("demo.html", include_str!("templates/demo.html")),
    ("account_login.html", include_str!("templates/account_login.html")),
    ("account_base.html", include_str!("templates/account_base.html")),
    ("account.html", include_str!("templates/account.html")),
    ("consents.html", include_str!("templates/consents.html")),
    ("sessions.html", include_str!("templates/sessions.html")),
    ("logout.html", include_str!("templates/logout.html")),
    ("resend.html", include_str!("templates/resend.html")),
];

/// Renders templates in one language.
#[derive(Debug)]
pub(super) struct Engine(Environment<'static>);

#[derive(Serialize)]
struct Context<'a, V> {
    view: &'a V,
    nonce: Option<&'a str>,
}

impl Engine {
    /// Sets up a language: its texts, all templates, the theme's before ours.
    ///
    /// # Errors
    /// [`PagesError`] when a text or a template cannot be read.
    pub(super) fn build(
        locale: Locale,
        theme: &Theme,
        assets: &Arc<Assets>,
        base_path: &str,
    ) -> Result<Self, PagesError> {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_auto_escape_callback(|_| AutoEscape::Html);
        env.set_fuel(Some(FUEL));
        for (name, source) in TEMPLATES {
            env.add_template(name, source).map_err(PagesError::Template)?;
        }
        for (name, source) in &theme.templates {
            env.add_template_owned(name.clone(), source.clone())
                .map_err(PagesError::Template)?;
        }
        env.add_global("lang", locale.tag());
        env.add_global("dir", locale.dir());
        env.add_global("base", path_html(base_path));
        env.add_global("logo", theme.logo.as_ref().map(|logo| logo.name));
        add_texts(&mut env, Arc::new(Texts::load(locale, theme.texts(locale))?));
        add_assets(&mut env, Arc::clone(assets), base_path.to_owned());
        env.add_filter("initial", initial);
        env.add_filter("hue", hue);
        env.add_test("weblink", |value: &Value| value.as_str().is_some_and(is_weblink));
        env.add_test("link", |value: &Value| value.as_str().is_some_and(is_link));
        Ok(Self(env))
    }

    /// Renders one template.
    ///
    /// # Errors
    /// [`PagesError::Template`] for an undefined variable, an unknown text, or spent fuel.
    pub(super) fn render<V: Serialize>(
        &self,
        template: &str,
        view: &V,
        nonce: Option<&str>,
    ) -> Result<String, PagesError> {
        self.0
            .get_template(template)
            .and_then(|template| template.render(Value::from(Serde(Context { view, nonce }))))
            .map_err(PagesError::Template)
    }
}

/// `t(key, name=value…)`: the text as HTML, every argument escaped and set apart from the direction of the text
/// around it. `text(key, name=value…)`: the same as plain text, for titles and attributes.
fn add_texts(env: &mut Environment<'static>, texts: Arc<Texts>) {
    let plain = Arc::clone(&texts);
    env.add_function("text", move |key: String, arguments: Kwargs| {
        translate(&plain, &key, &arguments, ToString::to_string)
    });
    env.add_function("t", move |key: String, arguments: Kwargs| {
        let isolated = |value: &Value| {
            let text = value.to_string();
            if value.is_safe() {
                format!("<bdi>{text}</bdi>")
            } else {
                format!("<bdi>{}</bdi>", HtmlEscape(&text))
            }
        };
        translate(&texts, &key, &arguments, isolated).map(Value::from_safe_string)
    });
}

fn translate(
    texts: &Texts,
    key: &str,
    arguments: &Kwargs,
    shown: impl Fn(&Value) -> String,
) -> Result<String, Error> {
    let mut args = FluentArgs::new();
    for name in arguments.args() {
        let value: Value = arguments.get(name)?;
        if value.is_undefined() || value.is_none() {
            return Err(Error::new(
                ErrorKind::UndefinedError,
                format!("argument {name} of text {key}"),
            ));
        }
        let number = (value.kind() == ValueKind::Number)
            .then(|| value.as_i64())
            .flatten();
        match number {
            Some(number) => args.set(name.to_owned(), FluentValue::from(number)),
            None => args.set(name.to_owned(), FluentValue::from(shown(&value))),
        }
    }
    texts
        .get(key, &args)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

/// `asset(name)`: the URL of a file that pages load.
fn add_assets(env: &mut Environment<'static>, assets: Arc<Assets>, base_path: String) {
    env.add_function("asset", move |name: String| {
        assets
            .path(&name)
            .map(|path| path_html(&format!("{base_path}{path}")))
            .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("there is no asset {name:?}")))
    });
}

/// A path of this server, escaped but for its slashes: they are harmless, and a page without noise is shorter.
fn path_html(path: &str) -> Value {
    Value::from_safe_string(HtmlEscape(path).to_string().replace("&#x2f;", "/"))
}

/// The letter on a tile: the first letter or digit of a name, else its first character.
fn initial(name: &str) -> String {
    let first = name.chars().find(|c| c.is_alphanumeric());
    first
        .or_else(|| name.trim().chars().next())
        .map_or_else(|| "?".to_owned(), |c| c.to_uppercase().collect())
}

/// The colour of a tile, 0 to 7: the same for the same name everywhere.
fn hue(name: &str) -> u8 {
    name.bytes()
        .fold(7u8, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte))
        % 8
}

/// A link to a web page, and no other scheme: a client's own metadata may say `javascript:`.
fn is_weblink(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// A web link, or a path on this server (not `//host`, nor its variants with a backslash).
fn is_link(text: &str) -> bool {
    is_weblink(text)
        || (text.starts_with('/') && !text.starts_with("//") && !text.contains(['\\', '\t', '\n', '\r']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(template: &str) -> Engine {
        let theme = Theme {
            templates: [("x.html".to_owned(), template.to_owned())].into(),
            ..Theme::default()
        };
        let assets = Arc::new(Assets::build(&theme));
        Engine::build(Locale::English, &theme, &assets, "/base").unwrap()
    }

    fn render(template: &str) -> Result<String, PagesError> {
        let view = serde_json::json!({ "name": "<b>&\"'", "none": null, "url": "javascript:alert(1)" });
        engine(template).render("x.html", &view, None)
    }

    #[test]
    fn undefined_is_an_error_wherever_it_is_met() {
        for bad in [
            "{{ view.nam }}",
            "{% if view.nam %}{% endif %}",
            "{{ t('login-lead', client=view.nam) }}",
            "{{ t('login-lead', client=view.none) }}",
            "{{ t('login-lead') }}",
            "{{ t('no-such-text') }}",
            "{{ asset('no-such-file') }}",
            "{% for x in view.nam %}{% endfor %}",
        ] {
            assert!(render(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn arguments_of_texts_are_escaped_and_isolated() {
        let html = render("{{ t('login-lead', client=view.name) }}").unwrap();
        assert_eq!(html, "to continue to <bdi>&lt;b&gt;&amp;&quot;&#x27;</bdi>");
        let html = render("{{ text('login-lead', client=view.name) }}").unwrap();
        assert_eq!(html, "to continue to &lt;b&gt;&amp;&quot;&#x27;");
    }

    #[test]
    fn fuel_ends_a_runaway_template() {
        assert!(
            render("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}").is_err()
        );
    }

    #[test]
    fn only_web_links_are_links() {
        for good in ["https://a.example/x", "http://a.example"] {
            assert!(is_weblink(good) && is_link(good), "{good}");
        }
        assert!(is_link("/login?interaction=x") && !is_weblink("/login"));
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//evil.example",
            "/\\evil.example",
            "",
            "/\t/evil",
        ] {
            assert!(!is_link(bad) && !is_weblink(bad), "{bad:?}");
        }
    }

    #[test]
    fn tiles_have_a_letter_and_one_of_eight_colours() {
        assert_eq!(initial("  acme"), "A");
        assert_eq!(initial("\u{202e}!"), "\u{202e}");
        assert_eq!(initial(""), "?");
        assert!((0..200).all(|n| hue(&"x".repeat(n)) < 8));
    }
}
