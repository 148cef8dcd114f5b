//! The epoch: the root keys, how many of them must sign a root act, and who has signed what. Knows nothing of grants.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::{Body, PublicKey, StatementId, Verified};

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
}

impl Epoch {
    /// The epoch that a genesis founds. Anything but a genesis founds one without keys, in which no act ever counts.
    pub(super) fn found(genesis: &Verified) -> Self {
        let (keys, threshold) = match &genesis.statement().body {
            Body::Genesis(genesis) => (genesis.keys.iter().copied().collect(), genesis.threshold),
            _ => (BTreeSet::new(), u64::MAX),
        };
        Self { id: genesis.id(), keys, threshold, approvals: BTreeMap::new() }
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

    /// Notes that a root key approved an act. Other keys' approvals are no signatures under root acts.
    pub(super) fn approve(&mut self, act: StatementId, key: PublicKey) {
        if self.is_root(&key) {
            self.approvals.entry(act).or_default().insert(key);
        }
    }

    /// Who has signed an act of this author, its author included, counted by key: a key counts once however often
    /// it approves.
    pub fn signatures(&self, act: &StatementId, author: &PublicKey) -> Signatures {
        let approvals = self.approvals.get(act);
        let others = approvals.map_or(0, |keys| keys.iter().filter(|key| *key != author).count());
        let own = u64::from(self.is_root(author));
        Signatures { have: own + others as u64, need: self.threshold }
    }
}
