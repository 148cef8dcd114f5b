//! From libp2p's words into ours: one pure function over everything the swarm can say.

use std::collections::BTreeMap;
use std::net::IpAddr;

use driftless_statement::PublicKey;
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{self, InboundFailure, Message, OutboundFailure, OutboundRequestId, ResponseChannel};
use libp2p::swarm::{ConnectionId, DialError, ListenError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, gossipsub, identify, mdns, ping};

use super::behaviour::BehaviourEvent;
use super::names::Names;
use super::room::{self, Room};
use super::{GossipId, RequestFailure, bans, identity};

/// What the swarm said, as far as it matters here.
#[derive(Debug)]
pub(super) enum Heard {
    Listening(Multiaddr),
    Opened {
        peer: PublicKey,
        link: ConnectionId,
        outbound: bool,
        group: Option<u64>,
    },
    Closed {
        peer: PublicKey,
        link: ConnectionId,
    },
    DialFailed {
        link: ConnectionId,
        reason: String,
    },
    DialledSelf {
        link: ConnectionId,
    },
    /// A connection from outside was refused; from where, when nobody proved a key there.
    Refused(Option<IpAddr>),
    Gossip(Whisper),
    Request {
        peer: PublicKey,
        bytes: Vec<u8>,
        room: Option<Room>,
        channel: ResponseChannel<room::Message>,
    },
    Response {
        peer: PublicKey,
        id: OutboundRequestId,
        bytes: Vec<u8>,
    },
    RequestFailed {
        peer: PublicKey,
        id: OutboundRequestId,
        reason: RequestFailure,
    },
    /// A peer no longer waits for our answer.
    GaveUp,
    /// The link is dead: no answer to a ping.
    Dead(ConnectionId),
    /// The peer belongs to another mesh.
    Foreign(PublicKey),
    Found(BTreeMap<PublicKey, Vec<Multiaddr>>),
    Vanished(Vec<PublicKey>),
    Nothing,
}

/// A gossip message with the name under which libp2p knows its sender.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whisper {
    pub(super) topic: String,
    pub(super) id: GossipId,
    pub(super) from: PublicKey,
    pub(super) bytes: Vec<u8>,
}

/// Translates. What names a peer without a proper key cannot come through the gate, and is nothing here.
pub(super) fn heard(event: SwarmEvent<BehaviourEvent>, names: &Names) -> Heard {
    connection(event, names).unwrap_or(Heard::Nothing)
}

fn connection(event: SwarmEvent<BehaviourEvent>, names: &Names) -> Option<Heard> {
    Some(match event {
        SwarmEvent::Behaviour(event) => return behaviour(event, names),
        SwarmEvent::NewListenAddr { address, .. } => Heard::Listening(address),
        SwarmEvent::ConnectionEstablished { peer_id, connection_id: link, endpoint, .. } => {
            let group = bans::group(endpoint.get_remote_address());
            Heard::Opened { peer: identity::public_key(&peer_id)?, link, outbound: endpoint.is_dialer(), group }
        }
        SwarmEvent::ConnectionClosed { peer_id, connection_id: link, .. } => {
            Heard::Closed { peer: identity::public_key(&peer_id)?, link }
        }
        SwarmEvent::OutgoingConnectionError { connection_id: link, error: DialError::LocalPeerId { .. }, .. } => {
            Heard::DialledSelf { link }
        }
        SwarmEvent::OutgoingConnectionError { connection_id: link, error, .. } => {
            Heard::DialFailed { link, reason: dial_reason(&error) }
        }
        SwarmEvent::IncomingConnectionError { send_back_addr, error: ListenError::Transport(_), .. } => {
            Heard::Refused(bans::culprit(&send_back_addr))
        }
        SwarmEvent::IncomingConnectionError { .. } => Heard::Refused(None),
        _ => return None,
    })
}

fn behaviour(event: BehaviourEvent, names: &Names) -> Option<Heard> {
    match event {
        BehaviourEvent::Gossip(event) => gossip(event, names),
        BehaviourEvent::Sync(event) => sync(event),
        // A peer that does not know ping is alive, whatever else it is.
        BehaviourEvent::Ping(ping::Event { result: Err(ping::Failure::Unsupported), .. }) => None,
        BehaviourEvent::Ping(ping::Event { connection, result: Err(_), .. }) => Some(Heard::Dead(connection)),
        BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
            let foreign = info.protocol_version != names.mesh();
            foreign.then(|| identity::public_key(&peer_id).map(Heard::Foreign)).flatten()
        }
        BehaviourEvent::Mdns(event) => Some(neighbours(event)),
        BehaviourEvent::Ping(_) | BehaviourEvent::Identify(_) => None,
        BehaviourEvent::Gate(never) | BehaviourEvent::Limits(never) | BehaviourEvent::Memory(never) => match never {},
    }
}

fn gossip(event: gossipsub::Event, names: &Names) -> Option<Heard> {
    let gossipsub::Event::Message { propagation_source, message_id, message } = event else { return None };
    Some(Heard::Gossip(Whisper {
        topic: names.plain(&message.topic)?.to_owned(),
        id: GossipId(message_id.0.try_into().ok()?),
        from: identity::public_key(&propagation_source)?,
        bytes: message.data,
    }))
}

fn sync(event: request_response::Event<room::Message, room::Message>) -> Option<Heard> {
    use request_response::Event;
    Some(match event {
        Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
            let room::Message { bytes, room } = request;
            Heard::Request { peer: identity::public_key(&peer)?, bytes, room, channel }
        }
        Event::Message { peer, message: Message::Response { request_id: id, response }, .. } => {
            Heard::Response { peer: identity::public_key(&peer)?, id, bytes: response.bytes }
        }
        Event::OutboundFailure { peer, request_id: id, error, .. } => {
            Heard::RequestFailed { peer: identity::public_key(&peer)?, id, reason: request_reason(&error) }
        }
        Event::InboundFailure { error: InboundFailure::UnsupportedProtocols, .. } | Event::ResponseSent { .. } => {
            return None;
        }
        Event::InboundFailure { .. } => Heard::GaveUp,
    })
}

fn neighbours(event: mdns::Event) -> Heard {
    let group = |list: Vec<(PeerId, Multiaddr)>| {
        let mut found: BTreeMap<PublicKey, Vec<Multiaddr>> = BTreeMap::new();
        for (peer, addr) in list {
            if let Some(peer) = identity::public_key(&peer) {
                found.entry(peer).or_default().push(addr);
            }
        }
        found
    };
    match event {
        mdns::Event::Discovered(list) => Heard::Found(group(list)),
        mdns::Event::Expired(list) => Heard::Vanished(group(list).into_keys().collect()),
    }
}

fn request_reason(error: &OutboundFailure) -> RequestFailure {
    match error {
        OutboundFailure::DialFailure => RequestFailure::NotConnected,
        OutboundFailure::Timeout => RequestFailure::Timeout,
        OutboundFailure::ConnectionClosed => RequestFailure::Closed,
        OutboundFailure::UnsupportedProtocols => RequestFailure::Unsupported,
        OutboundFailure::Io(_) => RequestFailure::Stream,
    }
}

/// A reason for people: the innermost cause of the last address tried.
pub(super) fn dial_reason(error: &DialError) -> String {
    match error {
        DialError::Transport(tried) => match tried.last() {
            Some((_, error)) => innermost(error),
            None => "no address".to_owned(),
        },
        DialError::Denied { cause } => innermost(cause),
        DialError::WrongPeerId { obtained, .. } => format!("another peer answered: {}", peer_name(obtained)),
        DialError::LocalPeerId { .. } => "this node itself answered".to_owned(),
        DialError::NoAddresses => "no address".to_owned(),
        DialError::DialPeerConditionFalse(_) => "connected or being dialled already".to_owned(),
        DialError::Aborted => "aborted".to_owned(),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

fn peer_name(peer: &PeerId) -> String {
    identity::public_key(peer).map_or_else(|| peer.to_string(), |key| key.to_string())
}

/// An address for people and files: without the peer id.
pub(super) fn plain_addr(addr: &Multiaddr) -> String {
    addr.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect::<Multiaddr>().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::num::NonZeroU32;

    use driftless_statement::{MeshId, SecretKey};
    use libp2p::core::{ConnectedPoint, Endpoint, transport::PortUse};
    use libp2p::gossipsub::TopicHash;
    use libp2p::swarm::ConnectionDenied;

    use super::*;
    use crate::p2p::gate::Barred;
    use crate::p2p::names::gossip_id;

    fn names() -> Names {
        Names::new(MeshId([1; 32]))
    }

    fn key() -> PublicKey {
        SecretKey::from_bytes([1; 32]).public()
    }

    fn peer() -> PeerId {
        identity::peer_id(&key()).unwrap()
    }

    fn addr() -> Multiaddr {
        "/ip4/192.0.2.1/tcp/7".parse().unwrap()
    }

    fn link() -> ConnectionId {
        ConnectionId::new_unchecked(3)
    }

    fn opened(peer_id: PeerId, endpoint: ConnectedPoint) -> SwarmEvent<BehaviourEvent> {
        SwarmEvent::ConnectionEstablished {
            peer_id,
            connection_id: link(),
            endpoint,
            num_established: NonZeroU32::MIN,
            concurrent_dial_errors: None,
            established_in: std::time::Duration::ZERO,
        }
    }

    fn inbound() -> ConnectedPoint {
        ConnectedPoint::Listener { local_addr: addr(), send_back_addr: addr() }
    }

    fn whisper(topic: TopicHash, id: &[u8], from: PeerId) -> SwarmEvent<BehaviourEvent> {
        let message = gossipsub::Message { source: None, data: b"x".to_vec(), sequence_number: None, topic };
        SwarmEvent::Behaviour(BehaviourEvent::Gossip(gossipsub::Event::Message {
            propagation_source: from,
            message_id: gossipsub::MessageId::new(id),
            message,
        }))
    }

    #[test]
    fn connections_keep_their_direction() {
        let outbound =
            ConnectedPoint::Dialer { address: addr(), role_override: Endpoint::Dialer, port_use: PortUse::New };
        for (endpoint, dialled) in [(inbound(), false), (outbound, true)] {
            let said = heard(opened(peer(), endpoint), &names());
            assert!(
                matches!(said, Heard::Opened { peer, link: l, outbound, .. } if peer == key() && l == link() && outbound == dialled)
            );
        }
    }

    #[test]
    fn a_peer_without_a_proper_key_is_nothing() {
        assert!(matches!(heard(opened(PeerId::random(), inbound()), &names()), Heard::Nothing));
    }

    #[test]
    fn gossip_becomes_plain_data() {
        let topic = names().topic("shop").unwrap();
        let id = gossip_id(&topic, b"x");
        let Heard::Gossip(said) = heard(whisper(topic, &id.0, peer()), &names()) else { panic!("not heard") };
        assert_eq!(said, Whisper { topic: "shop".into(), id, from: key(), bytes: b"x".to_vec() });
    }

    #[test]
    fn gossip_of_another_mesh_or_with_an_odd_name_is_nothing() {
        let theirs = Names::new(MeshId([2; 32])).topic("shop").unwrap();
        assert!(matches!(heard(whisper(theirs, &[0; 32], peer()), &names()), Heard::Nothing));
        let ours = names().topic("shop").unwrap();
        assert!(matches!(heard(whisper(ours.clone(), &[0; 31], peer()), &names()), Heard::Nothing));
        assert!(matches!(heard(whisper(ours, &[0; 32], PeerId::random()), &names()), Heard::Nothing));
    }

    #[test]
    fn dial_errors_are_told_in_few_words() {
        let denied = DialError::Denied { cause: ConnectionDenied::new(Barred::NotMember) };
        let other = DialError::WrongPeerId { obtained: peer(), address: addr() };
        for (error, words) in [
            (denied, "not a member".to_owned()),
            (other, format!("another peer answered: {}", key())),
            (DialError::NoAddresses, "no address".to_owned()),
            (DialError::Transport(vec![]), "no address".to_owned()),
        ] {
            assert_eq!(dial_reason(&error), words);
        }
    }

    #[test]
    fn our_own_address_is_told_apart_from_a_failure() {
        let failed = |error| SwarmEvent::OutgoingConnectionError { connection_id: link(), peer_id: None, error };
        assert!(matches!(
            heard(failed(DialError::LocalPeerId { address: addr() }), &names()),
            Heard::DialledSelf { .. }
        ));
        assert!(matches!(heard(failed(DialError::Aborted), &names()), Heard::DialFailed { .. }));
    }

    #[test]
    fn an_unanswered_ping_ends_the_link_and_an_answered_one_does_not() {
        let ping = |result| {
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event { peer: peer(), connection: link(), result }))
        };
        assert!(matches!(heard(ping(Err(ping::Failure::Timeout)), &names()), Heard::Dead(l) if l == link()));
        assert!(matches!(heard(ping(Err(ping::Failure::Unsupported)), &names()), Heard::Nothing));
        assert!(matches!(heard(ping(Ok(std::time::Duration::ZERO)), &names()), Heard::Nothing));
    }

    #[test]
    fn neighbours_are_grouped_and_strange_ids_left_out() {
        let list = vec![(peer(), addr()), (PeerId::random(), addr()), (peer(), addr())];
        let said = heard(SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Discovered(list.clone()))), &names());
        let Heard::Found(found) = said else { panic!("not found") };
        assert_eq!(found, BTreeMap::from([(key(), vec![addr(), addr()])]));
        let said = heard(SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Expired(list))), &names());
        assert!(matches!(said, Heard::Vanished(gone) if gone == [key()]));
    }
}
