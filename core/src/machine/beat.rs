//! Beacons: saying how this node stands, and hearing how others do. What follows from a difference is reconciliation's.

use std::sync::Arc;

use driftless_statement::statement::Bytes;
use driftless_statement::{PublicKey, Scope};

use super::Machine;
use super::effect::{Effect, Topic, Verdict};
use super::planted::Planted;
use super::scope::ScopeRoom;
use super::timers::Far;
use crate::beacon::{
    BadBeacon, Beacon, Claim, HEARD_A_SECOND, Health, MARK_MS, NAME_BYTES, NotHeard, Own, Proven, Report, SETTLE_MS,
    folded_digest, pages,
};
use crate::view::View;
use crate::wire::Gossip;

/// The shortest pause between news and the beacon that tells of it.
const NEWS_MS: u64 = 500;

/// Who sent so many beacons more than twice those of this node began long before it; pauses of nodes that began together
/// differ by less.
const YOUNGER: u64 = 16;

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
            time_ms: self.now.wall_ms + self.haste_ms(),
            expires_ms: self.now.wall_ms.saturating_add(self.holds_ms() + self.haste_ms()),
            fold_version: self.trust.as_ref().map_or(0, crate::trust::Trust::fold_version),
            health: self.health(),
            peers: self.peers.count() as u64,
            lag_ms: self.lag_ms,
            far: self.is_far(),
            name: self.name.clone(),
            scopes: if turn < pages.len() { pages.swap_remove(turn) } else { Vec::new() },
        };
        self.beacons_sent += 1;
        if beacon.far {
            self.timers.far = Some(Far::next(self.now.mono_ms, self.far_ms(), &mut self.rng));
        }
        match self.proofs.sign_beacon(beacon, &self.key) {
            Ok(bytes) => {
                effects.push(Effect::Publish { topic: Topic::Beacons, bytes: Gossip::Beacon { bytes }.encode() });
            }
            Err(_) => self.counts.refused_beacon("own_beacon"),
        }
    }

    /// Whether a beacon that is sent now is for the whole mesh: not when every node hears it over a link of its own.
    fn is_far(&mut self) -> bool {
        if self.peers.count() >= self.divergence.expected() {
            return false;
        }
        if self.is_small() {
            return true;
        }
        let (now, pause_ms, rng) = (self.now.mono_ms, self.far_ms(), &mut self.rng);
        self.timers.far.get_or_insert_with(|| Far::first(now, rng)).is_due(now, pause_ms)
    }

    /// Whether every beacon may be for the whole mesh.
    pub(super) fn is_small(&self) -> bool {
        self.divergence.expected() as u64 * 1_000 / HEARD_A_SECOND <= self.pace.beacon_ms
    }

    /// After news the next beacon comes no later than this, milliseconds: who waits for a change to be everywhere learns
    /// it from beacons. In a mesh of many later, for the same bound. Under steady writes it is the beat.
    pub(super) fn news_ms(&self) -> u64 {
        NEWS_MS.max(self.divergence.expected() as u64 * 1_000 / HEARD_A_SECOND).min(self.pace.beacon_ms)
    }

    /// Hears how another node stands: a beacon, out of a message.
    pub(super) fn hear(&mut self, message: &Bytes, beacon: &[u8], effects: &mut Vec<Effect>) -> Verdict {
        match self.prove_beacon(beacon) {
            Ok(proven) => {
                self.proofs.note_told(message, &proven);
                self.hear_proven(&proven, effects)
            }
            Err((word, verdict)) => {
                self.counts.refused_beacon(word);
                verdict
            }
        }
    }

    /// The same when it is proven.
    pub(super) fn hear_proven(&mut self, proven: &Arc<Proven>, effects: &mut Vec<Effect>) -> Verdict {
        self.compare_own();
        if let Err(why) = self.divergence.hear(self.now, proven) {
            self.counts.refused_beacon(why.word());
            return verdict(why);
        }
        self.counts.beacons += 1;
        self.note_age(proven.beacon());
        self.follow(proven.beacon(), effects);
        if proven.beacon().far { Verdict::Accept } else { Verdict::Ignore }
    }

    /// Who begins among others that have long been there says so to all at once: they may count it as silent.
    fn note_age(&mut self, beacon: &Beacon) {
        let is_younger = beacon.counter > self.beacons_sent.saturating_mul(2) + YOUNGER;
        if is_younger && self.timers.far.as_ref().is_none_or(Far::is_first) {
            self.timers.far = Some(Far::at_once());
            self.timers.beacon_soon(self.now.mono_ms);
        }
    }

    /// Reads a beacon and asks the cheap questions first: a signature costs as much as a hundred of them.
    fn prove_beacon(&self, bytes: &[u8]) -> Result<Arc<Proven>, (&'static str, Verdict)> {
        let check =
            |beacon: &Beacon| self.divergence.check(self.now.wall_ms, beacon).map_err(|why| (why.word(), verdict(why)));
        if let Some(proven) = self.proofs.beacon(bytes) {
            return Ok(proven);
        }
        let claim = Claim::decode(bytes).map_err(|bad| match bad {
            // Said by a later version.
            BadBeacon::Form(bad) if bad.is_unknown() => ("beacon_version", Verdict::Ignore),
            _ => ("beacon_form", Verdict::Reject),
        })?;
        check(claim.beacon())?;
        self.proofs.prove_beacon(claim, bytes).map_err(|_| ("beacon_signature", Verdict::Reject))
    }

    /// A connected peer that differs is compared with soon; a scope that nobody here knew of begins to be held. Two nodes
    /// agree when all that the beacon tells and both hold is the same: one scope alone would hide that others are not.
    fn follow(&mut self, beacon: &Beacon, effects: &mut Vec<Effect>) {
        let (mut same, mut different) = (0, 0);
        // A node speaks of the scopes that it may hold; what it says of others is no reason to do anything.
        let trust = self.trust.clone();
        let member = |key: &PublicKey| trust.as_ref().and_then(|trust| trust.member(key));
        let both = member(&self.node).zip(member(&beacon.node));
        for report in &beacon.scopes {
            let scope = &report.scope;
            let may = scope.is_mesh() || both.is_some_and(|(us, them)| us.may_hold(scope) && them.may_hold(scope));
            if !may || !(scope.is_mesh() || self.wants(scope)) {
                continue;
            }
            if !self.scopes.contains_key(&report.scope) && self.empty_scopes() >= HEARSAY {
                continue;
            }
            self.open_scope(&report.scope, effects);
            if self.told_set(beacon, report, effects) {
                same += 1;
            } else {
                different += 1;
            }
        }
        let agrees = (same > 0 && different == 0) || self.planted(Planted::AgreesAlways);
        if agrees {
            self.agreed_ms = Some(self.now.wall_ms);
        }
        if agrees || self.divergence.is_in_step(&beacon.node) {
            self.note_agreeing(&beacon.node);
        }
    }

    /// Tells the tracker of divergence where this node stands now. Digests are gathered only when something came on disk
    /// or a mark was passed since: beacons come far more often.
    pub(super) fn compare_own(&mut self) {
        self.divergence.be_patient(self.patience_ms(), self.await_ms());
        let time_ms = self.now.wall_ms + self.haste_ms();
        let stamp = (self.changes, time_ms / MARK_MS, time_ms.saturating_sub(SETTLE_MS) / MARK_MS);
        if self.told_own == Some(stamp) {
            return self.divergence.own_stands(time_ms, self.lag_ms);
        }
        let only_time_passed = self.told_own.is_some_and(|(changes, ..)| changes == self.changes);
        self.told_own = Some(stamp);
        if only_time_passed {
            let (scopes, now_ms) = (&mut self.scopes, self.now.wall_ms);
            let marks = |scope: &Scope| scopes.get_mut(scope).map(|room| room.marks.list(now_ms));
            return self.divergence.own_moves_on(time_ms, self.lag_ms, marks);
        }
        let own = Own { time_ms, lag_ms: self.lag_ms, scopes: self.reports() };
        self.divergence.own(self.now.wall_ms, own);
    }

    fn reports(&mut self) -> Vec<Report> {
        let mesh_due = self.mesh_due();
        let fold_version = self.settled.as_ref().map_or(0, crate::trust::Trust::fold_version);
        let now = self.now.wall_ms;
        // A scope that is only hearsay is not repeated: else one liar's invention would live on in honest beacons.
        let held = self.scopes.iter_mut().filter(|(scope, room)| scope.is_mesh() || room.summary.count() > 0);
        held.map(|(scope, room)| report(scope, room, &self.view, (&mesh_due, fold_version), now)).collect()
    }

    /// The digest of what is due of `@mesh`.
    pub(super) fn mesh_due(&self) -> [u8; 32] {
        self.scopes.get(&Scope::mesh()).map(|room| room.due.digest()).unwrap_or_default()
    }

    /// Scopes that this node knows from beacons alone.
    fn empty_scopes(&self) -> usize {
        self.scopes.values().filter(|room| room.summary.count() == 0).count()
    }

    /// What the shell says goes out with the next beacon, and soon: others decide by it whether a change is done.
    pub(super) fn ailing(&mut self, health: Health) {
        if std::mem::replace(&mut self.ails, health) != health {
            self.stir();
            self.timers.beacon = self.timers.beacon.min(self.now.mono_ms + self.news_ms());
        }
    }

    /// All that is wrong with this node, as its beacons say it.
    pub(super) fn health(&self) -> Health {
        let mut health = self.ails;
        let signs = [
            (self.storing.read_only().is_some(), Health::READ_ONLY),
            (self.own_forks() > 0, Health::OWN_BRANCH),
            (self.trust.as_ref().is_some_and(crate::trust::Trust::too_new), Health::TOO_OLD),
            (self.now.wall_ms.saturating_add(1_000) < self.floor_ms, Health::CLOCK),
            (self.has_stale_peers(), Health::STALE_PEERS),
        ];
        for (is_so, sign) in signs {
            health = if is_so { health.with(sign) } else { health };
        }
        health
    }
}

/// What this node has of a scope. What counts in it hangs on what is due in `@mesh`, and on the mesh's fold version.
fn report(scope: &Scope, room: &mut ScopeRoom, view: &View, mesh: (&[u8; 32], u64), now_ms: u64) -> Report {
    Report {
        scope: scope.clone(),
        count: room.summary.count(),
        set: room.summary.digest(),
        marks: room.marks.list(now_ms),
        folded: folded_digest(&room.due.digest(), mesh.0, mesh.1),
        merged: room.fold.digest(),
        effective: room.shown.digest(view),
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
