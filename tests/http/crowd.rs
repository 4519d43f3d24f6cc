//! One browser that asks for the same page many times at once: a reload, a restored window, a nervous hand.

use authly_testkit::{
    TestApp,
    browser::{Answer, TestBrowser},
};

/// The answers of twenty tabs of the browser that open `url` at once and follow.
async fn twenty_tabs(browser: &TestBrowser, url: &str) -> Vec<Answer> {
    let racers: Vec<_> = (0..20)
        .map(|_| (browser.clone(), url.to_owned()))
        .map(|(mut tab, url)| {
            tokio::spawn(async move {
                let answer = tab.get(url).await;
                tab.follow(answer).await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for racer in racers {
        answers.push(racer.await.expect("a racer"));
    }
    answers
}

#[tokio::test]
async fn tabs_of_one_browser_are_not_taken_for_other_browsers_or_for_answers() {
    same_page_for_all(&TestApp::start().await).await;
}

#[tokio::test]
async fn tabs_of_one_browser_are_not_taken_for_other_browsers_or_for_answers_on_postgresql() {
    same_page_for_all(&TestApp::builder().postgres().await.start().await).await;
}

async fn same_page_for_all(app: &TestApp) {
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    // Its binding cookie is there from an earlier visit.
    app.authorize(&mut browser, &request).await;

    let posted = browser
        .post_cross_site("/api/v1/oauth/authorize", &request.pairs(), "https://web.example")
        .await;
    let answers = twenty_tabs(&browser, posted.location().as_str()).await;
    for answer in &answers {
        assert!(answer.has_field("password"), "{} {}", answer.status, answer.body);
    }

    let hidden = answers[0].hidden_fields();
    let form = [
        ("interaction", hidden["interaction"].as_str()),
        ("csrf", hidden["csrf"].as_str()),
        ("username", user.username.as_str()),
        ("password", user.password.as_str()),
    ];
    let signed_in = browser.post("/login", &form).await;
    let consent = signed_in.location();
    assert_eq!(consent.path(), "/consent");
    let answers = twenty_tabs(&browser, consent.as_str()).await;
    for answer in &answers {
        assert!(answer.has_field("decision"), "{} {}", answer.status, answer.body);
    }
    // All of them show the same question, so any of them may answer it.
    let back = app.decide(&mut browser, &answers[19], "allow").await;
    assert!(back.redirect_param("code").is_some(), "{}", back.location());
}
