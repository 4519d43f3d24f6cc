//! Requests that wait for the same statement share one run of it.
//!
//! At most [`RUNS_MAX`] runs of a statement are under way. Whoever asks meanwhile waits, and the next run asks for all
//! of them: a lone caller is never kept waiting for company, and under load the round trip, the wake-ups, the start of the
//! plan and the commit are shared. An ask joins only a run that has not begun, so what it reads is no older than itself.

use std::{
    collections::VecDeque,
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use authly_core::{StorageError, ports::StorageResult};
use tokio::{sync::oneshot, time::timeout};

/// How many runs may be under way at once.
const RUNS_MAX: usize = 8;

/// Another run begins when so many asks wait for each that is under way. Fewer have company sooner by waiting.
const WAITING_PER_RUN: usize = 16;

/// How many asks share a run. What more would save is little, and every one waits for all.
const ASKS_MAX: usize = 64;

/// After this long an ask does not wait for company: the runs under way are held up, perhaps by a lock that is none of its
/// business.
const PATIENCE: Duration = Duration::from_millis(100);

/// One statement for many asks.
pub(super) trait Statement: Send + Sync + 'static {
    /// What one caller wants to know or do.
    type Ask: Send + Sync + 'static;
    /// What one caller is told.
    type Answer: Send + 'static;

    /// Runs the statement for all asks; as many answers, in their order.
    ///
    /// # Errors
    /// Only [`StorageError::Unavailable`] leaves open whether anything was changed: after every other one nothing was.
    fn run(&self, asks: &[Self::Ask]) -> impl Future<Output = StorageResult<Vec<Self::Answer>>> + Send;
}

/// A statement, and who waits for it.
pub(super) struct Together<S: Statement> {
    statement: S,
    line: Mutex<Line<S>>,
}

struct Line<S: Statement> {
    waiting: VecDeque<Waiting<S>>,
    /// Runs under way.
    runs: usize,
    /// The next one's number.
    next: u64,
}

struct Waiting<S: Statement> {
    number: u64,
    ask: S::Ask,
    answer: oneshot::Sender<StorageResult<S::Answer>>,
}

/// How an ask is to be answered.
enum Place<S: Statement> {
    /// By the caller itself, in a run of its own.
    First(Turn<S>, S::Ask),
    /// By a run that begins later.
    InLine(u64, oneshot::Receiver<StorageResult<S::Answer>>),
}

/// Somebody's right to a run. Given back, or on to those who wait, when it is dropped.
struct Turn<S: Statement>(Arc<Together<S>>);

impl<S: Statement> Together<S> {
    pub fn new(statement: S) -> Arc<Self> {
        Arc::new(Self {
            statement,
            line: Mutex::new(Line {
                waiting: VecDeque::new(),
                runs: 0,
                next: 0,
            }),
        })
    }

    /// The answer to one ask, alone or with others.
    ///
    /// A caller that goes away before its run began is not served.
    pub async fn ask(self: &Arc<Self>, ask: S::Ask) -> StorageResult<S::Answer> {
        match self.place(ask) {
            Place::First(turn, ask) => turn.0.alone(ask).await,
            Place::InLine(number, mut answer) => match timeout(PATIENCE, &mut answer).await {
                Ok(answer) => answer.unwrap_or_else(|_| Err(abandoned())),
                Err(_) => match self.leave(number) {
                    Some(ask) => self.alone(ask).await,
                    // Its run has begun.
                    None => answer.await.unwrap_or_else(|_| Err(abandoned())),
                },
            },
        }
    }

    fn place(self: &Arc<Self>, ask: S::Ask) -> Place<S> {
        let mut line = self.line();
        if line.has_turn() {
            line.runs += 1;
            drop(line);
            return Place::First(Turn(Arc::clone(self)), ask);
        }
        let (sender, answer) = oneshot::channel();
        let number = line.next;
        line.next += 1;
        line.waiting.push_back(Waiting {
            number,
            ask,
            answer: sender,
        });
        Place::InLine(number, answer)
    }

    /// Takes an ask out of the line, if it still stands there.
    fn leave(&self, number: u64) -> Option<S::Ask> {
        let mut line = self.line();
        let at = line.waiting.iter().position(|waiting| waiting.number == number)?;
        line.waiting.remove(at).map(|waiting| waiting.ask)
    }

    async fn alone(&self, ask: S::Ask) -> StorageResult<S::Answer> {
        let mut answers = self.statement.run(&[ask]).await?;
        answers.pop().ok_or_else(abandoned)
    }

    /// Runs the statement for some who waited. One that the database refuses does not take the others with it.
    async fn serve(&self, some: Vec<Waiting<S>>) {
        let (asks, answers): (Vec<_>, Vec<_>) = some.into_iter().map(|w| (w.ask, w.answer)).unzip();
        match self.statement.run(&asks).await {
            Ok(all) => {
                for (answer, told) in answers.into_iter().zip(all) {
                    let _ = answer.send(Ok(told));
                }
            }
            Err(StorageError::Unavailable(cause)) => {
                let cause: Arc<dyn Error + Send + Sync> = cause.into();
                for answer in answers {
                    let cause = Box::new(SharedCause(Arc::clone(&cause)));
                    let _ = answer.send(Err(StorageError::Unavailable(cause)));
                }
            }
            Err(_) => {
                for (ask, answer) in asks.into_iter().zip(answers) {
                    let _ = answer.send(self.alone(ask).await);
                }
            }
        }
    }

    fn line(&self) -> MutexGuard<'_, Line<S>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Statement> Line<S> {
    /// Whether another run may begin.
    fn has_turn(&self) -> bool {
        self.runs < RUNS_MAX && self.waiting.len() >= self.runs * WAITING_PER_RUN
    }

    /// Those whom the next run serves; nobody when nobody waits.
    fn some(&mut self) -> Vec<Waiting<S>> {
        let mut some = Vec::new();
        while some.len() < ASKS_MAX
            && let Some(waiting) = self.waiting.pop_front()
        {
            if !waiting.answer.is_closed() {
                some.push(waiting);
            }
        }
        some
    }
}

impl<S: Statement> Turn<S> {
    /// Serves those who wait until nobody does.
    async fn run(self) {
        loop {
            let some = self.0.line().some();
            if some.is_empty() {
                return;
            }
            self.0.serve(some).await;
        }
    }
}

impl<S: Statement> Drop for Turn<S> {
    fn drop(&mut self) {
        let mut line = self.0.line();
        let runtime = tokio::runtime::Handle::try_current();
        if !line.waiting.is_empty()
            && let Ok(runtime) = runtime
        {
            let turn = Self(Arc::clone(&self.0));
            runtime.spawn(turn.run());
        } else {
            line.runs -= 1;
        }
    }
}

/// Why many asks have no answer.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct SharedCause(Arc<dyn Error + Send + Sync>);

fn abandoned() -> StorageError {
    #[derive(Debug, thiserror::Error)]
    #[error("the run of the statement was given up")]
    struct Abandoned;
    StorageError::Backend(Box::new(Abandoned))
}

#[cfg(test)]
mod tests;
