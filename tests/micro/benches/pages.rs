//! Rendering the two pages that every person meets.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot go on stops and says where"
)]

use std::sync::Arc;

use authly::web::pages::{Pages, samples::samples};
use authly_testkit::random::SeededRng;
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let pages = Pages::load(None, "", Arc::new(SeededRng::new(1))).expect("the pages");
    let samples = samples();
    for kind in ["login", "consent"] {
        let first = samples
            .iter()
            .find(|sample| sample.name.starts_with(kind))
            .expect("a sample");
        criterion.bench_function(&format!("render {}", first.name), |bencher| {
            bencher.iter(|| first.view.render(&pages).expect("a page"));
        });
    }
    criterion.final_summary();
}
