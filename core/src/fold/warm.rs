//! Which entries of a scope hold documents and older states, and which of them let go first. It knows their weight, not
//! what is in them.

use std::collections::BTreeMap;

use driftless_statement::Path;

use super::entry::Entry;

/// Memory that documents and marks of a scope's busy entries may take, roughly, in bytes. A guess: some hundreds of
/// entries can be edited from several sides at once before one has to be replayed.
const WARM_BYTES: usize = 64 * 1024 * 1024;

/// Entries that hold a document or marks, least recently used first.
#[derive(Debug, Clone, Default)]
pub(super) struct WarmList {
    uses: u64,
    bytes: usize,
    list: BTreeMap<u64, (Path, usize)>,
}

impl WarmList {
    /// Files an entry as just used.
    pub(super) fn file(&mut self, path: &Path, entry: &mut Entry) {
        let Some(mut warm) = entry.warm.take() else { return };
        if let Some((_, bytes)) = self.list.remove(&warm.used) {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        if warm.tidy(entry.next) {
            self.uses += 1;
            warm.used = self.uses;
            let bytes = warm.weight(entry.state.bound.bytes);
            self.bytes = self.bytes.saturating_add(bytes);
            self.list.insert(warm.used, (path.clone(), bytes));
            entry.warm = Some(warm);
        }
    }

    /// Takes out what was not used for longest, as long as all together take too much.
    pub(super) fn overdue(&mut self) -> Vec<Path> {
        let mut over = Vec::new();
        while self.bytes > WARM_BYTES {
            let Some((_, (path, bytes))) = self.list.pop_first() else { break };
            self.bytes = self.bytes.saturating_sub(bytes);
            over.push(path);
        }
        over
    }
}
