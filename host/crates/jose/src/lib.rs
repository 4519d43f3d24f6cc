//! JSON Web Signatures, keys and tokens (RFC 7515, RFC 7517, RFC 7518, RFC 7519, RFC 8037), as an authorization server
//! needs them: signing with keys that are parsed once, and verification that believes nothing before it is proved.
//!
//! - [`KeyRing`] holds the server's own signing keys; [`SharedKeys`] swaps one ring for the next.
//! - [`Signer`] is the port through which tokens are signed; [`LocalSigner`] signs with the ring's keys.
//! - [`sign_jwt`] assembles a token, [`verify_jwt`] proves one of ours.
//! - [`UnverifiedJws`] is a signature of anybody's, proved against a [`VerificationKey`] or a [`VerificationKeySet`].
//!
//! No encryption (RFC 7516) here, and no HTTP: whoever fetches a key set hands over its text.

mod alg;
mod base64url;
mod compact;
mod generate;
mod header;
mod jwk;
mod jwk_set;
mod jws;
mod keyring;
mod private_key;
mod proved;
mod public_key;
mod rotation;
mod rsa_modulus;
mod signer;
mod strict_json;
mod verify;

pub use alg::JwsAlg;
pub use compact::{JwsError, TOKEN_SIZE_BYTES_MAX, UnverifiedJws, VerifiedJws};
pub use generate::generate_key;
pub use header::JwsHeader;
pub use jwk::{JwkError, VerificationKey};
pub use jwk_set::VerificationKeySet;
pub use jws::sign_jwt;
pub use keyring::{KeyError, KeyRing, SharedKeys};
pub use rotation::{RotationPolicy, RotationStep, due};
pub use signer::{LocalSigner, SignError, Signer};
pub use verify::{CLOCK_SKEW, Expectation, JwtError, UnverifiedJwt, VerifiedJwt, numeric_date, verify_jwt};
