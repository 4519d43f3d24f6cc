//! A smaller stack than a program's 1 MiB: the host clears a guest's memory after every call, and of a mapper's it is
//! nearly all. What runs out of it traps, since the stack lies below everything else.

/// Bytes: some thousand frames of a parser, where JSON may be 128 deep.
const STACK: u32 = 128 * 1024;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg-cdylib=-zstack-size={STACK}");
}
