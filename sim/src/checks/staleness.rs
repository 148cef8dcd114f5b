//! Honest staleness: a node that hears nobody says so within its time, one that hears others does not cry, and nobody
//! claims to have agreed with another node at a moment at which it did not.

use std::collections::{BTreeMap, VecDeque};

use driftless_core::machine::Event;
use driftless_statement::Scope;

use super::beacons::{Beacons, Set};
use super::per_node::PerNode;
use super::{Check, Scene, Seen};
use crate::said::Said;

/// The shell reads how the machine stands twice a second, the simulator looks once a second, and a busy machine needs a
/// moment.
const NOTICE_MS: u64 = 3_000;
/// How long a set that was replaced may still count as had: a second in the machine, and what a slow node needs.
const HAD_MS: u64 = 2_000;
/// Standings are read at least this often, so an agreement that one tells of is no older when it first shows.
const TOLD_MS: u64 = 5_000;

/// The rule.
#[derive(Default)]
pub struct Staleness {
    nodes: PerNode<Here>,
    beacons: Beacons,
    alone: u64,
    agreed: u64,
    disagreed: u64,
}

#[derive(Default)]
struct Here {
    /// When a beacon last reached it, and since when it has been awake. World milliseconds.
    heard_ms: u64,
    awake_ms: u64,
    /// When it was last awake and looked at: an agreement from before a pause is told after it.
    looked_ms: u64,
    /// Its sets now, and those that it had lately with the moment at which they were replaced.
    sets: BTreeMap<Scope, [u8; 32]>,
    had: VecDeque<(Set, u64)>,
    /// Moments, on its clock, at which a beacon showed that another node had what it has; each with the world's time.
    agreed: VecDeque<(u64, u64)>,
    /// Whether a batch came on disk in this event.
    changing: bool,
    /// The last agreement that it told of.
    told: Option<u64>,
}

impl Check for Staleness {
    fn name(&self) -> &'static str {
        "honest-staleness"
    }

    fn source(&self) -> &'static str {
        "threats P21 and rows 4, 9; design §6; TUF (freeze attacks)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        match seen {
            Seen::Said(Said::Beacon { name, beacon }) => self.beacons.sent(*name, beacon),
            Seen::Before(Event::Gossip { bytes, .. }) => self.heard(scene, bytes),
            Seen::Before(Event::Stored { .. }) | Seen::After => self.note_sets(scene, seen),
            Seen::Began | Seen::Died => {
                let told = self.nodes.of(scene.at).told;
                let woke = Here { heard_ms: scene.world_ms, awake_ms: scene.world_ms, told, ..Here::default() };
                *self.nodes.of(scene.at) = woke;
                self.read_sets(scene);
            }
            Seen::Second => return (0..scene.nodes.len()).try_for_each(|node| self.second(scene, node)),
            _ => {}
        }
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("a node said that it hears nobody", self.alone),
            ("a beacon showed agreement", self.agreed),
            ("a beacon showed a difference", self.disagreed),
        ])
    }
}

impl Staleness {
    fn heard(&mut self, scene: &Scene, bytes: &[u8]) {
        let Some(told) = self.beacons.heard(scene, bytes) else { return };
        let here = self.nodes.of(scene.at);
        here.heard_ms = scene.world_ms;
        let had = |set: &Set| here.sets.get(&set.0) == Some(&set.1) || here.had.iter().any(|(had, _)| had == set);
        // Scopes that one of the two does not hold are no difference.
        let (mut same, mut other) = (0, 0);
        for set in told.sets.iter().filter(|set| here.sets.contains_key(&set.0)) {
            if had(set) {
                same += 1;
            } else {
                other += 1;
            }
        }
        if same > 0 && other == 0 {
            self.agreed += 1;
            here.agreed.push_back((scene.now.wall_ms, scene.world_ms));
        }
        self.disagreed += u64::from(other > 0);
        while here.agreed.front().is_some_and(|(_, at_ms)| at_ms + TOLD_MS < here.looked_ms) {
            here.agreed.pop_front();
        }
    }

    /// Sets change when a batch is on disk.
    fn note_sets(&mut self, scene: &Scene, seen: &Seen) {
        let here = self.nodes.of(scene.at);
        match seen {
            Seen::After => {
                if std::mem::take(&mut here.changing) {
                    self.read_sets(scene);
                }
            }
            _ => here.changing = true,
        }
    }

    fn read_sets(&mut self, scene: &Scene) {
        let Some(machine) = &scene.node().machine else { return };
        let here = self.nodes.of(scene.at);
        for (scope, _, set) in machine.sets() {
            let before = here.sets.insert(scope.clone(), set);
            if let Some(before) = before.filter(|before| *before != set) {
                here.had.push_back(((scope.clone(), before), scene.world_ms));
            }
        }
        while here.had.front().is_some_and(|(_, until_ms)| until_ms + HAD_MS < scene.world_ms) {
            here.had.pop_front();
        }
    }

    fn second(&mut self, scene: &Scene, number: usize) -> Result<(), String> {
        let (here, node) = (self.nodes.of(number), &scene.nodes[number]);
        if !node.is_up() || node.is_paused() {
            here.awake_ms = scene.world_ms;
            return Ok(());
        }
        let standing = &node.standing;
        let silence_ms = scene.world_ms - here.heard_ms.max(here.awake_ms).min(scene.world_ms);
        let expected = || node.machine.as_ref().is_some_and(|machine| machine.divergence().expected > 0);
        if standing.isolated {
            self.alone += 1;
            let calm = scene.calm_since_ms.is_some_and(|since| since + scene.bound_ms < scene.world_ms);
            if calm && silence_ms < 1_000 && scene.world_ms > here.awake_ms + NOTICE_MS {
                return Err(format!("node {number} says that it hears nobody, and heard a beacon a moment ago"));
            }
        } else if silence_ms > scene.pace.beacon_expiry_ms + NOTICE_MS && standing.ready && expected() {
            return Err(format!("node {number} has heard nobody for {silence_ms} ms and does not say so"));
        }
        let earlier = std::mem::replace(&mut here.looked_ms, scene.world_ms).saturating_sub(TOLD_MS);
        let Some(told) = standing.agreed_ms.filter(|told| here.told != Some(*told)) else { return Ok(()) };
        here.told = Some(told);
        let true_moment = here.agreed.iter().any(|(wall_ms, at_ms)| *wall_ms == told && *at_ms >= earlier);
        if true_moment {
            return Ok(());
        }
        Err(format!("node {number} says that it agreed with another one at {told}, when no beacon showed that"))
    }
}
