//! One epoch: its root keys, how many of them must sign a root act, who has signed what, and what ended it. Knows nothing of
//! grants, nor of other epochs.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::{Body, PublicKey, Scope, StatementId, Verified};

use super::accepted::Accepted;

/// How far a root act has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Signatures {
    /// Distinct root keys that have signed it, its author among them.
    pub have: u64,
    /// How many must.
    pub need: u64,
}

impl Signatures {
    /// Whether the act counts.
    pub fn complete(self) -> bool {
        self.have >= self.need
    }
}

/// One epoch of root keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    id: StatementId,
    keys: BTreeSet<PublicKey>,
    threshold: u64,
    /// Approvals by root keys, by the act approved. An act may be approved before it is held.
    approvals: BTreeMap<StatementId, BTreeSet<PublicKey>>,
    /// The rotations by its root keys that would end it, and how far they have come.
    rotations: BTreeMap<StatementId, Signatures>,
    /// Those of them that count. One root key alone may leave any number pending, and this is asked for every root act.
    ended_by: BTreeSet<StatementId>,
    /// What the rotations that count accept of what names this epoch.
    accepted: Accepted,
    /// What they list, with the scope to look in.
    listed: BTreeMap<StatementId, Scope>,
}

impl Epoch {
    /// The epoch that a genesis or a rotation founds. Anything else founds one without keys, in which no act ever counts.
    pub(super) fn found(by: &Verified) -> Self {
        let (keys, threshold) = match &by.statement().body {
            Body::Genesis(genesis) => (genesis.keys.iter().copied().collect(), genesis.threshold),
            Body::Rotate(rotate) => (rotate.keys.iter().copied().collect(), rotate.threshold),
            _ => (BTreeSet::new(), u64::MAX),
        };
        Self {
            id: by.id(),
            keys,
            threshold,
            approvals: BTreeMap::new(),
            rotations: BTreeMap::new(),
            ended_by: BTreeSet::new(),
            accepted: Accepted::default(),
            listed: BTreeMap::new(),
        }
    }

    /// The statement that founded it, which root acts name as their grant.
    pub fn id(&self) -> StatementId {
        self.id
    }

    /// The root keys, ascending.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter()
    }

    /// How many root keys must sign a root act.
    pub fn threshold(&self) -> u64 {
        self.threshold
    }

    /// Whether a key is a root key.
    pub fn is_root(&self, key: &PublicKey) -> bool {
        self.keys.contains(key)
    }

    /// The rotations by its root keys, counting and pending, ascending by id.
    pub fn rotations(&self) -> impl Iterator<Item = (&StatementId, Signatures)> {
        self.rotations.iter().map(|(id, signatures)| (id, *signatures))
    }

    /// The rotations that ended it: none while it is in force, more than one when the chain is forked.
    pub fn ended_by(&self) -> impl Iterator<Item = &StatementId> {
        self.ended_by.iter()
    }

    /// Whether a rotation ended it.
    pub fn is_ended(&self) -> bool {
        self.ended_by().next().is_some()
    }

    /// Whether more than one rotation ended it, so that no epoch follows.
    pub fn is_forked(&self) -> bool {
        self.ended_by().nth(1).is_some()
    }

    /// The first rotation that ended it and does not accept a statement.
    pub(super) fn superseded_by(&self, statement: &StatementId) -> Option<StatementId> {
        self.ended_by().find(|rotation| !self.accepted.has(rotation, statement)).copied()
    }

    /// Whether a statement is one that no frontier can list: a rotation of this epoch, or a signature under one.
    pub(super) fn is_about_rotation(&self, body: &Body) -> bool {
        match body {
            Body::Rotate(_) => true,
            Body::Approve(approve) => approve.scope.is_mesh() && self.rotations.contains_key(&approve.id),
            _ => false,
        }
    }

    /// Notes that a root key approved an act. Other keys' approvals are no signatures under root acts.
    pub(super) fn approve(&mut self, act: StatementId, key: PublicKey) {
        if self.is_root(&key) {
            self.approvals.entry(act).or_default().insert(key);
        }
    }

    /// Notes a rotation, when all signatures under it are noted.
    pub(super) fn rotate(&mut self, rotation: &Verified) {
        let signatures = self.signatures(&rotation.id(), &rotation.statement().author);
        self.rotations.insert(rotation.id(), signatures);
        if signatures.complete() {
            self.ended_by.insert(rotation.id());
        }
    }

    /// What the rotations that count list, with the scope to look in. Not all of it need be held.
    pub(super) fn frontier(&self) -> impl Iterator<Item = (&StatementId, &Scope)> {
        self.listed.iter()
    }

    /// Whether a rotation that counts lists a statement, and may: then it belongs to the replicated set, whether it counts or not.
    /// Asked of what is not held yet, or it would never come to be.
    pub(super) fn lists(&self, verified: &Verified) -> bool {
        let statement = verified.statement();
        statement.scope.is_mesh() && self.is_root(&statement.author) && self.listed.contains_key(&verified.id())
    }

    /// Notes what a rotation that counts lists.
    pub(super) fn list(&mut self, frontier: BTreeMap<StatementId, Scope>) {
        self.listed.extend(frontier);
    }

    /// Notes that a rotation that counts lists a statement. It accepts it if it is one of the ended epoch.
    pub(super) fn accept<'a>(
        &mut self,
        rotation: StatementId,
        listed: &'a Verified,
        held: impl Fn(&StatementId) -> Option<&'a Verified>,
    ) {
        let statement = listed.statement();
        if statement.grant == self.id && self.is_root(&statement.author) {
            self.accepted.follow(rotation, listed, held);
        }
    }

    /// Who has signed an act of this author, its author included, counted by key: a key counts once however often
    /// it approves.
    pub fn signatures(&self, act: &StatementId, author: &PublicKey) -> Signatures {
        Signatures { have: self.signers(act, author).len() as u64, need: self.threshold }
    }

    /// The root keys that have signed an act of this author.
    pub fn signers(&self, act: &StatementId, author: &PublicKey) -> BTreeSet<PublicKey> {
        let approvals = self.approvals.get(act).into_iter().flatten();
        approvals.chain([author].into_iter().filter(|author| self.is_root(author))).copied().collect()
    }
}
