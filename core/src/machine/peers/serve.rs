//! Answering peers: what they may see of what is on disk here, and what they push.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::statement::Bytes;
use driftless_statement::{PublicKey, Scope, StatementId};

use crate::log::Log;
use crate::machine::Machine;
use crate::machine::calls::Waiter;
use crate::machine::effect::Effect;
use crate::machine::intake::Taken;
use crate::machine::intake::delays::Way;
use crate::machine::planted::Planted;
use crate::machine::scope::ScopeRoom;
use crate::reconcile::{Shelf, Summary, answer};
use crate::trust::Trust;
use crate::wire::{Request, Response, Word};

/// A push that is answered once its statements are on disk.
pub(in crate::machine) struct Pushed {
    waiting: BTreeSet<StatementId>,
    taken: usize,
    refused: BTreeMap<usize, &'static str>,
    places: BTreeMap<StatementId, usize>,
}

/// What one peer may see.
struct PeersView<'a> {
    peer: PublicKey,
    trust: Option<&'a Trust>,
    scopes: &'a mut BTreeMap<Scope, ScopeRoom>,
    log: &'a Log,
}

impl PeersView<'_> {
    fn may_see(&self, scope: &Scope) -> bool {
        let member = self.trust.and_then(|trust| trust.member(&self.peer));
        scope.is_mesh() || member.is_some_and(|member| member.may_hold(scope))
    }
}

impl Shelf for PeersView<'_> {
    fn summary(&mut self, scope: &Scope) -> Option<&mut Summary> {
        if !self.may_see(scope) {
            return None;
        }
        self.scopes.get_mut(scope).map(|room| &mut room.summary)
    }

    fn statement(&self, id: &StatementId) -> Option<Bytes> {
        let held = self.log.get(id)?;
        let scope = &held.statement().scope;
        // Only what is on disk leaves: an own statement must not be known elsewhere before.
        let durable = self.scopes.get(scope).is_some_and(|room| room.has_stored(id));
        (durable && self.may_see(scope)).then(|| held.wire())
    }
}

impl Machine {
    /// A peer asks.
    pub(in crate::machine) fn serve(&mut self, peer: PublicKey, token: u64, bytes: &[u8], effects: &mut Vec<Effect>) {
        let response = match Request::decode(bytes) {
            Err(bad) => Response::Refused { word: Word::new(self.counts.refused_message(&bad)) },
            Ok(Request::Push { statements }) => return self.pushed(peer, token, &statements, effects),
            Ok(request) => {
                let Self { trust, scopes, log, .. } = self;
                let mut view = PeersView { peer, trust: trust.as_ref(), scopes, log };
                match answer(&mut view, &request) {
                    Some(response) => response,
                    None => Response::Refused { word: Word::new("unanswered") },
                }
            }
        };
        self.counts.served += 1;
        effects.push(Effect::Respond { token, bytes: response.encode() });
    }

    /// Answers a request that is not looked at.
    pub(in crate::machine) fn refuse(&mut self, token: u64, word: &'static str, effects: &mut Vec<Effect>) {
        let response = Response::Refused { word: Word::new(word) };
        effects.push(Effect::Respond { token, bytes: response.encode() });
    }

    /// A peer brings statements: taken in like any others, acknowledged when they are on disk.
    fn pushed(&mut self, peer: PublicKey, token: u64, statements: &[Bytes], effects: &mut Vec<Effect>) {
        let mut pushed =
            Pushed { waiting: BTreeSet::new(), taken: 0, refused: BTreeMap::new(), places: BTreeMap::new() };
        for (place, wire) in statements.iter().enumerate() {
            let taken = self.take(wire, Way::Push(peer), effects);
            match &taken {
                Taken::Known(id) if self.is_storing(id) && self.storing.read_only().is_some() => {
                    pushed.refused.insert(place, "read_only");
                }
                Taken::Appended(id) | Taken::Known(id)
                    if self.is_storing(id) && !self.planted(Planted::TakenAtOnce) =>
                {
                    pushed.waiting.insert(*id);
                    pushed.places.insert(*id, place);
                }
                Taken::Appended(_) | Taken::Known(_) => pushed.taken += 1,
                Taken::Waiting(_, missing) => {
                    pushed.refused.insert(place, taken.word());
                    self.fetch(peer, missing.clone(), effects);
                }
                Taken::Invalid(_)
                | Taken::Refused(..)
                | Taken::NotHeld(..)
                | Taken::Full(_)
                | Taken::ReadOnly(_)
                | Taken::Delayed(..) => {
                    pushed.refused.insert(place, taken.word());
                }
            }
        }
        let ids: Vec<StatementId> = pushed.waiting.iter().copied().collect();
        self.pushes.insert(token, pushed);
        ids.into_iter().for_each(|id| self.await_disk(id, Waiter::Push(token)));
        self.answer_push(token, effects);
    }

    /// A pushed statement is on disk, or was refused by it.
    pub(in crate::machine) fn push_settled(
        &mut self,
        token: u64,
        id: StatementId,
        durable: bool,
        effects: &mut Vec<Effect>,
    ) {
        let Some(pushed) = self.pushes.get_mut(&token) else { return };
        if !pushed.waiting.remove(&id) {
            return;
        }
        match (durable, pushed.places.get(&id)) {
            (true, _) => pushed.taken += 1,
            (false, Some(place)) => drop(pushed.refused.insert(*place, "read_only")),
            (false, None) => {}
        }
        self.answer_push(token, effects);
    }

    fn answer_push(&mut self, token: u64, effects: &mut Vec<Effect>) {
        if self.pushes.get(&token).is_none_or(|pushed| !pushed.waiting.is_empty()) {
            return;
        }
        let Some(pushed) = self.pushes.remove(&token) else { return };
        let refused = pushed.refused.into_iter().map(|(place, word)| (place, Word::new(word))).collect();
        self.counts.served += 1;
        let bytes = Response::Taken { taken: pushed.taken, refused }.encode();
        effects.push(Effect::Respond { token, bytes });
    }
}
