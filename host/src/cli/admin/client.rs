//! `authly admin client create | list`

use authly_core::{
    Clock as _, SecretText,
    client::{Client, GrantType},
    ports::{Page, TenantStorage},
};
use authly_oauth::clients::{CreateClientError, NewClient, create_client};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::super::{
    args::{Format, OutputArgs, PageArgs},
    console::Console,
    failure::Failure,
    output,
};
use crate::app::{SystemClock, SystemRng};

/// `authly admin client …`
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ClientCommand {
    /// Registers a client. A generated secret is shown once, here.
    Create(Box<CreateArgs>),
    /// Lists clients in order of their id.
    List {
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// `authly admin client create`
#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// The client_id.
    #[arg(long)]
    id: String,
    /// The name that people see when they are asked to consent; the id when left out.
    #[arg(long)]
    name: Option<String>,
    /// Reads the secret from standard input, 32 characters at least, instead of generating one.
    #[arg(long)]
    secret_stdin: bool,
    /// Where the browser may be sent back to; compared exactly. May be repeated.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where the browser may be sent after a logout. May be repeated.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// authorization_code, refresh_token or client_credentials. May be repeated.
    #[arg(long = "grant-type", value_name = "GRANT_TYPE", required = true)]
    grant_types: Vec<String>,
    /// A scope it may be granted. May be repeated, or hold several separated by spaces.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// client_secret_basic, client_secret_post, or none for a public client.
    #[arg(long, value_name = "METHOD", default_value = "client_secret_basic")]
    token_endpoint_auth_method: String,
    /// An audience of its access tokens; the issuer when left out. May be repeated. A client that has audiences is granted
    /// admin scopes only when the issuer is among them.
    #[arg(long = "audience", value_name = "URI")]
    audiences: Vec<String>,
    /// What its ID tokens are signed with.
    #[arg(long, value_name = "ALG", default_value = "RS256")]
    id_token_alg: String,
    /// What its access tokens are signed with.
    #[arg(long, value_name = "ALG", default_value = "ES256")]
    access_token_alg: String,
    /// It belongs to whoever runs this server: consent pages do not warn of its host.
    #[arg(long)]
    first_party: bool,
    /// Its home page.
    #[arg(long, value_name = "URL")]
    client_uri: Option<String>,
    /// Its privacy policy, linked from the consent page.
    #[arg(long, value_name = "URL")]
    policy_uri: Option<String>,
    /// Its terms of service, linked from the consent page.
    #[arg(long, value_name = "URL")]
    tos_uri: Option<String>,
    /// Refresh tokens stay the same at each use instead of being replaced; for clients with a secret only.
    #[arg(long)]
    no_rotation: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs one of them.
pub(super) async fn run(
    console: &mut Console<'_>,
    command: ClientCommand,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    match command {
        ClientCommand::Create(args) => create(console, *args, storage).await,
        ClientCommand::List { page, output } => list(console, &page, output, storage).await,
    }
}

async fn create(
    console: &mut Console<'_>,
    args: CreateArgs,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let format = args.output.output;
    let secret = if args.secret_stdin {
        Some(console.read_secret("client secret")?)
    } else {
        None
    };
    let new = NewClient {
        id: Some(args.id),
        name: args.name,
        token_endpoint_auth_method: Some(args.token_endpoint_auth_method),
        secret,
        redirect_uris: args.redirect_uris,
        post_logout_redirect_uris: args.post_logout_redirect_uris,
        grant_types: args.grant_types,
        scopes: args
            .scopes
            .iter()
            .flat_map(|text| text.split_whitespace())
            .map(str::to_owned)
            .collect(),
        audiences: args.audiences,
        id_token_signed_response_alg: Some(args.id_token_alg),
        access_token_signed_response_alg: Some(args.access_token_alg),
        first_party: args.first_party,
        client_uri: args.client_uri,
        policy_uri: args.policy_uri,
        tos_uri: args.tos_uri,
        keep_refresh_tokens: args.no_rotation,
    };
    let registered = create_client(storage, new, SystemClock.now(), &SystemRng)
        .await
        .map_err(create_failure)?;
    let secret = registered.generated_secret.as_ref().map(SecretText::expose);
    let text = match format {
        Format::Json => {
            let mut shown = client_json(&registered.client);
            if let Some((object, secret)) = shown.as_object_mut().zip(secret) {
                object.insert("client_secret".to_owned(), Value::from(secret));
            }
            output::json(&shown)?
        }
        Format::Table => {
            let table = output::table(&HEADERS, &[client_row(&registered.client)]);
            secret.map_or(table.clone(), |secret| {
                format!("{table}\nclient_secret: {secret}\n")
            })
        }
    };
    console.print(&text)?;
    if secret.is_some() {
        console.note("Keep the client_secret now: only its hash is stored, and it is not shown again.");
    }
    Ok(())
}

fn create_failure(error: CreateClientError) -> Failure {
    match error {
        CreateClientError::Taken(_) => Failure::conflict(error.to_string()),
        CreateClientError::Storage(error) => Failure::storage("register the client", error),
        other => Failure::usage(other.to_string()),
    }
}

async fn list(
    console: &mut Console<'_>,
    page: &PageArgs,
    output: OutputArgs,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let clients = storage
        .list_clients(&Page {
            after: page.after.clone(),
            limit: page.limit,
        })
        .await
        .map_err(|error| Failure::storage("list clients", error))?;
    let text = match output.output {
        Format::Json => output::json(&clients.iter().map(client_json).collect::<Vec<_>>())?,
        Format::Table => output::table(&HEADERS, &clients.iter().map(client_row).collect::<Vec<_>>()),
    };
    console.print(&text)?;
    if let Some(last) = clients.last().filter(|_| clients.len() == page.limit as usize) {
        console.note(&format!("there may be more: --after {}", last.id));
    }
    Ok(())
}

const HEADERS: [&str; 6] = [
    "CLIENT_ID",
    "NAME",
    "AUTH_METHOD",
    "ENABLED",
    "GRANT_TYPES",
    "REDIRECT_URIS",
];

fn client_row(client: &Client) -> Vec<String> {
    vec![
        client.id.to_string(),
        client.name.clone(),
        client.token_endpoint_auth_method.as_str().to_owned(),
        if client.enabled { "yes" } else { "no" }.to_owned(),
        names(&client.grant_types, GrantType::as_str).join(", "),
        client.redirect_uris.join(", "),
    ]
}

/// A client under the names of RFC 7591 §2 where it has them.
fn client_json(client: &Client) -> Value {
    json!({
        "client_id": client.id,
        "client_name": client.name,
        "token_endpoint_auth_method": client.token_endpoint_auth_method.as_str(),
        "redirect_uris": client.redirect_uris,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "grant_types": names(&client.grant_types, GrantType::as_str),
        "scope": client.scopes.to_string(),
        "audiences": client.audiences,
        "id_token_signed_response_alg": client.id_token_signed_response_alg.as_str(),
        "access_token_signed_response_alg": client.access_token_signed_response_alg.as_str(),
        "first_party": client.first_party,
        "rotate_refresh_tokens": client.rotate_refresh_tokens,
        "enabled": client.enabled,
        "client_id_issued_at": client.created_at.as_secs(),
    })
}

fn names<T: Copy>(items: &[T], name: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    items.iter().map(|item| name(*item)).collect()
}
