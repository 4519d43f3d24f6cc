//! Hostile plugins, built from source: each fails the requests of the client it is bound to, and nobody else's.

use authly_plugin_host::ProposalOutcome;
use authly_testkit::{TestApp, client::Form, guests::guest};
use reqwest::Method;

/// Puts the guest before the client `victim` and answers what the server made of it.
async fn set_loose(app: &TestApp, name: &str) -> ProposalOutcome {
    let file = name.replace('_', "-");
    std::fs::copy(guest(name), app.plugins_dir().join(format!("{file}.wasm"))).unwrap();
    let toml = "hooks = [\"claim-mapper\"]\nclients = [\"victim\"]\n";
    std::fs::write(app.plugins_dir().join(format!("{file}.toml")), toml).unwrap();
    let proposals = app.parts.plugins.propose_directory().await;
    let own = proposals.into_iter().find(|p| p.name.as_str() == file);
    own.unwrap_or_else(|| panic!("{name} was not proposed")).outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_plugin_fails_its_own_requests_and_nobody_elses() {
    for name in [
        "endless_loop",
        "memory_bomb",
        "panics",
        "recursion",
        "large_answer",
        "protected_claim",
        "ungranted_claim",
    ] {
        let app = TestApp::start().await;
        let (victim, other) = (
            app.service_client("victim").await,
            app.service_client("other").await,
        );
        let form = Form::new()
            .set("grant_type", "client_credentials")
            .set("scope", "read");
        let outcome = set_loose(&app, name).await;
        assert!(
            matches!(outcome, ProposalOutcome::Activated { .. }),
            "{name}: {outcome:?}"
        );
        let (hit, missed, health) = tokio::join!(
            app.token(&victim, &form),
            app.token(&other, &form),
            app.request(Method::GET, "/health"),
        );
        assert_eq!(hit.status, 500, "{name} fails closed: {}", hit.body);
        assert_eq!(hit.json()["error"], "server_error");
        assert_eq!(
            (missed.status.as_u16(), health.status.as_u16()),
            (200, 200),
            "{name}"
        );
        assert_eq!(
            app.request(Method::GET, "/health/ready").await.status,
            200,
            "{name}"
        );
        let text = app.request(Method::GET, "/metrics").await.body;
        let metric = format!("plugin=\"{}\"", name.replace('_', "-"));
        assert!(
            text.contains(&metric),
            "{name} is counted by name and outcome: {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_with_an_import_that_is_not_linked_is_refused_in_plain_words() {
    let app = TestApp::start().await;
    let victim = app.service_client("victim").await;
    for name in ["unlinked_import", "foreign_import"] {
        match set_loose(&app, name).await {
            ProposalOutcome::Refused { reason } => assert!(reason.contains("import"), "{name}: {reason}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    let form = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read");
    assert_eq!(app.token(&victim, &form).await.status, 200, "nothing was loaded");
}
