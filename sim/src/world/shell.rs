//! The life of a node's process: it begins from its disk, shows views, and dies. And what services beside it do with
//! what they see. The places where a planted bug may sit are questions that a build without bugs answers with no.

use std::borrow::Cow;
use std::sync::Arc;

use driftless_core::machine::{CallId, Effect, Event, Machine, Rates, Setup, SubmitOutcome};
use driftless_core::view::View;
use driftless_core::wire::{Request, Response};
use driftless_statement::statement::Bytes;
use driftless_statement::{Path, SecretKey, Signed, StatementId, Verified};

use super::disk::{Batch, Put};
use super::{What, World};
use crate::checks::Seen;
use crate::facts::Made;
use crate::said::Said;

/// How much of what the roots struck a node keeps: so little that a flood of minutes goes beyond it.
pub(super) const KEEP_STRUCK_BYTES: usize = 8_192;

impl World {
    /// The machine's own paces, as the scenario sets them.
    pub(super) fn pace(&self) -> driftless_core::machine::Pace {
        let pace = driftless_core::machine::Pace::default();
        let said = &self.case.scenario.pace;
        driftless_core::machine::Pace {
            beacon_ms: said.beacon_ms.unwrap_or(pace.beacon_ms),
            reconcile_ms: said.reconcile_ms.unwrap_or(pace.reconcile_ms),
            ..pace
        }
    }

    /// How fast nodes take things in.
    pub(super) fn rates(&self) -> Rates {
        let (rates, said) = (Rates::default(), &self.case.scenario.intake);
        Rates {
            author_statements: said.author_statements.unwrap_or(rates.author_statements),
            peer_checks: said.peer_checks.unwrap_or(rates.peer_checks),
            burst_ms: said.burst_ms.unwrap_or(rates.burst_ms),
            ..rates
        }
    }

    /// A process begins. `deaths`: so often it dies while it does.
    pub(super) fn start(&mut self, node: usize, deaths: u64) {
        let here = &self.nodes[node];
        if here.is_up() || !here.down.is_empty() {
            return;
        }
        let (pace, rates, proofs, mesh) = (self.pace(), self.rates(), self.proofs.clone(), self.mesh.id());
        let now = self.now(node);
        let seed = self.rng.next_u64();
        let here = &mut self.nodes[node];
        here.lives += 1;
        // As the node does it, so that a store that was put back counts no boot twice.
        here.disk.boots = (here.disk.boots + 1).max(now.wall_ms / 1_000);
        here.members = Arc::default();
        here.tick_us = u64::MAX;
        here.ready_us = self.now_us;
        let setup = Setup {
            key: SecretKey::from_bytes(here.secret),
            mesh,
            name: format!("node-{node}"),
            wants: None,
            store: here.disk.store,
            boot: here.disk.boots,
            floor_ms: here.disk.floor_ms,
            keep_struck_bytes: KEEP_STRUCK_BYTES,
            seed,
            pace,
            rates,
            proofs,
            #[cfg(feature = "planted")]
            planted: self.options.bug.and_then(crate::bugs::Planted::in_core),
        };
        here.machine = Some(Machine::new(setup, now));
        let kept = self.recovered(node);
        let first = !self.nodes[node].founded;
        self.nodes[node].founded = true;
        self.step(node, Event::Loaded(kept));
        if deaths > 0 {
            // It dies when it has read its store, before it said anything to anybody.
            self.measure.sometimes("a process died while it began");
            return self.die(node, deaths - 1, 200_000);
        }
        self.look(node, &Seen::Began);
        if self.nodes[node].disk.kept.is_empty() || (first && !self.case.scenario.founded) {
            self.next_call += 1;
            let statements = self.mesh.bundle.iter().map(|statement| statement.wire().to_vec()).collect();
            let call = CallId(self.next_call);
            self.step(node, Event::Submit { call, statements });
        }
        self.dial_all(node);
        for watcher in 0..self.case.scenario.load.watchers {
            if self.nodes[node].watchers.len() <= watcher {
                self.nodes[node].watchers.push(super::Watcher::default());
            }
            self.nodes[node].watchers[watcher].woken = false;
            self.plan_look(node, watcher);
        }
    }

    /// A process dies; its machine and all that was under way in it are gone. It begins again after a while.
    pub(super) fn die(&mut self, node: usize, deaths: u64, after_us: u64) {
        self.kill(node);
        self.queue.push(self.now_us + after_us, What::Start { node, deaths });
    }

    /// A process dies and stays dead.
    pub(super) fn kill(&mut self, node: usize) {
        if !self.nodes[node].is_up() {
            return;
        }
        self.measure.crashes += 1;
        self.links_break(node);
        // The sync under way: the disk may have been done with it, though nobody will hear.
        if let Some((_, batch)) = self.nodes[node].disk.under_way.take() {
            let refuses = !self.nodes[node].disk.refuses.is_empty();
            if !refuses && self.rng.below(2) == 0 {
                self.measure.sometimes("a sync that nobody heard of was done");
                self.nodes[node].disk.write(&batch);
                self.durable(node, &batch);
            }
        }
        let here = &mut self.nodes[node];
        here.machine = None;
        here.gossip = super::gossip::Neighbours::default();
        self.moves += 1;
        let here = &mut self.nodes[node];
        here.calls.clear();
        here.paused.clear();
        here.line.clear();
        here.resumes = false;
        here.disk.told_refusal = false;
        self.messages.forget(node);
        let life = self.nodes[node].lives;
        self.requests.retain(|_, (asker, its, _)| *asker != node || *its != life);
        self.look(node, &Seen::Died);
    }

    /// A batch reached the disk, as far as the disk tells the truth.
    pub(super) fn durable(&mut self, node: usize, batch: &Batch) {
        if self.checks.is_empty() {
            return;
        }
        // What may leave a disk, a check has judged by now; nobody is promised that it stays.
        for id in &batch.gone {
            self.facts.durable[node].remove(id);
            self.facts.promised[node].remove(id);
        }
        let ids: Vec<StatementId> = batch.statements.iter().map(|statement| statement.id()).collect();
        self.facts.durable[node].extend(ids.iter().copied());
        self.look(node, &Seen::Synced(&ids));
    }

    /// What a disk held is gone from it: nothing that was promised about it can be asked of this node alone.
    pub(super) fn forgot(&mut self, node: usize, gone: &[Arc<Verified>]) {
        for statement in gone {
            let id = statement.id();
            self.facts.durable[node].remove(&id);
            self.facts.promised[node].remove(&id);
            let held = |other: usize| {
                self.facts.durable[other].contains(&id)
                    || self.nodes[other].machine.as_ref().is_some_and(|machine| machine.statement(&id).is_some())
            };
            if !(0..self.nodes.len()).any(held) {
                self.measure.sometimes("a statement was lost for good");
                self.facts.beyond_help.insert(id);
            }
        }
        self.look(node, &Seen::Forgot);
    }

    /// A disk is in an earlier state.
    pub(super) fn was_put(&mut self, node: usize, put: &Put) {
        if !self.checks.is_empty() {
            self.facts.durable[node].extend(put.back.iter().copied());
        }
        self.forgot(node, &put.gone);
    }

    /// Services see another view.
    pub(super) fn show(&mut self, node: usize, view: Arc<View>) {
        if self.shows_late(node, &view) {
            return;
        }
        self.shown(node, view);
    }

    /// Services see this view from now on.
    pub(super) fn shown(&mut self, node: usize, view: Arc<View>) {
        self.nodes[node].shown = view;
        self.refresh(node);
        self.look(node, &Seen::Shown);
        for watcher in 0..self.nodes[node].watchers.len() {
            self.plan_look(node, watcher);
        }
        self.read_pair(node);
    }

    /// The shell reads how the node stands, as it does twice a second and with every view. Only checks look at it.
    pub(super) fn refresh(&mut self, node: usize) {
        if self.checks.is_empty() || self.never_refreshes() {
            return;
        }
        if let Some(machine) = &self.nodes[node].machine {
            self.nodes[node].standing = machine.standing();
        }
    }

    fn plan_look(&mut self, node: usize, watcher: usize) {
        if self.forgets_to_wake(node, watcher) {
            return;
        }
        let here = &mut self.nodes[node];
        let Some(watching) = here.watchers.get_mut(watcher) else { return };
        let Some(takes_ms) = watching.takes_ms().filter(|_| !watching.woken) else { return };
        watching.woken = true;
        let life = here.lives;
        self.queue.push(self.now_us + takes_ms * 1_000, What::Wake { node, life, watcher });
    }

    pub(super) fn wake(&mut self, node: usize, life: u64, watcher: usize) {
        let here = &mut self.nodes[node];
        if here.lives != life || !here.is_up() {
            return;
        }
        let view = here.shown.clone();
        let Some(watching) = here.watchers.get_mut(watcher) else { return };
        watching.woken = false;
        if watching.takes_ms().is_none() {
            return;
        }
        let behind = watching.behind;
        watching.look(&view);
        if watching.behind > behind && behind > 0 {
            self.measure.sometimes("a watcher fell behind");
        }
        self.measure.reads += 1;
    }

    /// A watcher that a fault held back looks again.
    pub(super) fn look_again(&mut self, node: usize) {
        for watcher in 0..self.nodes[node].watchers.len() {
            self.plan_look(node, watcher);
        }
    }

    /// Compares each watcher's copy with the view that it is of.
    pub(super) fn compare_watchers(&mut self, node: usize) {
        for watcher in 0..self.nodes[node].watchers.len() {
            let here = &self.nodes[node];
            let watching = &here.watchers[watcher];
            let idle = !watching.woken && watching.takes_ms().is_some() && here.is_up();
            if idle {
                let equal = watching.revision == Some(here.shown.revision()) && watching.equals(&here.shown);
                self.look(node, &Seen::Watched(equal));
            }
        }
    }

    /// A service reads two entries that are always written together.
    fn read_pair(&mut self, node: usize) {
        let pairs = self.case.scenario.load.entries as u64 / 4 + 1;
        let pair = self.rng.below(pairs) as usize;
        let view = self.nodes[node].shown.clone();
        if self.checks.is_empty() {
            // Nobody compares: that something stands there is all that is counted.
            self.measure.reads += 1;
            if super::load::pair_is_there(&view, pair) {
                self.measure.sometimes("a pair was read");
            }
            return;
        }
        let (left, right) = super::load::pair_paths(pair);
        let other = self.second_view(node, &view);
        let json = |view: &View, path: &Path| view.get(path).and_then(|entry| entry.json().map(Cow::into_owned));
        let (left, right) = (json(&view, &left), json(&other, &right));
        self.measure.reads += 1;
        if left.is_some() {
            self.measure.sometimes("a pair was read");
        }
        self.look(node, &Seen::ReadPair(left.as_deref(), right.as_deref()));
    }

    // What is true, noted before checks look.

    pub(super) fn note_event(&mut self, node: usize, event: &Event) {
        if let (false, Event::Request { token, bytes, .. }) = (self.checks.is_empty(), event)
            && let Ok(Request::Push { statements }) = Request::decode(bytes)
        {
            self.pushes.insert((node, *token), ids_of(&statements));
        }
    }

    /// Notes what an effect means, and reads what it says.
    pub(super) fn note_effect(&mut self, node: usize, effect: &Effect) -> Option<Said> {
        if self.checks.is_empty() {
            return None;
        }
        match effect {
            Effect::Store { statements, .. } => {
                for statement in statements {
                    let made = || Made { statement: statement.clone(), at_us: self.now_us, promised: None };
                    self.facts.made.entry(statement.id()).or_insert_with(made);
                }
                None
            }
            Effect::Wrote { outcome: Ok(receipt), .. } => {
                receipt.id.into_iter().for_each(|id| self.promise(node, id));
                None
            }
            Effect::Submitted { outcome, .. } => {
                for outcome in outcome {
                    if let SubmitOutcome::Stored { id, .. } | SubmitOutcome::Known { id, .. } = outcome {
                        self.promise(node, *id);
                    }
                }
                None
            }
            Effect::Publish { bytes, .. } => Some(Said::published(bytes, &self.facts)),
            Effect::Request { bytes, .. } => match Request::decode(bytes) {
                Ok(Request::Push { statements }) => Some(Said::Gave(ids_of(&statements))),
                _ => None,
            },
            Effect::Respond { token, bytes } => self.read_response(node, *token, bytes),
            _ => None,
        }
    }

    fn read_response(&mut self, node: usize, token: u64, bytes: &[u8]) -> Option<Said> {
        let pushed = self.pushes.remove(&(node, token));
        match Response::decode(bytes) {
            Err(bad) => Some(Said::Nonsense(format!("answers with what is no message: {bad}"))),
            Ok(Response::Statements { statements, .. }) => Some(Said::Gave(ids_of(&statements))),
            Ok(Response::Taken { refused, .. }) => {
                let kept = |place: &usize| !refused.iter().any(|(at, _)| at == place);
                let ids = pushed.unwrap_or_default().into_iter().enumerate();
                let taken: Vec<StatementId> = ids.filter(|(place, _)| kept(place)).map(|(_, id)| id).collect();
                for id in &taken {
                    self.measure.sometimes("a push was taken");
                    self.promise(node, *id);
                }
                Some(Said::Took(taken))
            }
            Ok(_) => None,
        }
    }

    /// Somebody is told that a statement is safe on this node. What a lying disk holds is nobody's promise.
    fn promise(&mut self, node: usize, id: StatementId) {
        if !self.nodes[node].lies() {
            self.facts.promised[node].insert(id);
        }
        let now_us = self.now_us;
        if let Some(made) = self.facts.made.get_mut(&id) {
            made.promised.get_or_insert((now_us, node));
        }
    }
}

/// The ids of statements on the wire. A place that cannot be read can only be refused; any id will do for it.
fn ids_of(wires: &[Bytes]) -> Vec<StatementId> {
    wires.iter().map(|wire| Signed::id_of(wire).unwrap_or(StatementId::NONE)).collect()
}
