//! A whole sign-in with the openidconnect crate: discovery → login → consent → code with PKCE → ID token validation →
//! UserInfo → refresh → introspection → sign-out. The person's part is in [`browser`]. The crate revokes at https alone.
//!
//! ```text
//! authly-foreign-client ISSUER CLIENT_ID REDIRECT_URI USERNAME
//! ```
//!
//! The rest comes from the environment: `AUTHLY_PASSWORD`; `CLIENT_SECRET` for a confidential client, with `CLIENT_AUTH` if
//! not `client_secret_basic`; and `POST_LOGOUT_REDIRECT_URI`, if the client has one.

mod browser;

use std::{collections::HashMap, env, fmt::Display};

use anyhow::{Context as _, Result, bail, ensure};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalProviderMetadata, AuthType, AuthorizationCode, ClientId,
    ClientSecret, CsrfToken, EndSessionUrl, IntrospectionUrl, IssuerUrl, LogoutRequest, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PostLogoutRedirectUrl, ProviderMetadata, RedirectUrl, Scope,
    TokenIntrospectionResponse as _, TokenResponse as _,
    core::{
        CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient,
        CoreClientAuthMethod, CoreGrantType, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier,
        CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
        CoreResponseType, CoreSubjectIdentifierType, CoreUserInfoClaims,
    },
    reqwest::{blocking::Client as Http, redirect::Policy},
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::browser::Browser;

/// What the discovery document says beside what the crate reads by itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Endpoints {
    introspection_endpoint: IntrospectionUrl,
    end_session_endpoint: EndSessionUrl,
}

impl AdditionalProviderMetadata for Endpoints {}

type Metadata = ProviderMetadata<
    Endpoints,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

const USAGE: &str =
    "usage: AUTHLY_PASSWORD=… [CLIENT_SECRET=…] authly-foreign-client ISSUER CLIENT_ID REDIRECT_URI USERNAME";

/// The scopes of the request.
const SCOPES: [&str; 3] = ["profile", "email", "offline_access"];

/// What the program is told.
struct Told {
    issuer: String,
    client_id: String,
    redirect_uri: String,
    username: String,
    password: String,
    secret: Option<ClientSecret>,
    auth_type: AuthType,
    afterwards: Option<String>,
}

impl Told {
    fn read() -> Result<Self> {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let Ok([issuer, client_id, redirect_uri, username]) = <[String; 4]>::try_from(arguments) else {
            bail!(USAGE)
        };
        Ok(Self {
            issuer,
            client_id,
            redirect_uri,
            username,
            password: env::var("AUTHLY_PASSWORD").context(USAGE)?,
            secret: env::var("CLIENT_SECRET").ok().map(ClientSecret::new),
            auth_type: match env::var("CLIENT_AUTH").as_deref() {
                Ok("client_secret_post") => AuthType::RequestBody,
                _ => AuthType::BasicAuth,
            },
            afterwards: env::var("POST_LOGOUT_REDIRECT_URI").ok(),
        })
    }
}

fn main() -> Result<()> {
    let told = Told::read()?;
    let http = Http::builder().redirect(Policy::none()).no_proxy().build()?;
    let mut person = Browser::new(&http, &told.username, &told.password);

    let metadata = Metadata::discover(&IssuerUrl::new(told.issuer.clone())?, &http)?;
    step("discovery", metadata.authorization_endpoint());
    let token_endpoint = metadata.token_endpoint().context("a token endpoint")?.clone();
    let endpoints = metadata.additional_metadata().clone();
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(told.client_id.clone()),
        told.secret.clone(),
    )
    .set_token_uri(token_endpoint)
    .set_introspection_url(endpoints.introspection_endpoint)
    .set_auth_type(told.auth_type.clone())
    .set_redirect_uri(RedirectUrl::new(told.redirect_uri.clone())?);

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (start, state, nonce) = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scopes(SCOPES.map(|scope| Scope::new(scope.to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    let callback = person.follow(start, &told.redirect_uri)?;
    let code = answer(&callback, &told.issuer, &state)?;
    step("login and consent", callback.host_str().unwrap_or_default());

    let tokens = client
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(verifier)
        .request(&http)?;
    let id_token = tokens.id_token().context("an ID token")?;
    let verification = client.id_token_verifier();
    let claims = id_token.claims(&verification, &nonce)?;
    check_at_hash(id_token, claims, &verification, tokens.access_token())?;
    step("code exchanged, ID token validated", claims.subject().as_str());

    let userinfo: CoreUserInfoClaims = client
        .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?
        .request(&http)?;
    ensure!(userinfo.email().is_some(), "the scope email was granted");
    step("userinfo", userinfo.subject().as_str());

    let refresh_token = tokens.refresh_token().context("offline_access was agreed to")?;
    let refreshed = client.exchange_refresh_token(refresh_token).request(&http)?;
    let replaced = refreshed.refresh_token().context("a refresh token again")?;
    ensure!(
        replaced.secret() != refresh_token.secret(),
        "a refresh token is replaced when used"
    );
    // OIDC Core §12.2: an ID token of a refresh need not carry the nonce.
    let again = refreshed.id_token().context("an ID token again")?;
    let again = again.claims(&verification, |_: Option<&Nonce>| Ok(()))?;
    ensure!(again.subject() == claims.subject(), "the same person");
    step("refresh", again.subject().as_str());

    // Only who can prove who they are may ask what a token is worth (RFC 7662 §2.1).
    if told.secret.is_some() {
        let answer = client.introspect(refreshed.access_token()).request(&http)?;
        ensure!(answer.active(), "the token is new");
        ensure!(
            answer.client_id().is_some_and(|id| id.as_str() == told.client_id),
            "{answer:?}"
        );
        step("introspection", format!("{:?}", answer.scopes()));
    }
    if let Some(afterwards) = told.afterwards {
        sign_out(&mut person, endpoints.end_session_endpoint, id_token, &afterwards)?;
    }
    println!("1 passed, 0 failed");
    Ok(())
}

/// OIDC Core §3.1.3.8: `at_hash` is optional in this flow, but right where it is.
fn check_at_hash(
    id_token: &CoreIdToken,
    claims: &CoreIdTokenClaims,
    verification: &CoreIdTokenVerifier,
    access_token: &AccessToken,
) -> Result<()> {
    let key = id_token.signing_key(verification)?;
    let actual = AccessTokenHash::from_token(access_token, id_token.signing_alg()?, key)?;
    let given = claims.access_token_hash();
    ensure!(
        given.is_none_or(|given| *given == actual),
        "at_hash is not that of the access token"
    );
    Ok(())
}

/// Sends the person to the server to be signed out, and sees them come back.
fn sign_out(
    person: &mut Browser,
    endpoint: EndSessionUrl,
    id_token: &CoreIdToken,
    afterwards: &str,
) -> Result<()> {
    let state = CsrfToken::new_random();
    let away = LogoutRequest::from(endpoint)
        .set_id_token_hint(id_token)
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(afterwards.to_owned())?)
        .set_state(state.clone())
        .http_get_url();
    let back = person.follow(away, afterwards)?;
    let mut given = back
        .query_pairs()
        .filter(|(name, _)| name == "state")
        .map(|(_, value)| value);
    ensure!(
        given.next().is_some_and(|given| given == *state.secret()),
        "no state in {back}"
    );
    step("sign-out", back);
    Ok(())
}

/// The code that the client is called back with, once `state` and `iss` (RFC 9207) are those of the request. The crate
/// leaves this to its user.
fn answer(callback: &Url, issuer: &str, state: &CsrfToken) -> Result<String> {
    let answer: HashMap<_, _> = callback.query_pairs().into_owned().collect();
    ensure!(
        answer.get("state") == Some(state.secret()),
        "state is {:?}",
        answer.get("state")
    );
    ensure!(
        answer.get("iss").is_some_and(|iss| iss == issuer),
        "iss is {:?}",
        answer.get("iss")
    );
    answer
        .get("code")
        .cloned()
        .with_context(|| format!("no code: {:?}", answer.get("error_description")))
}

fn step(name: &str, detail: impl Display) {
    println!("ok  {name}  ({detail})");
}
