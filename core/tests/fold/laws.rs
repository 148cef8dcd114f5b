//! The laws of the fold, against a naive model of what it means.

use std::collections::{BTreeMap, BTreeSet};

use driftless_core::fold::{Limits, Many, Member, ScopeFold};
use driftless_statement::StatementId;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::generate::{Dice, Manner, TAME, WILD, paths, set, shuffle};
use crate::support::model::{self, Model, Shown};
use crate::support::{cases, one_in};

fn limits(kind: u8) -> Limits {
    match kind % 4 {
        0 => Limits { entry_bytes: 26, ..Limits::default() },
        1 => Limits { value_depth: 2, ..Limits::default() },
        2 => Limits { heads: 2, ..Limits::default() },
        _ => Limits::default(),
    }
}

/// What a fold shows, in the model's terms.
fn shown(fold: &ScopeFold, members: &[Member]) -> Model {
    let entries = fold.entries().map(|(path, entry)| {
        let pairs = entry.conflicts().into_iter().map(|conflict| {
            let side = |side: &driftless_core::fold::Side| (side.statement, side.edit);
            (side(&conflict.left), side(&conflict.right))
        });
        let explained = fold.explain(path).expect("it is there");
        let leaves = explained.leaves.into_iter().map(|leaf| (leaf.at, leaf.winner)).collect();
        let conflicts = pairs.collect();
        (path.clone(), Shown { heads: entry.heads(), tree: entry.tree().cloned(), conflicts, leaves })
    });
    let ids: BTreeSet<StatementId> = members.iter().map(|member| member.statement.id()).collect();
    let fates = ids.into_iter().map(|id| (id, fold.fate(&id))).collect();
    Model { entries: entries.collect(), fates, reached: BTreeMap::new() }
}

fn at_once(members: &[Member], limits: Limits) -> ScopeFold {
    let mut fold = ScopeFold::with_limits(limits);
    fold.update(members, &[]);
    fold
}

/// Arrives in any order, in any batches, some twice, some first without counting, some taken away and given again.
fn in_any_order(members: &[Member], limits: Limits, dice: &mut Dice) -> ScopeFold {
    let mut fold = ScopeFold::with_limits(limits);
    let mut waiting = shuffle(members, dice);
    let mut given: Vec<Member> = Vec::new();
    while !waiting.is_empty() {
        let take = 1 + dice.below(waiting.len().min(4));
        let batch: Vec<Member> = waiting.drain(..take).collect();
        let mut add: Vec<Member> = Vec::new();
        for member in batch {
            if dice.chance(15) {
                // Not what it will be: it counts only later, or was taken for counting.
                add.push(Member { counts: !member.counts, ..member.clone() });
                waiting.push(member);
            } else {
                given.push(member.clone());
                add.push(member);
            }
        }
        let mut remove = Vec::new();
        if !given.is_empty() && dice.chance(20) {
            let gone = given.remove(dice.below(given.len()));
            if !add.iter().any(|member| member.statement.id() == gone.statement.id()) {
                remove.push(gone.statement.id());
            }
            waiting.push(gone);
        }
        if !given.is_empty() && dice.chance(20) {
            add.push(given[dice.below(given.len())].clone());
        }
        fold.update(&add, &remove);
    }
    fold
}

fn last_word(members: &[Member]) -> Vec<Member> {
    let by_id: BTreeMap<StatementId, Member> =
        members.iter().map(|member| (member.statement.id(), member.clone())).collect();
    by_id.into_values().collect()
}

fn run(manner: Manner, longest: usize, law: impl Fn(&[Member], Limits, &mut Dice) -> Result<(), TestCaseError>) {
    run_some(cases(), manner, 1..longest, law);
}

fn run_some(
    config: ProptestConfig,
    manner: Manner,
    lengths: std::ops::Range<usize>,
    law: impl Fn(&[Member], Limits, &mut Dice) -> Result<(), TestCaseError>,
) {
    let input = (prop::collection::vec(any::<u64>(), lengths), any::<u8>(), any::<u64>());
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&input, |(seeds, kind, order)| {
        let members = last_word(&set(&seeds, manner));
        law(&members, limits(kind), &mut Dice(order))
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn any_order_of_arrival_gives_what_the_model_says() {
    run(WILD, 22, |members, limits, dice| {
        let expected = model::fold(members, &limits);
        let expected = Model { reached: BTreeMap::new(), ..expected };
        let once = at_once(members, limits);
        prop_assert_eq!(&shown(&once, members), &expected);
        let any = in_any_order(members, limits, dice);
        prop_assert_eq!(&shown(&any, members), &expected);
        prop_assert_eq!(once.digest(), any.digest());
        Ok(())
    });
}

/// Found by the law above, once in some 100,000 cases: a deletion hides what is large, and another one, by somebody who saw
/// only the former, brings it back without adding anything itself.
#[test]
fn what_comes_back_counts_for_the_limit() {
    let seeds = [
        4476935854,
        8118319728348675129,
        1356364430244904155,
        10827495782924445395,
        1613021679761240728,
        2013261765971703944,
    ];
    let members = last_word(&set(&seeds, WILD));
    let expected = model::fold(&members, &limits(4));
    assert!(expected.fates.values().any(|fate| matches!(fate, Some(driftless_core::fold::Fate::Unfit { .. }))));
    let expected = Model { reached: BTreeMap::new(), ..expected };
    assert_eq!(shown(&at_once(&members, limits(4)), &members), expected);
    assert_eq!(shown(&in_any_order(&members, limits(4), &mut Dice(0)), &members), expected);
}

/// The same generator with fixed numbers: every interesting state must be reached, or the laws say little.
#[test]
fn the_generator_is_not_tame() {
    let mut reached: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut dice = Dice(1);
    for _ in 0..400 {
        let seeds: Vec<u64> = (0..1 + dice.below(21)).map(|_| dice.next()).collect();
        let model = model::fold(&last_word(&set(&seeds, WILD)), &limits(dice.below(4) as u8));
        model.reached.into_iter().for_each(|(what, times)| *reached.entry(what).or_default() += times);
    }
    let all = [
        "a base replaced",
        "concurrent",
        "skip: no target",
        "skip: no anchor",
        "skip: not a counter",
        "skip: not a list",
        "unfit: heads",
        "unfit: size",
        "unfit: depth",
        "unfit in two entries",
        "increments that commute",
        "inserts into one list",
        "conflict resolved or replaced",
        "conflict: increment and write",
        "conflict: same pointer",
        "conflict: delete and inner edit",
        "conflict: prefix",
    ];
    for state in all {
        let times = reached.get(state).copied().unwrap_or(0);
        assert!(times >= 10, "too tame: {state} was reached only {times} times: {reached:#?}");
    }
}

#[test]
fn the_engine_makes_no_difference_to_sequential_entries() {
    run(TAME, 24, |members, limits, _| {
        let mut engine = ScopeFold::with_engine_always(limits);
        engine.update(members, &[]);
        let plain = at_once(members, limits);
        prop_assert_eq!(shown(&plain, members), shown(&engine, members));
        prop_assert_eq!(plain.digest(), engine.digest());
        Ok(())
    });
}

#[test]
fn a_document_begun_late_is_the_same_as_one_begun_with_the_entry() {
    run(WILD, 24, |members, limits, _| {
        let mut whole = ScopeFold::with_engine_always(limits);
        let mut late = ScopeFold::with_limits(limits);
        for member in members {
            whole.update(std::slice::from_ref(member), &[]);
            late.update(std::slice::from_ref(member), &[]);
        }
        prop_assert_eq!(shown(&late, members), shown(&whole, members));
        prop_assert_eq!(late.digest(), whole.digest());
        Ok(())
    });
}

#[test]
fn nothing_changes_without_a_witness() {
    run(WILD, 20, |members, limits, dice| {
        let mut fold = ScopeFold::with_limits(limits);
        let mut before = shown(&fold, &[]);
        for member in shuffle(members, dice) {
            let remove: Vec<StatementId> = Vec::from_iter(dice.chance(10).then(|| members[0].statement.id()));
            let changes = fold.update(std::slice::from_ref(&member), &remove);
            let after = shown(&fold, members);
            for path in paths() {
                let (old, new) = (before.entries.get(&path), after.entries.get(&path));
                let change = changes.get(&path);
                let tree = |shown: Option<&Shown>| shown.and_then(|shown| shown.tree.clone());
                let heads = |shown: Option<&Shown>| shown.map(|shown| shown.heads.clone());
                let conflicts = |shown: Option<&Shown>| shown.map(|shown| shown.conflicts.clone()).unwrap_or_default();
                prop_assert_eq!(change.is_some_and(|change| change.value), tree(old) != tree(new));
                prop_assert_eq!(change.is_some_and(|change| change.heads), heads(old) != heads(new));
                prop_assert_eq!(change.is_some_and(|change| change.conflicts), conflicts(old) != conflicts(new));
                for witness in change.iter().flat_map(|change| &change.witnesses) {
                    let named = *witness == member.statement.id() || remove.contains(witness);
                    let refated = before.fates.get(witness).is_some_and(|old| after.fates.get(witness) != Some(old));
                    prop_assert!(named || refated, "{witness:?} explains nothing");
                }
                prop_assert!(change.is_none_or(|change| !change.witnesses.is_empty()));
            }
            before = after;
        }
        Ok(())
    });
}

/// Long enough for everything that is kept to save work: marks, joints, documents begun anew and caught up.
#[test]
fn what_is_kept_to_save_work_changes_nothing() {
    for manner in [Manner { sequential: 93, counting: 97 }, WILD] {
        run_some(one_in(32), manner, 80..260, |members, limits, dice| {
            let mut members = members.to_vec();
            members.sort_by_key(|member| member.statement.key());
            let once = at_once(&members, limits);
            let mut engine = ScopeFold::with_engine_always(limits);
            engine.update(&members, &[]);
            prop_assert_eq!(once.digest(), engine.digest());
            // Mostly in order, some late by a few, some by many.
            let mut arrivals: Vec<(usize, Member)> = members.iter().cloned().enumerate().collect();
            for (at, _) in &mut arrivals {
                *at += if dice.chance(4) { dice.below(90) } else { dice.below(4) };
            }
            arrivals.sort_by_key(|(at, _)| *at);
            let mut late = ScopeFold::with_limits(limits);
            for (_, member) in &arrivals {
                late.update(std::slice::from_ref(member), &[]);
            }
            prop_assert_eq!(shown(&late, &members), shown(&once, &members));
            prop_assert_eq!(late.digest(), once.digest());
            Ok(())
        });
    }
}

/// Thousands at once, as a revocation moves them: some leave, some count no longer, some come; those the fold shares with who
/// gives them, and others that only say the same. Few at once, and many.
#[test]
fn many_at_once_give_what_one_after_another_gives() {
    let manner = Manner { sequential: 97, counting: 95 };
    for leave in [3, 75] {
        run_some(one_in(256), manner, 1_450..1_500, |members, limits, dice| {
            let mut many = ScopeFold::with_limits(limits);
            let (old, new) = members.split_at(members.len() - 60);
            many.update_many(Many { given: old, ..Many::default() });
            prop_assert_eq!(many.digest(), at_once(old, limits).digest());
            let (mut leaving, mut ceased, mut left) = (Vec::new(), Vec::new(), new.to_vec());
            for member in old {
                let copy = std::sync::Arc::new((*member.statement).clone());
                let statement = if dice.chance(5) { copy } else { member.statement.clone() };
                if dice.chance(leave) {
                    leaving.push(statement);
                } else if member.counts && dice.chance(40) {
                    left.push(Member { counts: false, statement: statement.clone() });
                    ceased.push(statement);
                } else {
                    left.push(member.clone());
                }
            }
            leaving.sort_by_key(|statement| statement.id());
            many.update_many(Many { given: new, ceased: &ceased, leaving: &leaving });
            let once = at_once(&left, limits);
            prop_assert_eq!(many.digest(), once.digest());
            prop_assert_eq!(shown(&many, members).fates, shown(&once, members).fates);
            Ok(())
        });
    }
}
