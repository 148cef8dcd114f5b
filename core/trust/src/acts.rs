//! The acts of `@mesh`, sorted by what they rely on. Maps, so that neither order nor repetition of what came in is left.

use std::collections::BTreeMap;

use driftless_statement::{Accept, Approve, Body, Grant, MeshId, Revoke, Rotate, Scope, StatementId, Verified};

type By<T> = BTreeMap<StatementId, BTreeMap<StatementId, T>>;

/// The acts that the fold version in force defines.
#[derive(Default)]
pub(super) struct Acts<'a> {
    grants: By<(&'a Verified, &'a Grant)>,
    revocations: By<(&'a Verified, &'a Revoke)>,
    rotations: By<(&'a Verified, &'a Rotate)>,
    approvals: By<(&'a Verified, &'a Approve)>,
    accepts: BTreeMap<StatementId, (&'a Verified, &'a Accept)>,
    /// All of `@mesh`, when something is accepted by a frontier.
    all: BTreeMap<StatementId, &'a Verified>,
}

impl<'a> Acts<'a> {
    pub(super) fn sort(mesh: MeshId, statements: impl IntoIterator<Item = &'a Verified>) -> Self {
        let statements: Vec<&Verified> = statements.into_iter().collect();
        let mut acts = Self::default();
        for verified in &statements {
            let statement = verified.statement();
            if statement.mesh == mesh && statement.scope.is_mesh() && !statement.is_unknown() {
                acts.add(verified);
            }
        }
        if !(acts.revocations.is_empty() && acts.rotations.is_empty()) {
            acts.all = statements.iter().map(|verified| (verified.id(), *verified)).collect();
        }
        acts
    }

    fn add(&mut self, verified: &'a Verified) {
        let (id, on) = (verified.id(), verified.statement().grant);
        match &verified.statement().body {
            Body::Grant(grant) => drop(self.grants.entry(on).or_default().insert(id, (verified, grant))),
            Body::Revoke(revoke) => drop(self.revocations.entry(on).or_default().insert(id, (verified, revoke))),
            Body::Rotate(rotate) => drop(self.rotations.entry(on).or_default().insert(id, (verified, rotate))),
            Body::Approve(approve) => drop(self.approvals.entry(on).or_default().insert(id, (verified, approve))),
            Body::Accept(accept) => drop(self.accepts.insert(id, (verified, accept))),
            Body::Write(_) | Body::Genesis(_) | Body::Unknown { .. } => {}
        }
    }

    /// The grants that rely on a grant or an epoch.
    pub(super) fn grants(&self, on: &StatementId) -> impl Iterator<Item = (&'a Verified, &'a Grant)> + use<'a, '_> {
        self.grants.get(on).into_iter().flat_map(BTreeMap::values).copied()
    }

    /// The revocations that rely on a grant or an epoch.
    pub(super) fn revocations(
        &self,
        on: &StatementId,
    ) -> impl Iterator<Item = (&'a Verified, &'a Revoke)> + use<'a, '_> {
        self.revocations.get(on).into_iter().flat_map(BTreeMap::values).copied()
    }

    /// The rotations that name an epoch.
    pub(super) fn rotations(&self, on: &StatementId) -> impl Iterator<Item = &'a Verified> + use<'a, '_> {
        self.rotations.get(on).into_iter().flat_map(BTreeMap::values).map(|(verified, _)| *verified)
    }

    /// One of them.
    pub(super) fn rotation(&self, on: &StatementId, id: &StatementId) -> Option<&'a Verified> {
        self.rotations.get(on)?.get(id).map(|(verified, _)| *verified)
    }

    /// The approvals of statements in `@mesh` that rely on an epoch: signatures under root acts, if root keys made them.
    pub(super) fn signatures(
        &self,
        on: &StatementId,
    ) -> impl Iterator<Item = (&'a Approve, &'a Verified)> + use<'a, '_> {
        let all = self.approvals.get(on).into_iter().flat_map(BTreeMap::values);
        all.filter(|(_, approve)| approve.scope.is_mesh()).map(|(verified, approve)| (*approve, *verified))
    }

    /// Every approval, whatever it relies on.
    pub(super) fn approvals(&self) -> impl Iterator<Item = (&'a Verified, &'a Approve)> + use<'a, '_> {
        self.approvals.values().flat_map(BTreeMap::values).copied()
    }

    /// The frontier of a revocation or rotation, with what the accepts say that it names as bases and that are its author's.
    pub(super) fn frontier(&self, verified: &'a Verified) -> BTreeMap<StatementId, Scope> {
        let statement = verified.statement();
        let own = match &statement.body {
            Body::Revoke(revoke) => Some(&revoke.frontier),
            Body::Rotate(rotate) => Some(&rotate.frontier),
            _ => None,
        };
        let bases = statement.touches.iter().flat_map(|touch| &touch.bases);
        let accepts = bases.filter_map(|id| self.accepts.get(id));
        let same = accepts.filter(|(accept, _)| accept.statement().author == statement.author);
        let lists = own.into_iter().chain(same.map(|(_, accept)| &accept.frontier));
        lists.flat_map(|frontier| frontier.iter()).map(|(scope, id)| (*id, scope.clone())).collect()
    }

    /// What a rotation lists, as far as it is held in `@mesh`.
    pub(super) fn listed(&self, rotation: &'a Verified) -> Vec<&'a Verified> {
        self.frontier(rotation).keys().filter_map(|id| self.any(id)).collect()
    }

    /// Any statement of `@mesh`.
    pub(super) fn any(&self, id: &StatementId) -> Option<&'a Verified> {
        self.all.get(id).copied()
    }
}
