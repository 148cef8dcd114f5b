//! Revocations in whole machines: what a struck key said leaves the set and the values, what is accepted stays, nothing it
//! says later counts, and all nodes agree, whatever they saw first and whenever they start anew.

use driftless_core::machine::Fate;
use driftless_core::trust::Refusal;
use driftless_statement::{
    Body, Frontier, Grant, Prefix, PublicKey, Revoke, Scope, SecretKey, StatementId, Terms, Verb,
};

use crate::random::{ahead, assert_equal};
use crate::world::{World, key};

fn write(world: &mut World, node: usize, at: &str, author: &SecretKey) -> StatementId {
    let signed = ahead(world, node, at, author, 0);
    world.submit(node, vec![signed.wire().to_vec()]);
    signed.id()
}

pub fn revoke(of: PublicKey, prefix: &str, accept: &[(&str, StatementId)]) -> Body {
    let mut frontier = Frontier::default();
    accept.iter().for_each(|(scope, id)| frontier.insert(Scope::parse(scope).unwrap(), *id));
    Body::from(Revoke { key: of, prefix: Prefix::parse(prefix).unwrap(), frontier })
}

/// The root revokes at a node. Returns the revocation.
fn by_root(world: &mut World, node: usize, body: Body) -> StatementId {
    let acts = world.root_act(body, &[], world.now_ms);
    world.submit(node, acts.clone());
    driftless_statement::Signed::decode(&acts[0]).unwrap().id()
}

fn fate(world: &World, node: usize, id: &StatementId) -> Option<Fate> {
    world.nodes[node].machine.statement(id).map(|told| told.fate)
}

fn count(world: &World, node: usize, scope: &str) -> u64 {
    let scope = Scope::parse(scope).unwrap();
    world.nodes[node].machine.sets().find(|(held, ..)| **held == scope).map_or(0, |(_, count, _)| count)
}

#[test]
fn what_a_struck_key_said_goes_and_what_was_there_before_shows_again() {
    let (mut world, operator) = World::with_operator(3);
    world.put(0, "shop/a", "1");
    world.run_ms(2_000);
    let before = count(&world, 1, "shop");
    let bad = write(&mut world, 1, "shop/a", &operator);
    let only = write(&mut world, 1, "shop/b", &operator);
    world.run_ms(2_000);
    assert_ne!(world.read(2, "shop/a").as_deref(), Some("1"));
    by_root(&mut world, 0, revoke(operator.public(), "", &[]));
    world.run_ms(3_000);
    for node in 0..3 {
        assert_eq!(world.read(node, "shop/a").as_deref(), Some("1"), "on node {node}");
        assert_eq!(world.read(node, "shop/b"), None, "on node {node}");
        assert_eq!(count(&world, node, "shop"), before, "both left the set of node {node}");
        for id in [bad, only] {
            assert!(matches!(fate(&world, node, &id), Some(Fate::Void(Refusal::Struck { .. }))));
        }
    }
    assert_equal(&world);
    world.restart(1);
    world.run_ms(1_000);
    assert_eq!(world.read(1, "shop/a").as_deref(), Some("1"));
    assert!(matches!(fate(&world, 1, &bad), Some(Fate::Void(Refusal::Struck { .. }))), "it is still on disk");
    // It signs on, and nobody takes it.
    let late = write(&mut world, 1, "shop/c", &operator);
    world.run_ms(2_000);
    for node in 0..3 {
        assert!(world.read(node, "shop/c").is_none() && fate(&world, node, &late).is_none(), "on node {node}");
    }
    assert_equal(&world);
}

#[test]
fn what_is_accepted_stays_with_all_it_names_and_nothing_later_counts() {
    let (mut world, operator) = World::with_operator(3);
    let first = write(&mut world, 0, "shop/a", &operator);
    world.run_ms(1_000);
    let second = write(&mut world, 0, "shop/b", &operator);
    world.run_ms(1_000);
    let third = write(&mut world, 0, "shop/c", &operator);
    world.isolate(2);
    // Signed before the revocation, kept back, and let go after it.
    let kept_back = ahead(&world, 2, "shop/d", &operator, 0);
    world.run_ms(1_000);
    by_root(&mut world, 0, revoke(operator.public(), "shop", &[("shop", second)]));
    world.run_ms(2_000);
    world.submit(2, vec![kept_back.wire().to_vec()]);
    world.run_ms(2_000);
    assert_eq!(fate(&world, 2, &kept_back.id()), Some(Fate::Fit), "node 2 has not heard of it");
    world.heal();
    world.run_ms(5_000);
    for node in 0..3 {
        assert_eq!(fate(&world, node, &first), Some(Fate::Fit), "named by what is accepted");
        assert_eq!(fate(&world, node, &second), Some(Fate::Fit));
        assert!(world.read(node, "shop/c").is_none() && world.read(node, "shop/d").is_none());
        assert!(!matches!(fate(&world, node, &third), Some(Fate::Fit)));
    }
    assert_equal(&world);
}

#[test]
fn who_was_revoked_by_a_hostile_junior_comes_back_when_the_roots_strike_it() {
    let (mut world, hostile) = World::with_operator(3);
    let friend = key(111);
    let all = [Verb::Write, Verb::Delegate, Verb::Revoke].into_iter().collect();
    let grant = Grant {
        key: hostile.public(),
        verbs: all,
        prefix: Prefix::parse("shop").unwrap(),
        scopes: vec![],
        terms: Terms::default(),
    };
    let grant = world.root_act(Body::from(grant), &[], world.now_ms);
    let relied_on = driftless_statement::Signed::decode(&grant[0]).unwrap().id();
    world.submit(0, grant);
    world.run_ms(1_000);
    let verbs = [Verb::Write].into_iter().collect();
    let junior = Grant {
        key: friend.public(),
        verbs,
        prefix: Prefix::parse("shop").unwrap(),
        scopes: vec![],
        terms: Terms::default(),
    };
    let junior = world.act(&hostile, relied_on, Body::from(junior), world.now_ms);
    world.submit(0, vec![junior.wire().to_vec()]);
    world.run_ms(1_000);
    let good = write(&mut world, 1, "shop/a", &friend);
    world.run_ms(1_000);
    // A root act gave the nodes their grants: a junior cannot strike those.
    let node = world.nodes[1].machine.node();
    let sideways = world.act(&hostile, relied_on, revoke(node, "shop", &[]), world.now_ms);
    let down = world.act(&hostile, relied_on, revoke(friend.public(), "shop", &[]), world.now_ms);
    world.submit(0, vec![sideways.wire().to_vec(), down.wire().to_vec()]);
    world.run_ms(2_000);
    world.put(1, "shop/node", "1");
    world.run_ms(1_000);
    for node in 0..3 {
        assert_eq!(world.read(node, "shop/node").as_deref(), Some("1"), "the node writes on");
        assert!(world.read(node, "shop/a").is_none(), "who is junior is struck");
    }
    world.restart(2);
    // The roots accept the grant that the hostile key gave, not its revocations.
    by_root(&mut world, 2, revoke(hostile.public(), "", &[("@mesh", junior.id())]));
    world.run_ms(5_000);
    for node in 0..3 {
        assert_eq!(fate(&world, node, &good), Some(Fate::Fit), "on node {node}");
        assert!(world.read(node, "shop/a").is_some(), "on node {node}");
    }
    assert_equal(&world);
}

#[test]
fn a_late_joiner_fetches_what_is_accepted_and_nothing_else() {
    let (mut world, operator) = World::with_operator(3);
    world.isolate(2);
    let accepted = write(&mut world, 0, "shop/a", &operator);
    world.run_ms(1_000);
    let void = write(&mut world, 0, "shop/b", &operator);
    world.run_ms(1_000);
    by_root(&mut world, 0, revoke(operator.public(), "", &[("shop", accepted)]));
    world.run_ms(2_000);
    world.heal();
    world.run_ms(5_000);
    assert_eq!(fate(&world, 2, &accepted), Some(Fate::Fit));
    assert!(fate(&world, 2, &void).is_none(), "a flood that was struck reaches nobody any more");
    assert_equal(&world);
}

#[test]
fn a_node_that_is_revoked_is_a_member_no_more() {
    let (mut world, _) = World::with_operator(3);
    let node = world.nodes[2].machine.node();
    world.put(2, "shop/a", "1");
    world.run_ms(2_000);
    assert!(world.nodes[0].members.contains(&node));
    by_root(&mut world, 0, revoke(node, "", &[]));
    world.run_ms(2_000);
    for other in 0..2 {
        assert!(!world.nodes[other].members.contains(&node));
        assert!(world.nodes[other].expelled.contains(&node), "cut off even where it is configured by its key");
        assert!(world.read(other, "shop/a").is_none());
    }
}

#[test]
fn a_revocation_waits_for_its_signatures_and_for_the_disk() {
    let mut world = World::with_roots(2, 3);
    for node in 0..2 {
        world.submit(node, world.bundle.clone());
    }
    let operator = key(110);
    let grant = world.grant(operator.public(), Verb::Write, "shop", world.now_ms);
    world.submit(0, grant);
    world.link_all();
    world.run_ms(3_000);
    write(&mut world, 0, "shop/a", &operator);
    world.run_ms(2_000);
    let acts = world.root_act(revoke(operator.public(), "", &[]), &[], world.now_ms);
    world.submit(0, vec![acts[0].clone()]);
    world.run_ms(2_000);
    assert!(world.read(0, "shop/a").is_some(), "one signature of two");
    world.nodes[0].disk_works = false;
    world.submit(0, vec![acts[1].clone()]);
    world.run_ms(500);
    assert!(world.read(0, "shop/a").is_some(), "not on disk, so a crash would forget it");
    world.disk_works(0);
    world.run_ms(3_000);
    assert!((0..2).all(|node| world.read(node, "shop/a").is_none()));
    assert_equal(&world);
}
