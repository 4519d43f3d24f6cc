//! What a plugin says goes into logs, the audit and storage.

/// The longest text that is taken over, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 1024;

/// Cuts a text and escapes control characters: a plugin must not be able to forge a line of the log or to drive a
/// terminal.
pub(crate) fn clean(text: &str, bytes_max: usize) -> String {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut out = String::with_capacity(end);
    for c in text.get(..end).unwrap_or_default().chars() {
        if c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    if end < text.len() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_forge_another() {
        assert_eq!(
            clean("a\nlevel=error \u{1b}[31m\u{202e}", 100),
            "a\\nlevel=error \\u{1b}[31m\\u{202e}"
        );
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        assert_eq!(clean("ééé", 3), "é…");
        assert_eq!(clean("abc", 3), "abc");
    }
}
