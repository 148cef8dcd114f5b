//! A member that may not hold a scope: nothing of it reaches that member, whatever it says.

use driftless_core::beacon::{Beacon, MarkList, Report};
use driftless_core::machine::{Effect, Event, LocalChange, LocalEdit, Precondition};
use driftless_core::wire::{Gossip, Request, Response};
use driftless_statement::{Hlc, Note, Path, Scope, Verb};

use crate::world::{World, key};

/// A mesh of two nodes, and a member that may hold `other` only.
fn with_outsider() -> World {
    let mut world = World::founded(2);
    world.put(0, "shop/secret", "1");
    world.run_ms(3_000);
    let grant = world.grant(key(50).public(), Verb::Member, "other", world.now_ms);
    world.submit(0, grant);
    world.run_ms(3_000);
    world
}

fn handle(world: &mut World, event: Event) -> Vec<Effect> {
    let now = world.now(0);
    let mut effects = Vec::new();
    world.nodes[0].machine.handle(now, event, &mut effects);
    effects
}

fn lying_beacon(world: &World, counter: u64, scopes: &[&str]) -> Vec<u8> {
    let report = |scope: &&str| Report {
        scope: Scope::parse(scope).unwrap(),
        count: 0,
        set: [9; 32],
        marks: MarkList { newest: 0, hashes: Vec::new() },
        folded: [0; 32],
        merged: [0; 32],
        effective: [0; 32],
        newest: Hlc::default(),
    };
    let scopes = scopes.iter().map(report).collect();
    let beacon = Beacon { counter, name: "outsider".to_owned(), scopes, ..world.beacon(key(50).public()) };
    Gossip::Beacon { bytes: beacon.sign(&key(50)).unwrap() }.encode()
}

#[test]
fn a_beacon_about_a_scope_that_its_node_may_not_hold_starts_nothing() {
    let mut world = with_outsider();
    let outsider = key(50).public();
    let mut events = vec![Event::Connected { peer: outsider }];
    for round in 0..5u8 {
        while let Some(event) = events.pop() {
            for effect in handle(&mut world, event) {
                let Effect::Request { peer, corr, bytes } = effect else { continue };
                if peer != outsider {
                    continue;
                }
                let request = Request::decode(&bytes).unwrap();
                assert_eq!(request.scope().map(Scope::as_str), Some("@mesh"), "asked the outsider {request:?}");
                events.push(Event::Response { peer, corr, bytes: Response::Same.encode() });
            }
        }
        world.now_ms += 2_000;
        let bytes = lying_beacon(&world, u64::from(round) + 1, &["shop"]);
        events = vec![Event::Tick, Event::Gossip { id: vec![round], from: outsider, bytes: bytes.into() }];
    }
}

#[test]
fn invented_scopes_are_neither_opened_without_bound_nor_repeated() {
    let mut world = World::founded(2);
    let grant = world.grant(key(50).public(), Verb::Member, "", world.now_ms);
    world.submit(0, grant);
    world.run_ms(3_000);
    let names: Vec<String> = (0..100).map(|number| format!("invented-{number}")).collect();
    for (round, page) in names.chunks(10).enumerate() {
        let scopes: Vec<&str> = page.iter().map(String::as_str).collect();
        let bytes = lying_beacon(&world, round as u64 + 1, &scopes);
        handle(
            &mut world,
            Event::Gossip { id: vec![u8::try_from(round).unwrap()], from: key(50).public(), bytes: bytes.into() },
        );
    }
    let held = world.nodes[0].machine.status().scopes.len();
    assert!((3..=1 + 32).contains(&held), "{held} scopes are open");
    for effect in handle(&mut world, Event::Tick) {
        if let Effect::Publish { bytes, .. } = effect {
            assert!(!String::from_utf8_lossy(&bytes).contains("invented"), "an invented scope was repeated");
        }
    }
}

#[test]
fn where_some_member_may_not_hold_the_scope_only_ids_are_flooded() {
    let mut world = with_outsider();
    let edit = LocalEdit {
        path: Path::parse("shop/secret").unwrap(),
        change: LocalChange::Put(driftless_statement::Value::Int(2)),
        precondition: Precondition::None,
        note: Note::default(),
    };
    let call = driftless_core::machine::CallId(9_999);
    let mut effects = handle(&mut world, Event::Write { call, edit });
    let batch = effects.iter().find_map(|effect| match effect {
        Effect::Store { batch, .. } => Some(*batch),
        _ => None,
    });
    effects.extend(handle(&mut world, Event::Stored { batch: batch.unwrap() }));
    let published = effects.iter().filter_map(|effect| match effect {
        Effect::Publish { bytes, .. } => Gossip::decode(bytes).ok(),
        _ => None,
    });
    let published: Vec<Gossip> = published.filter(|gossip| !matches!(gossip, Gossip::Beacon { .. })).collect();
    assert!(matches!(published.as_slice(), [Gossip::Announce { .. }]), "{published:?}");
}
