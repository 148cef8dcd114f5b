//! How the network of one node is set up, and why it may fail to start.

use std::time::Duration;

use driftless_statement::MeshId;
use libp2p::Multiaddr;

/// The setup. [`P2pConfig::new`] has defaults for all but the mesh and the addresses.
#[derive(Debug, Clone)]
pub struct P2pConfig {
    /// The mesh: part of the handshake, of every protocol name and of every topic.
    pub mesh: MeshId,
    /// Addresses to listen on: `/ip4/…/tcp/…` or `/ip4/…/udp/…/quic-v1`. Port 0 picks a free one.
    pub listen: Vec<Multiaddr>,
    /// Addresses that are dialled for ever. With `/p2p/ID` at the end only that peer is accepted there, and it may be
    /// connected before the members are known; without, whoever answers must be a member.
    pub peers: Vec<Multiaddr>,
    /// Whether to look for peers in the local network. What is found is dialled only when it is a member.
    pub mdns: bool,
    /// Connections at once, both directions together; inbound ones may take three quarters.
    pub max_connections: u32,
    /// Resident memory of the process, in bytes, above which no new connection is made or taken.
    pub max_memory_bytes: usize,
    /// A connection that has not proven its key by then is dropped: bounds half-open ones.
    pub handshake_timeout: Duration,
    /// How long a request may take, both when asking and when answering.
    pub request_timeout: Duration,
    /// How long a peer that misbehaves over and over is refused the first time; each further ban is twice as long.
    pub first_ban: Duration,
    /// How long a ban may last.
    pub longest_ban: Duration,
    /// Events that may wait for the driver.
    pub events: usize,
    /// Messages, verdicts, requests and answers that may wait for the network.
    pub commands: usize,
    /// Fixes the jitter of the dialler. Different on every node, else they dial in step.
    pub seed: u64,
}

impl P2pConfig {
    /// Defaults: no address, no mDNS, and bounds that a node of a mesh of some hundred never meets.
    pub fn new(mesh: MeshId) -> Self {
        Self {
            mesh,
            listen: Vec::new(),
            peers: Vec::new(),
            mdns: false,
            max_connections: 256,
            max_memory_bytes: 2 << 30,
            handshake_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(10),
            first_ban: Duration::from_secs(60),
            longest_ban: Duration::from_secs(3600),
            events: 1024,
            commands: 1024,
            seed: 0,
        }
    }
}

/// Why the network did not start. Nothing runs afterwards.
#[derive(Debug, thiserror::Error)]
pub enum P2pError {
    /// The key is no Ed25519 key.
    #[error("the node's key cannot be used")]
    Key,
    /// An address cannot be listened on: taken, not of this machine, or of a kind that is not spoken here.
    #[error("cannot listen on {addr}: {reason}")]
    Listen {
        /// As configured.
        addr: Multiaddr,
        /// What the system said.
        reason: String,
    },
    /// A configured peer's address ends in an id that is no Ed25519 key.
    #[error("{addr} names a peer whose id is no Ed25519 key")]
    PeerId {
        /// As configured.
        addr: Multiaddr,
    },
    /// A part of the network could not be set up.
    #[error("cannot set up the network: {0}")]
    Setup(String),
}

impl P2pError {
    pub(super) fn setup(reason: impl ToString) -> Self {
        Self::Setup(reason.to_string())
    }
}
