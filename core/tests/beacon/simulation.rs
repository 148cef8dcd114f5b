//! A small mesh in virtual time: divergence reads zero while it is healthy under steady writes, rises when statements are
//! cut off and falls after the heal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_core::beacon::{
    BEACON_EXPIRY_MS, BEACON_MS, Beacon, Change, Divergence, Health, MARK_MS, Marks, Own, Picture, Proven, Reach,
    Report, SETTLE_MS, folded_digest,
};
use driftless_core::lthash::LtHash;
use driftless_core::now::Now;
use driftless_statement::{Hlc, MeshId, PublicKey, Scope, StatementId};
use proptest::prelude::*;

use crate::figures;

/// One moment, on two clocks that agree.
fn at(ms: u64) -> Now {
    Now { mono_ms: ms, wall_ms: ms }
}

fn cases() -> ProptestConfig {
    ProptestConfig { cases: figures::law(figures::asked()), failure_persistence: None, ..ProptestConfig::default() }
}

const MESH: MeshId = MeshId([1; 32]);
/// Virtual time begins at an odd instant, not on a mark.
const START_MS: u64 = 1_000_003_456;

fn shop() -> Scope {
    Scope::parse("shop").unwrap()
}

/// What happens, in the order of (time, sequence).
#[derive(Clone)]
enum Event {
    Write { node: usize },
    Arrive { node: usize, id: StatementId, hlc: Hlc },
    Tick { node: usize },
    Hear { node: usize, beacon: Beacon },
}

struct Node {
    key: PublicKey,
    marks: Marks,
    held: BTreeMap<StatementId, Hlc>,
    hash: LtHash,
    tracker: Divergence,
    counter: u64,
    /// How far its clock is from true time.
    skew_ms: i64,
}

impl Node {
    fn keep(&mut self, id: StatementId, hlc: Hlc) {
        if self.held.insert(id, hlc).is_none() {
            self.marks.insert(&id, hlc);
            self.hash.insert(id.as_bytes());
        }
    }

    fn clock(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add_signed(self.skew_ms)
    }

    fn report(&mut self, now_ms: u64) -> Report {
        let set = self.hash.digest();
        let folded = folded_digest(&set, &[0; 32], 1);
        let newest = self.held.values().max().copied().unwrap_or_default();
        let marks = self.marks.list(now_ms);
        let merged = *blake3::hash(&folded).as_bytes();
        Report { scope: shop(), count: self.held.len() as u64, set, marks, folded, merged, effective: merged, newest }
    }

    fn beacon(&mut self, now_ms: u64) -> Beacon {
        self.counter += 1;
        let report = self.report(now_ms);
        self.tracker.own(now_ms, Own { time_ms: now_ms, lag_ms: 10, scopes: vec![report.clone()] });
        Beacon {
            mesh: MESH,
            node: self.key,
            boot: 1,
            counter: self.counter,
            time_ms: now_ms,
            expires_ms: now_ms + BEACON_EXPIRY_MS,
            fold_version: 1,
            health: Health::default(),
            peers: 3,
            lag_ms: 10,
            far: true,
            name: "node".to_owned(),
            scopes: vec![report],
        }
    }
}

struct World {
    nodes: Vec<Node>,
    queue: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    now_ms: u64,
    random: u64,
    /// Nodes whose statements neither leave nor arrive.
    deaf: BTreeSet<usize>,
    /// Nodes whose beacons neither leave nor arrive.
    mute: BTreeSet<usize>,
    /// What the cut kept from arriving: delivered at the heal, as reconciliation would.
    held_back: Vec<Event>,
}

impl World {
    fn new(seed: u64, count: usize) -> Self {
        let keys: Vec<PublicKey> = (1..=count as u8).map(|at| PublicKey([at; 32])).collect();
        let mut world = Self {
            nodes: Vec::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            now_ms: START_MS,
            random: seed,
            deaf: BTreeSet::new(),
            mute: BTreeSet::new(),
            held_back: Vec::new(),
        };
        for (at, key) in keys.iter().enumerate() {
            let mut tracker = Divergence::new(*key, MESH, BEACON_EXPIRY_MS);
            tracker.expect(0, Arc::new(keys.iter().copied().collect()));
            let skew_ms = world.draw(2_000) as i64 - 1_000;
            let (marks, held, hash) = (Marks::default(), BTreeMap::new(), LtHash::default());
            world.nodes.push(Node { key: *key, marks, held, hash, tracker, counter: 0, skew_ms });
            let (tick, write) = (world.draw(BEACON_MS), world.draw(3_000));
            world.at(tick, Event::Tick { node: at });
            world.at(write, Event::Write { node: at });
        }
        world
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    fn at(&mut self, delay_ms: u64, event: Event) {
        self.sequence += 1;
        self.queue.insert((self.now_ms + delay_ms, self.sequence), event);
    }

    /// Runs for a while; after each event `check` sees the world.
    fn run(&mut self, for_ms: u64, mut check: impl FnMut(&World, usize)) {
        let end = self.now_ms + for_ms;
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= end) {
            self.now_ms = entry.key().0;
            let event = entry.remove();
            let node = self.step(event);
            check(self, node);
        }
        self.now_ms = end;
    }

    fn step(&mut self, event: Event) -> usize {
        match event {
            Event::Write { node } => {
                self.write(node);
                let pause = 200 + self.draw(3_000);
                self.at(pause, Event::Write { node });
                node
            }
            Event::Arrive { node, id, hlc } => {
                self.nodes[node].keep(id, hlc);
                node
            }
            Event::Tick { node } => {
                let clock = self.nodes[node].clock(self.now_ms);
                let beacon = self.nodes[node].beacon(clock);
                for peer in (0..self.nodes.len()).filter(|peer| *peer != node) {
                    if !self.mute.contains(&node) && !self.mute.contains(&peer) {
                        let delay = self.draw(3_000);
                        self.at(delay, Event::Hear { node: peer, beacon: beacon.clone() });
                    }
                }
                self.at(BEACON_MS, Event::Tick { node });
                node
            }
            Event::Hear { node, beacon } => {
                let clock = self.nodes[node].clock(self.now_ms);
                // Beacons overtake one another: an old one is refused, and that is all.
                let _ = self.nodes[node].tracker.hear(at(clock), &Arc::new(Proven::assume(beacon)));
                node
            }
        }
    }

    fn write(&mut self, node: usize) {
        let hlc = Hlc(Hlc::from_millis(self.nodes[node].clock(self.now_ms)).0 + self.sequence % 1_000);
        let id = StatementId::of(&self.sequence.to_be_bytes());
        self.sequence += 1;
        self.nodes[node].keep(id, hlc);
        for peer in (0..self.nodes.len()).filter(|peer| *peer != node) {
            let event = Event::Arrive { node: peer, id, hlc };
            if self.deaf.contains(&node) || self.deaf.contains(&peer) {
                self.held_back.push(event);
            } else {
                let delay = self.draw(3_000);
                self.at(delay, event);
            }
        }
    }

    fn heal(&mut self) {
        self.deaf.clear();
        self.mute.clear();
        for event in std::mem::take(&mut self.held_back) {
            let delay = self.draw(1_000);
            self.at(delay, event);
        }
    }

    fn picture(&self, node: usize) -> Picture {
        let node = &self.nodes[node];
        node.tracker.picture(at(node.clock(self.now_ms)))
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_healthy_mesh_under_steady_writes_reads_zero(seed in any::<u64>(), nodes in 2usize..4) {
        let mut world = World::new(seed, nodes);
        let mut differed = None;
        world.run(32_000, |world, node| {
            let picture = world.picture(node);
            if picture.differing > 0 || !picture.alarms.is_empty() {
                differed = Some((world.now_ms - START_MS, picture));
            }
        });
        prop_assert_eq!(differed, None);
        // Not because nothing was compared.
        let compared = world.nodes[0].tracker.nodes(at(world.now_ms)).flat_map(|node| node.scopes).filter(|scope| scope.at_mark_ms.is_some());
        prop_assert_eq!(compared.count(), nodes - 1);
    }
}

/// One mark until a difference lies before one, the time it takes to settle, one beacon and its way.
const NOTICED_MS: u64 = MARK_MS + SETTLE_MS + BEACON_MS + 3_000 + 2_000;

#[test]
fn a_node_cut_off_from_statements_shows_and_heals() {
    for seed in 0..20 {
        let mut world = World::new(seed, 5);
        world.run(40_000, |_, _| {});
        world.deaf.insert(4);
        let cut_ms = world.now_ms;
        let mut noticed = None;
        world.run(NOTICED_MS + 3_200, |world, node| {
            if noticed.is_none() && node == 0 && world.picture(0).differing > 0 {
                noticed = Some(world.now_ms);
            }
        });
        // The first write after the cut may take three seconds to happen.
        let noticed = noticed.expect("noticed") - cut_ms;
        assert!(noticed <= NOTICED_MS + 3_200, "seed {seed}: after {noticed} ms");
        for node in 0..4 {
            assert_eq!((world.picture(node).differing, world.picture(node).heard), (1, 4), "seed {seed} node {node}");
            assert_eq!(world.picture(node).ratio_millionths(), 250_000);
        }
        assert_eq!(world.picture(4).differing, 4, "the node that is cut off differs from all");
        assert!(world.picture(0).age_ms > 0);
        world.heal();
        world.run(10_000, |_, _| {});
        world.run(20_000, |world, node| assert_eq!(world.picture(node).differing, 0, "seed {seed} node {node}"));
        assert_eq!(world.picture(0).age_ms, 0);
    }
}

#[test]
fn a_node_cut_off_from_everything_is_silent_and_hears_nobody() {
    let mut world = World::new(7, 4);
    world.run(40_000, |_, _| {});
    world.deaf.insert(3);
    world.mute.insert(3);
    world.run(BEACON_EXPIRY_MS + 3_000, |_, _| {});
    let picture = world.picture(0);
    assert_eq!((picture.expected, picture.heard, picture.silent), (3, 2, 1));
    assert!(!picture.hears_nobody);
    let alone = world.picture(3);
    assert!(alone.hears_nobody);
    assert_eq!((alone.heard, alone.silent, alone.ratio_millionths()), (0, 3, 0));
    world.heal();
    world.run(40_000, |_, _| {});
    assert_eq!((world.picture(0).silent, world.picture(3).silent), (0, 0));
    assert_eq!((world.picture(0).differing, world.picture(3).differing), (0, 0));
}

#[test]
fn a_change_is_followed_to_every_node() {
    let mut world = World::new(11, 4);
    world.run(40_000, |_, _| {});
    world.deaf.insert(3);
    world.write(0);
    let node = &world.nodes[0];
    let hlc = *node.held.values().max().unwrap();
    let change = Change { scope: shop(), hlc, held_ms: node.clock(world.now_ms) };
    let reach = |world: &World| -> Vec<Reach> {
        let node = &world.nodes[0];
        node.tracker.reach(&change, at(node.clock(world.now_ms))).map(|(_, reach)| reach).collect()
    };
    assert_eq!(reach(&world), vec![Reach::Unknown; 3], "no later mark has settled");
    world.run(NOTICED_MS + 3_000, |_, _| {});
    let after = reach(&world);
    assert!(matches!(after[..], [Reach::Has { .. }, Reach::Has { .. }, Reach::Lacks { .. }]), "{after:?}");
    world.heal();
    world.run(NOTICED_MS, |_, _| {});
    assert!(reach(&world).iter().all(|reach| matches!(reach, Reach::Has { since_ms } if *since_ms >= change.held_ms)));
}
