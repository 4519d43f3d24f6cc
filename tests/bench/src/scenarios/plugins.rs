//! Claim plugins that are not the same machine code: each has a digest of its own, as plugins of different teams have.

use std::path::Path;

use anyhow::{Context as _, Result};

/// Where `make plugins` puts the shipped one; `make` runs from the root of the repository.
const SHIPPED: &str = "target/plugins/wasm32-wasip2/release/attribute_claims.wasm";

/// A custom section's id, in modules and components alike.
const CUSTOM: u8 = 0;

/// Puts `count` plugins into the folder of a server that does not run yet.
pub fn install(folder: &Path, count: u8) -> Result<()> {
    let shipped = std::fs::read(SHIPPED).with_context(|| format!("{SHIPPED}: run `make plugins`"))?;
    for nth in 0..count {
        let claim = format!("https://bench.example/claim-{nth}");
        let toml = format!(
            "hooks = [\"claim-mapper\"]\norder = {nth}\n[grants]\nclaims = [\"{claim}\"]\n[config]\n\
             claims = [{{ claim = \"{claim}\", from = \"groups\" }}]\n"
        );
        std::fs::write(folder.join(format!("claims-{nth}.wasm")), marked(&shipped, nth))?;
        std::fs::write(folder.join(format!("claims-{nth}.toml")), toml)?;
    }
    Ok(())
}

/// The same component with another digest: a custom section of two bytes, an empty name and a number, means nothing.
fn marked(component: &[u8], number: u8) -> Vec<u8> {
    [component, &[CUSTOM, 2, 0, number]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_section_behind_the_others() {
        let empty = *b"\0asm\x0d\0\x01\0";
        assert_eq!(marked(&empty, 7), b"\0asm\x0d\0\x01\0\0\x02\0\x07");
    }
}
