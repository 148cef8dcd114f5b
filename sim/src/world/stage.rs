//! A world whose writes and links somebody directs from outside, step by step, where a plan would not do: replays. The
//! director says what is written where, whose links are open, and how far time runs; all else is the world's as ever.

use std::collections::{BTreeMap, BTreeSet};

use driftless_core::machine::{CallId, Event, LocalEdit, Machine};
use driftless_statement::{MeshId, Path, PublicKey, StatementId};

use super::{FOUNDING_MS, Options, What, World};
use crate::plan::Case;
use crate::record::Record;

/// What a caller was told: the statement, none when nothing had to be written; or why not.
pub type Answer = Result<Option<StatementId>, String>;

/// A call of a local service whose answer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    node: usize,
    number: u64,
}

/// A world with a director.
pub struct Stage(World);

impl Stage {
    /// The world of a case, before anything happened.
    pub fn new(case: &Case, options: Options) -> Self {
        let mut world = World::new(case, options);
        world.heard = Some(BTreeMap::new());
        Self(world)
    }

    /// Lets a key besides the nodes' own write everywhere, as long as nothing happened yet; gives the grant. People read
    /// its name.
    pub fn let_write(&mut self, author: PublicKey, name: String) -> StatementId {
        self.0.names.insert(author, name);
        self.0.mesh.let_write(author)
    }

    /// So many writes will be asked for, each of them once or more often.
    pub fn expect(&mut self, writes: usize) {
        self.0.measure.writes += writes as u64;
    }

    /// The mesh's name.
    pub fn mesh(&self) -> MeshId {
        self.0.mesh.id()
    }

    /// Cuts every node off from every other one; only [`Stage::link`] opens a link. The mesh is not promised to be equal.
    pub fn keep_apart(&mut self) {
        let world = &mut self.0;
        world.weather.open_only(Some(BTreeSet::new()));
        world.calm_since_ms = None;
        for node in &mut world.nodes {
            node.configured.clear();
            node.dials.clear();
        }
    }

    /// Opens the link between two nodes that are kept apart; they dial at once.
    pub fn link(&mut self, a: usize, b: usize) {
        self.0.weather.open(a, b);
        self.0.configure(a, b);
        self.0.queue.push(self.0.now_us, What::Dial { from: a, to: b, tries: 0 });
    }

    /// Ends the link between two nodes; both notice at once, and nothing sent from now on arrives.
    pub fn cut(&mut self, a: usize, b: usize) {
        self.0.weather.close(a, b);
        for (node, peer) in [(a, b), (b, a)] {
            self.0.nodes[node].configured.remove(&peer);
            self.0.nodes[node].dials.remove(&peer);
            self.0.unlink(node, peer);
        }
    }

    /// Opens every link, and lets the checks count from here on.
    pub fn join_all(&mut self) {
        self.0.weather.open_only(None);
        self.0.calm_since_ms = Some(self.now_ms());
        self.0.measure.healed(self.now_ms());
        for a in 0..self.nodes() {
            (a + 1..self.nodes()).for_each(|b| self.link(a, b));
        }
    }

    /// A local service asks a node to write. `None`: the node's process does not run, or stands still.
    pub fn write(&mut self, node: usize, edit: LocalEdit) -> Option<Call> {
        let call = self.call(node)?;
        self.0.step(node, Event::Write { call: CallId(call.number), edit });
        Some(call)
    }

    /// A local service hands a node one statement signed elsewhere. `None`: as above.
    pub fn submit(&mut self, node: usize, wire: Vec<u8>) -> Option<Call> {
        let call = self.call(node)?;
        self.0.step(node, Event::Submit { call: CallId(call.number), statements: vec![wire] });
        Some(call)
    }

    fn call(&mut self, node: usize) -> Option<Call> {
        let here = &self.0.nodes[node];
        if !here.is_up() || here.is_paused() {
            return None;
        }
        Some(Call { node, number: self.0.call(node, Some(0)).0 })
    }

    /// The answer of a call, once: `None` while it is waited for. A call whose process died is answered so.
    pub fn answer(&mut self, call: Call) -> Option<Answer> {
        let answer = self.0.heard.as_mut().and_then(|heard| heard.remove(&call.number));
        let lost =
            || (!self.0.nodes[call.node].calls.contains_key(&call.number)).then(|| Err("its node died".to_owned()));
        answer.or_else(lost)
    }

    /// Lets time run to a moment, simulated milliseconds.
    pub fn run_to(&mut self, at_ms: u64) {
        self.run_until(at_ms, |_| false);
    }

    /// Lets time run until something holds, or to a moment. Whether it held.
    pub fn run_until(&mut self, limit_ms: u64, mut holds: impl FnMut(&mut Self) -> bool) -> bool {
        loop {
            if holds(self) {
                return true;
            }
            if self.broken() || self.0.queue.next_us().is_none_or(|next_us| next_us > limit_ms * 1_000) {
                self.0.now_us = self.0.now_us.max(limit_ms * 1_000);
                return false;
            }
            if let Some((at_us, what)) = self.0.queue.pop() {
                self.0.now_us = at_us;
                self.0.happen(what);
            }
        }
    }

    /// Whether a rule is broken and the run ends with it.
    pub fn broken(&self) -> bool {
        self.0.options.stop_at_first && !self.0.violations.is_empty()
    }

    /// Simulated milliseconds since the beginning.
    pub fn now_ms(&self) -> u64 {
        self.0.world_ms()
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.0.nodes.len()
    }

    /// How long the mesh may take to be equal when nothing is wrong.
    pub fn bound_ms(&self) -> u64 {
        self.0.bound_ms
    }

    /// A node's machine, while its process runs.
    pub fn machine(&self, node: usize) -> Option<&Machine> {
        self.0.nodes[node].machine.as_ref()
    }

    /// How many statements of a scope a node holds on its disk.
    pub fn held(&self, node: usize, scope: &str) -> u64 {
        let of = |machine: &Machine| {
            machine.sets().find(|(held, ..)| held.as_str() == scope).map_or(0, |(_, count, _)| count)
        };
        self.machine(node).map_or(0, of)
    }

    /// Whether a service beside a node sees a value at a path.
    pub fn has(&self, node: usize, path: &Path) -> bool {
        self.0.nodes[node].shown.get(path).is_some_and(|entry| entry.effective.is_some())
    }

    /// Whether these nodes run and hold equal sets, all of it on disk.
    pub fn equal(&self, nodes: &[usize]) -> bool {
        let counts =
            |machine: &Machine| machine.sets().map(|(scope, count, _)| (scope.clone(), count)).collect::<Vec<_>>();
        let digests = |machine: &Machine| machine.sets().map(|(.., digest)| digest).collect::<Vec<_>>();
        let machines: Option<Vec<&Machine>> = nodes.iter().map(|node| self.machine(*node)).collect();
        let Some((first, rest)) = machines.as_deref().and_then(<[&Machine]>::split_first) else { return false };
        let wanted = counts(first);
        rest.iter().all(|machine| counts(machine) == wanted)
            && rest.iter().all(|machine| digests(machine) == digests(first))
    }

    /// Leaves a check out whose premise does not hold here.
    pub fn leave_out(&mut self, check: &str) {
        self.0.checks.retain(|known| known.name() != check);
    }

    /// When load and faults end, simulated milliseconds.
    pub fn load_ends_ms(&self) -> u64 {
        self.0.load_ends_ms()
    }

    /// Ends the load now, unless the case ends it earlier.
    pub fn end_load(&mut self) {
        let minutes = self.now_ms().saturating_sub(FOUNDING_MS).div_ceil(60_000).max(1);
        if minutes < self.0.case.scenario.minutes {
            self.0.case.scenario.minutes = minutes;
            self.0.queue.push(self.0.load_ends_ms() * 1_000, What::Calm);
        }
    }

    /// Lets the world run on to its end.
    pub fn finish(self) -> Record {
        self.0.run()
    }
}

impl World {
    /// Keeps what a caller was told, where somebody wants to know.
    pub(super) fn hear(&mut self, call: CallId, answer: &Answer) {
        if let Some(heard) = &mut self.heard {
            heard.insert(call.0, answer.clone());
        }
    }
}
