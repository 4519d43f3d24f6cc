//! Never answers, and rests meanwhile.

authly_test_guests::mapper!(|_input, _changes| {
    #[expect(
        clippy::disallowed_methods,
        reason = "a guest sleeps on its own stack; the host must bear it"
    )]
    std::thread::sleep(std::time::Duration::from_secs(3600));
    Ok(())
});
