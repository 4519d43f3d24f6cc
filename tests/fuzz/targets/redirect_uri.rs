//! Redirect URIs, a registered and a requested one, a line each: nothing but a loopback port may differ
//! (RFC 9700 §4.1.3, RFC 8252 §7.3), and what may be registered is where a browser goes.
#![no_main]

use authly_oauth::{authorize::matches_registered, clients::check_redirect_uri};
use libfuzzer_sys::fuzz_target;
use url::{Host, Url};

fuzz_target!(|text: &str| {
    let (registered, requested) = text.split_once('\n').unwrap_or((text, text));
    let matches = matches_registered(registered, requested);
    assert_eq!(
        matches,
        matches_registered(requested, registered),
        "either way round"
    );
    assert!(matches || registered != requested, "what is equal matches");
    if check_redirect_uri(registered).is_err() {
        return;
    }
    let url = Url::parse(registered).expect("what may be registered is a URL");
    assert!(["https", "http"].contains(&url.scheme()) || url.scheme().contains('.'));
    assert!(url.fragment().is_none() && url.username().is_empty() && url.password().is_none());
    assert!(url.scheme() != "http" || is_this_machine(&url));
    assert_eq!(
        url.as_str().trim_end_matches('/'),
        registered.trim_end_matches('/')
    );
    if matches && registered != requested {
        differ_in_port(&url, requested);
    }
});

/// A match that is not equal: an address of this machine, and the port set aside, the same URL.
fn differ_in_port(registered: &Url, requested: &str) {
    let mut requested = Url::parse(requested).expect("what matches is a URL");
    assert!(registered.scheme() == "http" && !matches!(registered.host(), Some(Host::Domain(_))));
    requested.set_port(registered.port()).expect("http has ports");
    assert_eq!(&requested, registered);
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
