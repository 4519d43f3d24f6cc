//! Why a command failed, and the exit code that says so.

use authly_core::{StorageError, ports::BoxError};

use crate::config::ConfigErrors;

/// A failed command. The message says what a person can do; the cause is for whoever has to find out more.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failure {
    message: String,
    exit_code: u8,
    #[source]
    cause: Option<BoxError>,
}

impl Failure {
    /// It did not work.
    pub const FAILED: u8 = 1;
    /// What was typed or configured is wrong.
    pub const USAGE: u8 = 2;
    /// It exists already.
    pub const CONFLICT: u8 = 3;
    /// A service does not answer; the same command may work later.
    pub const UNAVAILABLE: u8 = 4;

    /// It did not work, because of this.
    pub fn failed(message: impl Into<String>, cause: impl Into<BoxError>) -> Self {
        Self {
            message: message.into(),
            exit_code: Self::FAILED,
            cause: Some(cause.into()),
        }
    }

    /// It did not work; the message says all.
    pub fn refused(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            exit_code: Self::FAILED,
            cause: None,
        }
    }

    /// What was typed is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            exit_code: Self::USAGE,
            cause: None,
        }
    }

    /// The thing exists already.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            exit_code: Self::CONFLICT,
            cause: None,
        }
    }

    /// The configuration is wrong.
    #[expect(clippy::needless_pass_by_value, reason = "the shape that map_err calls")]
    pub fn config(errors: ConfigErrors) -> Self {
        Self::usage(errors.to_string())
    }

    /// Storage failed; `doing` completes "cannot".
    pub fn storage(doing: &str, error: StorageError) -> Self {
        let (exit_code, advice) = match &error {
            StorageError::Unavailable(_) => (
                Self::UNAVAILABLE,
                "; check database.url and that the database runs, then try again",
            ),
            StorageError::Serialization(_) => (Self::UNAVAILABLE, "; try again"),
            StorageError::Conflict(_) => (Self::CONFLICT, ""),
            StorageError::Corrupt(_) => (
                Self::FAILED,
                "; is keys.encryption_key the one this database was made with?",
            ),
            StorageError::Backend(_) => (Self::FAILED, ""),
        };
        Self {
            message: format!("cannot {doing}{advice}"),
            exit_code,
            cause: Some(Box::new(error)),
        }
    }

    /// What the process answers.
    pub const fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_apart_from_a_fault() {
        let code = |error| Failure::storage("list clients", error).exit_code();
        assert_eq!(code(StorageError::Unavailable("x".into())), 4);
        assert_eq!(code(StorageError::Serialization("x".into())), 4);
        assert_eq!(code(StorageError::Conflict("x".into())), 3);
        assert_eq!(code(StorageError::Corrupt("x".into())), 1);
        assert_eq!(code(StorageError::Backend("x".into())), 1);
    }
}
