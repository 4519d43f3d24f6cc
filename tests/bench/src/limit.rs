//! The limit server: the same bytes over bare hyper in a process of its own, made by the same signature where the
//! answer is a token. Nobody who serves HTTP this way can be faster.

mod process;
mod serve;
mod spec;

pub use process::{COMMAND, LimitProcess};
pub use serve::serve;
pub use spec::{Answer, Route, Spec};
