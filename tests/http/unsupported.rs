//! What is not built is refused with the standard's error, and discovery does not promise it.

use authly_testkit::TestApp;

#[tokio::test]
async fn every_unsupported_parameter_is_refused_with_its_error_and_not_announced() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    for (name, value, error) in [
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        (
            "request_uri",
            "https://web.example/request",
            "request_uri_not_supported",
        ),
        (
            "request_uri",
            "urn:ietf:params:oauth:request_uri:x",
            "request_uri_not_supported",
        ),
        ("registration", "{}", "registration_not_supported"),
        ("resource", "https://api.example", "invalid_target"),
        ("authorization_details", "[]", "invalid_request"),
        (
            "dpop_jkt",
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
            "invalid_request",
        ),
        ("response_mode", "fragment", "invalid_request"),
        ("response_mode", "jwt", "invalid_request"),
        ("response_mode", "query.jwt", "invalid_request"),
    ] {
        let request = request.clone().set(name, value);
        let answer = app.authorize(&mut app.browser(), &request).await;
        app.assert_client_told(&answer, &request, error);
        assert_eq!(answer.location().fragment(), None, "{name}={value}");
    }
    let metadata = app
        .request(reqwest::Method::GET, "/.well-known/openid-configuration")
        .await
        .json();
    for name in ["request_parameter_supported", "request_uri_parameter_supported"] {
        assert_eq!(metadata[name], false, "{name}");
    }
    assert_eq!(metadata["response_types_supported"], serde_json::json!(["code"]));
    assert_eq!(
        metadata["response_modes_supported"],
        serde_json::json!(["query", "form_post"])
    );
    for name in [
        "request_object_signing_alg_values_supported",
        "pushed_authorization_request_endpoint",
    ] {
        assert!(metadata.get(name).is_none(), "{name}");
    }
}
