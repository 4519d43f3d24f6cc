//! Stamps how often this instance was called.

use std::sync::atomic::{AtomicI64, Ordering};

static CALLS: AtomicI64 = AtomicI64::new(0);

authly_test_guests::mapper!(|_input, changes| {
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    changes.set(&authly_test_guests::TARGETS, authly_test_guests::STAMP, calls);
    Ok(())
});
