//! Events: everything that can happen to a node, as plain data.

use std::sync::Arc;

use driftless_statement::statement::Bytes;
use driftless_statement::{PublicKey, StatementId, Verified};

use super::outcome::LocalEdit;
use crate::beacon::Health;

/// Names a call of a local service, so that its reply finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The store was read: what it holds, in the order in which it was appended.
    Loaded(Vec<Arc<Verified>>),
    /// A local service asks this node to sign and append an edit.
    Write {
        /// Names the call.
        call: CallId,
        /// The edit.
        edit: LocalEdit,
    },
    /// Statements signed elsewhere, from a local service or a file.
    Submit {
        /// Names the call.
        call: CallId,
        /// Wire bytes of each.
        statements: Vec<Vec<u8>>,
    },
    /// A peer's link is up; who it is was proven by the handshake.
    Connected {
        /// The peer.
        peer: PublicKey,
    },
    /// The part of the network in which a linked peer stands: links into one part are no independent witnesses. Who has
    /// none told stands for itself.
    Group {
        /// The peer.
        peer: PublicKey,
        /// Names the part; the same number for all peers in it.
        group: u64,
    },
    /// The last link to a peer went down.
    Disconnected {
        /// The peer.
        peer: PublicKey,
    },
    /// A gossip message, not yet forwarded: it waits for a verdict.
    Gossip {
        /// Names the message for the verdict.
        id: Vec<u8>,
        /// The peer that handed it on.
        from: PublicKey,
        /// Its bytes.
        bytes: Bytes,
    },
    /// A peer asks.
    Request {
        /// The peer.
        peer: PublicKey,
        /// Names the request for the response.
        token: u64,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A peer answers.
    Response {
        /// The peer.
        peer: PublicKey,
        /// Names the request that it answers.
        corr: u64,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A request will not be answered.
    RequestFailed {
        /// The peer.
        peer: PublicKey,
        /// Names the request.
        corr: u64,
    },
    /// A batch is on disk.
    Stored {
        /// Which.
        batch: u64,
    },
    /// A batch is not on disk and will not be: nothing of it may be acknowledged.
    StoreFailed {
        /// Which.
        batch: u64,
        /// Why, for people.
        reason: String,
    },
    /// The store takes writes again.
    StoreRecovered,
    /// Statements that were on disk no longer are: the disk lied, or was damaged while it failed.
    StoreLost {
        /// Which.
        ids: Vec<StatementId>,
    },
    /// What the shell finds wrong with this node, which core cannot see. It holds until the shell says otherwise.
    Ails(Health),
    /// The deadline passed.
    Tick,
}
