//! authly
