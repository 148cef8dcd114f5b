//! What must hold in every world, whatever goes wrong in it. [`crate::watch`] checks at every step P2, P5, P7, P16, P17,
//! P18, P19, P22, P24 and P29 of the threat model, in each of these.

use std::collections::BTreeMap;

use driftless_core::machine::{Event, Fate};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::figures;
use crate::random::{Act, assert_equal, heal, history};
use crate::world::World;

/// Whole worlds live through two minutes each and cost a hundred times what other cases do: a hundredth of the number
/// asked for.
fn cases() -> ProptestConfig {
    let cases = figures::law((figures::asked() / 100).max(8));
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn p3_p5_after_heal_and_quiet_all_are_equal(history in history(24)) {
        let mut world = history.play();
        heal(&mut world);
        assert_equal(&world);
        for node in &world.nodes {
            prop_assert!(node.machine.queues().iter().all(|(name, size)| *name == "room" || *size == 0));
        }
    }

    #[test]
    fn p22_what_was_acknowledged_survives_any_crash(history in history(24), crash in prop::collection::vec(any::<bool>(), 5)) {
        let mut world = history.play();
        let fallen = |node: &usize| crash.get(*node).copied().unwrap_or(false);
        (0..world.nodes.len()).filter(fallen).for_each(|node| world.restart(node));
        heal(&mut world);
        for node in &world.nodes {
            // What the roots struck is one day not kept any longer; the watcher sees to it that it is only that.
            for id in node.seen.acknowledged.difference(&node.seen.gone) {
                let told = node.machine.statement(id);
                prop_assert!(told.is_some_and(|told| told.fate != Fate::Storing), "an acknowledged statement is gone");
            }
        }
    }

    /// Of all writes that demanded the same entity tag of one entry on one node, one at most was made.
    #[test]
    fn if_match_is_linear_on_a_node(mut history in history(30), value in 0u8..3) {
        for (act, turn) in history.acts.iter_mut().zip(0u8..) {
            if let Act::Edit { matching, how, value: put, node, entry, .. } = act {
                (*matching, *how, *put, *node, *entry) = (true, 4 + turn % 2, value.wrapping_add(turn), *node % 2, 0);
            }
        }
        let mut world = history.play();
        heal(&mut world);
        for node in &world.nodes {
            let mut made = BTreeMap::<_, u32>::new();
            for (call, demanded) in &node.matching {
                let signed = node.wrote.get(call).is_some_and(|outcome| outcome.as_ref().is_ok_and(|r| r.id.is_some()));
                *made.entry(demanded).or_default() += u32::from(signed);
            }
            prop_assert!(made.values().all(|made| *made <= 1), "{made:?}");
        }
    }

    /// Every call is answered once the disk works, and lines are never left open.
    #[test]
    fn every_call_is_answered(history in history(24)) {
        let mut world = history.play();
        heal(&mut world);
        for node in 0..world.nodes.len() {
            let call = world.put(node, "shop/a", "\"last\"");
            world.run_ms(100);
            let told = &world.nodes[node].wrote.get(&call);
            prop_assert!(told.is_some(), "a write hangs on node {}", node);
        }
    }

    /// A quiet world does little: beacons, looks at peers, and rounds at the periodic rate.
    #[test]
    fn a_quiet_world_comes_to_rest(history in history(12)) {
        let mut world = history.play();
        heal(&mut world);
        world.run_ms(20_000);
        let (events, count) = (world.events, world.nodes.len() as u64);
        world.run_ms(60_000);
        // Beacons each second or so to all others, and their verdicts; four rounds a minute with each peer and scope.
        let most = count * (180 + count * 120 + count * 4 * 8 * 3);
        prop_assert!(world.events - events < most, "{} events a minute", world.events - events);
        assert_equal(&world);
    }
}

/// A generator that is too tame hides bugs: each of these must have happened in a few dozen histories.
#[test]
fn the_histories_are_not_tame() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut sometimes = BTreeMap::<&'static str, u64>::new();
    for _ in 0..30 {
        let history = history(40).new_tree(&mut runner).unwrap().current();
        let mut world = history.play();
        heal(&mut world);
        for (what, times) in &world.watch.sometimes {
            *sometimes.entry(what).or_default() += times;
        }
    }
    for what in [
        "floor kept",
        "announced",
        "push taken",
        "concurrent heads",
        "disk failed",
        "a head was taken back",
        "what counted is void",
    ] {
        assert!(sometimes.contains_key(what), "never seen: {what}; seen: {sometimes:?}");
    }
}

/// Healthy: five writes a second, small delays, clocks within a second. Nothing differs, and comparisons stay rare.
#[test]
fn a_healthy_world_under_steady_writes_reads_zero() {
    let mut world = World::founded(3);
    world.order = Some(driftless_core::rng::Rng::new(7));
    world.sins.delay_ms = 60;
    for (node, skew) in [(0, -500), (1, 0), (2, 500)] {
        world.nodes[node].skew_ms = skew;
    }
    world.put(0, "shop/k0", "0");
    world.run_ms(20_000);
    let before: Vec<u64> = world.nodes.iter().map(|node| node.machine.counts().sessions).collect();
    for turn in 0..300u64 {
        world.put(usize::try_from(turn % 3).unwrap(), &format!("shop/k{}", turn % 7), &turn.to_string());
        world.run_ms(200);
        for node in &world.nodes {
            assert_eq!(node.machine.divergence().differing, 0, "at {turn}");
        }
    }
    for (node, before) in world.nodes.iter().zip(before) {
        let sessions = node.machine.counts().sessions - before;
        // Two scopes, two peers, every 15 seconds: 16 a minute, and a few more.
        println!("{sessions} sessions in the minute");
        assert!(sessions <= 32, "{sessions} sessions in a minute");
    }
    world.run_ms(5_000);
    assert_equal(&world);
}

#[test]
fn a_lost_message_is_repaired_within_seconds() {
    for busy in [false, true] {
        let mut world = World::founded(3);
        world.put(0, "shop/a", "1");
        world.run_ms(10_000);
        world.order = Some(driftless_core::rng::Rng::new(7));
        world.sins.lose = 1_000;
        let call = world.put(0, "shop/lost", "2");
        world.settle();
        assert!(world.nodes[0].wrote[&call].is_ok());
        world.sins.lose = 0;
        for turn in 0..20 {
            if busy {
                world.put(1, "shop/busy", &turn.to_string());
            }
            world.run_ms(200);
        }
        for node in 0..3 {
            assert_eq!(world.read(node, "shop/lost").as_deref(), Some("2"), "node {node}, busy: {busy}");
        }
    }
}

#[test]
fn p21_isolation_is_told_in_time() {
    let mut world = World::founded(3);
    assert!(!world.nodes[0].machine.standing().isolated);
    world.isolate(0);
    world.run_ms(11_000);
    assert!(world.nodes[0].machine.standing().isolated);
    assert!(!world.nodes[1].machine.standing().isolated);
}

/// P29: announcements of what does not exist cost a bounded number of requests.
#[test]
fn p29_a_flood_of_announcements_is_bounded() {
    use driftless_core::wire::Gossip;
    use driftless_statement::{Scope, StatementId};
    let mut world = World::founded(2);
    let from = world.nodes[1].machine.node();
    for turn in 0..3_000u32 {
        let ids = vec![StatementId(*blake3::hash(&turn.to_be_bytes()).as_bytes())];
        let bytes = Gossip::Announce { scope: Scope::parse("shop").unwrap(), ids }.encode();
        let id = blake3::hash(&bytes).as_bytes().to_vec();
        world.happen(0, Event::Gossip { id, from, bytes: bytes.into() });
    }
    let requests = world.nodes[0].machine.queues().iter().find(|(name, _)| *name == "requests").unwrap().1;
    assert!(requests <= 32, "{requests} requests");
    world.run_ms(20_000);
    assert!(world.nodes[0].machine.queues().iter().all(|(_, size)| *size == 0));
}

/// P16, P17: what is dated ahead shows once, when it is due, and never goes again, also over a crash with a clock gone back.
#[test]
fn p17_what_came_due_stays_due_over_a_crash() {
    let mut world = World::founded(2);
    let grant = world.grant(crate::world::key(100).public(), driftless_statement::Verb::Write, "", world.now_ms - 5);
    world.submit(0, grant);
    world.run_ms(2_000);
    let signed = crate::random::ahead(&world, 0, "shop/ahead", &crate::world::key(100), 70_000);
    world.submit(0, vec![signed.wire().to_vec()]);
    world.run_ms(5_000);
    assert_eq!(world.read(0, "shop/ahead"), None);
    assert_eq!(world.nodes[0].machine.statement(&signed.id()).unwrap().fate, Fate::NotDue);
    world.run_ms(6_000);
    let shown = world.read(0, "shop/ahead");
    assert!(shown.is_some());
    world.nodes[0].skew_ms = -30_000;
    world.restart(0);
    assert_eq!(world.read(0, "shop/ahead"), shown);
}

/// A bundle of many grants costs one evaluation of trust, not one for each.
#[test]
fn a_thousand_grants_are_taken_in_at_once() {
    let mut world = World::founded(1);
    let mut bundle = Vec::new();
    for index in 0..1_000u64 {
        let key = driftless_statement::SecretKey::from_bytes(*blake3::hash(&index.to_be_bytes()).as_bytes()).public();
        bundle.extend(world.grant(key, driftless_statement::Verb::Write, "shop", world.now_ms - 2_000 + index));
    }
    let begin = std::time::Instant::now();
    let call = world.submit(0, bundle);
    world.settle();
    println!("1,000 grants in {:?}", begin.elapsed());
    assert_eq!(world.nodes[0].submitted[&call].len(), 1_000);
}
