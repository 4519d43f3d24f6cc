//! What a client has that authenticates by its own key: the key, assertions signed with it, and a place that publishes it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use authly_testkit::{TestApp, client::Form};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};

/// `client_assertion_type` (RFC 7523 §2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What stands before a 2048-bit RSA key in PKCS #8.
const RSA_WRAPPER_BYTES: usize = 26;

static JTI: AtomicU64 = AtomicU64::new(0);

/// A key pair of a client, made afresh.
pub struct ClientKey {
    pair: KeyPair,
    alg: Algorithm,
    kid: String,
}

impl ClientKey {
    /// For RS256, PS256, ES256 or EdDSA.
    pub fn generate(alg: Algorithm, kid: &str) -> Self {
        let algorithm = match alg {
            Algorithm::ES256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Algorithm::EdDSA => &rcgen::PKCS_ED25519,
            _ => &rcgen::PKCS_RSA_SHA256,
        };
        Self {
            pair: KeyPair::generate_for(algorithm).expect("a key"),
            alg,
            kid: kid.to_owned(),
        }
    }

    fn encoding(&self) -> EncodingKey {
        let der = self.pair.serialized_der();
        match self.alg {
            Algorithm::ES256 => EncodingKey::from_ec_der(der),
            Algorithm::EdDSA => EncodingKey::from_ed_der(der),
            // The key itself (RFC 8017 A.1.2), without the wrapper that says that it is one (RFC 5958).
            _ => EncodingKey::from_rsa_der(&der[RSA_WRAPPER_BYTES..]),
        }
    }

    /// The public half (RFC 7517 §4).
    pub fn jwk(&self) -> Value {
        let mut jwk = if self.alg == Algorithm::EdDSA {
            json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(self.pair.der_bytes()) })
        } else {
            serde_json::to_value(Jwk::from_encoding_key(&self.encoding(), self.alg).unwrap()).unwrap()
        };
        jwk["kid"] = self.kid.as_str().into();
        jwk
    }

    /// A key set of this key alone, as text.
    pub fn jwks(&self) -> String {
        json!({ "keys": [self.jwk()] }).to_string()
    }

    /// Signs the claims.
    pub fn sign(&self, claims: &Value) -> String {
        let header = Header {
            kid: Some(self.kid.clone()),
            ..Header::new(self.alg)
        };
        jsonwebtoken::encode(&header, claims, &self.encoding()).expect("a JWT")
    }
}

/// Signs the claims with a shared secret.
pub fn sign_with_secret(secret: &[u8], claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).expect("a JWT")
}

/// The claims of a good assertion (RFC 7523 §3), with a `jti` that no other has.
pub fn assertion_claims(app: &TestApp, client_id: &str) -> Value {
    let now = app.now().as_secs();
    json!({
        "iss": client_id, "sub": client_id, "aud": app.url, "iat": now, "exp": now + 60,
        "jti": format!("jti-{}", JTI.fetch_add(1, Ordering::Relaxed)),
    })
}

/// Adds the assertion to a request.
pub fn with_assertion(form: &Form, assertion: &str) -> Form {
    form.clone()
        .set("client_assertion_type", ASSERTION_TYPE)
        .set("client_assertion", assertion)
}

/// A web server of the client, for its `jwks_uri`.
pub struct KeySite {
    /// What to register.
    pub jwks_uri: String,
    body: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicUsize>,
}

impl KeySite {
    /// Publishes the text.
    pub async fn start(body: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let site = Self {
            jwks_uri: format!("http://{}/jwks", listener.local_addr().expect("an address")),
            body: Arc::new(Mutex::new((200, body))),
            asked: Arc::default(),
        };
        let (body, asked) = (Arc::clone(&site.body), Arc::clone(&site.asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                asked.fetch_add(1, Ordering::SeqCst);
                let (status, body) = body.lock().unwrap().clone();
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                while stream.read_line(&mut line).await.is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        site
    }

    /// Publishes something else.
    pub fn publish(&self, body: String) {
        *self.body.lock().unwrap() = (200, body);
    }

    /// Is out of order.
    pub fn fail(&self) {
        *self.body.lock().unwrap() = (502, String::new());
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
