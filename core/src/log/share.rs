//! Who takes how much of the waiting room, and who must give way. Knows seats and their weights, not what sits there.
//!
//! One author's flood must not push out another's statements, and keys cost nothing to make. So shares are counted by
//! author for keys that trust knows, and all other keys share one. Whoever has the largest share gives way.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::{PublicKey, StatementId};

/// Bounds of the waiting room. A node may choose other ones than the default: they decide what is remembered here, never
/// a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomBounds {
    /// Statements, of all authors together.
    pub count: usize,
    /// Estimated bytes of memory, of all authors together.
    pub bytes: usize,
    /// Statements of one author; also of all unknown authors together.
    pub author_count: usize,
    /// Estimated bytes of one author; also of all unknown authors together.
    pub author_bytes: usize,
}

impl Default for RoomBounds {
    /// Guesses with reasons: 64 MiB is a quarter of the memory that a node may use under any flood; half of it for one
    /// author holds two of the statements that grow most when decoded (12 MiB); at about 2 KiB a small statement
    /// the counts are reached at about the same time as the bytes.
    fn default() -> Self {
        Self { count: 32 * 1024, bytes: 64 << 20, author_count: 16 * 1024, author_bytes: 32 << 20 }
    }
}

/// Who a seat is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Guest {
    /// A key that trust knows.
    Author(PublicKey),
    /// Every other key.
    Strangers,
}

/// A place in the room. Ordered as seats give way within a share: first what nothing waits for, then what nobody asked
/// for, then the oldest. So nothing is dropped for which the node would have to ask again at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seat {
    /// Something in the room names it.
    pub(super) named: bool,
    /// This node asked for it.
    pub(super) asked: bool,
    /// When it came, as a count of arrivals.
    pub(super) arrival: u64,
    /// Who sits there.
    pub(super) id: StatementId,
    /// Its estimated bytes.
    pub(super) weight: usize,
}

#[derive(Debug, Default)]
struct Share {
    seats: BTreeSet<Seat>,
    bytes: usize,
}

/// All shares, and the order of their sizes.
#[derive(Debug)]
pub(super) struct Shares {
    bounds: RoomBounds,
    shares: BTreeMap<Guest, Share>,
    by_count: BTreeSet<(usize, Guest)>,
    by_bytes: BTreeSet<(usize, Guest)>,
    count: usize,
    bytes: usize,
}

impl Shares {
    pub(super) fn new(bounds: RoomBounds) -> Self {
        Self {
            bounds,
            shares: BTreeMap::new(),
            by_count: BTreeSet::new(),
            by_bytes: BTreeSet::new(),
            count: 0,
            bytes: 0,
        }
    }

    pub(super) fn take(&mut self, guest: Guest, seat: Seat) {
        self.change(guest, |share| {
            if share.seats.insert(seat) {
                share.bytes += seat.weight;
            }
        });
    }

    pub(super) fn leave(&mut self, guest: Guest, seat: &Seat) {
        self.change(guest, |share| {
            if share.seats.remove(seat) {
                share.bytes -= seat.weight;
            }
        });
    }

    fn change(&mut self, guest: Guest, change: impl FnOnce(&mut Share)) {
        let share = self.shares.entry(guest).or_default();
        let (count, bytes) = (share.seats.len(), share.bytes);
        change(share);
        let (new_count, new_bytes) = (share.seats.len(), share.bytes);
        self.by_count.remove(&(count, guest));
        self.by_bytes.remove(&(bytes, guest));
        if new_count == 0 {
            self.shares.remove(&guest);
        } else {
            self.by_count.insert((new_count, guest));
            self.by_bytes.insert((new_bytes, guest));
        }
        self.count = self.count + new_count - count;
        self.bytes = self.bytes + new_bytes - bytes;
    }

    /// Who must give way next, when a bound is exceeded.
    pub(super) fn gives_way(&self) -> Option<StatementId> {
        let (most, by_count) = self.by_count.last()?;
        let (heaviest, by_bytes) = self.by_bytes.last()?;
        let guest = if *most > self.bounds.author_count || self.count > self.bounds.count {
            by_count
        } else if *heaviest > self.bounds.author_bytes || self.bytes > self.bounds.bytes {
            by_bytes
        } else {
            return None;
        };
        self.shares.get(guest)?.seats.first().map(|seat| seat.id)
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Seats of keys that trust does not know.
    pub(super) fn strangers(&self) -> usize {
        self.shares.get(&Guest::Strangers).map_or(0, |share| share.seats.len())
    }
}
