//! A person who must change their password chooses a new one before they are signed in.

use authly_core::{Effects, UserId, user::User};
use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::{Answer, TestBrowser},
    client::Pkce,
};

const FORM: &str = "action=\"/new-password\"";
const NEW: &str = "nine geese cross a bridge";
const SESSION: &str = "authly-default=";

/// As `authly admin user update --requires-password-change` leaves a person.
async fn must_change(app: &TestApp, user: &TestUser) {
    let id = UserId::from_uuid(user.id.parse().unwrap());
    let mut stored = User::clone(&app.tenant.load_user(id).await.unwrap().unwrap());
    stored.requires_password_change = true;
    app.tenant.update_user(&stored, Effects::none()).await.unwrap();
}

async fn is_due(app: &TestApp, user: &TestUser) -> bool {
    let id = UserId::from_uuid(user.id.parse().unwrap());
    let stored = app.tenant.load_user(id).await.unwrap().unwrap();
    stored.requires_password_change
}

/// A browser that said the right password and is asked for a new one.
async fn asked(app: &TestApp, client: &TestClient, user: &TestUser) -> (TestBrowser, Answer, Pkce) {
    let mut browser = app.browser();
    let (request, pkce) = app.authorization(client, "openid");
    let page = app.authorize(&mut browser, &request).await;
    let page = app.sign_in(&mut browser, &page, user).await;
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains(FORM) && page.body.contains("Choose a new password"),
        "{}",
        page.body
    );
    (browser, page, pkce)
}

async fn choose(browser: &mut TestBrowser, page: &Answer, new: &str, again: &str) -> Answer {
    let hidden = page.hidden_fields();
    let form = [
        ("interaction", hidden["interaction"].as_str()),
        ("csrf", hidden["csrf"].as_str()),
        ("new_password", new),
        ("new_password_again", again),
    ];
    browser.post("/new-password", &form).await
}

fn sets_session(answer: &Answer) -> bool {
    let cookies = answer.headers.get_all("set-cookie");
    cookies
        .iter()
        .any(|line| line.to_str().unwrap().starts_with(SESSION))
}

/// The answer to a form with a good password.
pub async fn choose_a_password(app: &TestApp, client: &TestClient, user: &TestUser) -> Answer {
    must_change(app, user).await;
    let (mut browser, page, _) = asked(app, client, user).await;
    choose(&mut browser, &page, NEW, NEW).await
}

#[tokio::test]
async fn a_new_password_is_chosen_before_anything_else() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let before = app.tokens(&client, &user, "openid offline_access").await;
    must_change(&app, &user).await;
    let (mut browser, page, pkce) = asked(&app, &client, &user).await;
    assert_eq!(page.body.matches("autocomplete=\"new-password\"").count(), 2);
    app.advance(std::time::Duration::from_secs(1));
    let chosen = choose(&mut browser, &page, NEW, NEW).await;
    assert!(sets_session(&chosen), "{} {}", chosen.status, chosen.body);
    let consent = browser.follow(chosen).await;
    let back = match consent.redirect_param("code") {
        Some(_) => consent,
        None => app.decide(&mut browser, &consent, "allow").await,
    };
    let code = back.redirect_param("code").expect("a code");
    let tokens = app.token(&client, &app.exchange(&client, &code, &pkce)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    assert!(!is_due(&app, &user).await);

    // What the old password opened has ended, and it opens nothing more; the new one needs no page.
    let refresh = before["refresh_token"].as_str().expect("a refresh token");
    let refused = app.token(&client, &app.refresh(&client, refresh)).await;
    assert_eq!(refused.json()["error"], "invalid_grant");
    let (request, _) = app.authorization(&client, "openid");
    let mut other = app.browser();
    let page = app.authorize(&mut other, &request).await;
    let page = app.sign_in(&mut other, &page, &user).await;
    assert_eq!(page.status, 400, "the old password");
    let mut renewed = user.clone();
    NEW.clone_into(&mut renewed.password);
    app.advance(std::time::Duration::from_mins(5));
    let next = app.sign_in(&mut other, &page, &renewed).await;
    assert!(!next.body.contains(FORM), "{}", next.body);
}

#[tokio::test]
async fn the_step_cannot_be_skipped() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    must_change(&app, &user).await;
    let (mut browser, page, _) = asked(&app, &client, &user).await;
    assert!(!sets_session(&page));
    let hidden = page.hidden_fields();
    let form = [
        ("interaction", hidden["interaction"].as_str()),
        ("csrf", hidden["csrf"].as_str()),
        ("decision", "allow"),
    ];
    for path in ["/consent", "/select-account"] {
        let answer = browser.post(path, &form).await;
        assert!(
            answer.redirect_param("code").is_none() && !sets_session(&answer),
            "{path}"
        );
        let answer = browser.follow(answer).await;
        assert!(answer.body.contains(FORM), "{path}: {}", answer.body);
    }
    let consent = format!("/consent?interaction={}", hidden["interaction"]);
    let answer = browser.get(consent.as_str()).await;
    let answer = browser.follow(answer).await;
    assert!(answer.body.contains(FORM), "{}", answer.body);
    assert!(is_due(&app, &user).await);
    // Nobody is signed in: another request begins at the form.
    let (request, _) = app.authorization(&client, "openid");
    assert!(app.authorize(&mut browser, &request).await.has_field("password"));
}

#[tokio::test]
async fn a_weak_password_is_told_and_nothing_is_lost() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    must_change(&app, &user).await;
    let (mut browser, mut page, _) = asked(&app, &client, &user).await;
    for (new, again, told) in [
        (NEW, "nine geese cross a river", "The two passwords differ."),
        ("hen-42", "hen-42", "too short"),
        ("", "", "too short"),
        ("password1234", "password1234", "too easy to guess"),
        (&user.password, &user.password, "the password you have now"),
    ] {
        page = choose(&mut browser, &page, new, again).await;
        assert_eq!(page.status, 400, "{told}");
        assert!(
            page.body.contains(told) && page.body.contains("aria-invalid"),
            "{told}: {}",
            page.body
        );
        assert!(
            !sets_session(&page) && (new.is_empty() || !page.body.contains(new)),
            "{told}"
        );
    }
    let long = "x".repeat(1025);
    page = choose(&mut browser, &page, &long, &long).await;
    assert!(page.body.contains("too long"), "{}", page.body);
    let chosen = choose(&mut browser, &page, NEW, NEW).await;
    assert!(sets_session(&chosen));
}

#[tokio::test]
async fn the_answer_is_of_the_page_in_this_browser() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    must_change(&app, &alice).await;
    must_change(&app, &bob).await;
    let (mut browser, hers, _) = asked(&app, &client, &alice).await;
    let hidden = hers.hidden_fields();
    let interaction = hidden["interaction"].as_str();
    let forged = [
        ("interaction", interaction),
        ("csrf", "forged"),
        ("new_password", NEW),
        ("new_password_again", NEW),
    ];
    let answer = browser.post("/new-password", &forged).await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    let stranger = choose(&mut app.browser(), &hers, NEW, NEW).await;
    assert!(!sets_session(&stranger), "another browser");
    assert!(is_due(&app, &alice).await);

    // In another tab Bob got there: the page for Alice's password sets neither's.
    let switch = format!("/login?interaction={interaction}&switch=1");
    let form = browser.get(switch.as_str()).await;
    let his = app.sign_in(&mut browser, &form, &bob).await;
    assert!(his.body.contains("<bdi>bob</bdi>"), "{}", his.body);
    let answer = choose(&mut browser, &hers, NEW, NEW).await;
    assert!(!sets_session(&answer) && is_due(&app, &alice).await && is_due(&app, &bob).await);
    assert!(browser.follow(answer).await.body.contains("<bdi>bob</bdi>"));
}

#[tokio::test]
async fn of_two_answers_one_sets_the_password() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    must_change(&app, &user).await;
    let (mut browser, page, _) = asked(&app, &client, &user).await;
    app.advance(std::time::Duration::from_secs(1));
    let mut twin = browser.clone();
    let (one, two) = tokio::join!(
        choose(&mut browser, &page, NEW, NEW),
        choose(&mut twin, &page, "seven swans at a lake", "seven swans at a lake"),
    );
    assert!(
        sets_session(&one) != sets_session(&two),
        "{} {} {} {}",
        one.status,
        one.body,
        two.status,
        two.body
    );
}

#[tokio::test]
async fn to_ones_own_pages_it_is_told_where_to_choose() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    must_change(&app, &user).await;
    let mut browser = app.browser();
    let page = browser.get("/account/login").await;
    let hidden = page.hidden_fields();
    let form = [
        ("csrf", hidden["csrf"].as_str()),
        ("to", hidden["to"].as_str()),
        ("username", user.username.as_str()),
        ("password", user.password.as_str()),
    ];
    let answer = browser.post("/account/login", &form).await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.body.contains("Choose a new password first.") && !sets_session(&answer),
        "{}",
        answer.body
    );
}
