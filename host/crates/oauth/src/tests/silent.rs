//! Answering without a page while the person takes back what that relies on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use authly_core::{
    ClientId, Effects, PlainToken, Rng, ScopeSet, SessionId, UserId,
    authorization::{AuthorizationRequest, Display, Prompt, ResponseMode},
    claims_request::ClaimsRequest,
    grant::Consent,
    ports::{Completion, TenantStorage},
    session::Session,
};
use tokio::{runtime::Handle, task::block_in_place};
use uuid::Uuid;

use super::Site;
use crate::{
    authorize::ClientAnswer,
    interaction::{self, Browser, Next},
    testing::{self, NOW},
};

/// Withdraws the consent before it gives the first randomness, which is that of the code: when the consent was read and
/// the code is not written yet.
struct Withdrawing {
    inner: Arc<dyn Rng>,
    storage: Arc<dyn TenantStorage>,
    of: (UserId, ClientId),
    happened: AtomicBool,
}

impl Rng for Withdrawing {
    fn fill(&self, dest: &mut [u8]) {
        if !self.happened.swap(true, Ordering::SeqCst) {
            let (user, client) = &self.of;
            let withdrawn = self.storage.withdraw_consent(*user, client, NOW, Effects::none());
            let withdrawn = block_in_place(|| Handle::current().block_on(withdrawn));
            assert!(withdrawn.unwrap().is_some());
        }
        self.inner.fill(dest);
    }
}

/// The browser of alice, who is signed in and agreed to `openid`.
async fn agreed(site: &Site) -> Browser {
    let cookie = PlainToken::generate(site.provider.rng.as_ref());
    let session = Session {
        id: SessionId::from_uuid(Uuid::from_u128(1)),
        hash: cookie.hash(),
        user_id: site.user.id,
        auth_time: NOW,
        amr: vec!["pwd".to_owned()],
        created_at: NOW,
        expires_at: NOW.plus(std::time::Duration::from_hours(1)),
        last_seen_at: NOW,
        user_agent: None,
        address: None,
    };
    let (storage, changed) = (site.storage(), site.user.password_changed_at);
    let started = storage.start_session(&session, changed, None, Effects::none());
    started.await.unwrap();
    let code = PlainToken::generate(site.provider.rng.as_ref());
    let grant = testing::grant(&site.client, &site.user, "openid", NOW);
    let completion = Completion {
        interaction: None,
        consent: Some(Consent {
            user_id: site.user.id,
            client_id: site.client.id.clone(),
            scope: grant.scope.clone(),
            updated_at: NOW,
        }),
        relies_on: None,
        code: testing::code(&code, &grant, "https://c.example/cb"),
        grant,
        now: NOW,
    };
    let completed = storage.complete_interaction(completion, Effects::none());
    completed.await.unwrap();
    Browser {
        session: Some(cookie),
        ..Browser::default()
    }
}

async fn start(site: &Site, browser: &Browser, prompt: Vec<Prompt>) -> Next {
    let request = AuthorizationRequest {
        client_id: site.client.id.clone(),
        redirect_uri: "https://c.example/cb".to_owned(),
        redirect_uri_given: true,
        response_mode: ResponseMode::Query,
        scope: ScopeSet::parse("openid").unwrap(),
        state: None,
        nonce: None,
        code_challenge: None,
        prompt,
        max_age: None,
        claims: ClaimsRequest::default(),
        acr_values: vec![],
        hinted_subject: None,
        display: Display::Page,
        login_hint: None,
        ui_locales: vec![],
    };
    let ctx = testing::request(site.now());
    let started = interaction::start(&site.provider, site.client.clone().into(), request, browser, &ctx);
    started.await.unwrap().next
}

fn told(next: &Next) -> String {
    match next {
        Next::Client(ClientAnswer::Redirect { location }) => location.clone(),
        other => format!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consent_withdrawn_meanwhile_is_asked_for_anew() {
    for (prompt, expected) in [
        (vec![Prompt::None], "error=consent_required"),
        (vec![], "Consent {"),
    ] {
        let mut site = Site::new().await;
        let browser = agreed(&site).await;
        let silent = start(&site, &browser, prompt.clone()).await;
        assert!(told(&silent).contains("code="), "{silent:?}");
        site.provider.rng = Arc::new(Withdrawing {
            inner: Arc::clone(&site.provider.rng),
            storage: Arc::clone(&site.provider.storage),
            of: (site.user.id, site.client.id.clone()),
            happened: AtomicBool::new(false),
        });
        let outrun = start(&site, &browser, prompt).await;
        assert!(told(&outrun).contains(expected), "{outrun:?}");
    }
}
