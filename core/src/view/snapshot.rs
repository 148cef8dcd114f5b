//! The snapshot itself: entries in a persistent map, and the changes that led to it, so that a watch can resume.

use std::borrow::Cow;
use std::ops::Bound;
use std::sync::Arc;

use driftless_statement::{Path, Prefix, StatementId, Value};
use imbl::{OrdMap, Vector};

use super::activate::{Candidate, activate};
use super::effective::Effective;
use super::revision::Revision;

/// Changes that a view remembers for resuming watches. A reader further behind gets the whole state, which costs about
/// as much as this many changes.
const REMEMBERED: usize = 8192;

/// One entry as services read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryView {
    /// The effective value; `None`: nothing is effective here, though something is merged.
    pub effective: Option<Effective>,
    /// The heads that the effective value came from.
    pub heads: Arc<[StatementId]>,
    /// The merged heads: what edits are based on and `If-Match` covers.
    pub merged_heads: Arc<[StatementId]>,
    /// Whether merged and effective differ.
    pub differs: bool,
    /// Open conflicts.
    pub conflicts: u32,
    /// Count of the view in which the effective value last changed.
    pub changed: u64,
}

impl EntryView {
    /// The effective value.
    pub fn value(&self) -> Option<Value> {
        self.effective.as_ref().and_then(Effective::value)
    }

    /// The effective value as compact JSON.
    pub fn json(&self) -> Option<Cow<'_, str>> {
        self.effective.as_ref().map(Effective::json)
    }

    /// Whether anything is known of it: not, once a schema that came late has taken back the only statements about it.
    fn is_there(&self) -> bool {
        self.effective.is_some() || !self.merged_heads.is_empty()
    }

    /// The entity tag of the merged heads, without quotes: 32 hexadecimal digits.
    pub fn etag(&self) -> String {
        etag(&self.merged_heads)
    }
}

/// The entity tag of heads, without quotes.
pub fn etag(heads: &[StatementId]) -> String {
    let mut hasher = blake3::Hasher::new();
    for id in heads {
        hasher.update(id.as_bytes());
    }
    driftless_statement::id::hex(hasher.finalize().as_bytes().first_chunk::<16>().map_or(&[][..], |half| half))
}

/// What happened since a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// These entries changed, ascending, each once; read them from the view.
    Changed(Vec<Path>),
    /// The revision is too old, of an earlier boot or of another store: start from the whole state.
    Behind,
}

/// An immutable snapshot. Cloning shares everything.
#[derive(Debug, Clone)]
pub struct View {
    revision: Revision,
    entries: OrdMap<Path, Arc<EntryView>>,
    live: usize,
    changes: Vector<(u64, Path)>,
    /// Count of the last view whose changes were forgotten.
    forgotten: u64,
}

impl View {
    /// The empty view of a store that was just opened.
    pub fn empty(store: u64, boot: u64) -> Self {
        Self {
            revision: Revision { store, boot, count: 0 },
            entries: OrdMap::new(),
            live: 0,
            changes: Vector::new(),
            forgotten: 0,
        }
    }

    /// Which view this is.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Entries with an effective value.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no entry has an effective value.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The entry at a path, also when only its merged heads are known (it was deleted, or waits for activation).
    pub fn get(&self, path: &Path) -> Option<&Arc<EntryView>> {
        self.entries.get(path)
    }

    /// The same by the path's text; a text that is no path names no entry.
    pub fn get_text(&self, path: &str) -> Option<&Arc<EntryView>> {
        self.entries.get(path)
    }

    /// Entries under a prefix, ascending by path, from behind `after` on; deleted ones included.
    pub fn under<'a>(
        &'a self,
        prefix: &'a Prefix,
        after: Option<&'a Path>,
    ) -> impl Iterator<Item = (&'a Path, &'a Arc<EntryView>)> {
        let start = match after.map(Path::as_str).filter(|after| *after >= prefix.as_str()) {
            Some(after) => Bound::Excluded(after),
            None => Bound::Included(prefix.as_str()),
        };
        // Some path characters sort before `/`, so a sibling like `shop-b` may lie between `shop` and `shop/a`: it is
        // filtered, not a reason to stop.
        self.entries
            .range::<(Bound<&str>, Bound<&str>), str>((start, Bound::Unbounded))
            .take_while(move |(path, _)| path.as_str().starts_with(prefix.as_str()))
            .filter(move |(path, _)| prefix.covers(path))
    }

    /// What changed after `revision` up to this view.
    pub fn since(&self, revision: &Revision) -> Since {
        let same = revision.store == self.revision.store && revision.boot == self.revision.boot;
        if !same || revision.count < self.forgotten || revision.count > self.revision.count {
            return Since::Behind;
        }
        let new = self.changes.iter().rev().take_while(|(count, _)| *count > revision.count);
        let mut paths: Vec<Path> = new.map(|(_, path)| path.clone()).collect();
        paths.sort_unstable();
        paths.dedup();
        Since::Changed(paths)
    }

    /// The next view: merged entries pass through activation. Returns it with the entries that differ in anything from
    /// before, be it only their heads; `None` when none does. Watches see those whose effective value changed.
    pub fn next(&self, candidates: impl IntoIterator<Item = Candidate>) -> Option<(Self, Vec<Path>)> {
        let mut next = self.clone();
        next.revision.count += 1;
        let mut touched = Vec::new();
        for candidate in candidates {
            let old = next.entries.get(&candidate.path).cloned();
            let path = candidate.path.clone();
            let new = Some(fresh(old.as_deref(), candidate, next.revision.count)).filter(EntryView::is_there);
            if old.as_deref() == new.as_ref() {
                continue;
            }
            touched.push(path.clone());
            let effective = |entry: Option<&EntryView>| entry.and_then(|entry| entry.effective.clone());
            let (before, after) = (effective(old.as_deref()), effective(new.as_ref()));
            if before != after {
                next.live = next.live + usize::from(after.is_some()) - usize::from(before.is_some());
                next.changes.push_back((next.revision.count, path.clone()));
            }
            match new {
                Some(new) => drop(next.entries.insert(path, Arc::new(new))),
                None => drop(next.entries.remove(&path)),
            }
        }
        next.forget();
        (!touched.is_empty()).then_some((next, touched))
    }

    fn forget(&mut self) {
        while self.changes.len() > REMEMBERED {
            if let Some((count, _)) = self.changes.pop_front() {
                self.forgotten = count;
            }
        }
    }
}

/// An entry after a candidate met activation.
fn fresh(old: Option<&EntryView>, candidate: Candidate, count: u64) -> EntryView {
    let effective = candidate.value.as_deref().map(Effective::of);
    if !activate(&candidate) {
        let kept = old.cloned().unwrap_or(EntryView {
            effective: None,
            heads: Arc::new([]),
            merged_heads: Arc::new([]),
            differs: true,
            conflicts: 0,
            changed: count,
        });
        let differs = kept.effective != effective;
        return EntryView { merged_heads: candidate.heads, conflicts: candidate.conflicts, differs, ..kept };
    }
    let unchanged = old.filter(|old| old.effective == effective);
    EntryView {
        changed: unchanged.map_or(count, |old| old.changed),
        effective: unchanged.map_or(effective, |old| old.effective.clone()),
        merged_heads: candidate.heads.clone(),
        heads: candidate.heads,
        differs: false,
        conflicts: candidate.conflicts,
    }
}
