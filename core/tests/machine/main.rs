//! Whole machines in a small world: what a node does, end to end, without a socket, a disk or a clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod accepted;
mod audit;
mod door;
mod effects;
#[path = "../../../tests/tests/figures.rs"]
mod figures;
mod forget;
mod image;
mod liar;
mod membership;
mod mute;
mod outsider;
mod properties;
mod random;
mod rates;
mod revoke;
mod rotate;
mod schemas;
mod watch;
mod world;

use driftless_core::machine::{LocalChange, Precondition, SubmitOutcome, WriteRefused};
use driftless_statement::json;
use world::World;

#[test]
fn a_write_reaches_every_node() {
    let mut world = World::founded(3);
    let call = world.put(0, "shop/checkout", r#"{"limit":10}"#);
    world.run_ms(3_000);
    let receipt = world.nodes[0].wrote[&call].clone().unwrap();
    assert!(receipt.id.is_some());
    for node in 0..3 {
        assert_eq!(world.read(node, "shop/checkout").as_deref(), Some(r#"{"limit":10}"#), "node {node}");
    }
    assert!(world.all_equal());
}

#[test]
fn a_known_scope_needs_no_reconciliation() {
    let mut world = World::founded(3);
    world.put(0, "shop/first", "1");
    world.run_ms(5_000);
    world.put(1, "shop/second", "2");
    world.settle();
    for node in 0..3 {
        assert_eq!(world.read(node, "shop/second").as_deref(), Some("2"), "node {node}");
    }
}

#[test]
fn a_cut_and_a_restart_are_no_lag() {
    let mut world = World::founded(3);
    world.put(0, "shop/before", "1");
    world.run_ms(5_000);
    let lags = |world: &World| world.nodes.iter().map(|node| node.machine.divergence().lag_ms).collect::<Vec<_>>();
    let usual = lags(&world).into_iter().max().unwrap();
    assert!(usual < 1_000, "{usual} ms in a healthy world");
    world.isolate(2);
    for number in 0..20 {
        world.put(number % 3, &format!("shop/during-{number}"), "1");
        world.run_ms(2_000);
    }
    world.heal();
    world.run_ms(5_000);
    assert!(world.all_equal());
    world.restart(1);
    world.link_all();
    world.run_ms(5_000);
    assert!(lags(&world).into_iter().all(|lag| lag <= usual + 1_000), "{:?}, usually {usual}", lags(&world));
}

#[test]
fn both_sides_of_a_cut_write_and_the_heal_shows_the_conflict() {
    let mut world = World::founded(3);
    world.put(0, "shop/flag", r#"{"on":false,"share":1}"#);
    world.run_ms(5_000);
    world.isolate(2);
    world.put(0, "shop/flag", r#"{"on":true,"share":1}"#);
    world.run_ms(1_000);
    world.put(2, "shop/flag", r#"{"on":"maybe","share":2}"#);
    world.put(2, "shop/other", "3");
    world.run_ms(20_000);
    assert!(!world.all_equal());
    assert!(world.nodes[2].machine.standing().isolated);
    assert_eq!(world.read(2, "shop/other").as_deref(), Some("3"));
    world.heal();
    world.run_ms(5_000);
    assert!(world.all_equal());
    // The later write wins the key both wrote; the key that one side wrote stays.
    assert_eq!(world.read(0, "shop/flag").as_deref(), Some(r#"{"on":"maybe","share":2}"#));
    let (conflicts, total) = world.nodes[1].machine.conflicts(&"".parse().unwrap(), 10);
    assert_eq!((conflicts.len(), total), (1, 1));
    assert_eq!(conflicts[0].pointer, "/on");
    let explained = world.nodes[1].machine.explain(&"shop/flag".parse().unwrap()).unwrap().unwrap();
    assert_eq!(explained.conflicts.len(), 1);
    assert!(
        explained.winners.iter().any(|(pointer, value, _)| pointer == "/on" && json::to_string(value) == "\"maybe\"")
    );
}

#[test]
fn a_crash_loses_nothing_that_was_acknowledged() {
    let mut world = World::founded(3);
    for round in 0..20 {
        world.put(0, &format!("shop/key-{round}"), &round.to_string());
    }
    world.run_ms(5_000);
    world.restart(0);
    world.run_ms(5_000);
    for round in 0..20 {
        assert_eq!(world.read(0, &format!("shop/key-{round}")), Some(round.to_string()));
    }
    assert!(world.all_equal());
}

#[test]
fn a_full_disk_refuses_writes_and_reads_go_on() {
    let mut world = World::founded(2);
    world.put(0, "shop/a", "1");
    world.run_ms(3_000);
    world.nodes[0].disk_works = false;
    let failed = world.put(0, "shop/a", "2");
    world.settle();
    assert!(matches!(world.nodes[0].wrote[&failed], Err(WriteRefused::ReadOnly { .. })));
    let refused = world.put(0, "shop/b", "3");
    world.settle();
    assert!(matches!(world.nodes[0].wrote[&refused], Err(WriteRefused::ReadOnly { .. })));
    assert_eq!(world.read(0, "shop/a").as_deref(), Some("1"));
    assert_eq!(world.read(1, "shop/a").as_deref(), Some("1"), "what is not on disk is not published");
    world.nodes[0].disk_works = true;
    world.happen(0, driftless_core::machine::Event::StoreRecovered);
    world.run_ms(3_000);
    let works = world.put(0, "shop/b", "4");
    world.run_ms(3_000);
    assert!(world.nodes[0].wrote[&works].is_ok());
    assert!(world.all_equal());
}

#[test]
fn what_a_lying_disk_lost_is_stored_again() {
    let mut world = World::founded(2);
    world.put(0, "shop/a", "1");
    world.put(0, "shop/b", "2");
    world.run_ms(3_000);
    let before = (world.digests(0), world.nodes[0].disk.len());
    let lost = world.nodes[0].disk.split_off(before.1 - 2);
    assert_eq!(lost.len(), 2);
    let ids = lost.iter().map(|statement| statement.id()).collect();
    world.happen(0, driftless_core::machine::Event::StoreLost { ids });
    world.run_ms(1_000);
    assert_eq!((world.digests(0), world.nodes[0].disk.len()), before);
    world.restart(0);
    world.run_ms(1_000);
    assert_eq!(world.read(0, "shop/b").as_deref(), Some("2"));
    assert!(world.all_equal());
}

#[test]
fn writes_of_one_entry_stand_in_line_and_if_match_holds() {
    let mut world = World::founded(2);
    world.put(0, "shop/a", "1");
    world.run_ms(3_000);
    let etag = world.nodes[0].machine.view().get(&"shop/a".parse().unwrap()).unwrap().etag();
    let change = |n: u64| LocalChange::Put(json::parse(n.to_string().as_bytes()).unwrap());
    let first = world.edit(0, "shop/a", change(2), Precondition::OneOf(vec![etag.clone()]));
    let second = world.edit(0, "shop/a", change(3), Precondition::OneOf(vec![etag]));
    world.run_ms(3_000);
    assert!(world.nodes[0].wrote[&first].is_ok());
    assert!(matches!(world.nodes[0].wrote[&second], Err(WriteRefused::Precondition { .. })));
    assert_eq!(world.read(1, "shop/a").as_deref(), Some("2"));
    assert_eq!(world.nodes[0].machine.conflicts(&"".parse().unwrap(), 10).1, 0);
}

#[test]
fn a_write_without_a_grant_is_refused() {
    let mut world = World::founded(2);
    let call = world.put(0, "bank/account", "1");
    world.settle();
    assert!(matches!(world.nodes[0].wrote[&call], Err(WriteRefused::NoGrant { .. })));
}

#[test]
fn submitting_twice_is_known() {
    let mut world = World::founded(2);
    let call = world.submit(0, world.bundle.clone());
    world.settle();
    let outcomes = &world.nodes[0].submitted[&call];
    assert!(outcomes.iter().all(|outcome| matches!(outcome, SubmitOutcome::Known { .. })), "{outcomes:?}");
}

#[test]
fn a_newcomer_without_a_bundle_learns_the_mesh_from_its_peers() {
    let mut world = World::new(3);
    world.submit(0, world.bundle.clone());
    world.submit(1, world.bundle.clone());
    world.link_all();
    world.settle();
    world.put(0, "shop/a", "1");
    world.run_ms(40_000);
    assert_eq!(world.read(2, "shop/a").as_deref(), Some("1"));
    assert!(world.all_equal());
}

#[test]
fn a_large_statement_is_announced_and_fetched() {
    let mut world = World::founded(3);
    world.put(0, "shop/a", "1");
    world.run_ms(5_000);
    let large = format!("\"{}\"", "x".repeat(100_000));
    world.put(0, "shop/large", &large);
    world.settle();
    for node in 0..3 {
        assert_eq!(world.value(node, "shop/large"), world.value(0, "shop/large"), "node {node}");
        assert!(world.value(node, "shop/large").is_some());
    }
}
