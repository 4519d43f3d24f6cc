//! `authly admin user create | list | show | update | set-password | enable | disable | delete`

mod change;

use std::sync::Arc;

use authly_accounts::{CreateUserError, NewUser, PasswordPool, create_user};
use authly_core::{
    Clock as _, Timestamp, UserId,
    ports::{Page, TenantStorage},
    user::{User, normalize_username},
};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use self::change::{SetPasswordArgs, UpdateArgs};
use super::super::{
    args::{Format, OutputArgs, PageArgs},
    console::Console,
    failure::Failure,
    output,
};
use crate::{
    app::{SystemClock, SystemRng},
    config::Config,
};

/// `authly admin user …`
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum UserCommand {
    /// Makes an account.
    Create(CreateArgs),
    /// Lists accounts in order of user name.
    List {
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Shows an account, but for its password.
    Show {
        /// User name or id.
        user: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Changes what is given and leaves the rest.
    Update(UpdateArgs),
    /// Sets a password, and ends what was opened with the one before.
    SetPassword(SetPasswordArgs),
    /// Lets a disabled person in again.
    Enable {
        /// User name or id.
        user: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Refuses a person at every step, until they are enabled again.
    Disable {
        /// User name or id.
        user: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Deletes an account with its sessions, and everything that apps were given by it.
    Delete {
        /// User name or id.
        user: String,
        /// You mean it: this cannot be undone.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// `authly admin user create`
#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// What the person types to sign in.
    #[arg(long)]
    username: String,
    /// Reads the password from standard input: on the command line every process could read it.
    #[arg(long, required = true)]
    password_stdin: bool,
    /// A claim about the person, its value as JSON: email='"ada@example.com"'. May be repeated.
    #[arg(long = "claim", value_name = "NAME=JSON")]
    claims: Vec<String>,
    /// A group, for claim plugins. May be repeated.
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,
    /// May be granted admin:* scopes.
    #[arg(long)]
    admin: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs one of them.
pub(super) async fn run(
    console: &mut Console<'_>,
    command: UserCommand,
    storage: &dyn TenantStorage,
    config: &Config,
) -> Result<(), Failure> {
    match command {
        UserCommand::Create(args) => create(console, args, storage, config).await,
        UserCommand::List { page, output } => list(console, &page, output, storage).await,
        UserCommand::Show { user, output } => {
            let user = find_user(storage, &user).await?;
            print(console, output.output, &user)
        }
        UserCommand::Update(args) => change::update(console, args, storage).await,
        UserCommand::SetPassword(args) => change::set_password(console, args, storage, config).await,
        UserCommand::Enable { user, output } => {
            change::set_enabled(console, (&user, true), output.output, storage).await
        }
        UserCommand::Disable { user, output } => {
            change::set_enabled(console, (&user, false), output.output, storage).await
        }
        UserCommand::Delete { user, yes, output } => {
            change::delete(console, (&user, yes), output.output, storage).await
        }
    }
}

async fn create(
    console: &mut Console<'_>,
    args: CreateArgs,
    storage: &dyn TenantStorage,
    config: &Config,
) -> Result<(), Failure> {
    let claims = parse_claims(&args.claims)?;
    let password = console.read_secret("a password")?;
    let user = NewUser {
        username: args.username.clone(),
        password: Some(password),
        claims,
        groups: args.groups,
        is_admin: args.admin,
    };
    let created = create_user(storage, &passwords(config)?, user, SystemClock.now(), &SystemRng)
        .await
        .map_err(|error| create_failure(&args.username, error))?;
    let text = match args.output.output {
        Format::Json => output::json(&user_json(&created))?,
        Format::Table => output::table(&HEADERS, &[user_row(&created)]),
    };
    console.print(&text)
}

async fn list(
    console: &mut Console<'_>,
    page: &PageArgs,
    output: OutputArgs,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let users = storage
        .list_users(&Page {
            after: page.after.clone(),
            limit: page.limit,
        })
        .await
        .map_err(|error| Failure::storage("list users", error))?;
    let text = match output.output {
        Format::Json => output::json(&users.iter().map(user_json).collect::<Vec<_>>())?,
        Format::Table => output::table(&HEADERS, &users.iter().map(user_row).collect::<Vec<_>>()),
    };
    console.print(&text)?;
    if let Some(last) = users.last().filter(|_| users.len() == page.limit as usize) {
        let after = authly_core::user::normalize_username(&last.username);
        console.note(&format!("there may be more: --after {after}"));
    }
    Ok(())
}

/// One thread that hashes, by the server's own rules for passwords.
fn passwords(config: &Config) -> Result<PasswordPool, Failure> {
    let pool = PasswordPool::new(1, config.login.password_queue)
        .map_err(|error| Failure::failed("cannot start the thread that hashes passwords", error))?;
    Ok(pool.with_policy(config.accounts.passwords))
}

/// The account of this user name or id.
pub(super) async fn find_user(storage: &dyn TenantStorage, text: &str) -> Result<User, Failure> {
    let look_up = async {
        if let Ok(id) = uuid::Uuid::try_parse(text)
            && let Some(user) = storage.load_user(UserId::from_uuid(id)).await?
        {
            return Ok(Some(Arc::unwrap_or_clone(user)));
        }
        let record = storage.load_login(&normalize_username(text)).await?;
        Ok(record.map(|record| record.user))
    };
    look_up
        .await
        .map_err(|error| Failure::storage("look the user up", error))?
        .ok_or_else(|| {
            Failure::usage(format!(
                "there is no user {text}; `authly admin user list` shows them"
            ))
        })
}

fn print(console: &mut Console<'_>, format: Format, user: &User) -> Result<(), Failure> {
    let shown = user_json(user);
    let text = match format {
        Format::Json => output::json(&shown)?,
        Format::Table => output::pairs(&shown),
    };
    console.print(&text)
}

fn create_failure(username: &str, error: CreateUserError) -> Failure {
    match error {
        CreateUserError::Taken => Failure::conflict(format!("there is a user {username} already")),
        CreateUserError::Storage(error) => Failure::storage("make the account", error),
        other => Failure::usage(other.to_string()),
    }
}

fn parse_claims(claims: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut parsed = Map::new();
    for claim in claims {
        let Some((name, text)) = claim.split_once('=') else {
            return Err(Failure::usage(format!(
                "--claim {claim}: write NAME=JSON, such as --claim given_name='\"Ada\"'"
            )));
        };
        let value = serde_json::from_str(text).map_err(|_| {
            Failure::usage(format!(
                "--claim {name}: the value is not JSON; text needs quotes: --claim {name}='\"…\"'"
            ))
        })?;
        if parsed.insert(name.to_owned(), value).is_some() {
            return Err(Failure::usage(format!("--claim {name} is given twice")));
        }
    }
    Ok(parsed)
}

const HEADERS: [&str; 5] = ["USERNAME", "ID", "ADMIN", "ENABLED", "GROUPS"];

fn user_row(user: &User) -> Vec<String> {
    let yes = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
    vec![
        user.username.clone(),
        user.id.to_string(),
        yes(user.is_admin),
        yes(user.enabled),
        user.groups.join(", "),
    ]
}

/// What is shown of an account. The pseudonym is not: it links a person to audit events.
fn user_json(user: &User) -> Value {
    json!({
        "id": user.id,
        "username": user.username,
        "claims": user.claims,
        "groups": user.groups,
        "is_admin": user.is_admin,
        "enabled": user.enabled,
        "verified": user.verified,
        "requires_password_change": user.requires_password_change,
        "password_changed_at": user.password_changed_at.map(Timestamp::as_secs),
        "last_login_at": user.last_login_at.map(Timestamp::as_secs),
        "created_at": user.created_at.as_secs(),
        "updated_at": user.updated_at.as_secs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_json_and_the_message_says_how_to_quote_text() {
        let claims = parse_claims(&["email=\"ada@example.com\"".into(), "n=[1]".into()]).unwrap();
        assert_eq!(claims["email"], "ada@example.com");
        for (bad, says) in [("email", "NAME=JSON"), ("email=ada", "needs quotes")] {
            let error = parse_claims(&[bad.to_owned()]).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        assert!(
            parse_claims(&["a=1".into(), "a=2".into()])
                .unwrap_err()
                .to_string()
                .contains("twice")
        );
    }
}
