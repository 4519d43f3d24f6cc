//! Passwords: Argon2id on threads of its own.

use std::time::Duration;

use authly_core::{Rng, SecretText};

use crate::{
    argon::{self, SALT_BYTES},
    pool::{Pool, PoolError},
};

/// The shortest password, in bytes (NIST SP 800-63B §5.1.1.2: 8 characters).
pub const PASSWORD_BYTES_MIN: usize = 8;
/// The longest password, in bytes: room for any passphrase, a bound on what one request can make us hash.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// A thread without work for this long gives its memory back: 19 MiB each.
const IDLE: Duration = Duration::from_secs(10);

/// A hash of nothing with today's parameters: verifying against it costs what a real one costs, and never succeeds.
const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why there is no answer. Never a "no".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The queue is full: the caller may try again.
    #[error("too many passwords are being checked")]
    Busy,
    /// The stored hash cannot be used, the job died, or there are no threads.
    #[error("the password could not be hashed or checked")]
    Failed,
}

impl From<PoolError> for PasswordError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Full => Self::Busy,
            PoolError::Lost => Self::Failed,
        }
    }
}

/// Hashes and verifies passwords. The number of threads bounds the memory (19 MiB each, up to 64 MiB while an imported
/// hash is checked) and the rate (about 60 a second and core); the queue bounds the wait.
pub struct PasswordPool {
    pool: Pool,
}

impl PasswordPool {
    /// Starts `threads` threads, with room for `queue` waiting jobs.
    ///
    /// # Errors
    /// [`PasswordError::Failed`] when the operating system gives no thread; the log says why.
    pub fn new(threads: usize, queue: usize) -> Result<Self, PasswordError> {
        let pool = Pool::start(threads, queue, IDLE).map_err(|error| {
            tracing::error!(%error, "the threads that hash passwords do not start");
            PasswordError::Failed
        })?;
        Ok(Self { pool })
    }

    /// Hashes a new password: an Argon2id PHC string with a fresh salt. The password's rules are the caller's.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn hash(&self, password: SecretText, rng: &dyn Rng) -> Result<SecretText, PasswordError> {
        let mut salt = [0; SALT_BYTES];
        rng.fill(&mut salt);
        let job = self
            .pool
            .run(move |memory| argon::hash(password.expose().as_bytes(), &salt, memory));
        job.await?.map(SecretText::new).map_err(|_| PasswordError::Failed)
    }

    /// Whether the password has the stored hash. `None`, for an account that is not there or has no password, takes
    /// the same work and is `false`: time does not tell which accounts exist.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn verify(
        &self,
        password: SecretText,
        stored: Option<SecretText>,
    ) -> Result<bool, PasswordError> {
        let job = self.pool.run(move |memory| {
            let phc = stored.as_ref().map_or(DUMMY, SecretText::expose);
            let matches = argon::verify(password.expose().as_bytes(), phc, memory)?;
            Ok::<_, argon::UnusableHash>(matches && stored.is_some())
        });
        job.await?.map_err(|_| PasswordError::Failed)
    }

    /// How much memory the threads hold now, in bytes.
    pub fn resident_bytes(&self) -> usize {
        self.pool.resident_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Rng for Fixed {
        fn fill(&self, dest: &mut [u8]) {
            dest.fill(9);
        }
    }

    fn text(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    #[tokio::test]
    async fn password_verifies_against_its_own_hash_only() {
        let pool = PasswordPool::new(1, 4).unwrap();
        let hash = pool.hash(text("correct horse"), &Fixed).await.unwrap();
        assert_eq!(
            pool.verify(text("correct horse"), Some(hash.clone())).await,
            Ok(true)
        );
        assert_eq!(pool.verify(text("wrong horse"), Some(hash)).await, Ok(false));
    }

    #[tokio::test]
    async fn nobody_takes_the_work_of_somebody_and_is_never_let_in() {
        let pool = PasswordPool::new(1, 4).unwrap();
        assert_eq!(pool.verify(text("anything"), None).await, Ok(false));
        // The memory of today's parameters was used.
        assert_eq!(pool.pool.run(|memory| memory.bytes()).await, Ok(19 << 20));
    }

    #[tokio::test]
    async fn unusable_hash_is_an_error_and_no_answer() {
        let pool = PasswordPool::new(1, 4).unwrap();
        let huge = "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert_eq!(
            pool.verify(text("password"), Some(text(huge))).await,
            Err(PasswordError::Failed)
        );
    }
}
