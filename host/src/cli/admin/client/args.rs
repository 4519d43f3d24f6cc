//! What may be said of a client on the command line.

use std::{path::PathBuf, time::Duration};

use authly_oauth::clients::NewClient;
use clap::{Args, ValueEnum};

use crate::{
    cli::{args::OutputArgs, failure::Failure},
    config::parse_duration,
};

/// `authly admin client create`
#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// The client_id.
    #[arg(long)]
    pub(super) id: String,
    /// Reads the secret from standard input, 32 characters at least, instead of generating one.
    #[arg(long)]
    pub(super) secret_stdin: bool,
    #[command(flatten)]
    pub(super) registration: RegistrationArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// `authly admin client update`
#[derive(Debug, Args)]
pub(in crate::cli) struct UpdateArgs {
    /// The client_id.
    pub(super) id: String,
    #[command(flatten)]
    pub(super) registration: RegistrationArgs,
    /// Empties a field. May be repeated.
    #[arg(long = "clear", value_enum, value_name = "FIELD")]
    cleared: Vec<Field>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// `authly admin client rotate-secret`
#[derive(Debug, Args)]
pub(in crate::cli) struct RotateArgs {
    /// The client_id.
    pub(super) id: String,
    /// Reads the secret from standard input, 32 characters at least, instead of generating one.
    #[arg(long)]
    pub(super) secret_stdin: bool,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// Fields that may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Field {
    RedirectUris,
    PostLogoutRedirectUris,
    Audiences,
    IntrospectionAudiences,
    ClientUri,
    PolicyUri,
    TosUri,
    Jwks,
    JwksUri,
    TokenEndpointAuthSigningAlg,
    UserinfoSignedResponseAlg,
    AccessTokenTtl,
    IdTokenTtl,
    RefreshTokenTtl,
    DefaultMaxAge,
}

impl UpdateArgs {
    /// Whether there is nothing to change.
    pub(super) fn is_empty(&self) -> bool {
        self.cleared.is_empty() && self.registration.is_empty()
    }

    /// What can be changed, as it is typed.
    pub(super) fn flags() -> String {
        let command = Self::augment_args(clap::Command::new("update"));
        let flags = command.get_arguments().filter_map(clap::Arg::get_long);
        let flags: Vec<_> = flags
            .filter(|flag| *flag != "output")
            .map(|flag| format!("--{flag}"))
            .collect();
        flags.join(", ")
    }

    /// Empties what is to be empty.
    pub(super) fn clear(&self, new: &mut NewClient) {
        for field in &self.cleared {
            match field {
                Field::RedirectUris => new.redirect_uris.clear(),
                Field::PostLogoutRedirectUris => new.post_logout_redirect_uris.clear(),
                Field::Audiences => new.audiences.clear(),
                Field::IntrospectionAudiences => new.introspection_audiences.clear(),
                Field::ClientUri => new.client_uri = None,
                Field::PolicyUri => new.policy_uri = None,
                Field::TosUri => new.tos_uri = None,
                Field::Jwks => new.jwks = None,
                Field::JwksUri => new.jwks_uri = None,
                Field::TokenEndpointAuthSigningAlg => new.token_endpoint_auth_signing_alg = None,
                Field::UserinfoSignedResponseAlg => new.userinfo_signed_response_alg = None,
                Field::AccessTokenTtl => new.access_token_ttl = None,
                Field::IdTokenTtl => new.id_token_ttl = None,
                Field::RefreshTokenTtl => new.refresh_token_ttl = None,
                Field::DefaultMaxAge => new.default_max_age = None,
            }
        }
    }
}

/// A registration, field by field. What is left out is the standard's default, or stays as it was.
#[derive(Clone, Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub(in crate::cli) struct RegistrationArgs {
    /// The name that people see when they are asked to consent; the id when left out.
    #[arg(long)]
    name: Option<String>,
    /// Where the browser may be sent back to; compared exactly. May be repeated.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where the browser may be sent after a logout. May be repeated.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// authorization_code (the default), refresh_token or client_credentials. May be repeated.
    #[arg(long = "grant-type", value_name = "GRANT_TYPE")]
    grant_types: Vec<String>,
    /// A scope it may be granted. May be repeated, or hold several separated by spaces.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// client_secret_basic (the default), client_secret_post, client_secret_jwt, private_key_jwt, or none for a public
    /// client.
    #[arg(long, value_name = "METHOD")]
    token_endpoint_auth_method: Option<String>,
    /// A file with the client's public keys (JWK Set), for private_key_jwt.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Where the client publishes its public keys, for private_key_jwt.
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// The one algorithm of its assertions; any of the method's when left out.
    #[arg(long, value_name = "ALG")]
    token_endpoint_auth_signing_alg: Option<String>,
    /// Whom its assertions may name: issuer_or_endpoint (the default), or issuer alone, as FAPI 2 demands.
    #[arg(long, value_name = "PROFILE")]
    assertion_audience: Option<String>,
    /// An audience of its access tokens; the issuer when left out. May be repeated. A client that has audiences is granted
    /// admin scopes only when the issuer is among them.
    #[arg(long = "audience", value_name = "URI")]
    audiences: Vec<String>,
    /// A resource it answers for: it may introspect every token for it. May be repeated.
    #[arg(long = "introspection-audience", value_name = "URI")]
    introspection_audiences: Vec<String>,
    /// What its ID tokens are signed with: RS256 (the default), PS256, ES256 or EdDSA.
    #[arg(long, value_name = "ALG")]
    id_token_alg: Option<String>,
    /// What its access tokens are signed with: ES256 (the default), PS256, RS256 or EdDSA.
    #[arg(long, value_name = "ALG")]
    access_token_alg: Option<String>,
    /// What its access tokens look like: jwt (the default), or opaque, for introspection only.
    #[arg(long, value_name = "FORMAT")]
    access_token_format: Option<String>,
    /// UserInfo answers a JWT signed with this; plain JSON when left out.
    #[arg(long, value_name = "ALG")]
    userinfo_signed_response_alg: Option<String>,
    /// Life of its access tokens, such as 5m; the server's setting when left out.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    access_token_ttl: Option<Duration>,
    /// Life of its ID tokens.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    id_token_ttl: Option<Duration>,
    /// Life of its unused refresh tokens.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    refresh_token_ttl: Option<Duration>,
    /// How old a sign-in may be for it, in seconds, where a request does not say.
    #[arg(long, value_name = "SECONDS")]
    default_max_age: Option<u32>,
    /// It belongs to whoever runs this server: consent pages do not warn of its host.
    #[arg(long, conflicts_with = "third_party")]
    first_party: bool,
    /// It belongs to somebody else (the default).
    #[arg(long)]
    third_party: bool,
    /// Its home page.
    #[arg(long, value_name = "URL")]
    client_uri: Option<String>,
    /// Its privacy policy, linked from the consent page.
    #[arg(long, value_name = "URL")]
    policy_uri: Option<String>,
    /// Its terms of service, linked from the consent page.
    #[arg(long, value_name = "URL")]
    tos_uri: Option<String>,
    /// Refresh tokens stay the same at each use instead of being replaced; for clients that authenticate only.
    #[arg(long, conflicts_with = "rotation")]
    no_rotation: bool,
    /// Refresh tokens are replaced at each use (the default).
    #[arg(long)]
    rotation: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
}

/// The longest JWK Set that is read, in bytes; the use case takes less.
const JWKS_BYTES_MAX: u64 = 128 * 1024;

impl RegistrationArgs {
    /// Whether nothing was given at all.
    fn is_empty(&self) -> bool {
        let Self {
            name,
            redirect_uris,
            post_logout_redirect_uris,
            grant_types,
            scopes,
            token_endpoint_auth_method,
            jwks,
            jwks_uri,
            token_endpoint_auth_signing_alg,
            assertion_audience,
            audiences,
            introspection_audiences,
            id_token_alg,
            access_token_alg,
            access_token_format,
            userinfo_signed_response_alg,
            access_token_ttl,
            id_token_ttl,
            refresh_token_ttl,
            default_max_age,
            first_party,
            third_party,
            client_uri,
            policy_uri,
            tos_uri,
            no_rotation,
            rotation,
        } = self;
        let flags = [first_party, third_party, no_rotation, rotation];
        let lists = [
            redirect_uris,
            post_logout_redirect_uris,
            grant_types,
            scopes,
            audiences,
            introspection_audiences,
        ];
        !flags.contains(&&true)
            && lists.iter().all(|list| list.is_empty())
            && name.is_none()
            && token_endpoint_auth_method.is_none()
            && jwks.is_none()
            && jwks_uri.is_none()
            && token_endpoint_auth_signing_alg.is_none()
            && assertion_audience.is_none()
            && id_token_alg.is_none()
            && access_token_alg.is_none()
            && access_token_format.is_none()
            && userinfo_signed_response_alg.is_none()
            && access_token_ttl.is_none()
            && id_token_ttl.is_none()
            && refresh_token_ttl.is_none()
            && default_max_age.is_none()
            && client_uri.is_none()
            && policy_uri.is_none()
            && tos_uri.is_none()
    }

    /// What the file of keys holds, if one was named.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read_jwks(&self) -> Result<Option<String>, Failure> {
        self.jwks.as_deref().map(read_jwks).transpose()
    }

    /// Puts what was given into the registration, with the keys as [`RegistrationArgs::read_jwks`] read them.
    pub(super) fn edit(self, jwks: Option<String>, new: &mut NewClient) {
        // One of the two replaces the other; both at once are for the use case to refuse.
        if self.jwks.is_some() || self.jwks_uri.is_some() {
            new.jwks = jwks;
            new.jwks_uri = self.jwks_uri;
        }
        set(&mut new.name, self.name);
        set_list(&mut new.redirect_uris, self.redirect_uris);
        set_list(&mut new.post_logout_redirect_uris, self.post_logout_redirect_uris);
        set_list(&mut new.grant_types, self.grant_types);
        set_list(&mut new.scopes, self.scopes);
        set(
            &mut new.token_endpoint_auth_method,
            self.token_endpoint_auth_method,
        );
        set(
            &mut new.token_endpoint_auth_signing_alg,
            self.token_endpoint_auth_signing_alg,
        );
        set(&mut new.assertion_audience, self.assertion_audience);
        set_list(&mut new.audiences, self.audiences);
        set_list(&mut new.introspection_audiences, self.introspection_audiences);
        set(&mut new.id_token_signed_response_alg, self.id_token_alg);
        set(&mut new.access_token_signed_response_alg, self.access_token_alg);
        set(&mut new.access_token_format, self.access_token_format);
        set(
            &mut new.userinfo_signed_response_alg,
            self.userinfo_signed_response_alg,
        );
        set(&mut new.access_token_ttl, self.access_token_ttl);
        set(&mut new.id_token_ttl, self.id_token_ttl);
        set(&mut new.refresh_token_ttl, self.refresh_token_ttl);
        set(&mut new.default_max_age, self.default_max_age);
        set(&mut new.client_uri, self.client_uri);
        set(&mut new.policy_uri, self.policy_uri);
        set(&mut new.tos_uri, self.tos_uri);
        set_flag(&mut new.first_party, self.first_party, self.third_party);
        set_flag(&mut new.keep_refresh_tokens, self.no_rotation, self.rotation);
    }
}

fn set<T>(field: &mut Option<T>, given: Option<T>) {
    if given.is_some() {
        *field = given;
    }
}

fn set_list(field: &mut Vec<String>, given: Vec<String>) {
    if !given.is_empty() {
        *field = given;
    }
}

fn set_flag(field: &mut bool, on: bool, off: bool) {
    *field = on || (*field && !off);
}

fn read_jwks(path: &std::path::Path) -> Result<String, Failure> {
    let size = std::fs::metadata(path)
        .map_err(|error| Failure::failed(format!("cannot read {}", path.display()), error))?
        .len();
    if size > JWKS_BYTES_MAX {
        return Err(Failure::usage(format!(
            "{} is no JWK Set: it is larger than 128 KiB",
            path.display()
        )));
    }
    std::fs::read_to_string(path)
        .map_err(|error| Failure::failed(format!("cannot read {}", path.display()), error))
}
