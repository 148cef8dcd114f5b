//! Effects: what a node wants done, as plain data that tests compare.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_statement::{PublicKey, Scope, StatementId, Verified};

use super::event::CallId;
use super::outcome::{SubmitOutcome, WriteOutcome};
use crate::view::View;

/// What a gossip topic is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Statements of one scope.
    Scope(Scope),
    /// Beacons.
    Beacons,
}

/// What becomes of a gossip message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Verified and admissible: forward it.
    Accept,
    /// Known, or not to be judged here: do not forward it, blame nobody.
    Ignore,
    /// Provably bad: do not forward it, and count it against the peer.
    Reject,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Make a batch durable, then say [`super::Event::Stored`].
    Store {
        /// Names the batch.
        batch: u64,
        /// What to take off the disk, before anything is appended.
        gone: Vec<StatementId>,
        /// What to append, in this order.
        statements: Vec<Arc<Verified>>,
        /// The time floor to keep, Unix milliseconds.
        floor_ms: u64,
    },
    /// Hand a message to gossip.
    Publish {
        /// Where.
        topic: Topic,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// Judge a gossip message.
    Verdict {
        /// Which.
        id: Vec<u8>,
        /// Who handed it on.
        from: PublicKey,
        /// The judgement.
        verdict: Verdict,
    },
    /// Do not hear a peer's gossip for a while: it hands on what nobody here can use. What is on its way into this node
    /// already is handled as ever, and everything else with the peer goes on.
    Mute {
        /// Whom.
        peer: PublicKey,
        /// For how long, milliseconds.
        lasts_ms: u64,
    },
    /// Ask a peer.
    Request {
        /// Whom.
        peer: PublicKey,
        /// Names the request.
        corr: u64,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// Answer a peer.
    Respond {
        /// Names its request.
        token: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Who may stay connected.
    Members(Arc<BTreeSet<PublicKey>>),
    /// These keys were members until a revocation took that from them: cut them off and let none of them in, whatever else
    /// speaks for them. Replaces those told before.
    Expelled(Arc<BTreeSet<PublicKey>>),
    /// Take part in a topic.
    Subscribe(Topic),
    /// Answer a write.
    Wrote {
        /// Which call.
        call: CallId,
        /// The outcome.
        outcome: WriteOutcome,
    },
    /// Answer a submission.
    Submitted {
        /// Which call.
        call: CallId,
        /// One outcome for each statement.
        outcome: Vec<SubmitOutcome>,
    },
    /// Show local services a new view.
    Show(Arc<View>),
    /// A statement by another author became effective here.
    Effective {
        /// Which.
        id: StatementId,
        /// Milliseconds from its author's time to now; never negative.
        delay_ms: u64,
        /// Milliseconds from its arrival here to now.
        apply_ms: u64,
        /// Whether it was signed before this node's latest link came up: then the delay is that of a cut or of a time
        /// when this node was down, and says nothing about how fast changes travel.
        catch_up: bool,
    },
}
