//! base64url without padding (RFC 7515 §2), the only encoding JOSE knows.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Decodes strictly: no padding, no white space, no foreign characters, and no set bits behind the last byte, so that
/// one value has one spelling.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The encoded form.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the encoded form.
pub(crate) fn push(bytes: &[u8], out: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, out);
}

/// How many characters `bytes` bytes take.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    bytes.saturating_mul(4).div_ceil(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_one_spelling() {
        assert_eq!(decode("Zm9v"), Some(b"foo".to_vec()));
        assert_eq!(decode("AA"), Some(vec![0]));
        for bad in ["AA==", "AB", " AA", "A A", "AA\n", "+A", "/w", "A"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn encoded_len_is_exact() {
        for n in 0..70 {
            assert_eq!(encoded_len(n), encode(&vec![7; n]).len());
        }
    }
}
