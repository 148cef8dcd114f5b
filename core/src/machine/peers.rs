//! Peers: which links are up, what is asked of whom, and when reconciliation runs. Reconciliation itself is another room.

mod pause;
pub(super) mod repair;
pub(super) mod serve;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use driftless_statement::statement::Bytes;
use driftless_statement::{PublicKey, Scope, StatementId};

use self::repair::Strange;
use super::Machine;
use super::effect::Effect;
use super::intake::Taken;
use super::intake::delays::Way;
use super::planted::Planted;
use crate::log::Log;
use crate::reconcile::limits::BATCH_IDS;
use crate::reconcile::{End, Outcome, Session, Step};
use crate::wire::{Request, Response};

/// One peer whose link is up.
#[derive(Default)]
struct Link {
    /// Scopes to compare, `@mesh` first.
    queue: VecDeque<Scope>,
    /// The session under way and the request it waits for.
    active: Option<(u64, Session)>,
    /// When all scopes are compared again, on the timer clock.
    next_round: u64,
    /// When each scope was last compared because beacons differed.
    repaired: BTreeMap<Scope, u64>,
    /// Sets that its beacons told and that this node did not have, until they are compared.
    strange: BTreeMap<Scope, Strange>,
    /// Fetches that wait for its answer.
    fetches: usize,
    /// Sessions that wait for an intake rate.
    pauses: pause::Pauses,
    /// Scopes of which one comparison came to its end.
    caught_up: BTreeSet<Scope>,
}

/// A request to a peer, and what it was for.
struct Asked {
    peer: PublicKey,
    what: What,
}

enum What {
    Session,
    Fetch(Vec<StatementId>),
}

/// Fetches that one peer may owe an answer to. What is not fetched for want of it, reconciliation brings.
const FETCHES: usize = 16;

/// All links, and the requests that wait for an answer.
#[derive(Default)]
pub(super) struct Peers {
    links: BTreeMap<PublicKey, Link>,
    asked: BTreeMap<u64, Asked>,
    next: u64,
    /// Ids asked for lately and of whom not again before then, on the timer clock.
    fetching: BTreeMap<StatementId, u64>,
}

impl Peers {
    /// Peers whose link is up.
    pub fn connected(&self) -> impl Iterator<Item = PublicKey> {
        self.links.keys().copied().collect::<Vec<_>>().into_iter()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.links.len()
    }

    /// Requests that wait for an answer.
    pub fn requests(&self) -> usize {
        self.asked.len()
    }

    /// A link, with what is under way on it.
    pub(super) fn strange(&mut self) -> impl Iterator<Item = (&PublicKey, &mut BTreeMap<Scope, Strange>)> {
        self.links.iter_mut().map(|(peer, link)| (peer, &mut link.strange))
    }

    /// What a connected peer's beacons told of sets that were not had here.
    pub(super) fn strange_of(&mut self, peer: &PublicKey) -> Option<&mut BTreeMap<Scope, Strange>> {
        self.links.get_mut(peer).map(|link| &mut link.strange)
    }

    /// A request is over: what it was for, if this peer was asked it.
    fn over(&mut self, peer: &PublicKey, corr: u64) -> Option<What> {
        if self.asked.get(&corr).is_none_or(|asked| asked.peer != *peer) {
            return None;
        }
        let what = self.asked.remove(&corr)?.what;
        if let What::Fetch(ids) = &what {
            self.fetching.retain(|id, _| ids.binary_search(id).is_err());
            if let Some(link) = self.links.get_mut(peer) {
                link.fetches = link.fetches.saturating_sub(1);
            }
        }
        Some(what)
    }

    /// A request whose answer is of no use.
    #[cfg(feature = "planted")]
    pub(super) fn ask_for_nothing(&mut self, peer: PublicKey) -> u64 {
        self.ask(peer, What::Session)
    }

    fn ask(&mut self, peer: PublicKey, what: What) -> u64 {
        self.next += 1;
        self.asked.insert(self.next, Asked { peer, what });
        self.next
    }
}

impl Machine {
    pub(super) fn connected(&mut self, peer: PublicKey, effects: &mut Vec<Effect>) {
        self.linked_ms = self.now.mono_ms;
        self.stir();
        let next_round = self.now.mono_ms + self.rng.around(self.pace.reconcile_ms);
        self.peers.links.entry(peer).or_insert_with(|| Link { next_round, ..Link::default() });
        self.still_muted(peer, effects);
        self.compare_all(peer, effects);
        self.timers.beacon_soon(self.now.mono_ms);
    }

    pub(super) fn disconnected(&mut self, peer: PublicKey) {
        self.stir();
        self.agreement.left(&peer);
        let asked = self.peers.asked.iter().filter(|(_, asked)| asked.peer == peer);
        let corrs: Vec<u64> = asked.map(|(corr, _)| *corr).collect();
        // Whoever else has it may be asked at once.
        corrs.into_iter().for_each(|corr| drop(self.peers.over(&peer, corr)));
        if let Some(Link { active, pauses, .. }) = self.peers.links.remove(&peer) {
            let sessions = active.into_iter().map(|(_, session)| session).chain(pauses.into_sessions());
            sessions.for_each(|session| self.count_session(&session.abandon()));
        }
    }

    /// Puts every shared scope in line for comparison with a peer, `@mesh` first.
    fn compare_all(&mut self, peer: PublicKey, effects: &mut Vec<Effect>) {
        let mut scopes = vec![Scope::mesh()];
        scopes.extend(self.scopes.keys().filter(|scope| !scope.is_mesh() && self.shares(&peer, scope)).cloned());
        scopes.into_iter().for_each(|scope| self.line_up(peer, scope));
        self.next_session(peer, effects);
    }

    /// Whether a scope is offered to a peer. Before trust is known only `@mesh` is, to the peers that were configured.
    pub(super) fn shares(&self, peer: &PublicKey, scope: &Scope) -> bool {
        scope.is_mesh() || self.may_hold(peer, scope)
    }

    fn line_up(&mut self, peer: PublicKey, scope: Scope) {
        if let Some(link) = self.peers.links.get_mut(&peer)
            && !link.queue.contains(&scope)
        {
            if scope.is_mesh() { link.queue.push_front(scope) } else { link.queue.push_back(scope) }
        }
    }

    /// A beacon shows that a connected peer differs in a scope: compare soon, but not again and again.
    pub(super) fn repair(&mut self, peer: PublicKey, scope: &Scope, effects: &mut Vec<Effect>) {
        let now = self.now.mono_ms;
        let pause = self.pace.repair_ms;
        if !self.shares(&peer, scope) || self.planted(Planted::ComparesOnce) {
            return;
        }
        let Some(link) = self.peers.links.get_mut(&peer) else { return };
        if link.repaired.get(scope).is_some_and(|last| now < last + pause) {
            return;
        }
        link.strange.remove(scope);
        link.repaired.insert(scope.clone(), now);
        self.line_up(peer, scope.clone());
        self.next_session(peer, effects);
    }

    /// Begins the next comparison with a peer, when none is under way.
    fn next_session(&mut self, peer: PublicKey, effects: &mut Vec<Effect>) {
        loop {
            let Some(link) = self.peers.links.get_mut(&peer) else { return };
            if link.active.is_some() {
                return;
            }
            // A flood elsewhere never goes before `@mesh`, from where its end comes.
            let mesh_first = link.queue.front().is_some_and(Scope::is_mesh);
            let resumed = if mesh_first { None } else { link.pauses.over(self.now.mono_ms) };
            if let Some((session, request)) = resumed {
                return self.ask_in_session(peer, session, &request, effects);
            }
            let Some(scope) = link.queue.pop_front() else { return };
            if link.pauses.contains(&scope) {
                continue;
            }
            let Some(room) = self.scopes.get(&scope) else { continue };
            let (session, request) = Session::start(scope, &room.summary);
            self.counts.sessions += 1;
            self.ask_in_session(peer, session, &request, effects);
        }
    }

    fn ask_in_session(&mut self, peer: PublicKey, session: Session, request: &Request, effects: &mut Vec<Effect>) {
        let corr = self.peers.ask(peer, What::Session);
        let bytes = request.encode();
        self.counts.rounds += 1;
        if !matches!(request, Request::Push { .. }) {
            self.counts.reconcile_bytes += bytes.len() as u64;
        }
        effects.push(Effect::Request { peer, corr, bytes });
        if let Some(link) = self.peers.links.get_mut(&peer) {
            link.active = Some((corr, session));
        }
    }

    /// A peer's answer: statements go in like any others, the session goes on.
    pub(super) fn response(&mut self, peer: PublicKey, corr: u64, bytes: &[u8], effects: &mut Vec<Effect>) {
        let Some(asked) = self.peers.over(&peer, corr) else { return };
        if self.planted(Planted::KeepsRequests) {
            self.peers.ask(peer, What::Session);
        }
        let response = match Response::decode(bytes) {
            Ok(response) => response,
            Err(bad) => {
                self.counts.refused_message(&bad);
                return self.end_session(peer, corr, effects);
            }
        };
        let mut authors = Vec::new();
        match &response {
            Response::Statements { statements, .. } => {
                let way = if matches!(asked, What::Session) { Way::Pull(peer) } else { Way::Fetch(peer) };
                authors = self.take_all(peer, way, statements, effects);
            }
            _ => self.counts.reconcile_bytes += bytes.len() as u64,
        }
        match asked {
            What::Session => self.go_on(peer, corr, (&response, &authors), effects),
            What::Fetch(_) => {}
        }
    }

    /// Takes in what a peer was asked for. Whose it is, as far as it was new.
    fn take_all(
        &mut self,
        peer: PublicKey,
        way: Way,
        statements: &[Bytes],
        effects: &mut Vec<Effect>,
    ) -> Vec<PublicKey> {
        let mut authors = BTreeSet::new();
        for wire in statements {
            match self.take(wire, way, effects) {
                Taken::Waiting(_, missing) => self.fetch(peer, missing, effects),
                Taken::Appended(id) => authors.extend(self.log.get(&id).map(|held| held.statement().author)),
                // The message that announced it is not handed on, and must not keep the place of one that may be.
                Taken::NotHeld(id, _) | Taken::Full(id) | Taken::ReadOnly(id) | Taken::Delayed(id, _) => {
                    self.give_up(&id, effects);
                }
                Taken::Refused(id, _) if !self.log.waiting(&id) => {
                    self.give_up(&id, effects);
                    // It may have outrun its author's grant. Not after a comparison: that would begin at once again, for
                    // as long as the peer holds what is refused here.
                    if matches!(way, Way::Fetch(_)) {
                        self.compare_soon(&peer);
                    }
                }
                Taken::Known(_) | Taken::Invalid(_) | Taken::Refused(..) => {}
            }
        }
        authors.into_iter().collect()
    }

    fn go_on(
        &mut self,
        peer: PublicKey,
        corr: u64,
        (response, authors): (&Response, &[PublicKey]),
        effects: &mut Vec<Effect>,
    ) {
        let Some(link) = self.peers.links.get_mut(&peer) else { return };
        let Some((_, mut session)) = link.active.take_if(|(waits_for, _)| *waits_for == corr) else { return };
        // The last lock: whatever began the session, nothing is pushed to a peer that may not hold the scope.
        let may_see = self.shares(&peer, session.scope());
        let Some(room) = self.scopes.get_mut(session.scope()) else { return };
        let log: &Log = &self.log;
        let lookup = |id: &StatementId| log.get(id).filter(|_| may_see).map(|held| held.wire());
        let step = session.answer(&mut room.summary, &lookup, response);
        match step {
            Step::Ask(request) => self.ask_in_time(peer, session, request, authors, effects),
            Step::Done(outcome) => {
                self.count_session(&outcome);
                if matches!(outcome.end, End::Same | End::Exchanged)
                    && let Some(link) = self.peers.links.get_mut(&peer)
                {
                    link.caught_up.insert(outcome.scope.clone());
                }
                if outcome.goes_on() {
                    self.line_up(peer, outcome.scope);
                }
                self.next_session(peer, effects);
            }
        }
    }

    pub(super) fn request_failed(&mut self, peer: PublicKey, corr: u64, effects: &mut Vec<Effect>) {
        self.peers.over(&peer, corr);
        self.end_session(peer, corr, effects);
    }

    fn end_session(&mut self, peer: PublicKey, corr: u64, effects: &mut Vec<Effect>) {
        let Some(link) = self.peers.links.get_mut(&peer) else { return };
        if let Some((_, session)) = link.active.take_if(|(waits_for, _)| *waits_for == corr) {
            self.count_session(&session.abandon());
            self.next_session(peer, effects);
        }
    }

    fn count_session(&mut self, outcome: &Outcome) {
        self.counts.differences += (outcome.only_local + outcome.only_remote) as u64;
        match outcome.end {
            End::Same | End::Exchanged | End::Partial => {}
            End::Unexplained | End::Refused(_) | End::Misbehaved(_) | End::Abandoned => {
                self.counts.failed_sessions += 1
            }
        }
    }

    /// Asks a peer for statements that something here needs, unless they were asked for a moment ago.
    pub(super) fn fetch(&mut self, peer: PublicKey, mut ids: Vec<StatementId>, effects: &mut Vec<Effect>) {
        ids.retain(|id| !self.log.contains(id) && !self.log.waiting(id));
        ids.truncate(BATCH_IDS);
        self.fetch_announced(peer, ids.clone(), effects);
        // Also what is under way since somebody announced it; not what nobody was asked for.
        self.wanted.extend(ids.iter().filter(|id| self.peers.fetching.contains_key(id)));
    }

    /// Asks a peer for statements by id, unless they were asked for a moment ago.
    pub(super) fn fetch_announced(&mut self, peer: PublicKey, ids: Vec<StatementId>, effects: &mut Vec<Effect>) {
        let now = self.now.mono_ms;
        let again = now + self.pace.request_ms;
        let ids: Vec<StatementId> = ids
            .into_iter()
            .filter(|id| !self.log.contains(id) && !self.log.waiting(id))
            .filter(|id| self.peers.fetching.get(id).is_none_or(|until| *until <= now))
            .take(BATCH_IDS)
            .collect();
        let Some(link) = self.peers.links.get_mut(&peer) else { return };
        if ids.is_empty() || link.fetches >= FETCHES {
            return;
        }
        link.fetches += 1;
        let mut sorted = ids;
        sorted.sort_unstable();
        sorted.dedup();
        for id in &sorted {
            self.peers.fetching.insert(*id, again);
        }
        let bytes = Request::Fetch { ids: sorted.clone() }.encode();
        let corr = self.peers.ask(peer, What::Fetch(sorted));
        effects.push(Effect::Request { peer, corr, bytes });
    }

    /// The regular look: another round with whom it is time for, and missing statements asked of somebody else.
    pub(super) fn look_at_peers(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now.mono_ms;
        self.peers.fetching.retain(|_, until| *until > now);
        self.give_up_held_back(effects);
        let due: Vec<PublicKey> =
            self.peers.links.iter().filter(|(_, link)| link.next_round <= now).map(|(peer, _)| *peer).collect();
        for peer in due {
            let next = now + self.rng.around(self.pace.reconcile_ms);
            if let Some(link) = self.peers.links.get_mut(&peer) {
                link.next_round = next;
            }
            if !self.planted(Planted::ComparesOnce) && !self.is_same(&peer) {
                self.compare_all(peer, effects);
            }
        }
        self.repair_strange(effects);
        self.fetch_missing(effects);
        self.go_on_paused(effects);
        #[cfg(feature = "planted")]
        self.push_again(effects);
    }

    /// Whether a peer's last beacon told of the very sets that this node has: to compare them would tell no more.
    fn is_same(&mut self, peer: &PublicKey) -> bool {
        self.compare_own();
        let shared = self.scopes.keys().filter(|scope| self.shares(peer, scope));
        shared.into_iter().all(|scope| self.divergence.is_same(peer, scope, self.now))
    }

    fn fetch_missing(&mut self, effects: &mut Vec<Effect>) {
        let mut missing = self.log.missing();
        let frontiers = self.trust.iter().flat_map(|trust| trust.frontiers());
        let wanted =
            frontiers.filter(|(id, scope)| self.holds(scope) && !self.log.contains(id) && !self.log.waiting(id));
        missing.extend(wanted.take(BATCH_IDS).map(|(id, scope)| (*id, scope.clone())));
        let still: BTreeSet<StatementId> = missing.iter().map(|(id, _)| *id).collect();
        let fetching = &self.peers.fetching;
        self.wanted.retain(|id| still.contains(id) || fetching.contains_key(id));
        let mut by_peer: BTreeMap<PublicKey, Vec<StatementId>> = BTreeMap::new();
        for (id, scope) in missing.into_iter().take(BATCH_IDS) {
            let able: Vec<PublicKey> = self.peers.connected().filter(|peer| self.shares(peer, &scope)).collect();
            let pick = usize::try_from(self.rng.below(able.len() as u64)).unwrap_or(0);
            if let Some(peer) = able.get(pick) {
                by_peer.entry(*peer).or_default().push(id);
            }
        }
        by_peer.into_iter().for_each(|(peer, ids)| self.fetch(peer, ids, effects));
    }
}
