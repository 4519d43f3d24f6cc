//! Wants to be somebody else, behind a harmless change.

authly_test_guests::mapper!(|_input, changes| {
    changes.set(
        &authly_test_guests::TARGETS,
        authly_test_guests::STAMP,
        "harmless",
    );
    changes.set(&authly_test_guests::TARGETS, "sub", "somebody-else");
    Ok(())
});
