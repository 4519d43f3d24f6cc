//! The keys at the top: who the server says it is and where it listens; and what `--dev` sets.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use authly_oauth::issuer::Issuer;

use super::{
    key::{Key, Kind},
    layers::{Layers, Raw, Sources},
    problem::{Origin, Problem},
    reader::Reader,
};

const ISSUER: Key = Key::new(
    "issuer",
    Kind::Text("an https URL; http for localhost, 127.0.0.1 and [::1] only"),
    "\"https://login.example.com\"",
    "The issuer identifier (RFC 8414 §2): `iss` in every token and the base of every endpoint's URL. It may carry a \
     path, and has no query, fragment or trailing slash. Never taken from a request, so behind a reverse proxy it is \
     the URL that browsers see. With `--dev` it follows `listen`.",
);
const LISTEN: Key = Key::new(
    "listen",
    Kind::Text("an IP address and a port"),
    "\"127.0.0.1:8000\"",
    "Where to accept connections. Port 0 takes a free one. With `--dev`, or an http issuer, only loopback addresses are \
     accepted.",
)
.default("127.0.0.1:8000");

/// The keys of this section.
pub(super) const KEYS: &[&Key] = &[&ISSUER, &LISTEN];

/// The checked keys at the top.
pub(super) struct Top {
    pub issuer: Issuer,
    pub issuer_follows_listen: bool,
    pub listen: SocketAddr,
}

/// Checks them; `None` when the issuer or the address is missing or wrong.
pub(super) fn check(reader: &mut Reader<'_>, dev: bool) -> Option<Top> {
    let listen = reader.parsed(&LISTEN, |text| {
        text.parse::<SocketAddr>()
            .map_err(|_| "is not an address and a port such as 127.0.0.1:8000 or [::1]:8000")
    });
    if let Some(listen) = listen.filter(|listen| dev && !listen.ip().is_loopback()) {
        let message =
            format!("`{listen}`: with --dev the server listens on loopback only; write 127.0.0.1:8000");
        reader.complain(&LISTEN, message);
    }
    let configured = reader.text(&ISSUER);
    let issuer = match (&configured, listen) {
        (Some(_), _) => reader.parsed(&ISSUER, Issuer::parse),
        (None, Some(listen)) if dev => Issuer::parse(&dev_issuer(listen)).ok(),
        (None, None) if dev => None,
        (None, _) => {
            reader.complain_missing(&ISSUER);
            None
        }
    };
    if dev && issuer.as_ref().is_some_and(Issuer::is_https) {
        let message = "with --dev the issuer is http on this machine, because it makes accounts whose passwords it prints; \
                       leave --dev out to serve this configuration";
        reader.complain(&ISSUER, message.to_owned());
    }
    check_http_stays_here(reader, issuer.as_ref(), listen.filter(|_| !dev));
    Some(Top {
        issuer: issuer?,
        issuer_follows_listen: configured.is_none(),
        listen: listen?,
    })
}

/// An http issuer is for this machine: passwords and tokens must not cross a network in the clear.
fn check_http_stays_here(reader: &mut Reader<'_>, issuer: Option<&Issuer>, listen: Option<SocketAddr>) {
    if let (Some(issuer), Some(listen)) = (issuer, listen)
        && !issuer.is_https()
        && !listen.ip().is_loopback()
    {
        let message = format!(
            "`{listen}`: other machines could reach a server whose issuer is {}, without TLS; listen on 127.0.0.1, or \
             set `issuer` to the https URL that browsers use",
            issuer.as_str()
        );
        reader.complain(&LISTEN, message);
    }
}

/// The issuer of a development server that listens there.
pub(super) fn dev_issuer(listen: SocketAddr) -> String {
    let usual = matches!(listen.ip(), IpAddr::V4(ip) if ip.octets() == [127, 0, 0, 1])
        || matches!(listen.ip(), IpAddr::V6(ip) if ip.is_loopback());
    if usual {
        format!("http://localhost:{}", listen.port())
    } else {
        format!("http://{listen}")
    }
}

/// Puts the values of `--dev` above the defaults, and answers the state directory they lie in.
///
/// The database and its key lie in different folders, so that copying one does not take the other along.
pub(super) fn dev_defaults(
    sources: &Sources,
    layers: &mut Layers,
    problems: &mut Vec<Problem>,
) -> Option<PathBuf> {
    let state_home = sources
        .env_path("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| sources.env_path("HOME").map(|home| home.join(".local/state")));
    let Some(state_dir) = state_home.map(|home| home.join("authly")) else {
        problems.push(Problem {
            origin: Some(Origin::Dev),
            key: String::new(),
            message: "no place for the development database and key: set HOME or XDG_STATE_HOME".to_owned(),
        });
        return None;
    };
    let mut set = |path: &str, value: String| layers.set(path, Raw::Untyped(value), Origin::Dev);
    // A chosen database_file counts as chosen: the weaker inline value of --dev gives way to it.
    set(
        "database.url",
        format!("sqlite:{}", state_dir.join("data/authly.sqlite").display()),
    );
    set("plugins.dir", state_dir.join("plugins").display().to_string());
    set(
        "plugins.cache_dir",
        state_dir.join("plugin-cache").display().to_string(),
    );
    set("log.format", "pretty".to_owned());
    Some(state_dir)
}
