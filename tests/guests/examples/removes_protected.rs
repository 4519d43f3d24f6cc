//! Wants a token without an audience.

authly_test_guests::mapper!(|_input, changes| {
    changes.remove(&authly_test_guests::TARGETS, "aud");
    Ok(())
});
