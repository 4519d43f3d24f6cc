//! Which RSA public keys are believed at all.

use crate::jwk::JwkError;

/// The shortest modulus, in bits (RFC 7518 §3.3).
pub(crate) const MODULUS_BITS_MIN: usize = 2048;
/// The longest modulus, in bits: what the cryptography takes, and a bound on the work of one verification.
pub(crate) const MODULUS_BITS_MAX: usize = 8192;
/// The smallest public exponent (FIPS 186-5 §A.1.1).
const EXPONENT_MIN: u64 = 65_537;
/// The largest public exponent, in bits: what the cryptography takes, and a bound on work.
const EXPONENT_BITS_MAX: u32 = 33;

/// The primes whose product divides M in every key that CVE-2017-15361 (ROCA) made, 2 aside.
const SMALL_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Checks modulus and exponent, big-endian.
///
/// # Errors
/// [`JwkError::Malformed`] for a padded number (RFC 7518 §2, Base64urlUInt), [`JwkError::Weak`] for a size out of
/// range, an unsafe exponent, a modulus with a small factor, or one that a flawed generator made (ROCA).
pub(crate) fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), JwkError> {
    let (Some(&top), Some(&low)) = (n.first(), n.last()) else {
        return Err(JwkError::Malformed("n is empty"));
    };
    if top == 0 || e.first().is_none_or(|&b| b == 0) {
        return Err(JwkError::Malformed("n and e must not be padded with zeros"));
    }
    let bits = n
        .len()
        .saturating_mul(8)
        .saturating_sub(top.leading_zeros() as usize);
    if !(MODULUS_BITS_MIN..=MODULUS_BITS_MAX).contains(&bits) {
        return Err(JwkError::Weak("an RSA modulus must have 2048 to 8192 bits"));
    }
    let exponent = e
        .iter()
        .take(9)
        .fold(0u64, |acc, &b| acc.wrapping_shl(8) | u64::from(b));
    let fits = e.len() <= 8 && u64::BITS - exponent.leading_zeros() <= EXPONENT_BITS_MAX;
    if !fits || exponent < EXPONENT_MIN || exponent.is_multiple_of(2) {
        return Err(JwkError::Weak(
            "an RSA exponent must be odd, at least 65537 and at most 33 bits long",
        ));
    }
    if low.is_multiple_of(2) || SMALL_PRIMES.iter().any(|&p| residue(n, p) == 0) {
        return Err(JwkError::Weak("the RSA modulus has a small factor"));
    }
    if SMALL_PRIMES.iter().all(|&p| is_power_of_65537(residue(n, p), p)) {
        return Err(JwkError::Weak(
            "the RSA key was made by a flawed generator (CVE-2017-15361)",
        ));
    }
    Ok(())
}

/// `n mod p`.
fn residue(n: &[u8], p: u32) -> u32 {
    n.iter().fold(0, |acc, &byte| (acc * 256 + u32::from(byte)) % p)
}

/// Whether `r` lies in the subgroup that 65537 generates modulo `p`. ROCA primes are `k·M + (65537^a mod M)`, so
/// their products are powers of 65537 modulo every prime that divides M; a random modulus is so for all 38 of them
/// with a probability below 2^-27.
fn is_power_of_65537(r: u32, p: u32) -> bool {
    let generator = 65_537 % p;
    let mut power = 1;
    loop {
        if power == r {
            return true;
        }
        power = power * generator % p;
        if power == 1 {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modulus(bits: usize) -> Vec<u8> {
        let mut n = vec![0xff; bits / 8];
        // Found by counting down to a number without small factors.
        let last = n.len() - 1;
        while SMALL_PRIMES.iter().any(|&p| residue(&n, p) == 0) {
            n[last] -= 2;
        }
        n
    }

    #[test]
    fn size_is_checked_at_the_boundary() {
        const E: [u8; 3] = [1, 0, 1];
        assert!(check_rsa(&modulus(2048), &E).is_ok());
        assert!(check_rsa(&modulus(8192), &E).is_ok());
        assert!(check_rsa(&modulus(8200), &E).is_err());
        assert!(check_rsa(&modulus(2040), &E).is_err());
        let mut n2047 = modulus(2048);
        n2047[0] = 0x7f;
        assert!(matches!(check_rsa(&n2047, &E), Err(JwkError::Weak(_))));
        let mut padded = modulus(2048);
        padded.insert(0, 0);
        assert!(matches!(check_rsa(&padded, &E), Err(JwkError::Malformed(_))));
    }

    #[test]
    fn exponent_must_be_odd_and_in_range() {
        let n = modulus(2048);
        for bad in [
            &[1][..],
            &[3],
            &[1, 0, 0],
            &[0, 1, 0, 1],
            &[2, 0, 0, 0, 1],
            &[1; 9],
            &[],
        ] {
            assert!(check_rsa(&n, bad).is_err(), "{bad:?}");
        }
        for good in [&[1, 0, 1][..], &[1, 0, 3], &[1, 0, 0, 0, 1]] {
            assert!(check_rsa(&n, good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn modulus_with_a_small_factor_is_refused() {
        let mut n = modulus(2048);
        let last = n.len() - 1;
        n[last] &= 0xfe;
        assert!(check_rsa(&n, &[1, 0, 1]).is_err());
        assert!(
            check_rsa(&vec![0xff; 256], &[1, 0, 1]).is_err(),
            "2^2048 - 1 is divisible by 3"
        );
    }

    #[test]
    fn roca_fingerprint_is_refused() {
        // A power of 65537 is one modulo every prime: (x << 16) + x, 127 times, has 2049 bits.
        let mut n = vec![1u8, 0, 1];
        for _ in 1..128 {
            let mut sum = vec![0u8; n.len() + 2];
            let mut carry = 0u16;
            for i in (0..sum.len()).rev() {
                let shifted = n.get(i).copied().unwrap_or(0);
                let plain = i.checked_sub(2).map_or(0, |j| n[j]);
                let digit = u16::from(shifted) + u16::from(plain) + carry;
                sum[i] = (digit & 0xff) as u8;
                carry = digit >> 8;
            }
            assert_eq!(carry, 0);
            n = sum;
        }
        let reason = check_rsa(&n, &[1, 0, 1]).unwrap_err();
        assert!(reason.to_string().contains("CVE-2017-15361"), "{reason}");
    }
}
