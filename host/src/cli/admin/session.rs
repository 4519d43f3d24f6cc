//! `authly admin session list | end`

use authly_core::{
    AuditAction, AuditEvent, Clock as _, SessionId,
    ports::{Page, TenantStorage},
    session::Session,
};
use authly_oauth::session_ends;
use clap::Subcommand;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    super::{
        args::{Format, OutputArgs},
        console::Console,
        failure::Failure,
        output,
    },
    user::find_user,
};
use crate::app::SystemClock;

/// `authly admin session …`
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SessionCommand {
    /// Lists browser sessions, the newest first. They may have been idle for too long: a browser then signs in anew.
    List {
        /// Only this person's: user name or id.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Ends a session, or all of a person's. What apps were given stays; `client` and `user` commands end that.
    End {
        /// The session, as `session list` shows it.
        #[arg(required_unless_present = "user", conflicts_with = "user")]
        id: Option<Uuid>,
        /// All sessions of this person: user name or id.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// Runs one of them.
pub(super) async fn run(
    console: &mut Console<'_>,
    command: SessionCommand,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    match command {
        SessionCommand::List { user, limit, output } => {
            list(console, user.as_deref(), limit, output.output, storage).await
        }
        SessionCommand::End { id, user, output } => {
            let ended = match (id, user) {
                (Some(id), _) => end_one(SessionId::from_uuid(id), storage).await?,
                (None, Some(user)) => end_all(&user, storage).await?,
                (None, None) => 0,
            };
            match output.output {
                Format::Json => console.print(&output::json(&json!({ "ended": ended }))?),
                Format::Table => console.print(&format!("ended {ended}\n")),
            }
        }
    }
}

async fn list(
    console: &mut Console<'_>,
    user: Option<&str>,
    limit: u32,
    format: Format,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let user_id = match user {
        Some(user) => Some(find_user(storage, user).await?.id),
        None => None,
    };
    let sessions = storage
        .list_sessions(user_id, SystemClock.now(), limit.min(Page::LIMIT_MAX))
        .await
        .map_err(|error| Failure::storage("list sessions", error))?;
    let text = match format {
        Format::Json => output::json(&sessions.iter().map(session_json).collect::<Vec<_>>())?,
        Format::Table => output::table(&HEADERS, &sessions.iter().map(session_row).collect::<Vec<_>>()),
    };
    console.print(&text)
}

async fn end_one(id: SessionId, storage: &dyn TenantStorage) -> Result<u64, Failure> {
    let ended = session_ends::end_session(storage, id, ended_now())
        .await
        .map_err(|error| Failure::storage("end the session", error))?;
    if ended {
        Ok(1)
    } else {
        Err(Failure::usage(format!(
            "there is no living session {id}; `authly admin session list` shows them"
        )))
    }
}

async fn end_all(user: &str, storage: &dyn TenantStorage) -> Result<u64, Failure> {
    let user = find_user(storage, user).await?;
    session_ends::end_sessions_of(storage, &user, ended_now())
        .await
        .map_err(|error| Failure::storage("end the sessions", error))
}

fn ended_now() -> AuditEvent {
    AuditEvent::internal(SystemClock.now(), AuditAction::SessionEnded)
}

const HEADERS: [&str; 6] = ["ID", "USER_ID", "SIGNED_IN", "LAST_SEEN", "ADDRESS", "BROWSER"];

fn session_row(session: &Session) -> Vec<String> {
    vec![
        session.id.to_string(),
        session.user_id.to_string(),
        session.auth_time.as_secs().to_string(),
        session.last_seen_at.as_secs().to_string(),
        session
            .address
            .map(|address| address.to_string())
            .unwrap_or_default(),
        session.user_agent.clone().unwrap_or_default(),
    ]
}

fn session_json(session: &Session) -> Value {
    json!({
        "id": session.id,
        "user_id": session.user_id,
        "auth_time": session.auth_time.as_secs(),
        "amr": session.amr,
        "created_at": session.created_at.as_secs(),
        "last_seen_at": session.last_seen_at.as_secs(),
        "expires_at": session.expires_at.as_secs(),
        "address": session.address,
        "user_agent": session.user_agent,
    })
}
