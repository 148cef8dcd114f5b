//! What several checks ask of statements: whether one counts on a node, and whether heads follow it.

use std::collections::BTreeSet;

use driftless_core::machine::{Fate, Machine};
use driftless_statement::{Path, StatementId, Verified};

use crate::facts::Facts;

/// A statement as everybody knows it.
pub fn made<'a>(facts: &'a Facts, id: &StatementId) -> Option<&'a Verified> {
    facts.made.get(id).map(|made| &*made.statement)
}

/// Whether a node lets a statement count: it is durable, due and authorised there.
pub fn counts(machine: &Machine, id: &StatementId) -> bool {
    machine.statement(id).is_some_and(|told| is_counted(&told.fate))
}

/// Whether this is the fate of a statement that counts: a limit may still keep it from showing.
pub fn is_counted(fate: &Fate) -> bool {
    matches!(fate, Fate::Fit | Fate::Unfit { .. })
}

/// Whether a node lets a statement show.
pub fn is_fit(machine: &Machine, id: &StatementId) -> bool {
    machine.statement(id).is_some_and(|told| told.fate == Fate::Fit)
}

/// Whether heads of an entry are, or follow, a statement about it. What a statement names is earlier, so the search ends at
/// the statement's own time.
pub fn follows(facts: &Facts, path: &Path, heads: &[StatementId], wanted: &StatementId) -> bool {
    if heads.contains(wanted) {
        return true;
    }
    let Some(until) = made(facts, wanted).map(Verified::key) else { return false };
    let mut seen = BTreeSet::new();
    let mut stack = heads.to_vec();
    while let Some(id) = stack.pop() {
        let Some(statement) = made(facts, &id).filter(|statement| statement.key() > until) else { continue };
        if !seen.insert(id) {
            continue;
        }
        let bases = statement.statement().bases_of(path).unwrap_or_default();
        if bases.contains(wanted) {
            return true;
        }
        stack.extend_from_slice(bases);
    }
    false
}
