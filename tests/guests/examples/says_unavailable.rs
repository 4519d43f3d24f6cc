//! Says that something it needs is away.

authly_test_guests::mapper!(|_input, _changes| {
    Err(authly_test_guests::sdk::PluginError::Unavailable(
        "the directory is away".to_owned(),
    ))
});
