//! `scope` (RFC 6749 §3.3): what parses is a set within its limits, and its text parses to the same set.
#![no_main]

use authly_core::ScopeSet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(set) = ScopeSet::parse(text) else { return };
    let shown = set.to_string();
    assert_eq!(ScopeSet::parse(&shown).as_ref(), Ok(&set), "its text is the set");
    let tokens: Vec<&str> = shown.split(' ').filter(|token| !token.is_empty()).collect();
    assert_eq!(tokens.len(), set.iter().count());
    assert!(tokens.len() <= ScopeSet::COUNT_MAX);
    assert!(tokens.is_sorted());
    // 1*( %x21 / %x23-5B / %x5D-7E )
    let in_grammar = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    assert!(
        tokens
            .iter()
            .all(|token| token.len() <= 255 && token.bytes().all(in_grammar))
    );
    for token in text.split(' ').filter(|token| !token.is_empty()) {
        assert!(set.contains(token), "{token:?} was asked for");
    }
    assert!(set.is_subset(&set) && set.difference(&set).is_empty());
});
