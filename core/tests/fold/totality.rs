//! Whatever statements say, the fold answers: hostile shapes at the edges of what can be signed.

use std::sync::Arc;

use driftless_core::fold::{Breach, Fate, LISTED, Limits, Member, ScopeFold};
use driftless_statement::{
    After, Edit, ElementId, ElementRef, Op, Path, Pointer, StatementId, Step, Value, Verified, limits,
};

use crate::support::forge;

fn one() -> Path {
    "s/one".parse().expect("a path")
}

fn key(text: &str) -> Step {
    Step::Key(text.into())
}

fn member(statement: &Arc<Verified>) -> Member {
    Member { statement: statement.clone(), counts: true }
}

fn members(statements: &[Arc<Verified>]) -> Vec<Member> {
    statements.iter().map(member).collect()
}

fn said(hlc: u64, bases: &[StatementId], edits: Vec<Edit>) -> Arc<Verified> {
    forge((hlc % 7) as u8, hlc, vec![(one(), bases.to_vec(), edits)])
}

fn put(at: Pointer, value: Value) -> Edit {
    Edit { at, op: Op::Put(value) }
}

/// The same from the engine alone, from the other end, and one by one.
fn agree(statements: &[Arc<Verified>]) -> ScopeFold {
    let all = members(statements);
    let mut once = ScopeFold::new();
    once.update(&all, &[]);
    let mut engine = ScopeFold::with_engine_always(Limits::default());
    engine.update(&all, &[]);
    assert_eq!(once.digest(), engine.digest());
    let mut reverse = ScopeFold::new();
    all.iter().rev().for_each(|member| drop(reverse.update(std::slice::from_ref(member), &[])));
    assert_eq!(once.digest(), reverse.digest());
    for statement in statements {
        assert_eq!(once.fate(&statement.id()), reverse.fate(&statement.id()));
        assert_eq!(once.fate(&statement.id()), engine.fate(&statement.id()));
    }
    once
}

#[test]
fn more_heads_than_allowed_are_unfit_and_conflicts_beyond_the_list_are_counted() {
    let root = said(1, &[], vec![put(vec![], Value::Map([("x".into(), Value::Null)].into()))]);
    let mut all = vec![root.clone()];
    all.extend((0..70).map(|at| said(2 + at, &[root.id()], vec![put(vec![key("x")], Value::Int(at.into()))])));
    let fold = agree(&all);
    let unfit = |statement: &Arc<Verified>| {
        matches!(fold.fate(&statement.id()), Some(Fate::Unfit { breach: Breach::Heads { got: 65, .. }, .. }))
    };
    assert_eq!(all.iter().filter(|statement| unfit(statement)).count(), 70 - limits::HEADS);
    let entry = fold.entry(&one()).expect("there");
    assert_eq!(entry.heads().len(), limits::HEADS);
    assert_eq!(entry.conflicts().len(), LISTED);
    assert_eq!(entry.unlisted_conflicts(), 64 * 63 / 2 - LISTED as u64);
    // Four merges of sixteen, then one that saw all and writes the whole value.
    let mut hlc = 100;
    let mut layer = entry.heads();
    while layer.len() > 1 {
        layer = layer
            .chunks(limits::BASES)
            .map(|bases| {
                hlc += 1;
                let merge = said(hlc, bases, vec![put(vec![], Value::Bool(true))]);
                all.push(merge.clone());
                merge.id()
            })
            .collect();
    }
    let fold = agree(&all);
    let entry = fold.entry(&one()).expect("there");
    assert_eq!((entry.heads().len(), entry.conflicts().len(), entry.unlisted_conflicts()), (1, 0, 0));
}

#[test]
fn the_greatest_statements_and_the_deepest_pointers() {
    let deep: Pointer = (0..limits::POINTER_STEPS).map(|_| key("")).collect();
    let mut edits: Vec<Edit> = (0..limits::POINTER_STEPS)
        .map(|len| put(deep[..len].to_vec(), Value::Map([(String::new(), Value::Null)].into())))
        .collect();
    edits.push(put(deep.clone(), Value::List(vec![Value::Null])));
    let too_deep = said(1, &[], edits.clone());
    edits.pop();
    edits.resize(limits::EDITS, Edit { at: deep.clone(), op: Op::Counter(limits::COUNTER_START) });
    let full = said(2, &[], edits.clone());
    let step = Edit { at: deep.clone(), op: Op::Increment(limits::COUNTER_STEP) };
    let steps: Vec<_> = (3..9).map(|hlc| said(hlc, &[full.id()], vec![step.clone(); limits::EDITS])).collect();
    let mut all = vec![too_deep.clone(), full];
    all.extend(steps);
    let fold = agree(&all);
    let breach = Breach::Depth { max: limits::VALUE_DEPTH, got: limits::VALUE_DEPTH + 1 };
    assert_eq!(fold.fate(&too_deep.id()), Some(Fate::Unfit { path: one(), breach }));
    let mut value = fold.entry(&one()).and_then(|entry| entry.value()).expect("a value");
    for _ in 0..limits::POINTER_STEPS {
        let Value::Map(mut entries) = value else { panic!("not so deep") };
        value = entries.remove("").expect("the key");
    }
    let sum = limits::COUNTER_START + 6 * limits::EDITS as i64 * limits::COUNTER_STEP;
    assert_eq!(value, Value::Int(sum.into()));
    assert_eq!(fold.conflicts().count(), 0);
}

#[test]
fn a_value_at_the_limit_merged_from_both_sides() {
    let root = said(1, &[], vec![put(vec![], Value::Map(Default::default()))]);
    let chunk = |name: &str, hlc: u64, bases: &[StatementId]| {
        said(hlc, bases, vec![put(vec![key(name)], Value::Text("x".repeat(200_000).into()))])
    };
    // Five of them fit into a mebibyte, whoever's they are; each side has three.
    let mut all = vec![root.clone()];
    let (mut left, mut right) = (root.id(), root.id());
    for round in 0..3u64 {
        let l = chunk(&format!("l{round}"), 10 + 2 * round, &[left]);
        let r = chunk(&format!("r{round}"), 11 + 2 * round, &[right]);
        (left, right) = (l.id(), r.id());
        all.extend([l, r]);
    }
    let fold = agree(&all);
    let unfit: Vec<bool> =
        all.iter().map(|statement| matches!(fold.fate(&statement.id()), Some(Fate::Unfit { .. }))).collect();
    assert_eq!(unfit, [false, false, false, false, false, false, true]);
}

#[test]
fn names_that_lead_nowhere() {
    let stranger = StatementId([9; 32]);
    let element = |statement, edit, ordinal| Step::Element(ElementRef::Of(ElementId { statement, edit, ordinal }));
    let own = |edit, ordinal| ElementRef::Own(edit, ordinal);
    let list = said(1, &[stranger], vec![put(vec![], Value::List(vec![Value::List(vec![Value::Null]), Value::Null]))]);
    let id = list.id();
    let odd = vec![
        put(vec![element(stranger, 0, 0)], Value::Null),
        put(vec![element(id, 0, 1)], Value::Null),
        put(vec![element(id, 0, u32::MAX)], Value::Null),
        put(vec![element(id, u32::MAX, 0), element(id, 0, 0)], Value::Null),
        Edit { at: vec![], op: Op::insert(After::Element(own(u32::MAX, u32::MAX)), Value::Null) },
        Edit { at: vec![], op: Op::insert(After::Element(own(5, 0)), Value::Null) },
        Edit { at: vec![Step::Element(own(6, 0))], op: Op::Delete },
        Edit {
            at: vec![element(id, 0, 0)],
            op: Op::insert(
                After::Element(ElementRef::Of(ElementId { statement: id, edit: 0, ordinal: 2 })),
                Value::Null,
            ),
        },
        Edit { at: vec![element(id, 0, 0), element(id, 0, 0)], op: Op::Delete },
        Edit { at: vec![key("k")], op: Op::Increment(1) },
        Edit { at: vec![], op: Op::Delete },
        Edit { at: vec![], op: Op::insert(After::Head, Value::Null) },
        Edit { at: vec![], op: Op::Delete },
    ];
    let a = said(2, &[id], odd.clone());
    let b = said(3, &[id, stranger], odd.clone());
    let c = said(4, &[], odd);
    // Bases of a later time than one's own never come out of the log; here they count for nothing.
    let d = said(5, &[a.id(), b.id()], vec![put(vec![], Value::Null)]);
    let e = said(1, &[d.id()], vec![put(vec![], Value::Null)]);
    agree(&[list, a, b, c, d, e]);
}

#[test]
fn a_long_chain_of_void_bases_is_walked_once_for_each_who_names_it() {
    let root = said(1, &[], vec![put(vec![], Value::Int(0))]);
    let mut given = vec![member(&root)];
    let mut last = vec![root.id()];
    for hlc in 2..3000 {
        let void = said(hlc, &last, vec![put(vec![], Value::Int(hlc.into()))]);
        last = last.iter().rev().take(limits::BASES - 1).rev().copied().chain([void.id()]).collect();
        given.push(Member { statement: void, counts: false });
    }
    let end = said(4000, &last, vec![put(vec![], Value::Bool(true))]);
    given.push(member(&end));
    let mut fold = ScopeFold::new();
    fold.update(&given, &[]);
    assert_eq!(fold.entry(&one()).expect("there").heads(), [end.id()]);
    assert_eq!(fold.conflicts().count(), 0);
}
