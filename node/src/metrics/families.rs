//! The families: names, units, labels and buckets. Every label value is one of a few words that this program knows.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Unit;

use super::roll::{Entry, Roll};

pub(super) type Float = Gauge<f64, AtomicU64>;
pub(super) type Total = Counter<u64>;

/// A request that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// The route's template.
    pub route: &'static str,
    /// The method, or `other`.
    pub method: &'static str,
    /// `1xx` to `5xx`.
    pub status: &'static str,
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($field:ident),+ })+) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
        pub(super) struct $name { $(pub(super) $field: &'static str),+ })+
    };
}

labels! {
    Fate { fate }
    Intake { outcome, reason }
    Queue { queue }
    Refusal { came, reason }
    Age { age }
    Delayed { cause }
    Reason { reason }
    Verdict { verdict }
    Outcome { outcome }
    Route { route }
    Sealed { state }
}

/// Handles on every family.
pub(super) struct Families {
    pub standing: Standing,
    pub statements: Statements,
    pub traffic: Traffic,
    pub disk: Disk,
    pub door: Door,
    pub secrets: Secrets,
}

/// How this node stands among the others.
pub(super) struct Standing {
    pub divergence_ratio: Float,
    pub divergence_age: Float,
    pub planned: Float,
    pub unequal: Gauge,
    pub lag: Float,
    pub peers_lag: Float,
    pub isolated: Gauge,
    pub stale_peers: Gauge,
    pub peers_agreeing: Gauge,
    pub bans: Gauge,
    pub ready: Gauge,
    pub agreed: Float,
    pub peers_expected: Gauge,
    pub peers_heard: Gauge,
    pub peers_silent: Gauge,
    pub peers_connected: Gauge,
    pub beacon_oldest: Float,
}

/// Statements and what the rules make of them.
pub(super) struct Statements {
    pub propagation: Histogram,
    pub apply: Histogram,
    pub intake: Family<Intake, Total>,
    pub edits: Family<Intake, Total>,
    pub statements: Gauge,
    pub waiting: Gauge,
    pub fates: Family<Fate, Gauge>,
    pub kept_out: Family<Reason, Gauge>,
    pub entries: Gauge,
    pub conflicts: Gauge,
    pub own_forks: Gauge,
    pub epochs_forked: Gauge,
    pub own_forks_seen: Total,
    pub refusals: Family<Refusal, Total>,
    pub delayed: Family<Delayed, Total>,
    pub authors_over_rate: Gauge,
    pub pending: Family<Age, Gauge>,
    pub pending_oldest: Float,
    pub fold_version: Gauge,
}

/// Queues, gossip and reconciliation.
pub(super) struct Traffic {
    pub queue_depth: Family<Queue, Gauge>,
    pub queue_drops: Family<Queue, Total>,
    pub gossip_verdicts: Family<Verdict, Total>,
    pub sessions: Family<Outcome, Total>,
    pub served: Total,
    pub published: Total,
    pub beacons: Total,
    pub mutes: Total,
    pub refused_messages: Family<Reason, Total>,
    pub rounds: Total,
    pub reconcile_bytes: Total,
    pub differences: Total,
}

/// The store.
pub(super) struct Disk {
    pub commit: Histogram,
    pub commits: Family<Outcome, Total>,
    pub statements: Total,
    pub written: Total,
    pub store_bytes: Gauge,
    pub struck_gone: Total,
    pub read_only: Gauge,
}

/// HTTP.
pub(super) struct Door {
    pub watchers: Gauge,
    pub connections: Gauge,
    pub refused_connections: Family<Reason, Total>,
    pub requests: Family<Request, Total>,
    pub request_seconds: Family<Route, Histogram>,
    pub denied: Family<Reason, Total>,
    pub tokens_broken: Gauge,
}

/// What is sealed.
pub(super) struct Secrets {
    pub sealed: Family<Sealed, Gauge>,
    pub propagation: Histogram,
}

const NONE: &[&str] = &[];

fn plain(name: &'static str, help: &'static str) -> Entry {
    Entry { name, unit: None, labels: NONE, help }
}

fn seconds(name: &'static str, help: &'static str) -> Entry {
    Entry { name, unit: Some(Unit::Seconds), labels: NONE, help }
}

fn labelled(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Entry {
    Entry { name, unit: None, labels, help }
}

fn delayed() -> Entry {
    labelled(
        "intake_delayed",
        &["cause"],
        "Times that something was to come later because an author or a peer was over its intake rate",
    )
}

fn authors_over_rate() -> Entry {
    plain("authors_over_rate", "Authors that are over their intake rate now; `driftless status` names them")
}

fn own_forks_seen() -> Entry {
    plain(
        "own_branch_forks_seen",
        "How often this node's own branch was seen to fork; its next statement joins the branches again",
    )
}

/// From below a LAN round trip to beyond an operator's patience: gossip takes milliseconds, a healed partition hours.
fn delays() -> Histogram {
    Histogram::new([
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0,
    ])
}

/// From a read served from memory to a write that waits for a disk in trouble.
fn latencies() -> Histogram {
    Histogram::new([0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0])
}

impl Families {
    pub(super) fn register(roll: &mut Roll, version: &str) -> Self {
        let build = Info::new(vec![("version".to_owned(), version.to_owned())]);
        roll.add_fixed(labelled("build", &["version"], "Version of the program"), build);
        Self {
            standing: Standing::register(roll),
            statements: Statements::register(roll),
            traffic: Traffic::register(roll),
            disk: Disk::register(roll),
            door: Door::register(roll),
            secrets: Secrets::register(roll),
        }
    }
}

impl Standing {
    fn register(roll: &mut Roll) -> Self {
        Self {
            divergence_ratio: roll.add(plain(
                "divergence_ratio",
                "Share of the heard nodes that differ from this one at the same mark, unplanned, from 0 to 1",
            )),
            divergence_age: roll
                .add(seconds("divergence_age", "Time since which some node differs from this one; 0 when none does")),
            planned: roll.add(plain(
                "divergence_planned_ratio",
                "Share of the heard nodes that differ from this one only by a rollout plan, from 0 to 1",
            )),
            lag: roll.add(seconds("lag", "How long this node takes to make a statement effective, by its own beacon")),
            peers_lag: roll.add(seconds("peers_lag", "Median lag of the nodes heard, by their beacons")),
            unequal: roll.add(plain(
                "equal_sets_unequal_states",
                "1 once two nodes with equal sets were seen with unequal merged digests: must never happen",
            )),
            isolated: roll.add(plain("isolated", "1 while this node hears no other node although it expects some")),
            stale_peers: roll.add(plain(
                "stale_peers",
                "1 while for some time fewer than two independent nodes have agreed with this one although it expects more",
            )),
            peers_agreeing: roll.add(plain(
                "peers_agreeing",
                "Independent other nodes that agreed with this one lately, by their own beacons",
            )),
            bans: roll.add(plain("bans", "Peers and addresses that are refused now for what they sent")),
            ready: roll.add(plain("ready", "1 once the store was read and the mesh's genesis is held")),
            agreed: roll.add(seconds(
                "last_agreed_timestamp",
                "Unix time at which this node last agreed with another one; 0 when it never did",
            )),
            peers_expected: roll.add(plain("peers_expected", "Other nodes that hold an authorised member grant")),
            peers_heard: roll.add(plain("peers_heard", "Other nodes whose beacon has not expired")),
            peers_silent: roll.add(plain("peers_silent", "Expected other nodes that are no longer heard, or were not heard in the time in which they should have been")),
            peers_connected: roll.add(plain("peers_connected", "Other nodes connected directly")),
            beacon_oldest: roll.add(seconds(
                "beacon_oldest_age",
                "Age of the oldest beacon that has not expired; 0 when there is none",
            )),
        }
    }
}

impl Statements {
    fn register(roll: &mut Roll) -> Self {
        Self {
            propagation: roll.add_made(
                seconds(
                    "propagation_delay",
                    "From an author's time in a statement to the statement being effective here, other authors only",
                ),
                delays(),
            ),
            apply: roll.add_made(
                seconds("apply_delay", "From a statement's arrival here to its being effective here"),
                delays(),
            ),
            intake: roll.add(labelled(
                "statements",
                &["outcome", "reason"],
                "Statements that came in, by what became of them and why",
            )),
            edits: roll.add(labelled(
                "local_edits",
                &["outcome", "reason"],
                "Edits that local services asked this node to sign, by what became of them and why",
            )),
            statements: roll.add(plain("statements_held", "Statements in the replicated sets of the scopes held")),
            waiting: roll.add(plain(
                "statements_waiting",
                "Statements in the waiting room: something they name, or a grant, is missing",
            )),
            fates: roll.add(labelled(
                "statements_by_fate",
                &["fate"],
                "Statements held, by what the rules make of them",
            )),
            kept_out: roll.add(labelled(
                "statements_kept_out",
                &["reason"],
                "Statements held that are not fit, by the reason",
            )),
            entries: roll.add(plain("entries", "Entries with a merged value")),
            conflicts: roll.add(plain("conflicts", "Open conflicts")),
            own_forks: roll.add(plain(
                "own_branch_forks",
                "Branches of this node's own statements beyond the first: the key was used twice or the store restored",
            )),
            epochs_forked: roll.add(plain(
                "epochs_forked",
                "1 when two rotations ended the same epoch: no root act counts any more, and the mesh must be founded anew",
            )),
            own_forks_seen: roll.add(own_forks_seen()),
            refusals: roll.add(labelled(
                "authorisation_refusals",
                &["came", "reason"],
                "Statements and edits that the rules about who may do what refused, by how they came and the rule",
            )),
            delayed: roll.add(delayed()),
            authors_over_rate: roll.add(authors_over_rate()),
            pending: roll.add(labelled(
                "statements_pending",
                &["age"],
                "Statements that wait for approvals, by how long ago they were signed",
            )),
            pending_oldest: roll.add(seconds(
                "pending_oldest_age",
                "How long ago the oldest statement was signed that waits for approvals; 0 when none does",
            )),
            fold_version: roll.add(plain("fold_version", "Fold version in force")),
        }
    }
}

impl Traffic {
    fn register(roll: &mut Roll) -> Self {
        Self {
            queue_depth: roll.add(labelled("queue_depth", &["queue"], "Items waiting in a bounded queue")),
            queue_drops: roll.add(labelled("queue_drops", &["queue"], "Items that a full queue refused")),
            gossip_verdicts: roll.add(labelled("gossip_verdicts", &["verdict"], "Gossip messages by verdict")),
            sessions: roll.add(labelled(
                "reconcile_sessions",
                &["outcome"],
                "Reconciliation sessions of this node: begun, and those of them that failed",
            )),
            served: roll.add(plain("peer_requests_served", "Requests of peers that were answered")),
            published: roll.add(plain("statements_published", "Statements handed to gossip")),
            beacons: roll.add(plain("beacons_accepted", "Beacons of other nodes accepted")),
            mutes: roll.add(plain(
                "gossip_mutes",
                "Times that a peer's gossip was not heard for a while: it handed on statements by keys without a grant",
            )),
            refused_messages: roll.add(labelled(
                "messages_refused",
                &["reason"],
                "Gossip and peer messages refused, beacons included, by reason",
            )),
            rounds: roll.add(plain("reconcile_rounds", "Requests made in reconciliation")),
            reconcile_bytes: roll.add(Entry {
                name: "reconcile",
                unit: Some(Unit::Bytes),
                labels: NONE,
                help: "Bytes of reconciliation sent and received, statements excluded",
            }),
            differences: roll.add(plain(
                "reconcile_differences",
                "Statements found by reconciliation that one side had and the other had not",
            )),
        }
    }
}

impl Disk {
    fn register(roll: &mut Roll) -> Self {
        Self {
            commit: roll.add_made(seconds("commit", "Time of one durable commit of the store"), latencies()),
            commits: roll.add(labelled("commits", &["outcome"], "Commits of the store")),
            statements: roll.add(plain("commit_statements", "Statements made durable")),
            written: roll.add(Entry {
                name: "commit_written",
                unit: Some(Unit::Bytes),
                labels: NONE,
                help: "Bytes of records made durable",
            }),
            store_bytes: roll.add(Entry {
                name: "store",
                unit: Some(Unit::Bytes),
                labels: NONE,
                help: "Size of the store file",
            }),
            struck_gone: roll.add(plain(
                "statements_struck_gone",
                "Statements that root keys struck and that left the disk, beyond what is kept of them",
            )),
            read_only: roll.add(plain("store_read_only", "1 while the store takes no writes")),
        }
    }
}

impl Door {
    fn register(roll: &mut Roll) -> Self {
        Self {
            watchers: roll.add(plain("watchers", "Watches open now")),
            connections: roll.add(plain("http_connections", "HTTP connections open now")),
            refused_connections: roll.add(labelled(
                "http_connections_cut",
                &["reason"],
                "HTTP connections refused or cut",
            )),
            denied: roll.add(labelled(
                "http_requests_denied",
                &["reason"],
                "HTTP requests refused for who sent them or from where",
            )),
            tokens_broken: roll.add(plain(
                "tokens_file_broken",
                "1 while the file of tokens cannot be used, and the last good set of tokens holds",
            )),
            requests: roll.add(labelled("http_requests", &["route", "method", "status"], "HTTP requests answered")),
            request_seconds: roll.add_made(
                Entry {
                    name: "http_request",
                    unit: Some(Unit::Seconds),
                    labels: &["route"],
                    help: "Time from a request's head to its answer's head",
                },
                Family::new_with_constructor(latencies as fn() -> Histogram),
            ),
        }
    }
}

impl Secrets {
    fn register(roll: &mut Roll) -> Self {
        Self {
            sealed: roll.add(labelled(
                "sealed_entries",
                &["state"],
                "Entries with a sealed value, by what they are to this node; an entry may be of several states",
            )),
            propagation: roll.add_made(
                seconds(
                    "secret_propagation_delay",
                    "From an author's time in a sealed value to its being effective and opened here on trial",
                ),
                delays(),
            ),
        }
    }
}
