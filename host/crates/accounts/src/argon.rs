//! Argon2id (RFC 9106) in PHC strings, in memory that is lent to it.

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::phc::{Output, ParamsString, Salt},
};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

/// Memory per hash, in KiB: OWASP's first choice for Argon2id, with [`T_COST`] and [`P_COST`].
pub(crate) const M_COST: u32 = 19 * 1024;
/// Passes over the memory.
pub(crate) const T_COST: u32 = 2;
/// Lanes.
pub(crate) const P_COST: u32 = 1;
/// The most memory a stored hash may ask for, in KiB (RFC 9106 §4, second recommendation). Whoever can write a hash
/// must not be able to take the server's memory with it.
const M_COST_MAX: u32 = 64 * 1024;
/// The most passes a stored hash may ask for.
const T_COST_MAX: u32 = 6;
/// The most lanes a stored hash may ask for.
const P_COST_MAX: u32 = 4;
/// The length of a hash, in bytes.
const OUTPUT_BYTES: usize = 32;
/// The length of a salt, in bytes (RFC 9106 §3.1).
pub(crate) const SALT_BYTES: usize = 16;

/// A stored hash cannot be used, or the parameters are not those of Argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored password hash is not an Argon2id PHC string within the limits")]
pub(crate) struct UnusableHash;

/// One worker's memory, kept between hashes: mapping it anew costs a third of the time of a hash.
#[derive(Default)]
pub(crate) struct Memory {
    blocks: Vec<Block>,
}

impl Memory {
    /// How many bytes are held.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.capacity().saturating_mul(Block::SIZE)
    }

    /// Gives back what an unusually large hash took.
    pub(crate) fn trim(&mut self) {
        if self.blocks.len() > M_COST as usize {
            self.release();
        }
    }

    /// Gives everything back, wiped: it was derived from passwords.
    pub(crate) fn release(&mut self) {
        self.blocks.zeroize();
        self.blocks = Vec::new();
    }

    fn lend(&mut self, count: usize) -> &mut [Block] {
        if self.blocks.len() < count {
            self.blocks.resize(count, Block::new());
        }
        &mut self.blocks
    }
}

/// Hashes a password into a PHC string with our parameters.
pub(crate) fn hash(
    password: &[u8],
    salt: &[u8; SALT_BYTES],
    memory: &mut Memory,
) -> Result<String, UnusableHash> {
    let params = Params::new(M_COST, T_COST, P_COST, Some(OUTPUT_BYTES)).map_err(|_| UnusableHash)?;
    let output = derive(password, salt, &params, memory)?;
    Ok(PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|_| UnusableHash)?,
        salt: Some(Salt::new(salt).map_err(|_| UnusableHash)?),
        hash: Some(Output::new(&output).map_err(|_| UnusableHash)?),
    }
    .to_string())
}

/// Whether the password has this hash. The parameters are those of the stored hash, within the limits.
pub(crate) fn verify(password: &[u8], phc: &str, memory: &mut Memory) -> Result<bool, UnusableHash> {
    let stored = PasswordHash::new(phc).map_err(|_| UnusableHash)?;
    let params = Params::try_from(&stored).map_err(|_| UnusableHash)?;
    let within =
        params.m_cost() <= M_COST_MAX && params.t_cost() <= T_COST_MAX && params.p_cost() <= P_COST_MAX;
    let known = stored.algorithm == ARGON2ID_IDENT && stored.version == Some(Version::V0x13.into());
    let plain = params.keyid().is_empty() && params.data().is_empty();
    let (true, true, true, Some(salt), Some(expected)) = (within, known, plain, stored.salt, stored.hash)
    else {
        return Err(UnusableHash);
    };
    let output = derive(password, salt.as_ref(), &params, memory)?;
    Ok(output.ct_eq(expected.as_bytes()).into())
}

fn derive(
    password: &[u8],
    salt: &[u8],
    params: &Params,
    memory: &mut Memory,
) -> Result<Zeroizing<Vec<u8>>, UnusableHash> {
    let mut output = Zeroizing::new(vec![0; params.output_len().unwrap_or(OUTPUT_BYTES)]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password, salt, &mut output, memory.lend(params.block_count()))
        .map_err(|_| UnusableHash)?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the reference implementation's command line: `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1`.
    const REFERENCE: &str =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    #[test]
    fn reference_hash_verifies_and_its_memory_is_given_back() {
        let mut memory = Memory::default();
        assert_eq!(verify(b"password", REFERENCE, &mut memory), Ok(true));
        assert_eq!(verify(b"passwore", REFERENCE, &mut memory), Ok(false));
        memory.trim();
        assert_eq!(memory.bytes(), 0);
    }

    #[test]
    fn hash_has_the_parameters_of_the_policy_and_reused_memory_changes_nothing() {
        let mut memory = Memory::default();
        let first = hash(b"correct horse", &[7; SALT_BYTES], &mut memory).unwrap();
        let second = hash(b"correct horse", &[7; SALT_BYTES], &mut memory).unwrap();
        assert_eq!(first, second);
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_eq!(verify(b"correct horse", &first, &mut memory), Ok(true));
        assert_eq!(verify(b"correct hors", &first, &mut memory), Ok(false));
        memory.trim();
        assert_eq!(memory.bytes(), 19 * 1024 * 1024);
    }

    #[test]
    fn stored_hash_beyond_the_limits_is_refused_before_it_costs_anything() {
        let tail = "c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        for bad in [
            format!("$argon2id$v=19$m=65537,t=2,p=1${tail}"),
            format!("$argon2id$v=19$m=4294967295,t=2,p=1${tail}"),
            format!("$argon2id$v=19$m=16,t=7,p=1${tail}"),
            format!("$argon2id$v=19$m=64,t=1,p=5${tail}"),
            format!("$argon2i$v=19$m=16,t=2,p=1${tail}"),
            format!("$argon2d$v=19$m=16,t=2,p=1${tail}"),
            format!("$argon2id$v=16$m=16,t=2,p=1${tail}"),
            format!("$argon2id$m=16,t=2,p=1${tail}"),
            "$argon2id$v=19$m=16,t=2,p=1$c29tZXNhbHQ".to_owned(),
            "$argon2id$v=19$m=16,t=2,p=1".to_owned(),
            "plain".to_owned(),
            String::new(),
        ] {
            let mut memory = Memory::default();
            assert_eq!(verify(b"password", &bad, &mut memory), Err(UnusableHash), "{bad}");
            assert_eq!(memory.bytes(), 0, "{bad}");
        }
    }
}
