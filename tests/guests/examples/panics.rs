//! Panics.

authly_test_guests::mapper!(|_input, _changes| { panic!("this guest panics") });
