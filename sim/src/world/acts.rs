//! Faults of the plan: how each class begins, and how it ends.

use std::sync::Arc;

use driftless_core::machine::Machine;
use driftless_statement::Verified;

use super::{What, World};
use crate::plan::{Class, Fault};

impl World {
    pub(super) fn begin(&mut self, number: usize) {
        let fault = self.case.plan.faults[number].clone();
        self.measure.fault(&fault, super::FOUNDING_MS);
        self.acting.insert(number);
        self.calm_since_ms = None;
        match fault.class {
            Class::Loss
            | Class::Duplicate
            | Class::Reorder
            | Class::Latency
            | Class::Bandwidth
            | Class::RequestsFail
            | Class::GossipMute => self.weather.begin(number, &fault, self.now_us),
            Class::Partition | Class::PartialPartition | Class::Flapping | Class::Isolation => {
                self.weather.begin(number, &fault, self.now_us);
                self.links_may_be_dead();
            }
            // The way back is open and nothing looks wrong: links stay up.
            Class::OneWay => self.weather.begin(number, &fault, self.now_us),
            Class::ClockSkew | Class::ClockDrift | Class::ClockJump | Class::ClockStop => {
                let world_ms = self.world_ms();
                self.each(&fault, |world, node| world.nodes[node].clock.begin(number, &fault, world_ms));
                self.each(&fault, World::plan_tick_anew);
            }
            Class::Burst | Class::Idle | Class::HotEntry | Class::LargeValues => {}
            Class::Join => self.join(),
            _ => self.each(&fault, |world, node| world.begin_on(number, &fault, node)),
        }
    }

    /// Does something to each node that a fault is about and that is there.
    fn each(&mut self, fault: &Fault, mut what: impl FnMut(&mut Self, usize)) {
        for node in &fault.nodes {
            if *node < self.nodes.len() && !self.case.plan.absent.contains(node) {
                what(self, *node);
            }
        }
    }

    fn begin_on(&mut self, number: usize, fault: &Fault, node: usize) {
        let for_us = fault.for_ms * 1_000;
        match fault.class {
            Class::SlowNode => self.nodes[node].slow.push((number, fault.amount)),
            // Who stops a process stops that one: its successor runs.
            Class::Pause if self.nodes[node].is_up() => drop(self.nodes[node].paused.insert(number)),
            Class::Crash | Class::MassRestart => self.down(number, node),
            Class::Leave => {
                self.nodes[node].disk.under_way = None;
                self.down(number, node);
            }
            Class::CrashInRecovery if self.nodes[node].is_up() => {
                self.die(node, fault.amount, for_us);
            }
            Class::TornWrite => self.nodes[node].disk.dies_in_sync = true,
            Class::DiskError => self.nodes[node].disk.refuses.push((number, "input/output error")),
            Class::DiskFull => self.nodes[node].disk.refuses.push((number, "no space left on device")),
            Class::SlowDisk => self.nodes[node].disk.slower.push((number, fault.amount)),
            Class::LyingSync => self.nodes[node].disk.lie(number),
            Class::DiskLoss => {
                self.down(number, node);
                let store = self.rng.next_u64();
                let gone = self.nodes[node].disk.replace(store);
                self.forgot(node, &gone);
            }
            Class::Restore => {
                self.down(number, node);
                let to_ms = self.world_ms().saturating_sub(fault.amount * 1_000);
                let put = self.nodes[node].disk.put_back(to_ms);
                self.was_put(node, &put);
            }
            Class::SlowWatchers | Class::StuckWatchers => {
                let takes = (fault.class == Class::SlowWatchers).then_some(fault.amount);
                self.nodes[node].watchers.iter_mut().for_each(|watcher| watcher.slow.push((number, takes)));
            }
            _ => {}
        }
    }

    /// A process dies, and stays dead until the fault ends.
    fn down(&mut self, number: usize, node: usize) {
        self.kill(node);
        self.nodes[node].down.insert(number);
    }

    pub(super) fn end(&mut self, number: usize) {
        let fault = self.case.plan.faults[number].clone();
        self.acting.remove(&number);
        self.weather.end(number);
        self.each(&fault, |world, node| world.end_on(number, &fault, node));
        let calm = self.acting.iter().all(|acting| !self.case.plan.faults[*acting].class.disturbs());
        if calm {
            self.heal();
        }
    }

    fn end_on(&mut self, number: usize, fault: &Fault, node: usize) {
        let here = &mut self.nodes[node];
        here.slow.retain(|(acting, _)| *acting != number);
        here.paused.remove(&number);
        here.clock.end(number);
        here.disk.slower.retain(|(acting, _)| *acting != number);
        here.watchers.iter_mut().for_each(|watcher| watcher.slow.retain(|(acting, _)| *acting != number));
        match fault.class {
            Class::Crash | Class::MassRestart | Class::Leave | Class::DiskLoss | Class::Restore => {
                here.down.remove(&number);
                self.queue.push(self.now_us, What::Start { node, deaths: 0 });
            }
            Class::DiskError | Class::DiskFull => self.disk_works(number, node),
            Class::LyingSync => self.lie_ends(number, node),
            Class::SlowWatchers | Class::StuckWatchers => self.look_again(node),
            Class::Pause => self.goes_on(node),
            Class::ClockSkew | Class::ClockDrift | Class::ClockJump | Class::ClockStop => self.plan_tick_anew(node),
            _ => {}
        }
    }

    /// The store takes writes again, and says so if it had refused any.
    fn disk_works(&mut self, number: usize, node: usize) {
        let disk = &mut self.nodes[node].disk;
        disk.refuses.retain(|(acting, _)| *acting != number);
        if disk.refuses.is_empty() && std::mem::take(&mut disk.told_refusal) && self.nodes[node].is_up() {
            self.measure.sometimes("a disk took writes again");
            self.soon(node, driftless_core::machine::Event::StoreRecovered);
        }
    }

    /// The machine loses power: what its disk only said it had is gone.
    fn lie_ends(&mut self, number: usize, node: usize) {
        if !self.nodes[node].disk.lies.contains(&number) {
            return;
        }
        if self.nodes[node].is_up() {
            self.kill(node);
            self.queue.push(self.now_us + 1_000_000, What::Start { node, deaths: 0 });
        }
        let put = self.nodes[node].disk.lose_power();
        if !put.gone.is_empty() {
            self.measure.sometimes("a lying disk lost statements");
        }
        self.was_put(node, &put);
    }

    /// A new member: the operator's grants reach some node, and the new one begins with an empty disk.
    fn join(&mut self) {
        let number = self.nodes.len();
        let up: Vec<usize> = (0..number).filter(|node| self.nodes[*node].is_up()).collect();
        if up.is_empty() {
            return;
        }
        let place = number % self.case.scenario.regions.len();
        let node = super::Node::new(number, self.case.seed, place);
        let statements = self.mesh.admit(node.key);
        self.numbers.insert(node.key, number);
        self.nodes.push(node);
        self.facts.add_node();
        self.weather.add_node(place);
        let wanted = if self.case.scenario.peers == 0 { number } else { self.case.scenario.peers };
        for step in 0..wanted.min(number) {
            let peer = if wanted >= number { step } else { self.rng.below(number as u64) as usize };
            self.configure(number, peer);
        }
        self.admit(statements);
        self.measure.sometimes("a new member joined");
        self.queue.push(self.now_us + 500_000, What::Start { node: number, deaths: 0 });
    }

    /// The operator brings grants to some node's door, and again to others until most nodes have them: the first may have
    /// a disk that is full, or one that lies.
    pub(super) fn admit(&mut self, statements: Vec<Arc<Verified>>) {
        let honest = self.nodes.iter().filter(|node| !node.hostile).count();
        let has = |machine: &&Machine| statements.iter().all(|statement| machine.has_stored(&statement.id()));
        if self.nodes.iter().filter_map(|node| node.machine.as_ref()).filter(has).count() * 2 > honest {
            return;
        }
        let open: Vec<usize> = (0..self.nodes.len()).filter(|node| self.nodes[*node].is_up()).collect();
        if !open.is_empty() {
            let door = open[self.rng.below(open.len() as u64) as usize];
            if !self.nodes[door].is_paused() {
                let wires = statements.iter().map(|statement| statement.wire().to_vec()).collect();
                self.submit(door, wires, None);
            }
        }
        self.queue.push(self.now_us + 3_000_000, What::Admit { statements });
    }

    /// A node's clock changed: its next deadline may be another one.
    fn plan_tick_anew(&mut self, node: usize) {
        self.nodes[node].tick_us = u64::MAX;
        self.plan_tick(node);
    }

    /// All is over: what still acts ends now, and whoever is down begins.
    pub(super) fn calm(&mut self) {
        let acting: Vec<usize> = self.acting.iter().copied().collect();
        acting.into_iter().for_each(|number| self.end(number));
        for node in 0..self.nodes.len() {
            self.nodes[node].disk.dies_in_sync = false;
            let hostile = self.nodes[node].hostile;
            if !self.nodes[node].is_up() && !hostile && !self.case.plan.absent.contains(&node) {
                self.queue.push(self.now_us, What::Start { node, deaths: 0 });
            }
        }
        self.heal();
        self.look(0, &crate::checks::Seen::Calm);
    }

    /// Nothing is wrong any more.
    fn heal(&mut self) {
        let world_ms = self.world_ms();
        if self.calm_since_ms.is_none() {
            self.calm_since_ms = Some(world_ms);
            self.measure.healed(world_ms);
        }
    }
}
