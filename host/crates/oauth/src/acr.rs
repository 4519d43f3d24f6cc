//! Authentication context classes (OIDC Core §2): one truthful word for how a person signed in.

/// `amr` of a sign-in by password (RFC 8176 §2).
const PASSWORD_METHOD: &str = "pwd";

/// A password, and nothing else. None of the registered classes says just that: those of ISO/IEC 29115 and of the
/// IANA "Level of Assurance Profiles" registry promise identity proofing too, which is the operator's business.
const PASSWORD: &str = "urn:authly:acr:password";

/// Every class that a sign-in can have; discovery lists them.
pub const ACR_VALUES: [&str; 1] = [PASSWORD];

/// The class of a sign-in by its methods (RFC 8176); `None` when no class says what they were.
///
/// Spec: OIDC Core §2 (`acr`, `amr`).
pub fn acr_of(amr: &[String]) -> Option<&'static str> {
    match amr {
        [method] if method == PASSWORD_METHOD => Some(PASSWORD),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acr_says_what_the_methods_were() {
        let of = |methods: &[&str]| acr_of(&methods.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(of(&["pwd"]), Some(PASSWORD));
        assert_eq!(of(&["pwd", "otp"]), None, "a password and nothing else");
        assert_eq!(of(&["otp"]), None);
        assert_eq!(of(&[]), None);
        assert!(ACR_VALUES.contains(&PASSWORD));
    }
}
