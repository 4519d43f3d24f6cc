//! The audit column of the route table: what each row says of its audit events is what the database holds.

use authly::web::routes::{Cors, table};
use authly_oauth::clients::NewClient;
use authly_testkit::{
    TestApp, TestUser,
    browser::{Answer, TestBrowser},
    client::Form,
    site::read,
};
use reqwest::Method;
use serde_json::json;

use crate::routes::{assert_not_kept, assert_unreadable_elsewhere};

/// Whether an audit event of the request that was answered is stored.
async fn is_audited(app: &TestApp, answer: &Answer) -> bool {
    let id = answer.header("x-correlation-id");
    assert_eq!(id.len(), 32, "an id of the server's own");
    let holds = async |condition: &str| {
        let sql = format!(
            "DO $$ BEGIN IF {condition} (SELECT FROM audit_events WHERE request_id = '{id}') THEN \
             RAISE EXCEPTION 'it does'; END IF; END $$"
        );
        app.postgres().execute(&sql).await.is_err()
    };
    let (is_there, is_missing) = (holds("EXISTS").await, holds("NOT EXISTS").await);
    assert_ne!(is_there, is_missing, "the question itself fails");
    is_there
}

/// What people end by themselves, and have clients end.
async fn of_ones_own(
    app: &TestApp,
    browser: &mut TestBrowser,
    user: &TestUser,
) -> Vec<(Method, String, Answer)> {
    let client = app
        .client(NewClient {
            id: Some("leaving".to_owned()),
            redirect_uris: vec!["https://leaving.example/cb".to_owned()],
            scopes: vec!["openid account:write".to_owned()],
            token_endpoint_auth_method: Some("none".to_owned()),
            ..NewClient::default()
        })
        .await;
    let mut done = Vec::new();
    let mut other = app.browser();
    let page = other.get("/account/login").await;
    let names = [
        ("username", user.username.as_str()),
        ("password", user.password.as_str()),
    ];
    let signed_in = other
        .post("/account/login", &pairs(&with_hidden(&page, &names)))
        .await;
    done.push((Method::POST, "/account/login".to_owned(), signed_in));
    let pressed: [(&str, &[(&str, &str)]); 2] = [
        ("/account/consents", &[]),
        ("/account/sessions", &[("others", "1")]),
    ];
    for (path, button) in pressed {
        let page = browser.get(path).await;
        let ended = browser.post(path, &pairs(&with_hidden(&page, button))).await;
        done.push((Method::POST, path.to_owned(), ended));
    }
    let page = browser.get("/logout").await;
    let left = browser
        .post("/logout", &pairs(&with_hidden(&page, &[("decision", "logout")])))
        .await;
    done.push((Method::POST, "/logout".to_owned(), left));

    let tokens = app.tokens(&client, user, "account:write").await;
    let bearer = tokens["access_token"].as_str().expect("an access token");
    let everywhere = "/api/v1/auth/logout";
    let left = read(app.http.post(app.at(everywhere)).bearer_auth(bearer)).await;
    assert_eq!(left.status, 200, "{}", left.body);
    done.push((Method::POST, everywhere.to_owned(), left));

    let end_session = "/oidc/logout";
    for method in [Method::GET, Method::POST] {
        let (request, pkce) = app.authorization(&client, "openid");
        let back = app.grant(&mut other, &request, user).await;
        let code = back.redirect_param("code").expect("a code");
        let tokens = app
            .token(&client, &app.exchange(&client, &code, &pkce))
            .await
            .json();
        let form = Form::new().set("id_token_hint", tokens["id_token"].as_str().expect("an ID token"));
        let left = if method == Method::GET {
            other.get(form.url(&app.at(end_session))).await
        } else {
            other.post(end_session, &form.pairs()).await
        };
        assert_eq!(left.status, 200, "{}", left.body);
        done.push((method, end_session.to_owned(), left));
    }
    done
}

/// What a client asks about its tokens, renews by the predecessor's address, and gives up.
async fn of_a_client(app: &TestApp, user: &TestUser) -> Vec<(Method, String, Answer)> {
    let client = app.confidential_client("careful").await;
    let tokens = app.tokens(&client, user, "openid offline_access").await;
    let (access, refresh) = (
        tokens["access_token"].as_str().expect("an access token"),
        tokens["refresh_token"].as_str().expect("a refresh token"),
    );
    let asked = app.introspect(&client, access).await;
    let alias = "/api/v1/oauth/refresh";
    let renewed = app.post_as(&client, alias, &app.refresh(&client, refresh)).await;
    let done = [
        ("/api/v1/oauth/introspect", asked),
        (alias, renewed),
        ("/api/v1/oauth/revoke", app.revoke(&client, access).await),
        ("/api/v1/oauth/revoke", app.revoke(&client, refresh).await),
    ];
    done.into_iter()
        .map(|(path, answer)| {
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            (Method::POST, path.to_owned(), answer)
        })
        .collect()
}

/// The fields of a page's form, and what the person adds.
fn with_hidden(page: &Answer, added: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    let mut fields = page.hidden_fields();
    // The button of one form among several: what it says stands for what is hidden in the others.
    fields.extend(added.iter().map(owned));
    fields.into_iter().collect()
}

/// As a browser sends them.
fn pairs(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// What people do with their accounts by themselves.
async fn of_an_account(app: &TestApp, user: &TestUser) -> Vec<(Method, String, Answer)> {
    let scopes = "openid profile:write account:write";
    let new = NewClient {
        id: Some("account".to_owned()),
        redirect_uris: vec!["https://account.example/cb".to_owned()],
        scopes: scopes.split(' ').map(str::to_owned).collect(),
        token_endpoint_auth_method: Some("none".to_owned()),
        ..NewClient::default()
    };
    let client = app.client(new).await;
    let tokens = app.tokens(&client, user, scopes).await;
    let bearer = tokens["access_token"].as_str().expect("an access token");
    let passwords = json!({ "current_password": user.password, "new_password": "nine geese cross a bridge" });
    let newcomer = |name: &str| json!({ "username": name, "email": "n@example.com", "password": "correct horse battery" });
    let mut done = Vec::new();
    for (method, path, body) in [
        (Method::POST, "/api/v1/users/", newcomer("newcomer")),
        (Method::POST, "/api/v1/users", newcomer("latecomer")),
        (Method::GET, "/oidc/userinfo", json!(null)),
        (Method::POST, "/oidc/userinfo", json!(null)),
        (Method::PUT, "/oidc/userinfo", json!({ "name": "Ada" })),
        (Method::POST, "/api/v1/auth/change-password", passwords),
    ] {
        let request = app.http.request(method.clone(), app.at(path));
        let answer = read(request.bearer_auth(bearer).json(&body)).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.body);
        done.push((method, path.to_owned(), answer));
    }
    done
}

#[tokio::test]
async fn rows_leave_the_audit_events_they_claim() {
    let app = TestApp::builder().set("accounts.registration", "open");
    let app = app.postgres().await.start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    let authorize = "/api/v1/oauth/authorize";
    let mut done = Vec::new();

    let (request, pkce) = app.authorization(&client, "openid");
    let page = app.authorize(&mut browser, &request).await;
    let typed = [
        ("username", user.username.as_str()),
        ("password", user.password.as_str()),
    ];
    let signed_in = browser.post("/login", &pairs(&with_hidden(&page, &typed))).await;
    let page = browser.follow(signed_in.clone()).await;
    done.push((Method::POST, "/login".to_owned(), signed_in));

    let allow = [("decision", "allow")];
    let consented = browser
        .post("/consent", &pairs(&with_hidden(&page, &allow)))
        .await;
    let code = consented.redirect_param("code").expect("a code");
    done.push((Method::POST, "/consent".to_owned(), consented));

    let tokens = app.token(&client, &app.exchange(&client, &code, &pkce)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    done.push((Method::POST, "/api/v1/oauth/token".to_owned(), tokens));

    // Signed in and consented: the next authorization needs no page.
    let (request, _) = app.authorization(&client, "openid");
    let at_once = browser.get(request.url(&app.at(authorize))).await;
    assert!(at_once.redirect_param("code").is_some(), "{}", at_once.body);
    done.push((Method::GET, authorize.to_owned(), at_once));

    // By a form of the client's page it is kept, and the code comes where the browser goes on.
    let (request, _) = app.authorization(&client, "openid");
    let kept = browser
        .post_cross_site(authorize, &request.pairs(), "https://web.example")
        .await;
    let next = kept.location();
    done.push((Method::POST, authorize.to_owned(), kept));
    let resumed = browser.get(next.as_str()).await;
    assert!(
        resumed.redirect_param("code").is_some(),
        "{} {}",
        next,
        resumed.body
    );
    done.push((Method::GET, next.path().to_owned(), resumed));

    let (request, _) = app.authorization(&client, "openid");
    let page = app
        .authorize(&mut browser, &request.set("prompt", "select_account"))
        .await;
    let going_on = browser
        .post("/select-account", &pairs(&with_hidden(&page, &[])))
        .await;
    done.push((Method::POST, "/select-account".to_owned(), going_on));

    let changing = crate::password_step::choose_a_password(&app, &client, &app.user("dora").await).await;
    done.push((Method::POST, "/new-password".to_owned(), changing));

    done.extend(of_ones_own(&app, &mut browser, &user).await);
    done.extend(of_a_client(&app, &user).await);

    done.extend(of_an_account(&app, &app.user("carol").await).await);
    check_against_the_table(&app, &done).await;
}

/// Every row that claims events was asked, and each answer left them exactly where its row says so.
async fn check_against_the_table(app: &TestApp, done: &[(Method, String, Answer)]) {
    for row in table() {
        for method in row.methods.iter().filter(|method| row.audits(method)) {
            assert!(
                done.iter().any(|(m, path, _)| m == method && path == row.path),
                "{method} {} claims audit events, and nothing here makes it leave one",
                row.path
            );
        }
    }
    for (method, path, answer) in done {
        let row = table().find(|row| row.path == path && row.methods.contains(method));
        let row = row.expect("a row");
        // The walk sees refusals; these were granted.
        assert_not_kept(answer);
        if row.cors == Cors::None {
            assert_unreadable_elsewhere(answer);
        }
        let claims = row.audits(method);
        assert_eq!(is_audited(app, answer).await, claims, "{method} {path}");
    }
}
