//! `authly admin …`, on a database of its own.

use super::{Ran, Shell, json};

const CREATE: &str =
    "admin client create --id app --redirect-uri https://app.example/cb --scope openid --output json";
const PASSWORD: &str = "correct horse battery staple";

impl Shell {
    /// The JSON that a command printed, which must have worked.
    fn answer(&self, input: &str, line: &str) -> serde_json::Value {
        let ran = self.run_with(input, &format!("{line} --output json"));
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        json(&ran.out)
    }

    /// A command that must be refused in these words.
    fn refused(&self, line: &str, says: &str) {
        let Ran { code, out, err } = self.run(line);
        assert_eq!((code, out.as_str()), (2, ""), "{line}: {err}");
        assert!(err.contains(says), "{line}: {err}");
    }

    fn with_user(input: &str) -> Self {
        let shell = Self::migrated();
        let made = shell.run_with(input, "admin user create --username ada --password-stdin");
        assert_eq!(made.code, 0, "{}", made.err);
        shell
    }
}

#[test]
fn a_client_is_shown_changed_disabled_and_deleted() {
    let shell = Shell::migrated();
    assert_eq!(shell.run(CREATE).code, 0);
    let updated = shell.answer(
        "",
        "admin client update app --name New --access-token-format opaque --access-token-ttl 5m \
         --introspection-audience https://api.example --default-max-age 60",
    );
    assert_eq!(
        (&updated["client_name"], &updated["access_token_format"]),
        (&"New".into(), &"opaque".into())
    );
    assert_eq!(
        (&updated["access_token_ttl"], &updated["scope"]),
        (&300.into(), &"openid".into())
    );
    let cleared = shell.answer(
        "",
        "admin client update app --clear access-token-ttl --clear default-max-age",
    );
    assert!(cleared["access_token_ttl"].is_null() && cleared["default_max_age"].is_null());
    assert_eq!(
        cleared["introspection_audiences"][0], "https://api.example",
        "what is not named stays"
    );
    assert_eq!(shell.answer("", "admin client disable app")["enabled"], false);
    assert_eq!(shell.answer("", "admin client show app")["enabled"], false);
    assert_eq!(shell.answer("", "admin client enable app")["enabled"], true);
    shell.refused("admin client delete app", "add --yes");
    shell.refused("admin client update app --output json", "--redirect-uri, ");
    shell.refused("admin client update app", "--clear");
    assert_eq!(shell.answer("", "admin client delete app --yes")["deleted"], true);
    shell.refused("admin client show app", "no client app");
}

#[test]
fn a_secret_is_rotated_and_shown_once() {
    let shell = Shell::migrated();
    let first = json(&shell.run(CREATE).out)["client_secret"].clone();
    let ran = shell.run("admin client rotate-secret app --output json");
    let second = json(&ran.out)["client_secret"].clone();
    assert!(first != second && second.is_string(), "{}", ran.err);
    assert!(ran.err.contains("not shown again"), "{}", ran.err);
    assert!(
        shell
            .answer("", "admin client show app")
            .get("client_secret")
            .is_none()
    );
    let own = "x".repeat(40);
    let given = shell.answer(&own, "admin client rotate-secret app --secret-stdin");
    assert!(given.get("client_secret").is_none(), "the operator knows it");
    assert_eq!(
        shell
            .run("admin client update app --token-endpoint-auth-method none")
            .code,
        0
    );
    shell.refused("admin client rotate-secret app", "has no secret");
}

#[test]
fn a_client_with_keys_of_its_own_is_registered_from_a_file() {
    let shell = Shell::migrated();
    let file = shell.dir.path().join("keys.json");
    let keys = r#"{"keys":[{"kty":"EC","kid":"p","crv":"P-256","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw"}]}"#;
    std::fs::write(&file, keys).unwrap();
    let create = format!("{CREATE} --token-endpoint-auth-method private_key_jwt");
    shell.refused(&create, "give jwks or jwks_uri");
    let made = json(&shell.run(&format!("{create} --jwks {}", file.display())).out);
    assert_eq!(made["jwks"]["keys"][0]["kid"], "p");
    assert!(made.get("client_secret").is_none());
    let moved = shell.answer("", "admin client update app --jwks-uri https://app.example/jwks");
    assert_eq!(moved["jwks_uri"], "https://app.example/jwks");
    assert!(moved["jwks"].is_null(), "one replaces the other");
    let off = "admin client update app --token-endpoint-auth-method client_secret_basic";
    shell.refused(off, "--clear jwks-uri");
    let moved = shell.answer("", &format!("{off} --clear jwks-uri"));
    assert!(moved["jwks_uri"].is_null() && moved["client_secret"].is_string());
    let missing = shell.run("admin client update app --jwks /nowhere/keys.json");
    assert_eq!(missing.code, 1);
    assert!(
        missing.err.contains("cannot read /nowhere/keys.json"),
        "{}",
        missing.err
    );
}

#[test]
fn a_deletion_is_asked_about_at_a_terminal() {
    let shell = Shell::with_user(PASSWORD);
    assert_eq!(shell.run(CREATE).code, 0);
    shell.answer("", "admin scope create printers --description Print");
    let endless = "y".repeat(100);
    let ask = |answer, line| super::run_at(true, shell.env(), answer, line);
    for (line, says) in [
        ("admin client delete app", "every token"),
        ("admin user delete ada", "its sessions (0)"),
        ("admin scope delete printers", "lose it"),
    ] {
        for no in ["", "\n", "n\n", "yess\n", endless.as_str()] {
            let kept = ask(no, line);
            assert_eq!((kept.code, kept.out.as_str()), (1, ""), "{line}: {}", kept.err);
            assert!(
                kept.err.contains(says) && kept.err.contains("[y/N]"),
                "{line}: {}",
                kept.err
            );
        }
        let gone = ask("Y\n", line);
        assert_eq!(gone.code, 0, "{line}: {}", gone.err);
        assert!(gone.out.starts_with("deleted "), "{}", gone.out);
    }
}

#[test]
fn scopes_are_defined_changed_and_deleted() {
    let shell = Shell::migrated();
    shell.run("admin scope create printers --description Print");
    assert_eq!(
        shell.run("admin scope create printers --description Print").code,
        3
    );
    assert_eq!(
        shell.answer("", "admin scope update printers --default")[0]["is_default"],
        true
    );
    let all = shell.answer("", "admin scope list");
    assert!(
        all.as_array()
            .unwrap()
            .iter()
            .any(|scope| scope["name"] == "printers")
    );
    let create = "admin client create --id app --grant-type client_credentials --scope";
    shell.answer("", &format!("{create} printers"));
    shell.refused("admin scope delete printers", "add --yes");
    assert_eq!(
        shell.answer("", "admin scope delete printers --yes")["deleted"],
        true
    );
    let renamed = shell.answer("", "admin client update app --name Printer");
    assert_eq!(
        renamed["client_name"], "Printer",
        "a client that held it can still be changed"
    );
    shell.refused(
        &create
            .replace("app", "other")
            .replace("--scope", "--scope printers"),
        "not defined",
    );
    shell.refused("admin scope delete printers --yes", "no scope printers");
    shell.refused("admin scope delete openid --yes", "the server's own");
}

#[test]
fn an_account_is_changed_disabled_and_deleted() {
    let shell = Shell::with_user(PASSWORD);
    let updated = shell.answer(
        "",
        "admin user update ada --verified --admin --claim n=1 --group ops",
    );
    assert_eq!(
        (&updated["verified"], &updated["is_admin"]),
        (&true.into(), &true.into())
    );
    assert_eq!(
        (&updated["claims"]["n"], &updated["groups"][0]),
        (&1.into(), &"ops".into())
    );
    let id = updated["id"].as_str().unwrap().to_owned();
    let renamed = shell.answer(
        "",
        &format!("admin user update {id} --username grace --remove-claim n --no-groups"),
    );
    assert_eq!(
        (&renamed["username"], &renamed["verified"]),
        (&"grace".into(), &true.into())
    );
    assert!(renamed["claims"].get("n").is_none() && renamed["groups"].as_array().unwrap().is_empty());
    assert_eq!(shell.answer("", "admin user disable grace")["enabled"], false);
    assert_eq!(
        shell.answer("", "admin user enable GRACE")["enabled"],
        true,
        "capitals do not matter"
    );
    shell.refused("admin user show ada", "no user ada");
    shell.refused("admin user delete grace", "add --yes");
    assert_eq!(shell.answer("", "admin user delete grace --yes")["deleted"], true);
    shell.refused("admin user show grace", "no user grace");
}

#[test]
fn a_password_is_set_by_the_rules_of_the_server() {
    let shell = Shell::with_user(PASSWORD);
    let set = shell.answer(
        "another horse, another staple",
        "admin user set-password ada --password-stdin",
    );
    assert_eq!(
        (&set["sessions_ended"], &set["grants_ended"]),
        (&0.into(), &0.into())
    );
    let shown = shell.answer("", "admin user show ada");
    assert_eq!(shown["requires_password_change"], false);
    shell.answer(
        "a third horse and its staple",
        "admin user set-password ada --password-stdin --require-change",
    );
    assert_eq!(
        shell.answer("", "admin user show ada")["requires_password_change"],
        true
    );
    let weak = shell.run_with("short", "admin user set-password ada --password-stdin");
    assert_eq!(weak.code, 2, "{}", weak.err);
}

#[test]
fn a_person_with_every_standard_claim_is_made_in_one_command() {
    let shell = Shell::migrated();
    let claims = [
        "name=\"Ada\"",
        "given_name=\"Ada\"",
        "family_name=\"L\"",
        "middle_name=\"M\"",
        "nickname=\"ada\"",
        "preferred_username=\"ada\"",
        "profile=\"https://example.com/ada\"",
        "picture=\"https://example.com/ada.png\"",
        "website=\"https://example.com\"",
        "gender=\"female\"",
        "birthdate=\"1815-12-10\"",
        "zoneinfo=\"Europe/London\"",
        "locale=\"en-GB\"",
        "email=\"ada@example.com\"",
        "email_verified=true",
        "phone_number=\"+15550100\"",
        "phone_number_verified=true",
        "address={\"country\":\"GB\"}",
    ];
    let flags = claims.join(" --claim ");
    let made = shell.answer(
        PASSWORD,
        &format!("admin user create --username ada --password-stdin --claim {flags}"),
    );
    assert_eq!(made["claims"].as_object().unwrap().len(), claims.len());
}

#[test]
fn sessions_are_listed_and_an_unknown_one_cannot_be_ended() {
    let shell = Shell::with_user(PASSWORD);
    assert_eq!(
        shell.answer("", "admin session list --user ada"),
        serde_json::json!([])
    );
    assert_eq!(shell.answer("", "admin session end --user ada")["ended"], 0);
    let nobody = uuid::Uuid::nil();
    shell.refused(&format!("admin session end {nobody}"), "no living session");
    assert_eq!(shell.run("admin session end").code, 2);
    shell.refused("admin session list --user nobody", "no user nobody");
}

#[test]
fn signing_keys_are_listed_published_replaced_and_retired() {
    let shell = Shell::migrated();
    assert_eq!(
        shell.answer("", "admin key list"),
        serde_json::json!([]),
        "the server makes the first ones"
    );
    let replaced = shell.answer("", "admin key rotate --alg ES256 --now");
    assert!(replaced[0]["new_kid"].is_string() && replaced[0]["old_kids"] == serde_json::json!([]));
    let published = shell.answer("", "admin key rotate --alg ES256");
    let next = published[0]["new_kid"].as_str().unwrap().to_owned();
    assert!(
        shell.answer("", "admin key rotate --alg ES256")[0]["new_kid"].is_null(),
        "there is a next key"
    );
    let states = |shell: &Shell| {
        let keys = shell.answer("", "admin key list");
        let mut states: Vec<_> = keys
            .as_array()
            .unwrap()
            .iter()
            .map(|k| k["state"].to_string())
            .collect();
        states.sort();
        states.join(" ")
    };
    assert_eq!(states(&shell), "\"active\" \"pending\"");
    let taken = shell.answer("", "admin key rotate --alg ES256 --now");
    assert_eq!(
        taken[0]["new_kid"],
        next.as_str(),
        "the published one, which verifiers may know"
    );
    assert_eq!(states(&shell), "\"active\" \"retiring\"");
    let published = shell.answer("", "admin key rotate --alg ES256");
    let next = published[0]["new_kid"].as_str().unwrap();
    shell.answer("", &format!("admin key retire {next}"));
    assert_eq!(states(&shell), "\"active\" \"retiring\"");
    shell.answer("", "admin key rotate --alg ES256 --compromised");
    assert_eq!(states(&shell), "\"active\"", "the old ones are gone at once");
    shell.refused("admin key retire nonsense", "no pending or retiring key");
    assert_eq!(shell.run("admin key rotate --alg none").code, 2);
    let printed = shell.run("admin key list --output json").out;
    assert!(!printed.contains("private"), "{printed}");
}

#[test]
fn completions_are_printed_without_a_configuration() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = super::run_in(vec![], "", &format!("completions {shell}"));
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.contains("rotate-secret"), "{shell}");
    }
}
