//! A small world for machines: links that carry at once, disks that sync when told to, one clock. No sockets, no files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use driftless_core::machine::{
    CallId, Effect, Event, LocalChange, LocalEdit, Machine, Now, Pace, Precondition, Setup, SubmitOutcome, Topic,
    Verdict, WriteOutcome,
};
use driftless_statement::{
    Body, Genesis, Grant, Hlc, MeshId, Note, Path, Prefix, PublicKey, Scope, SecretKey, Statement, StatementId, Value,
    Verb, Verified, json,
};

pub const START_MS: u64 = 1_700_000_000_000;

/// One node: its machine, its disk, and what it told its callers.
pub struct Node {
    pub machine: Machine,
    pub disk: Vec<Arc<Verified>>,
    pub disk_works: bool,
    pub floor_ms: u64,
    pub wrote: BTreeMap<u64, WriteOutcome>,
    pub submitted: BTreeMap<u64, Vec<SubmitOutcome>>,
    pub published: usize,
    pub members: BTreeSet<PublicKey>,
    topics: BTreeSet<Topic>,
    boots: u64,
}

/// All nodes, and the mesh they belong to.
pub struct World {
    pub nodes: Vec<Node>,
    pub now_ms: u64,
    pub root: SecretKey,
    pub genesis: Arc<Verified>,
    pub bundle: Vec<Vec<u8>>,
    pub cut: BTreeSet<(usize, usize)>,
    queue: VecDeque<(usize, Event)>,
    gossip: BTreeMap<Vec<u8>, (Topic, Vec<u8>, BTreeSet<usize>)>,
    asked: BTreeMap<(usize, u64), (usize, u64)>,
    calls: u64,
    tokens: u64,
}

pub fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes([seed; 32])
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
        let root = key(200);
        let founding = Genesis { keys: vec![root.public()], threshold: 1, fold_version: 1, name: "test".to_owned() };
        let at = START_MS - 10_000;
        let body = Body::Genesis(founding);
        let genesis = sign(unsigned(MeshId::UNFOUNDED, root.public(), StatementId::NONE, at, body), &root);
        let mesh = MeshId::from(genesis.id());
        let mut bundle = vec![genesis.wire().to_vec()];
        for index in 0..count {
            let node = key(u8::try_from(index + 1).unwrap()).public();
            for (verbs, prefix) in [(vec![Verb::Member], ""), (vec![Verb::Write], "shop")] {
                let grant = Grant {
                    key: node,
                    verbs: verbs.into_iter().collect(),
                    prefix: Prefix::parse(prefix).unwrap(),
                    scopes: Vec::new(),
                };
                let at = at + 1 + bundle.len() as u64;
                let statement = unsigned(mesh, root.public(), genesis.id(), at, Body::Grant(grant));
                bundle.push(sign(statement, &root).wire().to_vec());
            }
        }
        let mut world = Self {
            nodes: Vec::new(),
            now_ms: START_MS,
            root,
            genesis: Arc::new(genesis),
            bundle,
            cut: BTreeSet::new(),
            queue: VecDeque::new(),
            gossip: BTreeMap::new(),
            asked: BTreeMap::new(),
            calls: 0,
            tokens: 0,
        };
        for index in 0..count {
            world.add(index);
        }
        world
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

    fn now(&self) -> Now {
        Now { mono_ms: self.now_ms - START_MS + 1_000, wall_ms: self.now_ms }
    }

    fn setup(&self, index: usize, boot: u64, floor_ms: u64) -> Setup {
        Setup {
            key: key(u8::try_from(index + 1).unwrap()),
            mesh: MeshId::from(self.genesis.id()),
            name: format!("node-{}", index + 1),
            wants: None,
            store: index as u64 + 1,
            boot,
            floor_ms,
            seed: index as u64,
            pace: Pace::default(),
        }
    }

    fn add(&mut self, index: usize) {
        let machine = Machine::new(self.setup(index, 1, 0), self.now());
        self.nodes.push(Node {
            machine,
            disk: Vec::new(),
            disk_works: true,
            floor_ms: 0,
            wrote: BTreeMap::new(),
            submitted: BTreeMap::new(),
            published: 0,
            members: BTreeSet::new(),
            topics: BTreeSet::new(),
            boots: 1,
        });
        self.happen(index, Event::Loaded(Vec::new()));
    }

    /// Crashes a node and starts it again from its disk.
    pub fn restart(&mut self, index: usize) {
        self.queue.retain(|(node, _)| *node != index);
        let boot = self.nodes[index].boots + 1;
        let setup = self.setup(index, boot, self.nodes[index].floor_ms);
        let now = self.now();
        let node = &mut self.nodes[index];
        node.boots = boot;
        node.machine = Machine::new(setup, now);
        let disk = node.disk.clone();
        self.happen(index, Event::Loaded(disk));
        self.link_all();
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
        self.nodes[index].machine.view().get(&path(at)).and_then(|entry| entry.json.as_deref().map(str::to_owned))
    }

    pub fn value(&self, index: usize, at: &str) -> Option<Arc<Value>> {
        self.nodes[index].machine.view().get(&path(at)).and_then(|entry| entry.value.clone())
    }

    /// One event into one machine, and its effects into the world.
    pub fn happen(&mut self, index: usize, event: Event) {
        let now = self.now();
        let mut effects = Vec::new();
        self.nodes[index].machine.handle(now, event, &mut effects);
        effects.into_iter().for_each(|effect| self.carry_out(index, effect));
    }

    fn carry_out(&mut self, index: usize, effect: Effect) {
        let me = self.nodes[index].machine.node();
        match effect {
            Effect::Store { batch, statements, floor_ms } => {
                let node = &mut self.nodes[index];
                if node.disk_works {
                    node.disk.extend(statements);
                    node.floor_ms = node.floor_ms.max(floor_ms);
                    self.queue.push_back((index, Event::Stored { batch }));
                } else {
                    let reason = "no space left".to_owned();
                    self.queue.push_back((index, Event::StoreFailed { batch, reason }));
                }
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
            Effect::Request { peer, corr, bytes } => match self.find(&peer).filter(|to| !self.is_cut(index, *to)) {
                Some(to) => {
                    self.tokens += 1;
                    self.asked.insert((to, self.tokens), (index, corr));
                    self.queue.push_back((to, Event::Request { peer: me, token: self.tokens, bytes }));
                }
                None => self.queue.push_back((index, Event::RequestFailed { peer, corr })),
            },
            Effect::Respond { token, bytes } => {
                if let Some((to, corr)) = self.asked.remove(&(index, token)) {
                    self.queue.push_back((to, Event::Response { peer: me, corr, bytes }));
                }
            }
            Effect::Members(members) => self.nodes[index].members = members,
            Effect::Subscribe(topic) => drop(self.nodes[index].topics.insert(topic)),
            Effect::Wrote { call, outcome } => drop(self.nodes[index].wrote.insert(call.0, outcome)),
            Effect::Submitted { call, outcome } => drop(self.nodes[index].submitted.insert(call.0, outcome)),
            Effect::Show(_) | Effect::Effective { .. } => {}
        }
    }

    fn find(&self, peer: &PublicKey) -> Option<usize> {
        self.nodes.iter().position(|node| node.machine.node() == *peer)
    }

    fn forward(&mut self, from: usize, id: &[u8]) {
        let me = self.nodes[from].machine.node();
        let Some((topic, bytes, seen)) = self.gossip.get_mut(id) else { return };
        for to in 0..self.nodes.len() {
            let cut = self.cut.contains(&(from.min(to), from.max(to)));
            if !cut && self.nodes[to].topics.contains(topic) && seen.insert(to) {
                self.queue.push_back((to, Event::Gossip { id: id.to_vec(), from: me, bytes: bytes.clone() }));
            }
        }
    }

    /// Delivers until nothing is under way.
    pub fn settle(&mut self) {
        for _ in 0..1_000_000 {
            let Some((index, event)) = self.queue.pop_front() else { return };
            self.happen(index, event);
        }
        panic!("the world never comes to rest");
    }

    /// Lets time pass, every timer at its time.
    pub fn run_ms(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        self.settle();
        loop {
            let next = |node: &Node| node.machine.deadline() + START_MS - 1_000;
            let (at, index) = (0..self.nodes.len()).map(|index| (next(&self.nodes[index]), index)).min().unwrap();
            if at > end {
                break;
            }
            self.now_ms = self.now_ms.max(at);
            self.happen(index, Event::Tick);
            self.settle();
        }
        self.now_ms = end;
    }

    /// The merged and effective digests of every scope of a node.
    pub fn digests(&self, index: usize) -> Vec<(String, [u8; 32], [u8; 32], [u8; 32])> {
        let status = self.nodes[index].machine.status();
        status.scopes.into_iter().map(|s| (s.scope.to_string(), s.set, s.merged, s.effective)).collect()
    }

    pub fn all_equal(&self) -> bool {
        (1..self.nodes.len()).all(|index| self.digests(index) == self.digests(0))
    }
}
