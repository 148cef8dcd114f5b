//! What the fold means, one small story each. The laws in `laws.rs` say the same of everything at once.

use std::sync::Arc;

use driftless_core::fold::{Breach, Fate, Limits, Member, ScopeFold};
use driftless_statement::{
    After, Edit, ElementId, ElementRef, Op, Path, Pointer, Skip, StatementId, Step, Value, Verified, json,
};

use crate::support::forge;

fn path(text: &str) -> Path {
    text.parse().expect("a path")
}

fn one() -> Path {
    path("s/one")
}

fn at(pointer: &str) -> Pointer {
    pointer.split('/').skip(1).map(|key| Step::Key(key.into())).collect()
}

fn value(text: &str) -> Value {
    json::parse(text.as_bytes()).expect("JSON")
}

fn put(pointer: &str, new: &str) -> Edit {
    Edit { at: at(pointer), op: Op::Put(value(new)) }
}

fn delete(pointer: &str) -> Edit {
    Edit { at: at(pointer), op: Op::Delete }
}

fn add(pointer: &str, by: i64) -> Edit {
    Edit { at: at(pointer), op: Op::Increment(by) }
}

fn count(pointer: &str, from: i64) -> Edit {
    Edit { at: at(pointer), op: Op::Counter(from) }
}

fn insert(pointer: &str, after: After, new: &str) -> Edit {
    Edit { at: at(pointer), op: Op::insert(after, value(new)) }
}

fn said(hlc: u64, bases: &[&Arc<Verified>], edits: Vec<Edit>) -> Arc<Verified> {
    forge(1, hlc, vec![(one(), bases.iter().map(|base| base.id()).collect(), edits)])
}

fn member(statement: &Arc<Verified>) -> Member {
    Member { statement: statement.clone(), counts: true }
}

fn fold(statements: &[&Arc<Verified>]) -> ScopeFold {
    let mut fold = ScopeFold::new();
    for statement in statements {
        fold.update(&[member(statement)], &[]);
    }
    fold
}

fn reads(fold: &ScopeFold) -> String {
    fold.entry(&one()).and_then(|entry| entry.value()).map(|value| json::to_string(&value)).unwrap_or("absent".into())
}

fn conflicts(fold: &ScopeFold) -> usize {
    fold.conflicts().count()
}

fn skipped(fold: &ScopeFold, id: StatementId) -> Vec<(u32, Skip)> {
    match fold.fate(&id) {
        Some(Fate::Fit { skipped }) => skipped.into_iter().map(|skip| (skip.edit, skip.why)).collect(),
        other => panic!("not fit: {other:?}"),
    }
}

#[test]
fn the_later_of_two_concurrent_values_is_shown_however_long_the_others_history() {
    let a = said(1, &[], vec![put("", r#"{"x":0}"#)]);
    let padded: Vec<Edit> = (0..50).map(|number| put("/x", &format!("{number}"))).collect();
    let b = said(2, &[&a], padded);
    let c = said(3, &[&a], vec![put("/x", "\"later\"")]);
    let both = fold(&[&a, &b, &c]);
    assert_eq!(reads(&both), r#"{"x":"later"}"#);
    assert_eq!(conflicts(&both), 1, "only the last of the fifty is live");
    assert_eq!(fold(&[&c, &b, &a]).digest(), both.digest());
    let leaf = &both.explain(&one()).expect("there").leaves[0];
    assert_eq!((leaf.winner, &leaf.at), (c.id(), &at("/x")));
}

#[test]
fn a_conflict_stands_until_somebody_who_saw_both_writes_there_or_above() {
    let a = said(1, &[], vec![put("", r#"{"x":0,"y":0}"#)]);
    let b = said(2, &[&a], vec![put("/x", "1")]);
    let c = said(3, &[&a], vec![put("/x", "2")]);
    let elsewhere = said(4, &[&b, &c], vec![put("/y", "1")]);
    assert_eq!(conflicts(&fold(&[&a, &b, &c, &elsewhere])), 1);
    let there = said(5, &[&elsewhere], vec![put("/x", "2")]);
    assert_eq!(conflicts(&fold(&[&a, &b, &c, &elsewhere, &there])), 0);
    let above = said(5, &[&elsewhere], vec![put("", "null")]);
    assert_eq!(conflicts(&fold(&[&a, &b, &c, &elsewhere, &above])), 0);
    let one_side = said(5, &[&b], vec![put("/x", "3")]);
    let stands = fold(&[&a, &b, &c, &one_side]);
    let (_, conflict) = stands.conflicts().next().expect("it takes the place of what it saw");
    assert_eq!((conflict.left.statement, conflict.right.statement), (c.id(), one_side.id()));
    assert_eq!(conflicts(&stands), 1);
}

#[test]
fn a_delete_above_hides_an_inner_edit_but_not_the_conflict() {
    let a = said(1, &[], vec![put("", r#"{"m":{"x":0}}"#)]);
    let inner = said(2, &[&a], vec![put("/m/x", "1")]);
    let gone = said(3, &[&a], vec![delete("/m")]);
    let both = fold(&[&a, &inner, &gone]);
    assert_eq!(reads(&both), "{}");
    let (_, conflict) = both.conflicts().next().expect("a conflict");
    assert_eq!(conflict.at(), &at("/m/x"));
    let late = said(4, &[&a], vec![put("/m", "7")]);
    assert_eq!(reads(&fold(&[&a, &gone, &late])), r#"{"m":7}"#, "a put outlives a concurrent delete of its key");
    let early = said(2, &[&a], vec![put("/m", "7")]);
    assert_eq!(reads(&fold(&[&a, &gone, &early])), r#"{"m":7}"#, "whichever is later");
}

#[test]
fn a_put_of_the_value_already_there_still_writes() {
    let a = said(1, &[], vec![put("", r#"{"x":1}"#)]);
    let gone = said(2, &[&a], vec![delete("/x")]);
    let kept = said(3, &[&a], vec![put("/x", "1")]);
    assert_eq!(reads(&fold(&[&a, &gone, &kept])), r#"{"x":1}"#);
    // Beside another one, too: it is a new value, and no choice between the two.
    let b = said(4, &[&a], vec![put("/x", "5")]);
    let c = said(5, &[&a], vec![put("/x", "7")]);
    let again = said(6, &[&b, &c], vec![put("/x", "7")]);
    let gone = said(7, &[&c], vec![delete("/x")]);
    assert_eq!(reads(&fold(&[&a, &b, &c, &again, &gone])), r#"{"x":7}"#);
}

/// A counter reads as its sum, and is told apart by what it began with: both may be what is written.
#[test]
fn a_counter_begun_anew_is_a_new_one() {
    for (begun, added) in [(10, 0), (10, 5), (15, 5)] {
        let a = said(1, &[], vec![put("", "{}"), count("/n", 10), add("/n", 5)]);
        let anew = said(2, &[&a], vec![count("/n", begun)]);
        let late = said(3, &[&a], vec![add("/n", added)]);
        let gone = said(4, &[&a], vec![delete("/n")]);
        assert_eq!(reads(&fold(&[&a, &anew, &late, &gone])), format!(r#"{{"n":{begun}}}"#));
    }
}

#[test]
fn increments_add_up_and_are_no_conflict() {
    let a = said(1, &[], vec![put("", "{}"), count("/n", 10)]);
    let b = said(2, &[&a], vec![add("/n", 1)]);
    let c = said(3, &[&a], vec![add("/n", -5)]);
    let sum = fold(&[&a, &b, &c]);
    assert_eq!((reads(&sum).as_str(), conflicts(&sum)), (r#"{"n":6}"#, 0));
    let reset = said(4, &[&a], vec![count("/n", 0)]);
    let against = fold(&[&a, &b, &c, &reset]);
    assert_eq!((reads(&against).as_str(), conflicts(&against)), (r#"{"n":0}"#, 2));
    let more = said(5, &[&b, &c, &reset], vec![add("/n", 1)]);
    let after = fold(&[&a, &b, &c, &reset, &more]);
    assert_eq!(reads(&after), r#"{"n":1}"#);
}

#[test]
fn an_increment_decides_nothing_between_two_values() {
    let a = said(1, &[], vec![put("", "{}")]);
    let b = said(2, &[&a], vec![count("/n", 10)]);
    let c = said(3, &[&a], vec![count("/n", 20)]);
    let d = said(4, &[&b, &c], vec![add("/n", 1)]);
    let after = fold(&[&a, &b, &c, &d]);
    assert_eq!((reads(&after).as_str(), conflicts(&after)), (r#"{"n":21}"#, 1));
}

/// Found by the laws of schemas: Automerge lets an increment take the place of whatever its author saw beside the counter.
#[test]
fn a_value_that_an_increment_saw_beside_the_counter_does_not_show_again() {
    let map = said(10, &[], vec![put("", r#"{"a":1}"#)]);
    let counter = said(11, &[], vec![count("", 1)]);
    let counted = said(12, &[&map, &counter], vec![add("", 1)]);
    let deleted = said(13, &[&counter], vec![delete("")]);
    assert_eq!(reads(&fold(&[&map, &counter, &deleted])), r#"{"a":1}"#, "without the increment it shows");
    let both = fold(&[&map, &counter, &counted, &deleted]);
    assert_eq!(reads(&both), "absent");
    assert!(conflicts(&both) > 0, "it is not hidden: it stays listed");
    assert_eq!(reads(&fold(&[&deleted, &counted, &counter, &map])), "absent", "in any order of arrival");
}

#[test]
fn list_elements_keep_their_identity() {
    let a = said(1, &[], vec![put("", r#"{"l":["a","b"]}"#)]);
    let name = |ordinal| ElementId { statement: a.id(), edit: 0, ordinal };
    let second: Pointer = vec![Step::Key("l".into()), Step::Element(ElementRef::Of(name(1)))];
    let b = said(2, &[&a], vec![insert("/l", After::Head, "\"x\"")]);
    let c = said(3, &[&a], vec![insert("/l", After::Head, "\"y\"")]);
    let d = said(4, &[&a], vec![Edit { at: second.clone(), op: Op::Put(value("\"B\"")) }]);
    let merged = fold(&[&a, &b, &c, &d]);
    assert_eq!(reads(&merged), r#"{"l":["y","x","a","B"]}"#);
    assert_eq!(conflicts(&merged), 0, "inserts into one list are no conflict");
    let gone = said(5, &[&a], vec![Edit { at: second.clone(), op: Op::Delete }]);
    let merged = fold(&[&a, &b, &c, &d, &gone]);
    assert_eq!((reads(&merged).as_str(), conflicts(&merged)), (r#"{"l":["y","x","a"]}"#, 1));
    let behind = said(6, &[&gone], vec![insert("/l", After::Element(ElementRef::Of(name(1))), "0")]);
    let merged = fold(&[&a, &gone, &behind]);
    assert_eq!(skipped(&merged, behind.id()), [(0, Skip::NoAnchor)]);
}

#[test]
fn a_void_base_stands_for_its_own_bases_in_that_entry() {
    let a = said(1, &[], vec![put("", r#"{"x":0}"#)]);
    let b = said(2, &[&a], vec![put("/x", "1")]);
    let void = said(3, &[&b], vec![put("", r#"{"evil":1}"#)]);
    let c = said(4, &[&void], vec![put("/x", "2"), put("/evil/more", "1")]);
    let mut fold = fold(&[&a, &b]);
    fold.update(&[Member { statement: void.clone(), counts: false }, member(&c)], &[]);
    assert_eq!((reads(&fold).as_str(), conflicts(&fold)), (r#"{"x":2}"#, 0));
    assert_eq!(fold.entry(&one()).expect("there").heads(), [c.id()]);
    assert_eq!(fold.fate(&void.id()), None);
    // It is approved after all: it takes its place in the order.
    let changes = fold.update(&[member(&void)], &[]);
    assert_eq!(reads(&fold), r#"{"evil":1,"x":2}"#);
    assert!(changes[&one()].witnesses.contains(&void.id()));
    // And revoked again.
    fold.update(&[Member { statement: void.clone(), counts: false }], &[]);
    assert_eq!(reads(&fold), r#"{"x":2}"#);
}

#[test]
fn unfit_in_one_entry_is_unfit_in_all_and_a_change_far_back_can_change_that() {
    let two = path("s/two");
    let limits = Limits { entry_bytes: 20, ..Limits::default() };
    let a = said(10, &[], vec![put("", "\"0123456789\"")]);
    let wide = |hlc, base: &Arc<Verified>| {
        let edits = vec![put("", "\"0123456789012345678901234\"")];
        forge(2, hlc, vec![(one(), vec![base.id()], edits), (two.clone(), vec![], vec![put("", "true")])])
    };
    let big = wide(20, &a);
    let mut fold = ScopeFold::with_limits(limits);
    fold.update(&[member(&a), member(&big)], &[]);
    let breach = Breach::Size { max: 20, got: 27 };
    assert_eq!(fold.fate(&big.id()), Some(Fate::Unfit { path: one(), breach }));
    assert_eq!(fold.entry(&one()).expect("there").heads(), [a.id()]);
    assert!(fold.entry(&two).is_none());
    // An entry of three keys, each fitting alone; which of them are unfit depends on what comes before them.
    let root = said(1, &[], vec![put("", "{}")]);
    let keys: Vec<_> = (0..3).map(|key| said(30 + key, &[&root], vec![put(&format!("/{key}"), "\"01234\"")])).collect();
    let mut fold = ScopeFold::with_limits(Limits { entry_bytes: 18, ..Limits::default() });
    let third =
        forge(3, 40, vec![(one(), vec![root.id()], vec![put("/a", "1")]), (two.clone(), vec![], vec![put("", "1")])]);
    fold.update(&[member(&root), member(&keys[1]), member(&keys[2])], &[]);
    fold.update(&[member(&third)], &[]);
    assert!(matches!(fold.fate(&third.id()), Some(Fate::Unfit { .. })));
    assert!(fold.entry(&two).is_none());
    let changes = fold.update(&[], &[keys[1].id()]);
    assert!(matches!(fold.fate(&third.id()), Some(Fate::Fit { .. })), "there is room again");
    assert!(fold.entry(&two).is_some());
    assert!(changes[&two].witnesses.contains(&third.id()));
    let before = fold.digest();
    fold.update(&[member(&keys[1])], &[]);
    assert!(fold.entry(&two).is_none());
    fold.update(&[], &[keys[1].id()]);
    assert_eq!(fold.digest(), before);
}

#[test]
fn a_deleted_entry_is_there_without_a_value_and_one_taken_away_leaves_nothing() {
    let a = said(1, &[], vec![put("", "1")]);
    let b = said(2, &[&a], vec![delete("")]);
    let mut fold = fold(&[&a, &b]);
    let entry = fold.entry(&one()).expect("there");
    assert_eq!((entry.value(), entry.heads()), (None, vec![b.id()]));
    assert_ne!(fold.digest(), ScopeFold::new().digest());
    fold.update(&[], &[a.id(), b.id()]);
    assert!(fold.entry(&one()).is_none());
    assert_eq!(fold.digest(), ScopeFold::new().digest());
    assert!(fold.is_empty() && fold.entries().count() == 0);
}

#[test]
fn history_and_explain_name_what_does_not_show() {
    let a = said(1, &[], vec![put("", r#"{"l":[[]],"x":{}}"#)]);
    let void = said(2, &[&a], vec![put("/x", "1")]);
    let b = said(3, &[&a], vec![delete("/nothing"), add("/x", 1)]);
    let mut fold = fold(&[&a, &b]);
    fold.update(&[Member { statement: void.clone(), counts: false }], &[]);
    let why = fold.explain(&one()).expect("there");
    assert_eq!(why.leaves.len(), 2, "an empty list in a list, and an empty map");
    assert_eq!(why.skipped, [(b.id(), 0, Skip::NoTarget), (b.id(), 1, Skip::NotACounter)]);
    assert_eq!(why.void, [void.id()]);
    let history: Vec<_> =
        fold.history(&one()).into_iter().map(|past| (past.statement.id(), past.fate.is_some())).collect();
    assert_eq!(history, [(a.id(), true), (void.id(), false), (b.id(), true)]);
}
