//! Takes memory until there is none.

authly_test_guests::mapper!(|_input, _changes| {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1u8; 1 << 20]));
    }
});
