//! A small world for machines: links, disks and clocks as plain data, and a watcher that looks at every effect. By
//! itself it delivers all, in order, at once; a seed and [`Sins`] make it as bad as wanted. No sockets, no files.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_core::beacon::{Beacon, Health};
use driftless_core::machine::{
    CallId, Effect, Event, KEEP_STRUCK_BYTES, LocalChange, LocalEdit, Machine, Now, Pace, Precondition, Proofs, Rates,
    Setup, SubmitOutcome, Topic, Verdict, WriteOutcome,
};
use driftless_core::rng::Rng;
use driftless_statement::{
    Approve, Body, Genesis, Grant, Hlc, MeshId, Note, Path, Prefix, PublicKey, Scope, SecretKey, Statement,
    StatementId, Terms, Touch, Value, Verb, Verified, json,
};

use crate::watch::{Seen, Watch};

/// One scope's set, merged and effective digest.
pub type ScopeDigests = (String, [u8; 32], [u8; 32], [u8; 32]);

pub const START_MS: u64 = 1_700_000_000_000;

/// One node: its machine, its disk, and what it told its callers.
pub struct Node {
    pub machine: Machine,
    pub disk: Vec<Arc<Verified>>,
    pub disk_works: bool,
    pub floor_ms: u64,
    pub wrote: BTreeMap<u64, WriteOutcome>,
    /// Calls that demanded an entity tag of an entry.
    pub matching: BTreeMap<u64, (String, String)>,
    pub submitted: BTreeMap<u64, Vec<SubmitOutcome>>,
    pub published: usize,
    pub members: Arc<BTreeSet<PublicKey>>,
    pub expelled: Arc<BTreeSet<PublicKey>>,
    /// What the watcher remembers of it, across restarts.
    pub seen: Seen,
    pub muted: BTreeMap<PublicKey, u64>,
    /// How far its clock is ahead, milliseconds.
    pub skew_ms: i64,
    /// The scopes it wants; `None`: all.
    pub wants: Option<BTreeSet<Scope>>,
    pub keep_struck_bytes: usize,
    topics: BTreeSet<Topic>,
    boots: u64,
}

/// What goes wrong between nodes, in parts of a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sins {
    /// Gossip that is lost.
    pub lose: u64,
    /// Gossip that comes twice.
    pub twice: u64,
    /// Requests that fail.
    pub fail: u64,
    /// The longest that anything takes, milliseconds.
    pub delay_ms: u64,
}

/// Something under way.
enum Pending {
    Event(Event),
    /// A batch that the disk has not synced.
    Sync {
        batch: u64,
        gone: Vec<StatementId>,
        statements: Vec<Arc<Verified>>,
        floor_ms: u64,
    },
}

struct Item {
    at_ms: u64,
    node: usize,
    what: Pending,
}

/// All nodes, and the mesh they belong to.
pub struct World {
    pub nodes: Vec<Node>,
    pub now_ms: u64,
    pub genesis: Arc<Verified>,
    pub bundle: Vec<Vec<u8>>,
    pub cut: BTreeSet<(usize, usize)>,
    pub sins: Sins,
    /// How fast nodes that start from now on take things in.
    pub rates: Rates,
    /// Picks what happens next among all that may; without it, what came first.
    pub order: Option<Rng>,
    pub watch: Watch,
    /// Sync requests that the disk got, over all nodes.
    pub events: u64,
    roots: Vec<SecretKey>,
    pub proofs: Proofs,
    queue: Vec<Item>,
    gossip: BTreeMap<Vec<u8>, (Topic, Vec<u8>, BTreeSet<usize>)>,
    asked: BTreeMap<(usize, u64), (usize, u64)>,
    calls: u64,
    tokens: u64,
}

pub fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes([seed; 32])
}

/// What grants verbs on `shop`.
pub fn granting(to: PublicKey, verbs: &[Verb]) -> Body {
    let (prefix, verbs) = (Prefix::parse("shop").unwrap(), verbs.iter().copied().collect());
    Body::from(Grant { key: to, verbs, prefix, scopes: Vec::new(), terms: Terms::default() })
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn sign(statement: Statement, key: &SecretKey) -> Verified {
    Verified::sign(statement, key).unwrap()
}

fn unsigned(mesh: MeshId, author: PublicKey, grant: StatementId, at: u64, body: Body) -> Statement {
    Statement {
        mesh,
        scope: Scope::mesh(),
        author,
        grant,
        prev: Vec::new(),
        touches: Vec::new(),
        hlc: Hlc::from_millis(at),
        body,
        note: Note::default(),
        unknown: Vec::new(),
    }
}

impl World {
    /// A mesh of `count` nodes, all members, all allowed to write under `shop`.
    pub fn new(count: usize) -> Self {
        Self::with_roots(count, 1)
    }

    /// The same with several root keys, of which two (or the only one) must sign.
    pub fn with_roots(count: usize, roots: u8) -> Self {
        let roots: Vec<SecretKey> = (0..roots).map(|index| key(200 + index)).collect();
        let keys = roots.iter().map(SecretKey::public).collect::<BTreeSet<_>>().into_iter().collect();
        let threshold = if roots.len() > 1 { 2 } else { 1 };
        let founding = Genesis { keys, threshold, fold_version: 1, name: "test".to_owned() };
        let body = Body::from(founding);
        let at = START_MS - 10_000;
        let genesis = sign(unsigned(MeshId::UNFOUNDED, roots[0].public(), StatementId::NONE, at, body), &roots[0]);
        let mut world = Self {
            nodes: Vec::new(),
            now_ms: START_MS,
            bundle: vec![genesis.wire().to_vec()],
            genesis: Arc::new(genesis),
            cut: BTreeSet::new(),
            sins: Sins::default(),
            rates: Rates::default(),
            order: None,
            watch: Watch::default(),
            events: 0,
            roots,
            proofs: Proofs::shared(),
            queue: Vec::new(),
            gossip: BTreeMap::new(),
            asked: BTreeMap::new(),
            calls: 0,
            tokens: 0,
        };
        for index in 0..count {
            let node = key(u8::try_from(index + 1).unwrap()).public();
            for (verb, prefix) in [(Verb::Member, ""), (Verb::Write, "shop")] {
                let at = at + 10 + world.bundle.len() as u64;
                world.bundle.extend(world.grant(node, verb, prefix, at));
            }
        }
        for index in 0..count {
            world.add(index);
        }
        world
    }

    /// A grant by the root, with the approvals that it needs.
    pub fn grant(&self, to: PublicKey, verb: Verb, prefix: &str, at_ms: u64) -> Vec<Vec<u8>> {
        let prefix = Prefix::parse(prefix).unwrap();
        let grant =
            Grant { key: to, verbs: [verb].into_iter().collect(), prefix, scopes: Vec::new(), terms: Terms::default() };
        self.root_act(Body::from(grant), &[], at_ms)
    }

    /// An act by the root that names bases, with the approvals that it needs.
    pub fn root_act(&self, body: Body, bases: &[StatementId], at_ms: u64) -> Vec<Vec<u8>> {
        let (mesh, genesis) = (MeshId::from(self.genesis.id()), self.genesis.id());
        let author = &self.roots[0];
        let mut act = unsigned(mesh, author.public(), genesis, at_ms, body);
        let bases = bases.iter().copied().collect::<BTreeSet<_>>();
        act.touches.extend(
            (!bases.is_empty()).then(|| Touch { path: path("@mesh/named"), bases: bases.into_iter().collect() }),
        );
        let act = sign(act, author);
        let mut wires = vec![act.wire().to_vec()];
        if let Some(second) = self.roots.get(1) {
            let body = Body::from(Approve { scope: Scope::mesh(), id: act.id() });
            let approval = sign(unsigned(mesh, second.public(), genesis, at_ms + 1, body), second);
            wires.push(approval.wire().to_vec());
        }
        wires
    }

    /// An act in `@mesh` on a grant, later than it.
    pub fn act(&self, author: &SecretKey, grant: StatementId, body: Body, at_ms: u64) -> Verified {
        sign(unsigned(MeshId::from(self.genesis.id()), author.public(), grant, at_ms, body), author)
    }

    /// Founds every node from the bundle and links all of them.
    pub fn founded(count: usize) -> Self {
        let mut world = Self::new(count);
        for index in 0..count {
            world.submit(index, world.bundle.clone());
        }
        world.link_all();
        world.run_ms(5_000);
        world
    }

    /// The same, with other intake rates.
    pub fn limited(count: usize, rates: Rates) -> Self {
        let mut world = Self::new(count);
        world.rates = rates;
        (0..count).for_each(|index| world.restart(index));
        for index in 0..count {
            world.submit(index, world.bundle.clone());
        }
        world.link_all();
        world.run_ms(5_000);
        world
    }

    /// The same with an operator who may write under `shop`.
    pub fn with_operator(count: usize) -> (Self, SecretKey) {
        let mut world = Self::founded(count);
        let operator = key(110);
        let grant = world.grant(operator.public(), Verb::Write, "shop", world.now_ms);
        world.submit(0, grant);
        world.run_ms(3_000);
        (world, operator)
    }

    /// A beacon of a node that tells of no scope.
    pub fn beacon(&self, node: PublicKey) -> Beacon {
        Beacon {
            mesh: MeshId::from(self.genesis.id()),
            node,
            boot: 1,
            counter: 1,
            time_ms: self.now_ms,
            expires_ms: self.now_ms + 10_000,
            fold_version: 1,
            health: Health::default(),
            peers: 1,
            lag_ms: 0,
            far: true,
            name: String::new(),
            scopes: Vec::new(),
        }
    }

    pub fn now(&self, index: usize) -> Now {
        let skew_ms = self.nodes.get(index).map_or(0, |node| node.skew_ms);
        Now { mono_ms: self.now_ms - START_MS + 1_000, wall_ms: self.now_ms.saturating_add_signed(skew_ms) }
    }

    fn setup(&self, index: usize, boot: u64, floor_ms: u64) -> Setup {
        Setup {
            key: key(u8::try_from(index + 1).unwrap()),
            mesh: MeshId::from(self.genesis.id()),
            name: format!("node-{}", index + 1),
            wants: self.nodes.get(index).and_then(|node| node.wants.clone()),
            store: index as u64 + 1,
            boot,
            floor_ms,
            keep_struck_bytes: self.nodes.get(index).map_or(KEEP_STRUCK_BYTES, |node| node.keep_struck_bytes),
            seed: index as u64,
            pace: Pace::default(),
            rates: self.rates,
            proofs: self.proofs.clone(),
        }
    }

    fn add(&mut self, index: usize) {
        let machine = Machine::new(self.setup(index, 1, 0), self.now(index));
        self.nodes.push(Node {
            machine,
            disk: Vec::new(),
            disk_works: true,
            floor_ms: 0,
            wrote: BTreeMap::new(),
            matching: BTreeMap::new(),
            submitted: BTreeMap::new(),
            published: 0,
            members: Arc::default(),
            expelled: Arc::default(),
            seen: Seen::default(),
            muted: BTreeMap::new(),
            skew_ms: 0,
            wants: None,
            keep_struck_bytes: KEEP_STRUCK_BYTES,
            topics: BTreeSet::new(),
            boots: 1,
        });
        self.happen(index, Event::Loaded(Vec::new()));
    }

    /// Crashes a node and starts it again from its disk: what was not synced is gone.
    pub fn restart(&mut self, index: usize) {
        self.queue.retain(|item| item.node != index);
        let me = self.nodes[index].machine.node();
        let lost: Vec<_> = self.asked.iter().filter(|((to, _), _)| *to == index).map(|(_, from)| *from).collect();
        self.asked.retain(|(to, _), (from, _)| *to != index && *from != index);
        for (from, corr) in lost {
            self.later(from, Event::RequestFailed { peer: me, corr });
        }
        for other in (0..self.nodes.len()).filter(|other| *other != index) {
            self.happen(other, Event::Disconnected { peer: me });
        }
        let boot = self.nodes[index].boots + 1;
        let setup = self.setup(index, boot, self.nodes[index].floor_ms);
        let now = self.now(index);
        let node = &mut self.nodes[index];
        node.boots = boot;
        node.machine = Machine::new(setup, now);
        node.seen.restarted();
        let disk = node.disk.clone();
        self.happen(index, Event::Loaded(disk));
        let others = 0..self.nodes.len();
        let linked: Vec<usize> = others.filter(|other| *other != index && !self.is_cut(index, *other)).collect();
        for other in linked {
            let peer = self.nodes[other].machine.node();
            self.happen(index, Event::Connected { peer });
            self.happen(other, Event::Connected { peer: me });
        }
    }

    /// The disk works again: whoever was refused hears of that before.
    pub fn disk_works(&mut self, index: usize) {
        let failed = |item: &Item| item.node == index && matches!(item.what, Pending::Event(Event::StoreFailed { .. }));
        while let Some(at) = self.queue.iter().position(failed) {
            if let Pending::Event(event) = self.queue.remove(at).what {
                self.happen(index, event);
            }
        }
        self.nodes[index].disk_works = true;
        self.happen(index, Event::StoreRecovered);
    }

    /// Starts a node again with other wants, from an empty disk.
    pub fn wants(&mut self, index: usize, scopes: &[&str]) {
        self.nodes[index].wants = Some(scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect());
        self.restart(index);
    }

    /// Starts a node again that keeps only so much of what root acts struck.
    pub fn keeps_struck(&mut self, index: usize, bytes: usize) {
        self.nodes[index].keep_struck_bytes = bytes;
        self.restart(index);
    }

    pub fn link_all(&mut self) {
        for a in 0..self.nodes.len() {
            for b in 0..self.nodes.len() {
                if a != b && !self.is_cut(a, b) {
                    let peer = self.nodes[b].machine.node();
                    self.happen(a, Event::Connected { peer });
                }
            }
        }
    }

    fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&(a.min(b), a.max(b)))
    }

    /// Cuts a node off from all others.
    pub fn isolate(&mut self, index: usize) {
        for other in (0..self.nodes.len()).filter(|other| *other != index) {
            self.cut.insert((index.min(other), index.max(other)));
            let (a, b) = (self.nodes[index].machine.node(), self.nodes[other].machine.node());
            self.happen(index, Event::Disconnected { peer: b });
            self.happen(other, Event::Disconnected { peer: a });
        }
    }

    pub fn heal(&mut self) {
        let cut = std::mem::take(&mut self.cut);
        for (a, b) in cut {
            let (of_a, of_b) = (self.nodes[a].machine.node(), self.nodes[b].machine.node());
            self.happen(a, Event::Connected { peer: of_b });
            self.happen(b, Event::Connected { peer: of_a });
        }
    }

    pub fn submit(&mut self, index: usize, statements: Vec<Vec<u8>>) -> u64 {
        self.calls += 1;
        let call = CallId(self.calls);
        self.happen(index, Event::Submit { call, statements });
        self.calls
    }

    pub fn edit(&mut self, index: usize, at: &str, change: LocalChange, precondition: Precondition) -> u64 {
        self.calls += 1;
        let edit = LocalEdit { path: path(at), change, precondition, note: Note::default() };
        self.happen(index, Event::Write { call: CallId(self.calls), edit });
        self.calls
    }

    pub fn put(&mut self, index: usize, at: &str, value: &str) -> u64 {
        self.edit(index, at, LocalChange::Put(json::parse(value.as_bytes()).unwrap()), Precondition::None)
    }

    pub fn read(&self, index: usize, at: &str) -> Option<String> {
        self.nodes[index].machine.view().get(&path(at)).and_then(|entry| entry.json().map(Cow::into_owned))
    }

    pub fn value(&self, index: usize, at: &str) -> Option<Arc<Value>> {
        self.nodes[index].machine.view().get(&path(at)).and_then(|entry| entry.value()).map(Arc::new)
    }

    /// One event into one machine, and its effects into the world.
    pub fn happen(&mut self, index: usize, event: Event) {
        self.events += 1;
        let now = self.now(index);
        let mut effects = Vec::new();
        let node = &mut self.nodes[index];
        self.watch.event(node, now, &event);
        node.machine.handle(now, event, &mut effects);
        for effect in effects {
            self.watch.effect(&mut self.nodes[index], &effect);
            self.carry_out(index, effect);
        }
        self.watch.after(&self.nodes[index]);
    }

    /// Puts an event under way, with the delay that the world's sins allow.
    fn later(&mut self, node: usize, event: Event) {
        let at_ms = self.now_ms + self.chance(self.sins.delay_ms + 1);
        self.queue.push(Item { at_ms, node, what: Pending::Event(event) });
    }

    fn chance(&mut self, below: u64) -> u64 {
        self.order.as_mut().map_or(0, |rng| rng.below(below))
    }

    fn sins(&mut self, parts: u64) -> bool {
        parts > 0 && self.chance(1_000) < parts
    }

    fn sync(&mut self, index: usize, batch: u64, gone: &[StatementId], statements: Vec<Arc<Verified>>, floor_ms: u64) {
        let node = &mut self.nodes[index];
        if node.disk_works {
            node.seen.taken_off(gone);
            node.disk.retain(|statement| !gone.contains(&statement.id()));
            node.seen.synced(&statements);
            node.disk.extend(statements);
            node.floor_ms = node.floor_ms.max(floor_ms);
            self.later(index, Event::Stored { batch });
        } else {
            let reason = "no space left".to_owned();
            self.later(index, Event::StoreFailed { batch, reason });
        }
    }

    fn carry_out(&mut self, index: usize, effect: Effect) {
        let me = self.nodes[index].machine.node();
        match effect {
            Effect::Store { batch, gone, statements, floor_ms } => {
                let at_ms = self.now_ms + self.chance(self.sins.delay_ms + 1);
                self.queue.push(Item { at_ms, node: index, what: Pending::Sync { batch, gone, statements, floor_ms } });
            }
            Effect::Publish { topic, bytes } => {
                self.nodes[index].published += 1;
                let id = blake3::hash(&bytes).as_bytes().to_vec();
                if !self.gossip.contains_key(&id) {
                    self.gossip.insert(id.clone(), (topic, bytes, [index].into()));
                    self.forward(index, &id);
                }
            }
            Effect::Verdict { id, verdict, .. } => {
                if verdict == Verdict::Accept {
                    self.forward(index, &id);
                }
            }
            Effect::Request { peer, corr, bytes } => {
                let fails = self.sins(self.sins.fail);
                match self.find(&peer).filter(|to| !fails && !self.is_cut(index, *to)) {
                    Some(to) => {
                        self.tokens += 1;
                        let token = self.tokens;
                        self.asked.insert((to, token), (index, corr));
                        self.later(to, Event::Request { peer: me, token, bytes });
                    }
                    None => self.later(index, Event::RequestFailed { peer, corr }),
                }
            }
            Effect::Respond { token, bytes } => {
                if let Some((to, corr)) = self.asked.remove(&(index, token)) {
                    let lost = self.sins(self.sins.fail) || self.is_cut(index, to);
                    let failed = Event::RequestFailed { peer: me, corr };
                    self.later(to, if lost { failed } else { Event::Response { peer: me, corr, bytes } });
                }
            }
            Effect::Members(members) => self.nodes[index].members = members,
            Effect::Expelled(keys) => self.nodes[index].expelled = keys,
            Effect::Subscribe(topic) => drop(self.nodes[index].topics.insert(topic)),
            Effect::Wrote { call, outcome } => drop(self.nodes[index].wrote.insert(call.0, outcome)),
            Effect::Submitted { call, outcome } => drop(self.nodes[index].submitted.insert(call.0, outcome)),
            Effect::Mute { peer, lasts_ms } => drop(self.nodes[index].muted.insert(peer, self.now_ms + lasts_ms)),
            Effect::Show(_) | Effect::Effective { .. } => {}
        }
    }

    fn find(&self, peer: &PublicKey) -> Option<usize> {
        self.nodes.iter().position(|node| node.machine.node() == *peer)
    }

    fn forward(&mut self, from: usize, id: &[u8]) {
        let me = self.nodes[from].machine.node();
        for to in 0..self.nodes.len() {
            let cut = self.is_cut(from, to);
            let Some((topic, bytes, seen)) = self.gossip.get_mut(id) else { return };
            let muted = self.nodes[to].muted.get(&me).is_some_and(|until_ms| self.now_ms < *until_ms);
            if cut || muted || !self.nodes[to].topics.contains(topic) || !seen.insert(to) {
                continue;
            }
            let bytes = bytes.clone();
            if self.sins(self.sins.twice) {
                let again = [id, &[1]].concat();
                self.later(to, Event::Gossip { id: again, from: me, bytes: bytes.clone().into() });
            }
            if !self.sins(self.sins.lose) {
                self.later(to, Event::Gossip { id: id.to_vec(), from: me, bytes: bytes.into() });
            }
        }
    }

    /// What may happen now: by the seed, or what came first.
    fn pick(&mut self) -> Option<Item> {
        let now_ms = self.now_ms;
        let ready: Vec<usize> = (0..self.queue.len()).filter(|at| self.queue[*at].at_ms <= now_ms).collect();
        let pick = self.chance(ready.len() as u64);
        ready.get(usize::try_from(pick).unwrap()).map(|at| self.queue.remove(*at))
    }

    /// Delivers until nothing is under way now.
    pub fn settle(&mut self) {
        for _ in 0..20_000 {
            match self.pick() {
                Some(Item { node, what: Pending::Event(event), .. }) => self.happen(node, event),
                Some(Item { node, what: Pending::Sync { batch, gone, statements, floor_ms }, .. }) => {
                    self.sync(node, batch, &gone, statements, floor_ms);
                }
                None => return,
            }
        }
        panic!("the world never comes to rest");
    }

    /// Lets time pass, every timer at its time.
    pub fn run_ms(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        self.settle();
        loop {
            let next = |node: &Node| node.machine.deadline() + START_MS - 1_000;
            let timer = (0..self.nodes.len()).map(|index| (next(&self.nodes[index]), index)).min().unwrap();
            let under_way = self.queue.iter().map(|item| item.at_ms).min().unwrap_or(u64::MAX);
            if timer.0.min(under_way) > end {
                break;
            }
            self.now_ms = self.now_ms.max(timer.0.min(under_way));
            if timer.0 <= under_way {
                self.happen(timer.1, Event::Tick);
                assert!(next(&self.nodes[timer.1]) > self.now_ms, "a tick leaves its deadline in the past");
            }
            self.settle();
        }
        self.now_ms = end;
    }

    /// The merged and effective digests of every scope of a node.
    pub fn digests(&self, index: usize) -> Vec<ScopeDigests> {
        let status = self.nodes[index].machine.status();
        status.scopes.into_iter().map(|s| (s.scope.to_string(), s.set, s.merged, s.effective)).collect()
    }

    pub fn all_equal(&self) -> bool {
        (1..self.nodes.len()).all(|index| self.digests(index) == self.digests(0))
    }
}
