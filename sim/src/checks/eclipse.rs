//! An eclipse is detected: a node that hears nobody honest for its time says that its peers are stale, however many
//! identities of one hostile peer agree with it; and a node with which two honest ones agree never says so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use driftless_core::beacon::{BEACONS_LOST, Beacon, Claim, HEARD_A_SECOND};
use driftless_core::machine::Event;
use driftless_core::wire::Gossip;
use driftless_statement::{PublicKey, Scope};

use super::per_node::PerNode;
use super::{Check, Scene, Seen};
use crate::said::Said;
use crate::world::Node;

/// The shell reads how the machine stands twice a second, the simulator looks once a second, and a busy machine needs a
/// moment.
const NOTICE_MS: u64 = 3_000;
/// For so long a mark of the past may count as agreement: clocks may differ.
const MARKS_MS: u64 = 60_000;
/// How long ago an agreement may be that must keep the alarm away.
const LATELY_MS: u64 = 5_000;
/// Beacons whose sets are remembered: those under way.
const BEACONS: usize = 8_192;

/// What a beacon tells.
struct Told {
    by: PublicKey,
    sets: Vec<(Scope, [u8; 32])>,
}

/// The rule.
#[derive(Default)]
pub struct Eclipse {
    nodes: PerNode<Here>,
    beacons: BTreeMap<[u8; 32], Told>,
    order: VecDeque<[u8; 32]>,
    detected: u64,
    agreed: u64,
}

#[derive(Default)]
struct Here {
    /// Since when it has been awake, world milliseconds.
    awake_ms: u64,
    /// When a beacon by an honest node last reached it.
    honest_ms: u64,
    /// The same for each hostile peer, by its place in the network.
    hostile_ms: BTreeMap<u64, u64>,
    /// When each honest node last showed the very sets that this one has.
    agreed_ms: BTreeMap<usize, u64>,
}

impl Check for Eclipse {
    fn name(&self) -> &'static str {
        "an-eclipse-is-detected"
    }

    fn source(&self) -> &'static str {
        "threats P21 and row 9; TUF (freeze attacks); Heilman et al., eclipse attacks, 2015"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        match seen {
            Seen::Said(Said::Beacon { name, beacon }) => self.sent(*name, beacon),
            Seen::Before(Event::Gossip { bytes, .. }) => self.heard(scene, bytes),
            Seen::Began | Seen::Died => {
                let now_ms = scene.world_ms;
                *self.nodes.of(scene.at) = Here { awake_ms: now_ms, honest_ms: now_ms, ..Here::default() };
            }
            Seen::Second => return (0..scene.nodes.len()).try_for_each(|node| self.second(scene, node)),
            _ => {}
        }
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        let mut reached = BTreeMap::from([("two other nodes agreed", self.agreed)]);
        // Only scenarios in which somebody is cut off for minutes come through it.
        if self.detected > 0 {
            reached.insert("a node that heard nobody honest said so", self.detected);
        }
        reached
    }
}

impl Eclipse {
    fn sent(&mut self, name: [u8; 32], beacon: &Beacon) {
        let sets = beacon.scopes.iter().map(|report| (report.scope.clone(), report.set)).collect();
        if self.beacons.insert(name, Told { by: beacon.node, sets }).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > BEACONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.beacons.remove(&oldest);
        }
    }

    fn heard(&mut self, scene: &Scene, bytes: &[u8]) {
        let name = *blake3::hash(bytes).as_bytes();
        if scene.scenario.hostile.peers > 0
            && !self.beacons.contains_key(&name)
            && let Ok(Gossip::Beacon { bytes }) = Gossip::decode(bytes)
            && let Ok(claim) = Claim::decode(&bytes)
        {
            self.sent(name, claim.beacon());
        }
        let Some(told) = self.beacons.get(&name) else { return };
        let Some(by) = scene.nodes.iter().position(|node| node.key == told.by) else { return };
        let here = self.nodes.of(scene.at);
        if let Some(group) = scene.nodes[by].group {
            here.hostile_ms.insert(group, scene.world_ms);
            return;
        }
        here.honest_ms = scene.world_ms;
        let Some(machine) = &scene.node().machine else { return };
        let (mut same, mut other) = (0, 0);
        for (scope, _, set) in machine.sets() {
            match told.sets.iter().find(|(name, _)| name == scope) {
                Some((_, theirs)) if *theirs == set => same += 1,
                Some(_) => other += 1,
                None => {}
            }
        }
        if same > 0 && other == 0 {
            here.agreed_ms.insert(by, scene.world_ms);
        }
    }

    fn second(&mut self, scene: &Scene, number: usize) -> Result<(), String> {
        let (here, node) = (self.nodes.of(number), &scene.nodes[number]);
        if !node.is_up() || node.is_paused() {
            here.awake_ms = scene.world_ms;
            return Ok(());
        }
        let lately = |at_ms: &u64| *at_ms + LATELY_MS > scene.world_ms;
        let agree = here.agreed_ms.iter().filter(|(peer, at_ms)| lately(at_ms) && node.links.contains(peer)).count();
        let calm = scene.calm_since_ms.is_some_and(|since| since + scene.bound_ms < scene.world_ms);
        let settled = scene.world_ms > here.awake_ms + LATELY_MS + NOTICE_MS;
        if agree >= 2 {
            self.agreed += 1;
            if node.standing.stale_peers && calm && settled {
                return Err(format!(
                    "node {number} says that its peers are stale, and {agree} honest ones agree with it"
                ));
            }
        }
        let bound_ms = bound_ms(scene);
        let alone_ms = scene.world_ms - here.honest_ms.max(here.awake_ms).min(scene.world_ms);
        if alone_ms <= bound_ms || !node.standing.ready || !may_ask(scene, here, node, bound_ms) {
            return Ok(());
        }
        if !node.standing.stale_peers {
            let agreeing = node.standing.agreeing;
            return Err(format!(
                "node {number} has heard nobody honest for {alone_ms} ms and does not say so: it counts {agreeing}"
            ));
        }
        self.detected += 1;
        Ok(())
    }
}

/// How long a node may take to say so: until the last agreement counts no longer, and as long again.
fn bound_ms(scene: &Scene) -> u64 {
    let far_ms = scene.nodes.len() as u64 * 1_000 / HEARD_A_SECOND * BEACONS_LOST;
    MARKS_MS + 2 * scene.pace.beacon_expiry_ms.max(far_ms) + NOTICE_MS
}

/// Whether the node can know: two others are expected, most of them honest, and no two hostile peers act in concert.
fn may_ask(scene: &Scene, here: &Here, node: &Node, bound_ms: u64) -> bool {
    let expected = node.machine.as_ref().map_or(0, |machine| machine.divergence().expected);
    let hostile = scene.nodes.iter().filter(|node| node.group.is_some()).count();
    let heard: BTreeSet<&u64> = here
        .hostile_ms
        .iter()
        .filter(|(_, at_ms)| **at_ms + bound_ms > scene.world_ms)
        .map(|(group, _)| group)
        .collect();
    expected >= 2 && hostile * 2 <= expected && heard.len() < 2
}
