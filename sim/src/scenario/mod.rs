//! Scenarios: what a mesh looks like and what happens to it, as a TOML file says it. Every key is documented here and in
//! `docs/simulator.md`; unknown ones are refused. It must not know how the world carries a scenario out.

mod check;
mod hostile;
mod ready;
mod trust;

use serde::{Deserialize, Serialize};

pub use check::BadScenario;
pub use hostile::{AUTHOR_DELAYED, Hostile, PEER_DELAYED};
pub use ready::{READY, ready};
pub use trust::Trust;

use crate::plan::Class;

/// A scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A short name.
    pub name: String,
    /// What it is about, for people.
    #[serde(default)]
    pub about: String,
    /// Nodes at the start.
    #[serde(default = "default_nodes")]
    pub nodes: usize,
    /// Minutes of load and faults. Founding comes before, healing after.
    #[serde(default = "default_minutes")]
    pub minutes: u64,
    /// Whether nodes begin with the mesh's founding on their disks, as after a restart, instead of receiving it: so that
    /// a mesh of thousands can be run without the hours in which each node is told of each other one.
    #[serde(default)]
    pub founded: bool,
    /// Peers that each node is configured with; 0: all others. Links go both ways, so a node has about twice as many.
    #[serde(default)]
    pub peers: usize,
    /// Where nodes stand. Nodes are dealt out by weight, in turn.
    #[serde(default = "one_region")]
    pub regions: Vec<Region>,
    /// Links within a region, and between regions that `links` does not name.
    #[serde(default)]
    pub link: Link,
    /// Links between two regions.
    #[serde(default)]
    pub links: Vec<RegionLink>,
    /// Disks.
    #[serde(default)]
    pub disk: Disk,
    /// Who writes and reads.
    #[serde(default)]
    pub load: Load,
    /// How often nodes act by themselves.
    #[serde(default)]
    pub pace: Pace,
    /// How much of one author and of one peer nodes take in how fast.
    #[serde(default, skip_serializing_if = "Intake::is_usual")]
    pub intake: Intake,
    /// Faults by chance.
    #[serde(default)]
    pub faults: Faults,
    /// Faults at set times.
    #[serde(default)]
    pub events: Vec<Event>,
    /// Hostile authors and peers.
    #[serde(default, skip_serializing_if = "Hostile::is_off")]
    pub hostile: Hostile,
    /// Rotations, and writes that wait for approvals.
    #[serde(default, skip_serializing_if = "Trust::is_off")]
    pub trust: Trust,
}

/// A place where nodes stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// How many of the nodes, against the other regions.
    #[serde(default = "one")]
    pub weight: usize,
    /// Nodes here are reached from other regions only over links that they opened themselves (address translation): they
    /// are linked with the first region alone.
    #[serde(default)]
    pub behind_nat: bool,
}

/// How long messages take, one way, and what becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Link {
    /// Half of the messages take less, milliseconds.
    pub median_ms: f64,
    /// 99 of a hundred take less, milliseconds. Between them the distribution is lognormal.
    pub p99_ms: f64,
    /// Messages lost, in thousandths. A lost request fails after its time is up.
    pub loss: f64,
    /// Gossip messages that come twice, in thousandths.
    pub duplicate: f64,
    /// KiB a second that one node can send to another; 0: no bound.
    pub bandwidth: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self { median_ms: 1.0, p99_ms: 4.0, loss: 0.0, duplicate: 0.0, bandwidth: 0 }
    }
}

/// The link between two regions, in both directions: what it does not say is as in `link`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionLink {
    /// The two regions.
    pub between: (String, String),
    /// As in [`Link`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_ms: Option<f64>,
    /// As in [`Link`]; by default at least twice the median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// As in [`Link`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// As in [`Link`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<f64>,
    /// As in [`Link`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<u64>,
}

impl RegionLink {
    /// The whole link.
    fn over(&self, base: Link) -> Link {
        let median_ms = self.median_ms.unwrap_or(base.median_ms);
        Link {
            median_ms,
            p99_ms: self.p99_ms.unwrap_or(base.p99_ms.max(median_ms * 2.0)),
            loss: self.loss.unwrap_or(base.loss),
            duplicate: self.duplicate.unwrap_or(base.duplicate),
            bandwidth: self.bandwidth.unwrap_or(base.bandwidth),
        }
    }
}

/// How long a sync takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Disk {
    /// Half of the syncs take less, milliseconds.
    pub median_ms: f64,
    /// 99 of a hundred take less, milliseconds.
    pub p99_ms: f64,
}

impl Default for Disk {
    fn default() -> Self {
        Self { median_ms: 1.0, p99_ms: 8.0 }
    }
}

/// Who writes and reads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// Writes a second over the whole mesh, at random times.
    pub writes_per_second: f64,
    /// Entries that are written.
    pub entries: usize,
    /// Bytes of a value, about.
    pub value_bytes: usize,
    /// Writes, in thousandths, that change two entries at once in one statement, signed by an operator.
    pub pairs: u64,
    /// Watchers on each node.
    pub watchers: usize,
    /// Writes that are made in all, as evenly as the rate allows; 0: as many as the time holds.
    pub writes: u64,
}

impl Default for Load {
    fn default() -> Self {
        Self { writes_per_second: 1.0, entries: 40, value_bytes: 120, pairs: 100, watchers: 2, writes: 0 }
    }
}

/// How often nodes act by themselves; the defaults are the nodes' own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// Between two beacons, milliseconds.
    pub beacon_ms: Option<u64>,
    /// Between two regular rounds of reconciliation with one peer, milliseconds.
    pub reconcile_ms: Option<u64>,
}

/// Intake rates; the defaults are the nodes' own, which nothing honest in a simulated mesh comes near.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Intake {
    /// Statements of one author a second.
    pub author_statements: Option<u64>,
    /// Checks of signatures that one peer asks for unasked a second.
    pub peer_checks: Option<u64>,
    /// For how long a rate may go unused and be made up for, milliseconds.
    pub burst_ms: Option<u64>,
}

impl Intake {
    /// Whether it says nothing.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Faults by chance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// How often, against the usual rate of each class; 0: none.
    pub rate: f64,
    /// Classes that may happen; empty: all.
    pub only: Vec<Class>,
    /// Classes that may not.
    pub never: Vec<Class>,
    /// Seeds without any fault, in thousandths.
    pub quiet_seeds: u64,
    /// Whether each other seed switches a random half of the classes off.
    pub halves: bool,
}

impl Default for Faults {
    fn default() -> Self {
        Self { rate: 0.0, only: Vec::new(), never: Vec::new(), quiet_seeds: 0, halves: false }
    }
}

/// A fault at a set time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, seconds after the load began.
    pub at: u64,
    /// What.
    pub fault: Class,
    /// For how long, seconds.
    #[serde(rename = "for", default)]
    pub lasts: u64,
    /// Nodes it is about, by number.
    #[serde(default)]
    pub nodes: Vec<usize>,
    /// Regions it is about: all their nodes.
    #[serde(default)]
    pub regions: Vec<String>,
    /// The other side, by region; empty: everybody else.
    #[serde(default)]
    pub against: Vec<String>,
    /// How strong it is; [`Class::row`] says in which unit.
    #[serde(default)]
    pub amount: u64,
}

fn default_nodes() -> usize {
    5
}

fn default_minutes() -> u64 {
    10
}

fn one() -> usize {
    1
}

fn one_region() -> Vec<Region> {
    vec![Region { name: "here".to_owned(), weight: 1, behind_nat: false }]
}

impl Scenario {
    /// The region of each node.
    pub fn places(&self, nodes: usize) -> Vec<usize> {
        let total: usize = self.regions.iter().map(|region| region.weight).sum();
        let turn: Vec<usize> =
            self.regions.iter().enumerate().flat_map(|(at, region)| std::iter::repeat_n(at, region.weight)).collect();
        // Dealt by stride, so that the first few nodes already stand in different regions.
        let stride =
            (1..=total.max(1)).rev().find(|step| gcd(*step, total) == 1 && *step <= total / 2 + 1).unwrap_or(1);
        (0..nodes).map(|node| turn.get(node * stride % total.max(1)).copied().unwrap_or(0)).collect()
    }

    /// The link between two regions.
    pub fn link_between(&self, a: usize, b: usize) -> Link {
        let name = |at: usize| self.regions.get(at).map(|region| region.name.as_str()).unwrap_or_default();
        let (a, b) = (name(a), name(b));
        let named = self.links.iter().find(|link| {
            let (x, y) = (link.between.0.as_str(), link.between.1.as_str());
            (x, y) == (a, b) || (x, y) == (b, a)
        });
        named.map_or(self.link, |named| named.over(self.link))
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
