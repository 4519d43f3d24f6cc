//! A whole sign-in with the openidconnect crate: discovery → login → consent → code with PKCE → ID token validation →
//! UserInfo → refresh. The person's part is in [`browser`].
//!
//! ```text
//! authly-foreign-client ISSUER CLIENT_ID REDIRECT_URI USERNAME
//! ```
//!
//! The password and, for a confidential client, its secret come from the environment: `AUTHLY_PASSWORD`, `CLIENT_SECRET`.

mod browser;

use std::{collections::HashMap, env, fmt::Display};

use anyhow::{Context as _, Result, bail, ensure};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse as _,
    core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims},
    reqwest::{blocking::Client as Http, redirect::Policy},
};
use url::Url;

/// The scopes of the request.
const SCOPES: [&str; 3] = ["profile", "email", "offline_access"];

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [issuer, client_id, redirect_uri, username] = arguments.as_slice() else {
        bail!(
            "usage: AUTHLY_PASSWORD=… [CLIENT_SECRET=…] authly-foreign-client ISSUER CLIENT_ID REDIRECT_URI USERNAME"
        );
    };
    let password = env::var("AUTHLY_PASSWORD").context("AUTHLY_PASSWORD")?;
    let secret = env::var("CLIENT_SECRET").ok().map(ClientSecret::new);
    let http = Http::builder().redirect(Policy::none()).no_proxy().build()?;

    let metadata = CoreProviderMetadata::discover(&IssuerUrl::new(issuer.clone())?, &http)?;
    step("discovery", metadata.authorization_endpoint());
    let token_endpoint = metadata.token_endpoint().context("a token endpoint")?.clone();
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(client_id.clone()), secret)
        .set_token_uri(token_endpoint)
        .set_auth_type(AuthType::BasicAuth)
        .set_redirect_uri(RedirectUrl::new(redirect_uri.clone())?);

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
    let callback = browser::sign_in(&http, start, redirect_uri, username, &password)?;
    let code = answer(&callback, issuer, &state)?;
    step("login and consent", callback.host_str().unwrap_or_default());

    let tokens = client
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(verifier)
        .request(&http)?;
    let id_token = tokens.id_token().context("an ID token")?;
    let verification = client.id_token_verifier();
    let claims = id_token.claims(&verification, &nonce)?;
    // OIDC Core §3.1.3.8: optional in this flow, but right where it is.
    if let Some(expected) = claims.access_token_hash() {
        let key = id_token.signing_key(&verification)?;
        let actual = AccessTokenHash::from_token(tokens.access_token(), id_token.signing_alg()?, key)?;
        ensure!(actual == *expected, "at_hash is not that of the access token");
    }
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
    println!("1 passed, 0 failed");
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
