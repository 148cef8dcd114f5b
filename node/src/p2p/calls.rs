//! Requests under way in both directions: who asked what under which number. Bounded; pure but for the answer channels.

use std::collections::BTreeMap;

use driftless_statement::PublicKey;
use libp2p::request_response::{OutboundRequestId, ResponseChannel};

use super::RequestToken;
use super::room::{Message, Room};

/// Requests to peers under way at once, all peers together. Each may bring an answer of the greatest size.
const ASKED: usize = 256;
/// Requests of peers that wait for this node's answer, all peers together.
const WAITING: usize = 256;

/// All requests under way.
#[derive(Debug, Default)]
pub(super) struct Calls {
    asked: BTreeMap<OutboundRequestId, (PublicKey, u64)>,
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
}

/// A request of a peer that waits for this node's answer, with the room that it takes until then.
#[derive(Debug)]
pub(super) struct Waiting {
    pub peer: PublicKey,
    pub channel: ResponseChannel<Message>,
    _room: Option<Room>,
}

impl Calls {
    /// Whether another request may be sent.
    pub(super) fn may_ask(&self) -> bool {
        self.asked.len() < ASKED
    }

    /// A request was sent.
    pub(super) fn asked(&mut self, id: OutboundRequestId, peer: PublicKey, corr: u64) {
        self.asked.insert(id, (peer, corr));
    }

    /// A request ended, one way or the other. Says the caller's number.
    pub(super) fn ended(&mut self, id: OutboundRequestId) -> Option<u64> {
        self.asked.remove(&id).map(|(_, corr)| corr)
    }

    /// Whether requests to the peer are under way.
    pub(super) fn busy(&self, peer: &PublicKey) -> bool {
        self.asked.values().any(|(asked, _)| asked == peer)
    }

    /// A peer asks. None when too many wait: the channel is dropped, and the peer hears of it.
    pub(super) fn wait(
        &mut self,
        peer: PublicKey,
        room: Option<Room>,
        channel: ResponseChannel<Message>,
    ) -> Option<RequestToken> {
        if self.waiting.len() >= WAITING {
            return None;
        }
        let token = self.next;
        self.next += 1;
        self.waiting.insert(token, Waiting { peer, channel, _room: room });
        Some(RequestToken(token))
    }

    /// The channel for an answer, once. None when the peer no longer waits.
    pub(super) fn take(&mut self, token: RequestToken) -> Option<Waiting> {
        self.waiting.remove(&token.0)
    }

    /// Forgets requests whose peer no longer waits.
    pub(super) fn prune(&mut self) {
        self.waiting.retain(|_, waiting| waiting.channel.is_open());
    }
}
