//! The network of a node: libp2p on one side, plain data on the other. It translates and never decides on trust: the
//! driver says who is a member. It must not know the store, the HTTP side, the driver or core's machine.
//!
//! ```text
//! commands ─▶ carrier ─▶ swarm ─▶ gate, limits, gossip, sync, identify, ping, mdns
//! events   ◀─ outbox  ◀─ translate
//! ```

mod bans;
mod behaviour;
mod calls;
mod carrier;
mod config;
mod dialler;
mod gate;
mod gossip;
mod handle;
mod identity;
mod links;
mod listen;
mod messages;
mod muted;
mod names;
mod outbox;
mod resolve;
mod room;
mod sync;
mod traffic;
mod translate;
mod transport;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use driftless_statement::{PublicKey, SecretKey};
use libp2p::identity::Keypair;
use libp2p::{PeerId, Swarm, swarm};
use prometheus_client::registry::Registry;

pub use config::{P2pConfig, P2pError};
pub use handle::{Ended, P2pHandle};
pub use libp2p::Multiaddr;
pub use messages::{Command, Event, GossipId, RequestFailure, RequestToken, Verdict};
pub use traffic::Traffic;

use behaviour::Behaviour;
use calls::Calls;
use carrier::Carrier;
use dialler::Dialler;
use links::Links;
use names::Names;
pub use outbox::Events;

/// Bytes of one gossip message: a statement that may be flooded, several times over.
pub const MAX_GOSSIP_BYTES: usize = 64 * 1024;
/// Bytes of one request or answer: a mebibyte of content and what wraps it.
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024 + 4 * 1024;

/// Inbound streams of one connection whose protocol is not yet agreed.
const NEGOTIATING: usize = 32;
/// Connections are kept for as long as they work: members stay connected.
const IDLE: Duration = Duration::from_secs(u32::MAX as u64);

/// Starts the network on the current tokio runtime. Its metrics appear in the registry, which must not hold those of
/// another network already.
///
/// Events come until the network has ended, after [`Command::Shutdown`] or when all handles are dropped; then the
/// receiver says `None`. It also does if the network should ever panic: the process lives on and may start it anew.
pub fn spawn(config: P2pConfig, key: &SecretKey, registry: &mut Registry) -> Result<(P2pHandle, Events), P2pError> {
    let local = key.public();
    let keypair = identity::keypair(key).ok_or(P2pError::Key)?;
    let traffic = Traffic::register(registry);
    let names = Names::new(config.mesh);
    let swarm = build(&config, &keypair, &names, &traffic, registry)?;
    let (handle, orders) = P2pHandle::new(config.commands, traffic.clone(), local);
    let (outbox, events) = outbox::channel(config.events.max(1));
    let carrier = Carrier {
        swarm,
        commands: orders,
        outbox,
        dialler: Dialler::new(&config.peers, local, config.seed, Instant::now()),
        links: Links::new(local),
        muted: muted::Muted::default(),
        calls: Calls::default(),
        writing: room::Writing::new(),
        names,
        traffic,
        metrics: libp2p::metrics::Metrics::new(registry),
        lookups: carrier::Lookups::new(),
        leaving: None,
        alarm: Box::pin(tokio::time::sleep(Duration::ZERO)),
        orders: Vec::new(),
    };
    tokio::spawn(carrier.run());
    Ok((handle, events))
}

/// An address with the peer that is to answer there, as `peers` in the configuration takes it. None for a key that is
/// no peer's.
pub fn address_of(addr: &Multiaddr, peer: &PublicKey) -> Option<Multiaddr> {
    addr.clone().with_p2p(identity::peer_id(peer)?).ok()
}

fn build(
    config: &P2pConfig,
    keypair: &Keypair,
    names: &Names,
    traffic: &Traffic,
    registry: &mut Registry,
) -> Result<Swarm<Behaviour>, P2pError> {
    let transport = transport::build(config, keypair, traffic)?;
    let behaviour = Behaviour::new(config, names, keypair, configured(config)?, registry)?;
    let setup = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(IDLE)
        .with_max_negotiating_inbound_streams(NEGOTIATING);
    let mut swarm = Swarm::new(transport, behaviour, PeerId::from(keypair.public()), setup);
    for addr in &config.listen {
        listen::listen(&mut swarm, addr)?;
    }
    Ok(swarm)
}

/// The peers that the configuration names by id.
fn configured(config: &P2pConfig) -> Result<BTreeSet<PublicKey>, P2pError> {
    let named = config.peers.iter().filter(|addr| addr.iter().any(|part| part.tag() == "p2p"));
    named.map(|addr| dialler::split(addr).0.ok_or_else(|| P2pError::PeerId { addr: addr.clone() })).collect()
}
