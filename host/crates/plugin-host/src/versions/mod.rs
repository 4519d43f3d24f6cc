//! One module per published version of the contract; each turns its own types into the host's words and back.

pub(crate) mod v0_1;

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};

    /// A plugin that was built from a released contract must go on linking, so its text never changes again.
    #[test]
    fn released_contracts_are_frozen() {
        let released = [(
            include_bytes!("../../../../../wit/0.1.0/authly-plugin.wit").as_slice(),
            "5d8d81a9b4c0ddd0c5ddeab5649521b15d46df7261caeab0077bf249f71276fc",
        )];
        for (text, expected) in released {
            let now = hex::encode(digest(&SHA256, text));
            assert_eq!(
                now, expected,
                "write a new version beside it instead of editing a released one"
            );
        }
    }
}
