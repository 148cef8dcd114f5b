//! What several checks ask of statements: whether one counts on a node, and whether heads follow it.

use std::collections::BTreeSet;

use driftless_core::machine::{Fate, Machine};
use driftless_core::trust::Refusal;
use driftless_statement::{Body, Path, StatementId, Verified};

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

/// What a strike or a rotation accepts: what it lists, and all that this names in its own scope.
pub fn accepted(facts: &Facts, listed: &BTreeSet<StatementId>) -> BTreeSet<StatementId> {
    let mut stack: Vec<StatementId> = listed.iter().copied().collect();
    let mut all = BTreeSet::new();
    while let Some(id) = stack.pop() {
        if let (true, Some(listed)) = (all.insert(id), made(facts, &id)) {
            let said = listed.statement();
            let own = |name: &StatementId| made(facts, name).is_some_and(|named| named.statement().scope == said.scope);
            stack.extend(said.names().into_iter().filter(own));
        }
    }
    all
}

/// Whether an id is genesis', or that of a rotation of an epoch, counting or not: from what was signed alone.
pub fn is_epoch(facts: &Facts, id: &StatementId, mesh: &[u8; 32]) -> bool {
    let mut id = *id;
    // What a statement names is earlier, so this ends.
    while id.as_bytes() != mesh {
        match made(facts, &id).map(Verified::statement) {
            Some(said) if matches!(said.body, Body::Rotate(_)) => id = said.grant,
            _ => return false,
        }
    }
    true
}

/// The rank of what a statement relies on, from what was signed alone: 0 for an epoch, `None` for what is no chain of
/// grants up to it.
pub fn rank(facts: &Facts, relies_on: &StatementId, mesh: &[u8; 32]) -> Option<usize> {
    let (mut id, mut rank) = (*relies_on, 0);
    while !is_epoch(facts, &id, mesh) {
        let grant = made(facts, &id)?.statement();
        if !matches!(grant.body, Body::Grant(_)) || rank > driftless_statement::limits::GRANT_CHAIN {
            return None;
        }
        (id, rank) = (grant.grant, rank + 1);
    }
    Some(rank)
}

/// Whether a revocation may strike what a statement relies on: one of the grants up to the epoch is to the revoked key, and
/// of greater rank than the revocation. Computed from what was signed, and not by trust.
pub fn may_strike(facts: &Facts, revocation: &StatementId, statement: &Verified) -> bool {
    let Some(Body::Revoke(revoke)) = made(facts, revocation).map(|made| &made.statement().body) else { return false };
    let mesh = &statement.statement().mesh.0;
    let own = made(facts, revocation).and_then(|made| rank(facts, &made.statement().grant, mesh));
    let (mut id, Some(own)) = (statement.statement().grant, own) else { return false };
    while !is_epoch(facts, &id, mesh) {
        let Some(grant) = made(facts, &id).map(Verified::statement) else { return false };
        let Body::Grant(given) = &grant.body else { return false };
        if given.key == revoke.key && rank(facts, &id, mesh).is_some_and(|rank| rank > own) {
            return true;
        }
        id = grant.grant;
    }
    false
}

/// Whether a rotation may make a statement void: it ends the epoch that the statement names, and does not accept it.
fn is_superseded(facts: &Facts, epoch: &StatementId, rotation: &StatementId, statement: &Verified) -> bool {
    let Some(rotated) = made(facts, rotation).map(Verified::statement) else { return false };
    let Body::Rotate(rotate) = &rotated.body else { return false };
    let listed = rotate.frontier.iter().map(|(_, id)| *id).collect();
    rotated.grant == *epoch
        && statement.statement().grant == *epoch
        && !accepted(facts, &listed).contains(&statement.id())
}

/// Whether a fate is what a revocation or a rotation does by the rules: the statement relies, directly or through grants, on
/// what a counting revocation of a senior struck, or names an epoch that ended without accepting it.
pub fn is_struck(facts: &Facts, machine: &Machine, statement: &Verified, fate: &Fate) -> bool {
    match fate {
        Fate::Void(Refusal::Struck { revocation, .. }) => may_strike(facts, revocation, statement),
        Fate::Void(Refusal::Superseded { epoch, rotation }) => is_superseded(facts, epoch, rotation, statement),
        Fate::Void(Refusal::NoSuchGrant { grant }) => made(facts, grant).is_some_and(|above| {
            let told = machine.statement(grant).map(|told| told.fate);
            told.is_none_or(|fate| is_struck(facts, machine, above, &fate))
        }),
        _ => false,
    }
}
