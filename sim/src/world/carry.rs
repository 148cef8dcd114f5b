//! Carrying out what machines ask for: messages onto links, batches to disks, answers to services. The counterpart of the
//! node's driver, and as short of thought.

use std::sync::Arc;

use driftless_core::machine::{Effect, Event, SubmitOutcome, Topic, Verdict, WriteRefused};
use driftless_statement::PublicKey;

use super::disk::Batch;
use super::gossip::{ID_BYTES, LAZY, Outside, WINDOWS};
use super::line::Waits;
use super::weather::{Carries, Passage, lognormal_ms};
use super::{What, World};

/// How long a request may take before whoever asked is told that it failed, microseconds: the node's own patience.
const REQUEST_US: u64 = 10_000_000;
/// Between two heartbeats of gossip.
const HEARTBEAT_US: u64 = 1_000_000;

impl World {
    pub(super) fn carry_out(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Store { batch, gone, statements, floor_ms } => {
                self.begin_sync(node, Batch { number: batch, gone, statements, floor_ms });
            }
            Effect::Publish { topic, bytes } => self.publish(node, &topic, bytes),
            Effect::Verdict { id, from, verdict } => self.judged(node, &id, &from, verdict),
            Effect::Mute { peer, lasts_ms } => {
                if let Some(peer) = self.numbers.get(&peer) {
                    self.nodes[node].gossip.muted.insert(*peer, self.now_us + lasts_ms * 1_000);
                }
            }
            Effect::Request { peer, corr, bytes } => self.ask(node, &peer, corr, bytes),
            Effect::Respond { token, bytes } => self.answer(node, token, bytes),
            // Its gate lets in members only, once it knows any.
            Effect::Expelled(_) => {}
            Effect::Members(members) => {
                self.nodes[node].members = members;
                self.keep_members(node);
            }
            Effect::Subscribe(topic) => self.subscribe(node, &topic),
            Effect::Wrote { call, outcome } => {
                let known = self.nodes[node].calls.remove(&call.0);
                let asked_us = known.map(|(_, asked_us)| asked_us);
                let outcome = outcome.map(|receipt| receipt.id).map_err(|refused| reason(&refused).to_owned());
                self.hear(call, &outcome);
                self.answered(node, asked_us, outcome);
            }
            Effect::Submitted { call, outcome } => {
                let known = self.nodes[node].calls.remove(&call.0);
                for outcome in outcome {
                    let told = match outcome {
                        SubmitOutcome::Stored { id, .. } | SubmitOutcome::Known { id, .. } => Ok(Some(id)),
                        SubmitOutcome::Waiting { .. } => Err("waiting".to_owned()),
                        SubmitOutcome::ReadOnly { .. } => Err("read only".to_owned()),
                        SubmitOutcome::Invalid(invalid) => Err(invalid.word().to_owned()),
                        SubmitOutcome::Refused { refusal, .. } => Err(refusal.word().to_owned()),
                        SubmitOutcome::NotHeld { .. } => Err("not held".to_owned()),
                        SubmitOutcome::Full { .. } => Err("full".to_owned()),
                        SubmitOutcome::Delayed { .. } => Err("delayed".to_owned()),
                    };
                    if let Some((_, asked_us)) = known {
                        self.hear(call, &told);
                        self.answered(node, Some(asked_us), told);
                    }
                }
            }
            Effect::Show(view) => self.show(node, view),
            Effect::Effective { id, .. } => self.measure.effective(node, &id, self.now_us),
        }
    }

    // Gossip.

    fn publish(&mut self, node: usize, topic: &Topic, bytes: Vec<u8>) {
        let number = self.messages.publish(topic, bytes, self.now_us);
        let Some(message) = self.messages.get(number) else { return };
        if !message.hold(node) {
            return;
        }
        // What a node itself publishes goes to all its peers, not only to those in its mesh.
        let peers: Vec<usize> = self.nodes[node].links.iter().copied().collect();
        for peer in peers {
            if self.nodes[peer].gossip.topics.contains(topic) {
                self.send_copy(node, peer, number);
            }
        }
        self.offer(node, number);
    }

    pub(super) fn send_copy(&mut self, from: usize, to: usize, number: u64) {
        let Some(message) = self.messages.get(number) else { return };
        let bytes = message.bytes.len() + 40;
        let beacon = *message.topic == Topic::Beacons;
        self.nodes[from].sent += bytes as u64;
        let life = self.nodes[to].lives;
        match self.weather.send(from, to, bytes, Carries::Gossip, self.now_us) {
            Passage::Lost => {}
            Passage::Arrives(at_us, again) => {
                for at_us in std::iter::once(at_us).chain(again) {
                    // Of a beacon nobody counts the copies that come second: most of all there are need not be planned.
                    let heard = self.nodes[to].gossip.hears(from, at_us);
                    if heard && (!beacon || self.tells_something(to, number, at_us)) {
                        self.queue.push(at_us, What::Copy { to, from, life, message: number });
                    }
                }
            }
        }
        let count = if beacon { &mut self.measure.bytes.beacons } else { &mut self.measure.bytes.gossip };
        *count += bytes as u64;
    }

    /// Whether a copy that arrives then may be the first one at its node.
    fn tells_something(&mut self, to: usize, number: u64, at_us: u64) -> bool {
        let here = &self.nodes[to];
        // What comes to a process that does not run comes to none; and whoever is hostile makes something of each copy.
        let counts = here.is_up() && !here.hostile;
        !counts || self.messages.get(number).is_none_or(|message| message.comes_first(to, at_us))
    }

    /// A copy arrived: what is known already goes no further. The network layer of a process that stands still hears
    /// nothing; the kernel keeps it.
    pub(super) fn copy(&mut self, to: usize, from: usize, life: u64, number: u64) {
        if self.nodes[to].hostile {
            return self.hostile_hears(to, from, number);
        }
        if self.nodes[to].lives != life || !self.nodes[to].is_up() {
            return;
        }
        if self.nodes[to].is_paused() {
            return self.line_up(to, Waits::Copy { from, message: number });
        }
        if let Some(event) = self.opened(to, from, number) {
            self.arrive(to, life, event);
        }
    }

    /// What a copy is to the node that it came to: nothing when it had one before.
    pub(super) fn opened(&mut self, to: usize, from: usize, number: u64) -> Option<Event> {
        // As gossip does it: dropped before it is remembered, so the same from others is still news.
        if !self.nodes[to].gossip.hears(from, self.now_us) {
            return None;
        }
        let message = self.messages.get(number)?;
        let beacon = *message.topic == Topic::Beacons;
        let bytes = message.hold(to).then(|| message.bytes.clone());
        if !beacon {
            self.measure.copies(bytes.is_some(), self.now_us);
        }
        self.carrier = from;
        bytes.map(|bytes| Event::Gossip { id: number.to_be_bytes().to_vec(), from: self.nodes[from].key, bytes })
    }

    fn judged(&mut self, node: usize, id: &[u8], from: &PublicKey, verdict: Verdict) {
        let Ok(number) = id.try_into().map(u64::from_be_bytes) else { return };
        if verdict != Verdict::Accept {
            return;
        }
        let nodes = self.nodes.len();
        let Some(message) = self.messages.get(number) else { return };
        let topic = message.topic.clone();
        if *topic == Topic::Beacons {
            message.spreads(nodes);
        }
        // Mostly it was carried by whom the last copy came from.
        let carrier = Some(self.carrier).filter(|carrier| self.nodes[*carrier].key == *from);
        let from = carrier.or_else(|| self.numbers.get(from).copied());
        let mesh: Vec<usize> = self.nodes[node].gossip.of(&topic).to_vec();
        for peer in mesh.into_iter().filter(|peer| Some(*peer) != from) {
            self.send_copy(node, peer, number);
        }
        self.offer(node, number);
    }

    /// A message joins those whose ids a node offers at its next heartbeats.
    fn offer(&mut self, node: usize, number: u64) {
        let here = &mut self.nodes[node];
        here.gossip.window.push_back((number, 0));
        self.plan_heartbeat(node);
    }

    fn plan_heartbeat(&mut self, node: usize) {
        let here = &mut self.nodes[node];
        if !here.gossip.beats {
            here.gossip.beats = true;
            let life = here.lives;
            // Nodes beat at phases of their own.
            let phase_us = node as u64 * 7_919_000 % HEARTBEAT_US;
            let next_us = self.now_us + HEARTBEAT_US - (self.now_us + HEARTBEAT_US - phase_us) % HEARTBEAT_US;
            self.queue.push(next_us, What::Heartbeat { node, life });
        }
    }

    /// Ids go to some peers outside the mesh, and who lacks one asks for it; meshes that lost neighbours find new ones.
    pub(super) fn heartbeat(&mut self, node: usize, life: u64) {
        if self.nodes[node].lives != life || !self.nodes[node].is_up() {
            return;
        }
        self.nodes[node].gossip.beats = false;
        self.mend_meshes(node);
        let mut window = std::mem::take(&mut self.nodes[node].gossip.window);
        let mut offered: Vec<(usize, u64)> = Vec::new();
        let mut known = std::mem::take(&mut self.nodes[node].gossip.outside);
        known.retain(|outside| outside.moves == self.moves);
        for (number, _) in &window {
            let Some(topic) = self.messages.get(*number).map(|message| message.topic.clone()) else { continue };
            let at = known.iter().position(|outside| outside.topic == topic);
            let at = at.unwrap_or_else(|| {
                known.push(self.outside(node, topic));
                known.len() - 1
            });
            let peers = &known[at].peers;
            if peers.is_empty() {
                continue;
            }
            let first = self.rng.below(peers.len() as u64) as usize;
            for step in 0..LAZY.min(peers.len()) {
                let (peer, listens) = peers[(first + step) % peers.len()];
                if listens {
                    self.measure.bytes.control += ID_BYTES;
                    self.nodes[node].sent += ID_BYTES;
                    offered.push((peer, *number));
                }
            }
        }
        offered.retain(|(peer, number)| self.messages.get(*number).is_some_and(|message| !message.is_held(*peer)));
        window.iter_mut().for_each(|(_, times)| *times += 1);
        window.retain(|(_, times)| *times < WINDOWS);
        self.nodes[node].gossip.window = window;
        self.nodes[node].gossip.outside = known;
        for (peer, number) in offered {
            self.wanted(node, peer, number);
        }
        if !self.nodes[node].gossip.window.is_empty() {
            self.plan_heartbeat(node);
        }
    }

    /// The peers outside a node's mesh in a topic.
    fn outside(&self, node: usize, topic: Arc<Topic>) -> Outside {
        let here = &self.nodes[node];
        let mesh = here.gossip.of(&topic);
        let outside = here.links.iter().filter(|peer| !mesh.contains(peer));
        let peers = outside.map(|peer| (*peer, self.nodes[*peer].gossip.topics.contains(&*topic))).collect();
        Outside { topic, peers, moves: self.moves }
    }

    /// A peer lacks what it was offered: it asks, and gets it, each over a link that may lose it.
    fn wanted(&mut self, node: usize, peer: usize, number: u64) {
        let offer = self.weather.send(node, peer, 80, Carries::Gossip, self.now_us);
        let Passage::Arrives(offered_us, _) = offer else { return };
        let Passage::Arrives(asked_us, _) = self.weather.send(peer, node, 80, Carries::Gossip, offered_us) else {
            return;
        };
        let bytes = self.messages.get(number).map_or(0, |message| message.bytes.len());
        if let Passage::Arrives(at_us, _) = self.weather.send(node, peer, bytes, Carries::Gossip, asked_us) {
            let life = self.nodes[peer].lives;
            self.queue.push(at_us, What::Copy { to: peer, from: node, life, message: number });
        }
        self.measure.sometimes("an offered id was asked for");
        self.measure.bytes.control += ID_BYTES;
        self.measure.bytes.gossip += bytes as u64;
        self.nodes[node].sent += bytes as u64;
    }

    fn subscribe(&mut self, node: usize, topic: &Topic) {
        if !self.nodes[node].gossip.topics.insert(topic.clone()) {
            return;
        }
        self.moves += 1;
        self.look_for_neighbours(node, topic);
        let peers: Vec<usize> = self.nodes[node].links.iter().copied().collect();
        for peer in peers.into_iter().filter(|peer| self.nodes[*peer].links.contains(&node)).collect::<Vec<_>>() {
            if self.nodes[peer].gossip.lacks(topic) {
                self.graft(node, peer, topic);
            }
        }
    }

    /// A node takes peers by chance into its mesh, up to the number that it wants.
    fn look_for_neighbours(&mut self, node: usize, topic: &Topic) {
        let mut peers: Vec<usize> = self.nodes[node].links.iter().copied().collect();
        peers.retain(|peer| self.nodes[*peer].links.contains(&node));
        for at in 0..peers.len() {
            let other = at + self.rng.below((peers.len() - at) as u64) as usize;
            peers.swap(at, other);
            if self.nodes[node].gossip.wants(topic) == 0 {
                return;
            }
            self.graft(node, peers[at], topic);
        }
    }

    /// Two nodes take each other into their meshes where both bear it.
    fn graft(&mut self, a: usize, b: usize, topic: &Topic) {
        if self.nodes[a].gossip.takes(topic) && self.nodes[b].gossip.takes(topic) {
            self.moves += 1;
            self.nodes[a].gossip.graft(topic, b);
            self.nodes[b].gossip.graft(topic, a);
        }
    }

    /// A link came up: each end tells its topics, and takes the other one up where its mesh has too few.
    pub(super) fn join_meshes(&mut self, node: usize, peer: usize) {
        if !self.nodes[peer].links.contains(&node) {
            return;
        }
        let topics: Vec<Topic> = self.nodes[node].gossip.topics.iter().cloned().collect();
        for topic in &topics {
            if self.nodes[node].gossip.lacks(topic) || self.nodes[peer].gossip.lacks(topic) {
                self.graft(node, peer, topic);
            }
        }
    }

    /// A link went down: who lost a neighbour looks for another at its next heartbeat.
    pub(super) fn leave_meshes(&mut self, node: usize, peer: usize) {
        self.moves += 1;
        let left = self.nodes[node].gossip.prune(peer);
        if left.iter().any(|topic| self.nodes[node].gossip.lacks(topic)) {
            self.plan_heartbeat(node);
        }
    }

    fn mend_meshes(&mut self, node: usize) {
        let gossip = &self.nodes[node].gossip;
        if gossip.lacked_nothing == self.moves {
            return;
        }
        let lacking: Vec<Topic> = gossip.topics.iter().filter(|topic| gossip.lacks(topic)).cloned().collect();
        for topic in &lacking {
            self.look_for_neighbours(node, topic);
        }
        if lacking.is_empty() {
            self.nodes[node].gossip.lacked_nothing = self.moves;
        }
    }

    // Requests.

    fn ask(&mut self, node: usize, peer: &PublicKey, corr: u64, bytes: Vec<u8>) {
        let key = *peer;
        let Some(to) = self.numbers.get(peer).copied().filter(|to| self.nodes[node].links.contains(to)) else {
            return self.soon(node, Event::RequestFailed { peer: key, corr });
        };
        self.measure.bytes.exchange += bytes.len() as u64;
        self.nodes[node].sent += bytes.len() as u64;
        self.next_token += 1;
        let token = self.next_token;
        let life = self.nodes[node].lives;
        self.requests.insert(token, (node, life, corr));
        let (peer, their_life) = (self.nodes[node].key, self.nodes[to].lives);
        if let Passage::Arrives(at_us, _) = self.weather.send(node, to, bytes.len(), Carries::Exchange, self.now_us) {
            let event = Box::new(Event::Request { peer, token, bytes });
            self.queue.push(at_us, What::Event { node: to, life: their_life, event });
        }
        // Whatever happens to it, whoever asked hears of it in the end.
        self.queue.push(self.now_us + REQUEST_US, What::Expired { token, peer: to });
    }

    /// A request was not answered in time.
    pub(super) fn expired(&mut self, token: u64, peer: usize) {
        if let Some((node, life, corr)) = self.requests.remove(&token) {
            self.measure.sometimes("a request was not answered");
            let peer = self.nodes[peer].key;
            self.arrive(node, life, Event::RequestFailed { peer, corr });
        }
    }

    pub(super) fn answer(&mut self, node: usize, token: u64, bytes: Vec<u8>) {
        let Some((to, life, corr)) = self.requests.get(&token).copied() else { return };
        self.measure.bytes.exchange += bytes.len() as u64;
        self.nodes[node].sent += bytes.len() as u64;
        if let Passage::Arrives(at_us, _) = self.weather.send(node, to, bytes.len(), Carries::Exchange, self.now_us) {
            self.queue.push(at_us, What::Answer { to, life, token, from: node, corr, bytes });
        }
    }

    /// An answer arrived, if it is still waited for.
    pub(super) fn answer_arrives(&mut self, to: usize, life: u64, token: u64, event: Event) {
        if self.requests.remove(&token).is_some() {
            self.arrive(to, life, event);
        }
    }

    // The disk.

    fn begin_sync(&mut self, node: usize, batch: Batch) {
        let (median, p99) = (self.case.scenario.disk.median_ms, self.case.scenario.disk.p99_ms);
        let takes_ms = lognormal_ms(&mut self.rng, median, p99);
        let here = &mut self.nodes[node];
        let slower_ms: u64 = here.disk.slower.iter().map(|(_, ms)| ms).sum();
        let takes_us = (takes_ms * 1_000.0) as u64 + slower_ms * 1_000;
        let (life, number) = (here.lives, batch.number);
        self.measure.made(&batch.statements, self.now_us);
        let sync = here.disk.begin(batch);
        if self.told_stored_early() {
            self.soon(node, Event::Stored { batch: number });
        }
        if std::mem::take(&mut self.nodes[node].disk.dies_in_sync) {
            let at_us = self.now_us + self.rng.below(takes_us.max(1));
            return self.queue.push(at_us, What::Die { node, life });
        }
        self.queue.push(self.now_us + takes_us, What::Synced { node, life, sync });
    }

    pub(super) fn synced(&mut self, node: usize, life: u64, sync: u64) {
        if self.nodes[node].lives != life || !self.nodes[node].is_up() {
            return;
        }
        let Some(batch) = self.nodes[node].disk.done(sync) else { return };
        let number = batch.number;
        if let Some((_, why)) = self.nodes[node].disk.refuses.first().copied() {
            self.nodes[node].disk.told_refusal = true;
            self.measure.sometimes("a disk refused a batch");
            return self.soon(node, Event::StoreFailed { batch: number, reason: why.to_owned() });
        }
        self.nodes[node].disk.write(&batch);
        self.durable(node, &batch);
        if !self.told_stored_early() {
            self.soon(node, Event::Stored { batch: number });
        }
    }
}

/// Why a write was refused, in few words to count by.
fn reason(refused: &WriteRefused) -> &'static str {
    match refused {
        WriteRefused::NotFounded => "not founded",
        WriteRefused::NotHeld { .. } => "scope not held",
        WriteRefused::Precondition { .. } => "precondition failed",
        WriteRefused::Absent(_) => "no such entry",
        WriteRefused::NoGrant { .. } => "no grant",
        WriteRefused::Patch(_) => "the patch does not apply",
        WriteRefused::Invalid(invalid) => invalid.word(),
        WriteRefused::Unfit(breach) => breach.word(),
        WriteRefused::Clock { .. } => "the clock is too far behind",
        WriteRefused::ReadOnly { .. } => "read only",
        WriteRefused::Busy => "busy",
    }
}
