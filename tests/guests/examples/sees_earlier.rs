//! Well behaved: answers how many claims of the first target carry the stamp already.

authly_test_guests::mapper!(|input, changes| {
    let stamps = input.claims.iter().flat_map(|(_, claims)| claims);
    let seen = stamps
        .filter(|claim| claim.name == authly_test_guests::STAMP)
        .count();
    changes.set(
        &authly_test_guests::TARGETS,
        "https://example.com/seen",
        i64::try_from(seen).unwrap_or(-1),
    );
    Ok(())
});
