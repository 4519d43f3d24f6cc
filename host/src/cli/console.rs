//! Where a command reads and prints. Nothing else in the program writes to the terminal.

use std::io::{Read, Write};

use authly_core::SecretText;

use super::failure::Failure;

/// The three streams of a command.
pub(super) struct Console<'a> {
    /// Secrets and answers come from here.
    pub input: &'a mut dyn Read,
    /// Whether a person sits at the input: questions are asked of nobody else.
    pub is_terminal: bool,
    /// Results.
    pub out: &'a mut dyn Write,
    /// Everything that is not a result.
    pub err: &'a mut dyn Write,
}

/// The longest secret that is read, in bytes: longer than any that is accepted, so that the use case says so.
const SECRET_BYTES_MAX: u64 = 8 * 1024;
/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64;

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

    /// Lets what cannot be undone be done when `--yes` was given, or a person at a terminal agrees.
    ///
    /// # Errors
    /// Wrong usage when there is nobody to ask; a failure when they do not agree.
    pub fn confirm(&mut self, yes: bool, what: &str, instead: &str) -> Result<(), Failure> {
        if yes {
            return Ok(());
        }
        if !self.is_terminal {
            return Err(Failure::usage(format!(
                "{what}; it cannot be undone. To do it, add --yes. {instead}"
            )));
        }
        self.note(&format!("{what}; it cannot be undone. {instead}"));
        let _ = write!(self.err, "Do it? [y/N] ");
        let _ = self.err.flush();
        let answer = self.read_line()?.trim().to_lowercase();
        if ["y", "yes"].contains(&answer.as_str()) {
            Ok(())
        } else {
            Err(Failure::refused("nothing was deleted"))
        }
    }

    /// One line, as a terminal hands it over.
    fn read_line(&mut self) -> Result<String, Failure> {
        let mut typed = [0; ANSWER_BYTES_MAX];
        let length = self
            .input
            .read(&mut typed)
            .map_err(|error| Failure::failed("cannot read the answer", error))?;
        let typed = String::from_utf8_lossy(typed.get(..length).unwrap_or_default()).into_owned();
        Ok(typed.lines().next().unwrap_or_default().to_owned())
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
