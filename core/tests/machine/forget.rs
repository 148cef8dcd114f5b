//! A flood that the roots struck leaves the disks, but for its beginning; nothing that a senior act could bring back does.

use driftless_core::machine::Fate;
use driftless_statement::{SecretKey, Statement, StatementId, Verb, Verified};

use crate::random::{ahead, assert_equal, sign};
use crate::revoke::revoke;
use crate::world::{World, granting, key};

/// About what a few writes take on the wire.
const FEW_BYTES: usize = 1_000;

/// Two nodes of which the second keeps little of what is struck, an operator who may write under `shop`, and what it floods
/// the mesh with.
fn flooded() -> (World, SecretKey, Vec<StatementId>) {
    let mut world = World::founded(2);
    let operator = key(110);
    let grant = world.grant(operator.public(), Verb::Write, "shop", world.now_ms);
    world.submit(0, grant);
    world.run_ms(2_000);
    world.keeps_struck(1, FEW_BYTES);
    world.run_ms(2_000);
    let flood = (0..40).map(|number| {
        let signed = ahead(&world, 0, &format!("shop/{number:02}"), &operator, 0);
        world.submit(0, vec![signed.wire().to_vec()]);
        world.run_ms(100);
        signed.id()
    });
    let flood = flood.collect();
    world.run_ms(2_000);
    (world, operator, flood)
}

fn strike(world: &mut World, of: &SecretKey) {
    let acts = world.root_act(revoke(of.public(), "", &[]), &[], world.now_ms);
    world.submit(0, acts);
    world.run_ms(3_000);
}

fn on_disk(world: &World, node: usize, flood: &[StatementId]) -> Vec<bool> {
    flood.iter().map(|id| world.nodes[node].disk.iter().any(|held| held.id() == *id)).collect()
}

#[test]
fn a_flood_that_the_roots_struck_leaves_the_disk_but_for_its_beginning() {
    let (mut world, operator, flood) = flooded();
    strike(&mut world, &operator);
    assert!(on_disk(&world, 0, &flood).iter().all(|held| *held), "there is room for all of it");
    let kept = on_disk(&world, 1, &flood);
    let first = kept.iter().take_while(|held| **held).count();
    assert!((2..10).contains(&first) && kept.iter().skip(first).all(|held| !held), "the earliest stay: {kept:?}");
    assert_eq!(world.nodes[1].machine.counts().struck_gone, (flood.len() - first) as u64);
    assert_equal(&world);
    // The other one has it still, and does not bring it back.
    for node in [0, 1] {
        world.restart(node);
        world.run_ms(40_000);
    }
    assert_eq!(on_disk(&world, 1, &flood), kept);
    assert_equal(&world);
}

#[test]
fn what_a_junior_struck_stays_however_much_it_is() {
    let mut world = World::founded(2);
    let (delegate, operator) = (key(111), key(110));
    let [relied_on, to_operator] = delegated(&mut world, &delegate, &operator);
    world.keeps_struck(1, 0);
    world.run_ms(2_000);
    let written: Vec<StatementId> =
        (0..5).map(|number| write(&mut world, &format!("shop/{number}"), &operator, 4)).collect();
    let hides = world.act(&delegate, relied_on, revoke(operator.public(), "shop", &[]), world.now_ms);
    world.submit(0, vec![hides.wire().to_vec()]);
    world.run_ms(3_000);
    assert!(world.read(1, "shop/0").is_none());
    assert_eq!(on_disk(&world, 1, &written), [true; 5], "a senior can bring it back");
    // The roots strike the delegate and keep what it gave, not what it took: all is back, and nothing was lost.
    let acts = world.root_act(revoke(delegate.public(), "", &[("@mesh", to_operator)]), &[], world.now_ms);
    world.submit(0, acts);
    world.run_ms(5_000);
    assert!((0..2).all(|node| world.read(node, "shop/0").is_some()));
    assert_equal(&world);
    // The roots strike the operator: nobody can bring it back.
    let acts = world.root_act(revoke(operator.public(), "", &[]), &[], world.now_ms);
    world.submit(0, acts);
    world.run_ms(5_000);
    assert_eq!(on_disk(&world, 1, &written), [false; 5]);
    assert_equal(&world);
}

/// A grant by the root, and one on it by whom it was given to. Gives back what each is relied on by.
fn delegated(world: &mut World, delegate: &SecretKey, to: &SecretKey) -> [StatementId; 2] {
    let acts =
        world.root_act(granting(delegate.public(), &[Verb::Write, Verb::Delegate, Verb::Revoke]), &[], world.now_ms);
    let first = driftless_statement::Signed::decode(&acts[0]).unwrap().id();
    world.submit(0, acts);
    world.run_ms(1_000);
    let onward = world.act(delegate, first, granting(to.public(), &[Verb::Write]), world.now_ms);
    world.submit(0, vec![onward.wire().to_vec()]);
    world.run_ms(2_000);
    [first, onward.id()]
}

fn write(world: &mut World, at: &str, author: &SecretKey, items: u8) -> StatementId {
    let signed = sign(world, 0, at, author, items, 0).unwrap();
    world.submit(0, vec![signed.wire().to_vec()]);
    world.run_ms(1_000);
    signed.id()
}

#[test]
fn what_relies_on_a_grant_that_went_with_its_giver_goes_too() {
    let mut world = World::founded(2);
    let (delegate, operator) = (key(111), key(110));
    let [_, onward] = delegated(&mut world, &delegate, &operator);
    world.keeps_struck(1, 0);
    world.run_ms(2_000);
    let written = write(&mut world, "shop/a", &operator, 4);
    let acts = world.root_act(revoke(delegate.public(), "", &[]), &[], world.now_ms);
    world.submit(0, acts);
    world.run_ms(5_000);
    assert_eq!(on_disk(&world, 1, &[written, onward]), [false; 2]);
    assert_eq!(on_disk(&world, 0, &[written, onward]), [true; 2]);
    assert_equal(&world);
}

#[test]
fn what_something_that_stays_names_stays_with_it() {
    let mut world = World::founded(2);
    let (delegate, friend, operator) = (key(111), key(112), key(110));
    let grant = world.grant(operator.public(), Verb::Write, "shop", world.now_ms);
    world.submit(0, grant);
    let [relied_on, to_friend] = delegated(&mut world, &delegate, &friend);
    world.keeps_struck(1, 0);
    world.run_ms(2_000);
    let base = write(&mut world, "shop/a", &operator, 4);
    let on_it = write(&mut world, "shop/a", &friend, 5);
    let hides = world.act(&delegate, relied_on, revoke(friend.public(), "shop", &[]), world.now_ms);
    world.submit(0, vec![hides.wire().to_vec()]);
    world.run_ms(3_000);
    strike(&mut world, &operator);
    assert!(!world.nodes[1].machine.is_replicated(&base));
    assert_eq!(on_disk(&world, 1, &[base, on_it]), [true; 2], "a senior can bring back what names it");
    let acts = world.root_act(revoke(delegate.public(), "", &[("@mesh", to_friend)]), &[], world.now_ms);
    world.submit(0, acts);
    world.run_ms(5_000);
    assert_eq!(world.nodes[1].machine.statement(&on_it).map(|told| told.fate), Some(Fate::Fit));
    assert_equal(&world);
}

/// Found by the simulator: what the roots accept was deleted where the statement that they list had not come yet.
#[test]
fn what_may_still_turn_out_to_be_accepted_stays() {
    let mut world = World::founded(2);
    let operator = key(110);
    let grant = world.grant(operator.public(), Verb::Write, "shop", world.now_ms);
    world.submit(0, grant);
    world.run_ms(2_000);
    world.keeps_struck(1, 0);
    world.run_ms(2_000);
    let named = write(&mut world, "shop/a", &operator, 4);
    world.run_ms(3_000);
    assert_eq!(on_disk(&world, 1, &[named]), [true]);
    world.isolate(1);
    let listed = write(&mut world, "shop/b", &operator, 4);
    let acts = world.root_act(revoke(operator.public(), "", &[("shop", listed)]), &[], world.now_ms);
    world.submit(1, acts);
    world.run_ms(3_000);
    assert_eq!(on_disk(&world, 1, &[named, listed]), [true, false]);
    world.heal();
    world.run_ms(10_000);
    for node in 0..2 {
        for id in [named, listed] {
            assert_eq!(world.nodes[node].machine.statement(&id).map(|told| told.fate), Some(Fate::Fit), "node {node}");
        }
    }
    assert_equal(&world);
}

#[test]
fn a_disk_that_takes_no_writes_lets_it_go_later() {
    let (mut world, operator, flood) = flooded();
    world.isolate(1);
    world.nodes[1].disk_works = false;
    world.put(1, "shop/own", "1");
    world.run_ms(500);
    world.heal();
    strike(&mut world, &operator);
    world.run_ms(20_000);
    assert!(on_disk(&world, 1, &flood).iter().all(|held| *held), "nor is the revocation on its disk");
    world.disk_works(1);
    world.run_ms(20_000);
    assert!(!on_disk(&world, 1, &flood)[39]);
    assert!(matches!(world.nodes[1].machine.statement(&flood[0]).map(|told| told.fate), Some(Fate::Void(_))));
    assert_equal(&world);
}

/// What a revocation accepts of `@mesh` may give back a grant, and with it what relies on that, in whatever scope. Narrower
/// than the grant, it leaves that standing and strikes what is below its prefix.
#[test]
fn nothing_goes_that_a_grant_still_to_be_accepted_would_bring_back() {
    let mut world = World::founded(2);
    let (delegate, operator) = (key(111), key(110));
    let [relied_on, onward] = delegated(&mut world, &delegate, &operator);
    world.keeps_struck(1, 0);
    world.run_ms(2_000);
    let written: Vec<StatementId> =
        (0..5).map(|number| write(&mut world, &format!("shop/part/{number}"), &operator, 4)).collect();
    let more = granting(key(112).public(), &[Verb::Write]);
    let act = world.act(&delegate, relied_on, more, world.now_ms);
    let follows = Statement { prev: vec![onward], ..act.statement().clone() };
    let later = Verified::sign(follows, &delegate).unwrap();
    let acts = world.root_act(revoke(delegate.public(), "shop/part", &[("@mesh", later.id())]), &[], world.now_ms);
    world.submit(0, acts);
    world.run_ms(5_000);
    assert!(world.read(1, "shop/part/0").is_none(), "what brings it back has not come");
    assert_eq!(on_disk(&world, 1, &written), [true; 5]);
    world.submit(0, vec![later.wire().to_vec()]);
    world.run_ms(5_000);
    assert!((0..2).all(|node| world.read(node, "shop/part/0").is_some()));
    assert_equal(&world);
}
