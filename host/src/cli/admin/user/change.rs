//! Changing accounts.

use authly_accounts::users::{
    self, NewPassword, Origin, SetPasswordError, StandingError, UpdateUserError, UserChanges,
};
use authly_core::{
    Clock as _,
    ports::{Page, PasswordEnds, TenantStorage},
    user::User,
};
use clap::Args;
use serde_json::json;

use super::{find_user, parse_claims, passwords, print};
use crate::{
    app::{SystemClock, SystemRng},
    cli::{
        args::{Format, OutputArgs},
        console::Console,
        failure::Failure,
        output,
    },
    config::Config,
};

/// `authly admin user update`
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub(in crate::cli) struct UpdateArgs {
    /// User name or id.
    user: String,
    /// What the person types to sign in from now on.
    #[arg(long)]
    username: Option<String>,
    /// A claim to set, its value as JSON: email='"ada@example.com"'. May be repeated.
    #[arg(long = "claim", value_name = "NAME=JSON")]
    claims: Vec<String>,
    /// A claim to remove. May be repeated.
    #[arg(long = "remove-claim", value_name = "NAME")]
    removed: Vec<String>,
    /// A group; all of them replace the groups there were. May be repeated.
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,
    /// In no group from now on.
    #[arg(long, conflicts_with = "groups")]
    no_groups: bool,
    /// May be granted admin:* scopes.
    #[arg(long, conflicts_with = "no_admin")]
    admin: bool,
    /// May not be granted admin:* scopes any more.
    #[arg(long)]
    no_admin: bool,
    /// Somebody vouches for the account.
    #[arg(long, conflicts_with = "unverified")]
    verified: bool,
    /// Nobody does.
    #[arg(long)]
    unverified: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// `authly admin user set-password`
#[derive(Debug, Args)]
pub(in crate::cli) struct SetPasswordArgs {
    /// User name or id.
    user: String,
    /// Reads the password from standard input: on the command line every process could read it.
    #[arg(long, required = true)]
    password_stdin: bool,
    /// Its owner is to change it.
    #[arg(long)]
    require_change: bool,
    /// Leaves sessions and apps alone that were opened with the password before.
    #[arg(long)]
    keep_sessions: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// What was typed, as a change.
fn changes(args: &UpdateArgs) -> Result<UserChanges, Failure> {
    let groups = (args.no_groups || !args.groups.is_empty()).then(|| args.groups.clone());
    Ok(UserChanges {
        username: args.username.clone(),
        set_claims: parse_claims(&args.claims)?,
        remove_claims: args.removed.clone(),
        groups,
        is_admin: (args.admin || args.no_admin).then_some(args.admin),
        verified: (args.verified || args.unverified).then_some(args.verified),
        requires_password_change: None,
    })
}

pub(super) async fn update(
    console: &mut Console<'_>,
    args: UpdateArgs,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let changes = changes(&args)?;
    let user = find_user(storage, &args.user).await?;
    let updated = users::update_user(storage, user.id, &changes, origin())
        .await
        .map_err(|error| match error {
            UpdateUserError::Storage(error) => Failure::storage("change the account", error),
            UpdateUserError::Taken => Failure::conflict(error.to_string()),
            other => Failure::usage(other.to_string()),
        })?;
    print(console, args.output.output, &updated)
}

pub(super) async fn set_password(
    console: &mut Console<'_>,
    args: SetPasswordArgs,
    storage: &dyn TenantStorage,
    config: &Config,
) -> Result<(), Failure> {
    let password = console.read_secret("a password")?;
    let user = find_user(storage, &args.user).await?;
    let new = NewPassword {
        user_id: user.id,
        password,
        requires_change: args.require_change,
        ends: if args.keep_sessions {
            PasswordEnds::Nothing
        } else {
            PasswordEnds::Others { keep: None }
        },
    };
    let ended = users::set_password(storage, &passwords(config)?, new, origin(), &SystemRng)
        .await
        .map_err(|error| match error {
            SetPasswordError::Storage(error) => Failure::storage("set the password", error),
            SetPasswordError::Hash(error) => Failure::failed("cannot hash the password", error),
            other => Failure::usage(other.to_string()),
        })?;
    let (sessions, grants) = (ended.sessions, ended.grants);
    match args.output.output {
        Format::Json => {
            let shown = json!({ "user": user.id, "sessions_ended": sessions, "grants_ended": grants });
            console.print(&output::json(&shown)?)
        }
        Format::Table => console.print(&format!(
            "set the password of {}; ended {sessions} sessions and what apps were given {grants} times\n",
            user.username
        )),
    }
}

pub(super) async fn set_enabled(
    console: &mut Console<'_>,
    (user, enabled): (&str, bool),
    format: Format,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let user = find_user(storage, user).await?;
    users::set_enabled(storage, user.id, enabled, origin())
        .await
        .map_err(standing_failure)?;
    print(console, format, &find_user(storage, &user.id.to_string()).await?)
}

pub(super) async fn delete(
    console: &mut Console<'_>,
    (user, yes): (&str, bool),
    format: Format,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let user = find_user(storage, user).await?;
    let name = &user.username;
    if !yes {
        let what = what_goes(storage, &user).await?;
        console.confirm(
            yes,
            &what,
            &format!("`authly admin user disable {name}` can be undone"),
        )?;
    }
    users::delete_user(storage, user.id, origin())
        .await
        .map_err(standing_failure)?;
    match format {
        Format::Json => console.print(&output::json(&json!({ "id": user.id, "deleted": true }))?),
        Format::Table => console.print(&format!("deleted {name}\n")),
    }
}

/// What a deletion takes with it, for whoever has to agree.
async fn what_goes(storage: &dyn TenantStorage, user: &User) -> Result<String, Failure> {
    let counted = async {
        let sessions = storage
            .list_sessions(Some(user.id), SystemClock.now(), Page::LIMIT_MAX)
            .await?;
        let consents = storage.list_consents(user.id).await?;
        Ok((sessions.len(), consents.len()))
    };
    let (sessions, consents) = counted
        .await
        .map_err(|error| Failure::storage("look up what goes with the account", error))?;
    Ok(format!(
        "this deletes the account {}, its sessions ({sessions}), what it agreed to (for {consents} clients), and \
         everything that apps were given by it",
        user.username
    ))
}

fn origin() -> Origin<'static> {
    Origin::Server(SystemClock.now())
}

fn standing_failure(error: StandingError) -> Failure {
    match error {
        StandingError::Storage(error) => Failure::storage("change the account", error),
        StandingError::Unknown => Failure::usage(error.to_string()),
    }
}
