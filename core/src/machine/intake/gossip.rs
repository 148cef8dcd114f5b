//! Gossip: what comes in gets a verdict, and only what was verified and found admissible is handed on.

use driftless_statement::statement::Bytes;
use driftless_statement::{Invalid, PublicKey, Scope, StatementId};

use super::delays::Way;
use crate::machine::Machine;
use crate::machine::effect::{Effect, Verdict};
use crate::machine::intake::Taken;
use crate::wire::Gossip;

/// Messages whose verdict may wait for a statement to be fetched. Beyond it they are ignored; reconciliation remains.
const HELD_BACK: usize = 1024;
/// Bytes of these messages together: gossip keeps them meanwhile.
const HELD_BACK_BYTES: usize = 4 << 20;

/// How long a verdict may wait, milliseconds: gossip forgets the message after about five seconds.
const HOLD_MS: u64 = 5_000;

/// A message whose verdict waits for a statement.
pub(in crate::machine) struct HeldBack {
    id: Vec<u8>,
    from: PublicKey,
    bytes: usize,
    until: u64,
}

impl Machine {
    pub(in crate::machine) fn gossip(
        &mut self,
        id: Vec<u8>,
        from: PublicKey,
        bytes: &Bytes,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(proven) = self.proofs.told(bytes) {
            let verdict = self.hear_proven(&proven, effects);
            return effects.push(Effect::Verdict { id, from, verdict });
        }
        let verdict = match Gossip::decode(bytes) {
            Err(bad) => {
                self.counts.refused_message(&bad);
                // A later version may say it, in a mesh that is being upgraded: nobody's fault, and nothing to hand on.
                Some(if bad.is_unknown() { Verdict::Ignore } else { Verdict::Reject })
            }
            Ok(Gossip::Statement { wire }) => self.gossiped(&id, from, &wire, effects),
            Ok(Gossip::Announce { scope, ids }) => self.announced(&id, from, &scope, ids, effects),
            Ok(Gossip::Beacon { bytes: beacon }) => Some(self.hear(bytes, &beacon, effects)),
        };
        if let Some(verdict) = verdict {
            effects.push(Effect::Verdict { id, from, verdict });
        }
    }

    /// A whole statement. `None`: the verdict waits until it is known.
    fn gossiped(&mut self, id: &[u8], from: PublicKey, wire: &[u8], effects: &mut Vec<Effect>) -> Option<Verdict> {
        match self.take(wire, Way::Gossip(from), effects) {
            Taken::Appended(_) => Some(Verdict::Accept),
            Taken::Invalid(Invalid::Version(_)) => Some(Verdict::Ignore),
            Taken::Invalid(_) => Some(Verdict::Reject),
            Taken::Waiting(statement, missing) => {
                self.fetch(from, missing, effects);
                self.hold_back(statement, id, from, wire.len())
            }
            Taken::Known(_)
            | Taken::Refused(..)
            | Taken::NotHeld(..)
            | Taken::Full(_)
            | Taken::ReadOnly(_)
            | Taken::Delayed(..) => Some(Verdict::Ignore),
        }
    }

    /// Large statements by id: fetched from who announced them; handed on when they have come and are good.
    fn announced(
        &mut self,
        id: &[u8],
        from: PublicKey,
        scope: &Scope,
        ids: Vec<StatementId>,
        effects: &mut Vec<Effect>,
    ) -> Option<Verdict> {
        let new: Vec<StatementId> = ids.into_iter().filter(|id| !self.log.contains(id)).collect();
        let (Some(first), true) = (new.first().copied(), self.holds(scope)) else { return Some(Verdict::Ignore) };
        if self.is_over_budget(from, scope.is_mesh()) {
            self.compare_soon(&from);
            return Some(Verdict::Ignore);
        }
        let alone = new.len() == 1;
        self.fetch_announced(from, new, effects);
        // An honest node announces one at a time; a longer list cannot be vouched for as a whole.
        if alone { self.hold_back(first, id, from, 0) } else { Some(Verdict::Ignore) }
    }

    /// Lets a message of so many bytes wait for its verdict, while there is room.
    fn hold_back(&mut self, statement: StatementId, id: &[u8], from: PublicKey, bytes: usize) -> Option<Verdict> {
        let held: usize = self.held_back.values().map(|held| held.bytes).sum();
        let full = self.held_back.len() >= HELD_BACK || held.saturating_add(bytes) > HELD_BACK_BYTES;
        // One message for a statement is enough to hand on.
        if full || self.held_back.contains_key(&statement) {
            return Some(Verdict::Ignore);
        }
        let until = self.now.mono_ms + HOLD_MS;
        self.held_back.insert(statement, HeldBack { id: id.to_vec(), from, bytes, until });
        None
    }

    /// Messages whose statement did not come in time are not handed on.
    pub(in crate::machine) fn give_up_held_back(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now.mono_ms;
        let late: Vec<StatementId> =
            self.held_back.iter().filter(|(_, held)| held.until <= now).map(|(statement, _)| *statement).collect();
        late.iter().for_each(|statement| self.give_up(statement, effects));
    }

    /// The message that brought word of a statement is not handed on.
    pub(in crate::machine) fn give_up(&mut self, statement: &StatementId, effects: &mut Vec<Effect>) {
        if let Some(HeldBack { id, from, .. }) = self.held_back.remove(statement) {
            effects.push(Effect::Verdict { id, from, verdict: Verdict::Ignore });
        }
    }

    /// A statement turned out admissible: lets the message that brought word of it go on. Whether there was one.
    pub(in crate::machine) fn release(&mut self, statement: &StatementId, effects: &mut Vec<Effect>) -> bool {
        let Some(HeldBack { id, from, .. }) = self.held_back.remove(statement) else { return false };
        effects.push(Effect::Verdict { id, from, verdict: Verdict::Accept });
        true
    }
}
