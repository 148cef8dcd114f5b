//! Links: who dials whom, when a link is up, and when its end is noticed. The pauses are those of real nodes.

use driftless_core::machine::Event;

use super::weather::{Carries, Passage};
use super::{What, World};

/// Bound of the first pause before a peer is dialled again, and of every one: as in the node's own dialler.
const FIRST_PAUSE_MS: u64 = 250;
/// The longest pause before a peer is dialled again.
pub const LONGEST_PAUSE_MS: u64 = 30_000;
/// When a link that is dead without a word is noticed at the latest: the node's pings and their patience.
pub const NOTICE_MS: u64 = 15_000;

impl World {
    /// Says which nodes are configured with which.
    pub(super) fn wire_up(&mut self) {
        let count = self.case.scenario.nodes;
        let wanted = self.case.scenario.peers;
        for node in 0..count {
            let able: Vec<usize> = (0..count).filter(|peer| *peer != node && self.may_link(node, *peer)).collect();
            if wanted == 0 || wanted >= able.len() {
                able.into_iter().for_each(|peer| self.configure(node, peer));
                continue;
            }
            // A ring keeps the mesh in one piece; the rest is by chance.
            let next = able.iter().find(|peer| **peer > node).or(able.first()).copied();
            next.into_iter().for_each(|peer| self.configure(node, peer));
            let mut tries = 0;
            while self.dialled(node) < wanted && tries < 20 * wanted {
                tries += 1;
                let peer = able[self.rng.below(able.len() as u64) as usize];
                self.configure(node, peer);
            }
        }
    }

    fn dialled(&self, node: usize) -> usize {
        self.nodes[node].dials.len()
    }

    /// Nodes behind address translation can be reached by nobody who stands behind one too.
    fn may_link(&self, a: usize, b: usize) -> bool {
        let regions = &self.case.scenario.regions;
        let hidden = |node: usize| regions.get(self.nodes[node].region).is_some_and(|region| region.behind_nat);
        !(hidden(a) && hidden(b))
    }

    /// Two nodes know each other: the first dials.
    pub(super) fn configure(&mut self, a: usize, b: usize) {
        if a != b && !self.nodes[a].configured.contains(&b) {
            self.nodes[a].configured.insert(b);
            self.nodes[b].configured.insert(a);
            self.nodes[a].dials.insert(b);
        }
    }

    /// A node that began dials whom it is configured with, and is dialled.
    pub(super) fn dial_all(&mut self, node: usize) {
        let peers: Vec<usize> = self.nodes[node].configured.iter().copied().collect();
        for peer in peers {
            let (from, to) = if self.nodes[node].dials.contains(&peer) { (node, peer) } else { (peer, node) };
            let at_us = self.now_us + self.rng.below(FIRST_PAUSE_MS * 1_000);
            self.queue.push(at_us, What::Dial { from, to, tries: 0 });
        }
    }

    pub(super) fn dial(&mut self, from: usize, to: usize, tries: u32) {
        let (a, b) = (&self.nodes[from], &self.nodes[to]);
        if a.links.contains(&to) && b.links.contains(&from) || !a.is_there() {
            return;
        }
        let lives = (a.lives, b.lives);
        let open = b.is_there() && !a.is_paused() && !b.is_paused() && self.lets_in(from, to) && self.lets_in(to, from);
        let there = self.weather.send(from, to, 300, Carries::Handshake, self.now_us);
        let back = self.weather.send(to, from, 300, Carries::Handshake, self.now_us);
        if let (true, Passage::Arrives(there_us, _), Passage::Arrives(back_us, _)) = (open, there, back) {
            // Transport, security and the first message: two round trips.
            let takes_us = 2 * (there_us - self.now_us + back_us - self.now_us);
            return self.queue.push(self.now_us + takes_us, What::Linked { from, to, lives });
        }
        let bound_ms = LONGEST_PAUSE_MS.min(FIRST_PAUSE_MS << tries.min(7));
        let at_us = self.now_us + 1_000 + self.rng.below(bound_ms * 1_000);
        self.queue.push(at_us, What::Dial { from, to, tries: tries + 1 });
    }

    /// Whether a node lets another one stay: members, or before it knows any, those it is configured with.
    fn lets_in(&self, node: usize, peer: usize) -> bool {
        let here = &self.nodes[node];
        if here.members.is_empty() {
            here.configured.contains(&peer)
        } else {
            here.members.contains(&self.nodes[peer].key)
        }
    }

    pub(super) fn linked(&mut self, from: usize, to: usize, lives: (u64, u64)) {
        let (a, b) = (&self.nodes[from], &self.nodes[to]);
        let alive = (a.lives, b.lives) == lives && a.is_there() && b.is_there();
        let cut = self.weather.is_cut(from, to, self.now_us) || self.weather.is_cut(to, from, self.now_us);
        if !alive || cut || !self.lets_in(from, to) || !self.lets_in(to, from) {
            return self.dial(from, to, 1);
        }
        self.measure.sometimes("a link came up");
        for (node, peer) in [(from, to), (to, from)] {
            if self.nodes[node].links.insert(peer) {
                self.moves += 1;
                self.join_meshes(node, peer);
                if self.tells_links() {
                    let (peer, group) = (self.nodes[peer].key, self.nodes[peer].group);
                    self.soon(node, Event::Connected { peer });
                    if let Some(group) = group {
                        self.soon(node, Event::Group { peer, group });
                    }
                }
            }
        }
    }

    /// A fault may have killed links without a word: who is cut off notices after a while.
    pub(super) fn links_may_be_dead(&mut self) {
        for node in 0..self.nodes.len() {
            let peers: Vec<usize> = self.nodes[node].links.iter().copied().collect();
            for peer in peers {
                if self.weather.is_cut(node, peer, self.now_us) || self.weather.is_cut(peer, node, self.now_us) {
                    let after_us = NOTICE_MS * 500 + self.rng.below(NOTICE_MS * 500);
                    let life = self.nodes[node].lives;
                    self.queue.push(self.now_us + after_us, What::Notice { node, peer, life });
                }
            }
        }
    }

    pub(super) fn notice(&mut self, node: usize, peer: usize, life: u64) {
        let alive = self.nodes[node].lives == life && self.nodes[node].is_up();
        let (there, back) =
            (self.weather.is_cut(node, peer, self.now_us), self.weather.is_cut(peer, node, self.now_us));
        let gone = !self.nodes[peer].links.contains(&node);
        if alive && (there || back || gone) && self.nodes[node].links.contains(&peer) {
            self.measure.sometimes("a dead link was noticed");
            self.unlink(node, peer);
            if self.nodes[peer].links.contains(&node) {
                self.unlink(peer, node);
            }
            self.dial_later(node, peer);
        }
    }

    /// One end of a link is gone, and the node is told.
    pub(super) fn unlink(&mut self, node: usize, peer: usize) {
        if self.nodes[node].links.remove(&peer) {
            self.moves += 1;
            self.leave_meshes(node, peer);
            self.nodes[node].gossip.muted.remove(&peer);
            let peer = self.nodes[peer].key;
            self.soon(node, Event::Disconnected { peer });
        }
    }

    /// The configured dialler of a pair tries again after its first pause.
    pub(super) fn dial_later(&mut self, a: usize, b: usize) {
        if !self.nodes[a].configured.contains(&b) {
            return;
        }
        let (from, to) = if self.nodes[a].dials.contains(&b) { (a, b) } else { (b, a) };
        let at_us = self.now_us + 1_000 + self.rng.below(FIRST_PAUSE_MS * 1_000);
        self.queue.push(at_us, What::Dial { from, to, tries: 0 });
    }

    /// A node's process is gone: its peers see their links break, if anything reaches them.
    pub(super) fn links_break(&mut self, node: usize) {
        self.moves += 1;
        let peers: Vec<usize> = std::mem::take(&mut self.nodes[node].links).into_iter().collect();
        let topics: Vec<_> = self.nodes[node].gossip.mesh.keys().cloned().collect();
        topics.iter().for_each(|topic| drop(self.nodes[node].gossip.mesh.remove(topic)));
        for peer in peers {
            match self.weather.send(node, peer, 60, Carries::Handshake, self.now_us) {
                Passage::Arrives(..) => self.unlink(peer, node),
                Passage::Lost => {
                    let life = self.nodes[peer].lives;
                    let after_us = NOTICE_MS * 500 + self.rng.below(NOTICE_MS * 500);
                    self.queue.push(self.now_us + after_us, What::Notice { node: peer, peer: node, life });
                }
            }
        }
    }

    /// Links to whom a node no longer lets in end.
    pub(super) fn keep_members(&mut self, node: usize) {
        let peers: Vec<usize> = self.nodes[node].links.iter().copied().collect();
        for peer in peers.into_iter().filter(|peer| !self.lets_in(node, *peer)).collect::<Vec<_>>() {
            self.unlink(node, peer);
            self.unlink(peer, node);
        }
    }

    /// An event for a node at this moment, after what is planned for it already.
    pub(super) fn soon(&mut self, node: usize, event: Event) {
        let life = self.nodes[node].lives;
        self.queue.push(self.now_us, What::Event { node, life, event: Box::new(event) });
    }
}
