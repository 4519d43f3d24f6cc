//! authly-jose
