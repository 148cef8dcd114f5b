//! Strategies of authors that reach for authority: climbing, striking sideways, acting as a root alone, granting to friends.

use driftless_core::rng::Rng;
use driftless_statement::edit::Op;
use driftless_statement::{
    Accept, Approve, Body, Edit, Frontier, Hlc, PublicKey, Rotate, Scope, SecretKey, Statement, StatementId, Touch,
    Value, Verb,
};

use super::author::{Author, Released, Sight, seal};
use super::bodies::{grant, revoke};
use super::writes::{path, put, service};
use crate::world::founding::{NODES_WRITE, unsigned};

impl Author {
    /// Signs what may never count.
    fn forbidden(&mut self, statement: &Statement, released: &mut Released) -> StatementId {
        let made = self.sign(statement);
        released.forbidden.push(made.id);
        released.first.push(made.wire);
        made.id
    }

    /// Its grant covers one corner of `app`; it reaches for all else.
    pub(super) fn climbs(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let mut released = Released::default();
        let hlc = self.time(sight, Hlc::default());
        let (me, others) = (self.key.public(), sight.others);
        let corner = format!("{NODES_WRITE}/climber-{}", self.number);
        let outside = match rng.below(3) {
            0 => path("ops/pair-0/left"),
            1 => path(&format!("{corner}x/beside")),
            _ => service(sight, rng),
        };
        let outside = self.write(sight, (outside, Vec::new()), hlc, put(rng));
        let outside = (outside.scope.clone(), self.forbidden(&outside, &mut released));
        // Named by what it may write, so that it comes into the set: there it must be void.
        let mut inside = self.write(sight, (path(&format!("{corner}/own")), Vec::new()), Hlc(hlc.0 + 1), put(rng));
        if outside.0 == inside.scope {
            inside.prev = vec![outside.1];
        }
        released.first.push(self.sign(&inside).wire);
        let all = &Verb::ALL;
        let (relies_on, body) = match rng.below(8) {
            0 => (self.grant, grant(me, all, "")),
            1 => (others.operator.1, grant(me, all, "")),
            2 => (sight.epoch, grant(me, all, "")),
            3 => (sight.epoch, revoke(others.operator.0, "", Frontier::nothing())),
            4 => (self.grant, revoke(others.operator.0, "", Frontier::nothing())),
            5 => (self.grant, Body::from(Approve { scope: Scope::mesh(), id: sight.epoch })),
            6 => (self.grant, grant(me, &[Verb::Write, Verb::Member], &corner)),
            _ => {
                let mut all = Frontier::nothing();
                all.insert(Scope::mesh(), sight.epoch);
                (sight.epoch, Body::Accept(Accept { frontier: all }))
            }
        };
        let mut act = self.draft(sight, Vec::new(), hlc, body);
        act.grant = relies_on;
        let climbed = self.forbidden(&act, &mut released);
        // And what it would do with that.
        let mut use_it = self.write(sight, (path("ops/pair-0/left"), Vec::new()), Hlc(hlc.0 + 2), put(rng));
        use_it.grant = climbed;
        self.forbidden(&use_it, &mut released);
        released
    }

    /// Revokes equals and seniors, which must do nothing, and juniors, which does; now, in the past and in the future.
    pub(super) fn strikes(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let others = sight.others;
        let node = others.nodes[rng.below(others.nodes.len() as u64) as usize];
        let root = others.roots[rng.below(others.roots.len() as u64) as usize];
        let victim = match rng.below(6) {
            0 => others.operator.0,
            1 => others.steward,
            2 => node,
            3 => root,
            _ => others.junior,
        };
        // Some are dated back, some ahead by less and by more than the allowed skew.
        let hlc = match rng.below(6) {
            0 => Hlc(self.since.0 + 1 + rng.below(1_000)),
            1 => Hlc::from_millis(sight.now_ms + 50_000),
            2 => Hlc::from_millis(sight.now_ms + 600_000),
            _ => self.time(sight, Hlc::default()),
        };
        let statement = self.draft(sight, Vec::new(), hlc, revoke(victim, NODES_WRITE, Frontier::nothing()));
        let made = self.sign(&statement);
        Released { first: vec![made.wire], ..Released::default() }
    }

    /// Acts of the roots, with one signature of the two that they need; and an approval of its own act, which adds none.
    pub(super) fn acts_as_root(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let mut released = Released::default();
        let hlc = self.time(sight, Hlc::default());
        let accomplice = SecretKey::from_bytes([7; 32]);
        let others = sight.others;
        let body = match rng.below(3) {
            0 => grant(accomplice.public(), &Verb::ALL, ""),
            1 => revoke(others.operator.0, "", Frontier::nothing()),
            _ => revoke(others.nodes[rng.below(others.nodes.len() as u64) as usize], "", Frontier::nothing()),
        };
        let statement = self.draft(sight, Vec::new(), hlc, body);
        let act = self.forbidden(&statement, &mut released);
        let approve = Body::from(Approve { scope: Scope::mesh(), id: act });
        let approval = self.draft(sight, Vec::new(), Hlc(hlc.0 + 1), approve);
        released.second.push(self.sign(&approval).wire);
        let edits = vec![Edit { at: Vec::new(), op: Op::Put(Value::Int(666)) }];
        let mut write = self.write(sight, (path("ops/pair-1/left"), Vec::new()), Hlc(hlc.0 + 2), edits);
        (write.author, write.grant) = (accomplice.public(), act);
        let (id, wire) = seal(write.encode(), &accomplice);
        released.forbidden.push(id);
        released.second.push(wire);
        released
    }

    /// One old root key: rotations of its own, which lack a signature, and what it would do with them; approvals of the honest
    /// rotation; lists that it accepts in the name of its epoch, some of them kept back until that has ended.
    pub(super) fn clings(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let mut released = Released::default();
        let hlc = self.time(sight, Hlc::default());
        let mut frontier = Frontier::nothing();
        frontier.insert(Scope::mesh(), sight.epoch);
        let list = self.draft(sight, Vec::new(), hlc, Body::Accept(Accept { frontier }));
        let list = self.sign(&list);
        // A rotation is let in whenever it was signed: what it names comes into the set with it, and must be void there.
        let accomplice = SecretKey::from_bytes([8; 32]);
        let rotate = Rotate { keys: vec![accomplice.public()], threshold: 1, frontier: Frontier::nothing() };
        let mut rotation = self.draft(sight, Vec::new(), Hlc(hlc.0 + 1), Body::from(rotate));
        rotation.prev = vec![list.id];
        match (sight.rotated, rng.below(3)) {
            (None, 0) => self.kept.push(list.wire),
            (None, 1) => released.first.push(list.wire),
            (Some(honest), 0) => {
                released.first.append(&mut self.kept);
                let approve = Body::from(Approve { scope: Scope::mesh(), id: honest });
                let approval = self.draft(sight, Vec::new(), Hlc(hlc.0 + 1), approve);
                released.first.extend([list.wire, self.sign(&approval).wire]);
            }
            _ => {
                released.first.push(list.wire);
                let rotation = self.forbidden(&rotation, &mut released);
                let act = unsigned(
                    sight.mesh,
                    accomplice.public(),
                    rotation,
                    Hlc(hlc.0 + 2),
                    grant(accomplice.public(), &Verb::ALL, ""),
                );
                let (id, wire) = seal(act.encode(), &accomplice);
                released.forbidden.push(id);
                released.second.push(wire);
            }
        }
        released
    }

    /// Grants to a friend, who writes; and to keys that were struck, who write again if they may.
    pub(super) fn befriends(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        let mut released = Released::default();
        let hlc = self.time(sight, Hlc::default());
        let mut secret = *sight.mesh.as_bytes();
        (secret[0], secret[1]) = (self.number as u8, rng.below(4) as u8);
        let friend = SecretKey::from_bytes(secret);
        let struck = sight.others.struck.get(rng.below(sight.others.struck.len().max(1) as u64) as usize);
        let to: PublicKey = struck.copied().filter(|_| rng.below(2) == 0).unwrap_or(friend.public());
        let statement = self.draft(sight, Vec::new(), hlc, grant(to, &[Verb::Write], NODES_WRITE));
        let gave = self.sign(&statement);
        self.gave.push(gave.id);
        released.first.push(gave.wire);
        if to == friend.public() {
            let own = path(&format!("{NODES_WRITE}/friends-{}/{}", self.number, rng.below(4)));
            let body = self.write(sight, (own.clone(), Vec::new()), hlc, put(rng)).body;
            let mut write = unsigned(sight.mesh, friend.public(), gave.id, Hlc(hlc.0 + 1), body);
            write.scope = own.scope();
            write.touches = vec![Touch { path: own, bases: Vec::new() }];
            let (id, wire) = seal(write.encode(), &friend);
            self.signed.push(id);
            released.second.push(wire);
        }
        released
    }
}
