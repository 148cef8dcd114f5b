//! Activation: from merged to effective. The one place where nodes may differ from one another.
//!
//! Rollout stages and local guards will decide here. Today every candidate is admitted at once.

use std::sync::Arc;

use driftless_statement::{Path, StatementId, Value};

/// A merged entry that asks to become effective.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The entry.
    pub path: Path,
    /// Its merged value; `None`: the entry is absent.
    pub value: Option<Arc<Value>>,
    /// Its merged heads, ascending.
    pub heads: Arc<[StatementId]>,
    /// Open conflicts in it.
    pub conflicts: u32,
}

/// Whether a candidate becomes effective now. While it does not, the previous effective value stays.
pub fn activate(_candidate: &Candidate) -> bool {
    true
}
