//! Rotation of root keys, rule by rule: each named case is a line of `docs/trust.md`, with exactly its refusal.

use std::sync::Arc;

use driftless_core::trust::{Accepted, Epoch, Refusal, Trust};
use driftless_statement::{
    Accept, Body, Frontier, Prefix, PublicKey, Revoke, Rotate, Scope, StatementId, Touch, Verb, Verified,
};

use crate::world::{Maker, Node, approve_body, evaluate, grant_body, key, seal};

use Verb::{Delegate, Member, Write};

/// The first epoch is of keys 0, 1 and 2, two of which must agree; the second of keys 10 and 11, both of which must.
struct World {
    maker: Maker,
    set: Vec<Arc<Verified>>,
}

impl World {
    fn new() -> Self {
        Self { maker: Maker::new(2), set: Vec::new() }
    }

    fn epoch(&self) -> StatementId {
        self.maker.genesis.id()
    }

    fn trust(&self) -> Trust {
        evaluate(&self.maker.genesis, &self.set)
    }

    fn say(&mut self, author: usize, on: StatementId, body: Body) -> Arc<Verified> {
        let said = seal(&self.maker.blank(author, on, "@mesh", body));
        self.set.push(said.clone());
        said
    }

    /// A root act by `author`, signed by `others` too.
    fn act(&mut self, author: usize, others: &[usize], on: StatementId, body: Body) -> StatementId {
        let id = self.say(author, on, body).id();
        for other in others {
            self.say(*other, on, approve_body(id));
        }
        id
    }

    fn give(&mut self, author: usize, others: &[usize], on: StatementId, to: usize) -> StatementId {
        self.act(author, others, on, grant_body(to, &[Write, Delegate, Member], "shop", &[]))
    }

    /// A rotation to keys 10 and 11 that keeps what it lists.
    fn rotate(&mut self, author: usize, others: &[usize], listed: &[StatementId]) -> StatementId {
        let epoch = self.epoch();
        self.act(author, others, epoch, rotate(&[10, 11], 2, listed))
    }

    /// Everything that was said so far.
    fn all(&self) -> Vec<StatementId> {
        self.set.iter().map(|said| said.id()).collect()
    }

    fn judge(&self, id: StatementId) -> Result<(), Refusal> {
        let said = self.set.iter().find(|said| said.id() == id).unwrap();
        self.trust().authorised(said, &Accepted::default())
    }

    fn writes(&mut self, author: usize, grant: StatementId) -> Result<(), Refusal> {
        let write = self.maker.write(author, grant, &["shop/a"]);
        self.trust().authorised(&write, &Accepted::default())
    }
}

fn rotate(keys: &[usize], threshold: u64, listed: &[StatementId]) -> Body {
    let mut keys: Vec<PublicKey> = keys.iter().map(|one| key(*one)).collect();
    keys.sort_unstable();
    Body::from(Rotate { keys, threshold, frontier: frontier(listed) })
}

fn frontier(listed: &[StatementId]) -> Frontier {
    let mut frontier = Frontier::nothing();
    listed.iter().for_each(|id| frontier.insert(Scope::mesh(), *id));
    frontier
}

#[test]
fn the_next_root_keys_act_and_the_old_ones_no_more() {
    let mut world = World::new();
    let kept = world.give(0, &[1], world.epoch(), 3);
    let rotation = world.rotate(0, &[2], &world.all());
    let trust = world.trust();
    assert_eq!(trust.epoch().map(Epoch::id), Some(rotation));
    assert_eq!(trust.epochs().map(Epoch::id).collect::<Vec<_>>(), [world.epoch(), rotation]);
    assert_eq!(world.judge(kept), Ok(()), "it is accepted");
    assert_eq!(world.writes(3, kept), Ok(()), "what relies on it goes on");
    assert_eq!(trust.chain(&kept), [kept, world.epoch()]);

    let new = world.give(10, &[11], rotation, 4);
    assert_eq!(world.judge(new), Ok(()));
    assert_eq!(world.writes(4, new), Ok(()));
    assert_eq!(world.trust().chain(&new), [new, rotation, world.epoch()]);
    let old = world.give(0, &[1], world.epoch(), 5);
    assert_eq!(world.judge(old), Err(Refusal::Superseded { epoch: world.epoch(), rotation }));
    assert_eq!(world.writes(5, old), Err(Refusal::NoSuchGrant { grant: old }));
    let foreign = world.say(0, rotation, grant_body(5, &[Write], "", &[]));
    assert_eq!(world.judge(foreign.id()), Err(Refusal::NotRoot { epoch: rotation }));
}

#[test]
fn a_rotation_needs_its_signatures_and_so_does_what_names_it() {
    let mut world = World::new();
    let rotation = world.rotate(0, &[], &[]);
    assert_eq!(world.judge(rotation), Err(Refusal::Pending { have: 1, need: 2 }));
    let early = world.give(10, &[11], rotation, 4);
    assert_eq!(world.judge(early), Err(Refusal::EpochPending { epoch: rotation, have: 1, need: 2 }));
    assert_eq!(world.trust().epoch().map(Epoch::id), Some(world.epoch()));
    world.say(1, world.epoch(), approve_body(rotation));
    assert_eq!(world.judge(rotation), Ok(()));
    assert_eq!(world.judge(early), Ok(()), "it was only early");
}

#[test]
fn old_root_keys_cannot_finish_what_was_pending() {
    let mut world = World::new();
    let pending = world.give(0, &[], world.epoch(), 3);
    let rotation = world.rotate(1, &[2], &[pending]);
    assert_eq!(world.judge(pending), Err(Refusal::Pending { have: 1, need: 2 }), "accepted as it was");
    let late = world.say(1, world.epoch(), approve_body(pending));
    assert_eq!(world.judge(late.id()), Err(Refusal::Superseded { epoch: world.epoch(), rotation }));
    assert_eq!(world.judge(pending), Err(Refusal::Pending { have: 1, need: 2 }));
    // Nor can the new ones: a signature names the epoch of the act.
    for root in [10, 11] {
        world.say(root, rotation, approve_body(pending));
    }
    assert_eq!(world.judge(pending), Err(Refusal::Pending { have: 1, need: 2 }));
}

#[test]
fn a_signature_that_the_rotation_does_not_accept_is_gone() {
    let mut world = World::new();
    let act = world.give(0, &[1], world.epoch(), 3);
    assert_eq!(world.judge(act), Ok(()));
    world.rotate(0, &[2], &[act]);
    assert_eq!(world.judge(act), Err(Refusal::Pending { have: 1, need: 2 }), "the act stays, its signature does not");
}

#[test]
fn a_rotation_takes_the_lists_of_accepts_of_its_author() {
    for (accepts_by, stays) in [(0, true), (1, false)] {
        let mut world = World::new();
        let kept = world.give(0, &[1], world.epoch(), 3);
        let listed = world.all();
        let accept = world.say(accepts_by, world.epoch(), Body::Accept(Accept { frontier: frontier(&listed) })).id();
        let mut act = world.maker.blank(0, world.epoch(), "@mesh", rotate(&[10], 1, &[]));
        act.touches = vec![Touch { path: "@mesh/accepts".parse().unwrap(), bases: vec![accept] }];
        let act = seal(&act);
        world.set.push(act.clone());
        world.say(1, world.epoch(), approve_body(act.id()));
        assert_eq!(world.judge(act.id()), Ok(()));
        assert_eq!(world.judge(kept).is_ok(), stays);
    }
}

#[test]
fn only_what_names_the_ended_epoch_is_accepted() {
    let mut world = World::new();
    // A grant by a root key on an ordinary grant names, as its own earlier statement, an act of the epoch.
    let on = world.give(0, &[1], world.epoch(), 0);
    let act = world.say(0, world.epoch(), grant_body(5, &[Write], "", &[])).id();
    world.say(1, world.epoch(), approve_body(act));
    let mut carrier = world.maker.blank(0, on, "@mesh", grant_body(6, &[Write], "shop", &[]));
    carrier.prev = vec![act];
    let carrier = seal(&carrier);
    world.set.push(carrier.clone());
    let rotation = world.rotate(0, &[1], &[carrier.id()]);
    assert_eq!(world.judge(act), Err(Refusal::Superseded { epoch: world.epoch(), rotation }));
}

#[test]
fn two_counted_rotations_stop_root_acts_and_keep_what_both_accept() {
    let mut world = World::new();
    let both = world.give(0, &[1], world.epoch(), 3);
    let common = world.all();
    let one_only = world.give(0, &[1], world.epoch(), 4);
    let first = world.rotate(0, &[1], &world.all());
    let new = world.give(10, &[11], first, 5);
    assert_eq!(world.judge(new), Ok(()));
    let second = world.act(1, &[2], world.epoch(), rotate(&[12], 1, &common));
    let forked = |epoch| Err(Refusal::Forked { epoch });
    assert_eq!((world.judge(first), world.judge(second)), (Ok(()), Ok(())));
    assert!(world.trust().epoch().is_none(), "no epoch is in force");
    assert!(world.trust().epochs().last().unwrap().is_forked());
    assert_eq!(world.judge(new), forked(first));
    let other = world.give(12, &[], second, 5);
    assert_eq!(world.judge(other), forked(second));
    let behind = world.act(10, &[11], first, rotate(&[13], 1, &[]));
    assert_eq!(world.judge(behind), forked(first));
    let further = world.give(13, &[], behind, 5);
    assert_eq!(world.judge(further), forked(behind));
    assert_eq!((world.judge(both), world.writes(3, both)), (Ok(()), Ok(())));
    let epoch = world.epoch();
    assert_eq!(world.judge(one_only), Err(Refusal::Superseded { epoch, rotation: second }));
    let old = world.give(0, &[1, 2], epoch, 5);
    assert!(matches!(world.judge(old), Err(Refusal::Superseded { .. })), "an ended epoch stays ended");
}

#[test]
fn each_rotation_seals_the_epoch_that_it_ends() {
    let mut world = World::new();
    let kept = world.give(0, &[1], world.epoch(), 3);
    let first = world.rotate(0, &[1], &world.all());
    let lost = world.give(10, &[11], first, 4);
    let second = world.act(10, &[11], first, rotate(&[12], 1, &[]));
    assert_eq!(world.trust().epoch().map(Epoch::id), Some(second));
    assert_eq!(world.judge(lost), Err(Refusal::Superseded { epoch: first, rotation: second }));
    assert_eq!(world.judge(kept), Ok(()), "the second rotation says nothing of the first epoch");
}

#[test]
fn an_accepted_revocation_stays_and_one_of_the_next_epoch_strikes_alike() {
    let mut world = World::new();
    let grant = world.give(0, &[1], world.epoch(), 3);
    let other = world.give(0, &[1], world.epoch(), 4);
    let revoke = |of| Body::from(Revoke { key: key(of), prefix: Prefix::all(), frontier: Frontier::nothing() });
    world.act(0, &[1], world.epoch(), revoke(3));
    let rotation = world.rotate(0, &[1], &world.all());
    assert!(matches!(world.writes(3, grant), Err(Refusal::Struck { .. })));
    assert_eq!(world.writes(4, other), Ok(()));
    world.act(10, &[11], rotation, revoke(4));
    assert!(matches!(world.writes(4, other), Err(Refusal::Struck { .. })));
}

#[test]
fn a_rotation_is_no_act_on_a_grant() {
    let mut world = World::new();
    let on = world.give(0, &[1], world.epoch(), 0);
    let act = world.say(0, on, rotate(&[10], 1, &[])).id();
    assert_eq!(world.judge(act), Err(Refusal::NotEpoch { grant: on }));
}

#[test]
fn a_node_that_slept_through_rotations_follows_them_in_any_order() {
    let mut world = World::new();
    let mut grants = vec![world.give(0, &[1], world.epoch(), 3)];
    let mut epoch = world.rotate(0, &[2], &world.all());
    for round in 0..5 {
        let (author, next) = (10 + 2 * round, 12 + 2 * round);
        grants.push(world.give(author, &[author + 1], epoch, 3));
        let listed = world.all();
        epoch = world.act(author, &[author + 1], epoch, rotate(&[next, next + 1], 2, &listed));
    }
    let genesis = world.maker.genesis.clone();
    let mut orders = vec![world.set.clone(), world.set.iter().rev().cloned().collect()];
    orders.push(world.set.iter().skip(5).chain(world.set.iter().take(5)).cloned().collect());
    for order in orders {
        let mut node = Node::new(driftless_core::log::Log::new(world.maker.mesh()));
        node.arrive(&genesis);
        node.arrive_batch(&order);
        let trust = node.trust.unwrap();
        assert_eq!(trust.epoch().map(Epoch::id), Some(epoch));
        assert!(trust == evaluate(&genesis, world.set.iter().chain([&genesis])));
        assert!(grants.iter().all(|grant| trust.grant(grant).is_some()));
    }
}

#[test]
fn membership_that_the_rotation_does_not_accept_is_taken() {
    let mut world = World::new();
    world.give(0, &[1], world.epoch(), 3);
    let listed = world.all();
    world.give(0, &[1], world.epoch(), 4);
    assert_eq!(world.trust().members().count(), 2);
    world.rotate(0, &[1], &listed);
    let trust = world.trust();
    assert!(trust.member(&key(3)).is_some() && trust.member(&key(4)).is_none());
    assert_eq!(trust.expelled().collect::<Vec<_>>(), [key(4)]);
}
