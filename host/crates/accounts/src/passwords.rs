//! Passwords: Argon2id on threads of its own.

use std::{sync::Arc, time::Duration};

use authly_core::{Rng, SecretText};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    argon::{self, SALT_BYTES},
    policy::{PasswordPolicy, PasswordRefusal, normalize_password},
    pool::{Pool, PoolError},
};

/// A thread without work for this long gives its memory back: 19 MiB each.
const IDLE: Duration = Duration::from_secs(10);

/// Strangers who want an account may fill this part of the queue: one in so many places, and at least one.
const STRANGERS_SHARE: usize = 8;

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

/// Why a new password was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NewPasswordError {
    /// It is not one that may be chosen.
    #[error(transparent)]
    Refused(#[from] PasswordRefusal),
    /// There is no answer.
    #[error("the new password was not hashed")]
    Hash(#[source] PasswordError),
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
    /// The places that strangers may take.
    strangers: Arc<Semaphore>,
    policy: PasswordPolicy,
}

impl PasswordPool {
    /// Starts `threads` threads, with room for `queue` waiting jobs. New passwords meet the default policy.
    ///
    /// # Errors
    /// [`PasswordError::Failed`] when the operating system gives no thread; the log says why.
    pub fn new(threads: usize, queue: usize) -> Result<Self, PasswordError> {
        let pool = Pool::start(threads, queue, IDLE).map_err(|error| {
            tracing::error!(%error, "the threads that hash passwords do not start");
            PasswordError::Failed
        })?;
        Ok(Self {
            pool,
            strangers: Arc::new(Semaphore::new((queue / STRANGERS_SHARE).max(1))),
            policy: PasswordPolicy::default(),
        })
    }

    /// What new passwords must be instead.
    #[must_use]
    pub fn with_policy(mut self, policy: PasswordPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Checks a password that a person called `names` is to have, and hashes it. The check is work too, so both are
    /// done on the pool.
    ///
    /// # Errors
    /// [`NewPasswordError`].
    pub async fn hash_new(
        &self,
        password: SecretText,
        names: Vec<String>,
        rng: &dyn Rng,
    ) -> Result<SecretText, NewPasswordError> {
        self.check_and_hash(password, names, rng, None).await
    }

    /// The same for somebody who has no account yet. All of them together have a small part of the queue, so that they
    /// do not keep those who have one from signing in.
    ///
    /// # Errors
    /// [`NewPasswordError`]; [`PasswordError::Busy`] also when that part is full.
    pub async fn hash_for_stranger(
        &self,
        password: SecretText,
        names: Vec<String>,
        rng: &dyn Rng,
    ) -> Result<SecretText, NewPasswordError> {
        let place = Arc::clone(&self.strangers).try_acquire_owned();
        let place = place.map_err(|_| NewPasswordError::Hash(PasswordError::Busy))?;
        self.check_and_hash(password, names, rng, Some(place)).await
    }

    /// The place goes with the jobs: one whose caller went away waits in the queue all the same.
    async fn check_and_hash(
        &self,
        password: SecretText,
        names: Vec<String>,
        rng: &dyn Rng,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<SecretText, NewPasswordError> {
        let (policy, checked) = (self.policy, password.clone());
        let job = self.pool.run(move |_| (policy.check(&checked, &names), place));
        let (checked, place) = job.await.map_err(|error| NewPasswordError::Hash(error.into()))?;
        checked?;
        let hash = self.hash(password, rng, place).await;
        hash.map_err(NewPasswordError::Hash)
    }

    /// Hashes a password: an Argon2id PHC string with a fresh salt.
    ///
    /// # Errors
    /// [`PasswordError`].
    async fn hash(
        &self,
        password: SecretText,
        rng: &dyn Rng,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<SecretText, PasswordError> {
        let mut salt = [0; SALT_BYTES];
        rng.fill(&mut salt);
        let job = self.pool.run(move |memory| {
            let _until_hashed = place;
            argon::hash(normalize_password(&password).expose().as_bytes(), &salt, memory)
        });
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
            let matches = argon::verify(normalize_password(&password).expose().as_bytes(), phc, memory)?;
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
        let hash = pool.hash(text("correct horse"), &Fixed, None).await.unwrap();
        assert_eq!(
            pool.verify(text("correct horse"), Some(hash.clone())).await,
            Ok(true)
        );
        assert_eq!(pool.verify(text("wrong horse"), Some(hash)).await, Ok(false));
    }

    #[tokio::test]
    async fn password_verifies_however_its_keyboard_composes_it() {
        let pool = PasswordPool::new(1, 4).unwrap();
        let names = || vec!["zoe".to_owned()];
        let hash = pool
            .hash_new(text("cre\u{300}me bru\u{302}le\u{301}e"), names(), &Fixed)
            .await
            .unwrap();
        let typed = text("cr\u{e8}me br\u{fb}l\u{e9}e");
        assert_eq!(pool.verify(typed, Some(hash)).await, Ok(true));
        let refused = pool.hash_new(text("zoezoezoe"), names(), &Fixed).await;
        assert_eq!(refused, Err(NewPasswordError::Refused(PasswordRefusal::OwnName)));
    }

    #[tokio::test]
    async fn policy_of_the_operator_is_the_pools() {
        let policy = PasswordPolicy {
            length_min: 20,
            strength_min: 0,
        };
        let pool = PasswordPool::new(1, 4).unwrap().with_policy(policy);
        let refused = pool.hash_new(text("correct horse"), Vec::new(), &Fixed).await;
        assert_eq!(
            refused,
            Err(NewPasswordError::Refused(PasswordRefusal::Short {
                length_min: 20
            }))
        );
    }

    #[tokio::test]
    async fn strangers_have_a_part_of_the_queue_and_keep_it_until_their_jobs_are_gone() {
        let pool = PasswordPool::new(1, 16).unwrap();
        let (hold, until_dropped) = std::sync::mpsc::channel::<()>();
        let (at_it, started) = tokio::sync::oneshot::channel();
        let occupied = pool.pool.run(move |_| {
            at_it.send(()).unwrap();
            let _ = until_dropped.recv();
        });
        let crowd = async {
            started.await.unwrap();
            let stranger = || pool.hash_for_stranger(text("correct horse battery"), Vec::new(), &Fixed);
            {
                let (first, second) = (std::pin::pin!(stranger()), std::pin::pin!(stranger()));
                // Two of sixteen places, queued by the first poll; then the callers go away.
                assert!(futures_pending(first).await && futures_pending(second).await);
            }
            assert_eq!(stranger().await, Err(NewPasswordError::Hash(PasswordError::Busy)));
            let signing_in = pool.verify(text("anything"), None);
            let release = async { drop(hold) };
            assert_eq!(tokio::join!(signing_in, release).0, Ok(false));
            // Their jobs were before the sign-in.
            assert!(stranger().await.is_ok());
        };
        assert_eq!(tokio::join!(occupied, crowd).0, Ok(()));
    }

    /// Polls once and answers whether there is more to wait for.
    async fn futures_pending<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
        std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_pending())).await
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
