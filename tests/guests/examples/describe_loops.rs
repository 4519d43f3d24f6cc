//! Never says who it is.

use authly_test_guests::sdk::{Changes, ClaimMapper, Description, Input, NoConfig, PluginError};

struct Guest;

impl ClaimMapper for Guest {
    type Config = NoConfig;

    fn describe() -> Description {
        let mut n = 0u64;
        loop {
            n = std::hint::black_box(n.wrapping_add(1));
        }
    }

    fn map_claims(_: &Input, _: &NoConfig, _: &mut Changes) -> Result<(), PluginError> {
        Ok(())
    }
}

authly_test_guests::sdk::export!(Guest);
