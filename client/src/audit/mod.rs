//! Judging an export without a node: every signature, what every statement names, and its authority, from the file alone.
//!
//! Need: whoever audits must not have to believe the node that wrote the file. Idea: everything that can be computed from
//! the signed bytes is computed anew and compared. Mechanism: one pass in the order of the file, which puts each statement
//! behind what it names; of a statement only its place in the graph is kept, of `@mesh` all, since authority is a function
//! of it. What statements outside of `@mesh` a revocation accepts is known only at the end of the pass: those that hang on
//! it are read once more.
//!
//! What is *not* judged: what the fold decides (`fit` or `unfit`, edits skipped), on which nodes a statement was, refused
//! attempts, and whether statements that nothing names were left out by who wrote the file. The report says how much of
//! it there is.

mod check;
mod flaw;
mod held;
mod lines;
mod report;
mod tree;
mod verifier;

use std::io::{BufRead, Seek};

use driftless_statement::MeshId;

pub use check::{Answer, Needed, Reason, RootAct, Target, check};
pub use flaw::{Broken, Flaw, Unverified};
pub use report::{Audit, Kept, Report};
pub use tree::{GrantNode, RevocationNode, SignatureCount, StrikeNode, Tree, VoidAct, tree};

/// Judges an export. `expected` is the mesh that it must be of; without it, nothing vouches for the mesh that it names.
pub fn verify(input: &mut (impl BufRead + Seek), expected: Option<MeshId>) -> Result<Audit, Unverified> {
    verifier::Verifier::begin(input, expected, false)?.run()
}

/// The same, and keeps every statement, in memory: for who goes on from what the export holds.
pub fn verify_and_keep(input: &mut (impl BufRead + Seek), expected: Option<MeshId>) -> Result<Audit, Unverified> {
    verifier::Verifier::begin(input, expected, true)?.run()
}
