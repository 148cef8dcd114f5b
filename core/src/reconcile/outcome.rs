//! What a session concluded: plain data for the tracker of peers, the log and the metrics.

use driftless_statement::{Scope, StatementId};

use super::short::Short;
use crate::wire::Word;

/// How a session ended. None of them is a proof that nothing is missing: a peer may lie, so what stays missing is asked
/// of other peers, and digests in beacons tell whether something does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The peer says that its set is the same.
    Same,
    /// All differences found were exchanged, as far as `missing` and `refused` do not say otherwise.
    Exchanged,
    /// A bound of the session was reached: start the next one, at once if anything moved in this one.
    Partial,
    /// The digests differ, yet the peer's answers show no difference: a set that changed meanwhile, or a lie.
    Unexplained,
    /// The peer refused a request.
    Refused(Word),
    /// The peer's answer does not fit the question. Says what was wrong.
    Misbehaved(&'static str),
    /// The connection ended, or the answer did not come in time.
    Abandoned,
}

impl End {
    /// The word for logs and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Exchanged => "exchanged",
            Self::Partial => "partial",
            Self::Unexplained => "unexplained",
            Self::Refused(_) => "refused",
            Self::Misbehaved(_) => "misbehaved",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The report of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The scope.
    pub scope: Scope,
    /// How it ended.
    pub end: End,
    /// Statements that the peer claimed to hold and this node lacked.
    pub only_remote: usize,
    /// Statements that this node held and the peer, by its answers, lacked.
    pub only_local: usize,
    /// Statements asked for that came (their signatures are not checked here).
    pub came: usize,
    /// What was asked for and did not come: the first `OUTCOME_IDS` of them.
    pub missing: Vec<Short>,
    /// How many were asked for and did not come.
    pub missed: usize,
    /// Pushed statements that the peer says it holds now.
    pub taken: usize,
    /// Pushed statements that the peer refused, and why: the first `OUTCOME_IDS` of them.
    pub refused: Vec<(StatementId, Word)>,
    /// Round trips.
    pub rounds: usize,
    /// Bytes read, about.
    pub bytes: usize,
    /// Whether symbols failed and ranges were listed.
    pub ranged: bool,
}

impl Outcome {
    /// Whether the next session goes on from here at once. Where nothing moved it would find the same.
    pub fn goes_on(&self) -> bool {
        self.end == End::Partial && (self.came > 0 || self.taken > 0)
    }

    pub(super) fn new(scope: Scope) -> Self {
        Self {
            scope,
            end: End::Abandoned,
            only_remote: 0,
            only_local: 0,
            came: 0,
            missing: Vec::new(),
            missed: 0,
            taken: 0,
            refused: Vec::new(),
            rounds: 0,
            bytes: 0,
            ranged: false,
        }
    }
}
