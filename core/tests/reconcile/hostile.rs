//! Reconciliation with peers that lie, withhold, invent or never stand still: it ends within its bounds, says what did not
//! come, and an honest peer afterwards still brings everything.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_core::reconcile::limits::{ANSWER_SYMBOLS, BATCH_IDS, OUTCOME_IDS, SESSION_RANGES, SESSION_ROUNDS};
use driftless_core::reconcile::{End, Session, Short, Step, Symbol};
use driftless_core::wire::{Part, Request, Response, Word};
use driftless_statement::{Hlc, StatementId};
use proptest::prelude::*;

use crate::peers::{Peer, cases, honest, pair, session, shop};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_lying_peer_is_survived(salt in 0..u64::from(u32::MAX), both in 0u64..60, left in 0u64..30, right in 0u64..60, lies in prop::collection::vec((0usize..12, any::<u64>()), 1..12)) {
        let (mut a, mut b) = pair(salt, both, left, right);
        let before: BTreeSet<StatementId> = a.ids().into_iter().collect();
        let told: BTreeSet<StatementId> = b.ids().into_iter().collect();
        let mut turn = 0;
        let (outcome, _) = session(&mut a, &mut b, |request, response| {
            let (kind, seed) = lies[turn % lies.len()];
            turn += 1;
            lie(kind, seed, request, response)
        });
        prop_assert!(outcome.rounds <= SESSION_ROUNDS);
        prop_assert!(a.ids().iter().all(|id| before.contains(id) || told.contains(id)));
        // And the next peer, an honest one, still brings everything.
        let mut honest_peer = Peer::new((0..both).chain(both + left..both + left + right).map(|seed| (salt << 32) + seed));
        honest(&mut a, &mut honest_peer);
        prop_assert_eq!(a.ids(), honest_peer.ids());
    }
}

/// One way to lie. Every answer stays decodable: undecodable ones end a session at the door.
fn lie(kind: usize, seed: u64, request: &Request, honest: Response) -> Response {
    let noise = |count: usize| -> Vec<Symbol> {
        (0..count as u64).map(|at| Symbol::from_bytes((u128::from(seed) * 31 + u128::from(at)).to_be_bytes())).collect()
    };
    let tag = seed;
    match (kind, honest) {
        (0, _) => Response::Same,
        (1, _) => Response::Refused { word: Word::new("busy") },
        (2, Response::Differ { .. }) => Response::Differ { tag, count: seed, symbols: noise((seed % 40) as usize) },
        (2 | 3, Response::Symbols { from, .. }) => Response::Symbols { tag, count: seed, from, symbols: noise(30) },
        (3, Response::Differ { tag, count, .. }) => Response::Differ { tag, count, symbols: Vec::new() },
        (4, Response::Differ { .. }) => Response::Differ { tag, count: 0, symbols: Vec::new() },
        (4, Response::Symbols { count, symbols, .. }) => Response::Symbols { tag, count, from: 0, symbols },
        (5, Response::Statements { .. }) => Response::Statements { statements: Vec::new(), missing: Vec::new() },
        (6, Response::Statements { mut statements, .. }) => {
            statements.truncate(1);
            Response::Statements { statements, missing: vec![0] }
        }
        (7, Response::Ids { ids, .. }) => {
            let upto = ids.first().map(|(id, _)| *id);
            Response::Ids { ids: Vec::new(), upto }
        }
        (7 | 8, _) if matches!(request, Request::Range { .. }) => Response::Parts {
            bounds: vec![StatementId([(seed % 256) as u8; 32])],
            parts: vec![Part { count: seed, digest: [1; 16] }, Part { count: 3, digest: [2; 16] }],
        },
        (8, Response::Differ { tag, count, .. }) => Response::Differ { tag, count, symbols: noise(ANSWER_SYMBOLS) },
        (9, Response::Times { times }) => Response::Times { times: times.into_iter().skip(1).collect() },
        (9, Response::Taken { .. }) => Response::Taken { taken: 200, refused: vec![(255, Word::new("no"))] },
        (10, honest) if matches!(request, Request::Compare { .. }) => honest,
        (10, _) => Response::Has { held: vec![true] },
        (_, honest) => honest,
    }
}

#[test]
fn what_does_not_come_is_reported() {
    let (mut a, mut b) = pair(13, 10, 0, 20);
    let gone: Vec<StatementId> = b.ids().into_iter().filter(|id| !a.summary.contains(id)).take(5).collect();
    gone.iter().for_each(|id| drop(b.statements.remove(id)));
    let (outcome, _) = honest(&mut a, &mut b);
    let mut want: Vec<Short> = gone.iter().map(Short::from).collect();
    want.sort_unstable();
    let mut missing = outcome.missing.clone();
    missing.sort_unstable();
    assert_eq!((outcome.came, outcome.missed, missing), (15, 5, want));
}

#[test]
fn a_withholding_peer_ends_the_session() {
    let (mut a, mut b) = pair(14, 10, 0, 20);
    let nothing = |_: &Request, response| match response {
        Response::Statements { .. } => Response::Statements { statements: Vec::new(), missing: Vec::new() },
        other => other,
    };
    let (outcome, _) = session(&mut a, &mut b, nothing);
    assert_eq!((outcome.end, outcome.came, outcome.missed), (End::Exchanged, 0, 20));
}

/// What is reported about it is bounded, whatever the peer promised.
#[test]
fn a_report_names_no_more_than_its_bound() {
    let (mut a, mut b) = pair(15, 10, 0, 1_500);
    b.statements.clear();
    let (outcome, _) = honest(&mut a, &mut b);
    assert_eq!((outcome.came, outcome.missed, outcome.missing.len()), (0, 1_500, OUTCOME_IDS));
}

#[test]
fn two_ids_of_one_short_name_are_found_by_ranges() {
    let (mut a, mut b) = pair(16, 50, 0, 0);
    let mut twins = [StatementId([9; 32]), StatementId([9; 32])];
    twins[1].0[31] = 8;
    for (peer, id) in [(&mut a, twins[0]), (&mut b, twins[1])] {
        peer.summary.insert(id, Hlc(5));
        peer.statements.insert(id, Arc::from(vec![0; 100]));
    }
    let mut pulled = Vec::new();
    let (outcome, _) = session(&mut a, &mut b, |request, response| {
        if let Request::Pull { shorts, .. } = request {
            pulled.extend(shorts.clone());
        }
        match response {
            Response::Statements { .. } => Response::Statements { statements: Vec::new(), missing: vec![0] },
            other => other,
        }
    });
    assert!(outcome.ranged);
    assert_eq!((outcome.only_remote, outcome.only_local), (1, 1));
    assert_eq!(pulled, vec![Short::from(&twins[1])]);
}

#[test]
fn equal_sets_said_to_differ_are_unexplained() {
    let (mut a, mut b) = pair(17, 3_000, 0, 0);
    let differ = |_: &Request, response| match response {
        Response::Same => Response::Differ { tag: 1, count: 3_000, symbols: Vec::new() },
        other => other,
    };
    assert_eq!(session(&mut a, &mut b, differ).0.end, End::Unexplained);
}

/// Symbols that never decode, as ground ids would make them: ranges still bring everything.
#[test]
fn an_honest_peer_is_enough_when_symbols_fail() {
    for (both, left, right) in [(0, 3, 5), (1_500, 1, 0), (3_000, 40, 7), (5_000, 700, 900)] {
        let (mut a, mut b) = pair(20, both, left, right);
        let (outcome, cost) = session(&mut a, &mut b, |_, response| match response {
            Response::Differ { tag, count, symbols } => {
                Response::Differ { tag, count, symbols: lying_symbols(symbols.len()) }
            }
            Response::Symbols { tag, count, from, symbols } => {
                Response::Symbols { tag, count, from, symbols: lying_symbols(symbols.len()) }
            }
            other => other,
        });
        assert_eq!((outcome.end, outcome.ranged), (End::Exchanged, true));
        assert_eq!((outcome.only_local as u64, outcome.only_remote as u64), (left, right));
        assert_eq!(a.ids(), b.ids());
        assert!(outcome.rounds < 60, "{} rounds, {cost:?}", outcome.rounds);
    }
}

fn lying_symbols(count: usize) -> Vec<Symbol> {
    (0..count).map(|at| Symbol::from_bytes([at as u8 | 1; 16])).collect()
}

/// A peer that invents ids without end costs a bounded number of rounds, and what it invented is reported as missing.
#[test]
fn endless_pages_end() {
    let (mut a, mut b) = pair(21, 10, 0, 0);
    let (outcome, _) = session(&mut a, &mut b, |request, response| match request {
        Request::Compare { .. } => Response::Differ { tag: 1, count: 1 << 40, symbols: Vec::new() },
        Request::Range { from, .. } => {
            let mut upto = *from;
            upto.0[3] = upto.0[3].wrapping_add(1);
            upto.0[2] += u8::from(upto.0[3] == 0);
            Response::Ids { ids: vec![(*from, Hlc(1))], upto: Some(upto) }
        }
        Request::Pull { shorts, .. } => {
            Response::Statements { statements: Vec::new(), missing: (0..shorts.len()).collect() }
        }
        _ => response,
    });
    assert_eq!((outcome.end, outcome.came), (End::Partial, 0));
    assert_eq!(outcome.rounds, SESSION_RANGES + outcome.missed.div_ceil(BATCH_IDS));
    assert!(outcome.missed > 100);
}

/// Every answer that does not fit its question ends the session at once, by name.
#[test]
fn answers_that_do_not_fit_end_the_session() {
    let part = Part { count: 9, digest: [1; 16] };
    let id = |byte: u8| StatementId([byte; 32]);
    let parts = |bounds: Vec<StatementId>, count: usize| Response::Parts { bounds, parts: vec![part; count] };
    let ids = |list: &[u8], upto: Option<StatementId>| Response::Ids {
        ids: list.iter().map(|byte| (id(*byte), Hlc(1))).collect(),
        upto,
    };
    let range = |answer: Response| (Response::Differ { tag: 1, count: 9, symbols: Vec::new() }, Some(answer));
    let table = [
        ("another kind", (Response::Has { held: Vec::new() }, None)),
        ("symbols first", (Response::Symbols { tag: 1, count: 1, from: 0, symbols: Vec::new() }, None)),
        ("parts that are the whole", range(parts(vec![], 1))),
        ("more parts than bounds", range(parts(vec![id(5)], 3))),
        ("parts out of order", range(parts(vec![id(7), id(5)], 3))),
        ("a part from the start", range(parts(vec![id(0)], 2))),
        ("a page that goes nowhere", range(ids(&[], Some(id(3))))),
        ("a page back to the start", range(ids(&[1], Some(id(0))))),
        ("taken instead of ids", range(Response::Taken { taken: 1, refused: Vec::new() })),
    ];
    for (name, (first, second)) in table {
        let (mut a, _) = pair(23, 5, 0, 0);
        let (mut session, _) = Session::start(shop(), &a.summary);
        let mut step = session.answer(&mut a.summary, &|_| None, &first);
        if let Some(second) = second {
            assert!(matches!(step, Step::Ask(Request::Range { .. })), "{name}: {step:?}");
            step = session.answer(&mut a.summary, &|_| None, &second);
        }
        let Step::Done(outcome) = step else { panic!("{name}: {step:?}") };
        assert!(matches!(outcome.end, End::Misbehaved(_)), "{name}: {outcome:?}");
    }
}

#[test]
fn symbols_that_do_not_continue_end_the_session() {
    let (mut a, mut b) = pair(24, 50, 40, 40);
    let (outcome, _) = session(&mut a, &mut b, |_, response| match response {
        Response::Symbols { tag, count, from, symbols } => Response::Symbols { tag, count, from: from + 1, symbols },
        other => other,
    });
    assert!(matches!(outcome.end, End::Misbehaved(_)));
    let (outcome, _) = session(&mut a, &mut b, |_, response| match response {
        Response::Symbols { tag, count, from, symbols } => {
            Response::Symbols { tag: tag.wrapping_add(1), count, from, symbols }
        }
        other => other,
    });
    assert!(matches!(outcome.end, End::Misbehaved(_)));
}

/// A peer whose set seems to change with every answer is not followed for ever.
#[test]
fn symbols_of_ever_new_sets_end() {
    let (mut a, mut b) = pair(22, 10, 2, 2);
    let mut tag = 0;
    let (outcome, _) = session(&mut a, &mut b, |_, response| {
        tag += 1;
        match response {
            Response::Differ { count, symbols, .. } => {
                Response::Differ { tag, count, symbols: lying_symbols(symbols.len()) }
            }
            Response::Symbols { count, .. } => {
                Response::Symbols { tag, count, from: 0, symbols: lying_symbols(ANSWER_SYMBOLS) }
            }
            other => other,
        }
    });
    assert!(outcome.ranged);
    assert!(outcome.rounds < 20);
    assert_eq!(a.ids(), b.ids());
}
