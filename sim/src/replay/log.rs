//! An exported log: a bundle of statements, checked as a node would check them. It must not know the world.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::bundle::{self, BadBundle};
use driftless_statement::{Body, Invalid, PublicKey, Signed, StatementId, Verified};

/// Why bytes are no log. Nothing was run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BadLog {
    /// Not a bundle.
    #[error("{0}; `driftless log --export FILE` writes one")]
    Bundle(#[from] BadBundle),
    /// A statement in it is not valid.
    #[error("statement {number} of the bundle: {invalid}")]
    Statement {
        /// Which, from 1.
        number: usize,
        /// Why.
        invalid: Invalid,
    },
    /// A write names a statement that is not there.
    #[error("statement {id} names {named}, which is not in the log; export the whole scope, or the whole log")]
    Missing {
        /// The write.
        id: StatementId,
        /// What it names.
        named: StatementId,
    },
    /// There is nothing to replay.
    #[error("the log holds no write")]
    Empty,
    /// The pace makes no sense here.
    #[error("a pace of {pace} makes {days:.1} days of {span_s} seconds; the world runs 60 days at most")]
    Pace {
        /// What was asked for.
        pace: f64,
        /// Seconds that the log spans.
        span_s: u64,
        /// What that comes to.
        days: f64,
    },
}

/// A log.
#[derive(Debug, Default)]
pub struct Log {
    /// Its writes in the order of (time, id), which puts every statement after what it names.
    pub writes: Vec<Verified>,
    /// Statements that are no writes, by kind.
    pub others: BTreeMap<String, u64>,
    /// Ids of those.
    pub(super) other_ids: BTreeSet<StatementId>,
}

impl Log {
    /// Reads a bundle and checks every signature.
    pub fn read(bytes: &[u8]) -> Result<Self, BadLog> {
        let mut log = Self::default();
        for (at, wire) in bundle::decode(bytes)?.into_iter().enumerate() {
            let verified = Signed::decode(wire).and_then(Signed::verify);
            let verified = verified.map_err(|invalid| BadLog::Statement { number: at + 1, invalid })?;
            let readable = !verified.statement().is_unknown();
            match &verified.statement().body {
                Body::Write(_) if readable => log.writes.push(verified),
                body => {
                    let kind = if readable { body.word() } else { "unknown" };
                    *log.others.entry(kind.to_owned()).or_default() += 1;
                    log.other_ids.insert(verified.id());
                }
            }
        }
        log.writes.sort_unstable_by_key(Verified::key);
        log.writes.dedup_by_key(|write| write.id());
        if log.writes.is_empty() { Err(BadLog::Empty) } else { Ok(log) }
    }

    /// Authors of writes, in the order in which they first wrote.
    pub fn authors(&self) -> Vec<PublicKey> {
        let mut seen = BTreeSet::new();
        let authors = self.writes.iter().map(|write| write.statement().author);
        authors.filter(|author| seen.insert(*author)).collect()
    }

    /// Milliseconds from the first write to the last, by their own times.
    pub fn span_ms(&self) -> u64 {
        let time = |write: Option<&Verified>| write.map_or(0, |write| write.statement().hlc.millis());
        time(self.writes.last()) - time(self.writes.first())
    }
}
