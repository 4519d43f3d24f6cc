//! HTTP/2 without TLS, by prior knowledge (RFC 9113 §3.3): what a proxy in front of the server speaks.

use authly_testkit::TestApp;
use reqwest::{Client, Version};
use serde_json::Value;

#[tokio::test]
async fn one_http2_connection_serves_many_requests_at_once() {
    let app = TestApp::start().await;
    let http = Client::builder()
        .http2_prior_knowledge()
        .build()
        .expect("a client");
    let metadata = http
        .get(app.at("/.well-known/openid-configuration"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        (metadata.version(), metadata.status().as_u16()),
        (Version::HTTP_2, 200)
    );
    let metadata: Value = serde_json::from_str(&metadata.text().await.expect("a body")).expect("JSON");
    assert_eq!(metadata["issuer"], app.url.as_str());

    let forms: Vec<_> = (0..20)
        .map(|number| {
            let form = format!("grant_type=client_credentials&client_id=nobody-{number}&client_secret=none");
            let request = http
                .post(app.at("/api/v1/oauth/token"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form);
            tokio::spawn(request.send())
        })
        .collect();
    for form in forms {
        let answer = form.await.expect("a task").expect("an answer");
        assert_eq!(
            (answer.version(), answer.status().as_u16()),
            (Version::HTTP_2, 401)
        );
        let body: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
        assert_eq!(body["error"], "invalid_client");
    }
}
