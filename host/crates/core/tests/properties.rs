//! Scope sets obey the laws of sets, and their text says all of them.
#![cfg(test)]

use std::collections::BTreeSet;

use authly_core::{Scope, ScopeSet};
use proptest::prelude::*;

/// One scope token (RFC 6749 §3.3), of few letters so that sets have scopes in common.
fn token() -> impl Strategy<Value = String> {
    "[!#a-c\\[\\]~]{1,2}"
}

fn tokens() -> impl Strategy<Value = BTreeSet<String>> {
    proptest::collection::btree_set(token(), 0..20)
}

fn set(tokens: &BTreeSet<String>) -> ScopeSet {
    tokens.iter().map(|token| Scope::parse(token).unwrap()).collect()
}

fn names(set: &ScopeSet) -> BTreeSet<String> {
    set.iter().map(ToString::to_string).collect()
}

proptest! {
    // A counterexample is printed; it becomes a test of its own rather than a file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_text_of_a_set_is_the_set(tokens in tokens()) {
        let set = set(&tokens);
        prop_assert_eq!(ScopeSet::parse(&set.to_string()).unwrap(), set);
    }

    #[test]
    fn order_repetition_and_spaces_carry_no_meaning(
        tokens in proptest::collection::vec(token(), 0..20),
        spaces in proptest::collection::vec(" {1,3}", 21),
    ) {
        let tokens_and_end = tokens.iter().map(String::as_str).chain([""]);
        let text: String = spaces.iter().map(String::as_str).zip(tokens_and_end)
            .flat_map(|(space, token)| [space, token])
            .collect();
        let expected: BTreeSet<String> = tokens.into_iter().collect();
        prop_assert_eq!(names(&ScopeSet::parse(&text).unwrap()), expected);
    }

    #[test]
    fn sets_obey_the_laws_of_sets(a in tokens(), b in tokens(), name in token()) {
        let (x, y) = (set(&a), set(&b));
        prop_assert_eq!(names(&x.union(&y)), &a | &b);
        prop_assert_eq!(names(&x.intersection(&y)), &a & &b);
        prop_assert_eq!(names(&x.difference(&y)), &a - &b);
        prop_assert_eq!(x.is_subset(&y), a.is_subset(&b));
        prop_assert_eq!(x.contains(&name), a.contains(&name));
        prop_assert_eq!(names(&x.without(&name)), &a - &BTreeSet::from([name]));
    }

    #[test]
    fn any_text_is_a_set_of_tokens_or_none(text in "\\PC{0,300}") {
        if let Ok(set) = ScopeSet::parse(&text) {
            let tokens = text.split(' ').filter(|token| !token.is_empty());
            prop_assert_eq!(names(&set), tokens.map(str::to_owned).collect::<BTreeSet<_>>());
        }
    }
}
