//! authly-storage
