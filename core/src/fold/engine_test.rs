//! What happens when the merge engine fails: it is made to, for chosen statements.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_statement::{
    Body, Edit, Hlc, MeshId, Note, Op, Path, PublicKey, Signed, Statement, StatementId, Step, Touch, Value, Verified,
    Write,
};

use super::{Breach, Fate, Member, ScopeFold};

thread_local! {
    static STRUCK: RefCell<BTreeSet<StatementId>> = RefCell::default();
}

/// Panics when the statement is one of the chosen.
pub(super) fn strike(statement: StatementId) {
    STRUCK.with_borrow(|struck| assert!(!struck.contains(&statement), "struck by the test"));
}

fn said(hlc: u64, bases: &[StatementId], paths: &[&str]) -> Arc<Verified> {
    let mut bases = bases.to_vec();
    bases.sort_unstable();
    let touch = |path: &&str| Touch { path: path.parse().unwrap(), bases: bases.clone() };
    let key = Step::Key(format!("k{hlc}"));
    let edits = if bases.is_empty() {
        vec![Edit { at: vec![], op: Op::Put(Value::Map(Default::default())) }]
    } else {
        vec![Edit { at: vec![key], op: Op::Put(Value::Int(hlc.into())) }]
    };
    let statement = Statement {
        mesh: MeshId([1; 32]),
        scope: "s".parse().unwrap(),
        author: PublicKey([3; 32]),
        grant: StatementId([2; 32]),
        prev: vec![],
        touches: paths.iter().map(touch).collect(),
        hlc: Hlc(hlc),
        body: Body::Write(Write { edits: vec![edits; paths.len()] }),
        note: Note::default(),
        unknown: vec![],
    };
    let signed = Signed::decode(&[statement.encode(), vec![0; 64]].concat()).unwrap();
    let id = signed.id();
    Arc::new(signed.trust_stored(id).unwrap())
}

fn keys(fold: &ScopeFold, path: &str) -> Vec<String> {
    let path: Path = path.parse().unwrap();
    match fold.entry(&path).and_then(|entry| entry.value()) {
        Some(Value::Map(entries)) => entries.into_keys().collect(),
        _ => vec![],
    }
}

/// A statement of two entries that is concurrent in both, between ones that are not struck.
fn story() -> (Vec<Arc<Verified>>, StatementId) {
    let root = said(1, &[], &["s/a", "s/b"]);
    let left = said(2, &[root.id()], &["s/a", "s/b"]);
    let struck = said(3, &[root.id()], &["s/a", "s/b"]);
    let on_it = said(4, &[struck.id()], &["s/a"]);
    let join = said(5, &[left.id(), on_it.id()], &["s/a"]);
    let id = struck.id();
    (vec![root, left, struck, on_it, join], id)
}

fn check(fold: &ScopeFold, struck: StatementId) {
    let first: Path = "s/a".parse().unwrap();
    assert_eq!(fold.fate(&struck), Some(Fate::Unfit { path: first, breach: Breach::Engine }));
    assert_eq!(keys(fold, "s/a"), ["k2", "k4", "k5"]);
    assert_eq!(keys(fold, "s/b"), ["k2"]);
}

#[test]
fn a_statement_that_the_engine_fails_on_is_unfit_and_nothing_else_is_touched() {
    let (all, id) = story();
    STRUCK.with_borrow_mut(|struck| struck.insert(id));
    let members: Vec<Member> =
        all.iter().map(|statement| Member { statement: statement.clone(), counts: true }).collect();
    let mut once = ScopeFold::new();
    once.update(&members, &[]);
    check(&once, id);
    let mut one_by_one = ScopeFold::new();
    members.iter().rev().for_each(|member| drop(one_by_one.update(std::slice::from_ref(member), &[])));
    check(&one_by_one, id);
    assert_eq!(once.digest(), one_by_one.digest());
}

#[test]
fn an_engine_that_fails_on_what_it_once_took_does_not_stop_the_fold() {
    let (all, id) = story();
    let members: Vec<Member> =
        all.iter().map(|statement| Member { statement: statement.clone(), counts: true }).collect();
    let mut fold = ScopeFold::new();
    // The last ones come later, and the document is gone by then.
    fold.update(&members[..4], &[]);
    assert_eq!(keys(&fold, "s/b"), ["k2", "k3"]);
    STRUCK.with_borrow_mut(|struck| struck.insert(id));
    fold.update(&[members[4].clone()], &[]);
    let early = said(1, &[], &["s/b"]);
    fold.update(&[Member { statement: early.clone(), counts: true }], &[]);
    fold.update(&[], &[early.id()]);
    check(&fold, id);
}
