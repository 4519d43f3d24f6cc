//! A plugin is replaced while token requests pour in: every answer is whole, and the claims change exactly once.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::register;
use authly_testkit::{
    Site, TestClient, client::Form, process::ServerProcess, random::SeededRng, site::jose_header,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::Value;

/// The claim before and after.
const OLD: &str = "https://example.com/department";
const NEW: &str = "https://example.com/unit";
const CALLERS: u64 = 8;

/// One answered request.
struct Seen {
    started: Instant,
    answered: Instant,
    new: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_is_replaced_under_load_and_no_request_notices() {
    let mut server = ServerProcess::prepare(None, "");
    write_plugin(&server.plugins_dir(), OLD, b"one");
    server.start();
    let site = Site::new(&server.url, Arc::new(SeededRng::new(7)));
    let (client, user) = register(&server);
    let jwks: Arc<JwkSet> = Arc::new(
        serde_json::from_value(
            site.request(reqwest::Method::GET, "/.well-known/jwks.json")
                .await
                .json(),
        )
        .unwrap(),
    );
    let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let first = site.tokens(&client, &user, "openid offline_access").await;
        let caller = Caller {
            site: site.clone(),
            client: client.clone(),
            jwks: Arc::clone(&jwks),
            seen: Arc::clone(&seen),
        };
        callers.push(tokio::spawn(caller.refresh_until(first, Arc::clone(&stop))));
    }
    let length = load_time();
    tokio::time::sleep(length / 2).await;
    write_plugin(&server.plugins_dir(), NEW, b"two");
    until_new(&seen).await;
    tokio::time::sleep(length / 2).await;
    stop.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.expect("no request failed");
    }
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    check_one_change(&seen);
}

/// Compiling takes its time where every processor is busy: the test is about what is answered, not about how soon.
async fn until_new(seen: &Mutex<Vec<Seen>>) {
    let is_new = async {
        while !seen.lock().unwrap().iter().any(|seen| seen.new) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), is_new)
        .await
        .expect("the new plugin serves");
}

/// `AUTHLY_LOAD_SECONDS` for a long run; a short one otherwise.
fn load_time() -> Duration {
    let seconds = std::env::var("AUTHLY_LOAD_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(9);
    Duration::from_secs(seconds)
}

/// Old claims first, then only new ones: whatever was asked after the first new answer came is new.
fn check_one_change(seen: &[Seen]) {
    let (old, new) = (
        seen.iter().filter(|s| !s.new).count(),
        seen.iter().filter(|s| s.new).count(),
    );
    println!("{old} answers with the old claims, {new} with the new ones");
    assert!(
        old > 0 && new > 0,
        "both generations answered: {old} old, {new} new"
    );
    let first_new = seen.iter().filter(|s| s.new).map(|s| s.answered).min().unwrap();
    let late = seen.iter().filter(|s| !s.new && s.started > first_new).count();
    assert_eq!(
        late, 0,
        "requests that began after the swap was seen had the old claims"
    );
}

struct Caller {
    site: Site,
    client: TestClient,
    jwks: Arc<JwkSet>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Caller {
    async fn refresh_until(self, first: Value, stop: Arc<AtomicBool>) {
        let mut refresh_token = first["refresh_token"].as_str().unwrap().to_owned();
        while !stop.load(Ordering::SeqCst) {
            let started = Instant::now();
            let form: Form = self.site.refresh(&self.client, &refresh_token);
            let answer = self.site.token(&self.client, &form).await;
            let answered = Instant::now();
            assert_eq!(answer.status, 200, "{}", answer.body);
            let tokens = answer.json();
            let access = self.verified(tokens["access_token"].as_str().unwrap(), &self.site.url);
            self.verified(tokens["id_token"].as_str().unwrap(), &self.client.id);
            let (old, new) = (access.get(OLD), access.get(NEW));
            assert!(
                old.is_some() != new.is_some(),
                "one generation answers a request: {access}"
            );
            self.seen.lock().unwrap().push(Seen {
                started,
                answered,
                new: new.is_some(),
            });
            tokens["refresh_token"]
                .as_str()
                .unwrap()
                .clone_into(&mut refresh_token);
        }
    }

    /// The claims, once somebody else's code agrees with the signature, the issuer and the audience.
    fn verified(&self, token: &str, audience: &str) -> Value {
        let header = jose_header(token);
        let algorithm: Algorithm = header["alg"].as_str().unwrap().parse().unwrap();
        let key = self
            .jwks
            .find(header["kid"].as_str().unwrap())
            .expect("a published key");
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[self.site.url.as_str()]);
        let key = DecodingKey::from_jwk(key).unwrap();
        jsonwebtoken::decode::<Value>(token, &key, &validation)
            .expect("a valid token")
            .claims
    }
}

/// Writes the shipped plugin with one claim. `variant` goes into a custom section, so that the component is another
/// one to everybody who looks at its bytes, and must be compiled anew.
fn write_plugin(dir: &Path, claim: &str, variant: &[u8]) {
    let built = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/plugins/wasm32-wasip2/release/attribute_claims.wasm");
    let mut wasm =
        std::fs::read(&built).unwrap_or_else(|e| panic!("{} ({e}): run `make plugins`", built.display()));
    let name = b"variant";
    let size = u8::try_from(1 + name.len() + variant.len()).unwrap();
    wasm.extend([0, size, u8::try_from(name.len()).unwrap()]);
    wasm.extend(name);
    wasm.extend(variant);
    replace(&dir.join("attribute-claims.wasm"), &wasm);
    let toml = format!(
        "hooks = [\"claim-mapper\"]\n[grants]\nclaims = [\"https://example.com/*\"]\n[config]\n\
         claims = [{{ claim = \"{claim}\", from = \"attribute\", name = \"department\", targets = [\"access-token\"] }}]\n"
    );
    replace(&dir.join("attribute-claims.toml"), toml.as_bytes());
}

/// As deployment tools do: a whole new file takes the old one's name.
fn replace(path: &Path, bytes: &[u8]) {
    let next = path.with_extension("next");
    std::fs::write(&next, bytes).unwrap();
    std::fs::rename(&next, path).unwrap();
}
