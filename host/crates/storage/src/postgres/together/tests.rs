use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;

const REFUSED: u32 = 1_000;
const FATAL: u32 = 2_000;

/// A statement that doubles numbers, as often as the test lets it.
struct Doubling {
    permits: Semaphore,
    begun: AtomicUsize,
    sizes: Mutex<Vec<usize>>,
    is_out: bool,
}

impl Statement for Doubling {
    type Ask = u32;
    type Answer = u32;

    async fn run(&self, asks: &[u32]) -> StorageResult<Vec<u32>> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.sizes.lock().unwrap().push(asks.len());
        self.permits.acquire().await.unwrap().forget();
        assert!(!asks.contains(&FATAL), "as a test wants it");
        if self.is_out {
            return Err(StorageError::Unavailable("out of order".into()));
        }
        if asks.contains(&REFUSED) {
            return Err(StorageError::Conflict(asks.len().to_string()));
        }
        Ok(asks.iter().map(|ask| ask * 2).collect())
    }

    fn is_open(&self, error: &StorageError) -> bool {
        matches!(error, StorageError::Unavailable(_))
    }
}

type Asked = tokio::task::JoinHandle<StorageResult<u32>>;

/// What waits for a statement that waits for the test.
struct Bench(Arc<Together<Doubling>>);

impl Bench {
    fn new(is_out: bool) -> Self {
        Self(Together::new(Doubling {
            permits: Semaphore::new(0),
            begun: AtomicUsize::new(0),
            sizes: Mutex::default(),
            is_out,
        }))
    }

    /// Begins to ask, and comes back when the ask runs or stands in line.
    async fn ask(&self, number: u32) -> Asked {
        let before = self.known();
        let together = Arc::clone(&self.0);
        let asked = tokio::spawn(async move { together.ask(number).await });
        while self.known() == before {
            tokio::task::yield_now().await;
        }
        asked
    }

    fn known(&self) -> usize {
        self.0.statement.begun.load(Ordering::SeqCst) + self.0.line().waiting.len()
    }

    async fn ask_many(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<Asked> {
        let mut asked = Vec::new();
        for number in numbers {
            asked.push(self.ask(number).await);
        }
        asked
    }

    fn let_run(&self, runs: usize) {
        self.0.statement.permits.add_permits(runs);
    }

    fn sizes(&self) -> Vec<usize> {
        self.0.statement.sizes.lock().unwrap().clone()
    }
}

async fn told(asked: Vec<Asked>) -> Vec<Result<u32, String>> {
    let mut told = Vec::new();
    for answer in asked {
        told.push(answer.await.unwrap().map_err(|error| error.to_string()));
    }
    told
}

#[tokio::test]
async fn whoever_is_alone_does_not_wait_for_company() {
    let bench = Bench::new(false);
    bench.let_run(2);
    assert_eq!(bench.0.ask(3).await.unwrap(), 6);
    assert_eq!(bench.0.ask(4).await.unwrap(), 8);
    assert_eq!(bench.sizes(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_during_a_run_shares_the_next() {
    let bench = Bench::new(false);
    let asked = bench.ask_many(1..=10).await;
    bench.let_run(2);
    let doubled: Vec<_> = (1..=10).map(|number| Ok(number * 2)).collect();
    assert_eq!(told(asked).await, doubled);
    assert_eq!(bench.sizes(), [1, 9]);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_gets_more_runs_up_to_the_limit() {
    let bench = Bench::new(false);
    let asked = bench.ask_many(0..16).await;
    assert_eq!(bench.sizes(), [1]);
    let more = bench.ask_many(16..500).await;
    while bench.sizes().len() < RUNS_MAX {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        bench.sizes()[1],
        WAITING_PER_RUN,
        "those who wait come before the newcomer"
    );
    assert_eq!(bench.0.line().runs, RUNS_MAX);
    bench.let_run(1_000);
    assert_eq!(told(asked).await.len() + told(more).await.len(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_run_serves_so_many_and_no_more() {
    let bench = Bench::new(false);
    let asked = bench.ask_many(0..300).await;
    bench.let_run(1_000);
    assert!(told(asked).await.iter().all(Result::is_ok));
    assert_eq!(bench.sizes().iter().max(), Some(&ASKS_MAX));
    assert_eq!(bench.sizes().iter().sum::<usize>(), 300);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_is_refused_alone() {
    let bench = Bench::new(false);
    let asked = bench.ask_many([1, 2, REFUSED, 3]).await;
    bench.let_run(10);
    let refused = StorageError::Conflict("1".to_owned()).to_string();
    assert_eq!(told(asked).await, [Ok(2), Ok(4), Err(refused), Ok(6)]);
    assert_eq!(bench.sizes(), [1, 3, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_to_all_and_nothing_runs_again() {
    let bench = Bench::new(true);
    let asked = bench.ask_many([1, 2, 3]).await;
    bench.let_run(10);
    for answer in asked {
        let error = answer.await.unwrap().unwrap_err();
        assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
        let cause = error.source().unwrap();
        assert_eq!(
            cause
                .source()
                .map_or_else(|| cause.to_string(), ToString::to_string),
            "out of order"
        );
    }
    assert_eq!(bench.sizes(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn whoever_went_away_is_not_served() {
    let bench = Bench::new(false);
    let mut asked = bench.ask_many([1, 2, 3]).await;
    let gone = asked.remove(1);
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    bench.let_run(2);
    assert_eq!(told(asked).await, [Ok(2), Ok(6)]);
    assert_eq!(bench.sizes(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_its_turn_to_the_others() {
    let bench = Bench::new(false);
    let mut asked = bench.ask_many([1, 2, 3]).await;
    asked.remove(0).abort();
    bench.let_run(1);
    assert_eq!(told(asked).await, [Ok(4), Ok(6)]);
    assert_eq!(bench.sizes(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_held_up_does_not_hold_up_those_behind_it() {
    let bench = Bench::new(false);
    let mut asked = bench.ask_many([1, 2]).await;
    // The paused clock goes on when nothing else can: the second loses its patience, and has another run begin.
    while bench.sizes().len() < 2 {
        tokio::time::sleep(PATIENCE / 10).await;
    }
    assert_eq!(bench.sizes(), [1, 1]);
    assert!(!asked[0].is_finished() && !asked[1].is_finished());
    bench.let_run(2);
    assert_eq!(told(asked.split_off(0)).await, [Ok(2), Ok(4)]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_panics_takes_only_its_own_with_it() {
    let bench = Bench::new(false);
    let mut asked = bench.ask_many([1, 2, FATAL]).await;
    bench.let_run(2);
    assert_eq!(asked.remove(0).await.unwrap().unwrap(), 2);
    for lost in asked {
        assert!(matches!(lost.await.unwrap(), Err(StorageError::Backend(_))));
    }
    assert_eq!(bench.0.line().runs, 0);
    bench.let_run(1);
    assert_eq!(bench.0.ask(5).await.unwrap(), 10);
}

#[test]
fn a_runtime_may_end_while_many_wait() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let together = runtime.block_on(async {
        let bench = Bench::new(false);
        bench.ask_many(0..50).await;
        bench.0
    });
    drop(runtime);
    assert!(together.line().runs <= RUNS_MAX);
}
