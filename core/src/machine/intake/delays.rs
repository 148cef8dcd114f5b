//! Where intake rates act: who is asked to come again, and whom the alarm names.
//!
//! Need: a flood by an author with a good grant, or by a peer, must not take the time of all others; and no limit may
//! change what a set is or means. Idea: what comes unasked is dropped before its signature is checked, and comparison of
//! sets brings it back, at the rate. What a peer brings in its first comparison on a link is catching up, and only counts
//! for the peer. `@mesh` is counted apart, so that acts there never wait for a flood elsewhere.

use std::collections::BTreeMap;

use driftless_statement::{PublicKey, Scope, StatementId};

use super::rates::{Meters, Rates, Spender};
use crate::machine::Machine;
use crate::machine::storing::Origin;

/// What a signature that does not verify costs its peer, in good ones: honest peers hand on none.
const FAILED: u64 = 16;
/// Authors whose floods are remembered. A guess: more than anybody looks into, in ten kilobytes.
const ALARMS: usize = 64;
/// An author is over its rate until nothing of it was delayed for so long, milliseconds.
const CALM_MS: u64 = 10_000;
/// What is delayed later than this after the last is another flood, milliseconds.
const FLOOD_GAP_MS: u64 = 600_000;
/// How long the end of a flood is remembered, milliseconds: a day, for whoever comes to work and finds it.
const KEPT_MS: u64 = 86_400_000;

/// How a statement came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::machine) enum Way {
    /// A local service handed it in.
    Door,
    /// Gossip, by the peer that handed it on.
    Gossip(PublicKey),
    /// A peer pushed it.
    Push(PublicKey),
    /// This node asked a peer for it, who had announced it or has what names it.
    Fetch(PublicKey),
    /// This node and a peer compared their sets.
    Pull(PublicKey),
}

impl Way {
    /// Who brought it, for what follows once it is durable.
    pub fn origin(self) -> Origin {
        match self {
            Self::Door => Origin::Submit,
            Self::Gossip(_) | Self::Push(_) | Self::Fetch(_) | Self::Pull(_) => Origin::Peer,
        }
    }

    /// Whether gossip does not carry it onward by itself.
    pub fn spread(self) -> bool {
        matches!(self, Self::Push(_) | Self::Fetch(_) | Self::Pull(_))
    }

    fn peer(self) -> Option<PublicKey> {
        match self {
            Self::Door => None,
            Self::Gossip(peer) | Self::Push(peer) | Self::Fetch(peer) | Self::Pull(peer) => Some(peer),
        }
    }

    /// Whether this node asked for it, and so for the work that it brings.
    fn is_asked_for(self) -> bool {
        matches!(self, Self::Fetch(_) | Self::Pull(_))
    }
}

/// Why a statement is to come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Its author signs more of them than the rate.
    AuthorStatements,
    /// Its author signs more bytes than the rate.
    AuthorBytes,
    /// The peer brings more bytes than the rate.
    PeerBytes,
    /// The peer asks for more checks of signatures than the rate.
    PeerChecks,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 4] = [Self::AuthorStatements, Self::AuthorBytes, Self::PeerBytes, Self::PeerChecks];

    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::AuthorStatements => "author_statements",
            Self::AuthorBytes => "author_bytes",
            Self::PeerBytes => "peer_bytes",
            Self::PeerChecks => "peer_checks",
        }
    }
}

/// An author that was over its intake rate, as far as this node saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flood {
    /// The author.
    pub author: PublicKey,
    /// Since when it was signing faster than the rate, Unix milliseconds by this node's clock.
    pub since_ms: u64,
    /// When something of it was delayed last, Unix milliseconds.
    pub last_ms: u64,
    /// How often something of it was delayed.
    pub delayed: u64,
    /// Whether it is over its rate now.
    pub now: bool,
}

/// What is remembered of one author's flood.
#[derive(Debug)]
struct Alarm {
    since_ms: u64,
    last_ms: u64,
    last_mono_ms: u64,
    delayed: u64,
}

/// Spending of authors and peers, and the alarms.
#[derive(Debug)]
pub(in crate::machine) struct Intake {
    /// Statements and bytes.
    authors: Meters,
    /// Bytes and checks of signatures.
    peers: Meters,
    alarms: BTreeMap<PublicKey, Alarm>,
}

impl Intake {
    pub fn new(rates: &Rates) -> Self {
        Self {
            authors: Meters::new([rates.author_statements, rates.author_bytes], rates.burst_ms),
            peers: Meters::new([rates.peer_bytes, rates.peer_checks], rates.burst_ms),
            alarms: BTreeMap::new(),
        }
    }

    fn alarm(&mut self, author: PublicKey, since_ms: u64, (mono_ms, wall_ms): (u64, u64)) {
        let known = self.alarms.get_mut(&author).filter(|alarm| mono_ms < alarm.last_mono_ms + FLOOD_GAP_MS);
        if let Some(alarm) = known {
            (alarm.last_ms, alarm.last_mono_ms, alarm.delayed) = (wall_ms, mono_ms, alarm.delayed.saturating_add(1));
            return;
        }
        if self.alarms.len() >= ALARMS
            && let Some(oldest) = self.alarms.iter().min_by_key(|(_, alarm)| alarm.last_mono_ms).map(|(key, _)| *key)
        {
            self.alarms.remove(&oldest);
        }
        self.alarms.insert(author, Alarm { since_ms, last_ms: wall_ms, last_mono_ms: mono_ms, delayed: 1 });
    }
}

fn cause_of_author(which: usize) -> Cause {
    if which == 0 { Cause::AuthorStatements } else { Cause::AuthorBytes }
}

fn cause_of_peer(which: usize) -> Cause {
    if which == 0 { Cause::PeerBytes } else { Cause::PeerChecks }
}

impl Machine {
    /// Why a statement that is new here and that nothing here needs must come later, if it must. Before its signature is checked.
    pub(in crate::machine) fn over_rate(&mut self, way: Way, id: &StatementId, author: Spender) -> Option<Cause> {
        let now = self.now.mono_ms;
        // At the door that was asked for the whole submission; a comparison waits before its next question. What was only
        // announced is held to its author's rate when it comes: before, nobody knows whose it is.
        if matches!(way, Way::Door | Way::Pull(_)) || self.wanted.contains(id) {
            return None;
        }
        let by_author = self.intake.authors.over(&author, now).map(cause_of_author);
        let by_peer = || match way.is_asked_for() {
            true => None,
            false => self.intake.peers.over(&(way.peer()?, author.1), now).map(cause_of_peer),
        };
        let cause = by_author.or_else(by_peer)?;
        self.delayed(cause, author);
        if let Some(peer) = way.peer() {
            self.compare_soon(&peer);
        }
        Some(cause)
    }

    /// Something is to come later.
    fn delayed(&mut self, cause: Cause, author: Spender) {
        *self.counts.delayed.entry(cause.word()).or_default() += 1;
        if matches!(cause, Cause::AuthorStatements | Cause::AuthorBytes) {
            let since_ms = self.intake.authors.since_ms(&author).unwrap_or(self.now.wall_ms);
            self.intake.alarm(author.0, since_ms, (self.now.mono_ms, self.now.wall_ms));
        }
    }

    /// Whether a statement is news, as far as one can tell from how it came, and no catching up.
    pub(in crate::machine) fn is_fresh(&self, way: Way, scope: &Scope) -> bool {
        match way {
            Way::Door | Way::Gossip(_) | Way::Push(_) | Way::Fetch(_) => true,
            Way::Pull(peer) => self.has_caught_up(&peer, scope),
        }
    }

    /// A peer brought bytes; whether they are any good is not known.
    pub(in crate::machine) fn spend_bytes(&mut self, way: Way, mesh: bool, bytes: usize) {
        if let Some(peer) = way.peer() {
            self.intake.peers.spend((peer, mesh), [bytes as u64, 0], self.now);
        }
    }

    /// A signature was checked: of a good one the author pays, of a bad one only who brought it, since anybody can put a
    /// name under anything.
    pub(in crate::machine) fn spend_check(
        &mut self,
        way: Way,
        author: Spender,
        bytes: usize,
        (good, fresh): (bool, bool),
    ) {
        if let Some(peer) = way.peer().filter(|_| !way.is_asked_for() || !good) {
            let checks = if good { 1 } else { FAILED };
            self.intake.peers.spend((peer, author.1), [0, checks], self.now);
        }
        if good && fresh {
            self.intake.authors.spend(author, [1, bytes as u64], self.now);
        }
    }

    /// How long the next question of a session waits for what its last answer brought, milliseconds: for the peer, and for
    /// the authors in it. Zero: not at all.
    pub(in crate::machine) fn session_wait_ms(&mut self, peer: PublicKey, mesh: bool, authors: &[PublicKey]) -> u64 {
        let now = self.now.mono_ms;
        let mut longest = self.intake.peers.wait_ms(&(peer, mesh), now);
        if longest > 0 {
            let which = self.intake.peers.over(&(peer, mesh), now).unwrap_or(0);
            self.delayed(cause_of_peer(which), (peer, mesh));
        }
        for author in authors.iter().map(|author| (*author, mesh)) {
            if let Some(which) = self.intake.authors.over(&author, now) {
                longest = longest.max(self.intake.authors.wait_ms(&author, now));
                self.delayed(cause_of_author(which), author);
            }
        }
        longest
    }

    /// Whether a peer has no bytes left, and what is large is not to be fetched from it now.
    pub(in crate::machine) fn is_over_budget(&mut self, peer: PublicKey, mesh: bool) -> bool {
        let over = self.intake.peers.over(&(peer, mesh), self.now.mono_ms);
        over.inspect(|which| self.delayed(cause_of_peer(*which), (peer, mesh))).is_some()
    }

    /// The author of what is handed in at the door who is over its rate, and for how long, milliseconds. Nothing of a
    /// submission is taken then, so that nobody needs to find out which part was.
    pub(in crate::machine) fn over_rate_at_door(&mut self, statements: &[Vec<u8>]) -> Option<(PublicKey, u64)> {
        let now = self.now.mono_ms;
        if !self.intake.authors.any_over(now) {
            return None;
        }
        let claims = statements.iter().filter_map(|wire| self.proofs.claim(wire).ok());
        let mut authors = claims.map(|claim| (claim.statement().author, claim.statement().scope.is_mesh()));
        let (author, which) = authors.find_map(|author| Some((author, self.intake.authors.over(&author, now)?)))?;
        let wait_ms = self.intake.authors.wait_ms(&author, now);
        self.delayed(cause_of_author(which), author);
        Some((author.0, wait_ms))
    }

    /// Authors that are or lately were over their intake rate: those that are first, most delayed first.
    pub fn floods(&self) -> Vec<Flood> {
        let age = |alarm: &Alarm| self.now.mono_ms.saturating_sub(alarm.last_mono_ms);
        let recent = self.intake.alarms.iter().filter(|(_, alarm)| age(alarm) < KEPT_MS);
        let told = |(author, alarm): (&PublicKey, &Alarm)| Flood {
            author: *author,
            since_ms: alarm.since_ms,
            last_ms: alarm.last_ms,
            delayed: alarm.delayed,
            now: age(alarm) < CALM_MS,
        };
        let mut floods: Vec<Flood> = recent.map(told).collect();
        floods.sort_by_key(|flood| (!flood.now, std::cmp::Reverse(flood.delayed)));
        floods
    }
}
