//! The hash of a scope's effective entries, drawn when somebody asks: a view is of use before its digest is, and what changed
//! twice in between is drawn once.

use std::sync::{Arc, OnceLock};

use driftless_statement::Path;

use crate::lthash::LtHash;
use crate::view::{EntryView, View};

/// Changes that are noted before the list is looked through first.
const ROOM: usize = 64;

/// Follows the view of one scope.
#[derive(Default)]
pub(super) struct ShownHash {
    /// Of the entries as they were before those below changed.
    hash: LtHash,
    /// What each entry that changed was then: what stands first of a path. In one piece of memory, which goes back whole: after
    /// a start every entry is in it.
    before: Vec<(Path, Option<Arc<EntryView>>)>,
    /// How long that list may become until it is looked through for paths that come again.
    room: usize,
    /// Of the entries as they are, once somebody asked.
    now: OnceLock<LtHash>,
}

impl ShownHash {
    /// An entry of the scope changes, from this.
    pub fn changes(&mut self, path: &Path, before: Option<&Arc<EntryView>>) {
        self.rest();
        if self.before.len() >= self.room {
            self.before = self.firsts().cloned().collect();
            self.room = 2 * self.before.len() + ROOM;
        }
        self.before.push((path.clone(), before.cloned()));
    }

    /// What stands first of each path.
    fn firsts(&self) -> impl Iterator<Item = &(Path, Option<Arc<EntryView>>)> {
        let mut firsts: Vec<_> = self.before.iter().collect();
        // Stable, so what stands first stays first.
        firsts.sort_by(|one, other| one.0.cmp(&other.0));
        firsts.dedup_by(|later, first| later.0 == first.0);
        firsts.into_iter()
    }

    /// Lets go of what was before, once the hash was drawn.
    pub fn rest(&mut self) {
        if let Some(now) = self.now.take() {
            self.hash = now;
            self.before = Vec::new();
        }
    }

    /// Thirty-two bytes that stand for the effective entries of the scope. `view`: the one after all changes that were told of.
    pub fn digest(&self, view: &View) -> [u8; 32] {
        let follow = || {
            let mut hash = self.hash.clone();
            for (path, before) in self.firsts() {
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

#[cfg(test)]
mod tests {
    use driftless_statement::{StatementId, Value};
    use proptest::prelude::*;

    use super::*;
    use crate::view::Candidate;

    proptest! {
        /// Whoever asks, and how often, it is the hash of what the view shows.
        #[test]
        fn it_is_the_hash_of_what_is_shown(steps in prop::collection::vec((0u8..4, 0u8..5, 0u8..90), 1..400)) {
            let (mut view, mut shown) = (View::empty(1, 1), ShownHash::default());
            for (path, value, then) in steps {
                let path: Path = format!("shop/{path}").parse().unwrap();
                let value = Some(Value::Int(value.into())).filter(|_| value > 0).map(Arc::new);
                let heads = [StatementId([then; 32])].into();
                let candidate = Candidate { path: path.clone(), value, heads, conflicts: 0 };
                if let Some((next, touched)) = view.next([candidate]) {
                    touched.iter().for_each(|path| shown.changes(path, view.get(path)));
                    view = next;
                }
                let mut anew = LtHash::default();
                for (path, entry) in view.under(&"".parse().unwrap(), None) {
                    effective_bytes(path, entry).into_iter().for_each(|bytes| anew.insert(&bytes));
                }
                if then == 1 {
                    prop_assert_eq!(shown.digest(&view), anew.digest());
                } else if then == 2 {
                    prop_assert_eq!(shown.digest(&view), anew.digest());
                    shown.rest();
                    prop_assert!(shown.before.is_empty());
                }
            }
        }
    }
}
