//! What a machine turns away at its door, and in which order it looks: the guards that no law would miss.

use driftless_core::fold::Breach;
use driftless_core::machine::{Effect, Event, Fate, LocalChange, Precondition, SubmitOutcome, Verdict, WriteRefused};
use driftless_core::reconcile::Short;
use driftless_core::trust::Refusal;
use driftless_core::wire::{Gossip, Request, Response};
use driftless_statement::{
    Body, Edit, Frontier, MeshId, Op, Revoke, Scope, Statement, StatementId, Touch, Value, Verb, Verified, Write, json,
};

use crate::random::ahead;
use crate::world::{World, key};

fn shop() -> Scope {
    Scope::parse("shop").unwrap()
}

fn outcome(world: &mut World, node: usize, wire: &[u8]) -> SubmitOutcome {
    let call = world.submit(node, vec![wire.to_vec()]);
    world.settle();
    world.nodes[node].submitted[&call][0].clone()
}

/// A key that no grant names costs no signature check: that it forged the signature too is never found out.
#[test]
fn a_stranger_is_turned_away_before_its_signature_is_checked() {
    let mut world = World::founded(1);
    let stranger = key(99);
    let body =
        Body::from(Revoke { key: key(1).public(), prefix: "shop".parse().unwrap(), frontier: Frontier::nothing() });
    let mut wire = world.act(&stranger, world.genesis.id(), body, world.now_ms).wire().to_vec();
    *wire.last_mut().unwrap() ^= 1;
    let refused = outcome(&mut world, 0, &wire);
    assert!(matches!(refused, SubmitOutcome::Refused { refusal: Refusal::NoSuchGrant { .. }, .. }), "{refused:?}");
}

#[test]
fn a_scope_that_is_not_held_is_not_taken_in() {
    let mut world = World::founded(2);
    world.wants(1, &["bank"]);
    world.run_ms(1_000);
    world.put(0, "shop/a", "1");
    world.run_ms(3_000);
    let held = world.nodes[0].machine.statements(Some(&shop()), None, 1);
    let turned_away = outcome(&mut world, 1, &held[0].statement.wire());
    assert!(matches!(turned_away, SubmitOutcome::NotHeld { .. }), "{turned_away:?}");
    assert!(world.nodes[1].machine.statement(&held[0].statement.id()).is_none());
}

/// A struck key is an author no more: what it signs on is refused before its signature is looked at.
#[test]
fn a_struck_key_costs_no_signature_check() {
    let mut world = World::founded(1);
    let operator = key(110);
    let grant = world.grant(operator.public(), Verb::Write, "shop", world.now_ms);
    world.submit(0, grant);
    world.run_ms(1_000);
    let mut wire = ahead(&world, 0, "shop/a", &operator, 0).wire().to_vec();
    *wire.last_mut().unwrap() ^= 1;
    let invalid = outcome(&mut world, 0, &wire);
    assert!(matches!(invalid, SubmitOutcome::Invalid(_)), "an author's signature is checked: {invalid:?}");
    let revoke = Revoke { key: operator.public(), prefix: "".parse().unwrap(), frontier: Frontier::nothing() };
    let acts = world.root_act(Body::from(revoke), &[], world.now_ms);
    world.submit(0, acts);
    world.run_ms(1_000);
    let refused = outcome(&mut world, 0, &wire);
    assert!(matches!(refused, SubmitOutcome::Refused { .. }), "{refused:?}");
}

/// The value grows by what one statement can carry each time, and stops where no receiver would go on.
#[test]
fn the_door_keeps_the_size_of_an_entry() {
    let mut world = World::founded(1);
    let mut refused = None;
    for part in 0..5 {
        let patch = format!("{{\"part-{part}\":\"{}\"}}", "x".repeat(240_000));
        let change = LocalChange::MergePatch(json::parse(patch.as_bytes()).unwrap());
        let call = world.edit(0, "shop/large", change, Precondition::None);
        world.run_ms(100);
        refused = world.nodes[0].wrote[&call].clone().err();
        assert_eq!(refused.is_some(), part == 4, "part {part}");
    }
    assert!(matches!(refused, Some(WriteRefused::Unfit(Breach::Size { .. }))), "{refused:?}");
    let Some(Value::Map(parts)) = world.value(0, "shop/large").as_deref().cloned() else { panic!("no map") };
    assert_eq!(parts.len(), 4);
}

/// Behind a clock that went far back an edit would have to claim a time at which it is due nowhere else.
#[test]
fn a_clock_that_went_back_signs_nothing_from_its_own_future() {
    let mut world = World::founded(1);
    world.put(0, "shop/a", "1");
    world.run_ms(1_000);
    world.nodes[0].skew_ms = -120_000;
    let call = world.put(0, "shop/a", "2");
    world.settle();
    let refused = &world.nodes[0].wrote[&call];
    assert!(matches!(refused, Err(WriteRefused::Clock { .. })), "{refused:?}");
}

#[test]
fn what_is_from_the_future_is_held_and_not_shown() {
    let mut world = World::founded(2);
    let operator = key(110);
    let grant = world.grant(operator.public(), Verb::Write, "shop", world.now_ms);
    world.submit(0, grant);
    world.run_ms(1_000);
    let early = ahead(&world, 0, "shop/a", &operator, 200_000);
    world.submit(0, vec![early.wire().to_vec()]);
    world.run_ms(2_000);
    for node in 0..2 {
        assert_eq!(world.nodes[node].machine.statement(&early.id()).map(|told| told.fate), Some(Fate::NotDue));
        assert_eq!(world.read(node, "shop/a"), None);
    }
    world.run_ms(200_000);
    assert!(world.read(1, "shop/a").is_some(), "it came of age");
}

/// Announcements whose verdict would wait are ignored beyond a bound: each would keep a message in memory.
#[test]
fn verdicts_that_wait_are_bounded() {
    let mut world = World::founded(2);
    let from = world.nodes[1].machine.node();
    let now = world.now(0);
    let mut ignored = 0;
    for number in 0..1_500u32 {
        let mut id = [7; 32];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let bytes = Gossip::Announce { scope: shop(), ids: vec![StatementId(id)] }.encode();
        let mut effects = Vec::new();
        let event = Event::Gossip { id: number.to_be_bytes().to_vec(), from, bytes: bytes.into() };
        world.nodes[0].machine.handle(now, event, &mut effects);
        ignored += effects.iter().filter(|effect| matches!(effect, Effect::Verdict { .. })).count();
    }
    assert_eq!(ignored, 1_500 - 1_024);
}

/// Whole statements keep their messages in gossip's memory while they wait: these are bounded by bytes.
#[test]
fn messages_whose_verdict_waits_are_bounded_by_their_bytes() {
    let mut world = World::founded(2);
    let operator = key(110);
    let grant = world.grant(operator.public(), Verb::Write, "shop", world.now_ms);
    world.submit(0, grant);
    world.run_ms(1_000);
    let from = world.nodes[1].machine.node();
    let now = world.now(0);
    let good = ahead(&world, 0, "shop/a", &operator, 0).statement().clone();
    let (mut waits, mut bytes) = (0, 0);
    for number in 0..400u32 {
        let mut named = [7; 32];
        named[..4].copy_from_slice(&number.to_be_bytes());
        let path = "shop/a".parse().unwrap();
        let touches = vec![Touch { path, bases: vec![StatementId(named)] }];
        let put = Edit { at: vec![], op: Op::Put(Value::Text("x".repeat(15_000).into())) };
        let body = Body::Write(Write { edits: vec![vec![put]] });
        let wire = Verified::sign(Statement { touches, body, ..good.clone() }, &operator).unwrap().wire();
        bytes = wire.len();
        let content = Gossip::Statement { wire }.encode();
        let event = Event::Gossip { id: number.to_be_bytes().to_vec(), from, bytes: content.into() };
        let mut effects = Vec::new();
        world.nodes[0].machine.handle(now, event, &mut effects);
        waits += usize::from(!effects.iter().any(|effect| matches!(effect, Effect::Verdict { .. })));
    }
    assert_eq!(waits, (4 << 20) / bytes);
}

/// A member that may not hold a scope asks for it in every way there is.
#[test]
fn who_may_not_hold_a_scope_is_served_nothing_of_it() {
    let mut world = World::founded(2);
    world.put(0, "shop/secret", "1");
    let grant = world.grant(key(50).public(), Verb::Member, "other", world.now_ms);
    world.submit(0, grant);
    world.run_ms(3_000);
    let id = world.nodes[0].machine.statements(Some(&shop()), None, 1)[0].statement.id();
    let now = world.now(0);
    let mut ask = |peer, request: Request| {
        let mut effects = Vec::new();
        world.nodes[0].machine.handle(now, Event::Request { peer, token: 1, bytes: request.encode() }, &mut effects);
        let answer = effects.iter().find_map(|effect| match effect {
            Effect::Respond { bytes, .. } => Response::decode(bytes).ok(),
            _ => None,
        });
        answer.unwrap()
    };
    let (member, outsider) = (key(2).public(), key(50).public());
    let fetch = || Request::Fetch { ids: vec![id] };
    assert!(matches!(ask(member, fetch()), Response::Statements { statements, .. } if statements.len() == 1));
    assert!(matches!(ask(outsider, fetch()), Response::Statements { statements, .. } if statements.is_empty()));
    assert_eq!(ask(outsider, Request::Has { ids: vec![id] }), Response::Has { held: vec![false] });
    let shorts = vec![Short::from(&id)];
    for request in [
        Request::Compare { scope: shop(), digest: [0; 32], count: 0 },
        Request::Symbols { scope: shop(), tag: 0, from: 0, estimate: None },
        Request::Range { scope: shop(), from: StatementId([0; 32]), to: None, list: true },
        Request::Times { scope: shop(), shorts: shorts.clone() },
        Request::Pull { scope: shop(), shorts },
    ] {
        assert!(!matches!(ask(member, request.clone()), Response::Refused { .. }), "{request:?}");
        assert!(matches!(ask(outsider, request.clone()), Response::Refused { .. }), "{request:?}");
    }
}

/// What a peer is told about what it handed on: its score hangs on it.
#[test]
fn what_gossip_brings_is_judged() {
    let mut world = World::founded(2);
    let operator = key(110);
    let grant = world.grant(operator.public(), Verb::Write, "shop", world.now_ms);
    world.submit(0, grant);
    world.run_ms(1_000);
    let good = ahead(&world, 0, "shop/a", &operator, 0).wire().to_vec();
    let mut forged = ahead(&world, 0, "shop/b", &operator, 0).wire().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let mut foreign = ahead(&world, 0, "shop/c", &operator, 0).statement().clone();
    foreign.mesh = MeshId([9; 32]);
    let foreign = Verified::sign(foreign, &operator).unwrap().wire().to_vec();
    let body = Body::from(Revoke { key: key(1).public(), prefix: "".parse().unwrap(), frontier: Frontier::nothing() });
    let stranger = world.act(&key(99), world.genesis.id(), body, world.now_ms).wire().to_vec();
    let from = world.nodes[1].machine.node();
    let now = world.now(0);
    let mut verdict = |name: u8, wire: &[u8]| {
        let mut effects = Vec::new();
        let bytes = Gossip::Statement { wire: wire.into() }.encode();
        world.nodes[0].machine.handle(now, Event::Gossip { id: vec![name], from, bytes: bytes.into() }, &mut effects);
        let verdict = effects.iter().find_map(|effect| match effect {
            Effect::Verdict { verdict, .. } => Some(*verdict),
            _ => None,
        });
        verdict.unwrap()
    };
    assert_eq!(verdict(0, &forged), Verdict::Reject, "a signature that does not verify");
    assert_eq!(verdict(1, &foreign), Verdict::Reject, "another mesh");
    assert_eq!(verdict(2, &stranger), Verdict::Ignore, "its author may be known to others already");
    assert_eq!(verdict(3, &good), Verdict::Accept);
    assert_eq!(verdict(4, &good), Verdict::Ignore, "known");
}
