//! `authly admin client create | list | show | update | rotate-secret | enable | disable | delete`

mod args;
mod shown;

use std::sync::Arc;

use authly_core::{
    ClientId, Clock as _, SecretText,
    client::Client,
    ports::{Page, TenantStorage},
};
use authly_oauth::clients::{
    self, ClientError, CreateClientError, NewClient, RegisteredClient, create_client,
};
use clap::Subcommand;
use serde_json::{Value, json};

use self::{
    args::{CreateArgs, RotateArgs, UpdateArgs},
    shown::{HEADERS, client_json, client_row},
};
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
    /// Shows everything that is registered of a client, but for its secret.
    Show {
        /// The client_id.
        id: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Changes what is given and leaves the rest. A list replaces the list there was.
    Update(Box<UpdateArgs>),
    /// Gives a client another secret; the one before is dead at once.
    RotateSecret(RotateArgs),
    /// Lets a disabled client in again.
    Enable {
        /// The client_id.
        id: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Refuses a client at every step, until it is enabled again.
    Disable {
        /// The client_id.
        id: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Deletes a client, what people agreed to for it, and every token it was given.
    Delete {
        /// The client_id.
        id: String,
        /// You mean it: this cannot be undone.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
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
        ClientCommand::Show { id, output } => {
            let client = load(storage, &parse_id(&id)?).await?;
            print(console, output.output, &client, None)
        }
        ClientCommand::Update(args) => update(console, *args, storage).await,
        ClientCommand::RotateSecret(args) => rotate(console, args, storage).await,
        ClientCommand::Enable { id, output } => set_enabled(console, &id, true, output, storage).await,
        ClientCommand::Disable { id, output } => set_enabled(console, &id, false, output, storage).await,
        ClientCommand::Delete { id, yes, output } => delete(console, &id, yes, output, storage).await,
    }
}

async fn create(
    console: &mut Console<'_>,
    args: CreateArgs,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let format = args.output.output;
    let secret = read_secret(console, args.secret_stdin)?;
    let mut new = NewClient {
        id: Some(args.id),
        secret,
        ..NewClient::default()
    };
    let jwks = args.registration.read_jwks()?;
    args.registration.edit(jwks, &mut new);
    let registered = create_client(storage, new, SystemClock.now(), &SystemRng)
        .await
        .map_err(create_failure)?;
    show_registered(console, format, &registered)
}

async fn update(
    console: &mut Console<'_>,
    args: UpdateArgs,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let id = parse_id(&args.id)?;
    let format = args.output.output;
    // Faults of what was typed come before anything is loaded.
    if args.is_empty() {
        return Err(Failure::usage(format!(
            "nothing to change was given; what can be changed: {}",
            UpdateArgs::flags()
        )));
    }
    let jwks = args.registration.read_jwks()?;
    let edit = |new: &mut NewClient| {
        args.clear(new);
        args.registration.edit(jwks, new);
    };
    let updated = clients::update_client(storage, &id, edit, SystemClock.now(), &SystemRng)
        .await
        .map_err(update_failure)?;
    show_registered(console, format, &updated)
}

async fn rotate(
    console: &mut Console<'_>,
    args: RotateArgs,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let id = parse_id(&args.id)?;
    let secret = read_secret(console, args.secret_stdin)?;
    let rotated = clients::rotate_secret(storage, &id, secret, SystemClock.now(), &SystemRng)
        .await
        .map_err(change_failure)?;
    show_registered(console, args.output.output, &rotated)
}

async fn set_enabled(
    console: &mut Console<'_>,
    id: &str,
    enabled: bool,
    output: OutputArgs,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let id = parse_id(id)?;
    clients::set_client_enabled(storage, &id, enabled, SystemClock.now())
        .await
        .map_err(change_failure)?;
    print(console, output.output, &load(storage, &id).await?, None)
}

async fn delete(
    console: &mut Console<'_>,
    id: &str,
    yes: bool,
    output: OutputArgs,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let id = parse_id(id)?;
    let client = load(storage, &id).await?;
    let what = format!(
        "this deletes {id} ({}), what people agreed to for it, and every token it was given",
        client.name
    );
    let instead = format!("`authly admin client disable {id}` can be undone");
    console.confirm(yes, &what, &instead)?;
    clients::delete_client(storage, &id, SystemClock.now())
        .await
        .map_err(change_failure)?;
    match output.output {
        Format::Json => console.print(&output::json(&json!({ "client_id": id, "deleted": true }))?),
        Format::Table => console.print(&format!("deleted {id}\n")),
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

fn read_secret(console: &mut Console<'_>, from_stdin: bool) -> Result<Option<SecretText>, Failure> {
    from_stdin
        .then(|| console.read_secret("the client secret"))
        .transpose()
}

fn parse_id(id: &str) -> Result<ClientId, Failure> {
    ClientId::parse(id).map_err(|error| Failure::usage(error.to_string()))
}

async fn load(storage: &dyn TenantStorage, id: &ClientId) -> Result<Client, Failure> {
    let loaded = storage
        .load_client(id)
        .await
        .map_err(|error| Failure::storage("look the client up", error))?;
    let loaded = loaded.map(Arc::unwrap_or_clone);
    loaded.ok_or_else(|| change_failure(ClientError::Unknown(id.clone())))
}

fn show_registered(
    console: &mut Console<'_>,
    format: Format,
    registered: &RegisteredClient,
) -> Result<(), Failure> {
    let secret = registered.generated_secret.as_ref().map(SecretText::expose);
    print(console, format, &registered.client, secret)?;
    if secret.is_some() {
        console.note("Keep the client_secret now: it is not shown again.");
    }
    Ok(())
}

fn print(
    console: &mut Console<'_>,
    format: Format,
    client: &Client,
    secret: Option<&str>,
) -> Result<(), Failure> {
    let mut shown = client_json(client);
    if let Some((object, secret)) = shown.as_object_mut().zip(secret) {
        object.insert("client_secret".to_owned(), Value::from(secret));
    }
    let text = match format {
        Format::Json => output::json(&shown)?,
        Format::Table => output::pairs(&shown),
    };
    console.print(&text)
}

fn create_failure(error: CreateClientError) -> Failure {
    match error {
        CreateClientError::Taken(_) => Failure::conflict(error.to_string()),
        CreateClientError::Storage(error) => Failure::storage("register the client", error),
        other => Failure::usage(other.to_string()),
    }
}

fn update_failure(error: ClientError) -> Failure {
    match error {
        ClientError::Invalid(error @ CreateClientError::KeysOfOtherMethod) => Failure::usage(format!(
            "{error}; to take them away with the method, add --clear jwks or --clear jwks-uri"
        )),
        other => change_failure(other),
    }
}

fn change_failure(error: ClientError) -> Failure {
    match error {
        ClientError::Storage(error) => Failure::storage("change the client", error),
        ClientError::Invalid(error) => create_failure(error),
        ClientError::Stale(_) => Failure::conflict(error.to_string()),
        ClientError::Unknown(_) => Failure::usage(error.to_string()),
    }
}
