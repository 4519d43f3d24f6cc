//! Claim plugins as an operator installs them: the shipped one, several times under different names.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use authly_testkit::site::claims;
use serde_json::Value;

/// Where `make plugins` puts the shipped one; `make` runs from the root of the repository.
const SHIPPED: &str = "target/plugins/wasm32-wasip2/release/attribute_claims.wasm";

/// The person's attribute that every plugin maps to a claim of its own.
pub const ATTRIBUTE: &str = "department";

/// Its value, as JSON.
pub const VALUE: &str = "\"Research\"";

/// Puts `count` plugins into the folder of a server that does not run yet.
pub fn install(folder: &Path, count: usize) -> Result<()> {
    for nth in 1..=count {
        std::fs::copy(SHIPPED, folder.join(format!("claims-{nth}.wasm")))
            .with_context(|| format!("{SHIPPED}: run `make plugins`"))?;
        let toml = format!(
            "hooks = [\"claim-mapper\"]\norder = {nth}\n[grants]\nclaims = [\"https://bench.example/*\"]\n[config]\n\
             claims = [{{ claim = \"{}\", from = \"attribute\", name = \"{ATTRIBUTE}\" }}]\n",
            claim(nth)
        );
        std::fs::write(folder.join(format!("claims-{nth}.toml")), toml)?;
    }
    Ok(())
}

/// Whether a person's access token has the claim of every plugin and no other.
pub fn check_mapped(access_token: &str, count: usize) -> Result<()> {
    let payload = claims(access_token);
    let has = |nth: usize| payload.get(claim(nth)).is_some_and(Value::is_string);
    ensure!(
        (1..=count).all(has) && !has(count + 1),
        "{count} plugins did not map what they should: {payload}"
    );
    Ok(())
}

fn claim(nth: usize) -> String {
    format!("https://bench.example/claim-{nth}")
}
