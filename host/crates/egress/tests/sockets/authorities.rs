//! A host without certificate authorities, as a small container image is one.

use std::process::Command;

use crate::*;

/// Where such a host's authorities are not.
const NOWHERE: &str = "/nowhere/certificate-authorities";

/// Whether this process was started below, with a system that has no authorities.
#[expect(
    clippy::disallowed_methods,
    reason = "how the process was started is what is asked"
)]
fn is_without_authorities() -> bool {
    std::env::var_os("SSL_CERT_FILE").is_some_and(|path| path == NOWHERE)
}

#[tokio::test]
async fn host_without_authorities_asks_nobody_by_https_and_says_why() {
    if !is_without_authorities() {
        // The environment is read once per process, so that another one has to show it.
        let test = "authorities::host_without_authorities_asks_nobody_by_https_and_says_why";
        let ran = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test])
            .env("SSL_CERT_FILE", NOWHERE)
            .env("SSL_CERT_DIR", NOWHERE)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let egress = Egress::new(policy(&["127.0.0.1/32"])).unwrap();
    assert!(!egress.has_authorities());
    let error = egress.get_json("https://keys.example.com/").await.unwrap_err();
    assert!(matches!(error, EgressError::NoAuthorities), "{error:?}");
    let told = egress.fetch_json("https://keys.example.com/").await.unwrap_err();
    assert!(
        matches!(&told, FetchError::Unavailable(why) if why.contains("egress.extra_ca")),
        "{told:?}"
    );
    let server = Server::start(None, Behaviour::Say(JSON)).await;
    let plain = egress.get_json(&server.url("http", "127.0.0.1")).await;
    assert!(
        plain.is_ok(),
        "an exempt address without TLS needs none: {plain:?}"
    );
    let authority = CertificateParams::default()
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap();
    let policy = EgressPolicy {
        extra_ca: Some(authority.pem().into_bytes()),
        ..EgressPolicy::default()
    };
    assert!(
        Egress::new(policy).unwrap().has_authorities(),
        "one of one's own will do"
    );
}
