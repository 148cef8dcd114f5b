//! Measuring: what a run leaves behind is counted and sampled here. Nothing here changes what happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Prefix, StatementId, Verified, id};

use super::{FOUNDING_MS, World};
use crate::checks::Seen;
use crate::plan::Fault;
use crate::quantiles::Quantiles;
use crate::record::{Bytes, ConflictShown, FaultSpan, Heal, NodeEnd, Propagation, Record, Sample, Totals};

/// Conflicts that a record lists.
const CONFLICTS: usize = 200;

/// Nodes that are asked at one sample how they see the mesh.
const PICTURES: usize = 32;

/// Nodes whose queues are looked at, at one sample: in a mesh of thousands each in its turn.
const QUEUES: usize = 1_024;

/// States that the world itself may come through and that are worth reaching: a campaign that never reaches one fails.
const WORTH: [&str; 20] = [
    "a conflict was open",
    "a dead link was noticed",
    "a disk refused a batch",
    "a disk took writes again",
    "a link came up",
    "a lying disk lost statements",
    "a new member joined",
    "a node heard nobody",
    "a pair was read",
    "a process died while it began",
    "a push was taken",
    "a request was not answered",
    "a statement was lost for good",
    "a sync that nobody heard of was done",
    "a watcher fell behind",
    "a write found its node down",
    "all nodes of a mesh were equal after a heal",
    "an offered id was asked for",
    "sets differed",
    "a value over 16 KiB was written",
];

/// What all running nodes hold, compared.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    /// How many different sets.
    sets: usize,
    /// The most statements that one holds, and the fewest.
    most: u64,
    fewest: u64,
}

/// What is counted while a world runs.
#[derive(Default)]
pub struct Measure {
    /// Events that machines handled.
    pub events: u64,
    /// Bytes sent, by kind.
    pub bytes: Bytes,
    /// Processes that died.
    pub crashes: u64,
    /// Writes asked for.
    pub writes: u64,
    /// Reads by services.
    pub reads: u64,
    acknowledged: u64,
    refused: BTreeMap<String, u64>,
    all_copies: u64,
    /// Those that came under load, and the first ones among them.
    load_copies: (u64, u64),
    sometimes: BTreeMap<&'static str, u64>,
    faults: Vec<FaultSpan>,
    heals: Vec<Heal>,
    made: u64,
    /// When each statement was acknowledged, and where.
    acknowledged_us: BTreeMap<StatementId, u64>,
    propagation: Quantiles,
    histogram: Vec<u64>,
    series: Vec<Sample>,
    sampled: (Bytes, u64),
    held: Held,
    /// Of each node that runs: which life of it, and what that had changed, when this was so.
    held_changes: Vec<Option<(u64, u64)>>,
    node_seconds: u64,
}

impl Measure {
    /// A state worth reaching was reached.
    pub fn sometimes(&mut self, what: &'static str) {
        debug_assert!(WORTH.contains(&what), "{what} is not among the states worth reaching");
        *self.sometimes.entry(what).or_default() += 1;
    }

    /// A write was refused.
    pub fn refused(&mut self, why: &str) {
        *self.refused.entry(why.to_owned()).or_default() += 1;
    }

    /// A fault begins.
    pub fn fault(&mut self, fault: &Fault, offset_ms: u64) {
        let from_ms = offset_ms + fault.at_ms;
        let to_ms = from_ms + fault.for_ms;
        let nodes = fault.nodes.clone();
        self.faults.push(FaultSpan { class: fault.class, from_ms, to_ms, nodes, amount: fault.amount });
    }

    /// Statements are on their way to a disk.
    pub fn made(&mut self, statements: &[Arc<Verified>], _now_us: u64) {
        self.made += statements.len() as u64;
    }

    /// A copy of a statement arrived by gossip.
    pub fn copies(&mut self, first: bool, now_us: u64) {
        self.all_copies += 1;
        if now_us >= FOUNDING_MS * 1_000 {
            self.load_copies.0 += 1;
            self.load_copies.1 += u64::from(first);
        }
    }

    /// A statement became effective on a node.
    pub fn effective(&mut self, _node: usize, id: &StatementId, now_us: u64) {
        let Some(acknowledged_us) = self.acknowledged_us.get(id) else { return };
        let took_us = now_us.saturating_sub(*acknowledged_us);
        self.propagation.note(took_us);
        self.histogram.resize(Propagation::BOUNDS_MS.len() + 1, 0);
        self.histogram[Propagation::bar_of(took_us)] += 1;
    }

    /// Nothing is wrong from here on.
    pub fn healed(&mut self, at_ms: u64) {
        self.heals.push(Heal { at_ms, equal_after_ms: None });
    }

    /// All running nodes have equal sets.
    fn equal(&mut self, now_ms: u64) {
        if let Some(heal) = self.heals.last_mut() {
            if heal.equal_after_ms.is_none() {
                *self.sometimes.entry("all nodes of a mesh were equal after a heal").or_default() += 1;
            }
            heal.equal_after_ms.get_or_insert(now_ms.saturating_sub(heal.at_ms));
        }
    }
}

impl World {
    /// A caller was told what became of a write.
    pub(super) fn answered(
        &mut self,
        _node: usize,
        asked_us: Option<u64>,
        outcome: Result<Option<StatementId>, String>,
    ) {
        if asked_us.is_none() {
            return;
        }
        match outcome {
            Ok(id) => {
                self.measure.acknowledged += 1;
                if let Some(id) = id {
                    self.measure.acknowledged_us.insert(id, self.now_us);
                }
            }
            Err(why) => self.measure.refused(&why),
        }
    }

    pub(super) fn second(&mut self) {
        let second = self.now_us / 1_000_000;
        if self.options.checks {
            for node in 0..self.nodes.len() {
                self.refresh(node);
                if (second + node as u64).is_multiple_of(10) {
                    self.nodes[node].disk.back_up(second * 1_000);
                    self.compare_watchers(node);
                }
            }
            self.look(0, &Seen::Second);
        }
        self.measure.node_seconds += self.nodes.iter().filter(|node| node.is_up()).count() as u64;
        if second.is_multiple_of(self.options.sample_s.max(1)) {
            self.sample(second);
        }
        self.queue.push(self.now_us + 1_000_000, super::What::Second);
    }

    fn sample(&mut self, second: u64) {
        let mut sample = Sample { second, ..Sample::default() };
        let mut divergences = Vec::new();
        if self.held_moved() {
            self.measure.held = self.held();
        }
        let Held { sets, most, fewest } = self.measure.held;
        for (number, node) in self.nodes.iter().enumerate() {
            let Some(machine) = &node.machine else { continue };
            sample.up += 1;
            // A picture costs as much as the mesh has nodes: in a large one some nodes are asked each time.
            if (number + second as usize).is_multiple_of(self.nodes.len().div_ceil(PICTURES)) {
                let (share, hears_nobody) = machine.differing_millionths();
                divergences.push(share / 1_000);
                sample.isolated += usize::from(hears_nobody);
            }
            if !(number + second as usize).is_multiple_of(self.nodes.len().div_ceil(QUEUES)) {
                continue;
            }
            for (slot, (_, length)) in sample.queues.iter_mut().zip(machine.queues()) {
                *slot = length.max(*slot);
            }
            if second.is_multiple_of(10) {
                sample.conflicts = machine.conflicts(&Prefix::all(), 0).1.max(sample.conflicts);
            }
        }
        if !second.is_multiple_of(10) {
            sample.conflicts = self.measure.series.last().map_or(0, |last| last.conflicts);
        }
        sample.sets = sets;
        sample.statements = most;
        sample.most_missing = most.saturating_sub(fewest.min(most));
        sample.divergence_max = divergences.iter().copied().max().unwrap_or(0);
        sample.divergence_mean = divergences.iter().sum::<u64>().checked_div(divergences.len() as u64).unwrap_or(0);
        let (bytes, events) = (self.measure.bytes, self.measure.events);
        let before = std::mem::replace(&mut self.measure.sampled, (bytes, events));
        sample.bytes = since(bytes, before.0);
        sample.events = events - before.1;
        if sample.sets == 1 && self.calm_since_ms.is_some() {
            let now_ms = self.world_ms();
            self.measure.equal(now_ms);
        }
        if sample.sets > 1 {
            self.measure.sometimes("sets differed");
        }
        if sample.isolated > 0 {
            self.measure.sometimes("a node heard nobody");
        }
        if sample.conflicts > 0 {
            self.measure.sometimes("a conflict was open");
        }
        self.measure.series.push(sample);
    }

    /// Whether any node that runs holds other sets than at the last sample, or other nodes run.
    fn held_moved(&mut self) -> bool {
        let now = self.nodes.iter().map(|node| node.machine.as_ref().map(|machine| (node.lives, machine.changes())));
        if self.measure.held_changes.iter().copied().eq(now.clone()) {
            return false;
        }
        self.measure.held_changes = now.collect();
        true
    }

    /// What running nodes hold, compared.
    fn held(&self) -> Held {
        let mut sets: BTreeSet<Vec<[u8; 32]>> = BTreeSet::new();
        let (mut most, mut fewest) = (0, u64::MAX);
        for machine in self.nodes.iter().filter_map(|node| node.machine.as_ref()) {
            let (mut name, mut held) = (Vec::new(), 0);
            for (_, count, digest) in machine.sets() {
                name.push(digest);
                held += count;
            }
            sets.insert(name);
            (most, fewest) = (held.max(most), held.min(fewest));
        }
        Held { sets: sets.len(), most, fewest }
    }

    pub(super) fn into_record(mut self) -> Record {
        let (conflicts, ends) = (self.conflicts_shown(), self.ends());
        let times = |what: &&str| self.measure.sometimes.get(what).copied().unwrap_or(0);
        let mut sometimes: BTreeMap<String, u64> = WORTH.iter().map(|what| ((*what).to_owned(), times(what))).collect();
        let hostile = self.hostility_told();
        let states = hostile.iter().flat_map(|(states, _)| states.clone());
        sometimes.extend(states.map(|(what, times)| (what.to_owned(), times)));
        for check in &self.checks {
            for (what, times) in check.sometimes() {
                *sometimes.entry(what.to_owned()).or_default() += times;
            }
        }
        let sessions = self.nodes.iter().filter_map(|node| node.machine.as_ref()).map(|m| m.counts().sessions).sum();
        let measure = &mut self.measure;
        let mut faults: BTreeMap<String, u64> = BTreeMap::new();
        for span in &measure.faults {
            *faults.entry(span.class.name().to_owned()).or_default() += 1;
        }
        let totals = Totals {
            events: measure.events,
            writes: measure.writes,
            acknowledged: measure.acknowledged,
            refused: std::mem::take(&mut measure.refused),
            faults,
            crashes: measure.crashes,
            copies: measure.all_copies,
            lost: self.weather.lost,
            bytes: measure.bytes,
            reads: measure.reads,
            sessions,
            node_seconds: measure.node_seconds,
            wall_ms: 0,
        };
        let propagation = Propagation {
            arrivals: measure.propagation.count(),
            p50_us: measure.propagation.at(500),
            p90_us: measure.propagation.at(900),
            p99_us: measure.propagation.at(990),
            max_us: measure.propagation.max(),
            histogram: std::mem::take(&mut measure.histogram),
            copies_thousandths: (measure.load_copies.0 * 1_000).checked_div(measure.load_copies.1).unwrap_or(0),
        };
        Record {
            scenario: self.case.scenario.name.clone(),
            about: self.case.scenario.about.clone(),
            seed: self.case.seed,
            nodes: self.case.scenario.nodes,
            seconds: self.now_us / 1_000_000,
            trace: self.trace.name(),
            version: crate::version(),
            series: std::mem::take(&mut measure.series),
            propagation,
            faults: std::mem::take(&mut measure.faults),
            heals: std::mem::take(&mut measure.heals),
            totals,
            sometimes,
            violations: self.violations,
            conflicts,
            ends,
            history: None,
            replay: None,
            sockets: None,
            hostile: hostile.map(|(_, told)| told),
        }
    }

    fn conflicts_shown(&self) -> Vec<ConflictShown> {
        let Some(machine) = self.nodes.iter().find_map(|node| node.machine.as_ref()) else { return Vec::new() };
        let (list, _) = machine.conflicts(&Prefix::all(), CONFLICTS);
        let side = |statement: &Verified| {
            let author = statement.statement().author;
            let node = self.numbers.get(&author).map(|node| format!("node-{node}"));
            let who = node.or_else(|| self.names.get(&author).cloned()).unwrap_or("operator".to_owned());
            let reason = &statement.statement().note.reason;
            let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            format!("{} by {who} at {}{why}", statement.id().short(), statement.statement().hlc)
        };
        list.iter()
            .map(|conflict| ConflictShown {
                path: conflict.path.to_string(),
                pointer: conflict.pointer.clone(),
                winner: side(&conflict.winner.0),
                loser: side(&conflict.loser.0),
            })
            .collect()
    }

    fn ends(&self) -> Vec<NodeEnd> {
        let end = |(number, node): (usize, &super::Node)| {
            let region = self.case.scenario.regions.get(node.region).map(|region| region.name.clone());
            let status = node.machine.as_ref().map(|machine| (machine.status().statements, machine.standing().digest));
            NodeEnd {
                name: format!("node-{number}"),
                region: region.unwrap_or_default(),
                up: node.is_up(),
                statements: status.map_or(0, |(statements, _)| statements),
                digest: status.map_or(String::new(), |(_, digest)| id::hex(&digest[..6])),
                sent: node.sent,
                boots: node.lives,
            }
        };
        self.nodes.iter().enumerate().filter(|(_, node)| !node.hostile).map(end).collect()
    }
}

fn since(now: Bytes, before: Bytes) -> Bytes {
    Bytes {
        gossip: now.gossip - before.gossip,
        beacons: now.beacons - before.beacons,
        exchange: now.exchange - before.exchange,
        control: now.control - before.control,
    }
}
