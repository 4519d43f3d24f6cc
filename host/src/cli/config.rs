//! `authly config check | show | reference`

use super::{
    args::{ConfigCommand, Format},
    console::Console,
    failure::Failure,
    load, output,
};
use crate::config::{Sources, render_reference, shown_values};

/// Runs one of them.
pub(super) fn run(
    console: &mut Console<'_>,
    command: &ConfigCommand,
    sources: &Sources,
) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check => {
            let dir = load(sources)?.config.plugins.dir;
            if let Some(dir) = dir.filter(|dir| !dir.is_dir()) {
                console.note(&format!(
                    "plugins.dir is {}, and there is no such folder yet: no plugin runs until there is.",
                    dir.display()
                ));
            }
            console.print("the configuration is good\n")
        }
        ConfigCommand::Reference => console.print(&render_reference()),
        ConfigCommand::Show { output } => {
            let shown = shown_values(&load(sources)?.layers);
            let text = match output.output {
                Format::Json => output::json(&shown)?,
                Format::Table => {
                    let rows: Vec<Vec<String>> = shown
                        .into_iter()
                        .map(|value| vec![value.key, value.value, value.origin])
                        .collect();
                    output::table(&["KEY", "VALUE", "FROM"], &rows)
                }
            };
            console.print(&text)
        }
    }
}
