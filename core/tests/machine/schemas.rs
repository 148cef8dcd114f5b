//! Schemas in whole machines: refused at the author's door, unfit at every receiver, the same on both sides of a cut.

use driftless_core::fold::Breach;
use driftless_core::machine::{Fate, LocalChange, MergedAnswer, Precondition, WriteRefused};
use driftless_statement::{
    Body, Hlc, Note, Path, SecretKey, Statement, StatementId, Touch, Value, Verb, Verified, Write, diff, json,
};

use crate::random::assert_equal;
use crate::world::{World, key};

const PLACE: &str = "@mesh/schemas/shop/limits";
const SCHEMA: &str = r#"{"governs":"shop/checkout","schema":{"properties":{"max":{"type":"integer","maximum":50}}}}"#;

fn value(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

/// Two nodes, an operator who may write schemas and one who may write everything else.
fn world() -> (World, SecretKey, SecretKey) {
    let mut world = World::founded(2);
    let (operator, writer) = (key(110), key(111));
    for (key, verb, prefix) in [(&operator, Verb::Operate, "@mesh/schemas/shop"), (&writer, Verb::Write, "shop")] {
        let grant = world.grant(key.public(), verb, prefix, world.now_ms);
        world.submit(0, grant);
    }
    world.run_ms(5_000);
    (world, operator, writer)
}

fn told(world: &World, node: usize, at: &str, author: &SecretKey) -> MergedAnswer {
    world.nodes[node].machine.merged(&at.parse().unwrap(), Some(&author.public())).unwrap()
}

/// Signed without the client's checks, at this time or just behind what it names.
fn sign(told: MergedAnswer, at: &str, wanted: &str, author: &SecretKey, hlc: Hlc) -> Verified {
    let path: Path = at.parse().unwrap();
    let edits = diff::diff(told.tree.as_ref(), &value(wanted));
    let statement = Statement {
        mesh: told.mesh,
        scope: path.scope(),
        author: author.public(),
        grant: told.grant.unwrap(),
        prev: told.prev,
        touches: vec![Touch { path, bases: told.heads }],
        hlc,
        body: Body::Write(Write { edits: vec![edits] }),
        note: Note::default(),
        unknown: Vec::new(),
    };
    Verified::sign(statement, author).unwrap()
}

fn submit(world: &mut World, node: usize, at: &str, wanted: &str, author: &SecretKey) -> StatementId {
    let told = told(world, node, at, author);
    let hlc = told.after.next().unwrap().max(Hlc::from_millis(world.now(node).wall_ms));
    let signed = sign(told, at, wanted, author, hlc);
    world.submit(node, vec![signed.wire().to_vec()]);
    signed.id()
}

fn fate(world: &World, node: usize, id: &StatementId) -> Fate {
    world.nodes[node].machine.statement(id).unwrap().fate
}

#[test]
fn a_schema_is_kept_at_the_door_and_by_every_receiver() {
    let (mut world, operator, writer) = world();
    let schema = submit(&mut world, 0, PLACE, SCHEMA, &operator);
    world.run_ms(3_000);
    assert_eq!(fate(&world, 1, &schema), Fate::Fit);
    let refused = world.put(1, "shop/checkout", r#"{"max":51}"#);
    let taken = world.put(1, "shop/checkout", r#"{"max":50}"#);
    let elsewhere = world.put(1, "shop/checkouts", r#"{"max":51}"#);
    world.run_ms(3_000);
    let Err(said @ WriteRefused::Unfit(Breach::Schema { .. })) = &world.nodes[1].wrote[&refused] else {
        panic!("taken")
    };
    assert_eq!(said.to_string(), format!("schema {PLACE}: /max must be at most 50, is 51"));
    assert!(world.nodes[1].wrote[&taken].is_ok() && world.nodes[1].wrote[&elsewhere].is_ok());
    // A client that does not check: stored, and unfit on both nodes, with the reason.
    let id = submit(&mut world, 0, "shop/checkout", r#"{"max":"many"}"#, &writer);
    world.run_ms(3_000);
    for node in 0..2 {
        assert!(matches!(fate(&world, node, &id), Fate::Unfit { breach: Breach::Schema { .. }, .. }));
        assert_eq!(world.read(node, "shop/checkout").as_deref(), Some(r#"{"max":50}"#));
        let machine = &world.nodes[node].machine;
        let explained = machine.explain(&"shop/checkout".parse().unwrap()).unwrap().unwrap();
        assert_eq!(explained.kept_out.len(), 1);
        let scopes = machine.status().scopes;
        let shop = scopes.iter().find(|scope| scope.scope.as_str() == "shop").unwrap();
        assert_eq!((shop.fates["unfit"], shop.reasons["schema"]), (1, 1));
    }
    assert_equal(&world);
}

#[test]
fn what_is_no_schema_and_who_may_not_write_one() {
    let (mut world, operator, writer) = world();
    let good = submit(&mut world, 0, PLACE, SCHEMA, &operator);
    world.run_ms(1_000);
    let bad = submit(&mut world, 0, PLACE, r#"{"governs":"shop","schema":{"pattern":"^a*$"}}"#, &operator);
    world.run_ms(3_000);
    for node in 0..2 {
        assert_eq!(fate(&world, node, &good), Fate::Fit);
        assert!(matches!(fate(&world, node, &bad), Fate::Unfit { breach: Breach::NotASchema { .. }, .. }));
    }
    assert_eq!(told(&world, 1, "shop/checkout", &writer).schemas.len(), 1, "the one before goes on holding");
    // Another scope's schemas are outside the operator's grant, and a writer has none at all.
    assert_eq!(told(&world, 0, "@mesh/schemas/bank/x", &operator).grant, None);
    assert_eq!(told(&world, 0, PLACE, &writer).grant, None);
    let call = world.edit(0, PLACE, LocalChange::Put(value("null")), Precondition::None);
    world.settle();
    assert!(matches!(world.nodes[0].wrote[&call], Err(WriteRefused::NoGrant { verb: "operate", .. })));
    assert_equal(&world);
}

/// One side of a cut writes a schema, the other one what breaks it, before and after. The heal shows the same on both.
#[test]
fn a_schema_that_arrives_late_holds_from_its_time_on() {
    let (mut world, operator, _) = world();
    let before = world.put(1, "shop/checkout/a", r#"{"max":60}"#);
    world.run_ms(2_000);
    world.isolate(0);
    world.run_ms(1_000);
    submit(&mut world, 0, PLACE, SCHEMA, &operator);
    world.run_ms(1_000);
    let after = world.put(1, "shop/checkout/a", r#"{"max":70}"#);
    let good = world.put(1, "shop/checkout/b", r#"{"max":7}"#);
    world.run_ms(2_000);
    assert_eq!(world.read(1, "shop/checkout/a").as_deref(), Some(r#"{"max":70}"#), "nothing is known of it yet");
    world.heal();
    world.run_ms(10_000);
    let id = |call: &u64| world.nodes[1].wrote[call].as_ref().unwrap().id.unwrap();
    for node in 0..2 {
        assert_eq!(fate(&world, node, &id(&before)), Fate::Fit, "earlier than the schema");
        assert!(matches!(fate(&world, node, &id(&after)), Fate::Unfit { breach: Breach::Schema { .. }, .. }));
        assert_eq!(fate(&world, node, &id(&good)), Fate::Fit);
        assert_eq!(world.read(node, "shop/checkout/a").as_deref(), Some(r#"{"max":60}"#));
    }
    assert_equal(&world);
    // The same from the disk.
    world.restart(1);
    world.link_all();
    world.run_ms(5_000);
    assert_equal(&world);
}

/// A clock that is behind the schema's signs later than the schema all the same: the door and the receivers agree.
#[test]
fn a_slow_clock_does_not_pass_by_a_schema() {
    let (mut world, operator, _) = world();
    submit(&mut world, 0, PLACE, SCHEMA, &operator);
    world.run_ms(1_000);
    world.nodes[1].skew_ms = -30_000;
    let refused = world.put(1, "shop/checkout", r#"{"max":51}"#);
    let taken = world.put(1, "shop/checkout", r#"{"max":49}"#);
    world.run_ms(3_000);
    assert!(matches!(world.nodes[1].wrote[&refused], Err(WriteRefused::Unfit(_))));
    let id = world.nodes[1].wrote[&taken].as_ref().unwrap().id.unwrap();
    assert_eq!(fate(&world, 0, &id), Fate::Fit);
    // Deleted, it holds no longer, for that clock too.
    let path: Path = PLACE.parse().unwrap();
    let told = told(&world, 0, PLACE, &operator);
    let hlc = Hlc::from_millis(world.now(0).wall_ms);
    let mut gone = sign(told, PLACE, "null", &operator, hlc).statement().clone();
    gone.body = Body::Write(Write { edits: vec![diff::delete()] });
    assert_eq!(gone.touches[0].path, path);
    let gone = Verified::sign(gone, &operator).unwrap();
    world.submit(0, vec![gone.wire().to_vec()]);
    world.run_ms(2_000);
    let free = world.put(1, "shop/checkout", r#"{"max":51}"#);
    world.run_ms(3_000);
    assert!(world.nodes[1].wrote[&free].is_ok(), "{:?}", world.nodes[1].wrote[&free]);
    assert_equal(&world);
}
