//! Conflicts, computed from bases and pointers alone: which concurrent edits of one entry stand against each other.
//!
//! An edit is *live* until a fit statement that has it in the closure of its bases, or a later edit of its own statement,
//! writes at its pointer or above. Two live edits of concurrent fit statements whose pointers are equal, or one a prefix
//! of the other, are a conflict. So a conflict stands until somebody who saw both writes at the longer pointer or above;
//! when somebody who saw only one side writes there, that write takes its place in the conflict. The one mending of the
//! definition: increments commute, so two of them are no conflict, and an increment decides nothing: it takes the place
//! of an earlier increment only, never of a value.

use driftless_statement::{Edit, ElementId, ElementRef, Op, Pointer, StatementId, Step};

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

impl Conflict {
    /// Where: the longer of the two pointers.
    pub fn at(&self) -> &Pointer {
        if self.left.at.len() > self.right.at.len() { &self.left.at } else { &self.right.at }
    }
}

impl Side {
    /// Whether this edit, by somebody who saw the other, ends the other's life.
    pub(super) fn supersedes(&self, other: &Self) -> bool {
        other.at.starts_with(&self.at) && (!self.increment || other.increment)
    }

    /// Whether these two, if concurrent and live, are a conflict.
    pub(super) fn opposes(&self, other: &Self) -> bool {
        (self.at.starts_with(&other.at) || other.at.starts_with(&self.at)) && !(self.increment && other.increment)
    }
}

/// What an edit touches.
pub(super) fn touched(statement: StatementId, index: u32, edit: &Edit) -> Side {
    let resolved = edit.at.iter().map(|step| match step {
        Step::Key(key) => Step::Key(key.clone()),
        Step::Element(element) => Step::Element(ElementRef::Of(element.resolve(statement))),
    });
    let inserted = match &edit.op {
        Op::Insert(..) => Some(Step::Element(ElementRef::Of(ElementId { statement, edit: index, ordinal: 0 }))),
        Op::Put(_) | Op::Delete | Op::Counter(_) | Op::Increment(_) => None,
    };
    let increment = matches!(edit.op, Op::Increment(_));
    Side { statement, edit: index, at: resolved.chain(inserted).collect(), increment }
}

/// The edits of one statement that it did not itself supersede, those skipped left out.
pub(super) fn live(statement: StatementId, edits: &[Edit], skipped: impl Fn(u32) -> bool) -> Vec<Side> {
    let mut sides: Vec<Side> = Vec::new();
    for (edit, index) in edits.iter().zip(0u32..).filter(|(_, index)| !skipped(*index)) {
        let side = touched(statement, index, edit);
        sides.retain(|earlier| !side.supersedes(earlier));
        sides.push(side);
    }
    sides
}

/// What a statement's own live edits stand against, among the live edits of those it has not seen. `saw(a, b)` says
/// whether the unseen statement at index `a` has the one at index `b` in its closure.
pub(super) fn opposed(
    own: &[Side],
    unseen: &[Vec<Side>],
    saw: impl FnOnce() -> Box<dyn Fn(usize, usize) -> bool>,
) -> Vec<Conflict> {
    let near = |side: &&Side| own.iter().any(|mine| mine.at.starts_with(&side.at) || side.at.starts_with(&mine.at));
    let mut near_own: Vec<(usize, &Side)> = Vec::new();
    for (sides, index) in unseen.iter().zip(0..) {
        near_own.extend(sides.iter().filter(near).map(|side| (index, side)));
    }
    let several = near_own.first().map(|(index, _)| *index) != near_own.last().map(|(index, _)| *index);
    let saw = if several { Some(saw()) } else { None };
    let dead = |at: usize, side: &Side| {
        let Some(saw) = &saw else { return false };
        near_own.iter().any(|(later, newer)| *later != at && newer.supersedes(side) && saw(*later, at))
    };
    let mut found = Vec::new();
    for (at, side) in near_own.iter().filter(|(at, side)| !dead(*at, side)) {
        let _ = at;
        let against = own.iter().filter(|mine| mine.opposes(side));
        found.extend(against.map(|mine| Conflict { left: (*side).clone(), right: mine.clone() }));
    }
    found
}
