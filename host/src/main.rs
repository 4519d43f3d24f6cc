//! The `authly` binary: hands the process's arguments, environment and streams to the command line.

use std::{io, process::ExitCode};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    authly::cli::run(
        std::env::args_os(),
        std::env::vars_os(),
        &mut io::stdout(),
        &mut io::stderr(),
    )
}
