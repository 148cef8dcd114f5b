//! Settling `@mesh` rank by rank. The epoch is rank 0; what relies on a grant of rank r is judged only when all of rank r
//! is settled, and nothing of a greater rank can change it. Of each rank the grants come first, then the revocations that
//! rely on them: a grant can be struck by revocations of smaller rank only, and they are settled before it. So the outcome
//! is a function of the set, in no order, nothing is taken back on the way, and it ends: every act names exactly one
//! statement that it relies on, by hash, and is looked at once.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::{Accept, Approve, Body, Grant, MeshId, PublicKey, Revoke, StatementId, Verb, Verified};

use super::accepted::Accepted;
use super::epoch::Epoch;
use super::grant::Standing;
use super::judge;
use super::refusal::Refusal;
use super::revoke::Revocation;

/// What is settled: while settling, everything down to the rank reached.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) genesis: StatementId,
    pub(super) fold_version: u64,
    pub(super) epoch: Epoch,
    pub(super) grants: BTreeMap<StatementId, Standing>,
    pub(super) revocations: BTreeMap<StatementId, Revocation>,
    /// The revocations that strike a grant, by grant.
    struck: BTreeMap<StatementId, BTreeSet<StatementId>>,
    /// The revocations that count, by the key that they revoke.
    revoked: BTreeMap<PublicKey, BTreeSet<StatementId>>,
    /// What they accept of `@mesh`.
    accepted: Accepted,
    /// The keys to which grants gave membership that are void by a revocation, or rely on such a one.
    pub(super) fallen: BTreeSet<PublicKey>,
}

type By<T> = BTreeMap<StatementId, BTreeMap<StatementId, T>>;

/// The acts of `@mesh` by what they rely on. Maps, so that neither order nor repetition of what came in is left.
#[derive(Default)]
struct Acts<'a> {
    grants: By<(&'a Verified, &'a Grant)>,
    revocations: By<(&'a Verified, &'a Revoke)>,
    accepts: BTreeMap<StatementId, (&'a Verified, &'a Accept)>,
    /// All of `@mesh`, when something is revoked.
    all: BTreeMap<StatementId, &'a Verified>,
}

impl Settled {
    pub(super) fn of<'a>(
        genesis: &Verified,
        mesh: impl IntoIterator<Item = &'a Verified>,
        approved: &[StatementId],
    ) -> Self {
        let mesh: Vec<&Verified> = mesh.into_iter().collect();
        let fold_version = match &genesis.statement().body {
            Body::Genesis(genesis) => genesis.fold_version,
            _ => 0,
        };
        let mut settled = Self {
            genesis: genesis.id(),
            fold_version,
            epoch: Epoch::found(genesis),
            grants: BTreeMap::new(),
            revocations: BTreeMap::new(),
            struck: BTreeMap::new(),
            revoked: BTreeMap::new(),
            accepted: Accepted::default(),
            fallen: BTreeSet::new(),
        };
        let roots: Vec<PublicKey> = settled.epoch.keys().copied().collect();
        for act in approved {
            roots.iter().for_each(|root| settled.epoch.approve(*act, *root));
        }
        let mut acts = settled.sort(&mesh);
        if !acts.revocations.is_empty() {
            acts.all = mesh.iter().map(|verified| (verified.id(), *verified)).collect();
        }
        settled.settle(&acts);
        settled
    }

    pub(super) fn mesh(&self) -> MeshId {
        MeshId::from(self.genesis)
    }

    /// The revocations that strike a grant.
    pub(super) fn struck(&self, grant: &StatementId) -> impl Iterator<Item = &Revocation> {
        self.struck.get(grant).into_iter().flatten().filter_map(|id| self.revocations.get(id))
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

    /// Sorts acts by what they rely on, and counts root signatures, which need no grant to be settled first. What is
    /// void whatever the grants say is left out: statements of another mesh and unknown ones.
    fn sort<'a>(&mut self, mesh: &[&'a Verified]) -> Acts<'a> {
        let mut acts = Acts::default();
        for verified in mesh {
            let statement = verified.statement();
            if statement.mesh != self.mesh() || !statement.scope.is_mesh() || statement.is_unknown() {
                continue;
            }
            match &statement.body {
                Body::Grant(grant) => {
                    acts.grants.entry(statement.grant).or_default().insert(verified.id(), (verified, grant));
                }
                Body::Revoke(revoke) => {
                    acts.revocations.entry(statement.grant).or_default().insert(verified.id(), (verified, revoke));
                }
                Body::Accept(accept) => drop(acts.accepts.insert(verified.id(), (verified, accept))),
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
            self.revoke(acts, &settled_above, rank);
            rank += 1;
            settled_above = self.grant(acts, &settled_above, rank);
        }
    }

    /// Settles the grants that rely on these, and what strikes them. Returns their ids.
    fn grant(&mut self, acts: &Acts<'_>, above: &[StatementId], rank: usize) -> Vec<StatementId> {
        let of = |parent| acts.grants.get(parent).into_iter().flat_map(BTreeMap::values);
        let mut issued = Vec::new();
        for (verified, grant) in above.iter().flat_map(of) {
            match judge::admissible(self, verified, &Accepted::default()) {
                Ok(()) => {}
                Err(Refusal::Struck { .. }) => {
                    self.fall(acts, verified.id(), grant);
                    continue;
                }
                Err(_) => continue,
            }
            let standing = self.standing(verified, grant, rank);
            let struck = self.strikes(&standing, verified);
            if !struck.is_empty() {
                self.struck.insert(standing.id, struck);
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

    /// A grant is void by a revocation, and so is what relies on it.
    fn fall(&mut self, acts: &Acts<'_>, id: StatementId, grant: &Grant) {
        let mut stack = vec![(id, grant)];
        while let Some((id, grant)) = stack.pop() {
            if grant.verbs.contains(&Verb::Member) {
                self.fallen.insert(grant.key);
            }
            let below = acts.grants.get(&id).into_iter().flatten();
            stack.extend(below.map(|(id, (_, grant))| (*id, *grant)));
        }
    }

    fn standing(&self, verified: &Verified, grant: &Grant, rank: usize) -> Standing {
        let statement = verified.statement();
        Standing {
            id: verified.id(),
            grant: grant.clone(),
            issuer: statement.author,
            rank,
            parent: statement.grant,
            signatures: self.signatures(verified),
        }
    }

    fn signatures(&self, verified: &Verified) -> Option<super::Signatures> {
        let statement = verified.statement();
        (statement.grant == self.epoch.id()).then(|| self.epoch.signatures(&verified.id(), &statement.author))
    }

    /// Settles the revocations that rely on these.
    fn revoke(&mut self, acts: &Acts<'_>, settled: &[StatementId], rank: usize) {
        let of = |parent| acts.revocations.get(parent).into_iter().flat_map(BTreeMap::values);
        for (verified, revoke) in settled.iter().flat_map(of) {
            if judge::admissible(self, verified, &Accepted::default()).is_err() {
                continue;
            }
            let statement = verified.statement();
            let mut revocation = Revocation::new(verified.id(), statement.author, statement.grant, rank, revoke);
            revocation.signatures = self.signatures(verified);
            for id in statement.touches.iter().flat_map(|touch| &touch.bases) {
                let Some((accept, body)) = acts.accepts.get(id) else { continue };
                if accept.statement().author == statement.author {
                    revocation.listed.extend(body.frontier.iter().map(|(scope, id)| (*id, scope.clone())));
                }
            }
            if revocation.is_authorised() {
                self.count(acts, &revocation);
            }
            self.revocations.insert(revocation.id, revocation);
        }
    }

    fn count(&mut self, acts: &Acts<'_>, revocation: &Revocation) {
        self.revoked.entry(revocation.key).or_default().insert(revocation.id);
        let listed = revocation.listed.keys().filter_map(|id| acts.all.get(id));
        for listed in listed.filter(|listed| listed.statement().author == revocation.key) {
            self.accepted.follow(revocation.id, listed, |id| acts.all.get(id).copied());
        }
    }
}
