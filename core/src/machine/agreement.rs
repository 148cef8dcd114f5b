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

/// Who of the linked peers stands where, and how it was at the last look.
#[derive(Default)]
pub(super) struct Agreement {
    groups: BTreeMap<PublicKey, u64>,
    /// Whether enough agreed at the last look.
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
    /// Looks whether enough agree. At each tick, and when a beacon may end an alarm. Linked peers are mostly enough; only
    /// where they are not, all nodes are looked at.
    pub(super) fn look_who_agrees(&mut self) {
        // A mesh of one or two has nobody whose agreement could be missed: that nobody is heard says enough.
        let few = self.divergence.expected() < NEEDED;
        self.agreement.is_enough = few || self.agreeing_peers() >= NEEDED || self.agreeing() >= NEEDED;
        if self.agreement.is_enough {
            self.agreement.enough_ms = self.now.mono_ms;
        }
    }

    /// A node agreed just now.
    pub(super) fn note_agreeing(&mut self, node: &PublicKey) {
        self.divergence.agrees(node, self.now.mono_ms);
        if !self.agreement.is_enough {
            self.look_who_agrees();
        }
    }

    /// How long an agreement counts, milliseconds: as long as an honest node may pause between beacons that are heard here.
    fn agreement_ms(&self) -> u64 {
        self.patience_ms().max(self.await_ms())
    }

    /// Independent nodes that agreed with this one lately. It looks at all nodes.
    pub(super) fn agreeing(&self) -> usize {
        let all = self.divergence.agreeing(self.now.mono_ms, self.agreement_ms());
        let most = all * 2 > self.divergence.expected() || self.planted(Planted::CountsIdentities);
        if most { all } else { self.agreeing_peers() }
    }

    /// As how many witnesses the linked peers count that agreed lately.
    fn agreeing_peers(&self) -> usize {
        let (now, within) = (self.now.mono_ms, self.agreement_ms());
        let agrees = |peer: &PublicKey| self.divergence.has_agreed(peer, now, within);
        self.agreement.witnesses(self.peers.connected().filter(agrees))
    }

    /// Whether too few have agreed for too long: what this node serves may be old, and nobody honest says otherwise.
    pub(super) fn has_stale_peers(&self) -> bool {
        let short_ms = self.now.mono_ms.saturating_sub(self.agreement.enough_ms);
        !self.agreement.is_enough && short_ms >= self.agreement_ms()
    }
}
