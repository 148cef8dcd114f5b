//! Prepared reads: a handle is bound to one path and one type, and holds the value as that type already. It must not
//! know how changes come.

use std::sync::Arc;

use arc_swap::ArcSwap;
use driftless_statement::{Path, Value, json};
use serde::de::DeserializeOwned;

use super::Running;
use super::snapshot::Snapshot;
use crate::api::Item;

/// Why a value does not read as a type.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Mismatch {
    /// The entry.
    pub path: Path,
    /// What the type wanted.
    pub reason: String,
}

/// Reads a value as a type.
pub(super) fn read<T: DeserializeOwned>(path: &Path, value: &Value) -> Result<T, Mismatch> {
    serde_json::from_str(&json::to_string(value))
        .map_err(|error| Mismatch { path: path.clone(), reason: error.to_string() })
}

/// What a handle reads.
#[derive(Debug)]
pub struct Read<T> {
    /// The last value that read as `T`; absent when the entry is, or never did.
    pub value: Option<Arc<T>>,
    /// The entry as it is now.
    pub item: Option<Arc<Item>>,
    /// The entry as it is now does not read as `T`, so `value` is of an earlier one.
    pub mismatch: Option<Mismatch>,
}

impl<T: DeserializeOwned> Read<T> {
    fn after(last: Option<Arc<T>>, item: Option<Arc<Item>>) -> Self {
        match item.as_ref().map(|item| read::<T>(&item.path, &item.value)) {
            None => Self { value: None, item, mismatch: None },
            Some(Ok(value)) => Self { value: Some(Arc::new(value)), item, mismatch: None },
            Some(Err(mismatch)) => {
                tracing::warn!(%mismatch, "the new value does not have the type that is read; the last good one stays");
                Self { value: last, item, mismatch: Some(mismatch) }
            }
        }
    }
}

/// What the writer of snapshots tells of each new one.
pub(super) trait Slot: Send + Sync {
    /// A new snapshot is there.
    fn refresh(&self, snapshot: &Snapshot);
}

pub(super) struct TypedSlot<T> {
    path: Path,
    cell: Arc<ArcSwap<Read<T>>>,
}

impl<T: DeserializeOwned + Send + Sync + 'static> TypedSlot<T> {
    pub fn new(path: Path, snapshot: &Snapshot) -> Self {
        let first = Read::after(None, snapshot.item(path.as_str()).cloned());
        Self { path, cell: Arc::new(ArcSwap::from_pointee(first)) }
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Slot for TypedSlot<T> {
    fn refresh(&self, snapshot: &Snapshot) {
        let item = snapshot.item(self.path.as_str());
        let last = self.cell.load_full();
        let unchanged = match (&last.item, item) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !unchanged {
            self.cell.store(Arc::new(Read::after(last.value.clone(), item.cloned())));
        }
    }
}

/// A prepared read of one entry as `T`. The value is read once for each change, not once for each read; when a new one
/// is not a `T`, the last good one stays and [`Handle::read`] says so. Keeps the snapshot fresh while it lives.
pub struct Handle<T> {
    slot: Arc<TypedSlot<T>>,
    running: Arc<Running>,
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self { slot: self.slot.clone(), running: self.running.clone() }
    }
}

impl<T> Handle<T> {
    pub(super) fn new(slot: Arc<TypedSlot<T>>, running: Arc<Running>) -> Self {
        Self { slot, running }
    }

    /// The entry's path.
    pub fn path(&self) -> &Path {
        &self.slot.path
    }

    /// The value now. Never waits.
    pub fn get(&self) -> Option<Arc<T>> {
        self.slot.cell.load().value.clone()
    }

    /// The value, the entry, and whether they belong together.
    pub fn read(&self) -> Arc<Read<T>> {
        self.slot.cell.load_full()
    }

    /// A reader for one task or thread: while nothing changed, a read is one atomic load and a comparison.
    pub fn reader(&self) -> Reader<T> {
        Reader { cache: arc_swap::Cache::new(self.slot.cell.clone()), _running: self.running.clone() }
    }
}

/// A [`Handle`]'s fastest way to read; each thread has its own.
pub struct Reader<T> {
    cache: arc_swap::Cache<Arc<ArcSwap<Read<T>>>, Arc<Read<T>>>,
    _running: Arc<Running>,
}

impl<T> Reader<T> {
    /// The value now. Never waits.
    pub fn get(&mut self) -> Option<&T> {
        self.cache.load().value.as_deref()
    }
}
