//! Instruction counts: what one request costs, whatever else the machine does meanwhile.
//!
//! `authly-micro check` compares with `instructions.toml`, `update` writes it, `profile ROW` says where the instructions
//! go, and `count ROW` is the program that the other three run under callgrind: it makes a whole server in this process,
//! warms it up and asks its routes, without HTTP, between two calls of `rows::mark`. Valgrind dumps its counts there
//! ([`callgrind`]), of all threads: what came before the first mark, as the start of the server, is in another dump.
//!
//! Of the libraries made for this, gungraun compares with a run before on the same machine, and a clean checkout has
//! none; it counts one function on one thread, or the start with it; and it wants a runner of exactly its own version
//! installed. The little that is needed of it is here.
//!
//! The figures are those of x86_64: Valgrind tells every program the same processor (a Haswell, whatever there is in
//! truth), so the choices that glibc, AWS-LC and memchr make by processor are the same on any machine that has AVX2.
//!
//! Three runs of one program differ by 0.1 to 0.5 %; a row that verifies a signature of ES256 by up to 4 %, because that
//! takes other steps for every signature. No row has a plugin: the plugin
//! host reads the thread's clock through rustix, which asks the kernel for its vDSO, and under Valgrind there is none.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is what it is for"
)]

mod callgrind;
mod figures;

use std::process::ExitCode;

use anyhow::{Result, bail};
use authly_micro::rows::{self, Row};

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["count", row] => rows::run(Row::parse(row)?)?,
        ["check"] => return figures::check(),
        ["update"] => figures::update()?,
        ["profile", row] => callgrind::profile(Row::parse(row)?)?,
        _ => bail!(
            "usage: authly-micro check | update | profile ROW | count ROW; rows: {}",
            Row::names()
        ),
    }
    Ok(ExitCode::SUCCESS)
}
