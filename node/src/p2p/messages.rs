//! What passes between the network and the rest of the node: plain data, comparable with `==`, free of libp2p types.

use std::collections::BTreeSet;
use std::time::Duration;

use driftless_statement::PublicKey;
use driftless_statement::id::hex;

/// Names one gossip message: half of the BLAKE3 hash of its topic and its bytes, the same on every node. A name lies in
/// memory several times over for each message of the last minutes. To find another message with a given name takes 2¹²⁸
/// tries; who makes two with one name (2⁶⁴) hides one of his own from some, and reconciliation brings it there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GossipId(pub [u8; 16]);

impl std::fmt::Debug for GossipId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GossipId({})", hex(self.0.get(..5).unwrap_or_default()))
    }
}

/// Names one request of a peer that waits for its answer; good for one [`Command::Respond`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestToken(pub u64);

/// What the node makes of a gossip message. Nothing is forwarded before its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Verified and admissible: forward it.
    Accept,
    /// Not to be forwarded, and no fault of the peer that sent it (already known, not admissible here, no room).
    Ignore,
    /// No honest node forwards this (garbage, wrong signature): that is a fault, and some of them a ban.
    Reject,
}

/// Why a request got no answer. The peer may still have acted on it, except where the variant says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestFailure {
    /// There is no connection to the peer; nothing was sent.
    #[error("not connected")]
    NotConnected,
    /// Too many requests are under way from here, or this one is too large; nothing was sent.
    #[error("refused here: too many or too large")]
    Refused,
    /// No answer in time.
    #[error("timed out")]
    Timeout,
    /// The connection ended before the answer came.
    #[error("connection closed")]
    Closed,
    /// The peer does not speak the protocol of this mesh; nothing was sent.
    #[error("the peer does not speak this mesh's protocol")]
    Unsupported,
    /// The stream broke, the answer was too large, or the peer refused to answer.
    #[error("stream failed")]
    Stream,
}

/// What happened on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// This node listens on an address (with the real port where 0 was asked for).
    Listening {
        /// A multiaddress without the peer id.
        addr: String,
    },
    /// The first connection to an allowed peer stands.
    Connected {
        /// Who it is, proven by the handshake.
        peer: PublicKey,
        /// Whether this node dialled.
        outbound: bool,
        /// The part of the network that its address lies in, when that is a public one.
        group: Option<u64>,
    },
    /// Somebody is refused for a while for what it did. A restart forgets it.
    Banned {
        /// A peer's key, or an address from which nobody proved a key.
        who: String,
        /// What it did.
        why: &'static str,
        /// For how long.
        lasts: Duration,
    },
    /// The last connection to a peer is gone. Follows every `Connected` exactly once.
    Disconnected {
        /// Who it was.
        peer: PublicKey,
    },
    /// A gossip message arrived for the first time. It waits for a [`Command::Verdict`]; after about five seconds
    /// it is no longer forwarded.
    Gossip {
        /// The topic, as given to [`Command::Subscribe`].
        topic: String,
        /// The message's name.
        id: GossipId,
        /// The peer that forwarded it: not its author.
        from: PublicKey,
        /// The content, at most [`super::MAX_GOSSIP_BYTES`].
        bytes: Vec<u8>,
    },
    /// A peer asks something and waits for a [`Command::Respond`].
    Request {
        /// Who asks.
        peer: PublicKey,
        /// What to answer under.
        token: RequestToken,
        /// The request, at most [`super::MAX_REQUEST_BYTES`].
        bytes: Vec<u8>,
    },
    /// A peer answered.
    Response {
        /// Who answered.
        peer: PublicKey,
        /// The number given with [`Command::Request`].
        corr: u64,
        /// The answer, at most [`super::MAX_REQUEST_BYTES`].
        bytes: Vec<u8>,
    },
    /// A request will get no answer.
    RequestFailed {
        /// Who was asked.
        peer: PublicKey,
        /// The number given with [`Command::Request`].
        corr: u64,
        /// Why.
        reason: RequestFailure,
    },
    /// An attempt to reach a configured or found address failed; it will be tried again.
    DialFailed {
        /// The addresses tried.
        addr: String,
        /// What the network said, for people.
        reason: String,
    },
}

/// What the network shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Send to all who listen to the topic. At most [`super::MAX_GOSSIP_BYTES`]; larger ones are dropped.
    Publish {
        /// The topic.
        topic: String,
        /// The content.
        bytes: Vec<u8>,
    },
    /// The judgement on a gossip message.
    Verdict {
        /// The message.
        id: GossipId,
        /// The peer it came from, as in the event.
        from: PublicKey,
        /// The judgement.
        verdict: Verdict,
    },
    /// Ask a connected peer. Ends in exactly one `Response` or `RequestFailed` with the same `peer` and `corr`. A peer
    /// refuses those beyond 32 under way on one connection, both directions together.
    Request {
        /// Whom to ask.
        peer: PublicKey,
        /// The caller's number for it.
        corr: u64,
        /// The request.
        bytes: Vec<u8>,
    },
    /// Answer a peer's request. Without effect when the peer no longer waits.
    Respond {
        /// From the event.
        token: RequestToken,
        /// The answer: at least one byte, at most [`super::MAX_REQUEST_BYTES`]; any other fails at the peer.
        bytes: Vec<u8>,
    },
    /// Cut all connections to a peer. It may come back.
    Disconnect {
        /// Whom.
        peer: PublicKey,
        /// Why, for the log.
        reason: String,
    },
    /// A peer did what no honest one does. Who does so over and over is banned; a rejected message counts by itself.
    Fault {
        /// Whom.
        peer: PublicKey,
        /// What it did.
        why: &'static str,
    },
    /// Do not hear a connected peer's gossip for a while. All else with it goes on, and who connects anew is heard.
    Mute {
        /// Whom.
        peer: PublicKey,
        /// For how long.
        lasts: Duration,
    },
    /// Hear a topic.
    Subscribe {
        /// The topic: a scope.
        topic: String,
    },
    /// Stop hearing a topic.
    Unsubscribe {
        /// The topic.
        topic: String,
    },
    /// Who may be connected, beside the peers that the configuration names by id. Others are cut at once.
    Members(BTreeSet<PublicKey>),
    /// Nobody of these may be connected, also when configured by id. Replaces those told before.
    Expelled(BTreeSet<PublicKey>),
    /// Where a peer was said to be reachable; it is dialled there while it is allowed. Replaces what was said before.
    Addresses {
        /// Which peer.
        peer: PublicKey,
        /// Multiaddresses; those that are none are skipped.
        addrs: Vec<String>,
    },
    /// `true` drops all connections, refuses new ones and stops dialling; `false` dials again at once.
    Isolate(bool),
    /// Close all connections and end. The event channel closes when done.
    Shutdown,
}
