//! What the tracker answers: plain data about nodes, scopes and changes, for the HTTP door, the metrics and the tests.

use driftless_statement::{PublicKey, Scope};

use super::message::Health;

/// How a scope on another node compares with the one here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Equal at the newest settled mark.
    InSync,
    /// Different at the newest settled mark.
    Differs,
    /// No settled mark that both have.
    Unknown,
}

/// One scope on another node.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ScopeState {
    /// The scope.
    pub scope: Scope,
    /// The comparison, as of its last beacon or of the last statement that came late here.
    pub state: State,
    /// Since when it is so, Unix milliseconds here.
    pub since_ms: u64,
    /// The mark compared at, Unix milliseconds.
    pub at_mark_ms: Option<u64>,
    /// Whether the merged states are equal; nothing while the sets folded are not.
    pub merged_equal: Option<bool>,
    /// Whether the effective states are equal; nothing while the sets folded are not.
    pub effective_equal: Option<bool>,
    /// How many fewer statements it holds, by the counts: at least as many differ.
    pub behind: u64,
    /// How many more statements it holds, by the counts.
    pub ahead: u64,
    /// Whether a rollout plan explains a different effective state; no plans exist in this version.
    pub planned: bool,
}

/// One expected node.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NodeState {
    /// The node.
    pub node: PublicKey,
    /// Its name as it says; empty when it has none or was never heard.
    pub name: String,
    /// When its last beacon came, Unix milliseconds here; nothing when none ever did.
    pub heard_ms: Option<u64>,
    /// Whether it counts as silent: its last beacon holds no longer, or none came in the time in which one should have.
    pub silent: bool,
    /// Its scopes that are held here too.
    pub scopes: Vec<ScopeState>,
    /// Its lag, milliseconds.
    pub lag_ms: u64,
    /// Its fold version; 0 when it was never heard.
    pub fold_version: u64,
    /// What is wrong there.
    #[serde(serialize_with = "bits")]
    pub health: Health,
    /// How many peers it is connected to.
    pub peers: u64,
}

fn bits<S: serde::Serializer>(health: &Health, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(health.0)
}

impl NodeState {
    /// Whether some scope differs at the newest settled mark, by its last beacon.
    pub fn differs(&self) -> bool {
        self.scopes.iter().any(|scope| scope.state == State::Differs)
    }
}

/// Equal sets with unequal merged digests: must never happen.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Alarm {
    /// The node whose fold gave something else than ours.
    pub node: PublicKey,
    /// The scope.
    pub scope: Scope,
    /// When it was first seen, Unix milliseconds here.
    pub since_ms: u64,
    /// What both folded, as hexadecimal.
    pub folded: String,
    /// The merged digest here.
    pub here: String,
    /// The merged digest there.
    pub there: String,
}

/// The mesh as seen from here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Picture {
    /// Nodes that member grants name, this one left out: the denominator.
    pub expected: usize,
    /// Those heard.
    pub heard: usize,
    /// Those no longer heard, or not heard in the time in which they should have been. Who began lately awaits the rest.
    pub silent: usize,
    /// Those heard that differ at the newest settled mark, not explained by a rollout plan.
    pub differing: usize,
    /// Those heard that differ only by a rollout plan.
    pub planned: usize,
    /// For how long some node has differed, milliseconds; 0 when none does.
    pub age_ms: u64,
    /// Equal sets, unequal merged digests.
    pub alarms: Vec<Alarm>,
    /// Whether nodes are expected and none is heard.
    pub hears_nobody: bool,
    /// This node's lag, milliseconds.
    pub lag_ms: u64,
    /// The median lag of the nodes heard, milliseconds.
    pub peers_lag_ms: u64,
}

impl Picture {
    /// The share of the nodes heard that differ, in millionths.
    pub fn ratio_millionths(&self) -> u64 {
        (self.differing as u64 * 1_000_000).checked_div(self.heard as u64).unwrap_or(0)
    }
}

/// A change that the tracker is asked about: held here since `held_ms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its scope.
    pub scope: Scope,
    /// Its time.
    pub hlc: driftless_statement::Hlc,
    /// Since when it is held here, Unix milliseconds.
    pub held_ms: u64,
}

/// Whether a node has a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// It was equal to this node at a mark later than the change.
    Has {
        /// First known so, Unix milliseconds here; it may have had the change earlier.
        since_ms: u64,
    },
    /// It is heard and differs at every settled mark later than the change: it lacks the change or one near it. Asking it
    /// (`Has`) tells which.
    Lacks {
        /// Since when it differs, Unix milliseconds here.
        since_ms: u64,
    },
    /// It is silent, or no mark later than the change has settled yet.
    Unknown,
}
