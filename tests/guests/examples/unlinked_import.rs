//! Imports an interface under the contract's name that the contract does not have.

mod unlinked {
    wit_bindgen::generate!({
        inline: "
            package authly:plugin@0.1.0;
            interface http { send: func(url: string) -> string; }
            world unlinked { import http; }
        ",
    });
}

authly_test_guests::mapper!(|_input, changes| {
    let body = unlinked::authly::plugin::http::send("http://127.0.0.1/");
    changes.set(&authly_test_guests::TARGETS, authly_test_guests::STAMP, body);
    Ok(())
});
