//! Laws of reconciliation: it ends with equal sets, at a cost that follows the difference.

use driftless_core::reconcile::limits::BATCH_BYTES;
use driftless_core::reconcile::{End, Outcome, Session, Step};
use driftless_core::wire::{DELAYED, Request, Response, Word};
use driftless_statement::{Scope, StatementId};
use proptest::prelude::*;

use crate::peers::{Peer, cases, honest, pair, session, shop, wire};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_session_makes_sets_equal(salt in 0..u64::from(u32::MAX), both in 0u64..120, left in 0u64..90, right in 0u64..90) {
        let (mut a, mut b) = pair(salt, both, left, right);
        let (outcome, _) = honest(&mut a, &mut b);
        prop_assert_eq!(a.ids(), b.ids());
        prop_assert_eq!(a.summary.digest(), b.summary.digest());
        prop_assert_eq!(outcome.only_local as u64, left);
        prop_assert_eq!(outcome.only_remote as u64, right);
        prop_assert_eq!(outcome.came as u64, right);
        prop_assert_eq!(outcome.taken as u64, left);
        prop_assert_eq!(outcome.missed, 0);
        prop_assert_eq!(outcome.end, if left + right == 0 { End::Same } else { End::Exchanged });
    }

    #[test]
    fn a_summary_is_a_function_of_its_set(seeds in prop::collection::btree_set(0u64..500, 0..40), gone in prop::collection::btree_set(0u64..500, 0..20)) {
        let mut there_and_back = Peer::new(seeds.iter().copied().chain(gone.iter().copied()));
        for seed in gone.difference(&seeds) {
            prop_assert!(there_and_back.summary.remove(&wire(*seed, 0).0));
        }
        let plain = Peer::new(seeds.iter().rev().copied());
        prop_assert_eq!(there_and_back.summary.digest(), plain.summary.digest());
        prop_assert_eq!(there_and_back.summary.count(), plain.summary.count());
        prop_assert_eq!(there_and_back.summary.sketch().symbols(), plain.summary.sketch().symbols());
        prop_assert_eq!(there_and_back.summary.sketch().estimate(), plain.summary.sketch().estimate());
    }
}

#[test]
fn in_sync_costs_at_most_96_bytes_and_one_round_trip() {
    let (mut a, mut b) = pair(1, 1_000, 0, 0);
    let (outcome, cost) = honest(&mut a, &mut b);
    assert_eq!(outcome.end, End::Same);
    assert!(cost.bytes <= 96, "{cost:?}");
    assert_eq!(cost.rounds, 1);
}

#[test]
fn cost_follows_the_difference() {
    let mut over = Vec::new();
    let mut third = 0;
    for d in 1..=200u64 {
        for (salt, left) in [(1, 0), (2, d), (3, d / 2), (4, d / 3)] {
            let (mut a, mut b) = pair(d << 8 | salt, 300, left, d - left);
            let (outcome, cost) = honest(&mut a, &mut b);
            assert_eq!(outcome.end, End::Exchanged);
            assert!(!outcome.ranged);
            assert_eq!(a.ids(), b.ids());
            let bound = 60 * d as usize + 200;
            if cost.bytes > bound {
                over.push((d, left, cost));
            }
            third += usize::from(cost.rounds > 2);
            assert!(cost.bytes <= bound + 600, "d = {d}, {left} of them local: {cost:?}");
        }
    }
    // Symbols decode by chance: small differences now and then need more of them. One run in a hundred may.
    assert!(over.len() <= 8, "{over:?}");
    assert!(third <= 8, "{third} of 800 sessions took more than two round trips");
}

#[test]
#[ignore = "prints the table of costs; run with --ignored --nocapture"]
#[allow(clippy::print_stdout)]
fn table_of_costs() {
    println!("| n | d | bytes (mean of 5) | bytes a difference | ordering bytes | round trips |");
    for n in [1_000u64, 10_000, 100_000] {
        for d in [0u64, 1, 10, 100, 1_000, 10_000].into_iter().filter(|d| *d <= n) {
            let mut costs = Vec::new();
            // Both sides start from the same thousands.
            let (base, _) = pair(n, n, 0, 0);
            for salt in 0..5 {
                let mut a = base.clone();
                let mut b = base.clone();
                for at in 0..d {
                    let (id, bytes) = wire((n + salt + 7) << 32 | at, 0);
                    if at % 2 == 0 { a.keep(id, bytes, at) } else { b.keep(id, bytes, at) }
                }
                let (outcome, cost) = honest(&mut a, &mut b);
                assert_eq!(a.summary.digest(), b.summary.digest(), "{outcome:?}");
                costs.push(cost);
            }
            let bytes = costs.iter().map(|cost| cost.bytes).sum::<usize>() / costs.len();
            let rounds: Vec<usize> = costs.iter().map(|cost| cost.rounds).collect();
            let ordering = costs.iter().map(|cost| cost.ordering).sum::<usize>() / costs.len();
            let each = bytes as f64 / d.max(1) as f64;
            println!("| {n} | {d} | {bytes} | {each:.1} | {ordering} | {rounds:?} |");
        }
    }
}

#[test]
fn many_differences_are_streamed() {
    let (mut a, mut b) = pair(9, 2_000, 3_000, 3_000);
    let (outcome, cost) = honest(&mut a, &mut b);
    assert_eq!(outcome.end, End::Exchanged);
    assert!(!outcome.ranged);
    assert_eq!(a.ids(), b.ids());
    assert!(cost.bytes <= 60 * 6_000 + 200, "{cost:?}");
}

#[test]
fn beyond_the_sketch_ranges_are_listed() {
    let (mut a, mut b) = pair(10, 100, 9_000, 9_000);
    let (outcome, _) = honest(&mut a, &mut b);
    assert!(outcome.ranged);
    assert_eq!(outcome.end, End::Exchanged);
    assert_eq!(a.ids(), b.ids());
}

#[test]
fn a_newcomer_lists_everything() {
    let (mut a, mut b) = pair(11, 0, 0, 20_000);
    let (outcome, cost) = honest(&mut a, &mut b);
    assert_eq!(outcome.end, End::Exchanged);
    assert_eq!(a.ids(), b.ids());
    assert_eq!(outcome.came, 20_000);
    assert!(cost.bytes < 20_000 * 42, "{cost:?}");
    let (mut a, mut b) = pair(11, 0, 500, 0);
    assert_eq!(honest(&mut a, &mut b).0.taken, 500);
    assert_eq!(a.ids(), b.ids());
}

#[test]
fn statements_come_earliest_first() {
    let (mut a, mut b) = pair(12, 10, 0, 2_000);
    let mut seen = Vec::new();
    session(&mut a, &mut b, |_, response| {
        if let Response::Statements { statements, .. } = &response {
            seen.extend(statements.iter().map(|bytes| bytes[..8].to_vec()));
        }
        response
    });
    assert_eq!(seen.len(), 2_000);
    assert!(seen.is_sorted());
}

/// More than a session keeps moves in several, each with the earliest of what is left, in both directions.
#[test]
fn a_long_absence_is_made_up_for_earliest_first() {
    let (mut a, mut b) = pair(13, 100, 9_000, 80_000);
    let (mut pulled, mut pushed) = (Vec::new(), Vec::new());
    let mut ends = Vec::new();
    while ends.last() != Some(&End::Exchanged) && ends.len() < 4 {
        let (outcome, cost) = session(&mut a, &mut b, |request, response| {
            match (request, &response) {
                (_, Response::Statements { statements, .. }) => {
                    pulled.extend(statements.iter().map(|bytes| bytes[..8].to_vec()));
                }
                (Request::Push { statements }, _) => pushed.extend(statements.iter().map(|bytes| bytes[..8].to_vec())),
                _ => {}
            }
            response
        });
        assert!(cost.bytes < 90_000 * 42, "{cost:?}");
        ends.push(outcome.end);
    }
    assert_eq!(ends, [End::Partial, End::Exchanged]);
    assert_eq!((pulled.len(), pushed.len()), (80_000, 9_000));
    assert!(pulled.is_sorted() && pushed.is_sorted());
    assert_eq!(a.ids(), b.ids());
}

#[test]
fn large_statements_come_in_several_answers() {
    let mut a = Peer::padded(0..1, 100_000);
    let mut b = Peer::padded(0..30, 100_000);
    let mut most = 0;
    let (outcome, _) = session(&mut a, &mut b, |_, response| {
        most = most.max(response.encode().len());
        response
    });
    assert_eq!(outcome.end, End::Exchanged);
    assert_eq!(a.ids(), b.ids());
    assert!(most <= BATCH_BYTES + 4_096, "{most}");
    // The other way round: pushed in several requests.
    let mut c = Peer::padded(0..1, 100_000);
    honest(&mut b, &mut c);
    assert_eq!(b.ids(), c.ids());
}

#[test]
fn a_set_that_changes_between_the_answers_is_still_decoded() {
    let (mut a, mut b) = pair(15, 100, 40, 40);
    let (mut first, mut request) = Session::start(shop(), &a.summary);
    let mut extra = 0;
    let outcome = loop {
        let response = b.respond(&request);
        if matches!(request, Request::Compare { .. } | Request::Symbols { .. }) && extra < 3 {
            extra += 1;
            for peer in [&mut a, &mut b] {
                let (id, bytes) = wire(77_000 + extra, 0);
                peer.keep(id, bytes, extra);
            }
        }
        if let Response::Statements { statements, .. } = &response {
            statements.iter().for_each(|bytes| a.receive(bytes));
        }
        let held = a.statements.clone();
        match first.answer(&mut a.summary, &|id| held.get(id).cloned(), &response) {
            Step::Ask(next) => request = next,
            Step::Done(outcome) => break outcome,
        }
    };
    assert!(!outcome.ranged, "{outcome:?}");
    assert_eq!(a.ids(), b.ids());
}

#[test]
fn a_scope_that_is_not_offered_is_refused() {
    let (_, mut b) = pair(18, 3, 0, 0);
    let platform = Scope::parse("platform").unwrap();
    let refused = b.respond(&Request::Compare { scope: platform.clone(), digest: [0; 32], count: 0 });
    assert_eq!(refused, Response::Refused { word: Word::new("scope-not-offered") });
    let (mut first, _) = Session::start(platform, &b.summary.clone());
    let step = first.answer(&mut b.summary, &|_| None, &refused);
    assert!(matches!(step, Step::Done(Outcome { end: End::Refused(_), .. })));
}

#[test]
fn has_and_fetch_name_what_is_held() {
    let (_, mut b) = pair(19, 3, 0, 0);
    let mut ids = b.ids();
    ids.push(StatementId([255; 32]));
    assert_eq!(b.respond(&Request::Has { ids: ids.clone() }), Response::Has { held: vec![true, true, true, false] });
    let Response::Statements { statements, missing } = b.respond(&Request::Fetch { ids }) else { panic!() };
    assert_eq!((statements.len(), missing), (3, vec![3]));
}

#[test]
fn who_is_told_that_a_push_comes_too_early_pushes_no_more_in_the_session() {
    let (mut a, mut b) = pair(1, 10, 2_000, 0);
    let mut pushes = 0;
    session(&mut a, &mut b, |request, response| {
        let Request::Push { statements } = request else { return response };
        pushes += 1;
        let refused = (0..statements.len()).map(|at| (at, Word::new(DELAYED))).collect();
        Response::Taken { taken: 0, refused }
    });
    assert_eq!(pushes, 1);
}
