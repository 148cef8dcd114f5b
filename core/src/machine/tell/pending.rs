//! What waits for signatures and approvals: root acts that lack some, writes whose grants demand them.

use std::sync::Arc;

use driftless_statement::{Body, Prefix, Statement, Verified};

use crate::machine::Machine;
use crate::machine::outcome::PendingTold;

impl Machine {
    /// What is pending under a prefix and may be told, earliest first, at most `limit`, and how many there are. Acts of `@mesh` are
    /// under the prefix when what they are about overlaps it.
    pub fn pending(
        &self,
        prefix: &Prefix,
        may_tell: impl Fn(&Statement) -> bool,
        limit: usize,
    ) -> (Vec<PendingTold>, u64) {
        let Some(trust) = &self.settled else { return (Vec::new(), 0) };
        let pending = self.scopes.values().flat_map(|room| room.pending());
        let mut found: Vec<&Arc<Verified>> = pending
            .filter_map(|id| self.log.get(id))
            .filter(|one| is_about(one.statement(), prefix) && may_tell(one.statement()))
            .filter(|one| trust.wanted(one).iter().any(|wanted| !wanted.is_met()))
            .collect();
        found.sort_unstable_by_key(|one| one.key());
        let total = found.len() as u64;
        let told = |one: &Arc<Verified>| PendingTold { wanted: trust.wanted(one), told: self.told(one) };
        (found.into_iter().take(limit).map(told).collect(), total)
    }
}

fn is_about(statement: &Statement, prefix: &Prefix) -> bool {
    match &statement.body {
        Body::Write(_) => statement.touches.iter().any(|touch| prefix.covers(&touch.path)),
        Body::Grant(grant) => prefix.overlaps(&grant.prefix),
        Body::Revoke(revoke) => prefix.overlaps(&revoke.prefix),
        Body::Genesis(_) | Body::Approve(_) | Body::Accept(_) | Body::Rotate(_) | Body::Unknown { .. } => true,
    }
}
