//! `authly admin scope create | list | update | delete`

use authly_core::{
    Clock as _,
    ports::{ScopeDefinition, TenantStorage},
};
use authly_oauth::scope_registry::{ScopeChanges, ScopeError, create_scope, delete_scope, update_scope};
use clap::Subcommand;
use serde_json::{Value, json};

use super::super::{
    args::{Format, OutputArgs},
    console::Console,
    failure::Failure,
    output,
};
use crate::app::SystemClock;

/// `authly admin scope …`
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ScopeCommand {
    /// Defines a scope, for clients to be registered for.
    Create {
        /// The scope.
        name: String,
        /// What it allows, as a consent page may say it.
        #[arg(long)]
        description: String,
        /// A request that names no scope asks for it, where its client is registered for it.
        #[arg(long)]
        default: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Lists the defined scopes.
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Changes what is given and leaves the rest.
    Update {
        /// The scope.
        name: String,
        /// What it allows, as a consent page may say it.
        #[arg(long)]
        description: Option<String>,
        /// A request that names no scope asks for it.
        #[arg(long, conflicts_with = "no_default")]
        default: bool,
        /// It must be asked for by name.
        #[arg(long)]
        no_default: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Deletes a scope: nobody is granted it any more, at no step.
    Delete {
        /// The scope.
        name: String,
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
    command: ScopeCommand,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let now = SystemClock.now();
    match command {
        ScopeCommand::Create {
            name,
            description,
            default,
            output,
        } => {
            let scope = ScopeDefinition {
                name,
                description,
                is_default: default,
            };
            let created = create_scope(storage, scope, now).await.map_err(failure)?;
            print(console, output.output, &[created])
        }
        ScopeCommand::List { output } => {
            let scopes = storage
                .list_scopes()
                .await
                .map_err(|error| Failure::storage("list scopes", error))?;
            print(console, output.output, &scopes)
        }
        ScopeCommand::Update {
            name,
            description,
            default,
            no_default,
            output,
        } => {
            let changes = ScopeChanges {
                description,
                is_default: (default || no_default).then_some(default),
            };
            let updated = update_scope(storage, &name, changes, now)
                .await
                .map_err(failure)?;
            print(console, output.output, &[updated])
        }
        ScopeCommand::Delete { name, yes, output } => {
            let what = format!(
                "this deletes the scope {name}: clients that are registered for it, and apps that were granted it, lose it \
                 at once"
            );
            console.confirm(yes, &what, "A scope of this name can be made again")?;
            delete_scope(storage, &name, now).await.map_err(failure)?;
            match output.output {
                Format::Json => console.print(&output::json(&json!({ "name": name, "deleted": true }))?),
                Format::Table => console.print(&format!("deleted {name}\n")),
            }
        }
    }
}

fn print(console: &mut Console<'_>, format: Format, scopes: &[ScopeDefinition]) -> Result<(), Failure> {
    let text = match format {
        Format::Json => output::json(&scopes.iter().map(scope_json).collect::<Vec<_>>())?,
        Format::Table => {
            let rows: Vec<_> = scopes.iter().map(scope_row).collect();
            output::table(&["SCOPE", "DEFAULT", "DESCRIPTION"], &rows)
        }
    };
    console.print(&text)
}

fn scope_row(scope: &ScopeDefinition) -> Vec<String> {
    let default = if scope.is_default { "yes" } else { "no" };
    vec![scope.name.clone(), default.to_owned(), scope.description.clone()]
}

fn scope_json(scope: &ScopeDefinition) -> Value {
    json!({ "name": scope.name, "description": scope.description, "is_default": scope.is_default })
}

fn failure(error: ScopeError) -> Failure {
    match error {
        ScopeError::Storage(error) => Failure::storage("change scopes", error),
        ScopeError::Taken(_) => Failure::conflict(error.to_string()),
        other => Failure::usage(other.to_string()),
    }
}
