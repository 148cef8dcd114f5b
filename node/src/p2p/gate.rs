//! Who may be connected. It is told; it decides nothing. It refuses right after the handshake, before any protocol runs.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::IpAddr;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use driftless_statement::PublicKey;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::ConnectionEstablished;
use libp2p::swarm::{
    CloseConnection, ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use super::bans::{Bans, place};
use super::identity;

/// Why a connection was refused. Nothing was changed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Barred {
    /// The node is cut off on command.
    #[error("this node is isolated")]
    Isolated,
    /// The peer is neither a member nor configured by id.
    #[error("not a member")]
    NotMember,
    /// The peer's membership was revoked.
    #[error("its membership was revoked")]
    Expelled,
    /// The peer, or whoever proved no key at its address, did too often what no honest one does.
    #[error("banned for a while for what it sent")]
    Banned,
}

/// The gate. Every connection passes it, in both directions.
#[derive(Debug)]
pub(super) struct Gate {
    configured: BTreeSet<PublicKey>,
    members: BTreeSet<PublicKey>,
    expelled: BTreeSet<PublicKey>,
    bans: Bans,
    isolated: bool,
    connected: BTreeSet<PeerId>,
    cut: BTreeSet<PeerId>,
    waker: Option<Waker>,
}

impl Gate {
    /// A gate that lets in the peers that the configuration names by id, and nobody else yet.
    pub(super) fn new(configured: BTreeSet<PublicKey>, bans: Bans) -> Self {
        Self {
            configured,
            members: BTreeSet::new(),
            expelled: BTreeSet::new(),
            bans,
            isolated: false,
            connected: BTreeSet::new(),
            cut: BTreeSet::new(),
            waker: None,
        }
    }

    /// A peer did what no honest one does. When that was once too often it is cut, and refused for as long as is said.
    pub(super) fn fault(&mut self, peer: PublicKey, now: Instant) -> Option<Duration> {
        let lasts = self.bans.fault(peer, now)?;
        self.cut_strangers();
        Some(lasts)
    }

    /// A handshake from an address broke. When that was once too often, others from there are refused.
    pub(super) fn fault_at(&mut self, place: IpAddr, now: Instant) -> Option<Duration> {
        self.bans.fault_at(place, now)
    }

    /// When the next ban of a peer ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.bans.deadline()
    }

    /// Ends the bans that are over.
    pub(super) fn end_bans(&mut self, now: Instant) {
        self.bans.end(now);
    }

    /// Whether the peer may be connected now.
    pub(super) fn allows(&self, peer: &PublicKey) -> bool {
        let known = self.members.contains(peer) || self.configured.contains(peer);
        !self.isolated && known && !self.expelled.contains(peer) && !self.bans.holds(peer, Instant::now())
    }

    /// Whether anybody may be connected at all.
    pub(super) fn is_open(&self) -> bool {
        !self.isolated
    }

    /// Replaces the members; connections of all others end. True when there is somebody new among them.
    pub(super) fn admit(&mut self, members: BTreeSet<PublicKey>) -> bool {
        let new = members.difference(&self.members).next().is_some();
        self.members = members;
        self.cut_strangers();
        new
    }

    /// Replaces those whose membership was revoked; their connections end, also of who is configured by id.
    pub(super) fn expel(&mut self, keys: BTreeSet<PublicKey>) {
        self.expelled = keys;
        self.cut_strangers();
    }

    /// Closes or opens the gate for everybody.
    pub(super) fn isolate(&mut self, isolated: bool) {
        self.isolated = isolated;
        self.cut_strangers();
    }

    fn cut_strangers(&mut self) {
        // Added to what is still to be cut: a cut that was ordered happens, even when healed in the same moment.
        let strangers: Vec<_> = self.connected.iter().filter(|peer| self.check(peer).is_err()).copied().collect();
        self.cut.extend(strangers);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn check(&self, peer: &PeerId) -> Result<(), Barred> {
        if self.isolated {
            return Err(Barred::Isolated);
        }
        match identity::public_key(peer) {
            Some(key) if self.allows(&key) => Ok(()),
            Some(key) if self.expelled.contains(&key) => Err(Barred::Expelled),
            Some(key) if self.bans.holds(&key, Instant::now()) => Err(Barred::Banned),
            _ => Err(Barred::NotMember),
        }
    }

    fn established(&self, peer: &PeerId) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        self.check(peer).map(|()| dummy::ConnectionHandler).map_err(ConnectionDenied::new)
    }

    fn pending(&self) -> Result<(), ConnectionDenied> {
        if self.isolated { Err(ConnectionDenied::new(Barred::Isolated)) } else { Ok(()) }
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.pending()?;
        match place(remote).filter(|place| self.bans.holds_at(place, Instant::now())) {
            Some(_) => Err(ConnectionDenied::new(Barred::Banned)),
            None => Ok(()),
        }
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.established(&peer)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        match peer {
            Some(peer) => self.check(&peer).map_err(ConnectionDenied::new)?,
            None => self.pending()?,
        }
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.established(&peer)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, endpoint, .. }) => {
                self.connected.insert(peer_id);
                place(endpoint.get_remote_address()).into_iter().for_each(|place| self.bans.vouch(place));
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, remaining_established: 0, .. }) => {
                self.connected.remove(&peer_id);
                self.cut.remove(&peer_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some(peer_id) = self.cut.pop_first() {
            return Poll::Ready(ToSwarm::CloseConnection { peer_id, connection: CloseConnection::All });
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use driftless_statement::SecretKey;

    use super::super::bans::Terms;
    use super::*;

    fn key(seed: u8) -> PublicKey {
        SecretKey::from_bytes([seed; 32]).public()
    }

    fn peer(seed: u8) -> PeerId {
        identity::peer_id(&key(seed)).unwrap()
    }

    fn gate(configured: &[u8]) -> Gate {
        let terms = Terms { first: Duration::from_secs(60), longest: Duration::from_secs(600) };
        Gate::new(configured.iter().map(|seed| key(*seed)).collect(), Bans::new(terms))
    }

    #[test]
    fn who_misbehaves_over_and_over_is_cut_and_refused_and_nobody_else_is() {
        let mut gate = gate(&[1]);
        gate.admit([key(2)].into());
        gate.connected.extend([peer(1), peer(2)]);
        let now = Instant::now();
        let banned = (0..5).filter_map(|_| gate.fault(key(1), now)).count();
        assert_eq!((banned, gate.cut.clone()), (1, [peer(1)].into()));
        assert_eq!(gate.check(&peer(1)), Err(Barred::Banned), "also when it is configured");
        assert!(!gate.allows(&key(1)), "nor is it dialled");
        assert_eq!(gate.check(&peer(2)), Ok(()));
    }

    #[test]
    fn an_address_without_a_proven_key_is_refused_before_the_handshake() {
        let (mut gate, now) = (gate(&[1]), Instant::now());
        let addr = |ip: &str| format!("/ip4/{ip}/tcp/9").parse::<Multiaddr>().unwrap();
        let (bad, good, here) = (addr("198.51.100.7"), addr("198.51.100.8"), addr("127.0.0.1"));
        let id = ConnectionId::new_unchecked(1);
        for _ in 0..20 {
            gate.fault_at(place(&bad).unwrap(), now);
        }
        assert!(gate.handle_pending_inbound_connection(id, &here, &bad).is_err());
        assert!(gate.handle_pending_inbound_connection(id, &here, &good).is_ok());
        assert_eq!(gate.check(&peer(1)), Ok(()), "no peer is banned for an address");
    }

    #[test]
    fn configured_peers_pass_from_the_start_and_members_once_named() {
        let mut gate = gate(&[1]);
        assert_eq!(gate.check(&peer(1)), Ok(()));
        assert_eq!(gate.check(&peer(2)), Err(Barred::NotMember));
        gate.admit([key(2)].into());
        assert_eq!(gate.check(&peer(1)), Ok(()), "a configured peer stays");
        assert_eq!(gate.check(&peer(2)), Ok(()));
        gate.admit([key(3)].into());
        assert_eq!(gate.check(&peer(2)), Err(Barred::NotMember));
        assert_eq!(gate.check(&PeerId::random()), Err(Barred::NotMember), "no Ed25519 key");
    }

    #[test]
    fn who_was_expelled_is_cut_though_it_is_configured() {
        let mut gate = gate(&[1]);
        gate.admit([key(1), key(2)].into());
        gate.connected.extend([peer(1), peer(2)]);
        gate.expel([key(1)].into());
        assert_eq!(gate.cut, [peer(1)].into());
        assert_eq!(gate.check(&peer(1)), Err(Barred::Expelled));
        assert_eq!(gate.check(&peer(2)), Ok(()));
        gate.expel([].into());
        assert_eq!(gate.check(&peer(1)), Ok(()), "the revocation fell");
    }

    #[test]
    fn isolation_bars_everybody_and_ends() {
        let mut gate = gate(&[1]);
        gate.isolate(true);
        assert_eq!(gate.check(&peer(1)), Err(Barred::Isolated));
        assert!(gate.pending().is_err());
        gate.isolate(false);
        assert_eq!(gate.check(&peer(1)), Ok(()));
        assert!(gate.pending().is_ok());
    }

    #[test]
    fn who_is_no_longer_allowed_is_cut() {
        let mut gate = gate(&[1]);
        gate.admit([key(2), key(3)].into());
        gate.connected.extend([peer(1), peer(2), peer(3)]);
        gate.admit([key(3)].into());
        assert_eq!(gate.cut, [peer(2)].into());
        gate.isolate(true);
        assert_eq!(gate.cut.len(), 3);
        gate.isolate(false);
        assert_eq!(gate.cut.len(), 3, "healing does not call back a cut");
    }
}
