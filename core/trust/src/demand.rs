//! Whether the approvals that a write's chain of grants demands are there.

use std::collections::BTreeSet;

use driftless_statement::{Demand, PublicKey, Verified, Write};

use super::grant::Standing;
use super::rank::Settled;
use super::refusal::Refusal;

/// Whether every demand on a write is met: each for itself, by distinct keys of its list, never by the write's author. Costs
/// nothing where nothing is demanded.
pub(super) fn met(settled: &Settled, standing: &Standing, verified: &Verified, write: &Write) -> Result<(), Refusal> {
    if standing.demands.is_empty() {
        return Ok(());
    }
    let approvers = approvers(settled, verified);
    let have = |demand: &Demand| demand.of.intersection(&approvers).count() as u64;
    for (grant, demands) in &standing.demands {
        if let Some(demand) = demands.of(write).find(|demand| have(demand) < demand.approvals) {
            return Err(Refusal::Unapproved { grant: *grant, have: have(demand), need: demand.approvals });
        }
    }
    Ok(())
}

/// The keys, without its author, whose approval of a write counts: on a grant that covers every entry it touches.
pub(super) fn approvers(settled: &Settled, verified: &Verified) -> BTreeSet<PublicKey> {
    let (id, statement) = (verified.id(), verified.statement());
    let counts = settled.approvals(&id).filter(|approval| {
        let covers = |on: &Standing| on.covers(statement.touches.iter().map(|touch| &touch.path)).is_ok();
        approval.by != statement.author
            && approval.scope == statement.scope
            && settled.grants.get(&approval.grant).is_some_and(covers)
    });
    counts.map(|approval| approval.by).collect()
}
