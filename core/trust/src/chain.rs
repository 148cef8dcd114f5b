//! The chain of epochs, from genesis to the one in force. It is settled before everything else, and from three things only: what
//! names an epoch as its grant, the rotations among it, and the approvals under those. Which rotations of an epoch count depends on
//! no other rotation, so the chain is a function of the set.

use std::collections::BTreeSet;

use driftless_statement::{PublicKey, StatementId, Verified};

use super::acts::Acts;
use super::epoch::Epoch;

/// The epochs, genesis first. The last one is in force, or is forked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chain {
    epochs: Vec<Epoch>,
    /// Rotations that are not followed because the chain is forked, and those behind them.
    forked: BTreeSet<StatementId>,
}

impl Chain {
    /// Follows the rotations. `approved`: acts to take as signed by every root key.
    pub(super) fn follow(genesis: &Verified, acts: &Acts<'_>, approved: &[StatementId]) -> Self {
        let mut chain = Self { epochs: Vec::new(), forked: BTreeSet::new() };
        let mut next = Some(genesis);
        while let Some(founder) = next {
            let epoch = settle(Epoch::found(founder), acts, approved);
            next = epoch.ended_by().next().and_then(|rotation| acts.rotation(&epoch.id(), rotation));
            if epoch.is_forked() {
                chain.forked = behind(&epoch, acts);
                next = None;
            }
            chain.epochs.push(epoch);
        }
        chain
    }

    /// All of them, genesis first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Epoch> {
        self.epochs.iter()
    }

    /// The epoch that a statement founded.
    pub(super) fn get(&self, id: &StatementId) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.id() == *id)
    }

    /// The last one.
    pub(super) fn last(&self) -> Option<&Epoch> {
        self.epochs.last()
    }

    /// Whether a key is a root key of any epoch.
    pub(super) fn is_root(&self, key: &PublicKey) -> bool {
        self.epochs.iter().any(|epoch| epoch.is_root(key))
    }

    /// Whether a rotation is not followed because of a fork before it.
    pub(super) fn is_forked_off(&self, rotation: &StatementId) -> bool {
        self.forked.contains(rotation)
    }

    /// The epoch that a rotation would end, when it is one by its root keys.
    pub(super) fn rotated(&self, rotation: &StatementId) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.rotations().any(|(id, _)| id == rotation))
    }
}

/// Finds out who signed what in an epoch, and what ended it.
fn settle(mut epoch: Epoch, acts: &Acts<'_>, approved: &[StatementId]) -> Epoch {
    let keys: Vec<PublicKey> = epoch.keys().copied().collect();
    for act in approved {
        keys.iter().for_each(|key| epoch.approve(*act, *key));
    }
    let rotations: Vec<&Verified> =
        acts.rotations(&epoch.id()).filter(|rotation| epoch.is_root(&rotation.statement().author)).collect();
    let ids: BTreeSet<StatementId> = rotations.iter().map(|rotation| rotation.id()).collect();
    for (approve, verified) in acts.signatures(&epoch.id()).filter(|(approve, _)| ids.contains(&approve.id)) {
        epoch.approve(approve.id, verified.statement().author);
    }
    for rotation in &rotations {
        epoch.rotate(rotation);
    }
    let counted: Vec<StatementId> = epoch.ended_by().copied().collect();
    for rotation in rotations.iter().filter(|rotation| counted.contains(&rotation.id())) {
        epoch.list(acts.frontier(rotation));
        for listed in acts.listed(rotation) {
            epoch.accept(rotation.id(), listed, |id| acts.any(id));
        }
    }
    for (approve, verified) in acts.signatures(&epoch.id()).filter(|(approve, _)| !ids.contains(&approve.id)) {
        if epoch.superseded_by(&verified.id()).is_none() {
            epoch.approve(approve.id, verified.statement().author);
        }
    }
    epoch
}

/// The rotations that ended a forked epoch, and every rotation behind one.
fn behind(epoch: &Epoch, acts: &Acts<'_>) -> BTreeSet<StatementId> {
    let mut forked: BTreeSet<StatementId> = BTreeSet::new();
    let mut stack: Vec<StatementId> = epoch.ended_by().copied().collect();
    while let Some(rotation) = stack.pop() {
        if forked.insert(rotation) {
            stack.extend(acts.rotations(&rotation).map(Verified::id));
        }
    }
    forked
}
