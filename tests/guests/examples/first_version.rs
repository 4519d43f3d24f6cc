//! Well behaved: stamps 1.

authly_test_guests::mapper!(|_input, changes| {
    changes.set(&authly_test_guests::TARGETS, authly_test_guests::STAMP, 1);
    Ok(())
});
