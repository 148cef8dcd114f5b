//! What a node counts: by stable words only, so that no peer can add a series.

use std::collections::BTreeMap;

use super::intake::Taken;
use crate::wire::BadMessage;

/// Totals since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Statements that came in, by outcome and reason.
    pub taken: BTreeMap<(&'static str, &'static str), u64>,
    /// Gossip and peer messages that were refused, by reason.
    pub refused_messages: BTreeMap<&'static str, u64>,
    /// Sessions of reconciliation begun.
    pub sessions: u64,
    /// Round trips in them.
    pub rounds: u64,
    /// Bytes sent and received in them, statements excluded.
    pub reconcile_bytes: u64,
    /// Ids that they found to differ.
    pub differences: u64,
    /// Sessions that ended without a result.
    pub failed_sessions: u64,
    /// Requests of peers that were answered.
    pub served: u64,
    /// Statements published to gossip.
    pub published: u64,
    /// Beacons accepted.
    pub beacons: u64,
    /// What the rules about who may do what refused, by how it came (`edit`, `submission`, `peer`) and rule.
    pub refusals: BTreeMap<(&'static str, &'static str), u64>,
    /// Statements that root acts struck and that were taken off the disk.
    pub struck_gone: u64,
    /// What was delayed by an intake rate, by cause.
    pub delayed: BTreeMap<&'static str, u64>,
    /// How often a peer's gossip was not heard for a while, for what it handed on.
    pub mutes: u64,
    /// How often this node's own branch was seen to fork.
    pub own_forks: u64,
}

impl Counts {
    /// Messages that could not be read and that no version of the protocol allows. What a later version might say is
    /// not among them: nobody is to be blamed for being newer.
    pub fn unreadable(&self) -> u64 {
        let words = ["too_large", "too_many_items", "cbor", "field", "too_many", "not_ascending"];
        words.iter().filter_map(|word| self.refused_messages.get(word)).sum()
    }

    pub(super) fn taken(&mut self, taken: &Taken) {
        *self.taken.entry((taken.word(), taken.reason())).or_default() += 1;
    }

    /// The rules about who may do what refused something.
    pub(super) fn refused(&mut self, came: &'static str, rule: &'static str) {
        *self.refusals.entry((came, rule)).or_default() += 1;
    }

    /// A message that could not be read; returns the word it is counted under.
    pub(super) fn refused_message(&mut self, bad: &BadMessage) -> &'static str {
        let word = match bad {
            BadMessage::TooLarge { .. } => "too_large",
            BadMessage::TooManyItems => "too_many_items",
            BadMessage::Cbor(_) => "cbor",
            BadMessage::Version(_) => "version",
            BadMessage::Kind(_) => "kind",
            BadMessage::Field(_) => "field",
            BadMessage::TooMany { .. } => "too_many",
            BadMessage::NotAscending(_) => "not_ascending",
        };
        *self.refused_messages.entry(word).or_default() += 1;
        word
    }

    /// A beacon that was not accepted.
    pub(super) fn refused_beacon(&mut self, word: &'static str) {
        *self.refused_messages.entry(word).or_default() += 1;
    }
}
