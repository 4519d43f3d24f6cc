//! Whole requests without HTTP, on SQLite in memory: the rows whose instructions are counted, in time.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot go on stops and says where"
)]

use authly_micro::rows::{Asker, Row};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    // The codes of the other row are got beforehand, and a benchmark does not say how many it needs.
    for row in Row::ALL.into_iter().filter(|row| *row != Row::Code) {
        let mut asker = runtime.block_on(Asker::prepare(row)).expect("a server");
        criterion.bench_function(&format!("request {}", row.name()), |bencher| {
            bencher.iter(|| runtime.block_on(asker.ask()).expect("a good answer"));
        });
    }
    criterion.final_summary();
}
