//! Laws of the log: what is held is a function of what arrived, hash-closed at every step, and nothing of another mesh.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_core::log::{Arrival, Log, Wait};
use driftless_core::trust::{Accepted, Trust};
use driftless_statement::{Scope, StatementId, Verified};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::world::history::{Act, History, acts};
use crate::world::model::{Set, held};
use crate::world::{Node, Reached, cases, evaluate};

/// How the statements of a history come in: which are withheld, in which order, which twice, in batches of which sizes.
#[derive(Debug, Clone)]
struct Delivery {
    order: Vec<u32>,
    withheld: u8,
    genesis_at: u8,
    batch: usize,
}

fn deliveries() -> impl Strategy<Value = Delivery> {
    (prop::collection::vec(any::<u32>(), 32..=32), any::<u8>(), any::<u8>(), 0usize..3)
        .prop_map(|(order, withheld, genesis_at, batch)| Delivery { order, withheld, genesis_at, batch })
}

fn worlds() -> impl Strategy<Value = (u64, Vec<Act>, [Delivery; 2])> {
    (1u64..=2, acts(24), [deliveries(), deliveries()])
}

/// What arrives at all, in the order of making: some are withheld from every node.
fn arrivals(history: &History, delivery: &Delivery) -> Vec<Arc<Verified>> {
    let kept = |at: &usize| delivery.withheld.is_multiple_of(2) || !delivery.order[*at % 32].is_multiple_of(16);
    let made = history.made.iter().enumerate().filter(|(at, _)| kept(at)).map(|(_, s)| s.clone());
    let genesis = (delivery.genesis_at != 0).then(|| history.maker.genesis.clone());
    genesis.into_iter().chain(made).collect()
}

fn in_order(arrivals: &[Arc<Verified>], delivery: &Delivery) -> Vec<Arc<Verified>> {
    let mut ordered: Vec<(u32, Arc<Verified>)> =
        arrivals.iter().enumerate().map(|(at, s)| (delivery.order[at % 32], s.clone())).collect();
    let again: Vec<_> =
        ordered.iter().filter(|(key, _)| key.is_multiple_of(4)).map(|(key, s)| (key / 3, s.clone())).collect();
    ordered.extend(again);
    ordered.sort_by_key(|(key, _)| *key);
    ordered.into_iter().map(|(_, s)| s).collect()
}

/// P2, and that the bookkeeping of heads and of what is missing agrees with its definition.
fn check(node: &Node, reached: &Reached) -> Result<(), TestCaseError> {
    let mut seen = BTreeSet::new();
    for s in node.log.iter_causal() {
        for name in s.statement().names() {
            prop_assert!(seen.contains(&name), "P2: {:?} is held before {:?}", s.id(), name);
        }
        prop_assert!(seen.insert(s.id()), "held twice");
        prop_assert!(!node.log.waiting(&s.id()));
    }
    prop_assert_eq!(node.log.len(), seen.len());
    check_heads(&node.log, reached)?;
    for (id, _) in node.log.missing() {
        prop_assert!(!node.log.contains(&id) && !node.log.waiting(&id), "what is missing is not here");
    }
    Ok(())
}

fn check_heads(log: &Log, reached: &Reached) -> Result<(), TestCaseError> {
    for (scope, count) in log.scopes() {
        let scope = &scope;
        let here: Vec<&Arc<Verified>> = log.scope(scope).collect();
        prop_assert_eq!(count, here.len());
        let authors: BTreeSet<_> = here.iter().map(|s| s.statement().author).collect();
        for author in authors {
            let own: Vec<_> = here.iter().filter(|s| s.statement().author == author).collect();
            let named: BTreeSet<StatementId> = own.iter().flat_map(|s| s.statement().prev.clone()).collect();
            let mut heads: Vec<_> = own.iter().filter(|s| !named.contains(&s.id())).map(|s| s.key()).collect();
            heads.sort_unstable();
            let found: Vec<StatementId> = log.heads_of(&author, scope).collect();
            prop_assert_eq!(&found, &heads.iter().map(|(_, id)| *id).collect::<Vec<_>>());
            prop_assert_eq!(log.forks(&author, scope), heads.len());
            let in_the_set = heads.iter().rev().map(|(_, id)| *id).filter(|id| !log.is_aside(id));
            let mut prev: Vec<_> = in_the_set.take(16).collect();
            prev.sort_unstable();
            prop_assert_eq!(log.prev(&author, scope), prev);
            reached.note(if heads.len() > 1 { "a branch" } else { "one own head" });
        }
    }
    Ok(())
}

/// Everything held is admissible, or named by something held that needs it.
fn only_what_is_needed(log: &Log, trust: &Trust, reached: &Reached) -> Result<(), TestCaseError> {
    let mut needed: BTreeSet<StatementId> = BTreeSet::new();
    for s in log.iter_causal().rev() {
        let admissible = trust.admissible(s, &Accepted::default()).is_ok();
        prop_assert!(admissible || needed.contains(&s.id()), "{:?} is neither admissible nor named by what is", s);
        needed.extend(s.statement().names());
        if !admissible {
            reached.note("held because named");
        }
    }
    Ok(())
}

fn note(arrival: &Arrival, reached: &Reached) {
    reached.note(match arrival {
        Arrival::Known => "known",
        Arrival::Appended(appended) if appended.len() > 1 => "completed others",
        Arrival::Appended(_) => "appended",
        Arrival::Waiting { .. } => "waiting",
        Arrival::NotAdmissible(_) => "not admissible",
        Arrival::Invalid(_) => "invalid",
        Arrival::Dropped => "dropped",
    });
}

fn deliver(
    history: &History,
    arrivals: &[Arc<Verified>],
    delivery: &Delivery,
    reached: &Reached,
) -> Result<Node, TestCaseError> {
    let mut node = Node::new(Log::new(history.maker.mesh()));
    let ordered = in_order(arrivals, delivery);
    if delivery.batch == 0 {
        for s in &ordered {
            note(&node.arrive(s), reached);
            check(&node, reached)?;
        }
    } else {
        for batch in ordered.chunks(delivery.batch * 3) {
            node.arrive_batch(batch);
            check(&node, reached)?;
        }
    }
    Ok(node)
}

fn agrees(
    node: &Node,
    genesis: &Arc<Verified>,
    arrived: &Set,
    expected: &Set,
    reached: &Reached,
) -> Result<(), TestCaseError> {
    let found: BTreeSet<StatementId> = node.log.iter_causal().map(|s| s.id()).collect();
    prop_assert_eq!(&found, &expected.keys().copied().collect::<BTreeSet<_>>(), "held is a function of what arrived");
    let Some(trust) = &node.trust else { return Ok(()) };
    prop_assert_eq!(trust, &evaluate(genesis, expected.values()), "trust is a function of what is held");
    only_what_is_needed(&node.log, trust, reached)?;
    if node.log.aside().next().is_some() {
        reached.note("aside");
    }
    for (id, s) in arrived {
        match node.log.waits(id) {
            Some(Wait::Refused(refusal)) => {
                prop_assert_eq!(trust.admissible(s, &Accepted::default()), Err(refusal));
                reached.note("refused, waiting");
            }
            Some(Wait::Names) => reached.note("waiting for names"),
            Some(Wait::Trust) => prop_assert!(false, "trust was evaluated, so {:?} was judged", s),
            None => {}
        }
    }
    Ok(())
}

#[test]
fn held_is_a_function_of_what_arrived() {
    let reached = Reached::default();
    TestRunner::new(cases())
        .run(&worlds(), |(threshold, acts, deliveries)| {
            let history = History::of(threshold, &acts);
            let arrivals = arrivals(&history, &deliveries[0]);
            let arrived: Set = arrivals.iter().map(|s| (s.id(), s.clone())).collect();
            let expected = held(&history.maker.genesis, &arrived);
            for delivery in &deliveries {
                let node = deliver(&history, &arrivals, delivery, &reached)?;
                agrees(&node, &history.maker.genesis, &arrived, &expected, &reached)?;
            }
            Ok(())
        })
        .unwrap();
    reached.all(&[
        "known",
        "appended",
        "completed others",
        "waiting",
        "not admissible",
        "invalid",
        "a branch",
        "one own head",
        "held because named",
        "aside",
        "refused, waiting",
        "waiting for names",
    ]);
}

/// P31: no statement of one mesh is held, kept or counted in another.
#[test]
fn meshes_do_not_mix() {
    TestRunner::new(cases())
        .run(&(acts(16), acts(16)), |(ours, theirs)| {
            let (ours, theirs) = (History::of(1, &ours), History::of(2, &theirs));
            let mut node = Node::new(Log::new(ours.maker.mesh()));
            node.arrive(&ours.maker.genesis);
            let alone = History::of(1, &[]);
            for s in ours.made.iter().take(2) {
                node.arrive(s);
            }
            let before = (node.log.len(), node.trust.clone(), node.log.room());
            for s in theirs.made.iter().chain([&theirs.maker.genesis]) {
                prop_assert!(matches!(node.arrive(s), Arrival::Invalid(_)));
                prop_assert!(node.trust.as_ref().unwrap().admissible(s, &Accepted::default()).is_err());
            }
            prop_assert_eq!(before, (node.log.len(), node.trust.clone(), node.log.room()));
            let mixed = evaluate(&ours.maker.genesis, alone.made.iter().chain(&theirs.made));
            prop_assert_eq!(mixed, evaluate(&ours.maker.genesis, &alone.made));
            Ok(())
        })
        .unwrap();
}

/// A node that starts again takes back exactly what it held, in its own order or in that of time.
#[test]
fn restoring_gives_back_what_was_held() {
    TestRunner::new(cases())
        .run(&worlds(), |(threshold, acts, [delivery, _])| {
            let history = History::of(threshold, &acts);
            let node = deliver(&history, &arrivals(&history, &delivery), &delivery, &Reached::default())?;
            let mut by_time: Vec<Arc<Verified>> = node.log.iter_causal().cloned().collect();
            by_time.sort_by_key(|s| s.key());
            for order in [node.log.iter_causal().cloned().collect(), by_time] {
                let mut again = Log::new(history.maker.mesh());
                for s in &order {
                    prop_assert!(again.restore(s.clone()));
                    prop_assert!(again.restore(s.clone()), "twice is as once");
                }
                if let Some(trust) = &node.trust {
                    again.sift(trust, |_, _| |_: &Verified| false);
                }
                let aside = |log: &Log| log.aside().map(|s| s.id()).collect::<Vec<_>>();
                prop_assert_eq!(aside(&again), aside(&node.log), "the same is aside");
                prop_assert_eq!(again.len(), node.log.len());
                prop_assert!(
                    again.mesh().map(|s| s.id()).collect::<BTreeSet<_>>() == node.log.mesh().map(|s| s.id()).collect()
                );
                for (scope, _) in node.log.scopes() {
                    let scope = &scope;
                    for s in node.log.scope(scope) {
                        prop_assert_eq!(
                            again.prev(&s.statement().author, scope),
                            node.log.prev(&s.statement().author, scope)
                        );
                    }
                }
            }
            let mut holed = Log::new(history.maker.mesh());
            for s in node.log.iter_causal().skip(1) {
                prop_assert!(!holed.restore(s.clone()), "nothing is taken back without what it names");
            }
            prop_assert!(holed.is_empty() && holed.count(&Scope::mesh()) == 0);
            Ok(())
        })
        .unwrap();
}
