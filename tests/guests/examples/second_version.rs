//! Well behaved: stamps 2.

authly_test_guests::mapper!(|_input, changes| {
    changes.set(&authly_test_guests::TARGETS, authly_test_guests::STAMP, 2);
    Ok(())
});
