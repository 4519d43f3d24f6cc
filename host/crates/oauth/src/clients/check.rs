//! The rules of a registration, one function each.

use std::{ops::RangeInclusive, time::Duration};

use authly_core::{
    ClientId, Rng, ScopeSet, Timestamp,
    client::{AccessTokenFormat, AssertionAudience, AuthMethod, Client, GrantType},
    key::SigningAlg,
    ports::ScopeDefinition,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    AUDIENCE_LENGTH_MAX, AUDIENCES_MAX, CreateClientError, NAME_LENGTH_MAX, NewClient, REDIRECT_URIS_MAX,
    check_redirect_uri, keys, redirect_uri,
};
use crate::issuer::is_loopback_host;

/// How long access and ID tokens of a client may live: signing keys stay published for longer.
const TOKEN_TTL: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_hours(24);
/// How long its unused refresh tokens may live.
const REFRESH_TTL: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(24 * 400);

/// Checks everything that does not need the database's word. The client has no secret yet: that is
/// [`check_secret`](super::secret::check_secret)'s.
pub(super) fn check_client(
    new: &NewClient,
    defined: &[ScopeDefinition],
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<Client, CreateClientError> {
    let id = check_id(new.id.as_deref(), rng)?;
    let method = check_auth_method(new.token_endpoint_auth_method.as_deref())?;
    let grant_types = check_grant_types(&new.grant_types, method)?;
    check_uris("redirect_uri", &new.redirect_uris)?;
    check_uris("post_logout_redirect_uri", &new.post_logout_redirect_uris)?;
    if grant_types.contains(&GrantType::AuthorizationCode) && new.redirect_uris.is_empty() {
        return Err(CreateClientError::NoRedirectUri);
    }
    check_rotation(new, method)?;
    let keys = keys::check_keys(new, method)?;
    Ok(Client {
        name: check_name(new.name.as_deref(), &id)?,
        token_endpoint_auth_method: method,
        secret_hash: None,
        secret: None,
        jwks: keys.jwks,
        jwks_uri: keys.jwks_uri,
        token_endpoint_auth_signing_alg: keys.signing_alg,
        assertion_audience: check_assertion_audience(new.assertion_audience.as_deref())?,
        redirect_uris: new.redirect_uris.clone(),
        post_logout_redirect_uris: new.post_logout_redirect_uris.clone(),
        grant_types,
        scopes: check_scopes(&new.scopes, defined)?,
        audiences: check_audiences("audience", &new.audiences)?,
        introspection_audiences: check_audiences("introspection_audience", &new.introspection_audiences)?,
        id_token_signed_response_alg: alg_or(
            "id_token_signed_response_alg",
            new.id_token_signed_response_alg.as_deref(),
            SigningAlg::Rs256,
        )?,
        access_token_signed_response_alg: alg_or(
            "access_token_signed_response_alg",
            new.access_token_signed_response_alg.as_deref(),
            SigningAlg::Es256,
        )?,
        access_token_format: check_format(new.access_token_format.as_deref())?,
        userinfo_signed_response_alg: check_alg(
            "userinfo_signed_response_alg",
            new.userinfo_signed_response_alg.as_deref(),
        )?,
        access_token_ttl: check_ttl("access_token_ttl", new.access_token_ttl, &TOKEN_TTL)?,
        id_token_ttl: check_ttl("id_token_ttl", new.id_token_ttl, &TOKEN_TTL)?,
        refresh_token_ttl: check_ttl("refresh_token_ttl", new.refresh_token_ttl, &REFRESH_TTL)?,
        default_max_age: new.default_max_age,
        first_party: new.first_party,
        client_uri: check_link("client_uri", new.client_uri.clone())?,
        policy_uri: check_link("policy_uri", new.policy_uri.clone())?,
        tos_uri: check_link("tos_uri", new.tos_uri.clone())?,
        rotate_refresh_tokens: !new.keep_refresh_tokens,
        enabled: true,
        created_at: now,
        version: 0,
        id,
    })
}

/// A stolen refresh token of a public client works for whoever holds it; only rotation shows that it was stolen
/// (RFC 9700 §2.2.2, §4.14.2).
fn check_rotation(new: &NewClient, method: AuthMethod) -> Result<(), CreateClientError> {
    if new.keep_refresh_tokens && method == AuthMethod::None {
        Err(CreateClientError::KeptByPublicClient)
    } else {
        Ok(())
    }
}

fn check_ttl(
    field: &'static str,
    ttl: Option<Duration>,
    range: &RangeInclusive<Duration>,
) -> Result<Option<Duration>, CreateClientError> {
    match ttl {
        Some(ttl) if !range.contains(&ttl) => Err(CreateClientError::Lifetime {
            field,
            min: range.start().as_secs(),
            max: range.end().as_secs(),
        }),
        ttl => Ok(ttl),
    }
}

fn check_assertion_audience(name: Option<&str>) -> Result<AssertionAudience, CreateClientError> {
    let Some(text) = name else {
        return Ok(AssertionAudience::default());
    };
    AssertionAudience::parse(text).ok_or_else(|| CreateClientError::Unsupported {
        field: "assertion_audience",
        value: text.to_owned(),
        choices: AssertionAudience::ALL.map(AssertionAudience::as_str).join(", "),
    })
}

fn check_format(name: Option<&str>) -> Result<AccessTokenFormat, CreateClientError> {
    let Some(text) = name else {
        return Ok(AccessTokenFormat::default());
    };
    AccessTokenFormat::parse(text).ok_or_else(|| CreateClientError::Unsupported {
        field: "access_token_format",
        value: text.to_owned(),
        choices: AccessTokenFormat::ALL.map(AccessTokenFormat::as_str).join(", "),
    })
}

/// The asked-for identifier, or 128 random bits: nobody's to guess, and never a person's UUID.
pub(super) fn check_id(id: Option<&str>, rng: &dyn Rng) -> Result<ClientId, CreateClientError> {
    let id = id.map_or_else(
        || {
            let mut random = [0u8; 16];
            rng.fill(&mut random);
            format!("client_{}", URL_SAFE_NO_PAD.encode(random))
        },
        str::to_owned,
    );
    ClientId::parse(&id).map_err(|_| CreateClientError::Id)
}

fn check_name(name: Option<&str>, id: &ClientId) -> Result<String, CreateClientError> {
    let name = name.unwrap_or(id.as_str()).trim();
    // A generated or long client_id may stand in for a name; a typed name may not be that long.
    let length = name.chars().count();
    let fits = length > 0 && (length <= NAME_LENGTH_MAX || name == id.as_str());
    if fits && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(CreateClientError::Name)
    }
}

fn check_auth_method(method: Option<&str>) -> Result<AuthMethod, CreateClientError> {
    let Some(text) = method else {
        return Ok(AuthMethod::ClientSecretBasic);
    };
    AuthMethod::parse(text).ok_or_else(|| CreateClientError::Unsupported {
        field: "token_endpoint_auth_method",
        value: text.to_owned(),
        choices: AuthMethod::ALL.map(AuthMethod::as_str).join(", "),
    })
}

fn alg_or(
    field: &'static str,
    alg: Option<&str>,
    default: SigningAlg,
) -> Result<SigningAlg, CreateClientError> {
    Ok(check_alg(field, alg)?.unwrap_or(default))
}

fn check_alg(field: &'static str, alg: Option<&str>) -> Result<Option<SigningAlg>, CreateClientError> {
    let Some(text) = alg else { return Ok(None) };
    let alg = SigningAlg::parse(text).ok_or_else(|| CreateClientError::Unsupported {
        field,
        value: text.to_owned(),
        choices: SigningAlg::ALL.map(SigningAlg::as_str).join(", "),
    })?;
    Ok(Some(alg))
}

/// Grant types that are built, each once, and that fit together.
fn check_grant_types(names: &[String], method: AuthMethod) -> Result<Vec<GrantType>, CreateClientError> {
    let mut grants = Vec::new();
    for name in names {
        let grant = GrantType::parse(name).ok_or_else(|| CreateClientError::Unsupported {
            field: "grant_type",
            value: name.clone(),
            choices: GrantType::ALL.map(GrantType::as_str).join(", "),
        })?;
        if !grants.contains(&grant) {
            grants.push(grant);
        }
    }
    if grants.is_empty() {
        grants.push(GrantType::AuthorizationCode);
    }
    if method == AuthMethod::None && grants.contains(&GrantType::ClientCredentials) {
        let why = "it is for clients with a secret (RFC 6749 section 4.4); choose another token_endpoint_auth_method";
        return Err(CreateClientError::GrantType {
            grant: "client_credentials",
            why,
        });
    }
    if grants.contains(&GrantType::RefreshToken) && !grants.contains(&GrantType::AuthorizationCode) {
        let why = "refresh tokens come from the authorization code flow; add grant_type authorization_code";
        return Err(CreateClientError::GrantType {
            grant: "refresh_token",
            why,
        });
    }
    Ok(grants)
}

fn check_uris(field: &'static str, uris: &[String]) -> Result<(), CreateClientError> {
    if uris.len() > REDIRECT_URIS_MAX {
        return Err(CreateClientError::TooMany {
            field,
            max: REDIRECT_URIS_MAX,
        });
    }
    for uri in uris {
        check_redirect_uri(uri).map_err(|why| CreateClientError::RedirectUri {
            field,
            uri: uri.clone(),
            why,
        })?;
    }
    Ok(())
}

fn check_scopes(scopes: &[String], defined: &[ScopeDefinition]) -> Result<ScopeSet, CreateClientError> {
    let scopes = ScopeSet::parse(&scopes.join(" ")).map_err(|_| CreateClientError::Scope)?;
    if scopes.is_empty() {
        return Err(CreateClientError::Scope);
    }
    let undefined = scopes
        .iter()
        .find(|s| !defined.iter().any(|d| d.name == s.as_str()));
    undefined.map_or(Ok(()), |scope| {
        Err(CreateClientError::UndefinedScope(scope.to_string()))
    })?;
    Ok(scopes)
}

fn check_audiences(field: &'static str, audiences: &[String]) -> Result<Vec<String>, CreateClientError> {
    if audiences.len() > AUDIENCES_MAX {
        return Err(CreateClientError::TooMany {
            field,
            max: AUDIENCES_MAX,
        });
    }
    let printable =
        |a: &str| (1..=AUDIENCE_LENGTH_MAX).contains(&a.len()) && a.bytes().all(|b| b.is_ascii_graphic());
    match audiences.iter().find(|a| !printable(a)) {
        Some(bad) => Err(CreateClientError::Audience(bad.clone())),
        None => Ok(audiences.to_vec()),
    }
}

/// A link that pages show: nothing but https, so that a click cannot run script or leak in the clear; http on this
/// machine, where nothing leaks, for development.
pub(super) fn check_link(
    field: &'static str,
    uri: Option<String>,
) -> Result<Option<String>, CreateClientError> {
    let Some(uri) = uri else { return Ok(None) };
    let url = url::Url::parse(&uri)
        .ok()
        .filter(|u| u.has_host() && (u.scheme() == "https" || u.scheme() == "http" && is_loopback_host(u)));
    if url.is_none() || uri.len() > redirect_uri::LENGTH_MAX {
        return Err(CreateClientError::Link { field, uri });
    }
    Ok(Some(uri))
}
