//! What the fuzz targets share: a key and clients that are the same in every run, so that a finding can be repeated.
//!
//! Findings repeat with `tests/fuzz/run TARGET FILE`.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use authly_core::{
    ClientId, Kid, ScopeSet, SecretBytes, Timestamp, TokenHash,
    client::{AccessTokenFormat, AssertionAudience, AuthMethod, Client, GrantType},
    key::{KeyState, SigningAlg, StoredKey},
};
use authly_jose::{KeyRing, LocalSigner, SharedKeys, Signer, VerificationKey};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// The time in every target.
pub const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

/// The Ed25519 key of RFC 8410 §10.3, as PKCS#8.
const PRIVATE_KEY: &str = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";

/// Its public key (RFC 8410 §10.1).
const PUBLIC_JWK: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"}"#;

/// One signing key, whose signatures are the same in every run.
pub struct Keys {
    /// The key's name: its thumbprint.
    pub kid: Kid,
    /// A ring of that key.
    pub ring: Arc<KeyRing>,
    signer: LocalSigner,
}

impl Keys {
    /// Header and payload as they are, and a good signature over them. `KID` in a header stands for the key's name.
    pub fn sign(&self, header: &[u8], payload: &[u8]) -> String {
        let header = String::from_utf8_lossy(header).replace("KID", self.kid.as_str());
        let mut token = [header.as_bytes(), payload]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".");
        let signature = now_or_never(self.signer.sign(&self.kid, token.as_bytes())).expect("a signature");
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

/// The key that tokens are signed with.
pub static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let public = VerificationKey::parse(PUBLIC_JWK).expect("a key of the RFC");
    let kid = Kid::parse(&public.thumbprint().expect("a public key")).expect("a thumbprint");
    let stored = StoredKey {
        kid: kid.clone(),
        alg: SigningAlg::EdDsa,
        state: KeyState::Active,
        public_jwk: PUBLIC_JWK.replacen(
            '{',
            &format!(r#"{{"alg":"EdDSA","use":"sig","kid":"{}","#, kid.as_str()),
            1,
        ),
        private: SecretBytes::new(STANDARD.decode(PRIVATE_KEY).expect("base64")),
        created_at: NOW,
        state_since: NOW,
    };
    let shared = Arc::new(SharedKeys::new(
        KeyRing::parse(&[stored]).expect("a key that fits itself"),
    ));
    Keys {
        kid,
        ring: shared.load(),
        signer: LocalSigner::new(shared),
    }
});

/// A client with one redirect URI; without a secret when it is `public`.
pub fn client(public: bool) -> Client {
    let method = if public {
        AuthMethod::None
    } else {
        AuthMethod::ClientSecretBasic
    };
    Client {
        id: ClientId::parse("web").expect("an id"),
        name: "web".to_owned(),
        token_endpoint_auth_method: method,
        secret_hash: (!public).then(|| TokenHash::of(b"secret")),
        secret: None,
        jwks: None,
        jwks_uri: None,
        token_endpoint_auth_signing_alg: None,
        assertion_audience: AssertionAudience::default(),
        redirect_uris: vec!["https://c.example/cb?x=1".to_owned()],
        post_logout_redirect_uris: Vec::new(),
        grant_types: GrantType::ALL.to_vec(),
        scopes: ScopeSet::parse("openid profile email offline_access read").expect("scopes"),
        audiences: Vec::new(),
        introspection_audiences: Vec::new(),
        id_token_signed_response_alg: SigningAlg::Es256,
        access_token_signed_response_alg: SigningAlg::Es256,
        access_token_format: AccessTokenFormat::default(),
        userinfo_signed_response_alg: None,
        access_token_ttl: None,
        id_token_ttl: None,
        refresh_token_ttl: None,
        default_max_age: None,
        first_party: false,
        client_uri: None,
        policy_uri: None,
        tos_uri: None,
        rotate_refresh_tokens: true,
        enabled: true,
        created_at: NOW,
        version: 0,
    }
}

/// A form as the `url` crate, which nobody here wrote, reads it: every value of every name, empty ones too.
pub fn form_pairs(encoded: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut pairs = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in url::form_urlencoded::parse(encoded) {
        pairs
            .entry(name.into_owned())
            .or_default()
            .push(value.into_owned());
    }
    pairs
}

/// Runs a future that has nothing to wait for.
fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the future waits"),
    }
}
