//! How a plugin type becomes a component.

/// What [`export!`](crate::export!) expands to; not for use by hand.
#[doc(hidden)]
pub mod glue {
    use crate::{
        Changes, ClaimMapper, ConfigIssue, Input, PluginError,
        bindings::{
            authly::plugin::config,
            exports::authly::plugin::{claim_mapper::Change, meta},
        },
        config::parse,
    };

    pub fn describe<P: ClaimMapper>() -> meta::Description {
        P::describe().into()
    }

    pub fn check_config<P: ClaimMapper>(json: &str) -> Result<(), Vec<ConfigIssue>> {
        let config = parse::<P::Config>(json).map_err(|issue| vec![issue])?;
        let issues = P::check_config(&config);
        if issues.is_empty() { Ok(()) } else { Err(issues) }
    }

    pub fn map_claims<P: ClaimMapper>(input: &Input) -> Result<Vec<Change>, PluginError> {
        let config = parse::<P::Config>(&config::all())
            .map_err(|issue| PluginError::Invalid(format!("{}: {}", issue.path, issue.message)))?;
        let mut changes = Changes::default();
        P::map_claims(input, &config, &mut changes)?;
        Ok(changes.into())
    }
}

/// Exports a [`ClaimMapper`](crate::ClaimMapper) as the plugin of this crate.
///
/// Writes the custom section `authly:plugin-api` too: the server reads from it which contract the plugin was built
/// for, before it compiles anything.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        // Elsewhere there is nothing to export to; the plugin's own tests run there.
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() -> $crate::Description = <$plugin as $crate::ClaimMapper>::describe;

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[used]
            #[unsafe(link_section = "authly:plugin-api")]
            static PLUGIN_API: [u8; 5] = *b"0.1.0";

            struct Component;

            impl $crate::bindings::exports::authly::plugin::meta::Guest for Component {
                fn describe() -> $crate::bindings::exports::authly::plugin::meta::Description {
                    $crate::glue::describe::<$plugin>()
                }

                fn check_config(config: String) -> Result<(), Vec<$crate::ConfigIssue>> {
                    $crate::glue::check_config::<$plugin>(&config)
                }
            }

            impl $crate::bindings::exports::authly::plugin::claim_mapper::Guest for Component {
                fn map_claims(
                    input: $crate::Input,
                ) -> Result<
                    Vec<$crate::bindings::exports::authly::plugin::claim_mapper::Change>,
                    $crate::PluginError,
                > {
                    $crate::glue::map_claims::<$plugin>(&input)
                }
            }

    $crate::bindings::export!(Component with_types_in $crate::bindings);
        };
    };
}
