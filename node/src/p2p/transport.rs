//! Bytes between machines: TCP with Noise and yamux, and QUIC. The handshake proves the peer's key.

use std::io;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::{PeerId, Transport, noise, quic, tcp, yamux};

use super::traffic::{Counted, Traffic};
use super::{P2pConfig, P2pError};

/// Streams that a peer may have open on one connection: requests, gossip, ping and identify with room to spare.
const STREAMS: u32 = 128;

/// Both transports as one.
pub(super) fn build(
    config: &P2pConfig,
    key: &Keypair,
    traffic: &Traffic,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, P2pError> {
    // The mesh is the prologue: nodes of two meshes cannot even finish a handshake over TCP. QUIC's handshake has no
    // place for it; there identify tells the meshes apart right afterwards.
    let noise = noise::Config::new(key).map_err(P2pError::setup)?.with_prologue(config.mesh.as_bytes().to_vec());
    let mut streams = yamux::Config::default();
    streams.set_max_num_streams(STREAMS as usize);
    let (tcp_traffic, quic_traffic) = (traffic.clone(), traffic.clone());
    let tcp = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true))
        .map(move |socket, _| Counted::new(socket, tcp_traffic))
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(streams)
        .timeout(config.handshake_timeout)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    let mut setup = quic::Config::new(key);
    setup.handshake_timeout = config.handshake_timeout;
    setup.max_concurrent_stream_limit = STREAMS;
    let quic = quic::tokio::Transport::new(setup)
        .map(move |(peer, muxer), _| (peer, StreamMuxerBox::new(Counted::new(muxer, quic_traffic))));
    let both = tcp.or_transport(quic).map(|either, _| either.into_inner());
    Ok(both.map_err(io::Error::other).boxed())
}
