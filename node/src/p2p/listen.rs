//! Listening, with the one check that libp2p leaves out: that nobody else listens there already.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use libp2p::multiaddr::Protocol;
use libp2p::swarm::NetworkBehaviour;
use libp2p::{Multiaddr, Swarm};

use super::P2pError;

/// Listens on an address.
pub(super) fn listen<B: NetworkBehaviour>(swarm: &mut Swarm<B>, addr: &Multiaddr) -> Result<(), P2pError> {
    let refused = |reason: String| P2pError::Listen { addr: addr.clone(), reason };
    vacant(addr).map_err(|error| refused(error.to_string()))?;
    swarm.listen_on(addr.clone()).map(drop).map_err(|error| refused(error.to_string()))
}

/// libp2p lets two processes share a TCP port (SO_REUSEPORT), and the system then deals connections out to both: two
/// nodes started on one port by mistake would both seem to work, half of the time. A plain bind tells.
fn vacant(addr: &Multiaddr) -> std::io::Result<()> {
    let mut parts = addr.iter();
    let ip: IpAddr = match parts.next() {
        Some(Protocol::Ip4(ip)) => ip.into(),
        Some(Protocol::Ip6(ip)) => ip.into(),
        _ => return Ok(()),
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) if port != 0 => TcpListener::bind(SocketAddr::new(ip, port)).map(drop),
        Some(Protocol::Udp(port)) if port != 0 => UdpSocket::bind(SocketAddr::new(ip, port)).map(drop),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_taken_port_is_seen_and_a_free_one_stays_free() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let tcp_addr: Multiaddr = format!("/ip4/127.0.0.1/tcp/{}", tcp.local_addr().unwrap().port()).parse().unwrap();
        let udp_port = udp.local_addr().unwrap().port();
        let udp_addr: Multiaddr = format!("/ip4/127.0.0.1/udp/{udp_port}/quic-v1").parse().unwrap();
        assert!(vacant(&tcp_addr).is_err() && vacant(&udp_addr).is_err());
        drop((tcp, udp));
        assert!(vacant(&tcp_addr).is_ok() && vacant(&tcp_addr).is_ok());
        assert!(vacant(&udp_addr).is_ok());
        assert!(vacant(&"/ip4/127.0.0.1/tcp/0".parse().unwrap()).is_ok());
    }
}
