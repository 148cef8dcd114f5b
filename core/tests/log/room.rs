//! The waiting room: what it says about its members is true after every arrival and departure, it never exceeds its bounds,
//! nobody's flood pushes out another author, and its cost is linear.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_core::log::{Arrival, Log, RoomBounds, Wait};
use driftless_core::trust::Refusal;
use driftless_statement::{Hlc, Invalid, Scope, StatementId, Verb, Verified};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::world::history::{History, acts};
use crate::world::model::{Set, held};
use crate::world::{self, Maker, Node, Reached, cases, key, seal};

const WIDE: RoomBounds =
    RoomBounds { count: 1 << 20, bytes: usize::MAX / 4, author_count: 1 << 20, author_bytes: usize::MAX / 4 };

fn bounded(count: usize, author_count: usize) -> RoomBounds {
    RoomBounds { count, author_count, ..WIDE }
}

/// A node that holds genesis and gives keys 3, 4 and 5 `write` on everything, by root key 0 alone.
fn founded(bounds: RoomBounds) -> (Maker, Node, Vec<StatementId>) {
    let mut maker = Maker::new(1);
    let mut node = Node::new(Log::with_bounds(maker.mesh(), bounds));
    assert!(matches!(node.arrive(&maker.genesis.clone()), Arrival::Appended(_)));
    let grants: Vec<_> = (3..6).map(|to| maker.root_grant(0, to, &[Verb::Write], "")).collect();
    for grant in &grants {
        assert!(matches!(node.arrive(grant), Arrival::Appended(_)));
    }
    (maker, node, grants.iter().map(|grant| grant.id()).collect())
}

/// Writes of one author, each naming the one before.
fn chain(maker: &mut Maker, author: usize, on: StatementId, len: usize) -> Vec<Arc<Verified>> {
    let mut chain: Vec<Arc<Verified>> = Vec::with_capacity(len);
    for _ in 0..len {
        let prev: Vec<StatementId> = chain.last().map(|s| s.id()).into_iter().collect();
        chain.push(maker.write_after(author, on, &["shop/a"], &prev, &[]));
    }
    chain
}

/// What the room must say, worked out from who is held and who waits.
fn tells_the_truth(log: &Log, all: &Set, reached: &Reached) -> Result<(), TestCaseError> {
    let waiting: Vec<_> = all.values().filter(|s| log.waiting(&s.id())).collect();
    prop_assert_eq!(log.room().waiting, waiting.len());
    let mut lacking = BTreeSet::new();
    for s in &waiting {
        let names = s.statement().names();
        lacking.extend(names.into_iter().filter(|name| !log.contains(name) && !log.waiting(name)));
        let complete = at_hand(log, all, &s.id());
        let wait = log.waits(&s.id()).unwrap();
        prop_assert_eq!(wait == Wait::Names, !complete, "{:?}: {:?}", s.id(), wait);
        reached.note(if complete { "complete" } else { "incomplete" });
    }
    let missing: BTreeSet<StatementId> = log.missing().into_iter().map(|(id, _)| id).collect();
    prop_assert_eq!(missing.len(), log.room().missing);
    prop_assert_eq!(missing, lacking);
    Ok(())
}

fn at_hand(log: &Log, all: &Set, id: &StatementId) -> bool {
    log.contains(id) || (log.waiting(id) && all[id].statement().names().iter().all(|name| at_hand(log, all, name)))
}

#[test]
fn a_small_room_keeps_its_books_and_its_bounds() {
    let reached = Reached::default();
    let worlds = (1u64..=2, acts(24), prop::collection::vec(any::<u32>(), 32..=32), 1usize..9, 1usize..9);
    TestRunner::new(cases())
        .run(&worlds, |(threshold, acts, order, count, author_count)| {
            let history = History::of(threshold, &acts);
            let all: Set = history.made.iter().chain([&history.maker.genesis]).map(|s| (s.id(), s.clone())).collect();
            let expected = held(&history.maker.genesis, &all);
            let mut node = Node::new(Log::with_bounds(history.maker.mesh(), bounded(count, author_count)));
            for round in 0..3 {
                let mut arriving: Vec<_> = all.values().enumerate().collect();
                arriving.sort_by_key(|(at, s)| (order[(at + round) % 32], s.id()));
                for (_, s) in arriving {
                    let arrival = node.arrive(s);
                    let room = node.log.room();
                    prop_assert!(room.waiting <= count && room.strangers <= author_count);
                    if matches!(arrival, Arrival::Dropped) {
                        reached.note("dropped");
                        prop_assert!(!node.log.waiting(&s.id()) && !node.log.contains(&s.id()));
                    }
                    tells_the_truth(&node.log, &all, &reached)?;
                }
            }
            for s in node.log.iter_causal() {
                prop_assert!(expected.contains_key(&s.id()), "a full room lets nothing more in");
            }
            reached.note(if node.log.len() == expected.len() { "all held in the end" } else { "some held" });
            if node.log.room().dropped > 0 {
                reached.note("gave way");
            }
            Ok(())
        })
        .unwrap();
    reached.all(&["complete", "incomplete", "dropped", "gave way", "all held in the end"]);
}

/// One author with a grant and any number of made-up keys flood; the chains of two honest authors arrive in any order
/// in between, and are held at the end without having been sent twice.
#[test]
fn a_flood_pushes_out_nobody_else() {
    let reached = Reached::default();
    TestRunner::new(cases())
        .run(&prop::collection::vec((any::<u8>(), any::<u8>()), 60..90), |steps| {
            let (mut maker, mut node, grants) = founded(bounded(40, 16));
            let mut honest = chain(&mut maker, 3, grants[0], 7);
            honest.extend(chain(&mut maker, 4, grants[1], 7));
            let mut waiting = honest.clone();
            for (number, (what, which)) in steps.iter().enumerate() {
                let nowhere = StatementId([*which | 1; 32]);
                let s = match what % 4 {
                    0 if !waiting.is_empty() => waiting.remove(usize::from(*which) % waiting.len()),
                    1 => maker.write_after(5, grants[2], &["shop/a"], &[], &[nowhere]),
                    2 => maker.write(5, grants[0], &["shop/a"]),
                    _ => maker.write(100 + number, grants[0], &["shop/a"]),
                };
                node.arrive(&s);
                let room = node.log.room();
                prop_assert!(room.waiting <= 40 && room.strangers <= 16);
                if room.dropped > 0 {
                    reached.note("flood gave way");
                }
                for s in honest.iter().filter(|s| !waiting.iter().any(|later| later.id() == s.id())) {
                    prop_assert!(node.log.contains(&s.id()) || node.log.waiting(&s.id()), "an honest one was dropped");
                    reached.note(if node.log.contains(&s.id()) { "honest held" } else { "honest waiting" });
                }
            }
            for s in waiting {
                node.arrive(&s);
            }
            prop_assert!(honest.iter().all(|s| node.log.contains(&s.id())));
            Ok(())
        })
        .unwrap();
    reached.all(&["flood gave way", "honest held", "honest waiting"]);
}

#[test]
fn heavy_statements_are_bounded_by_weight_not_by_number() {
    use driftless_statement::{Body, Edit, Op, Value, Write};
    let (mut maker, mut node, grants) = founded(RoomBounds::default());
    let nulls = Value::List(vec![Value::Null; 120_000]);
    for number in 0..6u8 {
        let edits = vec![vec![Edit { at: vec![], op: Op::Put(nulls.clone()) }]];
        let mut s = maker.write_after(3, grants[0], &["shop/a"], &[], &[StatementId([number + 1; 32])]);
        let mut said = s.statement().clone();
        said.body = Body::Write(Write { edits });
        s = seal(&said);
        assert!(s.wire_len() < 256 * 1024);
        node.arrive(&s);
        assert!(node.log.room().bytes <= RoomBounds::default().author_bytes, "{:?}", node.log.room());
        assert!(node.log.room().waiting >= 1, "the newest still fits");
    }
    assert!(node.log.room().dropped > 0);
}

#[test]
fn long_chains_complete_in_linear_time_in_reverse() {
    let (mut maker, mut node, grants) = founded(WIDE);
    let chain = chain(&mut maker, 3, grants[0], 20_000);
    for s in chain.iter().skip(1).rev() {
        assert!(matches!(node.arrive(s), Arrival::Waiting { missing } if missing.len() == 1));
    }
    let Arrival::Appended(appended) = node.arrive(&chain[0]) else { panic!("not appended") };
    let ids = |list: &[Arc<Verified>]| list.iter().map(|s| s.id()).collect::<Vec<_>>();
    assert_eq!(ids(&appended), ids(&chain), "each after what it names");
    assert_eq!(node.log.room(), Default::default());
    assert_eq!(node.log.prev(&key(3), &"shop".parse().unwrap()), [chain.last().unwrap().id()]);
}

#[test]
fn many_that_wait_for_one_grant_pass_when_it_comes() {
    let (mut maker, mut node, _) = founded(WIDE);
    let grant = maker.root_grant(0, 7, &[Verb::Write], "shop");
    let chain = chain(&mut maker, 7, grant.id(), 20_000);
    for s in &chain {
        assert!(matches!(node.arrive(s), Arrival::Waiting { .. }));
    }
    assert_eq!(node.log.missing(), [(grant.id(), Scope::mesh())]);
    assert_eq!(node.log.room().strangers, 20_000);
    // They complete, are refused by the trust of before, and pass when trust knows the grant.
    assert!(matches!(node.arrive(&grant), Arrival::Appended(appended) if appended.len() == 1));
    assert!(chain.iter().all(|s| node.log.contains(&s.id())));
    assert_eq!(node.log.room(), Default::default());
}

#[test]
fn a_full_room_costs_no_more_for_each_arrival() {
    let (mut maker, mut node, grants) = founded(bounded(1000, 1000));
    // Complete and refused, a chain of them: each arrival beyond the bound makes one give way.
    let chain = chain(&mut maker, 4, grants[0], 20_000);
    for s in &chain {
        let arrival = node.arrive(s);
        assert!(!matches!(arrival, Arrival::Appended(_) | Arrival::Invalid(_)));
    }
    let room = node.log.room();
    assert_eq!((room.waiting, room.dropped), (1000, 19_000));
}

/// A chain that waits for its first statement gives way from its far end, so that what is left still completes.
#[test]
fn what_others_wait_for_stays_longest() {
    let (mut maker, mut node, grants) = founded(bounded(10, 10));
    let chain = chain(&mut maker, 3, grants[0], 8);
    for s in &chain[1..] {
        node.arrive(s);
    }
    for number in 0..7u8 {
        node.arrive(&maker.write_after(3, grants[0], &["shop/a"], &[], &[StatementId([number + 1; 32])]));
    }
    let left: Vec<bool> = chain.iter().map(|s| node.log.waiting(&s.id())).collect();
    assert_eq!(left, [false, true, true, true, false, false, false, false]);
    assert!(matches!(node.arrive(&chain[0]), Arrival::Appended(appended) if appended.len() == 4));
}

/// What this node asked for outlasts what it did not ask for.
#[test]
fn what_was_asked_for_stays_longer() {
    let (mut maker, mut node, grants) = founded(bounded(10, 10));
    let asked = maker.write(50, grants[0], &["shop/a"]);
    let known_later = maker.write(51, grants[0], &["shop/a"]);
    node.log.arrive(asked.clone(), true, node.trust.as_ref());
    node.arrive(&known_later);
    node.log.arrive(known_later.clone(), true, node.trust.as_ref());
    for number in 0..40 {
        node.arrive(&maker.write(60 + number, grants[0], &["shop/a"]));
    }
    assert!(node.log.waiting(&asked.id()) && node.log.waiting(&known_later.id()));
}

#[test]
fn what_names_an_invalid_statement_goes_with_it() {
    let (mut maker, mut node, grants) = founded(WIDE);
    let base = maker.write(3, grants[0], &["shop/a"]);
    let mut said = maker.write_after(3, grants[0], &["shop/a"], &[base.id()], &[]).statement().clone();
    said.hlc = Hlc(base.statement().hlc.0);
    let early = seal(&said);
    let after = maker.write_after(4, grants[1], &["shop/a"], &[], &[early.id()]);
    let later = maker.write_after(3, grants[0], &["shop/a"], &[], &[after.id()]);
    for s in [&later, &after, &early] {
        assert!(matches!(node.arrive(s), Arrival::Waiting { .. }));
    }
    // The arrival of what they name shows that one of them is invalid, and with it all that builds on it.
    assert!(matches!(node.arrive(&base), Arrival::Appended(appended) if appended.len() == 1));
    assert_eq!((node.log.room().waiting, node.log.room().invalid), (0, 3));
    assert!(matches!(node.arrive(&early), Arrival::Invalid(Invalid::NotLater { id, .. }) if id == base.id()));
    // Waiting again for the invalid one, which then comes again.
    assert!(matches!(node.arrive(&after), Arrival::Waiting { .. }));
    assert!(matches!(node.arrive(&early), Arrival::Invalid(_)));
    assert!(!node.log.waiting(&after.id()));
}

#[test]
fn fields_may_name_only_what_belongs_there() {
    let (mut maker, mut node, grants) = founded(WIDE);
    let other = maker.write(4, grants[1], &["shop/a"]);
    let hall = maker.write(3, grants[0], &["hall/a"]);
    node.arrive(&other);
    node.arrive(&hall);
    let mut refused = |s: Arc<Verified>, want: &str| match node.arrive(&s) {
        Arrival::Invalid(Invalid::Named { field, .. }) => assert_eq!(field, want),
        other => panic!("{other:?}"),
    };
    refused(maker.write_after(3, grants[0], &["shop/a"], &[other.id()], &[]), "prev");
    refused(maker.write_after(3, grants[0], &["shop/a"], &[hall.id()], &[]), "prev");
    refused(maker.write_after(3, grants[0], &["shop/a"], &[], &[hall.id()]), "base");
    refused(maker.write(3, hall.id(), &["shop/a"]), "grant");
}

#[test]
fn a_refused_statement_is_held_once_an_admissible_one_names_it() {
    let (mut maker, mut node, grants) = founded(WIDE);
    let stray = maker.write(9, grants[0], &["shop/a"]);
    let over = maker.write_after(9, grants[0], &["shop/a"], &[stray.id()], &[]);
    let wanted = (stray.id(), over.id());
    for s in [&stray, &over] {
        assert!(matches!(node.arrive(s), Arrival::NotAdmissible(Refusal::NotGrantee { .. })));
        assert!(matches!(node.arrive(s), Arrival::Known));
    }
    let names_it = maker.write_after(3, grants[0], &["shop/a"], &[], &[wanted.1]);
    let Arrival::Appended(appended) = node.arrive(&names_it) else { panic!("not appended") };
    assert_eq!(appended.iter().map(|s| s.id()).collect::<Vec<_>>(), [wanted.0, wanted.1, names_it.id()]);
    assert_eq!(node.log.room(), Default::default());
}

#[test]
fn before_genesis_only_genesis_is_let_in() {
    let mut maker = Maker::new(1);
    let genesis = maker.genesis.clone();
    let grant = maker.root_grant(0, 3, &[Verb::Write], "");
    let mut log = Log::new(maker.mesh());
    let arrival = log.arrive(grant.clone(), false, None);
    assert!(matches!(arrival, Arrival::Waiting { missing } if missing == [genesis.id()]));
    assert_eq!(log.missing(), [(genesis.id(), Scope::mesh())]);
    assert!(matches!(log.arrive(genesis.clone(), true, None), Arrival::Appended(appended) if appended.len() == 1));
    assert_eq!(log.waits(&grant.id()), Some(Wait::Trust));
    let trust = world::evaluate(&genesis, log.mesh());
    assert_eq!(log.retry(&trust).len(), 1);
    assert_eq!(log.len(), 2);
}

/// What one author lacks is asked for beside what another one's flood lacks.
#[test]
fn missing_ids_are_shared_fairly() {
    let (mut maker, mut node, grants) = founded(WIDE);
    for number in 0..8000u32 {
        let mut nowhere = [0; 32];
        nowhere[28..].copy_from_slice(&(number + 1).to_be_bytes());
        node.arrive(&maker.write_after(5, grants[2], &["shop/a"], &[], &[StatementId(nowhere)]));
    }
    let needed = StatementId([255; 32]);
    node.arrive(&maker.write_after(3, grants[0], &["hall/a"], &[], &[needed]));
    let missing = node.log.missing();
    assert_eq!(missing.len(), 4096, "bounded");
    assert!(missing.iter().take(2).any(|wanted| *wanted == (needed, "hall".parse().unwrap())));
    assert_eq!(node.log.room().missing, 8001);
}

/// A key that had many branches is told the latest of its heads to name; the others stay heads until named.
#[test]
fn prev_is_the_latest_of_many_heads() {
    let (mut maker, mut node, grants) = founded(WIDE);
    let branches: Vec<_> = (0..20).map(|_| maker.write(3, grants[0], &["shop/a"])).collect();
    for s in branches.iter().rev() {
        node.arrive(s);
    }
    let shop: Scope = "shop".parse().unwrap();
    let latest: Vec<StatementId> = branches[4..].iter().map(|s| s.id()).collect();
    assert_eq!(node.log.prev(&key(3), &shop), world::sorted(&latest));
    assert_eq!(node.log.forks(&key(3), &shop), 20);
    assert_eq!(node.log.forks(&key(3), &"hall".parse().unwrap()), 0);
    let over = maker.write_after(3, grants[0], &["shop/a"], &latest, &[]);
    node.arrive(&over);
    let heads: Vec<StatementId> = node.log.heads_of(&key(3), &shop).collect();
    assert_eq!(heads[..4], branches[..4].iter().map(|s| s.id()).collect::<Vec<_>>());
    assert_eq!(heads[4..], [over.id()]);
}

/// A key is counted for itself from the moment that trust knows it, and its statements pass from the strangers' share.
#[test]
fn an_author_that_becomes_known_is_a_stranger_no_longer() {
    let (mut maker, mut node, grants) = founded(WIDE);
    node.arrive(&maker.write(7, grants[0], &["shop/a"]));
    node.arrive(&maker.write(8, grants[0], &["shop/a"]));
    assert_eq!(node.log.room().strangers, 2);
    node.arrive(&maker.root_grant(0, 7, &[Verb::Write], "hall"));
    let room = node.log.room();
    assert_eq!((room.waiting, room.strangers), (2, 1));
}

#[test]
fn nothing_is_restored_around_the_room() {
    let (mut maker, mut node, grants) = founded(WIDE);
    let first = maker.write(3, grants[0], &["shop/a"]);
    let stray = maker.write(9, grants[0], &["shop/a"]);
    let second = maker.write_after(3, grants[0], &["shop/a"], &[first.id()], &[]);
    node.arrive(&second);
    node.arrive(&stray);
    assert!(!node.log.restore(first.clone()) && !node.log.restore(stray));
    assert!(matches!(node.arrive(&first), Arrival::Appended(appended) if appended.len() == 2));
}
