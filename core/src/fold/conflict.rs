//! Conflicts, computed from bases and pointers alone: which concurrent edits of one entry stand against each other.
//!
//! An edit is *live* until a fit statement that has it in the closure of its bases, or a later edit of its own statement,
//! writes at its pointer or above. Two live edits of concurrent fit statements whose pointers are equal, or one a prefix
//! of the other, are a conflict. So a conflict stands until somebody who saw both writes at the longer pointer or above;
//! when somebody who saw only one side writes there, that write takes its place in the conflict. The one mending of the
//! definition: increments commute, so two of them are no conflict, and an increment decides nothing: it takes the place
//! of an earlier increment only, never of a value.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::{Edit, ElementId, ElementRef, Op, Pointer, Skip, StatementId, Step};

use super::order::Sight;

/// Conflicts listed for one entry. Above it they are counted: two branches of 64 statements with 256 edits each would
/// otherwise hold half a million of them.
pub const LISTED: usize = 1024;

/// One edit in a conflict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Side {
    /// The statement.
    pub statement: StatementId,
    /// Index of the edit among the statement's edits of the entry.
    pub edit: u32,
    /// What it touches: its pointer, for an insert with the new element as last step; elements by their full names.
    pub at: Pointer,
    /// Whether it is an increment.
    pub increment: bool,
}

/// Two live edits of concurrent statements at one place, or one above the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// The edit of the statement with the lesser (HLC, id).
    pub left: Side,
    /// The edit of the statement with the greater (HLC, id).
    pub right: Side,
}

/// An edit of an entry: the position of its statement, and its index among that one's edits of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub slot: u32,
    pub edit: u32,
}

/// A conflict as states keep it: an eighth of its size with names and pointers, which the statements have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub left: Place,
    pub right: Place,
}

impl Conflict {
    /// Where: the longer of the two pointers.
    pub fn at(&self) -> &Pointer {
        if self.left.at.len() > self.right.at.len() { &self.left.at } else { &self.right.at }
    }
}

impl Side {
    pub(super) fn of(statement: StatementId, index: u32, edit: &Edit) -> Self {
        let at = steps(statement, index, edit).map(Cow::into_owned).collect();
        Self { statement, edit: index, at, increment: matches!(edit.op, Op::Increment(_)) }
    }

    /// Whether this edit, by somebody who saw the other, ends the other's life.
    pub(super) fn supersedes(&self, other: &Self) -> bool {
        other.at.starts_with(&self.at) && (!self.increment || other.increment)
    }

    /// Whether these two, if concurrent and live, are a conflict.
    pub(super) fn opposes(&self, other: &Self) -> bool {
        (self.at.starts_with(&other.at) || other.at.starts_with(&self.at)) && !(self.increment && other.increment)
    }
}

/// What an edit touches, step by step, elements by their full names.
fn steps(statement: StatementId, index: u32, edit: &Edit) -> impl Iterator<Item = Cow<'_, Step>> {
    let resolved = edit.at.iter().map(move |step| match step {
        Step::Element(ElementRef::Own(..)) => resolve(step, statement),
        Step::Key(_) | Step::Element(ElementRef::Of(_)) => Cow::Borrowed(step),
    });
    let inserted = match &edit.op {
        Op::Insert(_) => Some(Step::Element(ElementRef::Of(ElementId { statement, edit: index, ordinal: 0 }))),
        Op::Put(_) | Op::Delete | Op::Counter(_) | Op::Increment(_) => None,
    };
    resolved.chain(inserted.map(Cow::Owned))
}

fn resolve(step: &Step, own: StatementId) -> Cow<'_, Step> {
    match step {
        Step::Key(_) => Cow::Borrowed(step),
        Step::Element(element) => Cow::Owned(Step::Element(ElementRef::Of(element.resolve(own)))),
    }
}

/// The edits of one statement that it did not itself supersede, those skipped left out, of those that `near` lets by.
/// Whatever supersedes an edit is near whatever the edit is near, so nothing is missed by looking at the near ones alone.
fn live_near(seen: &Signed<'_>, near: impl Fn(u32, &Edit) -> bool) -> Vec<Side> {
    let mut sides: Vec<Side> = Vec::new();
    for (edit, index) in seen.edits.iter().zip(0u32..) {
        if seen.skipped.iter().any(|(skipped, _)| *skipped == index) || !near(index, edit) {
            continue;
        }
        let side = Side::of(seen.statement, index, edit);
        sides.retain(|earlier| !side.supersedes(earlier));
        sides.push(side);
    }
    sides
}

/// A fit statement's edits of the entry, and those of them that were skipped.
pub(super) struct Signed<'a> {
    /// Its position.
    pub slot: u32,
    pub statement: StatementId,
    pub edits: &'a [Edit],
    pub skipped: &'a [(u32, Skip)],
}

impl Signed<'_> {
    /// The edits that it did not itself supersede, those skipped left out.
    pub(super) fn live(&self) -> Vec<Side> {
        live_near(self, |_, _| true)
    }

    /// The same, of those that touch what the others touch, or something above or below.
    fn live_about(&self, others: &Places<'_>) -> Vec<Side> {
        live_near(self, |index, edit| others.near(self.statement, index, edit))
    }
}

/// Above this many pointers, looking one up beats comparing them all.
const FEW: usize = 8;

/// The pointers that a statement touches.
struct Places<'a> {
    sides: &'a [Side],
    sorted: BTreeSet<&'a [Step]>,
}

impl<'a> Places<'a> {
    fn of(sides: &'a [Side]) -> Self {
        let many = if sides.len() > FEW { sides } else { &[] };
        Self { sides, sorted: many.iter().map(|side| side.at.as_slice()).collect() }
    }

    /// Whether an edit touches one of them, or something above or below one.
    fn near(&self, statement: StatementId, index: u32, edit: &Edit) -> bool {
        let at = || steps(statement, index, edit);
        if self.sorted.is_empty() {
            return self.sides.iter().any(|side| at().zip(&side.at).all(|(theirs, ours)| *theirs == *ours));
        }
        let at: Pointer = at().map(Cow::into_owned).collect();
        let below = self.sorted.range(at.as_slice()..).next().is_some_and(|next| next.starts_with(&at));
        below || prefixes(&at).any(|above| self.sorted.contains(above))
    }
}

/// A pointer and all above it, longest first.
fn prefixes(at: &[Step]) -> impl Iterator<Item = &[Step]> {
    (0..=at.len()).rev().filter_map(|len| at.get(..len))
}

/// Conflicts found: the first few, and how many more there are.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub listed: Vec<Pair>,
    pub more: u64,
}

/// What the live edits of the statement at a position stand against, among the live edits of those it has not seen. `sight` says which of
/// the unseen have which others in their closure, by index; it is asked for only when that matters.
pub(super) fn opposed(
    slot: u32,
    own: &[Side],
    unseen: &[Signed<'_>],
    room: usize,
    sight: impl FnOnce() -> Sight,
) -> Found {
    let places = Places::of(own);
    let mut near: Vec<(usize, Side)> = Vec::new();
    for (signed, index) in unseen.iter().zip(0..) {
        near.extend(signed.live_about(&places).into_iter().map(|side| (index, side)));
    }
    let several = near.first().map(|(index, _)| *index) != near.last().map(|(index, _)| *index);
    let sight = several.then(sight);
    let mut by_pointer: BTreeMap<&[Step], Vec<&(usize, Side)>> = BTreeMap::new();
    near.iter().for_each(|one| by_pointer.entry(&one.1.at).or_default().push(one));
    let dead = |at: usize, side: &Side| {
        let Some(sight) = &sight else { return false };
        let mut above = prefixes(&side.at).filter_map(|at| by_pointer.get(at)).flatten();
        above.any(|(later, newer)| *later != at && newer.supersedes(side) && sight.saw(*later, at))
    };
    let mut found = Found::default();
    for (at, side) in near.iter().filter(|(at, side)| !dead(*at, side)) {
        let theirs = unseen.get(*at).map_or(slot, |signed| signed.slot);
        let left = Place { slot: theirs, edit: side.edit };
        for mine in own.iter().filter(|mine| mine.opposes(side)) {
            if found.listed.len() < room {
                found.listed.push(Pair { left, right: Place { slot, edit: mine.edit } });
            } else {
                found.more = found.more.saturating_add(1);
            }
        }
    }
    found
}
