//! authly-plugin-host
