//! Which connections stand, and which of them are one too many. Pure: time and answers come in as arguments.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use driftless_statement::PublicKey;
use libp2p::swarm::ConnectionId;

/// How long two connections to one peer may stand side by side: until the first exchange after a double dial is over.
const SETTLE: Duration = Duration::from_secs(2);

/// The connections of one node.
#[derive(Debug)]
pub(super) struct Links {
    local: PublicKey,
    peers: BTreeMap<PublicKey, Bundle>,
}

#[derive(Debug)]
struct Bundle {
    /// In the order in which they were opened.
    open: Vec<ConnectionId>,
    since: Instant,
    settled: Instant,
}

impl Links {
    pub(super) fn new(local: PublicKey) -> Self {
        Self { local, peers: BTreeMap::new() }
    }

    /// A connection stands now. True when it is the first one to this peer.
    pub(super) fn opened(&mut self, peer: PublicKey, link: ConnectionId, now: Instant) -> bool {
        let bundle = self.peers.entry(peer).or_insert_with(|| Bundle { open: Vec::new(), since: now, settled: now });
        bundle.open.push(link);
        bundle.settled = now + SETTLE;
        bundle.open.len() == 1
    }

    /// A connection is gone. Says how long the peer had been connected when it was the last one.
    pub(super) fn closed(&mut self, peer: &PublicKey, link: ConnectionId, now: Instant) -> Option<Duration> {
        let bundle = self.peers.get_mut(peer)?;
        bundle.open.retain(|open| *open != link);
        if !bundle.open.is_empty() {
            return None;
        }
        let bundle = self.peers.remove(peer)?;
        Some(now.saturating_duration_since(bundle.since))
    }

    /// Whether there is a connection to the peer.
    pub(super) fn connected(&self, peer: &PublicKey) -> bool {
        self.peers.contains_key(peer)
    }

    /// Whether there is any connection.
    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Connections to close, since the same peer has a newer one (an older one may be dead without knowing). Only the
    /// node with the smaller key closes, else each side could close what the other one keeps. A busy peer is spared.
    pub(super) fn surplus(&mut self, now: Instant, busy: impl Fn(&PublicKey) -> bool) -> Vec<ConnectionId> {
        let mut close = Vec::new();
        for (peer, bundle) in self.double() {
            if bundle.settled > now {
                continue;
            }
            bundle.settled = now + SETTLE;
            if let (false, Some((_newest, older))) = (busy(peer), bundle.open.split_last()) {
                close.extend_from_slice(older);
            }
        }
        close
    }

    /// When to ask for the surplus again.
    pub(super) fn deadline(&mut self) -> Option<Instant> {
        self.double().map(|(_, bundle)| bundle.settled).min()
    }

    fn double(&mut self) -> impl Iterator<Item = (&PublicKey, &mut Bundle)> {
        let local = self.local;
        self.peers.iter_mut().filter(move |(peer, bundle)| local < **peer && bundle.open.len() > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: PublicKey = PublicKey([1; 32]);
    const HIGH: PublicKey = PublicKey([2; 32]);

    fn link(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    #[test]
    fn first_and_last_are_told_apart() {
        let (mut links, now) = (Links::new(LOW), Instant::now());
        assert!(links.opened(HIGH, link(1), now));
        assert!(!links.opened(HIGH, link(2), now));
        assert_eq!(links.closed(&HIGH, link(1), now), None);
        assert!(links.connected(&HIGH));
        let later = now + Duration::from_secs(9);
        assert_eq!(links.closed(&HIGH, link(2), later), Some(Duration::from_secs(9)));
        assert!(!links.connected(&HIGH) && links.is_empty());
        assert_eq!(links.closed(&HIGH, link(2), later), None, "gone is gone");
    }

    #[test]
    fn one_side_closes_the_older_of_two_after_a_while() {
        let now = Instant::now();
        for (local, remote, closes) in [(LOW, HIGH, true), (HIGH, LOW, false)] {
            let mut links = Links::new(local);
            links.opened(remote, link(1), now);
            assert_eq!(links.deadline(), None, "a single connection is never surplus");
            links.opened(remote, link(2), now);
            assert_eq!(links.deadline(), closes.then_some(now + SETTLE));
            assert!(links.surplus(now, |_| false).is_empty(), "too early");
            let expected = if closes { vec![link(1)] } else { vec![] };
            assert_eq!(links.surplus(now + SETTLE, |_| false), expected);
        }
    }

    #[test]
    fn a_busy_peer_is_spared_and_looked_at_again() {
        let (mut links, now) = (Links::new(LOW), Instant::now());
        links.opened(HIGH, link(1), now);
        links.opened(HIGH, link(2), now);
        assert!(links.surplus(now + SETTLE, |_| true).is_empty());
        assert_eq!(links.deadline(), Some(now + SETTLE + SETTLE));
        assert_eq!(links.surplus(now + SETTLE + SETTLE, |_| false), [link(1)]);
    }
}
