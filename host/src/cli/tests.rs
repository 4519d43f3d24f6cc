use super::*;

mod admin;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// One command on a database of its own: what it answered and printed.
struct Shell {
    dir: tempfile::TempDir,
}

struct Ran {
    code: u8,
    out: String,
    err: String,
}

impl Shell {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// On a database whose schema is current.
    fn migrated() -> Self {
        let shell = Self::new();
        let ran = shell.run("migrate");
        assert_eq!(ran.code, 0, "{}", ran.err);
        shell
    }

    fn env(&self) -> Vec<(OsString, OsString)> {
        let url = format!("sqlite:{}", self.dir.path().join("authly.sqlite").display());
        [
            ("AUTHLY__ISSUER", "https://login.example.com"),
            ("AUTHLY__DATABASE__URL", &url),
            ("AUTHLY__KEYS__ENCRYPTION_KEY", KEY),
        ]
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
    }

    fn run_with(&self, input: &str, line: &str) -> Ran {
        run_in(self.env(), input, line)
    }

    fn run(&self, line: &str) -> Ran {
        self.run_with("", line)
    }
}

fn run_in(env: Vec<(OsString, OsString)>, input: &str, line: &str) -> Ran {
    run_at(false, env, input, line)
}

/// With a person at the input, or not.
fn run_at(is_terminal: bool, env: Vec<(OsString, OsString)>, input: &str, line: &str) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut input = input.as_bytes();
    let mut console = Console {
        input: &mut input,
        is_terminal,
        out: &mut out,
        err: &mut err,
    };
    let args = std::iter::once("authly")
        .chain(line.split_whitespace())
        .map(OsString::from);
    let code = run_on(&mut console, args, env);
    Ran {
        code,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
    }
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn help_and_version_are_results_and_nonsense_is_wrong_usage() {
    for line in [
        "--help",
        "--version",
        "serve --help",
        "admin client create --help",
    ] {
        let ran = run_in(vec![], "", line);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}");
        assert!(!ran.out.is_empty(), "{line}");
    }
    for line in [
        "",
        "nonsense",
        "admin client create",
        "migrate --nonsense",
        "--set log.level config check",
    ] {
        let ran = run_in(vec![], "", line);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}");
        assert!(!ran.err.is_empty(), "{line}");
    }
}

#[test]
fn arguments_are_declared_without_contradiction() {
    use clap::CommandFactory as _;
    Arguments::command().debug_assert();
}

#[test]
fn without_a_configuration_every_missing_key_is_named() {
    for line in [
        "serve",
        "migrate",
        "config check",
        "admin client list",
        "admin user list",
    ] {
        let ran = run_in(vec![], "", line);
        assert_eq!(ran.code, 2, "{line}: {}", ran.err);
        for key in [
            "issuer",
            "database.url",
            "keys.encryption_key",
            "openssl rand -base64 32",
        ] {
            assert!(ran.err.contains(key), "{line} {key}: {}", ran.err);
        }
    }
}

#[test]
fn a_configuration_is_checked_and_shown_without_its_secrets() {
    let shell = Shell::new();
    assert_eq!(shell.run("config check").code, 0);
    let ran = shell.run("--set oauth.access_token_ttl=5m config show --output json");
    let shown = json(&ran.out);
    let find = |key: &str| {
        shown
            .as_array()
            .unwrap()
            .iter()
            .find(|v| v["key"] == key)
            .unwrap()
            .clone()
    };
    assert_eq!(find("oauth.access_token_ttl")["value"], "5m");
    assert_eq!(
        find("oauth.access_token_ttl")["origin"],
        "--set oauth.access_token_ttl"
    );
    assert_eq!(find("issuer")["origin"], "AUTHLY__ISSUER");
    assert!(!ran.out.contains(KEY));
    assert!(shell.run("config show").out.starts_with("KEY "));
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let ran = run_in(
        vec![],
        "",
        &format!("--set keys.encryption_key={KEY} config check"),
    );
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("keys.encryption_key_file") && !ran.err.contains(KEY),
        "{}",
        ran.err
    );
}

#[test]
fn migrate_says_what_it_did_and_check_says_what_is_missing() {
    let shell = Shell::new();
    assert_eq!(shell.run("migrate --check").code, 1);
    let ran = shell.run("migrate");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("applied 0001_core"), "{}", ran.out);
    assert!(!shell.run("migrate").out.contains("applied"));
    assert_eq!(shell.run("migrate --check").code, 0);
}

#[test]
fn an_admin_command_leaves_the_schema_to_whoever_migrates() {
    let shell = Shell::new();
    let file = shell.dir.path().join("authly.sqlite");
    for line in [
        "admin client list",
        "admin user list",
        "admin client create --id svc --grant-type client_credentials --scope openid",
    ] {
        let ran = shell.run(line);
        assert_eq!(ran.code, 1, "{line}: {}", ran.err);
        for says in ["there is no database at", "authly.sqlite", "`authly migrate`"] {
            assert!(ran.err.contains(says), "{line}: {}", ran.err);
        }
        assert!(!file.exists(), "{line}");
    }
    std::fs::write(&file, []).unwrap();
    let ran = shell.run("admin client list");
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("version 0") && ran.err.contains("run `authly migrate`"),
        "{}",
        ran.err
    );
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 0);
    assert_eq!(shell.run("migrate").code, 0);
    assert_eq!(shell.run("admin client list").code, 0);
}

#[test]
fn a_client_is_registered_once_and_its_secret_is_shown_once() {
    let shell = Shell::migrated();
    let line = "admin client create --id web --name Web --redirect-uri https://app.example.com/cb \
                --grant-type authorization_code --grant-type refresh_token --scope openid --scope offline_access \
                --output json";
    let ran = shell.run(line);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let client = json(&ran.out);
    let secret = client["client_secret"].as_str().unwrap();
    assert!(secret.len() >= 32 && !ran.err.contains(secret));
    assert_eq!(client["scope"], "offline_access openid");
    assert_eq!(client["rotate_refresh_tokens"], true);

    assert_eq!(shell.run(line).code, 3, "it exists already");
    let listed = shell.run("admin client list --output json");
    assert!(!listed.out.contains(secret) && !listed.out.contains("secret_hash"));
    assert_eq!(json(&listed.out)[0]["client_id"], "web");
    assert!(
        shell
            .run("admin client list")
            .out
            .contains("https://app.example.com/cb")
    );
}

#[test]
fn a_client_secret_may_be_given_and_has_a_least_length() {
    let shell = Shell::migrated();
    let line = "admin client create --id svc --secret-stdin --grant-type client_credentials --scope openid";
    let weak = shell.run_with(&format!("{}\n", "x".repeat(31)), line);
    assert_eq!(weak.code, 2);
    assert!(weak.err.contains("32"), "{}", weak.err);
}

#[test]
fn a_public_client_has_no_secret() {
    let shell = Shell::migrated();
    let ran = shell.run(
        "admin client create --id spa --token-endpoint-auth-method none --redirect-uri https://spa.example.com/cb \
         --grant-type authorization_code --scope openid --first-party --output json",
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let client = json(&ran.out);
    assert!(client.get("client_secret").is_none());
    assert_eq!(
        (&client["rotate_refresh_tokens"], &client["first_party"]),
        (&true.into(), &true.into())
    );
}

#[test]
fn only_a_client_with_a_secret_may_keep_its_refresh_tokens() {
    let shell = Shell::migrated();
    let create = |method: &str| {
        shell.run(&format!(
            "admin client create --id {method} --token-endpoint-auth-method {method} --no-rotation --scope openid \
             --grant-type authorization_code --redirect-uri https://app.example.com/cb --output json"
        ))
    };
    let public = create("none");
    assert_eq!(public.code, 2);
    assert!(public.err.contains("leave rotation on"), "{}", public.err);
    let confidential = create("client_secret_basic");
    assert_eq!(confidential.code, 0, "{}", confidential.err);
    assert_eq!(json(&confidential.out)["rotate_refresh_tokens"], false);
}

#[test]
fn what_cannot_be_registered_is_said_in_words() {
    let shell = Shell::migrated();
    for (line, says) in [
        (
            "--redirect-uri https://a.example/cb#x --grant-type authorization_code --scope openid",
            "redirect_uri",
        ),
        (
            "--redirect-uri https://a.example/cb --grant-type password --scope openid",
            "grant_type",
        ),
        (
            "--redirect-uri https://a.example/cb --grant-type authorization_code --scope nobody:knows",
            "nobody:knows",
        ),
    ] {
        let ran = shell.run(&format!("admin client create --id bad {line}"));
        assert_eq!(ran.code, 2, "{line}: {}", ran.err);
        assert!(ran.err.contains(says), "{line}: {}", ran.err);
    }
}

#[test]
fn a_user_is_made_once_with_a_password_from_standard_input() {
    let shell = Shell::migrated();
    let line = "admin user create --username Ada --password-stdin --claim email=\"ada@example.com\" --group staff \
                --admin --output json";
    let ran = shell.run_with("correct horse battery\n", line);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let user = json(&ran.out);
    assert_eq!(user["claims"]["email"], "ada@example.com");
    assert_eq!(user["groups"][0], "staff");
    assert_eq!(user["is_admin"], true);
    assert!(user.get("pseudonym").is_none() && !ran.out.contains("argon2"));

    assert_eq!(shell.run_with("correct horse battery\n", line).code, 3);
    assert_eq!(
        json(&shell.run("admin user list --output json").out)[0]["username"],
        "Ada"
    );
    let none = shell.run_with("", "admin user create --username bob --password-stdin");
    assert_eq!(none.code, 2);
    assert!(none.err.contains("standard input is empty"), "{}", none.err);
    assert_eq!(
        shell
            .run_with("short\n", "admin user create --username bob --password-stdin")
            .code,
        2
    );
    assert_eq!(
        shell.run("admin user create --username bob").code,
        2,
        "a password must be given"
    );
}

#[test]
fn a_database_that_does_not_answer_is_told_apart() {
    let shell = Shell::migrated();
    let mut env = shell.env();
    env.retain(|(name, _)| name != "AUTHLY__DATABASE__URL");
    env.push((
        "AUTHLY__DATABASE__URL".into(),
        "postgres://nobody@127.0.0.1:1/none".into(),
    ));
    let ran = run_in(env, "", "admin client list");
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.contains("database.url"), "{}", ran.err);
}
