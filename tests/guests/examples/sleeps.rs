//! Never answers, and rests meanwhile.

authly_test_guests::mapper!(|_input, _changes| {
    std::thread::sleep(std::time::Duration::from_secs(3600));
    Ok(())
});
