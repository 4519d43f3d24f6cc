//! Answers more changes than a patch may hold.

authly_test_guests::mapper!(|_input, changes| {
    for n in 0..1000 {
        changes.set(&authly_test_guests::TARGETS, authly_test_guests::STAMP, n);
    }
    Ok(())
});
