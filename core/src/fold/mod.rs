//! The fold: from the set of a scope's statements to its merged state. It knows statements, values and limits; it must not
//! know trust, the log, a clock or a disk. Only `doc.rs` and `doc_read.rs` name Automerge.
//!
//! **Need.** Equal sets give equal state, whatever the order of arrival, and one statement more costs what it changes,
//! not what came before it.
//!
//! **Order.** Everything is decided in the order of (HLC, id), which never contradicts what statements name.
//!
//! **Bases.** A base of an entry that is not fit (void, pending, unfit) stands for the bases that it gives for that entry
//! itself, and so on; one that does not touch the entry, or is not held, for nothing. What is left are the *effective
//! bases*: fit statements of the entry. The *closure* of a statement is its effective bases, theirs, and so on; it has
//! *seen* what is in there. Two fit statements of an entry are *concurrent* when neither has seen the other. Heads are the
//! fit statements that no fit one has seen.
//!
//! **Fitness.** A statement that would make a merged value too large or too deep, leave too many heads, or make a merged
//! value that does not meet the schemas over it (`govern.rs`), in any entry that it touches, is unfit in all of them, and no base, head or conflict counts it. What it would break is kept for each
//! entry. A statement that comes late with an early key can change verdicts after it: the entries that it touches are
//! replayed from there, all together in one order, and an entry elsewhere joins as soon as the verdict on one of its
//! statements changes. Entries only ever join, so this ends. A cheap upper bound on the value's extent tells most of the
//! time that no limit can be near; only above it is the value measured.
//!
//! **Two engines, one meaning.** A statement that has seen all before it is applied to the merged value directly
//! (`driftless_statement::tree`): what lost against the values shown can never come back, since everybody later has seen
//! both. Otherwise an Automerge document is made from the last merged value that all statements since have seen, and the
//! statements since are replayed into it, each where the document stood at its bases. When somebody has seen everything
//! again, the plain value is all there is. A test merges everything with documents from the beginning and compares.
//!
//! **Winners.** Among concurrent values at a key or in an element, at every level, the one of the greatest (HLC, id) is
//! shown, and edits are resolved against what is shown at the statement's bases. Elements inserted at one place
//! concurrently stand latest first. A put outlives a concurrent delete of the same map key or of the whole value, but not
//! of the list element that it is in, nor a put or delete above it. Increments count at every value of a counter that
//! their statement has seen at the place. A put always writes, also of the value that is already there.
//!
//! **Conflicts** are told from bases and pointers alone, see `conflict.rs`. None is hidden: above [`LISTED`] for one entry
//! they are still counted.
//!
//! **Totality.** Whatever statements say, each edit is applied or skipped with a reason. Should the engine fail on a
//! statement, even by a panic, that statement is unfit with [`Breach::Engine`] and its document is built anew without it.
//!
//! **Memory.** An entry that nobody edits concurrently keeps its statements (shared with the log) and its value. Documents
//! and older states that make the next change cheap are dropped for the least recently used entries.

mod conflict;
mod digest;
mod doc;
mod doc_read;
#[cfg(test)]
mod engine_test;
mod entry;
mod explain;
mod fate;
mod given;
mod govern;
mod many;
mod order;
mod places;
mod replay;
mod rules;
mod scope;
mod size;
mod warm;

pub use conflict::{Conflict, LISTED, Side};
pub use entry::Entry;
pub use explain::{Explanation, Leaf, Past};
pub use fate::{Breach, Change, Fate, Limits, Member, Skipped};
pub use govern::Governance;
pub use many::{Many, Spent};
pub use scope::ScopeFold;
