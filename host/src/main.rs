//! The `authly` binary: hands the process's arguments, environment and streams to the command line.

use std::{io, process::ExitCode};

fn main() -> ExitCode {
    authly::cli::run(
        std::env::args_os(),
        std::env::vars_os(),
        &mut io::stdout(),
        &mut io::stderr(),
    )
}
