//! One node's disk: what is durable, what only seems so, and the faults that act on it now. The model of the store's
//! promise: a batch is on disk as a whole or not at all, and in its order. That the real store keeps it, real crash images
//! show elsewhere.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use driftless_statement::{StatementId, Verified};
use imbl::Vector;

/// A batch on its way to the disk.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Its number.
    pub number: u64,
    /// What it takes off before it appends.
    pub gone: Vec<StatementId>,
    /// What it appends.
    pub statements: Vec<Arc<Verified>>,
    /// The time floor that it keeps.
    pub floor_ms: u64,
}

/// What changed when a disk was put to an earlier state.
#[derive(Debug, Default)]
pub struct Put {
    /// What it had and has no more.
    pub gone: Vec<Arc<Verified>>,
    /// What it had taken off since, and has again.
    pub back: Vec<StatementId>,
}

/// A disk.
#[derive(Debug, Default)]
pub struct Disk {
    /// What a restart reads. Disks that began with the same share it.
    pub kept: Vector<Arc<Verified>>,
    /// The time floor that a restart reads.
    pub floor_ms: u64,
    /// How often the store was opened.
    pub boots: u64,
    /// Names the store; another one after the disk was lost.
    pub store: u64,
    /// The batch under way, with the number of its sync.
    pub under_way: Option<(u64, Batch)>,
    /// Reasons why it takes no writes now, by fault.
    pub refuses: Vec<(usize, &'static str)>,
    /// Whether the node was told that its store takes no writes.
    pub told_refusal: bool,
    /// What each sync takes longer now, by fault, milliseconds.
    pub slower: Vec<(usize, u64)>,
    /// Faults that make it lie now, and what it held, with which floor, before the first.
    pub lies: Vec<usize>,
    truth: Option<(Vector<Arc<Verified>>, u64)>,
    /// Dies in the middle of the next sync.
    pub dies_in_sync: bool,
    /// What it held at each tenth second, newest last: old backups, which share what did not change.
    backups: VecDeque<Backup>,
    syncs: u64,
}

/// How a disk was at a time.
#[derive(Debug, Clone, Default)]
struct Backup {
    at_ms: u64,
    kept: Vector<Arc<Verified>>,
    floor_ms: u64,
    boots: u64,
}

/// Backups that are kept: half an hour of them.
const BACKUPS: usize = 180;

impl Disk {
    /// An empty disk with a store of this name.
    pub fn new(store: u64) -> Self {
        Self { store, ..Self::default() }
    }

    /// Begins a sync; gives back its number.
    pub fn begin(&mut self, batch: Batch) -> u64 {
        self.syncs += 1;
        self.under_way = Some((self.syncs, batch));
        self.syncs
    }

    /// A sync is done: what it wrote; `None`: it is not the one under way.
    pub fn done(&mut self, sync: u64) -> Option<Batch> {
        let (_, batch) = self.under_way.take_if(|(number, _)| *number == sync)?;
        Some(batch)
    }

    /// Writes a batch.
    pub fn write(&mut self, batch: &Batch) {
        if !batch.gone.is_empty() {
            let gone: BTreeSet<&StatementId> = batch.gone.iter().collect();
            self.kept.retain(|statement| !gone.contains(&statement.id()));
        }
        self.kept.extend(batch.statements.iter().cloned());
        self.floor_ms = self.floor_ms.max(batch.floor_ms);
    }

    /// Begins to lie.
    pub fn lie(&mut self, fault: usize) {
        self.truth.get_or_insert_with(|| (self.kept.clone(), self.floor_ms));
        self.lies.push(fault);
    }

    /// The machine loses power. What a lying disk acknowledged did not happen.
    pub fn lose_power(&mut self) -> Put {
        self.lies.clear();
        match self.truth.take() {
            Some((kept, floor_ms)) => {
                self.floor_ms = floor_ms;
                self.put(kept)
            }
            None => Put::default(),
        }
    }

    /// The lie ended without a loss of power: all reached the disk after all.
    pub fn stop_lying(&mut self, fault: usize) {
        self.lies.retain(|lie| *lie != fault);
        if self.lies.is_empty() {
            self.truth = None;
        }
    }

    /// Remembers how much there is now.
    pub fn back_up(&mut self, world_ms: u64) {
        let (kept, floor_ms) = self.truth.clone().unwrap_or_else(|| (self.kept.clone(), self.floor_ms));
        self.backups.push_back(Backup { at_ms: world_ms, kept, floor_ms, boots: self.boots });
        if self.backups.len() > BACKUPS {
            self.backups.pop_front();
        }
    }

    /// Is put back to how it was at a time, or at the earliest that is known.
    pub fn put_back(&mut self, world_ms: u64) -> Put {
        self.backups.retain(|backup| backup.at_ms <= world_ms);
        let Backup { kept, floor_ms, boots, .. } = self.backups.back().cloned().unwrap_or_default();
        self.truth = None;
        self.lies.clear();
        (self.floor_ms, self.boots) = (floor_ms, boots);
        self.put(kept)
    }

    /// Holds something else from now on.
    fn put(&mut self, kept: Vector<Arc<Verified>>) -> Put {
        let before = std::mem::replace(&mut self.kept, kept);
        let ids = |of: &Vector<Arc<Verified>>| of.iter().map(|statement| statement.id()).collect::<BTreeSet<_>>();
        let (had, has) = (ids(&before), ids(&self.kept));
        Put {
            gone: before.into_iter().filter(|statement| !has.contains(&statement.id())).collect(),
            back: has.difference(&had).copied().collect(),
        }
    }

    /// Is replaced by an empty one.
    pub fn replace(&mut self, store: u64) -> Vec<Arc<Verified>> {
        let gone = std::mem::take(&mut self.kept).into_iter().collect();
        let refuses = std::mem::take(&mut self.refuses);
        *self = Self { store, refuses, slower: std::mem::take(&mut self.slower), syncs: self.syncs, ..Self::default() };
        gone
    }
}
