//! The command line: what an operator types, what it prints, and the exit code.
//!
//! Results go to standard output, everything else to standard error, and both are passed in. Rules live in the use
//! cases below; here is only parsing, one call, and rendering.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 it exists already, 4 a service is unavailable.

mod admin;
mod args;
mod config;
mod console;
mod failure;
mod migrate;
mod output;
mod serve;

use std::{
    ffi::OsString,
    fs::DirBuilder,
    io::{IsTerminal as _, Write},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser as _};
use clap_complete::Shell;

use self::{
    args::{Arguments, Command},
    console::Console,
    failure::Failure,
};
use crate::config::{Config, Loaded, Sources};

/// Runs one command and answers its exit code.
///
/// `env` is the process environment, read once here and never again below. Passwords are read from standard input.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitCode {
    let stdin = std::io::stdin();
    let mut console = Console {
        is_terminal: stdin.is_terminal(),
        input: &mut stdin.lock(),
        out,
        err,
    };
    ExitCode::from(run_on(&mut console, args, env.into_iter().collect()))
}

/// The same on any console: what tests call.
fn run_on(
    console: &mut Console<'_>,
    args: impl IntoIterator<Item = OsString>,
    env: Vec<(OsString, OsString)>,
) -> u8 {
    let arguments = match Arguments::try_parse_from(args) {
        Ok(arguments) => arguments,
        Err(error) => return console.print_usage(&error),
    };
    match dispatch(console, arguments, env) {
        Ok(()) => 0,
        Err(failure) => {
            console.print_failure(&failure);
            failure.exit_code()
        }
    }
}

fn dispatch(
    console: &mut Console<'_>,
    arguments: Arguments,
    env: Vec<(OsString, OsString)>,
) -> Result<(), Failure> {
    if let Command::Completions { shell } = arguments.command {
        return completions(console, shell);
    }
    let mut sources = arguments.config.sources(env)?;
    match arguments.command {
        Command::Serve(serve) => {
            serve.add_flags(&mut sources);
            serve::run(console, &load_to_run(&sources)?, &sources)
        }
        Command::Migrate(migrate) => migrate::run(console, &load_to_run(&sources)?, &migrate),
        Command::Config(command) => config::run(console, &command, &sources),
        Command::Admin(command) => admin::run(console, command, &load_to_run(&sources)?),
        Command::Completions { shell } => completions(console, shell),
    }
}

/// The script that completes commands and options in a shell.
fn completions(console: &mut Console<'_>, shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "authly", &mut script);
    console.print(&String::from_utf8_lossy(&script))
}

/// Loads, and in `--dev` makes the folder of the database, which nobody was told to make.
fn load_to_run(sources: &Sources) -> Result<Config, Failure> {
    let config = load(sources)?.config;
    let file = config.database.url.strip_prefix("sqlite:").map(Path::new);
    if let Some(folder) = file.and_then(Path::parent).filter(|_| config.dev) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| Failure::failed(format!("cannot make the folder {}", folder.display()), error))?;
    }
    Ok(config)
}

fn load(sources: &Sources) -> Result<Loaded, Failure> {
    crate::config::load(sources).map_err(Failure::config)
}

/// The runtime of one command.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("cannot start the runtime", error))
}

#[cfg(test)]
mod tests;
