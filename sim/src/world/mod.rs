//! The world: nodes, links, disks, clocks and the services beside the nodes, all in virtual time, around the very core
//! that real nodes run. It follows a plan and draws the rest from a seed: the same case gives the same run.
//!
//! It must not know libp2p, redb, tokio or a real clock. What it assumes of them is said where it is modelled:
//! [`gossip`](self) by gossipsub's contract, links by [`weather`](self), the store's promise by [`disk`](self).

mod acts;
mod carry;
mod clock;
mod disk;
mod founding;
mod gossip;
mod hooks;
mod hostile;
mod joiner;
mod line;
mod links;
mod load;
mod measure;
mod node;
mod queue;
mod shell;
mod stage;
mod trust;
mod watcher;
mod weather;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_core::machine::{Effect, Event, Now, Proofs};
use driftless_core::rng::Rng;
use driftless_core::view::View;
use driftless_statement::{PublicKey, StatementId, Verified};

pub use clock::START_MS;
pub use founding::NODES_WRITE;
pub use node::{Node, secret};
pub use stage::{Answer, Call, Stage};
pub use watcher::Watcher;
pub use weather::lognormal_ms;

use crate::checks::{Check, Scene, Seen};
use crate::facts::Facts;
use crate::plan::{Case, stream};
use crate::record::{Record, Violation};
use crate::trace::Trace;
use founding::Mesh;
use gossip::Messages;
use measure::Measure;
use queue::Queue;
use weather::Weather;

/// How a world is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether checks look at everything.
    pub checks: bool,
    /// A check that does not look: to see what lies behind one that fails.
    pub without: Option<&'static str>,
    /// Whether the run ends at the first rule that is broken.
    pub stop_at_first: bool,
    /// Seconds between two samples.
    pub sample_s: u64,
    /// A bug to plant; only builds for the simulator's own tests know any.
    #[cfg(feature = "planted")]
    pub bug: Option<crate::bugs::Planted>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            checks: true,
            without: None,
            stop_at_first: true,
            sample_s: 1,
            #[cfg(feature = "planted")]
            bug: None,
        }
    }
}

impl Options {
    /// The same, with checks that look or do not, all but one.
    pub fn looking(self, checks: bool, without: Option<&'static str>) -> Self {
        Self { checks, without, ..self }
    }
}

/// The checks that look.
fn checks(options: &Options) -> Vec<Box<dyn Check>> {
    let mut checks = if options.checks { crate::checks::all() } else { Vec::new() };
    checks.retain(|check| options.without != Some(check.name()));
    checks
}

/// Something that will happen.
enum What {
    /// A node's deadline, if it is still this one.
    Tick { node: usize },
    /// A node has worked off what it got, or goes on: it takes the next thing in its line.
    Resume { node: usize, life: u64 },
    /// An event for a node that lives its `life`.
    Event { node: usize, life: u64, event: Box<Event> },
    /// A copy of a gossip message arrives.
    Copy { to: usize, from: usize, life: u64, message: u64 },
    /// A node offers what it has to peers outside its mesh.
    Heartbeat { node: usize, life: u64 },
    /// A request has waited long enough for its answer.
    Expired { token: u64, peer: usize },
    /// An answer arrives.
    Answer { to: usize, life: u64, token: u64, from: usize, corr: u64, bytes: Vec<u8> },
    /// A process dies.
    Die { node: usize, life: u64 },
    /// A sync is over.
    Synced { node: usize, life: u64, sync: u64 },
    /// A node dials another one.
    Dial { from: usize, to: usize, tries: u32 },
    /// A handshake is over.
    Linked { from: usize, to: usize, lives: (u64, u64) },
    /// A node notices that a link is dead.
    Notice { node: usize, peer: usize, life: u64 },
    /// A write of the plan.
    Write(usize),
    /// A fault of the plan begins.
    Begin(usize),
    /// It ends.
    End(usize),
    /// A process begins; it dies so often while it does.
    Start { node: usize, deaths: u64 },
    /// A watcher looks.
    Wake { node: usize, life: u64, watcher: usize },
    /// Services see a view that was held back.
    ShowLate { node: usize, view: Arc<View> },
    /// Grants of a new member come to some node's door.
    Admit { statements: Vec<Arc<Verified>> },
    /// Somebody hostile acts, by the plan.
    Act(usize),
    /// Operators strike somebody, by the plan.
    Strike(usize),
    /// An honest key acts about trust, by the plan.
    Trust(usize),
    /// A hostile peer's answer that was held back.
    Lie { node: usize, token: u64, bytes: Vec<u8> },
    /// A second is over.
    Second,
    /// All is over: no fault is left.
    Calm,
}

/// In each seed that this divides every signature is checked; in the others those of honest machines are not, which makes
/// half of the cost of a quiet mesh.
const CHECKED: u64 = 20;

/// What machines of a world share.
fn proofs(seed: u64, checks: bool) -> Proofs {
    let proofs = if seed.is_multiple_of(CHECKED) { Proofs::shared() } else { Proofs::modelled() };
    if checks { proofs } else { proofs.folding_once() }
}

/// Simulated time before the load: founding, links, first beacons.
pub const FOUNDING_MS: u64 = 15_000;

/// The world.
pub struct World {
    case: Case,
    options: Options,
    now_us: u64,
    queue: Queue<What>,
    nodes: Vec<Node>,
    numbers: BTreeMap<PublicKey, usize>,
    mesh: Mesh,
    proofs: Proofs,
    weather: Weather,
    messages: Messages,
    /// Whom the last copy of a message came from.
    carrier: usize,
    /// Rises with every change of links, topics and meshes of neighbours: what follows from them holds as long as it stands.
    moves: u64,
    /// Draws what belongs to neither links nor plan.
    rng: Rng,
    /// Requests under way by token: who asked, its life, and the number it gave.
    requests: BTreeMap<u64, (usize, u64, u64)>,
    next_call: u64,
    next_token: u64,
    /// What peers pushed, by node and token: promised once the node says that it took it.
    pushes: BTreeMap<(usize, u64), Vec<StatementId>>,
    /// Faults that act now.
    acting: BTreeSet<usize>,
    calm_since_ms: Option<u64>,
    facts: Facts,
    checks: Vec<Box<dyn Check>>,
    measure: Measure,
    trace: Trace,
    violations: Vec<Violation>,
    effects: Vec<Effect>,
    /// How long the mesh may take to be equal after the last fault.
    bound_ms: u64,
    /// The view before the last one that a service read, by node; only where a planted bug reads it.
    views_before: BTreeMap<usize, Arc<View>>,
    /// What callers were told, by call, where a director waits for it.
    heard: Option<BTreeMap<u64, Answer>>,
    /// Authors besides nodes and the operator, as people know them.
    names: BTreeMap<PublicKey, String>,
    /// Everybody hostile.
    hostile: Option<hostile::Hostile>,
    /// The author whose grant demands approvals.
    demanding: Option<trust::Demanding>,
}

impl World {
    /// The world of a case, before anything happened.
    pub fn new(case: &Case, options: Options) -> Self {
        let scenario = &case.scenario;
        let mut places = scenario.places(scenario.nodes);
        let mut nodes: Vec<Node> =
            places.iter().enumerate().map(|(number, place)| Node::new(number, case.seed, *place)).collect();
        let roots = if case.plan.hostile.is_empty() && case.plan.trust.is_empty() { 1 } else { 3 };
        let mut mesh = Mesh::found(case.seed, roots, nodes.iter().map(|node| node.key));
        let hostile = hostile::Hostile::of(case, &mut mesh, &mut nodes);
        let mut facts = Facts::of(nodes.len());
        let demanding = trust::Demanding::of(case, &mut mesh, &mut facts);
        places.extend(nodes.iter().skip(scenario.nodes).map(|node| node.region));
        let numbers = nodes.iter().enumerate().map(|(number, node)| (node.key, number)).collect();
        let mut world = Self {
            options,
            now_us: 0,
            queue: Queue::default(),
            facts,
            nodes,
            numbers,
            mesh,
            proofs: proofs(case.seed, options.checks),
            weather: Weather::new(scenario, places, case.seed),
            messages: Messages::default(),
            carrier: 0,
            moves: 1,
            rng: stream(case.seed, "world"),
            requests: BTreeMap::new(),
            next_call: 0,
            next_token: 0,
            pushes: BTreeMap::new(),
            acting: BTreeSet::new(),
            calm_since_ms: Some(FOUNDING_MS),
            checks: checks(&options),
            measure: Measure::default(),
            trace: Trace::new(case.seed),
            violations: Vec::new(),
            effects: Vec::new(),
            bound_ms: 0,
            views_before: BTreeMap::new(),
            heard: None,
            names: BTreeMap::new(),
            hostile,
            demanding,
            case: case.clone(),
        };
        world.bound_ms = world.bound();
        let authors = &world.case.plan.hostile.authors;
        world.facts.revokers = authors.iter().filter(|kind| **kind == crate::plan::AuthorKind::Sideways).count();
        if scenario.founded {
            world.found();
        }
        world.prepare();
        world
    }

    /// Plans all that the plan says, and the beginning of every node.
    fn prepare(&mut self) {
        self.wire_up();
        self.wire_up_hostile();
        for node in 0..self.case.scenario.nodes {
            if !self.case.plan.absent.contains(&node) {
                let at_us = self.rng.below(1_000_000);
                self.queue.push(at_us, What::Start { node, deaths: 0 });
            }
        }
        let load_us = FOUNDING_MS * 1_000;
        for (number, write) in self.case.plan.writes.iter().enumerate() {
            self.queue.push(load_us + write.at_ms * 1_000, What::Write(number));
        }
        for (number, fault) in self.case.plan.faults.iter().enumerate() {
            self.queue.push(load_us + fault.at_ms * 1_000, What::Begin(number));
            self.queue.push(load_us + (fault.at_ms + fault.for_ms) * 1_000, What::End(number));
        }
        self.plan_hostility();
        self.plan_trust();
        self.queue.push(self.load_ends_ms() * 1_000, What::Calm);
        self.queue.push(1_000_000, What::Second);
    }

    /// When load and faults end, simulated milliseconds.
    fn load_ends_ms(&self) -> u64 {
        FOUNDING_MS + self.case.scenario.minutes * 60_000
    }

    /// How long the mesh may take to be equal after the last fault: two rounds of reconciliation, three round trips on the
    /// slowest usual link, and the longest pause before a lost peer is dialled again.
    fn bound(&self) -> u64 {
        let nodes = 0..self.nodes.len().min(64);
        let pairs = nodes.clone().flat_map(|a| nodes.clone().map(move |b| (a, b)));
        let slowest_us = pairs.map(|(a, b)| self.weather.usual_us(a, b)).max().unwrap_or(0);
        let reconcile_ms = self.pace().reconcile_ms;
        2 * reconcile_ms + 6 * slowest_us / 1_000 + links::LONGEST_PAUSE_MS + links::NOTICE_MS
    }

    /// Runs to the end, and tells what happened.
    pub fn run(mut self) -> Record {
        let end_us = (self.load_ends_ms() + self.bound_ms) * 1_000;
        while let Some((at_us, what)) = self.queue.pop() {
            if at_us > end_us || (self.options.stop_at_first && !self.violations.is_empty()) {
                break;
            }
            self.now_us = at_us;
            self.happen(what);
        }
        self.now_us = self.now_us.max(end_us);
        if self.violations.is_empty() {
            self.look(0, &Seen::End);
        }
        if self.violations.is_empty() {
            self.join_late();
        }
        self.into_record()
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Tick { node } => self.tick(node),
            What::Resume { node, life } => self.resume(node, life),
            What::Event { node, life, event } => self.arrive(node, life, *event),
            What::Copy { to, from, life, message } => self.copy(to, from, life, message),
            What::Heartbeat { node, life } => self.heartbeat(node, life),
            What::Expired { token, peer } => self.expired(token, peer),
            What::Answer { to, life, token, from, corr, bytes } => {
                let peer = self.nodes[from].key;
                self.answer_arrives(to, life, token, Event::Response { peer, corr, bytes });
            }
            What::Die { node, life } if self.nodes[node].lives == life => self.die(node, 0, 1_000_000),
            What::Die { .. } => {}
            What::Synced { node, life, sync } => self.synced(node, life, sync),
            What::Dial { from, to, tries } => self.dial(from, to, tries),
            What::Linked { from, to, lives } => self.linked(from, to, lives),
            What::Notice { node, peer, life } => self.notice(node, peer, life),
            What::Write(number) => self.write(number),
            What::Begin(number) => self.begin(number),
            What::End(number) => self.end(number),
            What::Start { node, deaths } => self.start(node, deaths),
            What::Wake { node, life, watcher } => self.wake(node, life, watcher),
            What::ShowLate { node, view } => self.shown(node, view),
            What::Admit { statements } => self.admit(statements),
            What::Act(number) => self.act(number),
            What::Strike(number) => self.strike(number),
            What::Trust(number) => self.trust_acts(number),
            What::Lie { node, token, bytes } => self.late_lie(node, token, bytes),
            What::Second => self.second(),
            What::Calm => self.calm(),
        }
    }

    fn world_ms(&self) -> u64 {
        self.now_us / 1_000
    }

    fn now(&self, node: usize) -> Now {
        self.nodes[node].now(self.world_ms())
    }

    /// Shows something to every check.
    fn look(&mut self, at: usize, seen: &Seen) {
        if self.checks.is_empty() {
            return;
        }
        let world_ms = self.world_ms();
        let scene = Scene {
            at,
            now: self.nodes[at].now(world_ms),
            world_ms,
            calm_since_ms: self.calm_since_ms,
            bound_ms: self.bound_ms,
            pace: self.pace(),
            scenario: &self.case.scenario,
            nodes: &self.nodes,
            facts: &self.facts,
        };
        for check in &mut self.checks {
            if let Err(what) = check.look(&scene, seen) {
                let check = check.name().to_owned();
                self.violations.push(Violation { check, at_ms: world_ms, node: at, what });
            }
        }
    }

    /// One event through a machine, and its effects into the world.
    fn step(&mut self, node: usize, event: Event) {
        self.look(node, &Seen::Before(&event));
        self.trace.event(self.now_us, node, &event);
        self.note_event(node, &event);
        let now = self.now(node);
        let mut effects = std::mem::take(&mut self.effects);
        if let Some(machine) = &mut self.nodes[node].machine {
            machine.handle(now, event, &mut effects);
        }
        self.measure.events += 1;
        for effect in effects.drain(..) {
            self.trace.effect(&effect);
            if let Some(said) = self.note_effect(node, &effect) {
                self.look(node, &Seen::Said(&said));
            }
            self.look(node, &Seen::Effect(&effect));
            self.carry_out(node, effect);
        }
        self.effects = effects;
        self.look(node, &Seen::After);
        self.plan_tick(node);
    }
}
