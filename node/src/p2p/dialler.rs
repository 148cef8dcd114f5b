//! Whom to dial and when: configured addresses for ever, found ones while they are known. Pure: time comes in.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use driftless_statement::PublicKey;
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;

use super::identity;
use crate::backoff::{Backoff, Jitter};

/// A connection that lived this long was a good one: the next failure counts as the first.
const STABLE: Duration = Duration::from_secs(10);
/// Peers whose addresses were found or told, beside the configured ones.
const FOUND: usize = 256;
/// Addresses of one peer that are tried.
const ADDRESSES: usize = 8;

/// Bound of the first wait. A guess: a few round trips of a slow link.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Bound of every wait: a healed link is used again after 15 s on average, even if nobody tells.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

fn backoff() -> Backoff {
    Backoff::new(FIRST_WAIT, LONGEST_WAIT)
}

/// One attempt to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dial {
    pub(super) target: u64,
    /// Who must answer; None when the configuration did not say.
    pub(super) peer: Option<PublicKey>,
    pub(super) addrs: Vec<Multiaddr>,
}

#[derive(Debug)]
struct Target {
    addrs: Vec<Multiaddr>,
    peer: Option<PublicKey>,
    /// Who answered last, where the configuration did not say.
    learned: Option<PublicKey>,
    backoff: Backoff,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting(Instant),
    Dialling(Option<ConnectionId>),
    /// Our own address: never again.
    Own,
}

impl Target {
    fn new(peer: Option<PublicKey>, addrs: Vec<Multiaddr>, first: Instant) -> Self {
        Self { addrs, peer, learned: None, backoff: backoff(), state: State::Waiting(first) }
    }

    fn is(&self, peer: &PublicKey) -> bool {
        self.peer.or(self.learned).as_ref() == Some(peer)
    }
}

/// What the rest of the room knows about a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is a connection.
    Connected,
    /// It may be connected.
    Allowed,
    /// It may not.
    Barred,
}

/// All targets.
#[derive(Debug)]
pub(super) struct Dialler {
    targets: BTreeMap<u64, Target>,
    found: BTreeMap<PublicKey, u64>,
    local: PublicKey,
    next: u64,
    jitter: Jitter,
}

impl Dialler {
    /// Targets from the configured addresses, grouped by the peer they name; `local` itself is left out.
    pub(super) fn new(configured: &[Multiaddr], local: PublicKey, seed: u64, now: Instant) -> Self {
        let (targets, found) = (BTreeMap::new(), BTreeMap::new());
        let mut dialler = Self { targets, found, local, next: 0, jitter: Jitter::new(seed) };
        let mut named: BTreeMap<PublicKey, Vec<Multiaddr>> = BTreeMap::new();
        for addr in configured {
            match split(addr) {
                (Some(peer), addr) => named.entry(peer).or_default().push(addr),
                (None, addr) => drop(dialler.add(None, vec![addr], now)),
            }
        }
        named.remove(&local);
        for (peer, addrs) in named {
            dialler.add(Some(peer), addrs, now);
        }
        dialler
    }

    fn add(&mut self, peer: Option<PublicKey>, addrs: Vec<Multiaddr>, now: Instant) -> u64 {
        let id = self.next;
        self.next += 1;
        // The first dial is jittered too: a hundred nodes may have been started by one command.
        let first = now + backoff().next(&mut self.jitter);
        self.targets.insert(id, Target::new(peer, addrs, first));
        id
    }

    /// Attempts whose time has come. Each is under way from now on, until `failed` or `answered`.
    pub(super) fn due(&mut self, now: Instant, standing: impl Fn(&PublicKey) -> Standing) -> Vec<Dial> {
        let ready = |target: &Target| wants(target, &standing).is_some_and(|from| from <= now);
        let due = self.targets.iter_mut().filter(|(_, target)| ready(target));
        due.map(|(id, target)| {
            target.state = State::Dialling(None);
            Dial { target: *id, peer: target.peer, addrs: target.addrs.clone() }
        })
        .collect()
    }

    /// When the next attempt is due.
    pub(super) fn deadline(&self, standing: impl Fn(&PublicKey) -> Standing) -> Option<Instant> {
        self.targets.values().filter_map(|target| wants(target, &standing)).min()
    }

    /// The attempt runs as this connection.
    pub(super) fn dialling(&mut self, target: u64, connection: ConnectionId) {
        if let Some(target) = self.targets.get_mut(&target) {
            target.state = State::Dialling(Some(connection));
        }
    }

    /// The attempt could not even begin.
    pub(super) fn refused(&mut self, target: u64, now: Instant) {
        if let Some(target) = self.targets.get_mut(&target) {
            target.state = State::Waiting(now + target.backoff.next(&mut self.jitter));
        }
    }

    /// The attempt succeeded.
    pub(super) fn answered(&mut self, connection: ConnectionId, peer: PublicKey, now: Instant) {
        if let Some(target) = by_connection(&mut self.targets, connection) {
            target.learned = Some(peer);
            target.state = State::Waiting(now);
        }
    }

    /// The attempt failed. Says which addresses were tried, when it was one of ours.
    pub(super) fn failed(&mut self, connection: ConnectionId, now: Instant) -> Option<String> {
        let target = by_connection(&mut self.targets, connection)?;
        target.state = State::Waiting(now + target.backoff.next(&mut self.jitter));
        Some(target.addrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    }

    /// The attempt reached this node itself.
    pub(super) fn reached_self(&mut self, connection: ConnectionId) {
        if let Some(target) = by_connection(&mut self.targets, connection) {
            target.state = State::Own;
        }
    }

    /// The last connection to a peer is gone after `lasted`, whoever had dialled.
    pub(super) fn lost(&mut self, peer: &PublicKey, lasted: Duration, now: Instant) {
        for target in self.targets.values_mut().filter(|target| target.is(peer)) {
            if lasted >= STABLE {
                target.backoff.reset();
            }
            if let State::Waiting(_) = target.state {
                target.state = State::Waiting(now + target.backoff.next(&mut self.jitter));
            }
        }
    }

    /// Forgets all failures and dials again at once: the obstacle was removed.
    pub(super) fn hurry(&mut self, now: Instant) {
        for target in self.targets.values_mut() {
            target.backoff.reset();
            if let State::Waiting(_) = target.state {
                target.state = State::Waiting(now);
            }
        }
    }

    /// Where a peer was found or said to be; replaces what was known. Without effect when too many are known.
    pub(super) fn found(&mut self, peer: PublicKey, addrs: Vec<Multiaddr>, now: Instant) {
        let addrs: Vec<_> = addrs.iter().map(|addr| split(addr).1).take(ADDRESSES).collect();
        if addrs.is_empty() || peer == self.local {
            return self.vanished(&peer);
        }
        match self.found.get(&peer).and_then(|id| self.targets.get_mut(id)) {
            Some(target) if target.addrs == addrs => {}
            Some(target) => {
                target.addrs = addrs;
                target.backoff.reset();
            }
            None if self.found.len() < FOUND => {
                let id = self.add(Some(peer), addrs, now);
                self.found.insert(peer, id);
            }
            None => {}
        }
    }

    /// A found peer is no longer there.
    pub(super) fn vanished(&mut self, peer: &PublicKey) {
        if let Some(id) = self.found.remove(peer) {
            self.targets.remove(&id);
        }
    }
}

/// From when on a target wants to be dialled, if at all. A configured address without a peer id is dialled whoever
/// answered there last, unless that peer is connected.
fn wants(target: &Target, standing: impl Fn(&PublicKey) -> Standing) -> Option<Instant> {
    let State::Waiting(from) = target.state else { return None };
    let free = match (&target.peer, &target.learned) {
        (Some(peer), _) => standing(peer) == Standing::Allowed,
        (None, Some(peer)) => standing(peer) != Standing::Connected,
        (None, None) => true,
    };
    free.then_some(from)
}

fn by_connection(targets: &mut BTreeMap<u64, Target>, connection: ConnectionId) -> Option<&mut Target> {
    targets.values_mut().find(|target| target.state == State::Dialling(Some(connection)))
}

/// An address without its peer id, and the peer it named.
pub(super) fn split(addr: &Multiaddr) -> (Option<PublicKey>, Multiaddr) {
    let peer = addr.iter().find_map(|part| match part {
        Protocol::P2p(peer) => identity::public_key(&peer),
        _ => None,
    });
    (peer, addr.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use driftless_statement::SecretKey;

    use super::*;

    fn key(seed: u8) -> PublicKey {
        SecretKey::from_bytes([seed; 32]).public()
    }

    fn addr(port: u16) -> Multiaddr {
        format!("/ip4/192.0.2.1/tcp/{port}").parse().unwrap()
    }

    fn named(port: u16, seed: u8) -> Multiaddr {
        addr(port).with_p2p(identity::peer_id(&key(seed)).unwrap()).unwrap()
    }

    fn link(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    fn allowed(_: &PublicKey) -> Standing {
        Standing::Allowed
    }

    const WHILE: Duration = Duration::from_millis(250);
    const AGES: Duration = Duration::from_secs(60);

    #[test]
    fn addresses_are_grouped_by_the_peer_they_name_and_our_own_is_left_out() {
        let now = Instant::now();
        let peers = [named(1, 1), named(2, 2), named(3, 1), addr(4), named(5, 9)];
        let mut dialler = Dialler::new(&peers, key(9), 1, now);
        let mut due = dialler.due(now + WHILE, allowed);
        due.sort_by_key(|dial| dial.addrs[0].to_string());
        let expected: Vec<(Option<PublicKey>, Vec<Multiaddr>)> =
            vec![(Some(key(1)), vec![addr(1), addr(3)]), (Some(key(2)), vec![addr(2)]), (None, vec![addr(4)])];
        assert_eq!(due.into_iter().map(|dial| (dial.peer, dial.addrs)).collect::<Vec<_>>(), expected);
        assert!(dialler.due(now + AGES, allowed).is_empty(), "all are under way");
        assert_eq!(dialler.deadline(allowed), None);
    }

    #[test]
    fn failures_wait_longer_and_longer_and_the_same_seed_waits_the_same() {
        let begin = Instant::now();
        let run = |seed| {
            let mut dialler = Dialler::new(&[named(1, 1)], key(9), seed, begin);
            let mut now = begin;
            let waits = (0..12).map(|attempt| {
                let from = dialler.deadline(allowed).unwrap();
                assert!(dialler.due(from - Duration::from_millis(1), allowed).is_empty() || from == begin);
                assert_eq!(dialler.due(from, allowed).len(), 1);
                dialler.dialling(0, link(attempt));
                let wait = from - now;
                now = from;
                assert_eq!(dialler.failed(link(attempt), now), Some(addr(1).to_string()));
                wait
            });
            waits.collect::<Vec<_>>()
        };
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
        let longest = |attempt: usize| (0..200).map(|seed| run(seed)[attempt]).max().unwrap();
        assert!(longest(1) <= WHILE && longest(4) > WHILE * 6 && longest(11) > Duration::from_secs(25));
    }

    #[test]
    fn a_connected_peer_is_not_dialled_whoever_dialled() {
        let now = Instant::now();
        let mut dialler = Dialler::new(&[named(1, 1)], key(9), 1, now);
        let connected = |_: &PublicKey| Standing::Connected;
        assert!(dialler.due(now + AGES, connected).is_empty());
        assert_eq!(dialler.deadline(connected), None);
        dialler.lost(&key(1), Duration::ZERO, now + AGES);
        assert!(dialler.deadline(allowed).unwrap() <= now + AGES + WHILE);
        assert_eq!(dialler.due(now + AGES + WHILE, allowed).len(), 1);
    }

    #[test]
    fn only_a_stable_connection_forgives() {
        let now = Instant::now();
        let after = |lasted| {
            let waits = (0..50).map(|seed| {
                let mut dialler = Dialler::new(&[named(1, 1)], key(9), seed, now);
                for _ in 0..9 {
                    dialler.refused(0, now);
                }
                dialler.dialling(0, link(1));
                dialler.answered(link(1), key(1), now);
                dialler.lost(&key(1), lasted, now);
                dialler.deadline(allowed).unwrap() - now
            });
            waits.max().unwrap()
        };
        assert!(after(Duration::from_secs(1)) > Duration::from_secs(15), "cut right after the handshake");
        assert!(after(STABLE) <= WHILE);
    }

    #[test]
    fn who_answered_at_an_unnamed_address_counts_as_connected_there() {
        let now = Instant::now();
        let mut dialler = Dialler::new(&[addr(1)], key(9), 1, now);
        let barred = |_: &PublicKey| Standing::Barred;
        assert_eq!(dialler.due(now + WHILE, barred).len(), 1, "nobody knows who is there");
        dialler.dialling(0, link(1));
        dialler.answered(link(1), key(1), now);
        assert_eq!(dialler.deadline(|_| Standing::Connected), None);
        dialler.lost(&key(1), AGES, now);
        assert_eq!(dialler.due(now + WHILE, barred).len(), 1, "somebody else may be there now");
    }

    #[test]
    fn our_own_address_is_dialled_once() {
        let now = Instant::now();
        let mut dialler = Dialler::new(&[addr(1)], key(9), 1, now);
        assert_eq!(dialler.due(now + WHILE, allowed).len(), 1);
        dialler.dialling(0, link(1));
        dialler.reached_self(link(1));
        dialler.hurry(now);
        assert_eq!(dialler.deadline(allowed), None);
    }

    #[test]
    fn hurry_dials_at_once_what_is_not_under_way() {
        let now = Instant::now();
        let mut dialler = Dialler::new(&[named(1, 1), named(2, 2)], key(9), 1, now);
        for _ in 0..9 {
            dialler.refused(0, now);
        }
        dialler.dialling(1, link(1));
        dialler.hurry(now);
        assert_eq!(dialler.due(now, allowed).len(), 1);
    }

    #[test]
    fn found_peers_are_dialled_while_allowed_until_they_vanish() {
        let now = Instant::now();
        let mut dialler = Dialler::new(&[], key(9), 1, now);
        dialler.found(key(1), vec![named(1, 1)], now);
        dialler.found(key(9), vec![addr(9)], now);
        let barred = |_: &PublicKey| Standing::Barred;
        assert!(dialler.due(now + AGES, barred).is_empty() && dialler.deadline(barred).is_none());
        dialler.found(key(1), vec![addr(2)], now);
        let due = dialler.due(now + AGES, allowed);
        assert_eq!((due.len(), &due[0].addrs, due[0].peer), (1, &vec![addr(2)], Some(key(1))));
        dialler.dialling(due[0].target, link(1));
        dialler.vanished(&key(1));
        assert_eq!(dialler.failed(link(1), now), None, "nobody asks any more");
        assert_eq!(dialler.deadline(allowed), None);
    }

    #[test]
    fn found_peers_are_bounded() {
        let now = Instant::now();
        let mut dialler = Dialler::new(&[], key(9), 1, now);
        for number in 0..2 * FOUND {
            let mut peer = [0; 32];
            peer[..8].copy_from_slice(&number.to_be_bytes());
            dialler.found(PublicKey(peer), vec![addr(1); 100], now);
        }
        assert_eq!(dialler.targets.len(), FOUND);
        assert!(dialler.targets.values().all(|target| target.addrs.len() == ADDRESSES));
    }
}
