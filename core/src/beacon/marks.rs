//! The hash of a scope's statements up to each ten-second mark, kept up with every statement, also with late ones.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::{Hlc, StatementId};

use super::{BUCKETS, MARK_MS, MARKS};
use crate::lthash::LtHash;

/// The first 16 bytes of a digest: enough to compare honest nodes, and a beacon carries many.
pub type MarkHash = [u8; 16];

/// The hashes at consecutive marks. Mark `m` covers the statements whose time is below `m` times ten seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MarkList {
    /// Number of the newest mark.
    pub newest: u64,
    /// Hashes at the newest mark, the one before it, and so on; at most [`MARKS`].
    pub hashes: Vec<MarkHash>,
}

impl MarkList {
    /// The hash at a mark, if it is among these.
    pub fn at(&self, mark: u64) -> Option<&MarkHash> {
        let back = usize::try_from(self.newest.checked_sub(mark)?).ok()?;
        self.hashes.get(back)
    }

    /// The newest mark that both have and that settled before `limit_ms`.
    pub fn common(&self, other: &Self, limit_ms: u64) -> Option<u64> {
        let newest = self.newest.min(other.newest).min(limit_ms / MARK_MS);
        (newest.saturating_sub(MARKS as u64)..=newest).rev().find(|m| self.at(*m).is_some() && other.at(*m).is_some())
    }
}

/// Additive hashes of one scope's statements by time: everything old in one, a bucket for each of the last two minutes,
/// and what lies in the future by name. Whoever owns the set reports every change, once.
#[derive(Clone, Default)]
pub struct Marks {
    base: LtHash,
    /// Number of the first bucket that is not in `base`.
    first: u64,
    buckets: BTreeMap<u64, LtHash>,
    /// Number of the first bucket that is still in the future.
    horizon: u64,
    /// Statements from the horizon on: they are held anyway, and a bucket for each far time would cost 2 KiB.
    later: BTreeSet<(Hlc, StatementId)>,
    /// Hashes at marks that nothing changed since.
    known: BTreeMap<u64, MarkHash>,
}

fn bucket(hlc: Hlc) -> u64 {
    hlc.millis() / MARK_MS
}

impl Marks {
    /// Adds a statement.
    pub fn insert(&mut self, id: &StatementId, hlc: Hlc) {
        self.join(id, hlc, |hash| hash.insert(id.as_bytes()));
    }

    /// The same for a statement that joins a hash by `join`.
    pub fn join(&mut self, id: &StatementId, hlc: Hlc, join: impl FnOnce(&mut LtHash)) {
        if bucket(hlc) >= self.horizon {
            self.later.insert((hlc, *id));
        } else {
            join(self.hash_of(bucket(hlc)));
        }
    }

    /// Takes a statement out, with the time it was added with.
    pub fn remove(&mut self, id: &StatementId, hlc: Hlc) {
        self.leave(id, hlc, |hash| hash.remove(id.as_bytes()));
    }

    /// The same for a statement that leaves a hash by `leave`.
    pub fn leave(&mut self, id: &StatementId, hlc: Hlc, leave: impl FnOnce(&mut LtHash)) {
        if bucket(hlc) >= self.horizon {
            self.later.remove(&(hlc, *id));
        } else {
            leave(self.hash_of(bucket(hlc)));
        }
    }

    /// Takes everything out. Time stays where it is.
    pub fn clear(&mut self) {
        *self = Self { first: self.first, horizon: self.horizon, ..Self::default() };
    }

    /// The hash that covers a bucket, about to change: hashes at later marks are forgotten.
    fn hash_of(&mut self, bucket: u64) -> &mut LtHash {
        while self.known.last_key_value().is_some_and(|(mark, _)| *mark > bucket) {
            self.known.pop_last();
        }
        if bucket < self.first { &mut self.base } else { self.buckets.entry(bucket).or_default() }
    }

    /// Moves on to a time: what is no longer in the future gets its bucket, what is old joins the rest. Going back is ignored.
    pub fn advance(&mut self, now_ms: u64) {
        let horizon = now_ms / MARK_MS + 1;
        if horizon <= self.horizon {
            return;
        }
        self.horizon = horizon;
        self.first = self.first.max(horizon.saturating_sub(BUCKETS));
        let rest = self.later.split_off(&(Hlc::from_millis(horizon.saturating_mul(MARK_MS)), StatementId::NONE));
        for (hlc, id) in std::mem::replace(&mut self.later, rest) {
            self.hash_of(bucket(hlc)).insert(id.as_bytes());
        }
        let recent = self.buckets.split_off(&self.first);
        std::mem::replace(&mut self.buckets, recent).values().for_each(|old| self.base.add(old));
        self.known = self.known.split_off(&self.first);
    }

    /// The hash at a mark; nothing when it lies in the future or too far back.
    pub fn hash_at(&mut self, mark: u64) -> Option<MarkHash> {
        if mark < self.first || mark > self.horizon {
            return None;
        }
        if let Some(hash) = self.known.get(&mark) {
            return Some(*hash);
        }
        if let Some(hash) = mark.checked_sub(1).and_then(|before| self.unchanged_since(before)) {
            self.known.insert(mark, hash);
            return Some(hash);
        }
        let mut sum = self.base.clone();
        self.buckets.range(..mark).for_each(|(_, hash)| sum.add(hash));
        let mut hash = MarkHash::default();
        hash.iter_mut().zip(sum.digest()).for_each(|(slot, byte)| *slot = byte);
        self.known.insert(mark, hash);
        Some(hash)
    }

    /// The hash at a mark, when it is known and nothing came up to the next one.
    fn unchanged_since(&self, mark: u64) -> Option<MarkHash> {
        self.known.get(&mark).filter(|_| !self.buckets.contains_key(&mark)).copied()
    }

    /// The hashes that a beacon sent now carries.
    pub fn list(&mut self, now_ms: u64) -> MarkList {
        self.advance(now_ms);
        let newest = now_ms / MARK_MS;
        let hashes = (0..MARKS as u64).map_while(|back| self.hash_at(newest.checked_sub(back)?)).collect();
        MarkList { newest, hashes }
    }

    /// Hashes kept: bounded, whatever times statements claim.
    pub fn kept(&self) -> usize {
        self.buckets.len() + 1
    }
}
