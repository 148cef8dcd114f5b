//! What is on its way to the disk. Nothing of it is acknowledged, folded or, when signed here, published before it is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_statement::Verified;

use super::event::CallId;

/// Bytes that may wait for the disk before writes are refused: about a second of a slow disk.
const WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Who waits for a statement to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A local write: the call wants a receipt, and the statement is published once durable.
    Write(CallId),
    /// A submission: publish once durable; the call's outcomes are gathered elsewhere.
    Submit(CallId),
    /// A peer or the gossip: forwarding need not wait.
    Peer,
    /// A peer's push, by the token of its request: acknowledged once durable, forwarded at once.
    Pushed(u64),
    /// The store itself, at the start.
    Loaded,
}

impl Origin {
    /// Whether a peer brought it.
    pub fn is_foreign(self) -> bool {
        matches!(self, Self::Peer | Self::Pushed(_))
    }
}

/// One statement on its way.
#[derive(Debug, Clone)]
pub(super) struct OnItsWay {
    pub statement: Arc<Verified>,
    pub origin: Origin,
    /// When it arrived, on the timer clock.
    pub arrived_ms: u64,
}

/// Batches handed to the store, in order, and what a failed store gave back.
#[derive(Default)]
pub(super) struct Storing {
    next: u64,
    batches: BTreeMap<u64, Vec<OnItsWay>>,
    /// Given back by the store; first to go when it takes writes again.
    returned: BTreeMap<u64, Vec<OnItsWay>>,
    bytes: usize,
    read_only: Option<String>,
}

impl Storing {
    /// Whether another local write may be taken.
    pub fn has_room(&self) -> bool {
        self.bytes < WAITING_BYTES
    }

    /// Why the store takes no writes, when it does not.
    pub fn read_only(&self) -> Option<&str> {
        self.read_only.as_deref()
    }

    /// Puts statements on their way: the number of the batch, unless the store takes nothing now.
    pub fn send(&mut self, statements: Vec<OnItsWay>) -> Option<u64> {
        let batch = self.next;
        self.next += 1;
        self.bytes += size(&statements);
        if self.read_only.is_some() {
            self.returned.insert(batch, statements);
            return None;
        }
        self.batches.insert(batch, statements);
        Some(batch)
    }

    /// A batch is durable: what was in it.
    pub fn stored(&mut self, batch: u64) -> Vec<OnItsWay> {
        let statements = self.batches.remove(&batch).unwrap_or_default();
        self.bytes = self.bytes.saturating_sub(size(&statements));
        statements
    }

    /// The store gave a batch back: keep it for later, take no writes meanwhile. Returns who was waiting.
    pub fn failed(&mut self, batch: u64, reason: String) -> Vec<OnItsWay> {
        self.read_only = Some(reason);
        let Some(mut statements) = self.batches.remove(&batch) else { return Vec::new() };
        let waiting = statements.clone();
        for way in &mut statements {
            // The caller is told now; should the disk recover, the statement goes out like a peer's would.
            if let Origin::Write(call) = way.origin {
                way.origin = Origin::Submit(call);
            }
        }
        self.returned.insert(batch, statements);
        waiting
    }

    /// The store takes writes again: what goes first, in its old order.
    pub fn recovered(&mut self) -> Vec<OnItsWay> {
        self.read_only = None;
        let statements: Vec<OnItsWay> = std::mem::take(&mut self.returned).into_values().flatten().collect();
        self.bytes = self.bytes.saturating_sub(size(&statements));
        statements
    }

    /// Batches handed over since the start.
    pub fn sent(&self) -> u64 {
        self.next
    }

    /// Statements on their way.
    pub fn len(&self) -> usize {
        self.batches.values().chain(self.returned.values()).map(Vec::len).sum()
    }
}

fn size(statements: &[OnItsWay]) -> usize {
    statements.iter().map(|way| way.statement.wire().len()).sum()
}
