//! Plans: everything that will happen to a mesh from outside, drawn from a seed before the run begins. The world follows
//! a plan and decides nothing; so a failing plan can be made smaller by leaving things out, and kept.

mod class;
mod draw;
mod hostile;
mod strategy;
mod trust;

use serde::{Deserialize, Serialize};

pub use class::{CLASSES, Class, Trait};
pub use draw::{draw, stream};
pub use hostile::{Act, Hostility, Strike, Who};
pub use strategy::{AUTHORS, AuthorKind, AuthorRow, PEERS, PeerKind, PeerRow, Proof};
pub use trust::{Doing, TrustAct};

use crate::scenario::Scenario;

/// A scenario with a plan: the same case gives the same run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Draws what the plan leaves to chance: latencies, losses, orders.
    pub seed: u64,
    /// The mesh.
    pub scenario: Scenario,
    /// What happens to it.
    pub plan: Plan,
}

/// What happens, in the order of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Faults.
    pub faults: Vec<Fault>,
    /// Writes of local services and operators.
    pub writes: Vec<Write>,
    /// Nodes that never run: a smaller case leaves them out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<usize>,
    /// Hostile authors and peers.
    #[serde(default, skip_serializing_if = "Hostility::is_empty")]
    pub hostile: Hostility,
    /// What honest keys do about trust, besides granting and striking.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust: Vec<TrustAct>,
}

/// A fault. Times are milliseconds after the load began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What kind.
    pub class: Class,
    /// When it begins.
    pub at_ms: u64,
    /// How long it lasts.
    pub for_ms: u64,
    /// The nodes it is about: the one, or one side.
    pub nodes: Vec<usize>,
    /// The other side; empty: everybody else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<usize>,
    /// How strong it is; [`Class::row`] says in which unit.
    #[serde(default)]
    pub amount: u64,
}

/// A write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// When, milliseconds after the load began.
    pub at_ms: u64,
    /// On which node.
    pub node: usize,
    /// Which entry.
    pub entry: usize,
    /// How.
    pub how: How,
    /// Tells values apart.
    pub value: u64,
    /// Bytes that fill the value up.
    pub bytes: usize,
}

/// What a write does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Puts a whole value.
    Put,
    /// Changes one member of the value.
    Merge,
    /// Appends to a list.
    Append,
    /// Deletes the entry.
    Delete,
    /// Puts two entries to the same value in one statement that an operator signs.
    Pair,
    /// Puts or raises a counter that an operator signs.
    Count,
}

impl Plan {
    /// How many faults and writes it has.
    pub fn size(&self) -> (usize, usize) {
        (self.faults.len(), self.writes.len())
    }
}
