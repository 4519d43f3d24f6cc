//! A smaller stack than a program's 1 MiB: the host clears a guest's memory after every call, and of a mapper's it is
//! nearly all. What runs out of it traps, since the stack lies below everything else.

/// Bytes: enough for JSON that is 128 deep, the most that its parser takes; a test of the host maps such an attribute.
const STACK: u32 = 64 * 1024;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg-cdylib=-zstack-size={STACK}");
}
