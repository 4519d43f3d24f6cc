//! What the parts of a request cost: the rows whose instructions `authly-micro` counts, for the benchmarks too.

pub mod rows;
