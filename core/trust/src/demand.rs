//! What a statement that is let in lacks to count: signatures of root keys, or approvals that its chain of grants demands.

use std::collections::BTreeSet;

use driftless_statement::{Body, Demand, PublicKey, StatementId, Verified, Write};

use super::grant::Standing;
use super::rank::Settled;
use super::refusal::Refusal;

/// Signatures or approvals that somebody wants under a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The grant or epoch that wants them.
    pub demanded_by: StatementId,
    /// How many distinct keys.
    pub need: u64,
    /// Whose count. The author of a write never does, the author of a root act does.
    pub of: BTreeSet<PublicKey>,
    /// Who has given one.
    pub by: BTreeSet<PublicKey>,
}

impl Wanted {
    /// Whether there are enough.
    pub fn is_met(&self) -> bool {
        self.by.len() as u64 >= self.need
    }
}

/// Whether every demand on a write is met: each for itself, by distinct keys of its list, never by the write's author. Costs
/// nothing where nothing is demanded.
pub(super) fn met(settled: &Settled, standing: &Standing, verified: &Verified, write: &Write) -> Result<(), Refusal> {
    if standing.demands.is_empty() {
        return Ok(());
    }
    let (approvers, author) = (approvers(settled, verified), verified.statement().author);
    for (grant, demand) in demanded(standing, write) {
        let have = given(demand, &approvers, &author).count() as u64;
        if have < demand.approvals {
            return Err(Refusal::Unapproved { grant, have, need: demand.approvals });
        }
    }
    Ok(())
}

/// What the grants of a chain demand of a write, each with its grant.
fn demanded<'a>(standing: &'a Standing, write: &'a Write) -> impl Iterator<Item = (StatementId, &'a Demand)> {
    standing.demands.iter().flat_map(|(grant, demands)| demands.of(write).map(move |one| (*grant, one)))
}

/// Who of those whom a demand names has approved: the author of the write never counts.
fn given<'a>(
    demand: &'a Demand,
    approvers: &'a BTreeSet<PublicKey>,
    author: &'a PublicKey,
) -> impl Iterator<Item = &'a PublicKey> {
    approvers.iter().filter(move |key| *key != author && demand.of.contains(*key))
}

/// All that is wanted under a statement, met or not.
pub(super) fn wanted(settled: &Settled, verified: &Verified) -> Vec<Wanted> {
    let statement = verified.statement();
    if let Some(epoch) = settled.chain.get(&statement.grant) {
        let act = matches!(statement.body, Body::Grant(_) | Body::Revoke(_) | Body::Rotate(_));
        let by = epoch.signers(&verified.id(), &statement.author);
        let wanted =
            Wanted { demanded_by: epoch.id(), need: epoch.threshold(), of: epoch.keys().copied().collect(), by };
        return act.then_some(wanted).into_iter().collect();
    }
    match (&statement.body, settled.grants.get(&statement.grant)) {
        (Body::Write(write), Some(standing)) => for_write(settled, standing, verified, write),
        _ => Vec::new(),
    }
}

fn for_write(settled: &Settled, standing: &Standing, verified: &Verified, write: &Write) -> Vec<Wanted> {
    let (approvers, author) = (approvers(settled, verified), &verified.statement().author);
    let wanted = demanded(standing, write).map(|(grant, demand)| {
        let mut of = demand.of.clone();
        of.remove(author);
        let by = given(demand, &approvers, author).copied().collect();
        Wanted { demanded_by: grant, need: demand.approvals, of, by }
    });
    wanted.collect()
}

/// The keys whose approval of a write counts: on a grant that covers every entry it touches.
fn approvers(settled: &Settled, verified: &Verified) -> BTreeSet<PublicKey> {
    let (id, statement) = (verified.id(), verified.statement());
    let counts = settled.approvals(&id).filter(|approval| {
        let covers = |on: &Standing| on.covers(statement.touches.iter().map(|touch| &touch.path)).is_ok();
        approval.scope == statement.scope && settled.grants.get(&approval.grant).is_some_and(covers)
    });
    counts.map(|approval| approval.by).collect()
}
