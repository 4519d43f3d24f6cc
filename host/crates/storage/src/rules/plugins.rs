//! Which earlier candidates a plugin remembers, and what became of them.

use authly_core::{
    StorageError,
    plugin::{DesiredPlugin, PluginDigest, PluginHistory},
};

use crate::{codec::corrupt, rows::Columns};

/// A row of the history.
pub(crate) fn history_outcome(row: &mut impl Columns) -> Result<PluginHistory, StorageError> {
    PluginHistory::parse(&row.text()?).ok_or_else(|| corrupt("plugin_history.outcome"))
}

/// The earlier candidates after `next` took over from `active`, newest first, and those that are forgotten.
pub(crate) fn remember(
    active: PluginDigest,
    previous: &[PluginDigest],
    next: PluginDigest,
) -> (Vec<PluginDigest>, Vec<PluginDigest>) {
    let mut kept: Vec<PluginDigest> = Vec::new();
    let mut forgotten = Vec::new();
    for digest in std::iter::once(&active).chain(previous) {
        if *digest == next || kept.contains(digest) {
            continue;
        }
        if kept.len() < DesiredPlugin::PREVIOUS_MAX {
            kept.push(*digest);
        } else {
            forgotten.push(*digest);
        }
    }
    (kept, forgotten)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(bytes: &[u8]) -> Vec<PluginDigest> {
        bytes.iter().map(|b| PluginDigest([*b; 32])).collect()
    }

    #[test]
    fn newest_three_are_remembered() {
        let (kept, forgotten) = remember(PluginDigest([4; 32]), &digests(&[3, 2, 1]), PluginDigest([5; 32]));
        assert_eq!(kept, digests(&[4, 3, 2]));
        assert_eq!(forgotten, digests(&[1]));
    }

    #[test]
    fn rolling_back_does_not_remember_the_active_one_as_earlier() {
        let (kept, forgotten) = remember(PluginDigest([2; 32]), &digests(&[1]), PluginDigest([1; 32]));
        assert_eq!(kept, digests(&[2]));
        assert!(forgotten.is_empty());
        let (same, _) = remember(PluginDigest([2; 32]), &digests(&[1]), PluginDigest([2; 32]));
        assert_eq!(same, digests(&[1]));
    }
}
