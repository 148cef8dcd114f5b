//! The hash of a scope's effective entries, drawn when somebody asks: a view is of use before its digest is, and what changed
//! twice in between is drawn once.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use driftless_statement::Path;

use crate::lthash::LtHash;
use crate::view::{EntryView, View};

/// Follows the view of one scope.
#[derive(Default)]
pub(super) struct ShownHash {
    /// Of the entries as they were before those below changed.
    hash: LtHash,
    /// What each entry that changed was then.
    before: BTreeMap<Path, Option<Arc<EntryView>>>,
    /// Of the entries as they are, once somebody asked.
    now: OnceLock<LtHash>,
}

impl ShownHash {
    /// An entry of the scope changes, from this.
    pub fn changes(&mut self, path: &Path, before: Option<&Arc<EntryView>>) {
        self.rest();
        self.before.entry(path.clone()).or_insert_with(|| before.cloned());
    }

    /// Lets go of what was before, once the hash was drawn.
    pub fn rest(&mut self) {
        if let Some(now) = self.now.take() {
            self.hash = now;
            self.before.clear();
        }
    }

    /// Thirty-two bytes that stand for the effective entries of the scope. `view`: the one after all changes that were told of.
    pub fn digest(&self, view: &View) -> [u8; 32] {
        let follow = || {
            let mut hash = self.hash.clone();
            for (path, before) in &self.before {
                let seen = |entry: &Arc<EntryView>| effective_bytes(path, entry);
                before.as_ref().and_then(seen).into_iter().for_each(|bytes| hash.remove(&bytes));
                view.get(path).and_then(seen).into_iter().for_each(|bytes| hash.insert(&bytes));
            }
            hash
        };
        self.now.get_or_init(follow).digest()
    }
}

/// What the effective digest sees of an entry: path, value, and the heads that it came from.
fn effective_bytes(path: &Path, entry: &EntryView) -> Option<Vec<u8>> {
    let json = entry.json()?;
    let mut bytes = Vec::with_capacity(path.as_str().len() + json.len() + 2 + entry.heads.len() * 32);
    bytes.extend_from_slice(path.as_str().as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(json.as_bytes());
    bytes.push(0);
    entry.heads.iter().for_each(|id| bytes.extend_from_slice(id.as_bytes()));
    Some(bytes)
}
