//! Who is refused for a while for what it did. Pure: time comes in as an argument. It must not know who is a member.
//!
//! A peer has proven its key, so what it does is held against that key and against nothing else. Who proves no key is
//! known by its address alone, which it may share with others: such a ban holds for handshakes from there, never where a
//! member was met, and never for this machine's own address. Bans end, grow when they are earned again, and are
//! forgotten by a restart.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use driftless_statement::PublicKey;
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// Faults of a peer that make a ban. A guess: an honest peer that fails now and then does not come to five in a minute.
const PEER_FAULTS: u32 = 5;
/// Broken handshakes from one address that make a ban: a program that takes the port for another one gives up earlier.
const PLACE_FAULTS: u32 = 20;
/// After so long without one, faults are forgotten.
const WINDOW: Duration = Duration::from_secs(60);
/// Peers, and addresses, that are remembered. Peers are members or configured; addresses are anybody's.
const ROWS: usize = 1024;

/// How long bans last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// The first one.
    pub first: Duration,
    /// The longest; each is twice the one before.
    pub longest: Duration,
}

/// All bans, and the faults that may become some.
#[derive(Debug)]
pub(super) struct Bans {
    terms: Terms,
    peers: Ledger<PublicKey>,
    places: Ledger<IpAddr>,
    /// Addresses at which members were met, the latest last.
    vouched: BTreeSet<IpAddr>,
    met: VecDeque<IpAddr>,
}

impl Bans {
    pub(super) fn new(terms: Terms) -> Self {
        let (peers, places) = (Ledger::default(), Ledger::default());
        Self { terms, peers, places, vouched: BTreeSet::new(), met: VecDeque::new() }
    }

    /// A peer did what no honest one does. Says how long it is banned for, when this was once too often.
    pub(super) fn fault(&mut self, peer: PublicKey, now: Instant) -> Option<Duration> {
        self.peers.fault(peer, PEER_FAULTS, self.terms, now)
    }

    /// A handshake from this address broke.
    pub(super) fn fault_at(&mut self, place: IpAddr, now: Instant) -> Option<Duration> {
        if place.is_loopback() || self.vouched.contains(&place) {
            return None;
        }
        self.places.fault(place, PLACE_FAULTS, self.terms, now)
    }

    /// A member proved its key from this address: whoever else stands there, no handshake from there is refused.
    pub(super) fn vouch(&mut self, place: IpAddr) {
        self.places.rows.remove(&place);
        if self.vouched.insert(place) {
            self.met.push_back(place);
        }
        if self.met.len() > ROWS
            && let Some(oldest) = self.met.pop_front()
        {
            self.vouched.remove(&oldest);
        }
    }

    /// Whether a peer is banned.
    pub(super) fn holds(&self, peer: &PublicKey, now: Instant) -> bool {
        self.peers.holds(peer, now)
    }

    /// Whether handshakes from an address are refused.
    pub(super) fn holds_at(&self, place: &IpAddr, now: Instant) -> bool {
        self.places.holds(place, now)
    }

    /// When the next ban of a peer ends: it may be dialled again then.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.peers.rows.values().filter_map(|row| row.until).min()
    }

    /// Ends what is over.
    pub(super) fn end(&mut self, now: Instant) {
        self.peers.end(now);
        self.places.end(now);
    }
}

#[derive(Debug)]
struct Ledger<K> {
    rows: BTreeMap<K, Row>,
}

impl<K> Default for Ledger<K> {
    fn default() -> Self {
        Self { rows: BTreeMap::new() }
    }
}

#[derive(Debug)]
struct Row {
    faults: u32,
    /// When the last fault or ban was.
    last: Instant,
    /// Bans so far.
    bans: u32,
    until: Option<Instant>,
}

impl<K: Ord + Copy> Ledger<K> {
    fn fault(&mut self, key: K, limit: u32, terms: Terms, now: Instant) -> Option<Duration> {
        self.make_room(&key);
        let row = self.rows.entry(key).or_insert(Row { faults: 0, last: now, bans: 0, until: None });
        if row.until.is_some_and(|until| until > now) {
            return None;
        }
        let quiet = now.saturating_duration_since(row.last);
        row.faults = if quiet > WINDOW { 1 } else { row.faults + 1 };
        row.bans = if quiet > terms.longest { 0 } else { row.bans };
        (row.last, row.until) = (now, None);
        if row.faults < limit {
            return None;
        }
        let lasts = terms.first.saturating_mul(1 << row.bans.min(20)).min(terms.longest);
        (row.faults, row.bans) = (0, row.bans + 1);
        (row.last, row.until) = (now + lasts, Some(now + lasts));
        Some(lasts)
    }

    fn holds(&self, key: &K, now: Instant) -> bool {
        self.rows.get(key).is_some_and(|row| row.until.is_some_and(|until| until > now))
    }

    fn end(&mut self, now: Instant) {
        for row in self.rows.values_mut() {
            row.until = row.until.filter(|until| *until > now);
        }
    }

    /// The row that matters least gives way: one without a ban, else the ban that ends first.
    fn make_room(&mut self, key: &K) {
        if self.rows.len() < ROWS || self.rows.contains_key(key) {
            return;
        }
        let least = self.rows.iter().min_by_key(|(_, row)| (row.until.is_some(), row.last)).map(|(key, _)| *key);
        if let Some(least) = least {
            self.rows.remove(&least);
        }
    }
}

/// The address that a connection comes from. Of IPv6 the network that one customer gets: its addresses cost nothing.
pub(super) fn place(addr: &Multiaddr) -> Option<IpAddr> {
    let ip = ip(addr)?;
    Some(match ip {
        IpAddr::V6(ip) if !ip.is_loopback() => IpAddr::V6((ip.to_bits() >> 64 << 64).into()),
        other => other,
    })
}

/// Where a broken handshake came from, if that is known. Over QUIC it is not: until a handshake is done, anybody may have
/// written that address on the packets (RFC 9000, section 21.1.1), and a ban would hit whoever really has it.
pub(super) fn culprit(addr: &Multiaddr) -> Option<IpAddr> {
    let claimed = addr.iter().any(|part| matches!(part, Protocol::Udp(_)));
    place(addr).filter(|_| !claimed)
}

/// The part of the network that an address lies in, as a number: of public addresses the first 16 bits of IPv4 and the
/// first 32 of IPv6, as Bitcoin Core groups them. Private addresses have none: there one number says nothing about who
/// owns the machine.
pub(super) fn group(addr: &Multiaddr) -> Option<u64> {
    match ip(addr)? {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let private = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared;
            (!private).then_some(4 << 32 | u64::from(a) << 8 | u64::from(b))
        }
        IpAddr::V6(ip) => {
            let private = ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local();
            (!private).then_some(6 << 32 | u64::try_from(ip.to_bits() >> 96).unwrap_or(0))
        }
    }
}

fn ip(addr: &Multiaddr) -> Option<IpAddr> {
    addr.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip).to_canonical()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PEER: PublicKey = PublicKey([1; 32]);
    const MINUTE: Duration = Duration::from_secs(60);

    fn bans() -> Bans {
        Bans::new(Terms { first: MINUTE, longest: 10 * MINUTE })
    }

    /// Faults until there is a ban.
    fn earn(bans: &mut Bans, now: Instant) -> (u32, Duration) {
        (1..).find_map(|count| bans.fault(PEER, now).map(|lasts| (count, lasts))).unwrap()
    }

    #[test]
    fn a_ban_is_earned_grows_ends_and_is_forgotten() {
        let (mut bans, mut now) = (bans(), Instant::now());
        for minutes in [1, 2, 4, 8, 10, 10] {
            assert_eq!(earn(&mut bans, now), (PEER_FAULTS, minutes * MINUTE));
            assert!(bans.holds(&PEER, now) && !bans.holds(&PublicKey([2; 32]), now));
            assert_eq!(bans.fault(PEER, now), None, "what it does while banned changes nothing");
            assert_eq!(bans.deadline(), Some(now + minutes * MINUTE));
            now += minutes * MINUTE;
            assert!(!bans.holds(&PEER, now));
            bans.end(now);
            assert_eq!(bans.deadline(), None);
        }
        now += 11 * MINUTE;
        assert_eq!(earn(&mut bans, now).1, MINUTE, "after so long it begins anew");
    }

    #[test]
    fn faults_far_apart_are_no_ban() {
        let (mut bans, mut now) = (bans(), Instant::now());
        for _ in 0..100 {
            now += WINDOW + Duration::from_millis(1);
            assert_eq!(bans.fault(PEER, now), None);
        }
    }

    #[test]
    fn an_address_is_banned_for_broken_handshakes_and_never_where_a_member_was_met() {
        let (mut bans, now) = (bans(), Instant::now());
        let place: IpAddr = "198.51.100.7".parse().unwrap();
        let times = |bans: &mut Bans, place, count| (0..count).filter_map(|_| bans.fault_at(place, now)).count();
        assert_eq!(times(&mut bans, place, PLACE_FAULTS - 1), 0);
        assert_eq!(bans.fault_at(place, now), Some(MINUTE));
        assert!(bans.holds_at(&place, now) && !bans.holds_at(&place, now + MINUTE));
        bans.vouch(place);
        assert!(!bans.holds_at(&place, now), "a member is there after all");
        assert_eq!(times(&mut bans, place, 1_000), 0);
        assert_eq!(times(&mut bans, "127.0.0.1".parse().unwrap(), 1_000), 0, "that is this machine");
        assert!(!bans.holds(&PEER, now), "an address is no peer");
    }

    #[test]
    fn an_address_that_is_only_claimed_is_not_blamed() {
        let culprit = |text: &str| super::culprit(&text.parse().unwrap());
        assert_eq!(culprit("/ip4/198.51.100.7/tcp/1"), Some("198.51.100.7".parse().unwrap()));
        assert_eq!(culprit("/ip4/198.51.100.7/udp/1/quic-v1"), None);
        assert_eq!(culprit("/ip6/2001:db8::1/udp/1/quic-v1"), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_longest_bans_stay() {
        let (mut bans, now) = (bans(), Instant::now());
        let key = |number: u64| PublicKey([&number.to_be_bytes()[..], &[0; 24]].concat().try_into().unwrap());
        for _ in 0..PEER_FAULTS {
            bans.fault(PEER, now);
        }
        for number in 0..10_000 {
            bans.fault(key(number), now);
            bans.fault_at(IpAddr::from((u32::try_from(number).unwrap() + (9 << 24)).to_be_bytes()), now);
            bans.vouch(IpAddr::from((u32::try_from(number).unwrap() + (8 << 24)).to_be_bytes()));
        }
        let sizes = [bans.peers.rows.len(), bans.places.rows.len(), bans.vouched.len(), bans.met.len()];
        assert_eq!(sizes, [ROWS; 4]);
        assert!(bans.holds(&PEER, now), "no crowd of others ends a ban");
    }

    #[test]
    fn public_addresses_have_a_group_and_private_ones_none() {
        let group = |text: &str| super::group(&text.parse().unwrap());
        assert_eq!(group("/ip4/198.51.100.7/tcp/1"), group("/ip4/198.51.3.9/udp/4/quic-v1"));
        assert_ne!(group("/ip4/198.51.100.7/tcp/1"), group("/ip4/198.52.100.7/tcp/1"));
        assert_eq!(group("/ip6/2001:db8:1::1/tcp/1"), group("/ip6/2001:db8:2::7/tcp/1"));
        assert_ne!(group("/ip6/2001:db8:1::1/tcp/1"), group("/ip6/2001:db9:1::1/tcp/1"));
        assert_eq!(group("/ip6/::ffff:198.51.100.7/tcp/1"), group("/ip4/198.51.100.7/tcp/1"));
        for none in [
            "/ip4/10.1.2.3/tcp/1",
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/100.64.0.1/tcp/1",
            "/ip6/fd00::1/tcp/1",
            "/ip6/::1/tcp/1",
        ] {
            assert_eq!(group(none), None, "{none}");
        }
        let place = |text: &str| super::place(&text.parse().unwrap());
        assert_eq!(place("/ip6/2001:db8::1/tcp/1"), place("/ip6/2001:db8::2:7/tcp/9"));
        assert_ne!(place("/ip4/198.51.100.7/tcp/1"), place("/ip4/198.51.100.8/tcp/1"));
    }
}
