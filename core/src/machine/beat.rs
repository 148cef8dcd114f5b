//! Beacons: saying how this node stands, and hearing how others do. What follows from a difference is reconciliation's.

use driftless_statement::Scope;

use super::Machine;
use super::effect::{Effect, Topic, Verdict};
use super::scope::ScopeRoom;
use crate::beacon::{Beacon, Claim, Health, NAME_BYTES, NotHeard, Own, Report, folded_digest, pages};
use crate::wire::Gossip;

/// Scopes without a statement that beacons may make this node open. New scopes are rare, invented ones are not.
const HEARSAY: usize = 32;

impl Machine {
    /// Says how this node stands.
    pub(super) fn beat(&mut self, effects: &mut Vec<Effect>) {
        self.compare_own();
        let mut pages = pages(self.reports());
        let turn = usize::try_from(self.beacons_sent).unwrap_or(0).checked_rem(pages.len()).unwrap_or(0);
        let beacon = Beacon {
            mesh: self.mesh,
            node: self.node,
            boot: self.boot,
            counter: self.beacons_sent,
            time_ms: self.now.wall_ms,
            expires_ms: self.now.wall_ms.saturating_add(self.pace.beacon_expiry_ms),
            fold_version: self.trust.as_ref().map_or(0, crate::trust::Trust::fold_version),
            health: self.health(),
            peers: self.peers.count() as u64,
            lag_ms: self.lag_ms,
            name: self.name.clone(),
            scopes: if turn < pages.len() { pages.swap_remove(turn) } else { Vec::new() },
        };
        self.beacons_sent += 1;
        match beacon.sign(&self.key) {
            Ok(bytes) => {
                effects.push(Effect::Publish { topic: Topic::Beacons, bytes: Gossip::Beacon { bytes }.encode() })
            }
            Err(_) => self.counts.refused_beacon("own_beacon"),
        }
    }

    /// Hears how another node stands.
    pub(super) fn hear(&mut self, bytes: &[u8], effects: &mut Vec<Effect>) -> Verdict {
        let Ok(claim) = Claim::decode(bytes) else {
            self.counts.refused_beacon("beacon_form");
            return Verdict::Reject;
        };
        // Cheap questions first: a signature costs as much as a hundred of them.
        if let Err(why) = self.divergence.check(self.now.wall_ms, claim.beacon()) {
            self.counts.refused_beacon(why.word());
            return verdict(why);
        }
        let Ok(proven) = claim.verify() else {
            self.counts.refused_beacon("beacon_signature");
            return Verdict::Reject;
        };
        self.counts.beacons += 1;
        let beacon = proven.beacon().clone();
        self.compare_own();
        if self.divergence.hear(self.now.wall_ms, proven).is_err() {
            return Verdict::Ignore;
        }
        self.follow(&beacon, effects);
        Verdict::Accept
    }

    /// A connected peer that differs is compared with soon; a scope that nobody here knew of begins to be held.
    fn follow(&mut self, beacon: &Beacon, effects: &mut Vec<Effect>) {
        for report in &beacon.scopes {
            // A node speaks of the scopes that it may hold; what it says of others is no reason to do anything.
            if !self.holds(&report.scope) || !self.shares(&beacon.node, &report.scope) {
                continue;
            }
            if !self.scopes.contains_key(&report.scope) && self.empty_scopes() >= HEARSAY {
                continue;
            }
            self.open_scope(&report.scope, effects);
            self.told_set(beacon, report, effects);
        }
    }

    /// Tells the tracker of divergence where this node stands now.
    fn compare_own(&mut self) {
        let own = Own { time_ms: self.now.wall_ms, lag_ms: self.lag_ms, scopes: self.reports() };
        self.divergence.own(self.now.wall_ms, own);
    }

    fn reports(&mut self) -> Vec<Report> {
        let mesh_due = self.scopes.get(&Scope::mesh()).map(|room| room.due.digest()).unwrap_or_default();
        let fold_version = self.settled.as_ref().map_or(0, crate::trust::Trust::fold_version);
        let now = self.now.wall_ms;
        // A scope that is only hearsay is not repeated: else one liar's invention would live on in honest beacons.
        let held = self.scopes.iter_mut().filter(|(scope, room)| scope.is_mesh() || room.summary.count() > 0);
        held.map(|(scope, room)| report(scope, room, &mesh_due, fold_version, now)).collect()
    }

    /// Scopes that this node knows from beacons alone.
    fn empty_scopes(&self) -> usize {
        self.scopes.values().filter(|room| room.summary.count() == 0).count()
    }

    fn health(&self) -> Health {
        let mut health = Health::default();
        let signs = [
            (self.storing.read_only().is_some(), Health::READ_ONLY),
            (self.own_forks() > 0, Health::OWN_BRANCH),
            (self.trust.as_ref().is_some_and(crate::trust::Trust::too_new), Health::TOO_OLD),
            (self.now.wall_ms.saturating_add(1_000) < self.floor_ms, Health::CLOCK),
        ];
        for (is_so, sign) in signs {
            health = if is_so { health.with(sign) } else { health };
        }
        health
    }
}

fn report(scope: &Scope, room: &mut ScopeRoom, mesh_due: &[u8; 32], fold_version: u64, now_ms: u64) -> Report {
    Report {
        scope: scope.clone(),
        count: room.summary.count(),
        set: room.summary.digest(),
        marks: room.marks.list(now_ms),
        folded: folded_digest(&room.due.digest(), mesh_due, fold_version),
        merged: room.fold.digest(),
        effective: room.effective.digest(),
        newest: room.newest,
    }
}

/// A name as a beacon may carry it.
pub(super) fn sayable(name: &str) -> String {
    let mut said = String::new();
    for letter in name.chars().filter(|letter| !letter.is_control()) {
        if said.len() + letter.len_utf8() > NAME_BYTES {
            break;
        }
        said.push(letter);
    }
    said
}

/// A beacon that is not taken is handed on when it may be news to others: never when it is old or nobody's.
fn verdict(why: NotHeard) -> Verdict {
    match why {
        NotHeard::Mesh => Verdict::Reject,
        _ => Verdict::Ignore,
    }
}
