//! authly-accounts
