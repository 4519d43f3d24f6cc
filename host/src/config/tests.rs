use std::{path::Path, time::Duration};

use authly_core::plugin::PluginName;

use super::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn env(pairs: &[(&str, &str)]) -> Sources {
    Sources {
        env: pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        ..Sources::default()
    }
}

fn with_file(text: &str) -> (tempfile::TempDir, Sources) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("authly.toml");
    std::fs::write(&path, text).unwrap();
    (
        dir,
        Sources {
            file: Some(path),
            ..Sources::default()
        },
    )
}

const MINIMUM: &[(&str, &str)] = &[
    ("AUTHLY__ISSUER", "https://login.example.com"),
    ("AUTHLY__DATABASE__URL", "sqlite::memory:"),
    ("AUTHLY__KEYS__ENCRYPTION_KEY", KEY),
];

fn lines(errors: &ConfigErrors) -> Vec<String> {
    errors.0.iter().map(ToString::to_string).collect()
}

#[test]
fn the_defaults_are_those_of_the_code_they_configure() {
    let config = load(&env(MINIMUM)).unwrap().config;
    assert_eq!(config.server.limits, crate::web::ServerLimits::default());
    assert_eq!(
        format!("{:?}", config.oauth),
        format!("{:?}", Settings::default())
    );
    let database = DatabaseConfig::new("sqlite::memory:");
    assert_eq!(config.database.pool_size, database.pool_size);
    assert_eq!(config.database.connect_timeout, database.connect_timeout);
    assert_eq!(config.database.wait_timeout, database.wait_timeout);
    assert_eq!(config.database.statement_timeout, database.statement_timeout);
    assert_eq!(config.database.lock_timeout, database.lock_timeout);
    let throttle = authly_accounts::ThrottlePolicies::default();
    assert_eq!(format!("{:?}", config.login.throttle), format!("{throttle:?}"));
    assert_eq!(
        config.accounts.passwords,
        authly_accounts::PasswordPolicy::default()
    );
    assert!(!config.accounts.registration_open && !config.accounts.require_verified);
    assert_eq!(config.plugins.limits, authly_plugin_host::Limits::default());
    assert_eq!(config.listen.to_string(), "127.0.0.1:8000");
    assert!(!config.dev && !config.issuer_follows_listen);
}

#[test]
fn every_default_and_bound_of_every_key_is_consistent() {
    for key in all_keys() {
        let text = key.default.unwrap_or_default();
        let within = match key.kind {
            Kind::Duration { min, max } => (min..=max).contains(&units::parse_duration(text).unwrap()),
            Kind::Size { min, max } => (min..=max).contains(&units::parse_size(text).unwrap()),
            Kind::Integer { min, max } => (min..=max).contains(&text.parse().unwrap()),
            Kind::Choice(words) => words.contains(&text),
            Kind::Text(_) | Kind::List(_) | Kind::Path => true,
        };
        assert!(within, "{}", key.path);
        assert!(!key.doc.is_empty() && key.doc.ends_with('.'), "{}", key.path);
    }
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let (_dir, mut sources) = with_file("oauth.access_token_ttl = \"5m\"\noauth.id_token_ttl = \"6m\"\n");
    sources.env = env(MINIMUM).env;
    sources
        .env
        .push(("AUTHLY__OAUTH__ID_TOKEN_TTL".into(), "7m".into()));
    sources
        .env
        .push(("AUTHLY__OAUTH__SESSION_TTL".into(), "8m".into()));
    sources.flags = vec![("oauth.session_ttl".into(), "--set".into(), "9m".into())];
    let loaded = load(&sources).unwrap();
    let minutes = |d: Duration| d.as_secs() / 60;
    assert_eq!(minutes(loaded.config.oauth.access_token_ttl), 5);
    assert_eq!(minutes(loaded.config.oauth.id_token_ttl), 7);
    assert_eq!(minutes(loaded.config.oauth.session_ttl), 9);
    let shown = shown_values(&loaded.layers);
    let origin = |key: &str| shown.iter().find(|v| v.key == key).unwrap().origin.clone();
    assert!(origin("oauth.access_token_ttl").ends_with("authly.toml:1"));
    assert_eq!(origin("oauth.id_token_ttl"), "AUTHLY__OAUTH__ID_TOKEN_TTL");
    assert_eq!(origin("oauth.session_ttl"), "--set");
    assert_eq!(origin("oauth.refresh_grace"), "default");
}

#[test]
fn every_fault_is_reported_at_once_with_its_place_and_what_to_write() {
    let (_dir, mut sources) = with_file(
        "issuer = \"http://login.example.com\"\nsever.x = 1\n\n[oauth]\naccess_token_ttl = 10\nacess_token_ttl = \"1m\"\n\
         pkce_required = \"never\"\n[server]\ntrusted_proxies = [\"10.0.0.0/40\", \"::1\"]\n",
    );
    sources.env = vec![("AUTHLY__SERVER__CONNECTIONS_MAX".into(), "0".into())];
    let errors = load(&sources).unwrap_err();
    let shown = lines(&errors);
    let expect = [
        (":1: issuer: ", "must use https"),
        (":2: sever.x: ", "no table [sever]"),
        (":5: oauth.access_token_ttl: ", "`10` is not a duration such as"),
        (":6: oauth.acess_token_ttl: ", "there are oauth.pkce_required, "),
        (
            ":7: oauth.pkce_required: ",
            "`never` is not `always` or `public-clients`",
        ),
        (":9: server.trusted_proxies: ", "`10.0.0.0/40`: is not an address"),
        (
            "AUTHLY__SERVER__CONNECTIONS_MAX: server.connections_max: ",
            "a whole number from 1 to 1000000",
        ),
        ("database.url: is required", "AUTHLY__DATABASE__URL_FILE"),
        ("keys.encryption_key: is required", "openssl rand -base64 32"),
    ];
    for (place, what) in expect {
        assert!(
            shown.iter().any(|l| l.contains(place) && l.contains(what)),
            "{place} {what}: {shown:#?}"
        );
    }
    assert_eq!(shown.len(), expect.len(), "{shown:#?}");
    assert!(errors.to_string().starts_with("the configuration has 9 errors\n"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let mut sources = env(MINIMUM);
    sources.file = Some("/nowhere/authly.toml".into());
    let shown = lines(&load(&sources).unwrap_err());
    assert!(
        matches!(shown.as_slice(), [one] if one.contains("/nowhere/authly.toml") && one.contains("--config"))
    );
}

#[test]
fn bounds_are_inclusive() {
    let at = |value: &str| {
        let mut sources = env(MINIMUM);
        sources
            .env
            .push(("AUTHLY__OAUTH__AUTHORIZATION_CODE_TTL".into(), value.into()));
        load(&sources).is_ok()
    };
    assert!(at("1s") && at("10m"));
    assert!(!at("0s") && !at("601s"));
}

#[test]
fn a_secret_may_come_from_a_file_and_the_stronger_layer_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("url");
    std::fs::write(&path, "sqlite:from-file.sqlite\n").unwrap();
    let (_file_dir, mut sources) = with_file("[database]\nurl = \"sqlite:inline.sqlite\"\n");
    sources.env = env(MINIMUM).env;
    sources.env.retain(|(name, _)| name != "AUTHLY__DATABASE__URL");
    sources
        .env
        .push(("AUTHLY__DATABASE__URL_FILE".into(), path.clone().into()));
    assert_eq!(
        load(&sources).unwrap().config.database.url,
        "sqlite:from-file.sqlite"
    );

    sources
        .env
        .push(("AUTHLY__DATABASE__URL".into(), "sqlite::memory:".into()));
    let shown = lines(&load(&sources).unwrap_err());
    assert!(
        matches!(shown.as_slice(), [one] if one.contains("set one of the two")),
        "{shown:?}"
    );
}

#[test]
fn no_message_and_no_display_repeats_a_secret() {
    let mut sources = env(&[
        ("AUTHLY__ISSUER", "https://login.example.com"),
        ("AUTHLY__DATABASE__URL", "mysql://root:hunter2@db/x"),
        ("AUTHLY__KEYS__ENCRYPTION_KEY", "hunter3"),
    ]);
    let shown = load(&sources).unwrap_err().to_string();
    assert!(
        shown.contains("openssl rand -base64 32") && shown.contains("postgres://"),
        "{shown}"
    );
    assert!(!shown.contains("hunter"), "{shown}");

    sources = env(MINIMUM);
    sources.env.retain(|(name, _)| name != "AUTHLY__DATABASE__URL");
    sources.env.push((
        "AUTHLY__DATABASE__URL".into(),
        "postgres://u:hunter2@db/x?password=hunter4".into(),
    ));
    let loaded = load(&sources).unwrap();
    let shown = format!("{:?}{:?}", shown_values(&loaded.layers), loaded.config);
    assert!(!shown.contains("hunter") && !shown.contains(KEY), "{shown}");
    assert!(shown.contains("postgres://u:hidden@db/x"), "{shown}");
}

fn dev(pairs: &[(&str, &str)]) -> Sources {
    let mut sources = env(pairs);
    sources.env.push(("HOME".into(), "/home/ada".into()));
    sources.dev = true;
    sources
}

#[test]
fn dev_needs_nothing_and_keeps_the_key_apart_from_the_database() {
    let config = load(&dev(&[])).unwrap().config;
    assert!(config.dev);
    assert_eq!(config.issuer.as_str(), "http://localhost:8000");
    assert_eq!(
        config.database.url,
        "sqlite:/home/ada/.local/state/authly/data/authly.sqlite"
    );
    assert_eq!(
        config.plugins.dir.as_deref(),
        Some(Path::new("/home/ada/.local/state/authly/plugins"))
    );
    assert_eq!(config.log.format, LogFormat::Pretty);
    let EncryptionKey::DevFile(key) = config.encryption_key else {
        panic!("made by --dev")
    };
    assert_eq!(
        key,
        Path::new("/home/ada/.local/state/authly/keys/encryption_key")
    );

    let chosen = load(&dev(&[
        ("XDG_STATE_HOME", "/state"),
        ("AUTHLY__LOG__FORMAT", "json"),
    ]))
    .unwrap()
    .config;
    assert_eq!(chosen.database.url, "sqlite:/state/authly/data/authly.sqlite");
    assert_eq!(chosen.log.format, LogFormat::Json);
    let own = load(&dev(&[("AUTHLY__KEYS__ENCRYPTION_KEY", KEY)]))
        .unwrap()
        .config;
    assert!(matches!(own.encryption_key, EncryptionKey::Configured(_)));
}

#[test]
fn dev_without_a_home_says_what_to_set() {
    let shown = load(&Sources {
        dev: true,
        ..Sources::default()
    })
    .unwrap_err()
    .to_string();
    assert!(shown.contains("set HOME or XDG_STATE_HOME"), "{shown}");
}

#[test]
fn dev_listens_on_loopback_only() {
    for bad in ["0.0.0.0:8000", "[::]:8000", "192.0.2.1:80"] {
        let shown = load(&dev(&[("AUTHLY__LISTEN", bad)])).unwrap_err().to_string();
        assert!(shown.contains("loopback only"), "{shown}");
    }
    for good in ["127.0.0.1:0", "[::1]:8000", "127.0.0.2:80"] {
        assert!(load(&dev(&[("AUTHLY__LISTEN", good)])).is_ok(), "{good}");
    }
}

#[test]
fn an_http_issuer_is_served_on_loopback_only() {
    let listening = |issuer: &'static str, listen: &'static str| {
        let mut pairs = MINIMUM.to_vec();
        pairs.extend([("AUTHLY__ISSUER", issuer), ("AUTHLY__LISTEN", listen)]);
        load(&env(&pairs))
    };
    for bad in ["0.0.0.0:8000", "[::]:8000", "192.0.2.1:8000"] {
        let shown = listening("http://localhost:8000", bad).unwrap_err().to_string();
        assert!(
            shown.contains("listen") && shown.contains("without TLS"),
            "{shown}"
        );
        // Behind a proxy that ends TLS.
        assert!(listening("https://login.example.com", bad).is_ok(), "{bad}");
    }
    for good in ["127.0.0.1:8000", "[::1]:8000"] {
        assert!(listening("http://localhost:8000", good).is_ok(), "{good}");
    }
}

#[test]
fn dev_makes_accounts_for_this_machine_only() {
    let public = [("AUTHLY__ISSUER", "https://login.example.com")];
    let shown = load(&dev(&public)).unwrap_err().to_string();
    assert!(
        shown.contains("issuer") && shown.contains("leave --dev out"),
        "{shown}"
    );
    assert!(load(&dev(&[("AUTHLY__ISSUER", "http://localhost:8000")])).is_ok());
}

#[test]
fn dev_issuer_follows_the_address_that_was_bound() {
    let config = load(&dev(&[("AUTHLY__LISTEN", "127.0.0.1:0")])).unwrap().config;
    assert_eq!(
        config.issuer_at("127.0.0.1:4321".parse().unwrap()).as_str(),
        "http://localhost:4321"
    );
    let chosen = load(&dev(&[("AUTHLY__ISSUER", "http://localhost:9")]))
        .unwrap()
        .config;
    assert_eq!(
        chosen.issuer_at("127.0.0.1:4321".parse().unwrap()).as_str(),
        "http://localhost:9"
    );
}

#[test]
fn plugin_names_are_the_operators() {
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let (_dir, mut sources) = with_file(&format!(
        "[plugins.named.my-plugin]\npins = [\"{digest}\"]\nclaims = [\"department\"]\n"
    ));
    sources.env = env(MINIMUM).env;
    let policy = load(&sources).unwrap().config.plugins.policy;
    let mine = &policy.plugins[&PluginName::parse("my-plugin").unwrap()];
    assert_eq!(mine.pins.len(), 1);
    assert!(
        mine.claims
            .as_ref()
            .is_some_and(|claims| claims.covers("department") && !claims.covers("https://a/b"))
    );
    assert!(policy.claims.covers("https://a.example/b") && !policy.claims.covers("department"));
}

#[test]
fn a_plugin_policy_reports_every_fault() {
    let (_dir, mut sources) = with_file(
        "[plugins]\nclaims = [\"sub\", \"*\"]\n[plugins.named.x]\npins = [\"abc\"]\n[plugins.named.Bad_Name]\npins = []\n",
    );
    sources.env = env(MINIMUM).env;
    let shown = lines(&load(&sources).unwrap_err());
    for expected in [
        ":2: plugins.claims: `sub`: \"sub\" belongs to the protocol",
        ":2: plugins.claims: `*`: ",
        ":4: plugins.named.x.pins: `abc`: is not a SHA-256 digest",
        ":6: plugins.named.Bad_Name.pins: a plugin name is",
    ] {
        assert!(
            shown.iter().any(|l| l.contains(expected)),
            "{expected}: {shown:#?}"
        );
    }
    assert_eq!(shown.len(), 4, "{shown:#?}");
}

#[test]
fn the_reference_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == render_reference(),
        "host/docs/configuration.md is stale; write it again with: cargo run -p authly -- config reference > \
         host/docs/configuration.md"
    );
}
