//! Settling `@mesh` rank by rank. The epochs come first and have rank 0; what relies on a grant of rank r is judged only when all of
//! rank r is settled, and nothing of a greater rank can change it. Of each rank the grants come first, then the revocations that
//! rely on them: a grant can be struck by revocations of smaller rank only, and they are settled before it. So the outcome
//! is a function of the set, in no order, nothing is taken back on the way, and it ends: every act names exactly one
//! statement that it relies on, by hash, and is looked at once. Approvals of writes come last: nothing else depends on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Body, Grant, MeshId, PublicKey, Scope, Statement, StatementId, Verb, Verified};

use super::accepted::Accepted;
use super::acts::Acts;
use super::chain::Chain;
use super::grant::Standing;
use super::judge;
use super::refusal::Refusal;
use super::revoke::Revocation;

/// What is settled: while settling, everything down to the rank reached.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) genesis: StatementId,
    pub(super) fold_version: u64,
    pub(super) chain: Chain,
    pub(super) grants: BTreeMap<StatementId, Standing>,
    pub(super) revocations: BTreeMap<StatementId, Revocation>,
    /// The revocations that strike a grant, by grant.
    struck: BTreeMap<StatementId, Arc<BTreeSet<StatementId>>>,
    /// The revocations that count, by the key that they revoke.
    revoked: BTreeMap<PublicKey, BTreeSet<StatementId>>,
    /// What they accept of `@mesh`.
    accepted: Accepted,
    /// The keys to which grants gave membership that are void now, or rely on such a one.
    pub(super) fallen: BTreeSet<PublicKey>,
    /// The approvals on grants that count, by what they approve: the approver, and the grant relied on.
    approvals: BTreeMap<StatementId, BTreeSet<Approval>>,
}

/// An approval that counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Approval {
    /// Who approves.
    pub(super) by: PublicKey,
    /// The grant relied on.
    pub(super) grant: StatementId,
    /// Where it says that the approved statement lies.
    pub(super) scope: Scope,
}

impl Settled {
    pub(super) fn of<'a>(
        genesis: &Verified,
        mesh: impl IntoIterator<Item = &'a Verified>,
        approved: &[StatementId],
    ) -> Self {
        let fold_version = match &genesis.statement().body {
            Body::Genesis(genesis) => genesis.fold_version,
            _ => 0,
        };
        let acts = Acts::sort(MeshId::from(genesis.id()), mesh);
        let mut settled = Self {
            genesis: genesis.id(),
            fold_version,
            chain: Chain::follow(genesis, &acts, approved),
            grants: BTreeMap::new(),
            revocations: BTreeMap::new(),
            struck: BTreeMap::new(),
            revoked: BTreeMap::new(),
            accepted: Accepted::default(),
            fallen: BTreeSet::new(),
            approvals: BTreeMap::new(),
        };
        settled.settle(&acts);
        settled
    }

    pub(super) fn mesh(&self) -> MeshId {
        MeshId::from(self.genesis)
    }

    /// The revocations that strike a grant.
    pub(super) fn struck(&self, grant: &StatementId) -> impl Iterator<Item = &Revocation> {
        let struck = self.struck.get(grant).into_iter().flat_map(|by| by.iter());
        struck.filter_map(|id| self.revocations.get(id))
    }

    /// The revocations of a key that count.
    pub(super) fn revoked(&self, key: &PublicKey) -> impl Iterator<Item = &Revocation> {
        self.revoked.get(key).into_iter().flatten().filter_map(|id| self.revocations.get(id))
    }

    /// The grants that some revocation strikes.
    pub(super) fn struck_grants(&self) -> impl Iterator<Item = &Standing> {
        self.struck.keys().filter_map(|id| self.grants.get(id))
    }

    /// All revocations that count.
    pub(super) fn counting(&self) -> impl Iterator<Item = &Revocation> {
        self.revocations.values().filter(|revocation| revocation.is_authorised())
    }

    /// Whether a revocation accepts a statement. `elsewhere`: what it accepts outside of `@mesh`.
    pub(super) fn accepts(&self, revocation: &StatementId, verified: &Verified, elsewhere: &Accepted) -> bool {
        let accepted = if verified.statement().scope.is_mesh() { &self.accepted } else { elsewhere };
        accepted.has(revocation, &verified.id())
    }

    /// The approvals of a statement that count.
    pub(super) fn approvals(&self, of: &StatementId) -> impl Iterator<Item = &Approval> {
        self.approvals.get(of).into_iter().flatten()
    }

    /// What is approved differently here and there.
    pub(super) fn approved_otherwise(&self, other: &Self) -> BTreeSet<StatementId> {
        let not_in = |one: &Self, other: &Self| -> Vec<StatementId> {
            let differs =
                |(id, approvals): &(&StatementId, &BTreeSet<Approval>)| other.approvals.get(id) != Some(approvals);
            one.approvals.iter().filter(differs).map(|(id, _)| *id).collect()
        };
        not_in(self, other).into_iter().chain(not_in(other, self)).collect()
    }

    /// Who has signed a root act; `None` for what relies on a grant.
    pub(super) fn signatures(&self, id: &StatementId, statement: &Statement) -> Option<super::Signatures> {
        let epoch = self.chain.get(&statement.grant)?;
        Some(epoch.signatures(id, &statement.author))
    }

    fn settle(&mut self, acts: &Acts<'_>) {
        let mut settled_above: Vec<StatementId> = self.chain.iter().map(|epoch| epoch.id()).collect();
        let mut rank = 0;
        while !settled_above.is_empty() {
            self.revoke(acts, &settled_above, rank);
            rank += 1;
            settled_above = self.grant(acts, &settled_above, rank);
        }
        for (verified, approve) in acts.approvals() {
            let statement = verified.statement();
            let on_grant = self.grants.contains_key(&statement.grant);
            if on_grant && judge::admissible(self, verified, &Accepted::default()).is_ok() {
                let approval = Approval { by: statement.author, grant: statement.grant, scope: approve.scope.clone() };
                self.approvals.entry(approve.id).or_default().insert(approval);
            }
        }
    }

    /// Settles the grants that rely on these, and what strikes them. Returns their ids.
    fn grant(&mut self, acts: &Acts<'_>, above: &[StatementId], rank: usize) -> Vec<StatementId> {
        let mut issued = Vec::new();
        // The same strikes nearly all grants of a key, and a delegate may give and revoke very often: kept once.
        let mut known: BTreeMap<PublicKey, Arc<BTreeSet<StatementId>>> = BTreeMap::new();
        for (verified, grant) in above.iter().flat_map(|on| acts.grants(on)) {
            match judge::admissible(self, verified, &Accepted::default()) {
                Ok(_) => {}
                Err(Refusal::Struck { .. } | Refusal::Superseded { .. }) => {
                    self.fall(acts, verified.id(), grant);
                    continue;
                }
                Err(_) => continue,
            }
            let statement = verified.statement();
            let signatures = self.signatures(&verified.id(), statement);
            let standing = Standing::new(verified, grant, rank, self.grants.get(&statement.grant), signatures);
            let struck = self.strikes(&standing, verified);
            if !struck.is_empty() {
                let same = known.entry(grant.key).or_default();
                if **same != struck {
                    *same = Arc::new(struck);
                }
                self.struck.insert(standing.id, same.clone());
            }
            issued.push(standing.id);
            self.grants.insert(standing.id, standing);
        }
        issued
    }

    /// What strikes a grant: revocations of its key, and those that strike the grant it relies on and reach into it, unless
    /// they accept it.
    fn strikes(&self, standing: &Standing, verified: &Verified) -> BTreeSet<StatementId> {
        let own = self.revoked(&standing.grant.key).filter(|one| one.strikes(standing, verified.statement()));
        let inherited = self
            .struck(&standing.parent)
            .filter(|one| one.prefix.overlaps(&standing.grant.prefix) && !self.accepted.has(&one.id, &standing.id));
        own.chain(inherited).map(|one| one.id).collect()
    }

    /// A grant is void by a revocation or a rotation, and so is what relies on it.
    fn fall(&mut self, acts: &Acts<'_>, id: StatementId, grant: &Grant) {
        let mut stack = vec![(id, grant)];
        while let Some((id, grant)) = stack.pop() {
            if grant.verbs.contains(&Verb::Member) {
                self.fallen.insert(grant.key);
            }
            stack.extend(acts.grants(&id).map(|(verified, grant)| (verified.id(), grant)));
        }
    }

    /// Settles the revocations that rely on these.
    fn revoke(&mut self, acts: &Acts<'_>, settled: &[StatementId], rank: usize) {
        for (verified, revoke) in settled.iter().flat_map(|on| acts.revocations(on)) {
            if judge::admissible(self, verified, &Accepted::default()).is_err() {
                continue;
            }
            let statement = verified.statement();
            let mut revocation = Revocation::new(verified.id(), statement.author, statement.grant, rank, revoke);
            revocation.signatures = self.signatures(&verified.id(), statement);
            revocation.listed = acts.frontier(verified);
            if revocation.is_authorised() {
                self.count(acts, &revocation);
            }
            self.revocations.insert(revocation.id, revocation);
        }
    }

    fn count(&mut self, acts: &Acts<'_>, revocation: &Revocation) {
        self.revoked.entry(revocation.key).or_default().insert(revocation.id);
        let listed = revocation.listed.keys().filter_map(|id| acts.any(id));
        for listed in listed.filter(|listed| listed.statement().author == revocation.key) {
            self.accepted.follow(revocation.id, listed, |id| acts.any(id));
        }
    }
}
