//! Answers 32 MiB.

authly_test_guests::mapper!(|_input, changes| {
    changes.set(
        &authly_test_guests::TARGETS,
        authly_test_guests::STAMP,
        "x".repeat(32 << 20),
    );
    Ok(())
});
