//! Never answers, and works hard at it.

authly_test_guests::mapper!(|_input, _changes| {
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
});
