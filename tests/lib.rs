//! The tests that see Authly as its clients see it: over HTTP.
