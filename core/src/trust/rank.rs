//! Settling `@mesh` rank by rank. The epoch is rank 0; what relies on a grant of rank r is judged only when all of rank r
//! is settled, and nothing of a greater rank can change it. So the outcome is a function of the set, in no order, and
//! ends: every grant names exactly one other statement, by hash, and is looked at once.

use std::collections::BTreeMap;

use driftless_statement::{Approve, Body, Grant, MeshId, StatementId, Verified};

use super::epoch::Epoch;
use super::grant::Standing;
use super::judge;

/// What is settled: while settling, everything down to the rank reached.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) genesis: StatementId,
    pub(super) fold_version: u64,
    pub(super) epoch: Epoch,
    pub(super) grants: BTreeMap<StatementId, Standing>,
}

/// The acts of `@mesh` by what they rely on. Maps, so that neither order nor repetition of what came in is left.
struct Acts<'a> {
    grants: BTreeMap<StatementId, BTreeMap<StatementId, (&'a Verified, &'a Grant)>>,
}

impl Settled {
    pub(super) fn of<'a>(genesis: &Verified, mesh: impl IntoIterator<Item = &'a Verified>) -> Self {
        let fold_version = match &genesis.statement().body {
            Body::Genesis(genesis) => genesis.fold_version,
            Body::Write(_) | Body::Grant(_) | Body::Approve(_) | Body::Unknown { .. } => 0,
        };
        let epoch = Epoch::found(genesis);
        let mut settled = Self { genesis: genesis.id(), fold_version, epoch, grants: BTreeMap::new() };
        let acts = settled.sort(mesh);
        settled.settle(&acts);
        settled
    }

    pub(super) fn mesh(&self) -> MeshId {
        MeshId::from(self.genesis)
    }

    /// Sorts acts by what they rely on, and counts root signatures, which need no grant to be settled first. What is
    /// void whatever the grants say is left out: statements of another mesh and unknown ones.
    fn sort<'a>(&mut self, mesh: impl IntoIterator<Item = &'a Verified>) -> Acts<'a> {
        let mut acts = Acts { grants: BTreeMap::new() };
        for verified in mesh {
            let statement = verified.statement();
            if statement.mesh != self.mesh() || !statement.scope.is_mesh() || statement.is_unknown() {
                continue;
            }
            match &statement.body {
                Body::Grant(grant) => {
                    acts.grants.entry(statement.grant).or_default().insert(verified.id(), (verified, grant));
                }
                Body::Approve(Approve { scope, id }) if statement.grant == self.epoch.id() && scope.is_mesh() => {
                    self.epoch.approve(*id, statement.author);
                }
                Body::Approve(_) | Body::Write(_) | Body::Genesis(_) | Body::Unknown { .. } => {}
            }
        }
        acts
    }

    fn settle(&mut self, acts: &Acts<'_>) {
        let mut settled_above = vec![self.epoch.id()];
        let mut rank = 0;
        while !settled_above.is_empty() {
            rank += 1;
            let issued: Vec<Standing> = settled_above
                .iter()
                .filter_map(|parent| acts.grants.get(parent))
                .flat_map(BTreeMap::values)
                .filter(|(verified, _)| judge::admissible(self, verified).is_ok())
                .map(|(verified, grant)| self.standing(verified, grant, rank))
                .collect();
            settled_above = issued.iter().map(|standing| standing.id).collect();
            self.grants.extend(issued.into_iter().map(|standing| (standing.id, standing)));
        }
    }

    fn standing(&self, verified: &Verified, grant: &Grant, rank: usize) -> Standing {
        let statement = verified.statement();
        let signatures =
            (statement.grant == self.epoch.id()).then(|| self.epoch.signatures(&verified.id(), &statement.author));
        Standing {
            id: verified.id(),
            grant: grant.clone(),
            issuer: statement.author,
            rank,
            parent: statement.grant,
            signatures,
        }
    }
}
