//! One call of the shipped claim mapper, each by an instance of its own: what a plugin adds to a request.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot go on stops and says where"
)]

use std::{collections::BTreeMap, net::Ipv4Addr, path::Path, sync::Arc};

use authly_core::{
    ClientId, RequestContext, ScopeSet, UserId,
    ports::{ClaimMapInput, ClaimMapper as _, ClaimTarget, HookSubject},
};
use authly_testkit::TestApp;
use criterion::Criterion;
use serde_json::json;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (app, input) = runtime.block_on(async {
        let app = TestApp::start().await;
        install(&app).await;
        let input = input(&app).await;
        (app, input)
    });
    criterion.bench_function("claim plugin", |bencher| {
        bencher.iter(|| {
            let mapped = app.parts.plugins.map_claims(input.clone());
            runtime.block_on(mapped).expect("claims")
        });
    });
    runtime.block_on(app.stop());
    criterion.final_summary();
}

/// The plugin as it is shipped: an attribute and the groups.
async fn install(app: &TestApp) {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = workspace.join("target/plugins/wasm32-wasip2/release/attribute_claims.wasm");
    let toml = workspace.join("plugins/attribute-claims/attribute-claims.toml");
    let into = app.plugins_dir();
    std::fs::copy(built, into.join("attribute-claims.wasm")).expect("`make plugins` builds it");
    std::fs::copy(toml, into.join("attribute-claims.toml")).expect("its toml");
    let proposals = app.parts.plugins.propose_directory().await;
    let proposal = proposals.first().expect("a plugin");
    assert!(
        format!("{:?}", proposal.outcome).starts_with("Activated"),
        "the plugin is not active: {:?}",
        proposal.outcome
    );
}

/// A person's access token.
async fn input(app: &TestApp) -> ClaimMapInput {
    let (client, user) = (app.public_client("web").await, app.user("alice").await);
    let client = ClientId::parse(&client.id).expect("an id");
    let user = UserId::from_uuid(user.id.parse().expect("a UUID"));
    let client = app.tenant.load_client(&client).await.expect("storage");
    let user = app.tenant.load_user(user).await.expect("storage");
    let claims = json!({ "sub": "s", "scope": "openid", "client_id": "web" });
    let claims = claims.as_object().expect("an object").clone();
    ClaimMapInput {
        request: RequestContext {
            request_id: "r-1".to_owned(),
            client_ip: Ipv4Addr::LOCALHOST.into(),
            user_agent: None,
            now: app.now(),
        },
        issuer: app.url.clone(),
        client: Arc::clone(&client.expect("a client")),
        subject: HookSubject::User(Arc::clone(&user.expect("a person"))),
        session: None,
        grant_type: "refresh_token",
        scope: ScopeSet::parse("openid").expect("a scope"),
        audience: vec![app.url.clone()],
        claims: BTreeMap::from([(ClaimTarget::AccessToken, claims)]),
    }
}
