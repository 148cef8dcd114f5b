//! The checks: what must hold in every world, whatever goes wrong in it. One rule, one file, one row in [`all`], which
//! names its source. They look at what happens to nodes and what nodes do; they must not change anything.

mod answered;
mod approvals;
mod batch;
mod beacons;
mod beyond;
mod bounded;
mod closed_storage;
mod convergence;
mod divergence_zero;
mod eclipse;
mod epochs;
mod equal_states;
mod future;
mod history;
mod late_joiner;
mod monotonic;
mod news;
mod own_writes;
mod per_node;
mod persist_first;
mod ping_pong;
mod recovery;
mod resurrection;
mod seniority;
mod snapshot_reads;
mod staleness;
mod struck;
mod survival;
mod unexplained;
mod watchers;

use std::collections::BTreeMap;

use driftless_core::machine::{Effect, Event, Machine, Now, Pace};

use crate::facts::Facts;
use crate::said::Said;
use crate::scenario::Scenario;
use crate::world::Node;

/// Something that just happened, as checks see it. Times are simulated.
pub enum Seen<'a> {
    /// A node is about to follow an event.
    Before(&'a Event),
    /// A node is about to say something: shown before the effect that carries it.
    Said(&'a Said),
    /// A node asks for an effect; it has not been carried out yet. The node already stands as after the event.
    Effect(&'a Effect),
    /// The node followed an event, and its effects are under way.
    After,
    /// A batch reached the node's disk: these are durable now, as far as the disk tells the truth.
    Synced(&'a [driftless_statement::StatementId]),
    /// The node's services see another view than before.
    Shown,
    /// A service beside the node read two entries that are always written together: their values, as it read them.
    ReadPair(Option<&'a str>, Option<&'a str>),
    /// A watcher went through what changed: `true` when its copy now equals what it watches.
    Watched(bool),
    /// The process died; the node's machine is gone.
    Died,
    /// The process began, from what the disk holds. The machine has taken it in.
    Began,
    /// The node's disk was emptied or put back: what it promised before cannot be asked of it alone any more.
    Forgot,
    /// A machine that began with nothing was given this node's replicated set.
    Joined(&'a Machine),
    /// All faults are over.
    Calm,
    /// One second of simulated time passed.
    Second,
    /// The run is over: the mesh had the time that it is promised to need.
    End,
}

/// Where it happened.
pub struct Scene<'a> {
    /// The node's number; 0 where the whole mesh is meant.
    pub at: usize,
    /// Its clocks.
    pub now: Now,
    /// Simulated milliseconds since the beginning of the world.
    pub world_ms: u64,
    /// Since when no fault acts; `None`: some do.
    pub calm_since_ms: Option<u64>,
    /// How long the mesh may take to be equal after its last fault, milliseconds.
    pub bound_ms: u64,
    /// What the mesh looks like.
    pub scenario: &'a Scenario,
    /// How often nodes act by themselves.
    pub pace: Pace,
    /// All nodes.
    pub nodes: &'a [Node],
    /// What is true, whatever any node believes.
    pub facts: &'a Facts,
}

impl Scene<'_> {
    /// The node where it happened.
    pub fn node(&self) -> &Node {
        &self.nodes[self.at]
    }
}

/// One rule.
pub trait Check {
    /// Its name in reports: a few words, with hyphens.
    fn name(&self) -> &'static str;

    /// Where the rule comes from: a property of the threat model, a section of the design, a paper.
    fn source(&self) -> &'static str;

    /// Looks. `Err`: the rule is broken, and how.
    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String>;

    /// States worth reaching that it came through, with how often: a run that never reaches one proves little.
    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::new()
    }
}

/// Every check, new. Where two of them see the same bug in the same event, the one that names its cause stands first.
pub fn all() -> Vec<Box<dyn Check>> {
    vec![
        Box::<closed_storage::ClosedStorage>::default(),
        Box::<persist_first::PersistFirst>::default(),
        Box::<answered::Answered>::default(),
        Box::<bounded::Bounded>::default(),
        Box::<seniority::Seniority>::default(),
        Box::<epochs::Epochs>::default(),
        Box::<approvals::Approvals>::default(),
        Box::<beyond::Beyond>::default(),
        Box::<struck::Struck>::default(),
        Box::<recovery::Recovery>::default(),
        Box::<batch::Batch>::default(),
        Box::<equal_states::EqualStates>::default(),
        Box::<future::Future>::default(),
        Box::<resurrection::Resurrection>::default(),
        Box::<unexplained::Unexplained>::default(),
        Box::<own_writes::OwnWrites>::default(),
        Box::<monotonic::Monotonic>::default(),
        Box::<snapshot_reads::SnapshotReads>::default(),
        Box::<watchers::Watchers>::default(),
        Box::<ping_pong::PingPong>::default(),
        Box::<convergence::Convergence>::default(),
        Box::<late_joiner::LateJoiner>::default(),
        Box::<survival::Survival>::default(),
        Box::<staleness::Staleness>::default(),
        Box::<eclipse::Eclipse>::default(),
        Box::<divergence_zero::DivergenceZero>::default(),
    ]
}
