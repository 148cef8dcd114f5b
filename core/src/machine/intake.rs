//! The one way in for statements, whoever brings them: checks in order of their cost, then the log, then the disk.

pub(super) mod attempts;
pub(super) mod delays;
pub(super) mod gossip;
pub(super) mod mute;
pub(super) mod rates;

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_statement::{Invalid, PublicKey, Scope, StatementId, Verified};

use self::attempts::Signature;
use self::delays::{Cause, Way};
use super::Machine;
use super::effect::{Effect, Topic};
use super::planted::Planted;
use super::storing::{OnItsWay, Origin, ToStore};
use crate::beacon::Roll;
use crate::log::Arrival;
use crate::trust::{Held, Refusal, Trust};
use crate::wire::{DELAYED, Gossip};

/// What became of a statement that came in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Taken {
    /// New and admissible: on its way to the disk.
    Appended(StatementId),
    /// Held already, or on its way.
    Known(StatementId),
    /// Waits in the room.
    Waiting(StatementId, Vec<StatementId>),
    /// Not valid.
    Invalid(Invalid),
    /// Not admissible now.
    Refused(StatementId, Refusal),
    /// Its scope is not held here.
    NotHeld(StatementId, Scope),
    /// No room.
    Full(StatementId),
    /// The store takes nothing.
    ReadOnly(StatementId),
    /// Over an intake rate: to come later. Its signature was not looked at.
    Delayed(StatementId, Cause),
}

impl Taken {
    /// The stable word for metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Appended(_) => "appended",
            Self::Known(_) => "known",
            Self::Waiting(..) => "waiting",
            Self::Invalid(_) => "invalid",
            Self::Refused(..) => "refused",
            Self::NotHeld(..) => "not_held",
            Self::Full(_) => "full",
            Self::ReadOnly(_) => "read_only",
            Self::Delayed(..) => DELAYED,
        }
    }

    /// The stable word of the reason, when there is one.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(invalid) => invalid.word(),
            Self::Refused(_, refusal) => refusal.word(),
            Self::Delayed(_, cause) => cause.word(),
            Self::Appended(_)
            | Self::Known(_)
            | Self::Waiting(..)
            | Self::NotHeld(..)
            | Self::Full(_)
            | Self::ReadOnly(_) => "",
        }
    }
}

impl Machine {
    /// Takes a statement in.
    pub(super) fn take(&mut self, wire: &[u8], way: Way, effects: &mut Vec<Effect>) -> Taken {
        self.stir();
        let origin = way.origin();
        let taken = match self.check(wire, way, effects) {
            Ok(statement) => {
                let taken = self.arrive(statement.clone(), origin, way.spread(), effects);
                self.note_refused(statement.statement(), &taken, Signature::Good, origin);
                taken
            }
            Err(taken) => {
                self.note_unsigned(wire, &taken, origin);
                taken
            }
        };
        self.counts.taken(&taken);
        taken
    }

    /// The checks before the log, the cheap ones first.
    fn check(&mut self, wire: &[u8], way: Way, effects: &mut Vec<Effect>) -> Result<Arc<Verified>, Taken> {
        let claimed = self.proofs.claim(wire).inspect_err(|_| self.spend_bytes(way, false, wire.len()));
        let claimed = claimed.map_err(Taken::Invalid)?;
        let id = claimed.id();
        self.spend_bytes(way, claimed.statement().scope.is_mesh(), wire.len());
        claimed.check_mesh(self.mesh).map_err(Taken::Invalid)?;
        if self.log.contains(&id) {
            // One that is aside is nothing to hand on.
            let aside = self.trust.as_ref().filter(|_| self.log.is_aside(&id));
            let refusal = aside.and_then(|trust| self.log.refusal(&id, trust));
            return Err(refusal.map_or(Taken::Known(id), |refusal| Taken::Refused(id, refusal)));
        }
        let scope = &claimed.statement().scope;
        let author = claimed.statement().author;
        if !(self.holds(scope) && self.knows(&author)) {
            self.refresh_trust(effects);
        }
        if !self.holds(scope) {
            return Err(Taken::NotHeld(id, scope.clone()));
        }
        if self.storing.read_only().is_some() && way.origin().is_foreign() {
            return Err(Taken::ReadOnly(id));
        }
        if !self.storing.has_room() {
            return Err(Taken::Full(id));
        }
        if !self.knows(&author) && !self.wanted.contains(&id) {
            let grant = claimed.statement().grant;
            let taken = Taken::Refused(id, Refusal::NoSuchGrant { grant });
            self.note_refused(claimed.statement(), &taken, Signature::NotChecked, way.origin());
            self.note_stranger(way, effects);
            return Err(taken);
        }
        let (spender, fresh) = ((author, scope.is_mesh()), self.is_fresh(way, scope));
        if let Some(cause) = self.over_rate(way, &id, spender) {
            return Err(Taken::Delayed(id, cause));
        }
        let proven = self.proofs.prove(claimed, wire, &mut self.points);
        self.spend_check(way, spender, wire.len(), (proven.is_ok(), fresh));
        proven.map_err(Taken::Invalid)
    }

    /// Whether trust knows a key as an author; before trust is known anybody may be one.
    fn knows(&self, author: &PublicKey) -> bool {
        self.trust.as_ref().is_none_or(|trust| trust.is_author(author))
    }

    /// Hands a verified statement to the log and follows what the log makes of it.
    pub(super) fn arrive(
        &mut self,
        statement: Arc<Verified>,
        origin: Origin,
        spread: bool,
        effects: &mut Vec<Effect>,
    ) -> Taken {
        let id = statement.id();
        if self.trust_is_old && !self.log.lets_in(&statement, self.trust.as_ref()) {
            self.refresh_trust(effects);
        }
        let wanted = self.wanted.remove(&id);
        match self.log.arrive(statement, wanted, self.trust.as_ref()) {
            Arrival::Known if self.log.contains(&id) => Taken::Known(id),
            Arrival::Known => Taken::Waiting(id, Vec::new()),
            Arrival::Appended(list) => {
                self.appended(list, Some((id, origin, spread)), effects);
                Taken::Appended(id)
            }
            Arrival::Waiting { missing } => Taken::Waiting(id, missing),
            Arrival::NotAdmissible(refusal) => Taken::Refused(id, refusal),
            Arrival::Invalid(invalid) => Taken::Invalid(invalid),
            Arrival::Dropped => Taken::Full(id),
        }
    }

    /// New statements in the log: to the disk, and onward to others where their author is not this node's own caller.
    fn appended(
        &mut self,
        list: Vec<Arc<Verified>>,
        first: Option<(StatementId, Origin, bool)>,
        effects: &mut Vec<Effect>,
    ) {
        self.trust_is_old |= list.iter().any(|statement| statement.statement().scope.is_mesh());
        self.note_own_forks(&list);
        let mut ways = Vec::with_capacity(list.len());
        for statement in list {
            self.wanted.remove(&statement.id());
            let (origin, spread) = match first {
                Some((id, origin, spread)) if id == statement.id() => (origin, spread),
                _ => (Origin::Peer, true),
            };
            let released = self.release(&statement.id(), effects);
            let early = self.planted(Planted::PublishesAtOnce) && matches!(origin, Origin::Write(_));
            // Its own one that a peer brings back, after the disk was lost, leaves like any own one: once it is on disk.
            let own = statement.statement().author == self.node;
            let aside = self.log.is_aside(&statement.id());
            let onward = origin.is_foreign() && spread && !released && !aside;
            if (onward && !own) || early {
                self.publish(&statement, effects);
            }
            let origin = if onward && own { Origin::Returned } else { origin };
            ways.push(OnItsWay { statement, origin, arrived_ms: self.now.mono_ms });
        }
        self.storing.join(ways);
    }

    /// Sends statements to the disk; what came from there is on it already.
    pub(super) fn store(&mut self, effects: &mut Vec<Effect>) {
        let demanded = self.floor_wanted();
        if let Some(ToStore { number, mut statements, gone }) = self.storing.send(self.floor_ms, demanded) {
            if self.planted(Planted::ChildFirst) {
                statements.reverse();
            }
            effects.push(Effect::Store { batch: number, gone, statements, floor_ms: self.floor_ms });
        }
    }

    /// Evaluates trust anew if `@mesh` grew, and lets in what it now admits. Once an event, and earlier only for a
    /// statement that the older trust does not know: a bundle of grants costs one evaluation, not one for each.
    pub(super) fn refresh_trust(&mut self, effects: &mut Vec<Effect>) {
        while std::mem::take(&mut self.trust_is_old) {
            let Some(genesis) = self.log.genesis() else { return };
            let trust = Trust::evaluate(genesis, self.log.mesh().map(|statement| &**statement));
            let members = trust.members().map(|(key, _)| *key).collect();
            if *self.members != members {
                let roll = Arc::new(Roll::of(&members));
                self.expect(Arc::new(members), roll, effects);
            }
            self.mind(&trust);
            let expelled: BTreeSet<PublicKey> = trust.expelled().collect();
            if *self.expelled != expelled {
                self.expelled = Arc::new(expelled);
                effects.push(Effect::Expelled(self.expelled.clone()));
            }
            let admitted = self.log.retry(&trust);
            self.trust = Some(trust);
            self.appended(admitted, None, effects);
        }
    }

    /// Members are other ones now.
    pub(super) fn expect(&mut self, members: Arc<BTreeSet<PublicKey>>, roll: Arc<Roll>, effects: &mut Vec<Effect>) {
        self.members = members;
        self.divergence.expect(self.now.mono_ms, roll);
        effects.push(Effect::Members(self.members.clone()));
    }

    /// Hands a statement to gossip: whole when it is small, by id when it is not.
    pub(super) fn publish(&mut self, statement: &Verified, effects: &mut Vec<Effect>) {
        let scope = &statement.statement().scope;
        // Any member may listen to a topic. Where some may not hold the scope, only the id is flooded, and who fetches
        // is asked what it may hold.
        let all = self.trust.as_ref().is_some_and(|trust| trust.members().all(|(_, member)| member.may_hold(scope)));
        let gossip = match scope.is_mesh() || all {
            true => Gossip::of(statement.id(), scope, statement.wire()),
            false => Gossip::Announce { scope: scope.clone(), ids: vec![statement.id()] },
        };
        let topic = Topic::Scope(scope.clone());
        self.counts.published += 1;
        effects.push(Effect::Publish { topic, bytes: gossip.encode() });
    }

    /// Whether this node holds a scope.
    pub(super) fn holds(&self, scope: &Scope) -> bool {
        scope.is_mesh() || (self.wants(scope) && self.may_hold(&self.node, scope))
    }

    /// Whether it would hold one that it may.
    pub(super) fn wants(&self, scope: &Scope) -> bool {
        self.wants.as_ref().is_none_or(|wants| wants.contains(scope))
    }

    /// The scopes that this node holds, or would if they existed.
    pub fn held(&self) -> Held {
        let member = self.trust.as_ref().and_then(|trust| trust.member(&self.node));
        match (&self.wants, member) {
            (_, None) => Held::none(),
            (None, Some(member)) => member.scopes.clone(),
            (Some(wants), Some(member)) => {
                Held::These(wants.iter().filter(|scope| member.may_hold(scope)).cloned().collect())
            }
        }
    }

    /// Whether a node may hold a scope.
    pub(super) fn may_hold(&self, node: &PublicKey, scope: &Scope) -> bool {
        let member = self.trust.as_ref().and_then(|trust| trust.member(node));
        member.is_some_and(|member| scope.is_mesh() || member.may_hold(scope))
    }
}
