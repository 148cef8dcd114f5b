//! What waits in front of a node: a process that stands still, or that each event costs time, takes what came in the order
//! in which it came. A driver has one channel; nothing in it overtakes.

use driftless_core::machine::Event;

use super::{What, World};

/// Something in a node's line.
pub(super) enum Waits {
    /// An event for its machine.
    Event(Box<Event>),
    /// A copy of a gossip message, which the network layer of a process that stands still has not seen.
    Copy { from: usize, message: u64 },
}

impl World {
    /// An event for a node: now, or when it has worked off what came before.
    pub(super) fn arrive(&mut self, node: usize, life: u64, event: Event) {
        if self.nodes[node].hostile {
            return self.hostile_got(node, event);
        }
        let here = &self.nodes[node];
        if here.lives != life || here.machine.is_none() {
            return;
        }
        if here.is_paused() || here.ready_us > self.now_us || !here.line.is_empty() {
            return self.line_up(node, Waits::Event(Box::new(event)));
        }
        self.work(node, event);
    }

    /// Puts something at the end of a node's line.
    pub(super) fn line_up(&mut self, node: usize, waits: Waits) {
        self.nodes[node].line.push_back(waits);
        self.plan_resume(node);
    }

    /// Plans that a node goes on with its line, unless it stands still or this is planned.
    pub(super) fn plan_resume(&mut self, node: usize) {
        let here = &mut self.nodes[node];
        if here.is_paused() || here.resumes || here.line.is_empty() {
            return;
        }
        here.resumes = true;
        let (at_us, life) = (here.ready_us.max(self.now_us), here.lives);
        self.queue.push(at_us, What::Resume { node, life });
    }

    /// A node takes from its line until it is empty or one thing cost time.
    pub(super) fn resume(&mut self, node: usize, life: u64) {
        if self.nodes[node].lives != life || !self.nodes[node].is_up() {
            return;
        }
        self.nodes[node].resumes = false;
        while !self.nodes[node].is_paused() && self.nodes[node].ready_us <= self.now_us {
            match self.nodes[node].line.pop_front() {
                Some(Waits::Event(event)) => self.work(node, *event),
                Some(Waits::Copy { from, message }) => {
                    if let Some(event) = self.opened(node, from, message) {
                        self.work(node, event);
                    }
                }
                None => return,
            }
        }
        self.plan_resume(node);
    }

    /// One event, and the time that it costs.
    fn work(&mut self, node: usize, event: Event) {
        let here = &mut self.nodes[node];
        let costs_ms: u64 = here.slow.iter().map(|(_, ms)| ms).sum();
        here.ready_us = self.now_us + costs_ms * 1_000;
        self.step(node, event);
    }

    /// Plans a node's next deadline, when it is earlier than the one planned.
    pub(super) fn plan_tick(&mut self, node: usize) {
        let here = &mut self.nodes[node];
        let Some(machine) = &here.machine else { return };
        let at_us = machine.deadline().saturating_sub(1_000).saturating_mul(1_000).max(self.now_us);
        if at_us < here.tick_us {
            here.tick_us = at_us;
            self.queue.push(at_us, What::Tick { node });
        }
    }

    pub(super) fn tick(&mut self, node: usize) {
        let here = &mut self.nodes[node];
        if here.tick_us > self.now_us {
            return;
        }
        here.tick_us = u64::MAX;
        let Some(machine) = &here.machine else { return };
        if here.is_paused() {
            // Planned again when it goes on.
            return;
        }
        if here.ready_us > self.now_us {
            // In its turn among what else waits.
            here.tick_us = here.ready_us;
            return self.queue.push(here.tick_us, What::Tick { node });
        }
        if machine.deadline().saturating_sub(1_000).saturating_mul(1_000) <= self.now_us {
            self.step(node, Event::Tick);
        } else {
            self.plan_tick(node);
        }
    }

    /// A process that stood still goes on: what came meanwhile first, then what its timers say.
    pub(super) fn goes_on(&mut self, node: usize) {
        if self.nodes[node].is_up() && !self.nodes[node].is_paused() {
            self.plan_resume(node);
            self.plan_tick(node);
        }
    }
}
