//! Laws of the view: it never goes back, a watch that resumes misses nothing, a snapshot never changes under its reader.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_core::view::{Candidate, EntryView, Since, View};
use driftless_statement::{Path, Prefix, StatementId, Value};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::figures;

fn cases() -> ProptestConfig {
    ProptestConfig { cases: figures::law(figures::asked()), failure_persistence: None, ..ProptestConfig::default() }
}

/// Siblings around a prefix, so that ranges have edges to fall off.
const PATHS: [&str; 8] =
    ["shop/a", "shop/a/b", "shop/a-b", "shop/b", "shop-b/a", "shop.b/a", "shopping/a", "platform/shop/a"];
const PREFIXES: [&str; 7] = ["", "shop", "shop/a", "shop-b", "platform", "platform/shop", "nothing"];

/// What the effective state is: JSON by path.
type Model = BTreeMap<Path, String>;

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let one = (0..PATHS.len(), prop::option::of(0u8..3), 0u8..5).prop_map(|(path, value, head)| Candidate {
        path: Path::parse(PATHS[path]).unwrap(),
        // The last head stands for none: a schema that came late took the last one back.
        value: value.filter(|_| head < 4).map(|value| Arc::new(Value::Int(value.into()))),
        heads: (head < 4).then_some(StatementId([head; 32])).into_iter().collect(),
        conflicts: 0,
    });
    vec(one, 0..5)
}

fn state(view: &View) -> Model {
    let all = Prefix::all();
    let live = view.under(&all, None).filter_map(|(path, entry)| Some((path.clone(), entry.json()?.into_owned())));
    live.collect()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_view_never_goes_back_and_a_resumed_watch_misses_nothing(batches in vec(candidates(), 1..12)) {
        let mut views = vec![View::empty(7, 3)];
        let mut states = vec![Model::new()];
        for batch in batches {
            let last = views.last().unwrap();
            let mut model = states.last().unwrap().clone();
            for candidate in &batch {
                match &candidate.value {
                    Some(value) => drop(model.insert(candidate.path.clone(), driftless_statement::json::to_string(value))),
                    None => drop(model.remove(&candidate.path)),
                }
            }
            let Some((next, touched)) = last.next(batch) else {
                prop_assert_eq!(&model, states.last().unwrap(), "a change was not shown");
                continue;
            };
            prop_assert!(!touched.is_empty());
            prop_assert_eq!(next.revision().covers(&last.revision()), Some(true));
            prop_assert_eq!(last.revision().covers(&next.revision()), Some(false), "revisions must rise");
            prop_assert_eq!(&state(&next), &model);
            prop_assert_eq!(next.len(), model.len());
            views.push(next);
            states.push(model);
        }
        let (now, present) = (views.last().unwrap(), states.last().unwrap());
        for (view, before) in views.iter().zip(&states) {
            prop_assert_eq!(&state(view), before, "a snapshot changed under its reader");
            let Since::Changed(paths) = now.since(&view.revision()) else { panic!("so few changes are remembered") };
            prop_assert!(paths.is_sorted_by(|a, b| a < b));
            let mut resumed = before.clone();
            for path in paths {
                match now.get(&path).and_then(|entry| entry.json()) {
                    Some(json) => drop(resumed.insert(path, json.into_owned())),
                    None => drop(resumed.remove(&path)),
                }
            }
            prop_assert_eq!(&resumed, present, "a watch that resumed has another state");
        }
    }

    /// A node that restarts shows all that is there at one go: nothing may depend on what was shown before.
    #[test]
    fn a_view_made_anew_has_the_same_entries(batches in vec(candidates(), 1..12)) {
        let mut last = BTreeMap::new();
        let mut view = View::empty(7, 3);
        for batch in batches {
            last.extend(batch.iter().map(|candidate| (candidate.path.clone(), candidate.clone())));
            view = view.next(batch).map_or(view, |(next, _)| next);
        }
        let anew = View::empty(7, 4);
        let there = last.into_values().filter(|candidate| !candidate.heads.is_empty());
        let anew = anew.next(there).map_or(anew, |(next, _)| next);
        let entries = |view: &View| -> Vec<_> {
            let told = |(path, entry): (&Path, &Arc<EntryView>)| (path.clone(), EntryView { changed: 0, ..(**entry).clone() });
            view.under(&Prefix::all(), None).map(told).collect()
        };
        prop_assert_eq!(entries(&anew), entries(&view));
        prop_assert_eq!(anew.len(), view.len());
    }

    #[test]
    fn a_prefix_query_finds_exactly_what_lies_under_it(batch in candidates(), more in candidates(), from in 0..PATHS.len()) {
        let view = View::empty(1, 1);
        let view = view.next(batch).map_or(view, |(next, _)| next);
        let view = view.next(more).map_or(view, |(next, _)| next);
        let after = Path::parse(PATHS[from]).unwrap();
        for text in PREFIXES {
            let prefix = Prefix::parse(text).unwrap();
            let all: Vec<Path> = view.under(&Prefix::all(), None).map(|(path, _)| path.clone()).collect();
            let want: Vec<&Path> = all.iter().filter(|path| prefix.covers(path)).collect();
            let found: Vec<&Path> = view.under(&prefix, None).map(|(path, _)| path).collect();
            prop_assert_eq!(&found, &want, "under {:?}", text);
            let rest: Vec<&Path> = view.under(&prefix, Some(&after)).map(|(path, _)| path).collect();
            let want: Vec<&Path> = want.into_iter().filter(|path| **path > after).collect();
            prop_assert_eq!(&rest, &want, "under {:?} after {}", text, after);
        }
    }

    #[test]
    fn other_stores_and_other_boots_are_never_resumed(count in 0u64..5, store in 1u64..3, boot in 1u64..3) {
        let mut view = View::empty(1, 1);
        for head in 0..4 {
            let candidate = Candidate {
                path: Path::parse("shop/a").unwrap(),
                value: Some(Arc::new(Value::Int(head.into()))),
                heads: [StatementId([head; 32])].into(),
                conflicts: 0,
            };
            view = view.next([candidate]).unwrap().0;
        }
        let asked = driftless_core::view::Revision { store, boot, count };
        let same = store == 1 && boot == 1;
        prop_assert_eq!(matches!(view.since(&asked), Since::Changed(_)), same && count <= 4);
        prop_assert_eq!(view.revision().covers(&asked).is_some(), store == 1);
        prop_assert_eq!(asked.to_string().parse::<driftless_core::view::Revision>(), Ok(asked));
    }
}
