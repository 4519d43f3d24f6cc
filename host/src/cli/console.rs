//! Where a command reads and prints. Nothing else in the program writes to the terminal.

use std::io::{Read, Write};

use authly_core::SecretText;

use super::failure::Failure;

/// The three streams of a command.
pub(super) struct Console<'a> {
    /// Secrets come from here.
    pub input: &'a mut dyn Read,
    /// Results.
    pub out: &'a mut dyn Write,
    /// Everything that is not a result.
    pub err: &'a mut dyn Write,
}

/// The longest secret that is read, in bytes: longer than any that is accepted, so that the use case says so.
const SECRET_BYTES_MAX: u64 = 8 * 1024;

impl Console<'_> {
    /// Prints a result.
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        self.out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
            .map_err(|error| Failure::failed("cannot write the result", error))
    }

    /// Says something beside the result. A closed standard error is no reason to fail.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
    }

    /// Reads the secret that standard input holds; one line end after it is not part of it.
    pub fn read_secret(&mut self, what: &str) -> Result<SecretText, Failure> {
        let mut text = zeroize::Zeroizing::new(String::new());
        self.input
            .take(SECRET_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(|error| Failure::failed(format!("cannot read {what} from standard input"), error))?;
        let secret = text.strip_suffix('\n').unwrap_or(&text);
        let secret = secret.strip_suffix('\r').unwrap_or(secret);
        if secret.is_empty() {
            return Err(Failure::usage(format!(
                "standard input is empty: it should hold {what}"
            )));
        }
        Ok(SecretText::new(secret.to_owned()))
    }

    /// Prints what the parser of arguments has to say: help is a result, everything else a fault.
    pub fn print_usage(&mut self, error: &clap::Error) -> u8 {
        let text = error.render();
        if error.use_stderr() {
            let _ = write!(self.err, "{text}");
            return Failure::USAGE;
        }
        let _ = write!(self.out, "{text}");
        0
    }

    /// Prints a failure and everything behind it.
    pub fn print_failure(&mut self, failure: &Failure) {
        let _ = writeln!(self.err, "error: {failure}");
        let mut cause = std::error::Error::source(failure);
        while let Some(error) = cause {
            let _ = writeln!(self.err, "  because {error}");
            cause = error.source();
        }
    }
}
