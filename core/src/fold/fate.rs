//! What became of a statement in the fold, and what changed in an entry.

use std::sync::Arc;

use driftless_statement::schema::{At, BadSchema, Unmet};
use driftless_statement::{Path, Skip, StatementId, Verified, limits};

/// The bounds that fitness is decided by. They belong to the fold version; other values than the default are for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an entry's merged value as canonical CBOR.
    pub entry_bytes: usize,
    /// Nesting of a merged value; a scalar has depth 0.
    pub value_depth: usize,
    /// Heads of an entry.
    pub heads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entry_bytes: limits::ENTRY_BYTES, value_depth: limits::VALUE_DEPTH, heads: limits::HEADS }
    }
}

/// A statement of the scope, as the fold is given it.
#[derive(Debug, Clone)]
pub struct Member {
    /// The statement.
    pub statement: Arc<Verified>,
    /// Whether it is authorised, due and a `Write`. One that does not count (void, pending, unknown, not yet due) is only
    /// known for its bases, which stand in for it where it is named as one.
    pub counts: bool,
}

/// The limit or schema that a statement would have broken.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(tag = "limit", rename_all = "snake_case")]
pub enum Breach {
    /// The merged value would be too large.
    #[error("the merged value would have {got} bytes, at most {max} are allowed")]
    Size {
        /// Bytes allowed.
        max: usize,
        /// Bytes it would have.
        got: usize,
    },
    /// The merged value would be nested too deeply.
    #[error("the merged value would be nested {got} levels deep, at most {max} are allowed")]
    Depth {
        /// Levels allowed.
        max: usize,
        /// Levels it would have.
        got: usize,
    },
    /// The entry would have too many heads.
    #[error("the entry would have {got} heads, at most {max} are allowed")]
    Heads {
        /// Heads allowed.
        max: usize,
        /// Heads it would have.
        got: usize,
    },
    /// The merged value would not meet a schema over it.
    #[error("schema {schema}: {unmet}")]
    Schema {
        /// The entry that holds the schema.
        schema: Path,
        /// What is wrong, and where.
        unmet: At<Unmet>,
    },
    /// The entry lies where schemas lie, and would hold none.
    #[error("not a schema: {bad}")]
    NotASchema {
        /// What is wrong, and where.
        bad: At<BadSchema>,
    },
    /// The merge engine refused the statement: a bug of ours, kept away from everything else.
    #[error("the merge engine could not apply it; please report this")]
    Engine,
}

impl Breach {
    /// The stable word of what was broken, for metrics and tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Size { .. } => "size",
            Self::Depth { .. } => "depth",
            Self::Heads { .. } => "heads",
            Self::Schema { .. } => "schema",
            Self::NotASchema { .. } => "not_a_schema",
            Self::Engine => "engine",
        }
    }
}

/// One edit that was skipped while its statement's other edits stand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Skipped {
    /// The entry.
    pub path: Path,
    /// Index of the edit among the statement's edits of that entry.
    pub edit: u32,
    /// Why.
    pub why: Skip,
}

/// What the fold decided about a statement that counts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// It shows in the merged state.
    Fit {
        /// Its edits that found no target.
        skipped: Vec<Skipped>,
    },
    /// It would have broken a limit or a schema in this entry, and is treated as void in all of its entries.
    Unfit {
        /// The first entry, in order of path, where it breaks one.
        path: Path,
        /// Which limit or schema.
        breach: Breach,
    },
}

/// What an update changed in one entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// The merged value, element names and kinds of number included.
    pub value: bool,
    /// The heads.
    pub heads: bool,
    /// The conflicts.
    pub conflicts: bool,
    /// Why anything changed: statements of this entry that were given, taken away, or began or ceased to count or to be
    /// fit in this update, and schema writes since which another schema holds. Never empty when one of the others is set.
    /// Ascending, each once.
    pub witnesses: Vec<StatementId>,
}

impl Change {
    /// Whether the entry's merged state differs at all from before.
    pub fn is_some(&self) -> bool {
        self.value || self.heads || self.conflicts
    }
}
