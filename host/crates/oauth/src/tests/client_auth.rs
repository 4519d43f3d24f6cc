//! Client authentication against stored clients.

use authly_core::{Effects, client::AuthMethod};

use super::{Site, error_of};

const BODY: &str = "grant_type=client_credentials&scope=read";

#[tokio::test]
async fn only_the_registered_method_is_accepted() {
    let site = Site::new().await;
    site.other_client("post", |c| {
        c.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
    })
    .await;
    site.raw_request(None, &format!("{BODY}&client_id=post&client_secret=secret"))
        .await
        .unwrap();
    site.raw_request(Some(b"Basic d2ViOnNlY3JldA=="), BODY)
        .await
        .unwrap();
    for (header, body) in [
        (None, "&client_id=web&client_secret=secret"),
        (Some(&b"Basic cG9zdDpzZWNyZXQ="[..]), ""),
        (None, "&client_id=web"),
        (None, "&client_id=post&client_secret=Secret"),
        (None, "&client_id=nobody&client_secret=secret"),
        (Some(b"Bearer abc"), ""),
        (None, ""),
    ] {
        let refused = site
            .raw_request(header, &format!("{BODY}{body}"))
            .await
            .unwrap_err();
        assert_eq!(refused.oauth().code.as_str(), "invalid_client", "{body}");
    }
}

#[tokio::test]
async fn a_disabled_client_is_refused_like_an_unknown_one() {
    let site = Site::new().await;
    site.storage()
        .set_client_enabled(&site.client.id, false, Effects::none())
        .await
        .unwrap();
    let disabled = site.request(BODY).await.unwrap_err();
    let unknown = site
        .raw_request(Some(b"Basic bm9ib2R5OnNlY3JldA=="), BODY)
        .await
        .unwrap_err();
    assert_eq!(disabled.oauth(), unknown.oauth());
}

#[tokio::test]
async fn malformed_requests_are_refused_before_anybody_is_looked_up() {
    let site = Site::new().await;
    for (body, code) in [
        ("client_id=web&client_secret=secret", "invalid_request"),
        (
            "grant_type=password&username=a&password=b",
            "unsupported_grant_type",
        ),
        (
            "grant_type=client_credentials&scope=read&scope=read",
            "invalid_request",
        ),
    ] {
        assert_eq!(error_of(site.raw_request(None, body).await), code, "{body}");
    }
    let both = site
        .request(&format!("{BODY}&client_id=web&client_secret=secret"))
        .await;
    assert_eq!(error_of(both), "invalid_request");
}
