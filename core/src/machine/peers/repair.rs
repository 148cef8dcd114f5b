//! Whether a difference that a beacon shows is worth a comparison. It must not know how sets are compared.
//!
//! Under steady writes two healthy nodes seldom have the same set at the same instant, and comparing each time would cost
//! more than the writes. So a set counts as ours when we had it within the last second, and one that we did not have is
//! compared only when it is still strange a second later, or at once when neither side heard of news lately.

use std::collections::VecDeque;

use driftless_statement::{PublicKey, Scope};

use crate::beacon::{Beacon, Report};
use crate::machine::Machine;
use crate::machine::effect::Effect;
use crate::machine::scope::ScopeRoom;

/// How long a difference may come from what is under way, milliseconds: gossip and a disk sync take less almost always.
const UNDER_WAY_MS: u64 = 1_000;

/// Own sets that are remembered: one for each commit of that time, of a disk that commits in four milliseconds.
const REMEMBERED: usize = 256;

/// A set that a peer told and that this node did not have.
pub(in crate::machine) struct Strange {
    set: [u8; 32],
    /// When the first one came, on the timer clock; beacons in between only told others.
    since: u64,
}

/// Digests of the sets that this node had lately, each with the time until when.
#[derive(Default)]
pub(in crate::machine) struct Recent(VecDeque<([u8; 32], u64)>);

impl Recent {
    /// A set was replaced by a later one.
    pub fn note(&mut self, set: [u8; 32], now_ms: u64) {
        self.0.push_back((set, now_ms));
        while self.0.len() > REMEMBERED || self.0.front().is_some_and(|(_, until)| until + UNDER_WAY_MS < now_ms) {
            self.0.pop_front();
        }
    }

    fn has(&self, set: &[u8; 32], now_ms: u64) -> bool {
        self.0.iter().any(|(had, until)| had == set && until + UNDER_WAY_MS >= now_ms)
    }
}

impl Machine {
    /// A peer told its set of a scope. Whether this node has the same one, or had it a moment ago.
    pub(in crate::machine) fn told_set(&mut self, beacon: &Beacon, report: &Report, effects: &mut Vec<Effect>) -> bool {
        let now = self.now.mono_ms;
        let Some(room) = self.scopes.get(&report.scope) else { return false };
        let same = has_or_had(room, &report.set, now);
        let nothing_new = |newest: u64, now_ms: u64| newest.saturating_add(UNDER_WAY_MS) < now_ms;
        let quiet =
            nothing_new(report.newest.millis(), beacon.time_ms) && nothing_new(room.newest.millis(), self.now.wall_ms);
        let Some(strange) = self.peers.strange_of(&beacon.node) else { return same };
        if same {
            strange.remove(&report.scope);
            return true;
        }
        let strange = strange.entry(report.scope.clone()).or_insert(Strange { set: report.set, since: now });
        strange.set = report.set;
        let since = strange.since;
        self.stir();
        if quiet || since + UNDER_WAY_MS <= now {
            self.repair(beacon.node, &report.scope, effects);
        }
        false
    }

    /// Compares with peers whose sets stayed strange.
    pub(in crate::machine) fn repair_strange(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now.mono_ms;
        let mut late: Vec<(PublicKey, Scope)> = Vec::new();
        for (peer, strange) in self.peers.strange() {
            let scopes = &self.scopes;
            strange.retain(|scope, strange| scopes.get(scope).is_some_and(|room| !has_or_had(room, &strange.set, now)));
            let old = strange.iter().filter(|(_, strange)| strange.since + UNDER_WAY_MS <= now);
            late.extend(old.map(|(scope, _)| (*peer, scope.clone())));
        }
        late.into_iter().for_each(|(peer, scope)| self.repair(peer, &scope, effects));
    }
}

fn has_or_had(room: &ScopeRoom, set: &[u8; 32], now_ms: u64) -> bool {
    room.summary.digest() == *set || room.recent.has(set, now_ms)
}
