//! What a revocation accepts follows everything that decides it: the grants of what it lists, when they begin to stand and when
//! they cease to, not revocations alone. Each was found by reading, as a counterexample to equal sets giving equal states.

use std::collections::BTreeSet;

use driftless_core::machine::Fate;
use driftless_core::trust::Refusal;
use driftless_statement::{
    Body, Edit, Hlc, MeshId, Note, Path, SecretKey, Signed, Statement, StatementId, Touch, Value, Verb, Verified, Write,
};

use crate::random::assert_equal;
use crate::revoke::revoke;
use crate::world::{World, granting, key};

/// Root acts at a node, and the first one's id.
fn by_root(world: &mut World, node: usize, body: Body) -> StatementId {
    let acts = world.root_act(body, &[], world.now_ms);
    world.submit(node, acts.clone());
    world.run_ms(1_000);
    Signed::decode(&acts[0]).unwrap().id()
}

/// Something that a key says, wherever it may come from.
fn says(
    world: &World,
    by: &SecretKey,
    on: StatementId,
    (path, bases): (Option<&str>, &[StatementId]),
    prev: &[StatementId],
    body: Body,
) -> Verified {
    let path = path.map(|path| Path::parse(path).unwrap());
    let statement = Statement {
        mesh: MeshId::from(world.genesis.id()),
        scope: path.as_ref().map_or(driftless_statement::Scope::mesh(), Path::scope),
        author: by.public(),
        grant: on,
        prev: prev.iter().copied().collect::<BTreeSet<_>>().into_iter().collect(),
        touches: path.into_iter().map(|path| Touch { path, bases: bases.to_vec() }).collect(),
        hlc: Hlc::from_millis(world.now_ms),
        body,
        note: Note::default(),
        unknown: Vec::new(),
    };
    Verified::sign(statement, by).unwrap()
}

fn put(number: i64) -> Body {
    Body::Write(Write {
        edits: vec![vec![Edit { at: vec![], op: driftless_statement::Op::Put(Value::Int(number.into())) }]],
    })
}

fn bring(world: &mut World, node: usize, statements: &[&Verified]) {
    world.submit(node, statements.iter().map(|one| one.wire().to_vec()).collect());
    world.run_ms(1_000);
}

fn fate(world: &World, node: usize, id: &StatementId) -> Fate {
    world.nodes[node].machine.statement(id).unwrap().fate
}

fn is_struck(fate: &Fate) -> bool {
    matches!(fate, Fate::Void(Refusal::Struck { .. }))
}

/// The fates of one statement on a node that was there all the time and on one that starts now, which must be the same.
fn told(world: &mut World, id: &StatementId) -> Fate {
    world.run_ms(3_000);
    let before = fate(world, 0, id);
    world.restart(0);
    world.run_ms(3_000);
    assert_eq!(before, fate(world, 0, id), "as it came, and after a start");
    assert_equal(world);
    before
}

/// A write that a revocation accepts since a later one of the same key names it, which is listed. Then the later one's own
/// grant falls, and nothing accepts the first any longer, though its grant fares as before.
#[test]
fn what_was_accepted_through_a_statement_that_falls_counts_no_longer() {
    let mut world = World::founded(2);
    let (delegate, writer, other) = (key(110), key(111), key(112));
    let to_delegate = by_root(&mut world, 0, granting(delegate.public(), &[Verb::Delegate, Verb::Write]));
    let direct = by_root(&mut world, 0, granting(writer.public(), &[Verb::Write]));
    let to_other = by_root(&mut world, 0, granting(other.public(), &[Verb::Write]));
    let onward = says(&world, &delegate, to_delegate, (None, &[]), &[], granting(writer.public(), &[Verb::Write]));
    bring(&mut world, 0, &[&onward]);
    let first = says(&world, &writer, direct, (Some("shop/first"), &[]), &[], put(1));
    bring(&mut world, 0, &[&first]);
    let listed = says(&world, &writer, onward.id(), (Some("shop/listed"), &[]), &[first.id()], put(2));
    let names_it = says(&world, &other, to_other, (Some("shop/first"), &[first.id()]), &[], put(3));
    bring(&mut world, 0, &[&listed, &names_it]);
    by_root(&mut world, 0, revoke(writer.public(), "shop", &[("shop", listed.id())]));
    assert_eq!(told(&mut world, &first.id()), Fate::Fit);
    by_root(&mut world, 0, revoke(delegate.public(), "shop", &[]));
    assert!(is_struck(&told(&mut world, &first.id())));
}

/// A write that a revocation lists while its grant still waits for a signature. Once that comes, it is accepted.
#[test]
fn what_is_listed_is_accepted_when_its_grant_begins_to_stand() {
    let mut world = World::with_roots(2, 3);
    for node in 0..2 {
        world.submit(node, world.bundle.clone());
    }
    world.link_all();
    world.run_ms(5_000);
    let (writer, other) = (key(110), key(112));
    let to_other = by_root(&mut world, 0, granting(other.public(), &[Verb::Write]));
    // Who holds no grant at all is turned away at the door.
    let elsewhere = world.grant(writer.public(), Verb::Write, "bank", world.now_ms);
    world.submit(0, elsewhere);
    world.run_ms(1_000);
    let acts = world.root_act(granting(writer.public(), &[Verb::Write]), &[], world.now_ms);
    let (act, approval) = (acts[0].clone(), acts[1].clone());
    let pending = Signed::decode(&act).unwrap().id();
    world.submit(0, vec![act]);
    world.run_ms(1_000);
    let early = says(&world, &writer, pending, (Some("shop/early"), &[]), &[], put(1));
    world.run_ms(1_000);
    let names_it = says(&world, &other, to_other, (Some("shop/early"), &[early.id()]), &[], put(2));
    world.run_ms(1_000);
    bring(&mut world, 0, &[&early, &names_it]);
    by_root(&mut world, 0, revoke(writer.public(), "shop", &[("shop", early.id())]));
    assert!(!matches!(fate(&world, 0, &early.id()), Fate::Fit));
    world.submit(0, vec![approval]);
    assert_eq!(told(&mut world, &early.id()), Fate::Fit);
}
