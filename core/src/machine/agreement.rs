//! Whether enough other nodes agree with this one, each by its own signed, fresh beacon. It must not know how sets are
//! compared, nor addresses: who stands where is told.
//!
//! Need: whoever controls all links of a node can keep it on an old state, and the node hears peers that all say what it
//! says. Idea: nobody can forge a member's beacon, and a withheld one becomes silence. So the node counts who agrees.
//! More than half of all nodes are counted one by one: whoever holds so many member grants is the mesh. Fewer count only
//! by direct links, and links into one part of the network once: many keys on one machine are one witness.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::PublicKey;

use super::Machine;
use super::planted::Planted;

/// Independent nodes that must agree: one alone may be the one that lies.
const NEEDED: usize = 2;

/// Who of the linked peers stands where, and how it was at the last count.
#[derive(Default)]
pub(super) struct Agreement {
    groups: BTreeMap<PublicKey, u64>,
    /// Independent nodes that agreed at the last count.
    agreeing: usize,
    /// Whether that was enough.
    is_enough: bool,
    /// When it last was, on the timer clock.
    enough_ms: u64,
}

impl Agreement {
    /// Nobody agrees yet, and that is no wonder.
    pub fn since(mono_ms: u64) -> Self {
        Self { enough_ms: mono_ms, ..Self::default() }
    }

    /// A linked peer stands in this part of the network.
    pub fn stands_in(&mut self, peer: PublicKey, group: u64) {
        self.groups.insert(peer, group);
    }

    /// A peer's last link is gone.
    pub fn left(&mut self, peer: &PublicKey) {
        self.groups.remove(peer);
    }

    /// How many witnesses these linked peers are.
    fn witnesses(&self, peers: impl Iterator<Item = PublicKey>) -> usize {
        let (mut groups, mut alone) = (BTreeSet::new(), 0);
        for peer in peers {
            match self.groups.get(&peer) {
                Some(group) => drop(groups.insert(*group)),
                None => alone += 1,
            }
        }
        groups.len() + alone
    }
}

impl Machine {
    /// Counts who agrees. At each tick, and when a beacon may end an alarm; not at each beacon, since it looks at all nodes.
    pub(super) fn count_agreeing(&mut self) {
        let expected = self.divergence.expected();
        let (now, within) = (self.now.mono_ms, self.agreement_ms());
        let all = self.divergence.agreeing(now, within);
        let most = all * 2 > expected || self.planted(Planted::CountsIdentities);
        let agrees = |peer: &PublicKey| self.divergence.has_agreed(peer, now, within);
        let agreeing = if most { all } else { self.agreement.witnesses(self.peers.connected().filter(agrees)) };
        let agreement = &mut self.agreement;
        agreement.agreeing = agreeing;
        // A mesh of one or two has nobody whose agreement could be missed: that nobody is heard says enough.
        agreement.is_enough = expected < NEEDED || agreement.agreeing >= NEEDED;
        if agreement.is_enough {
            agreement.enough_ms = self.now.mono_ms;
        }
    }

    /// A node agreed just now.
    pub(super) fn note_agreeing(&mut self, node: &PublicKey) {
        self.divergence.agrees(node, self.now.mono_ms);
        if !self.agreement.is_enough {
            self.count_agreeing();
        }
    }

    /// How long an agreement counts, milliseconds: as long as an honest node may pause between beacons that are heard here.
    fn agreement_ms(&self) -> u64 {
        self.patience_ms().max(self.await_ms())
    }

    /// Independent nodes that agreed with this one lately.
    pub(super) fn agreeing(&self) -> usize {
        self.agreement.agreeing
    }

    /// Whether too few have agreed for too long: what this node serves may be old, and nobody honest says otherwise.
    pub(super) fn has_stale_peers(&self) -> bool {
        let short_ms = self.now.mono_ms.saturating_sub(self.agreement.enough_ms);
        !self.agreement.is_enough && short_ms >= self.agreement_ms()
    }
}
