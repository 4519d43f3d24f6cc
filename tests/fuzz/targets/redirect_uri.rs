//! Redirect URIs, a registered and a requested one, a line each, and a change of the first: nothing but a loopback port may
//! differ (RFC 9700 §4.1.3, RFC 8252 §7.3), and what may be registered is where a browser goes.
#![no_main]

use authly_oauth::{authorize::matches_registered, clients::check_redirect_uri};
use libfuzzer_sys::fuzz_target;
use url::{Host, Url};

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let registered = lines.next().unwrap_or_default();
    let may_be_registered = check_redirect_uri(registered).is_ok();
    if may_be_registered {
        is_where_a_browser_goes(registered);
    }
    let requested = lines.next().unwrap_or(registered);
    let changed = lines.next().and_then(|change| changed(registered, change));
    for requested in [Some(requested), changed.as_deref()].into_iter().flatten() {
        let matches = matches_registered(registered, requested);
        assert_eq!(
            matches,
            matches_registered(requested, registered),
            "either way round"
        );
        assert!(matches || registered != requested, "what is equal matches");
        if may_be_registered && matches && registered != requested {
            differ_in_port(registered, requested);
        }
    }
});

/// The URI with one character in the place of another: the first says where, the second which.
fn changed(uri: &str, change: &str) -> Option<String> {
    let mut change = change.chars();
    let (at, character) = (u32::from(change.next()?), change.next()?);
    let at = usize::try_from(at).ok()?.checked_rem(uri.len())?;
    let mut changed = uri.to_owned();
    uri.is_char_boundary(at + 1)
        .then(|| changed.replace_range(at..=at, character.encode_utf8(&mut [0; 4])))?;
    Some(changed)
}

fn is_where_a_browser_goes(registered: &str) {
    let url = Url::parse(registered).expect("what may be registered is a URL");
    assert!(["https", "http"].contains(&url.scheme()) || url.scheme().contains('.'));
    assert!(url.fragment().is_none() && url.username().is_empty() && url.password().is_none());
    assert!(url.scheme() != "http" || is_this_machine(&url));
    assert_eq!(
        url.as_str().trim_end_matches('/'),
        registered.trim_end_matches('/')
    );
}

/// A match that is not equal: an address of this machine, and the port set aside, the same URL.
fn differ_in_port(registered: &str, requested: &str) {
    let registered = Url::parse(registered).expect("what may be registered is a URL");
    let mut requested = Url::parse(requested).expect("what matches is a URL");
    assert!(registered.scheme() == "http" && !matches!(registered.host(), Some(Host::Domain(_))));
    requested.set_port(registered.port()).expect("http has ports");
    assert_eq!(requested, registered);
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
