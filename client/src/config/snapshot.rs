//! One immutable state of what is watched. Cloning one shares nearly everything, so a change costs what it changes.
//! It must not know where changes come from.

use std::ops::Bound;
use std::sync::Arc;

use driftless_statement::{Path, Prefix, Value};
use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::index::Index;
use crate::api::Item;

/// An entry as it lies in a snapshot. Equal when it is the very same one, so that comparing snapshots is cheap.
#[derive(Debug, Clone)]
pub(super) struct Kept(pub Arc<Item>);

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// An immutable state of the entries watched.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    entries: OrdMap<Path, Kept>,
    /// The same entries for reads by path.
    index: Index,
    differing: usize,
}

/// What became of one entry between two snapshots.
#[derive(Debug, Clone)]
pub struct Change {
    /// The entry.
    pub path: Path,
    /// As it was; absent when it is new.
    pub before: Option<Arc<Item>>,
    /// As it is; absent when it is gone.
    pub after: Option<Arc<Item>>,
}

impl Snapshot {
    /// An entry.
    pub fn item(&self, path: &str) -> Option<&Arc<Item>> {
        self.index.get(path)
    }

    /// An entry's value.
    pub fn value(&self, path: &str) -> Option<&Value> {
        self.item(path).map(|item| &item.value)
    }

    /// The entries under a prefix, ascending by path.
    pub fn under<'a>(&'a self, prefix: &'a Prefix) -> impl Iterator<Item = &'a Arc<Item>> {
        // Paths under `a/b` do not all lie together: `a/b-c` sorts before `a/b/c`. Begin at the first and look at each.
        let from = self.entries.range::<_, str>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        from.map(|(_, kept)| &kept.0)
            .take_while(|item| item.path.as_str().starts_with(prefix.as_str()))
            .filter(|item| prefix.covers(&item.path))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether some entry's merged value waits for activation on the node.
    pub fn differs(&self) -> bool {
        self.differing > 0
    }

    /// All entries, ascending by path.
    pub fn items(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.entries.values().map(|kept| &kept.0)
    }

    /// What changed under a prefix since an earlier snapshot, ascending by path.
    pub fn changes_since(&self, earlier: &Self, prefix: &Prefix) -> Vec<Change> {
        let changes = earlier.entries.diff(&self.entries).map(|difference| match difference {
            DiffItem::Add(path, new) => Change { path: path.clone(), before: None, after: Some(new.0.clone()) },
            DiffItem::Remove(path, old) => Change { path: path.clone(), before: Some(old.0.clone()), after: None },
            DiffItem::Update { old: (path, old), new: (_, new) } => {
                Change { path: path.clone(), before: Some(old.0.clone()), after: Some(new.0.clone()) }
            }
        });
        changes.filter(|change| prefix.covers(&change.path)).collect()
    }

    /// Puts an entry; one that says the same as before stays the very same.
    pub(super) fn put(&mut self, item: Item) {
        if self.item(item.path.as_str()).is_some_and(|old| same(old, &item)) {
            return;
        }
        let before = self.item(item.path.as_str()).is_some_and(|old| old.differs);
        self.differing = self.differing.saturating_sub(usize::from(before));
        self.differing += usize::from(item.differs);
        let item = Arc::new(item);
        self.index.insert(&item);
        self.entries.insert(item.path.clone(), Kept(item));
    }

    /// Deletes an entry.
    pub(super) fn delete(&mut self, path: &str) {
        self.index.remove(path);
        if let Some(old) = self.entries.remove(path) {
            self.differing = self.differing.saturating_sub(usize::from(old.0.differs));
        }
    }

    /// Makes the entries under a prefix be these.
    pub(super) fn replace(&mut self, prefix: &Prefix, items: Vec<Item>) {
        let stays: std::collections::BTreeSet<&Path> = items.iter().map(|item| &item.path).collect();
        let gone: Vec<Path> =
            self.under(prefix).map(|item| item.path.clone()).filter(|path| !stays.contains(path)).collect();
        gone.iter().for_each(|path| self.delete(path.as_str()));
        items.into_iter().for_each(|item| self.put(item));
    }
}

fn same(old: &Item, new: &Item) -> bool {
    old.value == new.value && old.etag == new.etag && old.differs == new.differs && old.conflicts == new.conflicts
}
