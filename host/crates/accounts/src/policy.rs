//! What a new password must be (NIST SP 800-63B §3.1.1.2): long enough, not one's own name, not one that is guessed
//! early. No rules about kinds of characters: they make passwords alike.

use authly_core::{SecretText, user::normalize_username};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// The fewest characters that may be configured.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// The longest password, in bytes as it was sent: room for any passphrase, a bound on what one request can make us
/// hash.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// A name shorter than this is in half of all passwords by chance.
const NAME_CHARS_MIN: usize = 3;
/// What a password must have beside its owner's name.
const BESIDE_NAME_CHARS_MIN: usize = 4;

/// What an operator asks of new passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The fewest characters; at least [`PASSWORD_CHARS_MIN`].
    pub length_min: usize,
    /// The lowest estimate of strength: 0 asks nothing, 1 a thousand guesses, 2 a million, 3 a hundred million, 4 ten
    /// thousand million.
    pub strength_min: u8,
}

impl Default for PasswordPolicy {
    /// Eight characters, and more than a million guesses: what a login throttle holds off for years.
    fn default() -> Self {
        Self {
            length_min: PASSWORD_CHARS_MIN,
            strength_min: 2,
        }
    }
}

/// Why a password is refused, in words for whoever chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    /// Too few characters.
    #[error("the password is too short: it needs at least {length_min} characters")]
    Short {
        /// How many it needs.
        length_min: usize,
    },
    /// Too many bytes.
    #[error("the password is too long: it may have at most 1024 bytes")]
    Long,
    /// The name or the address of its owner, and little else.
    #[error("the password is the user name or the e-mail address with little else: choose another one")]
    OwnName,
    /// Among the first that would be guessed.
    #[error(
        "the password is too easy to guess: choose a longer one, such as four words that do not belong together"
    )]
    Guessable,
    /// The password it is to replace.
    #[error("the new password is the current one: choose another one")]
    Same,
}

impl PasswordPolicy {
    /// Checks a new password of a person who is called `names` (user name, e-mail address, what else is known).
    ///
    /// # Errors
    /// [`PasswordRefusal`].
    pub fn check(self, password: &SecretText, names: &[String]) -> Result<(), PasswordRefusal> {
        if password.expose().len() > PASSWORD_BYTES_MAX {
            return Err(PasswordRefusal::Long);
        }
        let password = normalize_password(password);
        let length_min = self.length_min.max(PASSWORD_CHARS_MIN);
        if password.expose().chars().count() < length_min {
            return Err(PasswordRefusal::Short { length_min });
        }
        if names.iter().any(|name| is_little_beside(&password, name)) {
            return Err(PasswordRefusal::OwnName);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // Looks at the first 100 characters only, so its work is bounded.
        let strength = zxcvbn::zxcvbn(password.expose(), &names).score();
        if u8::from(strength) < self.strength_min {
            return Err(PasswordRefusal::Guessable);
        }
        Ok(())
    }
}

/// Whether the password is a name, or the part of an address before its `@`, with next to nothing added.
fn is_little_beside(password: &SecretText, name: &str) -> bool {
    let password = Zeroizing::new(normalize_username(password.expose()));
    let name = normalize_username(name);
    let local = name.split('@').next().unwrap_or_default();
    [name.as_str(), local].into_iter().any(|name| {
        let is_long = name.chars().count() >= NAME_CHARS_MIN;
        is_long && password.contains(name) && {
            let rest = Zeroizing::new(password.replace(name, ""));
            rest.chars().count() < BESIDE_NAME_CHARS_MIN
        }
    })
}

/// The form in which a password is hashed and verified: one keyboard writes é as one character and another as two, and
/// the person typed the same. As the `OpaqueString` profile maps it (RFC 8265 §4.2.2: spaces to the plain one, NFC);
/// nothing is folded, since nothing may be lost.
pub(crate) fn normalize_password(password: &SecretText) -> SecretText {
    let text = password.expose();
    if text.is_ascii() {
        return password.clone();
    }
    // Room for the longest composed form, so that no copy is left behind when it grows.
    let mut composed = String::with_capacity(text.len().saturating_mul(3));
    composed.extend(text.chars().map(plain_space).nfc());
    SecretText::new(composed)
}

/// The separators of Unicode's category Zs.
fn plain_space(c: char) -> char {
    match c {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    fn check(password: &str) -> Result<(), PasswordRefusal> {
        let names = ["Alice".to_owned(), "alice.b@example.com".to_owned()];
        PasswordPolicy::default().check(&text(password), &names)
    }

    #[test]
    fn length_counts_characters_at_least_and_bytes_at_most() {
        let lax = PasswordPolicy {
            strength_min: 0,
            ..PasswordPolicy::default()
        };
        let check = |password: &str| lax.check(&text(password), &[]);
        let short = Err(PasswordRefusal::Short { length_min: 8 });
        assert_eq!(check("qzjxwvk"), short);
        assert_eq!(check("qzjxwvkp"), Ok(()));
        assert_eq!(check(&"é".repeat(7)), short);
        assert_eq!(check(&"é".repeat(8)), Ok(()));
        // Two characters that are one.
        assert_eq!(check(&"e\u{301}".repeat(7)), short);
        assert_eq!(check(&"p".repeat(PASSWORD_BYTES_MAX)), Ok(()));
        assert_eq!(
            check(&"p".repeat(PASSWORD_BYTES_MAX + 1)),
            Err(PasswordRefusal::Long)
        );
    }

    #[test]
    fn configured_length_is_never_below_eight() {
        let policy = |length_min| PasswordPolicy {
            length_min,
            strength_min: 0,
        };
        let short = Err(PasswordRefusal::Short { length_min: 8 });
        assert_eq!(policy(1).check(&text("qzjxwvk"), &[]), short);
        let short = Err(PasswordRefusal::Short { length_min: 12 });
        assert_eq!(policy(12).check(&text("qzjxwvkpqzj"), &[]), short);
        assert_eq!(policy(12).check(&text("qzjxwvkpqzjx"), &[]), Ok(()));
    }

    #[test]
    fn own_name_is_no_password() {
        for own in [
            "alicealice",
            "ALICE123 ",
            "1alice.b@example.com",
            "alice.b99",
            "aLiceAlice.b",
        ] {
            assert!(
                matches!(
                    check(own),
                    Err(PasswordRefusal::OwnName | PasswordRefusal::Guessable)
                ),
                "{own}: {:?}",
                check(own)
            );
        }
        assert_eq!(check("alice.b@example.com"), Err(PasswordRefusal::OwnName));
        assert_eq!(check("alice keeps nine geese"), Ok(()));
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for bad in [
            "password",
            "12345678",
            "qwertyuiop",
            "aaaaaaaaaaaa",
            "Passw0rd!",
            "letmein123",
        ] {
            assert_eq!(check(bad), Err(PasswordRefusal::Guessable), "{bad}");
        }
        for good in ["correct horse battery", "vK8#qLw2zP", "mijn fiets is gestolen"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn spellings_of_one_password_are_one() {
        let composed = normalize_password(&text("caf\u{e9} au lait"));
        let apart = normalize_password(&text("cafe\u{301}\u{a0}au\u{3000}lait"));
        assert_eq!(composed.expose(), apart.expose());
        // Capitals, width and compatibility stay: they may be what makes it strong.
        assert_ne!(normalize_password(&text("\u{ff21}é")).expose(), "Aé");
    }
}
