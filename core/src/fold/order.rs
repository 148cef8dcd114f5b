//! One entry's statements in the order of (HLC, id), and who saw whom. It knows verdicts, never values.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use driftless_statement::{Body, Edit, Op, Path, StatementId, Verified};
use imbl::OrdMap;

use super::size::Extent;

/// All statements of a scope that the fold was given, by id.
pub(super) type Members = OrdMap<StatementId, Arc<Verified>>;

/// Whether a statement shows in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not yet decided, or not to count.
    Void,
    /// Breaks a limit here or in another of its entries.
    Unfit,
    /// Shows.
    Fit,
}

/// Positions of a fit statement's effective bases. Nearly all statements have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parents {
    None,
    One(u32),
    Many(Box<[u32]>),
}

impl Parents {
    pub(super) fn as_slice(&self) -> &[u32] {
        match self {
            Self::None => &[],
            Self::One(one) => core::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }

    fn of(positions: Vec<u32>) -> Self {
        match positions.as_slice() {
            [] => Self::None,
            [one] => Self::One(*one),
            _ => Self::Many(positions.into_boxed_slice()),
        }
    }
}

/// No position: everything before was seen.
pub(super) const SEEN_ALL: u32 = u32::MAX;

/// One statement in an entry's order. Positions in it are below its own, so they stay right when later ones move.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub statement: Arc<Verified>,
    pub parents: Parents,
    /// The least position that it has not seen.
    pub low: u32,
    /// Which of the statement's touches this entry is.
    pub touch: u32,
    pub verdict: Verdict,
    /// Whether it is given as one that counts.
    pub counts: bool,
    /// At least the depth of everything that fit statements up to here wrote.
    pub deepest: u32,
    /// At least the bytes that all fit statements up to here have added, whatever became of them.
    pub added: usize,
    /// At least the extent of the merged value after it.
    pub shown: Extent,
}

impl Slot {
    pub(super) fn new(statement: Arc<Verified>, touch: u32, counts: bool) -> Self {
        let (parents, verdict) = (Parents::None, Verdict::Void);
        let (low, shown) = (SEEN_ALL, Extent::default());
        Self { statement, parents, low, touch, verdict, counts, deepest: 0, added: 0, shown }
    }

    pub(super) fn id(&self) -> StatementId {
        self.statement.id()
    }

    pub(super) fn is_fit(&self) -> bool {
        self.verdict == Verdict::Fit
    }

    fn bases(&self) -> &[StatementId] {
        let touch = self.statement.statement().touches.get(self.touch as usize);
        touch.map(|touch| touch.bases.as_slice()).unwrap_or_default()
    }

    /// Whether it gives another one as a base of this entry.
    pub(super) fn names(&self, other: &StatementId) -> bool {
        self.bases().contains(other)
    }

    /// Whether the value after it is what it wrote, and nothing that was there before: it saw all, and begins with the whole.
    pub(super) fn begins_anew(&self) -> bool {
        let whole = |edit: &Edit| edit.at.is_empty() && matches!(edit.op, Op::Put(_) | Op::Counter(_));
        self.is_fit() && self.low == SEEN_ALL && self.edits().first().is_some_and(whole)
    }

    /// Its edits of this entry.
    pub(super) fn edits(&self) -> &[Edit] {
        match &self.statement.statement().body {
            Body::Write(write) => write.edits.get(self.touch as usize).map(Vec::as_slice).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// The entries that a statement touches, each with its index among them.
pub(super) fn touches(statement: &Verified) -> impl Iterator<Item = (&Path, u32)> {
    statement.statement().touches.iter().map(|touch| &touch.path).zip(0u32..)
}

/// Where a statement is, or would be.
pub(super) fn position(slots: &[Slot], statement: &Verified) -> Result<usize, usize> {
    let key = statement.key();
    // Statements mostly come in order, and are looked for right after they came.
    match slots.last().map(|last| last.statement.key().cmp(&key)) {
        Some(Ordering::Less) => Err(slots.len()),
        Some(Ordering::Equal) => Ok(slots.len().saturating_sub(1)),
        Some(Ordering::Greater) | None => slots.binary_search_by(|slot| slot.statement.key().cmp(&key)),
    }
}

fn find(slots: &[Slot], members: &Members, id: &StatementId, below: usize) -> Option<usize> {
    let before = below.checked_sub(1)?;
    if slots.get(before).is_some_and(|slot| slot.statement.id() == *id) {
        return Some(before);
    }
    position(slots, members.get(id)?).ok().filter(|found| *found < below)
}

/// The effective bases of the statement at a position: its bases in this entry, each one that is not fit replaced by
/// its own, and so on. A base that is not held, or does not touch this entry, contributes nothing.
pub(super) fn effective(slots: &[Slot], members: &Members, at: usize) -> Parents {
    let mut fit = BTreeSet::new();
    let mut void = BTreeSet::new();
    let mut open: Vec<usize> = vec![at];
    while let Some(position) = open.pop() {
        let Some(slot) = slots.get(position) else { continue };
        for found in slot.bases().iter().filter_map(|base| find(slots, members, base, position)) {
            if slots.get(found).is_some_and(Slot::is_fit) {
                fit.extend(u32::try_from(found));
            } else if void.insert(found) {
                open.push(found);
            }
        }
    }
    Parents::of(fit.into_iter().collect())
}

/// The fit statements below that are not in the closure of `seen`, latest first. Two colours walk back from the heads and
/// from what was seen until only the seen colour is left, so the cost follows the divergence, not the history.
pub(super) fn strangers(slots: &[Slot], heads: &[u32], seen: &[u32]) -> Vec<u32> {
    // Ordered by position, and at one position what was seen comes first: it decides for all that lead there.
    let mut open: BinaryHeap<(u32, bool)> = heads.iter().map(|head| (*head, false)).collect();
    open.extend(seen.iter().map(|base| (*base, true)));
    let mut strange = heads.len();
    let mut found = Vec::new();
    let mut last = None;
    while strange > 0 {
        let Some((position, is_seen)) = open.pop() else { break };
        strange -= usize::from(!is_seen);
        if last.replace(position) == Some(position) {
            continue;
        }
        let parents = slots.get(position as usize).map(|slot| slot.parents.as_slice()).unwrap_or_default();
        open.extend(parents.iter().map(|parent| (*parent, is_seen)));
        if !is_seen {
            found.push(position);
            strange += parents.len();
        }
    }
    found
}

/// Which strangers saw which: bit sets over indices of one list of strangers.
pub(super) struct Sight {
    rows: Vec<Vec<u64>>,
}

impl Sight {
    /// Needs the list as [`strangers`] gives it, latest first.
    pub(super) fn of(slots: &[Slot], strangers: &[u32]) -> Self {
        let index: BTreeMap<u32, usize> = strangers.iter().copied().zip(0..).collect();
        let mut rows = vec![vec![0u64; strangers.len().div_ceil(64)]; strangers.len()];
        for (stranger, later) in strangers.iter().zip(0..) {
            let mut row = rows.get(later).cloned().unwrap_or_default();
            if let Some(word) = row.get_mut(later / 64) {
                *word |= 1 << (later % 64);
            }
            let parents = slots.get(*stranger as usize).map(|slot| slot.parents.as_slice()).unwrap_or_default();
            for earlier in parents.iter().filter_map(|parent| index.get(parent)) {
                let words = rows.get_mut(*earlier).map(|words| words.iter_mut().zip(&row));
                words.into_iter().flatten().for_each(|(word, seen)| *word |= seen);
            }
        }
        Self { rows }
    }

    /// Whether the one at index `later` has the one at index `earlier` in its closure.
    pub(super) fn saw(&self, later: usize, earlier: usize) -> bool {
        let word = self.rows.get(earlier).and_then(|row| row.get(later / 64));
        word.is_some_and(|word| word >> (later % 64) & 1 == 1)
    }
}
