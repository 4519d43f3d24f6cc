//! The standard claims (OIDC Core §5.1), by scope and by name: all of them, and where they were asked for.

use std::collections::BTreeSet;

use authly_testkit::{TestApp, TestUser, site::claims};
use serde_json::{Value, json};

/// The standard claims by the scope that holds them (OIDC Core §5.4).
const SCOPES: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("phone", &["phone_number", "phone_number_verified"]),
    ("address", &["address"]),
];

/// A person who has every standard claim.
async fn ada(app: &TestApp) -> TestUser {
    let all = json!({
        "name": "Ada King Lovelace", "family_name": "Lovelace", "given_name": "Ada", "middle_name": "King",
        "nickname": "Ada", "profile": "https://ada.example/", "picture": "https://ada.example/a.png",
        "website": "https://ada.example/", "gender": "female", "birthdate": "1815-12-10",
        "zoneinfo": "Europe/London", "locale": "en-GB", "email": "ada@example.com", "email_verified": true,
        "phone_number": "+442012345678", "phone_number_verified": true,
        "address": { "formatted": "1 St James Square, London", "country": "GB" },
    });
    app.user_with("ada", all, false).await
}

#[tokio::test]
async fn claims_of_a_scope_are_complete_at_userinfo_and_not_in_the_id_token() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = ada(&app).await;
    let protocol = [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "at_hash",
        "amr",
        "acr",
        "sid",
    ];
    for (scope, names) in SCOPES {
        let tokens = app.tokens(&client, &user, &format!("openid {scope}")).await;
        let id_token = claims(tokens["id_token"].as_str().expect("an ID token"));
        for name in id_token.as_object().expect("an object").keys() {
            assert!(
                protocol.contains(&name.as_str()),
                "{scope}: {name} in the ID token"
            );
        }
        for name in ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr"] {
            assert!(id_token.get(name).is_some(), "no {name}");
        }
        let access_token = tokens["access_token"].as_str().expect("an access token");
        let told = app.userinfo(access_token).await.json();
        assert_eq!(told["sub"], id_token["sub"]);
        let told: BTreeSet<&str> = told
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(told, names.iter().copied().chain(["sub"]).collect(), "{scope}");
    }
}

#[tokio::test]
async fn every_claim_can_be_asked_for_by_name_at_either_place() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = ada(&app).await;
    let names: Vec<&str> = SCOPES.iter().flat_map(|(_, names)| *names).copied().collect();
    let essential: Value = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "essential": true })))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for place in ["id_token", "userinfo"] {
        let (request, pkce) = app.authorization(&client, "openid");
        let request = request.set("claims", json!({ place: essential }).to_string());
        let back = app.grant(&mut app.browser(), &request, &user).await;
        let code = back.redirect_param("code").expect("a code");
        let tokens = app
            .token(&client, &app.exchange(&client, &code, &pkce))
            .await
            .json();
        let told = [
            (
                "id_token",
                claims(tokens["id_token"].as_str().expect("an ID token")),
            ),
            (
                "userinfo",
                app.userinfo(tokens["access_token"].as_str().expect("an access token"))
                    .await
                    .json(),
            ),
        ];
        for (where_, told) in told {
            for name in &names {
                assert_eq!(
                    told.get(name).is_some(),
                    where_ == place,
                    "{name} in {where_}: {told}"
                );
            }
        }
    }
}
