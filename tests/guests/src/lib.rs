//! What the guests share.

pub use authly_plugin_sdk as sdk;

/// The claim that well-behaved guests set.
pub const STAMP: &str = "https://example.com/stamp";
/// Everywhere.
pub const TARGETS: [&str; 3] = ["id-token", "access-token", "userinfo"];

/// Exports a plugin that has no configuration and whose `map_claims` is the given block.
#[macro_export]
macro_rules! mapper {
    (|$input:ident, $changes:ident| $body:block) => {
        struct Guest;

        impl $crate::sdk::ClaimMapper for Guest {
            type Config = $crate::sdk::NoConfig;

            fn describe() -> $crate::sdk::Description {
                $crate::sdk::Description::new("guest", "Guest", "1.0.0")
            }

            fn map_claims(
                $input: &$crate::sdk::Input,
                _: &Self::Config,
                $changes: &mut $crate::sdk::Changes,
            ) -> Result<(), $crate::sdk::PluginError> {
                $body
            }
        }

        $crate::sdk::export!(Guest);
    };
}
