//! Writes every page in every state, and the files they load, into a directory, for tests/browser/screens.mjs to
//! look at: `cargo run -p authly --example screens -- DIRECTORY`.

use std::{env, fs, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result};
use authly::web::pages::{Pages, samples::samples};
use authly_core::Rng;
use serde_json::json;

/// The same pages every time: pictures can be compared.
struct Fixed;

impl Rng for Fixed {
    fn fill(&self, dest: &mut [u8]) {
        dest.fill(7);
    }
}

fn main() -> Result<()> {
    let dir = PathBuf::from(env::args_os().nth(1).context("name a directory")?);
    fs::create_dir_all(&dir)?;
    let pages = Pages::load(None, "", Arc::new(Fixed))?;
    let mut index = Vec::new();
    for sample in samples() {
        let page = sample.view.render(&pages)?;
        fs::write(dir.join(format!("{}.html", sample.name)), page.html)?;
        index.push(json!({ "name": sample.name, "csp": page.csp, "status": page.status.as_u16() }));
    }
    let mut assets = Vec::new();
    for asset in pages.assets().iter() {
        fs::write(dir.join(asset.name), &asset.bytes)?;
        assets.push(json!({ "name": asset.name, "type": asset.content_type }));
    }
    let index = json!({ "pages": index, "assets": assets });
    fs::write(dir.join("index.json"), serde_json::to_vec_pretty(&index)?)?;
    Ok(())
}
