//! The load: a fixed number of callers, each with a connection of its own, each asking again as soon as it is answered.
//!
//! It runs in a process of its own, so that what it costs is not counted as the server's, and ends by itself: at its
//! deadline, or when the server is gone.

mod answer;
mod caller;
mod connection;
mod engine;
mod process;
mod samples;
mod spec;

pub use process::{COMMAND, run, serve};
pub use spec::{Measured, Method, Place, Request, Spec, Work};
