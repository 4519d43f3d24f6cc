//! `authly admin key list | rotate | retire`

use authly_core::{
    Clock as _, Kid, Timestamp,
    key::{SigningAlg, StoredKey},
    ports::TenantStorage,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::super::{
    args::{Format, OutputArgs},
    console::Console,
    failure::Failure,
    output,
};
use crate::{
    app::{KeysError, OldKey, SystemClock, publish_next, remove_key, replace_now},
    config::{Config, duration_text},
};

/// `authly admin key …`
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeyCommand {
    /// Lists the published signing keys.
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Publishes the next signing keys; they sign once they have been published for keys.publish_before.
    Rotate(RotateArgs),
    /// Ends the publication of a pending or retiring key now: nothing it signed can be verified any more.
    Retire {
        /// The key, as `key list` shows it.
        kid: String,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// `authly admin key rotate`
#[derive(Debug, Args)]
pub(in crate::cli) struct RotateArgs {
    /// Only the key of this algorithm; all of them otherwise. May be repeated.
    #[arg(long = "alg", value_name = "ALG", value_parser = parse_alg)]
    algs: Vec<SigningAlg>,
    /// The next keys sign at once, made now where none is published yet. Verifiers that keep an older JWK set refuse their
    /// tokens until they fetch it again.
    #[arg(long)]
    now: bool,
    /// Somebody else may have the keys: as --now, and all others of the algorithm, published next ones too, are removed.
    /// Every token they signed is dead.
    #[arg(long)]
    compromised: bool,
    #[command(flatten)]
    output: OutputArgs,
}

fn parse_alg(text: &str) -> Result<SigningAlg, String> {
    SigningAlg::parse(text)
        .ok_or_else(|| format!("one of {}", SigningAlg::ALL.map(SigningAlg::as_str).join(", ")))
}

/// Runs one of them.
pub(super) async fn run(
    console: &mut Console<'_>,
    command: KeyCommand,
    storage: &dyn TenantStorage,
    config: &Config,
) -> Result<(), Failure> {
    match command {
        KeyCommand::List { output } => list(console, output.output, storage).await,
        KeyCommand::Rotate(args) => rotate(console, args, storage, config).await,
        KeyCommand::Retire { kid, output } => retire(console, &kid, output.output, storage).await,
    }
}

async fn list(console: &mut Console<'_>, format: Format, storage: &dyn TenantStorage) -> Result<(), Failure> {
    let mut keys = storage
        .load_keys()
        .await
        .map_err(|error| Failure::storage("list signing keys", error))?;
    keys.sort_by_key(|key| (key.alg, key.state_since));
    let text = match format {
        Format::Json => output::json(&keys.iter().map(key_json).collect::<Vec<_>>())?,
        Format::Table => output::table(&HEADERS, &keys.iter().map(key_row).collect::<Vec<_>>()),
    };
    console.print(&text)
}

async fn rotate(
    console: &mut Console<'_>,
    args: RotateArgs,
    storage: &dyn TenantStorage,
    config: &Config,
) -> Result<(), Failure> {
    let chosen = if args.algs.is_empty() {
        SigningAlg::ALL.to_vec()
    } else {
        args.algs
    };
    let now = SystemClock.now();
    let at_once = if args.compromised {
        Some(OldKey::IsRemoved)
    } else {
        args.now.then_some(OldKey::Retires)
    };
    let mut rotated = Vec::with_capacity(chosen.len());
    for alg in chosen {
        rotated.push(match at_once {
            Some(old_key) => replace(storage, alg, old_key, now).await?,
            None => publish(storage, alg, now).await?,
        });
    }
    let text = match args.output.output {
        Format::Json => output::json(&rotated.iter().map(Rotated::json).collect::<Vec<_>>())?,
        Format::Table => output::table(
            &["ALG", "NEW_KEY", "OLD_KEYS"],
            &rotated.iter().map(Rotated::row).collect::<Vec<_>>(),
        ),
    };
    console.print(&text)?;
    if at_once.is_none() {
        let lead = duration_text(config.key_rotation.publish_before);
        console.note(&format!(
            "The new keys are published and sign in {lead}. To let them sign at once: --now."
        ));
    }
    Ok(())
}

/// What became of one algorithm.
struct Rotated {
    alg: SigningAlg,
    /// `None`: there was a next key already.
    new: Option<Kid>,
    old: Vec<Kid>,
}

impl Rotated {
    fn row(&self) -> Vec<String> {
        let already = || "(the next key is published already)".to_owned();
        let old: Vec<&str> = self.old.iter().map(Kid::as_str).collect();
        vec![
            self.alg.as_str().to_owned(),
            self.new.as_ref().map_or_else(already, Kid::to_string),
            old.join(" "),
        ]
    }

    fn json(&self) -> Value {
        json!({ "alg": self.alg.as_str(), "new_kid": self.new, "old_kids": self.old })
    }
}

async fn publish(storage: &dyn TenantStorage, alg: SigningAlg, now: Timestamp) -> Result<Rotated, Failure> {
    let new = publish_next(storage, alg, now).await.map_err(failure)?;
    Ok(Rotated {
        alg,
        new,
        old: Vec::new(),
    })
}

async fn replace(
    storage: &dyn TenantStorage,
    alg: SigningAlg,
    old_key: OldKey,
    now: Timestamp,
) -> Result<Rotated, Failure> {
    let replaced = replace_now(storage, alg, old_key, now).await.map_err(failure)?;
    Ok(Rotated {
        alg,
        new: Some(replaced.new),
        old: replaced.old,
    })
}

async fn retire(
    console: &mut Console<'_>,
    kid: &str,
    format: Format,
    storage: &dyn TenantStorage,
) -> Result<(), Failure> {
    let known = Kid::parse(kid).ok();
    let removed = match &known {
        Some(kid) => remove_key(storage, kid, SystemClock.now())
            .await
            .map_err(failure)?,
        None => false,
    };
    if !removed {
        return Err(Failure::usage(format!(
            "no pending or retiring key {kid}; `authly admin key list` shows them. An active key is replaced with \
             `authly admin key rotate --now`, or --compromised"
        )));
    }
    match format {
        Format::Json => console.print(&output::json(&json!({ "kid": kid, "state": "removed" }))?),
        Format::Table => console.print(&format!("{kid} is published no longer.\n")),
    }
}

fn failure(error: KeysError) -> Failure {
    match error {
        KeysError::Storage(error) => Failure::storage("change signing keys", error),
        other => Failure::failed("cannot make a signing key", other),
    }
}

const HEADERS: [&str; 4] = ["KID", "ALG", "STATE", "SINCE"];

fn key_row(key: &StoredKey) -> Vec<String> {
    vec![
        key.kid.to_string(),
        key.alg.as_str().to_owned(),
        key.state.as_str().to_owned(),
        key.state_since.as_secs().to_string(),
    ]
}

/// What is shown of a key. Never its private part.
fn key_json(key: &StoredKey) -> Value {
    json!({
        "kid": key.kid,
        "alg": key.alg.as_str(),
        "state": key.state.as_str(),
        "created_at": key.created_at.as_secs(),
        "state_since": key.state_since.as_secs(),
    })
}
