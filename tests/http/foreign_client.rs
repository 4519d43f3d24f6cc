//! A client nobody here wrote: openid-client, from the npm registry, through a whole sign-in.

use std::{path::Path, process::Command};

use authly_testkit::TestApp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openid_client_completes_a_whole_sign_in() {
    // It validates times against the machine's clock, so the server must use that one too.
    let app = TestApp::builder().system_clock().start().await;
    let user = app.user("alice").await;
    for client in [
        app.public_client("public").await,
        app.confidential_client("confidential").await,
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign");
        assert!(
            folder.join("node_modules/openid-client").exists(),
            "the foreign client is not installed: run `npm ci --prefix tests/foreign` (make test does)"
        );
        let mut node = Command::new("node");
        node.current_dir(&folder)
            .args([
                "client.mjs",
                &app.url,
                &client.id,
                &client.redirect_uri,
                &user.username,
            ])
            .env("AUTHLY_PASSWORD", &user.password);
        if let Some(secret) = &client.secret {
            node.env("CLIENT_SECRET", secret);
        }
        let output = tokio::task::spawn_blocking(move || node.output())
            .await
            .unwrap()
            .expect("node runs");
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{out}{err}");
        assert!(out.contains("1 passed, 0 failed"), "{out}");
    }
    app.stop().await;
}
