//! authly-oauth
