//! What beacons under way tell, read once and not by each who hears them.

use std::collections::{BTreeMap, VecDeque};

use driftless_core::beacon::{Beacon, Claim};
use driftless_core::wire::Gossip;
use driftless_statement::{PublicKey, Scope};

use super::Scene;

/// Beacons that are remembered: those under way.
const BEACONS: usize = 8_192;

/// A set of a scope, by its digest.
pub type Set = (Scope, [u8; 32]);

/// What a beacon tells.
pub struct Told {
    /// Whose it is.
    pub by: PublicKey,
    /// The sets that it has.
    pub sets: Vec<Set>,
}

/// Beacons by the hash of the message that carries them.
#[derive(Default)]
pub struct Beacons {
    told: BTreeMap<[u8; 32], Told>,
    order: VecDeque<[u8; 32]>,
}

impl Beacons {
    /// One was sent.
    pub fn sent(&mut self, name: [u8; 32], beacon: &Beacon) {
        let sets = beacon.scopes.iter().map(|report| (report.scope.clone(), report.set)).collect();
        if self.told.insert(name, Told { by: beacon.node, sets }).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > BEACONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.told.remove(&oldest);
        }
    }

    /// A message came: what it tells, if it is a beacon. A hostile peer's was seen by nobody before, and truly says so.
    pub fn heard(&mut self, scene: &Scene, bytes: &[u8]) -> Option<&Told> {
        let name = *blake3::hash(bytes).as_bytes();
        if scene.scenario.hostile.peers > 0
            && !self.told.contains_key(&name)
            && let Ok(Gossip::Beacon { bytes }) = Gossip::decode(bytes)
            && let Ok(claim) = Claim::decode(&bytes)
        {
            self.sent(name, claim.beacon());
        }
        self.told.get(&name)
    }
}
