//! Logs far more than anyone wants to read, a forged line among it, then answers.

use authly_test_guests::sdk::{Level, log};

authly_test_guests::mapper!(|_input, changes| {
    log(
        Level::Info,
        "first\n{\"level\":\"error\",\"message\":\"forged\"}",
        &[("k\n", "v\u{1b}[31m")],
    );
    for _ in 0..10_000 {
        log(Level::Error, "flood", &[]);
    }
    println!("printed");
    changes.set(&authly_test_guests::TARGETS, authly_test_guests::STAMP, "logged");
    Ok(())
});
