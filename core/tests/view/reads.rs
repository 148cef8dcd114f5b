//! What readers of a view get: prefixes, pages, what changed since, and when they fell behind.

use std::sync::Arc;

use driftless_core::view::{Candidate, Revision, Since, View};
use driftless_statement::{Path, Prefix, StatementId, Value};

/// A path has two segments at least: all of these lie in one scope.
fn path(text: &str) -> Path {
    Path::parse(&format!("x/{text}")).unwrap()
}

fn candidate(at: &str, value: Option<i128>, head: u8) -> Candidate {
    Candidate {
        path: path(at),
        value: value.map(|value| Arc::new(Value::Int(value))),
        heads: Arc::new([StatementId([head; 32])]),
        conflicts: 0,
    }
}

fn view(paths: &[&str]) -> View {
    View::empty(9, 2).next(paths.iter().map(|at| candidate(at, Some(1), 1))).unwrap().0
}

fn under(view: &View, prefix: &str, after: Option<&str>) -> Vec<String> {
    let prefix = if prefix.is_empty() { String::new() } else { format!("x/{prefix}") };
    let (prefix, after): (Prefix, _) = (prefix.parse().unwrap(), after.map(path));
    let found = view.under(&prefix, after.as_ref()).map(|(path, _)| path.as_str());
    found.map(|path| path.strip_prefix("x/").unwrap().to_owned()).collect()
}

#[test]
fn a_prefix_has_no_siblings() {
    let view = view(&["shop/a", "shop-b", "shop", "shop/a/x", "shop/a-x", "shop.c/d", "shopping", "a", "z"]);
    assert_eq!(under(&view, "shop", None), ["shop", "shop/a", "shop/a-x", "shop/a/x"]);
    assert_eq!(under(&view, "shop/a", None), ["shop/a", "shop/a/x"]);
    assert_eq!(under(&view, "shop-b", None), ["shop-b"]);
    assert_eq!(under(&view, "sho", None), Vec::<String>::new());
    assert_eq!(under(&view, "", None).len(), 9);
}

#[test]
fn pages_join_to_the_whole_and_may_start_anywhere() {
    let view = view(&["shop/a", "shop-b", "shop", "shop/a/x", "shop/a-x", "b", "z"]);
    let whole = under(&view, "shop", None);
    for (place, after) in whole.iter().enumerate() {
        assert_eq!(under(&view, "shop", Some(after)), whole[place + 1..]);
    }
    // Before the prefix, a sibling in between, and behind it.
    assert_eq!(under(&view, "shop", Some("b")), whole);
    assert_eq!(under(&view, "shop", Some("shop-b")), ["shop/a", "shop/a-x", "shop/a/x"]);
    assert_eq!(under(&view, "shop", Some("z")), Vec::<String>::new());
}

#[test]
fn the_next_view_counts_only_what_differs() {
    let first = view(&["a", "b"]);
    assert!(first.next([candidate("a", Some(1), 1)]).is_none());
    assert!(first.next([candidate("a", Some(1), 1), candidate("c", None, 1)]).is_some());
    let (second, touched) = first.next([candidate("a", Some(1), 2), candidate("b", Some(5), 2)]).unwrap();
    assert_eq!(touched, [path("a"), path("b")]);
    // New heads under an old value are no change for a watch.
    assert_eq!(second.since(&first.revision()), Since::Changed(vec![path("b")]));
    assert_eq!((second.get(&path("a")).unwrap().changed, second.get(&path("b")).unwrap().changed), (1, 2));
    let (third, _) = second.next([candidate("b", None, 3)]).unwrap();
    assert_eq!((first.len(), second.len(), third.len()), (2, 2, 1));
    assert_eq!(third.since(&first.revision()), Since::Changed(vec![path("b")]));
    assert_eq!(third.since(&third.revision()), Since::Changed(Vec::new()));
    assert!(third.revision().covers(&first.revision()).unwrap());
    assert_eq!(under(&third, "b", None), ["b"], "deleted entries keep their heads");
}

#[test]
fn who_is_too_far_behind_is_told() {
    let mut views = vec![view(&["a"])];
    for turn in 0..8_200u32 {
        let next = views.last().unwrap().next([candidate("a", Some(i128::from(turn) + 2), 1)]).unwrap().0;
        views.push(next);
    }
    let last = views.last().unwrap();
    // It remembers the last 8192 changes: each of these views is one.
    assert_eq!(last.since(&views[7].revision()), Since::Behind);
    assert_eq!(last.since(&views[8].revision()), Since::Changed(vec![path("a")]));
    let now = last.revision();
    for other in [
        Revision { store: 8, ..now },
        Revision { boot: 1, ..now },
        Revision { boot: 3, ..now },
        Revision { count: now.count + 1, ..now },
    ] {
        assert_eq!(last.since(&other), Since::Behind, "{other}");
    }
    assert_eq!(now.covers(&Revision { store: 8, ..now }), None);
    assert_eq!(now.covers(&Revision { boot: 3, count: 0, ..now }), Some(false));
    assert_eq!(now.covers(&Revision { boot: 1, count: u64::MAX, ..now }), Some(true));
}

#[test]
fn a_revision_is_read_exactly_as_written() {
    let revision = Revision { store: 0xabc, boot: 12, count: 345 };
    assert_eq!(revision.to_string(), "0000000000000abc-12.345");
    assert_eq!("0000000000000abc-12.345".parse(), Ok(revision));
    for bad in [
        "",
        "0000000000000abc",
        "0000000000000abc-12",
        "abc-12.345",
        "0000000000000ABC-12.345",
        "0000000000000abc-012.345",
        "0000000000000abc-12.+45",
        "0000000000000abc-12.345 ",
        "+000000000000abc-12.345",
        "0000000000000abc-12.18446744073709551616",
        "0000000000000abc--1.3",
    ] {
        assert!(bad.parse::<Revision>().is_err(), "{bad}");
    }
}
