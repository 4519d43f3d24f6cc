//! Imports an interface of somebody else.

mod foreign {
    wit_bindgen::generate!({
        inline: "
            package acme:directory@1.0.0;
            interface people { find: func(id: string) -> option<string>; }
            world foreign { import people; }
        ",
    });
}

authly_test_guests::mapper!(|_input, changes| {
    let found = foreign::acme::directory::people::find("me").unwrap_or_default();
    changes.set(&authly_test_guests::TARGETS, authly_test_guests::STAMP, found);
    Ok(())
});
