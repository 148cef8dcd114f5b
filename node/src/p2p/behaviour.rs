//! All protocols that run over one connection, put together. The gate comes first: it refuses before others listen.

use std::collections::BTreeSet;
use std::time::Duration;

use driftless_statement::PublicKey;
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{identify, mdns, memory_connection_limits, ping};
use prometheus_client::registry::Registry;

use super::bans::{Bans, Terms};
use super::gate::Gate;
use super::gossip::{self, Gossip};
use super::names::Names;
use super::sync::{self, Sync};
use super::{P2pConfig, P2pError};

/// Handshakes under way from outside. Strangers can fill it, for one handshake timeout each; own dials are not counted in.
const PENDING_INBOUND: u32 = 256;
/// Dials under way.
const PENDING_OUTBOUND: u32 = 64;
/// Connections with one peer: two when both dialled at once, one more for a new one before the old is known to be dead.
const PER_PEER: u32 = 3;
/// A dead peer is noticed within interval and timeout, with nothing else to tell it.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The protocols of a node.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) gate: Gate,
    limits: connection_limits::Behaviour,
    memory: memory_connection_limits::Behaviour,
    pub(super) gossip: Gossip,
    pub(super) sync: Sync,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
}

impl Behaviour {
    /// Builds all of them.
    pub(super) fn new(
        config: &P2pConfig,
        names: &Names,
        key: &Keypair,
        configured: BTreeSet<PublicKey>,
        registry: &mut Registry,
    ) -> Result<Self, P2pError> {
        let protocol = names.sync().ok_or_else(|| P2pError::setup("protocol name"))?;
        Ok(Self {
            gate: Gate::new(configured, Bans::new(Terms { first: config.first_ban, longest: config.longest_ban })),
            limits: connection_limits::Behaviour::new(limits(config.max_connections)),
            memory: memory_connection_limits::Behaviour::with_max_bytes(config.max_memory_bytes),
            gossip: gossip::behaviour(names, registry)?,
            sync: sync::behaviour(protocol, config.request_timeout),
            identify: identify::Behaviour::new(introduction(names, key)),
            ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT)),
            mdns: neighbourhood(config, key)?.into(),
        })
    }
}

/// A quarter of all connections is kept for our own dials, so that members that flood us cannot cut us off.
fn limits(total: u32) -> ConnectionLimits {
    let inbound = total.saturating_sub(total / 4).max(1);
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(PENDING_INBOUND))
        .with_max_pending_outgoing(Some(PENDING_OUTBOUND))
        .with_max_established(Some(total))
        .with_max_established_incoming(Some(inbound))
        .with_max_established_per_peer(Some(PER_PEER))
}

/// What a peer is told: the mesh and the program, nothing about this machine, and no address.
fn introduction(names: &Names, key: &Keypair) -> identify::Config {
    identify::Config::new(names.mesh(), key.public())
        .with_agent_version(concat!("driftless/", env!("CARGO_PKG_VERSION")).to_owned())
        .with_hide_listen_addrs(true)
        .with_cache_size(0)
}

fn neighbourhood(config: &P2pConfig, key: &Keypair) -> Result<Option<mdns::tokio::Behaviour>, P2pError> {
    if !config.mdns {
        return Ok(None);
    }
    mdns::tokio::Behaviour::new(mdns::Config::default(), key.public().to_peer_id()).map(Some).map_err(P2pError::setup)
}
