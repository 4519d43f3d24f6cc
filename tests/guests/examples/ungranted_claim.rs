//! Sets a claim that nobody granted.

authly_test_guests::mapper!(|_input, changes| {
    changes.set(&authly_test_guests::TARGETS, "email", "root@example.com");
    Ok(())
});
