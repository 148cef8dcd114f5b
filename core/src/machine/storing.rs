//! What is on its way to the disk. Nothing of it is acknowledged, folded or, when signed here, published before it is there.
//!
//! One batch is with the store at a time, and what comes meanwhile goes together in the next: commits are shared, and
//! after a failure no later batch can reach the disk before what it names.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use driftless_statement::{StatementId, Verified};

use super::event::CallId;

/// Bytes that may wait for the disk before more is refused: about a second of a slow disk.
const WAITING_BYTES: usize = 64 * 1024 * 1024;
/// Statements that may wait: small ones cost more than their bytes.
pub(super) const WAITING: usize = 65_536;
/// Statements in one batch: bounds how long the first of it waits for the last.
const BATCH: usize = 8_192;
/// Bytes in one batch, one statement more or less.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Who brought a statement: what follows once it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A local write: the call wants a receipt, and the statement is published once durable.
    Write(CallId),
    /// A local write whose call was told that the store failed: published should it become durable after all.
    Unclaimed,
    /// A submission: published once durable.
    Submit,
    /// A peer or the gossip: forwarding need not wait.
    Peer,
    /// A peer, though this node signed it: its disk was lost or put back. Published once durable, like any own one.
    Returned,
    /// The store itself, at the start.
    Loaded,
}

impl Origin {
    /// Whether a peer brought it.
    pub fn is_foreign(self) -> bool {
        matches!(self, Self::Peer | Self::Returned)
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

/// The batch that the store has now.
struct Batch {
    number: u64,
    ways: Vec<OnItsWay>,
    gone: Vec<StatementId>,
    floor_ms: u64,
}

/// What a batch asks of the store.
pub(super) struct ToStore {
    pub number: u64,
    pub statements: Vec<Arc<Verified>>,
    pub gone: Vec<StatementId>,
}

/// What the store has, and in order what goes next.
#[derive(Default)]
pub(super) struct Storing {
    next: u64,
    sent: Option<Batch>,
    waiting: VecDeque<OnItsWay>,
    /// What the next batch takes off the disk.
    gone: Vec<StatementId>,
    bytes: usize,
    read_only: Option<String>,
}

impl Storing {
    /// Whether more may be taken.
    pub fn has_room(&self) -> bool {
        self.bytes < WAITING_BYTES && self.len() < WAITING
    }

    /// Why the store takes no writes, when it does not.
    pub fn read_only(&self) -> Option<&str> {
        self.read_only.as_deref()
    }

    /// Puts statements in line.
    pub fn join(&mut self, ways: Vec<OnItsWay>) {
        self.bytes += weight(&ways);
        self.waiting.extend(ways);
    }

    /// Puts statements before all that waits.
    pub fn join_first(&mut self, ways: Vec<OnItsWay>) {
        self.bytes += weight(&ways);
        ways.into_iter().rev().for_each(|way| self.waiting.push_front(way));
    }

    /// Takes statements off the disk with the next batch. What of them waits to be stored again, after the disk had lost
    /// it, is not: it would come back behind its own removal. What arrives anew after this is.
    pub fn take_off(&mut self, gone: impl IntoIterator<Item = StatementId>) {
        let gone: BTreeSet<StatementId> = gone.into_iter().collect();
        let let_go = |way: &OnItsWay| gone.contains(&way.statement.id());
        self.bytes = self.bytes.saturating_sub(weight(self.waiting.iter().filter(|way| let_go(way))));
        self.waiting.retain(|way| !let_go(way));
        self.gone.extend(gone);
    }

    /// The next batch with its number, unless the store has one or takes none. `demanded`: even one without statements,
    /// for its time floor.
    pub fn send(&mut self, floor_ms: u64, demanded: bool) -> Option<ToStore> {
        let idle = self.sent.is_none() && self.read_only.is_none();
        if !idle || (self.waiting.is_empty() && self.gone.is_empty() && !demanded) {
            return None;
        }
        let mut ways = Vec::new();
        let mut bytes = 0;
        while ways.len() < BATCH && bytes < BATCH_BYTES {
            let Some(way) = self.waiting.pop_front() else { break };
            bytes += way.statement.wire_len();
            ways.push(way);
        }
        let statements = ways.iter().map(|way: &OnItsWay| way.statement.clone()).collect();
        self.next += 1;
        let gone = std::mem::take(&mut self.gone);
        self.sent = Some(Batch { number: self.next, ways, gone: gone.clone(), floor_ms });
        Some(ToStore { number: self.next, statements, gone })
    }

    /// A batch is durable: what was in it, and the time floor that it kept. `None`: the store has no such batch.
    pub fn stored(&mut self, number: u64) -> Option<(Vec<OnItsWay>, u64)> {
        let batch = self.sent.take_if(|batch| batch.number == number)?;
        self.bytes = self.bytes.saturating_sub(weight(&batch.ways));
        Some((batch.ways, batch.floor_ms))
    }

    /// The store gave its batch back: all is kept in its order for later, no writes are taken meanwhile. Returns what
    /// waits now; local writes are unclaimed from here on.
    pub fn failed(&mut self, number: u64, reason: String) -> Vec<OnItsWay> {
        let Some(batch) = self.sent.take_if(|batch| batch.number == number) else { return Vec::new() };
        self.read_only = Some(reason);
        // What was taken off since it was sent is older than its removal.
        let (gone, kept): (Vec<_>, Vec<_>) =
            batch.ways.into_iter().partition(|way| self.gone.contains(&way.statement.id()));
        self.bytes = self.bytes.saturating_sub(weight(&gone));
        kept.into_iter().rev().for_each(|way| self.waiting.push_front(way));
        self.gone.extend(batch.gone);
        let told = self.waiting.iter().cloned().collect();
        for way in &mut self.waiting {
            if matches!(way.origin, Origin::Write(_)) {
                way.origin = Origin::Unclaimed;
            }
        }
        told
    }

    /// The store takes writes again. Returns the local writes that wait from before.
    pub fn recovered(&mut self) -> impl Iterator<Item = &Verified> {
        self.read_only = None;
        self.waiting.iter().filter(|way| way.origin == Origin::Unclaimed).map(|way| &*way.statement)
    }

    /// Statements on their way.
    pub fn len(&self) -> usize {
        self.waiting.len() + self.sent.as_ref().map_or(0, |batch| batch.ways.len())
    }
}

fn weight<'a>(ways: impl IntoIterator<Item = &'a OnItsWay>) -> usize {
    ways.into_iter().map(|way| way.statement.wire_len()).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use driftless_statement::{Body, Genesis, Hlc, MeshId, Note, Scope, SecretKey, Statement};

    use super::*;

    fn way(number: u64) -> OnItsWay {
        let key = SecretKey::from_bytes([7; 32]);
        let body = Genesis { keys: vec![key.public()], threshold: 1, fold_version: 1, name: number.to_string() };
        let statement = Statement {
            mesh: MeshId::UNFOUNDED,
            scope: Scope::mesh(),
            author: key.public(),
            grant: StatementId::NONE,
            prev: vec![],
            touches: vec![],
            hlc: Hlc::from_millis(1),
            body: Body::from(body),
            note: Note::default(),
            unknown: vec![],
        };
        let statement = Arc::new(Verified::sign(statement, &key).unwrap());
        OnItsWay { statement, origin: Origin::Loaded, arrived_ms: 0 }
    }

    fn ids(sent: &ToStore) -> Vec<StatementId> {
        sent.statements.iter().map(|statement| statement.id()).collect()
    }

    /// The disk lost them, so they wait to be stored again; meanwhile it is decided that one is to go.
    #[test]
    fn what_leaves_the_disk_is_not_stored_again_behind_its_removal() {
        let (stays, goes) = (way(1), way(2));
        let id = goes.statement.id();
        for sent_before in [false, true] {
            let mut storing = Storing::default();
            storing.join_first(vec![goes.clone(), stays.clone()]);
            if sent_before {
                storing.send(0, false).unwrap();
            }
            storing.take_off([id]);
            if sent_before {
                // Once more, since the disk took nothing.
                assert_eq!(storing.failed(1, "full".to_owned()).len(), 1);
                storing.recovered().count();
            }
            let sent = storing.send(0, false).unwrap();
            assert_eq!((ids(&sent), sent.gone), (vec![stays.statement.id()], vec![id]), "sent before: {sent_before}");
            assert_eq!(storing.bytes, stays.statement.wire_len());
            // It comes again, as somebody needs it after all, and the disk fails once more: first off, then on.
            storing.join(vec![goes.clone()]);
            assert_eq!(storing.failed(sent.number, "full".to_owned()).len(), 2);
            storing.recovered().count();
            let sent = storing.send(0, false).unwrap();
            assert_eq!((ids(&sent), sent.gone), (vec![stays.statement.id(), id], vec![id]));
            storing.stored(sent.number).unwrap();
            assert_eq!(storing.bytes, 0);
        }
    }
}
