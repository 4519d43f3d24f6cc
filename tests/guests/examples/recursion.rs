//! Calls itself without end.

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(n: u64) -> u64 {
    let here = std::hint::black_box([n; 64]);
    std::hint::black_box(deeper(n + 1)).wrapping_add(here[n as usize % 64])
}

authly_test_guests::mapper!(|_input, changes| {
    changes.set(
        &authly_test_guests::TARGETS,
        authly_test_guests::STAMP,
        deeper(0) as i64,
    );
    Ok(())
});
