//! Requests that wait for the same statement share one run of it.
//!
//! While a run of a statement is under way, whoever asks waits in line, and the next run asks for those who stand first in it.
//! Who asks when nothing runs is not kept waiting for company, and under load the round trip, the wake-ups, the start of the
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

/// Another run begins when so many asks wait for each that is under way. Fewer are better off in one.
const WAITING_PER_RUN: usize = 16;

/// How many asks share a run. What more would save is little, and every one waits for all.
const ASKS_MAX: usize = 64;

/// Whoever waited so long has another run begin: those under way are held up, perhaps by a lock that is nobody else's
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
    /// Any; nothing was changed unless [`is_open`](Statement::is_open) says otherwise.
    fn run(&self, asks: &[Self::Ask]) -> impl Future<Output = StorageResult<Vec<Self::Answer>>> + Send;

    /// Whether an error leaves open what became of the run, or comes to all asks alike: then they are not run again.
    fn is_open(&self, error: &StorageError) -> bool;
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
    InLine(Ticket<S>),
}

/// A place in the line.
struct Ticket<S: Statement> {
    number: u64,
    answer: oneshot::Receiver<StorageResult<S::Answer>>,
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
    /// A read whose caller goes away before its run began is not made; changes that must be made are asked for by tasks
    /// that do not go away ([`to_its_end`](super::tenant::to_its_end)).
    pub async fn ask(self: &Arc<Self>, ask: S::Ask) -> StorageResult<S::Answer> {
        match self.place(ask) {
            Place::First(turn, ask) => turn.0.alone(ask).await,
            Place::InLine(mut ticket) => loop {
                match timeout(PATIENCE, &mut ticket.answer).await {
                    Ok(answer) => return answer.unwrap_or_else(|_| Err(abandoned())),
                    Err(_) => self.hurry(ticket.number),
                }
            },
        }
    }

    fn place(self: &Arc<Self>, ask: S::Ask) -> Place<S> {
        let mut line = self.line();
        if line.runs == 0 && line.waiting.is_empty() {
            line.runs = 1;
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
        if line.waiting.len() >= line.runs * WAITING_PER_RUN {
            self.begin(line);
        }
        Place::InLine(Ticket { number, answer })
    }

    /// Begins another run, if there may be one.
    fn begin(self: &Arc<Self>, mut line: MutexGuard<'_, Line<S>>) {
        if line.runs < RUNS_MAX {
            line.runs += 1;
            drop(line);
            let together = Arc::clone(self);
            tokio::spawn(async move { Turn(together).run().await });
        }
    }

    /// Has another run begin if that ask still stands in line.
    fn hurry(self: &Arc<Self>, number: u64) {
        let line = self.line();
        if line.waiting.front().is_some_and(|first| first.number <= number) {
            self.begin(line);
        }
    }

    async fn alone(&self, ask: S::Ask) -> StorageResult<S::Answer> {
        let mut answers = self.statement.run(&[ask]).await?;
        answers.pop().ok_or_else(abandoned)
    }

    /// Runs the statement for some who waited. One that the database refuses does not take the others with it.
    async fn serve(self: &Arc<Self>, some: Vec<Waiting<S>>) {
        let (asks, answers): (Vec<_>, Vec<_>) = some.into_iter().map(|w| (w.ask, w.answer)).unzip();
        match self.statement.run(&asks).await {
            Ok(all) => {
                for (answer, told) in answers.into_iter().zip(all) {
                    let _ = answer.send(Ok(told));
                }
            }
            Err(error) if self.statement.is_open(&error) => {
                let cause: Arc<dyn Error + Send + Sync> = Arc::new(error);
                for answer in answers {
                    let cause = Box::new(SharedCause(Arc::clone(&cause)));
                    let _ = answer.send(Err(StorageError::Unavailable(cause)));
                }
            }
            // At once, for what holds up or fails one is not to hold up the next.
            Err(_) => {
                for (ask, answer) in asks.into_iter().zip(answers) {
                    let together = Arc::clone(self);
                    tokio::spawn(async move {
                        let _ = answer.send(together.alone(ask).await);
                    });
                }
            }
        }
    }

    fn line(&self) -> MutexGuard<'_, Line<S>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Statement> Line<S> {
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
        line.runs -= 1;
        if line.waiting.is_empty() {
            return;
        }
        // Without a runtime nobody waits any more. A task that is never polled, for its runtime is ending, must not come
        // back here: it holds no turn yet.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            line.runs += 1;
            let together = Arc::clone(&self.0);
            drop(line);
            runtime.spawn(async move { Turn(together).run().await });
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
