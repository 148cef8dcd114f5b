//! An exported log, replayed through an imagined topology with imagined faults. Secret keys are not in an export: so the
//! mesh is a new one, and every write is signed anew by a simulated key that stands for its author. Paths, edits, notes,
//! what each author had seen, and the order in which writes win are kept; genesis, grants, approvals, ids and digests are
//! not: whoever wrote may write everywhere.

mod drive;
mod log;
mod rewrite;

pub use drive::{Asked, replay};
pub use log::{BadLog, Log};
