//! Why an entry reads as it does: computed on demand by replaying its fit statements through one document.

use std::sync::Arc;

use driftless_statement::{Path, Pointer, Skip, StatementId, Value, Verified};

use super::conflict::Conflict;
use super::doc::{Doc, EngineFailed};
use super::fate::Fate;
use super::order::{Slot, Verdict};
use super::scope::ScopeFold;

/// A scalar, counter, empty map or empty list of a merged value.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// Where; list elements by name.
    pub at: Pointer,
    /// What is there.
    pub value: Value,
    /// The statement that put it there. A counter's increments come on top.
    pub winner: StatementId,
}

/// Why an entry reads as it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Each leaf of the merged value with its winner, in document order.
    pub leaves: Vec<Leaf>,
    /// Edits of fit statements that found no target: statement, index of the edit, why.
    pub skipped: Vec<(StatementId, u32, Skip)>,
    /// Statements of the entry that break a limit, here or in another entry of theirs.
    pub unfit: Vec<StatementId>,
    /// Statements of the entry that were given without counting.
    pub void: Vec<StatementId>,
    /// The conflicts that stand.
    pub conflicts: Vec<Conflict>,
}

/// One statement of an entry's history.
#[derive(Debug, Clone)]
pub struct Past {
    /// The statement.
    pub statement: Arc<Verified>,
    /// What was decided; `None` when it does not count.
    pub fate: Option<Fate>,
}

impl ScopeFold {
    /// Why the entry at a path reads as it does; `None` when no statement given touches it.
    pub fn explain(&self, path: &Path) -> Option<Explanation> {
        let entry = self.entries.get(path)?;
        let of = |verdict: Verdict| {
            let found = entry.slots.iter().filter(move |slot| slot.verdict == verdict);
            found.map(Slot::id).collect::<Vec<_>>()
        };
        let skips = entry.slots.iter().filter_map(|slot| Some((slot.id(), entry.skips.get(&slot.id())?)));
        Some(Explanation {
            leaves: leaves(&entry.slots).unwrap_or_default(),
            skipped: skips.flat_map(|(id, skips)| skips.iter().map(move |(edit, why)| (id, *edit, *why))).collect(),
            unfit: of(Verdict::Unfit),
            void: of(Verdict::Void),
            conflicts: entry.conflicts(),
        })
    }

    /// The statements given that touch an entry, in the order in which they are decided, each with its fate.
    pub fn history(&self, path: &Path) -> Vec<Past> {
        let slots = self.entries.get(path).map(|entry| entry.slots.as_slice()).unwrap_or_default();
        slots.iter().map(|slot| Past { statement: slot.statement.clone(), fate: self.fate(&slot.id()) }).collect()
    }
}

fn leaves(slots: &[Slot]) -> Result<Vec<Leaf>, EngineFailed> {
    let mut doc = Doc::begin(None)?;
    for slot in slots.iter().filter(|slot| slot.is_fit()) {
        let bases = slot.parents.as_slice().iter().filter_map(|base| slots.get(*base as usize)).map(Slot::id);
        doc.apply(slot.id(), &bases.collect::<Vec<_>>(), slot.edits())?;
    }
    let written = doc.writers()?;
    Ok(written.into_iter().map(|(at, tree, winner)| Leaf { at, value: tree.to_value(), winner }).collect())
}
