//! Sessions that wait for an intake rate before they ask on. It knows when, not why.

use std::collections::BTreeMap;

use driftless_statement::{PublicKey, Scope};

use super::Link;
use crate::machine::Machine;
use crate::machine::effect::Effect;
use crate::reconcile::Session;
use crate::wire::Request;

/// A session, and what it asks next.
struct Paused {
    until: u64,
    session: Session,
    request: Request,
}

/// Sessions with one peer that wait, one a scope: those of other scopes go on.
#[derive(Default)]
pub(super) struct Pauses(BTreeMap<Scope, Paused>);

impl Pauses {
    /// Whether the session of a scope waits.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains_key(scope)
    }

    /// The first session that has waited long enough.
    pub fn over(&mut self, now: u64) -> Option<(Session, Request)> {
        let scope = self.0.iter().find(|(_, paused)| paused.until <= now).map(|(scope, _)| scope.clone())?;
        self.0.remove(&scope).map(|paused| (paused.session, paused.request))
    }

    fn next(&self) -> Option<u64> {
        self.0.values().map(|paused| paused.until).min()
    }

    /// All of them, for a link that went down.
    pub fn into_sessions(self) -> impl Iterator<Item = Session> {
        self.0.into_values().map(|paused| paused.session)
    }
}

impl Machine {
    /// Asks on in a session, at once or when the rates of the peer and of the authors in its last answer allow.
    pub(super) fn ask_in_time(
        &mut self,
        peer: PublicKey,
        session: Session,
        request: Request,
        authors: &[PublicKey],
        effects: &mut Vec<Effect>,
    ) {
        let scope = session.scope().clone();
        let fresh = self.has_caught_up(&peer, &scope);
        // What is pushed was looked at for whom it is now, and brings nothing in.
        let wait_ms = match &request {
            Request::Push { .. } => 0,
            _ => self.session_wait_ms(peer, scope.is_mesh(), if fresh { authors } else { &[] }),
        };
        let Some(link) = self.peers.links.get_mut(&peer) else { return };
        if wait_ms == 0 {
            return self.ask_in_session(peer, session, &request, effects);
        }
        let until = self.now.mono_ms + wait_ms;
        link.pauses.0.insert(scope, Paused { until, session, request });
        self.timers.peers = self.timers.peers.min(until);
        self.next_session(peer, effects);
    }

    /// Sessions that waited long enough go on, and the rest is looked at in time.
    pub(super) fn go_on_paused(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now.mono_ms;
        let due = |link: &Link| link.pauses.next().is_some_and(|until| until <= now);
        let peers: Vec<PublicKey> =
            self.peers.links.iter().filter(|(_, link)| due(link)).map(|(peer, _)| *peer).collect();
        peers.into_iter().for_each(|peer| self.next_session(peer, effects));
        // One that is due and waits for its link to be free goes on with the answer that frees it.
        let next = self.peers.links.values().filter_map(|link| link.pauses.next()).filter(|until| *until > now).min();
        self.timers.peers = next.map_or(self.timers.peers, |next| self.timers.peers.min(next));
    }

    /// Something of a peer was dropped for want of a rate: comparison brings it back.
    pub(in crate::machine) fn compare_soon(&mut self, peer: &PublicKey) {
        let soon = self.now.mono_ms + self.pace.repair_ms;
        if let Some(link) = self.peers.links.get_mut(peer) {
            link.next_round = link.next_round.min(soon);
        }
    }

    /// Whether a comparison of a scope with a peer came to its end since its link is up: what it brings from then on is
    /// new, and no catching up.
    pub(in crate::machine) fn has_caught_up(&self, peer: &PublicKey, scope: &Scope) -> bool {
        self.peers.links.get(peer).is_some_and(|link| link.caught_up.contains(scope))
    }
}
