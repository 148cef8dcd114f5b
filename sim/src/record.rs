//! What a run leaves behind: plain data that the report draws, that two runs are compared by, and that another program
//! may read as JSON. It must not know how the world works.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::{Case, Class};

/// Everything that is kept of one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Name of the scenario.
    pub scenario: String,
    /// What the scenario is about.
    pub about: String,
    /// The seed.
    pub seed: u64,
    /// Nodes at the start; joiners come on top.
    pub nodes: usize,
    /// Simulated seconds, the healing phase at the end included.
    pub seconds: u64,
    /// Hash of the trace, hexadecimal: equal for equal runs.
    pub trace: String,
    /// Version of this program, and the commit where it is known.
    pub version: String,
    /// One row for each sampled second.
    pub series: Vec<Sample>,
    /// Propagation of statements to services on other nodes.
    pub propagation: Propagation,
    /// The faults that happened, as a timeline.
    pub faults: Vec<FaultSpan>,
    /// Moments at which all faults were over, and how long the mesh then took to be equal.
    pub heals: Vec<Heal>,
    /// Totals of the run.
    pub totals: Totals,
    /// How often each state worth reaching was reached.
    pub sometimes: BTreeMap<String, u64>,
    /// Rules that were broken; empty in a good run.
    pub violations: Vec<Violation>,
    /// Open conflicts at the end, each with both sides.
    pub conflicts: Vec<ConflictShown>,
    /// Nodes at the end.
    pub ends: Vec<NodeEnd>,
    /// What a real history came to, where one was replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryTold>,
    /// What a real log came to, where one was replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayTold>,
    /// What the same scenario came to over real sockets, where it was run there too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sockets: Option<SocketsTold>,
    /// What hostile authors and peers came to, where there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostile: Option<HostileTold>,
}

/// What hostility came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostileTold {
    /// Strategies of the hostile authors.
    pub authors: Vec<String>,
    /// Strategies of the hostile peers.
    pub peers: Vec<String>,
    /// Statements that hostile authors signed.
    pub signed: u64,
    /// Those that came on a disk.
    pub let_in: u64,
    /// Those that left the summaries of some node.
    pub left: u64,
    /// Revocations that honest operators signed.
    pub strikes: u64,
}

/// The state of the mesh at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Simulated second.
    pub second: u64,
    /// Nodes that run.
    pub up: usize,
    /// Different sets among them; 1: all are equal.
    pub sets: usize,
    /// Statements that exist in the mesh.
    pub statements: u64,
    /// Statements that the node furthest behind lacks.
    pub most_missing: u64,
    /// Share of pairs that differ, as the nodes themselves see it, in thousandths: the mean over nodes.
    pub divergence_mean: u64,
    /// The same, at the node that sees most.
    pub divergence_max: u64,
    /// Nodes that say they hear nobody.
    pub isolated: usize,
    /// Open conflicts, at the node that has most.
    pub conflicts: u64,
    /// Bytes sent since the last sample, over all nodes, by kind: see [`Bytes`].
    pub bytes: Bytes,
    /// The longest queue of any node by name: room, disk, line, submissions, requests.
    pub queues: [usize; 5],
    /// Events handled since the last sample.
    pub events: u64,
}

/// Bytes on links, by what they carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// Statements in gossip.
    pub gossip: u64,
    /// Beacons.
    pub beacons: u64,
    /// Requests and responses: reconciliation, fetches, pushes.
    pub exchange: u64,
    /// Gossip's own control messages, by its contract: ids offered and asked for.
    pub control: u64,
}

/// How long statements took from their acknowledgement on one node to their effect on the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Propagation {
    /// Arrivals measured: statements times nodes.
    pub arrivals: u64,
    /// Microseconds within which half of them were effective.
    pub p50_us: u64,
    /// Nine tenths.
    pub p90_us: u64,
    /// 99 of a hundred.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
    /// Count of arrivals in each of [`Propagation::BOUNDS_MS`], the last one open.
    pub histogram: Vec<u64>,
    /// Copies of statements that gossip brought under load, for each first one: 1.0 is the least. In thousandths. The
    /// founding is left out: there every node says the same at once.
    pub copies_thousandths: u64,
}

impl Propagation {
    /// Upper bounds of the histogram's bars, milliseconds.
    pub const BOUNDS_MS: [u64; 15] = [5, 10, 20, 40, 60, 80, 100, 150, 200, 300, 500, 1_000, 5_000, 20_000, 60_000];

    /// Which bar a time belongs to.
    pub fn bar_of(took_us: u64) -> usize {
        Self::BOUNDS_MS.iter().position(|bound| took_us <= bound * 1_000).unwrap_or(Self::BOUNDS_MS.len())
    }

    /// Times that were measured elsewhere, in microseconds and ascending.
    pub fn of(times_us: &[u64], copies_thousandths: u64) -> Self {
        let at = |thousandths: usize| {
            let rank = (times_us.len() * thousandths).div_ceil(1_000).max(1);
            times_us.get(rank - 1).copied().unwrap_or(0)
        };
        let mut histogram = vec![0; Self::BOUNDS_MS.len() + 1];
        times_us.iter().for_each(|time| histogram[Self::bar_of(*time)] += 1);
        let (p50_us, p90_us, p99_us, max_us) = (at(500), at(900), at(990), at(1_000));
        Self { arrivals: times_us.len() as u64, p50_us, p90_us, p99_us, max_us, histogram, copies_thousandths }
    }
}

/// One fault on the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultSpan {
    /// The class.
    pub class: Class,
    /// Begin, milliseconds of simulated time.
    pub from_ms: u64,
    /// End.
    pub to_ms: u64,
    /// The nodes it was about.
    pub nodes: Vec<usize>,
    /// How strong it was; [`Class::row`] says in which unit.
    pub amount: u64,
}

/// A moment from which on nothing was wrong, until the next fault began.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Heal {
    /// When, milliseconds of simulated time.
    pub at_ms: u64,
    /// After how long all running nodes had equal sets; `None`: a new fault came first.
    pub equal_after_ms: Option<u64>,
}

/// Totals over a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Events that machines handled.
    pub events: u64,
    /// Writes asked for.
    pub writes: u64,
    /// Writes acknowledged.
    pub acknowledged: u64,
    /// Writes refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Faults that began, by class.
    pub faults: BTreeMap<String, u64>,
    /// Crashes of processes, those in recovery included.
    pub crashes: u64,
    /// Gossip messages that arrived, copies included.
    pub copies: u64,
    /// Messages that were lost on links.
    pub lost: u64,
    /// Bytes sent, by kind.
    pub bytes: Bytes,
    /// Reads by services, and views that watchers went through.
    pub reads: u64,
    /// Sessions of reconciliation that nodes began.
    pub sessions: u64,
    /// Node-seconds in which a node ran.
    pub node_seconds: u64,
    /// Wall-clock milliseconds that the run took: the one number that differs between equal runs, and is not compared.
    pub wall_ms: u64,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The check.
    pub check: String,
    /// When, milliseconds of simulated time.
    pub at_ms: u64,
    /// The node.
    pub node: usize,
    /// What was seen, for people.
    pub what: String,
}

/// A conflict, with both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictShown {
    /// The entry.
    pub path: String,
    /// Where in it, as a JSON Pointer.
    pub pointer: String,
    /// The side that shows: statement, author, edit.
    pub winner: String,
    /// The other.
    pub loser: String,
}

/// A node at the end of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEnd {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Whether it runs.
    pub up: bool,
    /// Statements it holds.
    pub statements: u64,
    /// Short digest of its effective state.
    pub digest: String,
    /// Bytes it sent.
    pub sent: u64,
    /// How often its process began.
    pub boots: u64,
}

/// What the replay of a real history, branch by branch, came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryTold {
    /// Commits.
    pub commits: u64,
    /// Those of more than one parent.
    pub merges: u64,
    /// Their authors.
    pub authors: u64,
    /// Changes of all commits: a path and its whole value.
    pub changes: u64,
    /// Statements that carry them.
    pub statements: u64,
    /// Changes for which nothing was signed: the node that wrote had the value already.
    pub unchanged: u64,
    /// How often two nodes met because the history forks there.
    pub forks_met: u64,
    /// How often two nodes met because the history merges there.
    pub merges_met: u64,
    /// Those meetings after which a node saw more conflicts than either did before.
    pub merges_in_conflict: u64,
    /// The most conflicts that any node saw after a meeting.
    pub most_open: u64,
    /// Each scope with its statements and digests, equal on every node at the end.
    pub scopes: Vec<ScopeEqual>,
    /// Paths that the history ever changed.
    pub paths: u64,
    /// Those whose last change was made by somebody who had seen all others: they must come out as the history says.
    pub settled: u64,
    /// Paths at which the mesh and the history's own last word agree, absent ones included.
    pub equal: u64,
    /// Live values: of the mesh, and of the history's last words.
    pub live: (u64, u64),
    /// Paths at which they differ, and why.
    pub differ: Vec<ValueDiffers>,
    /// Conflicts that stand at the end.
    pub open: u64,
    /// Each of them, explained, as far as they are listed.
    pub conflicts: Vec<ConflictExplained>,
}

/// What the replay of an exported log came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReplayTold {
    /// Statements in the log.
    pub statements: u64,
    /// Writes among them: they were signed anew and replayed.
    pub writes: u64,
    /// Those that were left out, by kind: trust statements, and what this version cannot read.
    pub left_out: BTreeMap<String, u64>,
    /// Authors of the writes.
    pub authors: u64,
    /// Seconds from the first write to the last, by their own times.
    pub span_s: u64,
    /// How many times faster than that they were replayed.
    pub pace: f64,
    /// Writes that were accepted.
    pub accepted: u64,
    /// Writes that came to a node which did not know yet what their author had seen.
    pub ahead: u64,
    /// Writes that were offered more than once until a node accepted them: it was down, stood still, or took no writes.
    pub again: u64,
    /// Writes that no node had accepted when the run ended, with what it said last.
    pub never: BTreeMap<String, u64>,
}

/// What a scenario came to over real sockets; what was simulated with the links and disks measured there is beside it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SocketsTold {
    /// Writes, each on one node.
    pub writes: u64,
    /// Half of them were acknowledged within so many microseconds.
    pub answer_p50_us: u64,
    /// Propagation over real sockets.
    pub real: Propagation,
    /// Neighbours of a real node in its topic's mesh, on average.
    pub neighbours: f64,
    /// What was measured and given to the simulator.
    pub calibrated: Vec<Calibrated>,
}

/// A link or a disk as it was measured. Pairs are median and 99th percentile, milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// What took so long.
    pub what: String,
    /// What the proxies were asked for; a disk is as it is.
    pub asked_ms: Option<(f64, f64)>,
    /// What it took.
    pub measured_ms: (f64, f64),
}

/// A scope's digests, equal on every node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeEqual {
    /// The scope.
    pub scope: String,
    /// Statements.
    pub statements: u64,
    /// Digest of the set, of the merged state, of the effective state: the first bytes, hexadecimal.
    pub digests: (String, String, String),
}

/// A path at which the mesh says something else than the last line of the history about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueDiffers {
    /// The path.
    pub path: String,
    /// The commit whose change stands last in the file.
    pub last: String,
    /// What the mesh shows that this commit does not say, and whose it is.
    pub why: String,
}

/// A conflict of a replayed history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictExplained {
    /// The entry.
    pub path: String,
    /// Where in it, as a JSON Pointer.
    pub pointer: String,
    /// The side whose time is greater: commit, author, what it does.
    pub winner: String,
    /// The other.
    pub loser: String,
    /// What shows there now, and whose it is.
    pub shows: String,
    /// Why it stands.
    pub why: String,
}

/// A run that broke a rule, as small as it could be made: enough to see it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Version of this program, and the commit where it is known.
    pub version: String,
    /// The rule.
    pub violation: Violation,
    /// Scenario, seed and plan.
    pub case: Case,
    /// Faults and writes of the plan before it was made smaller.
    pub before: (usize, usize),
}
