//! Authly as its clients see it: every test talks HTTP to a whole server with a database of its own.
//!
//! A file is named like the endpoint, page or promise it is about. Tests named `edge_NN_…` each hold one sharp edge of
//! the protocol that servers before us got wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops at once and says where"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "load runs for real time, as long as the environment says, and tells what it did"
)]

use authly_testkit::{TestClient, TestUser, process::ServerProcess};
use serde_json::Value;

mod account;
mod audit;
mod auth_logout;
mod authorize;
mod busy;
mod change_password;
mod chromium;
mod claims_parameter;
mod client_assertion;
mod client_auth;
mod client_key;
mod command_line;
mod conformance;
mod conformance_list;
mod consent;
mod consent_binding;
mod consents;
mod cors;
mod crowd;
mod disabled;
mod discovery;
mod edges;
mod finished;
mod flow;
mod foreign_client;
mod foreign_resource_server;
mod form_post;
mod hostile;
mod http2;
mod id_token_hint;
mod introspect;
mod issuer_path;
mod keys;
mod kill_nine;
mod known_browser;
mod login;
mod logout;
mod opaque;
mod outage;
mod outage_pages;
mod pages;
mod password_step;
mod pkce;
mod plugins;
mod profile;
mod prompt;
mod races;
mod redirect_uri;
mod refresh;
mod refresh_ends;
mod revoke;
mod round_trips;
mod routes;
mod scope;
mod select_account;
mod session_check;
mod session_cookie;
mod sessions;
mod shutdown;
mod standard_claims;
mod swap_under_load;
mod tabs;
mod throttle;
mod token;
mod unsupported;
mod userinfo;
mod users;
mod workspace_tests;

/// A client and a person of a server in its own process, made as an operator would.
fn register(server: &ServerProcess) -> (TestClient, TestUser) {
    let redirect_uri = "https://load.example/cb";
    let client = server.authly_json(
        &[
            "admin",
            "client",
            "create",
            "--id",
            "load",
            "--redirect-uri",
            redirect_uri,
            "--grant-type",
            "authorization_code",
            "--grant-type",
            "refresh_token",
            "--scope",
            "openid",
            "--scope",
            "offline_access",
            "--output",
            "json",
        ],
        "",
    );
    let password = "a long pass phrase";
    let user = server.authly_json(
        &[
            "admin",
            "user",
            "create",
            "--username",
            "alice",
            "--password-stdin",
            "--claim",
            "department=\"R&D\"",
            "--output",
            "json",
        ],
        password,
    );
    let text = |value: &Value, name: &str| {
        value[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {value}"))
            .to_owned()
    };
    (
        TestClient {
            id: "load".to_owned(),
            secret: Some(text(&client, "client_secret")),
            redirect_uri: redirect_uri.to_owned(),
        },
        TestUser {
            id: text(&user, "id"),
            username: "alice".to_owned(),
            password: password.to_owned(),
        },
    )
}
