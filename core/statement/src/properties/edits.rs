//! Laws of diffs and patches: the edits, applied, give exactly what was asked for.

use proptest::collection::vec;
use proptest::prelude::*;

use super::cases;
use super::strategies::{changed, tree, value};
use crate::codec;
use crate::diff::{diff, same};
use crate::edit::{Edit, Op};
use crate::id::StatementId;
use crate::limits;
use crate::patch::{json_patch, merge_patch};
use crate::tree::{self, Tree};
use crate::value::Value;

/// Applies edits as the statement that holds them would, after a way through bytes.
fn after(old: &Option<Tree>, edits: &[Edit]) -> Option<Tree> {
    let read = |edit: &Edit| {
        let item = codec::decode(&codec::encode(&edit.to_item())).unwrap();
        Edit::from_item(&item).unwrap().unwrap()
    };
    let edits: Vec<Edit> = edits.iter().map(read).collect();
    let mut root = old.clone();
    assert_eq!(tree::apply(&mut root, StatementId([9; 32]), &edits), Vec::new(), "no edit is skipped");
    root
}

fn check_diff(old: &Option<Tree>, new: &Value) -> Result<(), TestCaseError> {
    let edits = diff(old.as_ref(), new);
    prop_assert!(edits.len() <= limits::EDITS);
    let result = after(old, &edits).expect("a put leaves something");
    prop_assert!(same(&result, new), "{:?} gave {:?}", edits, result);
    prop_assert_eq!(&result.to_value(), new);
    prop_assert_eq!(edits.is_empty(), old.as_ref().is_some_and(|old| same(old, new)));
    Ok(())
}

/// RFC 7396 section 2, word by word, on plain values.
fn rfc_7396(target: Option<Value>, patch: &Value) -> Value {
    let Value::Map(changes) = patch else { return patch.clone() };
    let mut entries = match target {
        Some(Value::Map(entries)) => entries,
        _ => Default::default(),
    };
    for (key, change) in changes {
        let old = entries.remove(key);
        if *change != Value::Null {
            entries.insert(key.clone(), rfc_7396(old, change));
        }
    }
    Value::Map(entries)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_diff_between_unrelated_values_is_exact(old in tree(), new in value()) {
        check_diff(&old, &new)?;
    }

    #[test]
    fn a_diff_after_small_changes_is_exact(
        old in tree(),
        changes in vec((vec(any::<u32>(), 1..4), value()), 1..4),
    ) {
        let start = old.as_ref().map_or(Value::Null, Tree::to_value);
        let new = changes.into_iter().fold(start, |value, (at, new)| changed(value, at, new));
        check_diff(&old, &new)?;
    }

    #[test]
    fn a_diff_of_lists_is_never_longer_than_the_change(old in vec(0i128..4, 0..12), new in vec(0i128..4, 0..12)) {
        let list = |items: &[i128]| Value::List(items.iter().map(|item| Value::Int(*item)).collect());
        let mut root = None;
        tree::apply(&mut root, StatementId([7; 32]), &[Edit { at: Vec::new(), op: Op::Put(list(&old)) }]);
        let edits = diff(root.as_ref(), &list(&new));
        prop_assert!(edits.len() <= old.len().max(new.len()).max(1));
        check_diff(&root, &list(&new))?;
    }

    #[test]
    fn a_merge_patch_does_what_its_rfc_says(old in tree(), patch in value()) {
        let edits = merge_patch(old.as_ref(), &patch).unwrap();
        let want = rfc_7396(old.as_ref().map(Tree::to_value), &patch);
        let result = after(&old, &edits);
        prop_assert_eq!(result.as_ref().map(Tree::to_value), Some(want));
    }

    #[test]
    fn a_json_patch_is_exact_or_refused(old in tree(), ops in vec(operation(), 0..5)) {
        let ops = Value::List(ops);
        let document = old.as_ref().map(|old| serde_json::Value::from(&old.to_value()));
        let ours = json_patch(old.as_ref(), &ops);
        let Some(document) = document else { return Ok(()) };
        let theirs = reference(document, &ops);
        match (ours, theirs) {
            (Ok(edits), Some(want)) => {
                let result = after(&old, &edits).map(|tree| tree.to_value());
                prop_assert_eq!(result.as_ref().map(serde_json::Value::from), Some(want));
            }
            (Err(_), None) => {}
            (ours, theirs) => prop_assert!(false, "ours {ours:?}, reference {theirs:?}"),
        }
    }
}

/// RFC 6902 on plain JSON, by another hand than the code under test: pointers as lists, no tree.
fn reference(mut document: serde_json::Value, ops: &Value) -> Option<serde_json::Value> {
    let Value::List(ops) = ops else { return None };
    for op in ops {
        let op = serde_json::Value::from(op);
        let path = op["path"].as_str()?;
        match op["op"].as_str()? {
            "add" => insert(&mut document, path, op["value"].clone())?,
            "replace" => *document.pointer_mut(path)? = op["value"].clone(),
            "remove" => drop(take(&mut document, path)?),
            "test" => (document.pointer(path)? == &op["value"]).then_some(())?,
            "copy" => {
                let value = document.pointer(op["from"].as_str()?)?.clone();
                insert(&mut document, path, value)?;
            }
            "move" => {
                let from = op["from"].as_str()?;
                if path.starts_with(&format!("{from}/")) {
                    return None;
                }
                let value = if from == path { document.pointer(from)?.clone() } else { take(&mut document, from)? };
                if from != path {
                    insert(&mut document, path, value)?;
                }
            }
            _ => return None,
        }
    }
    Some(document)
}

fn insert(document: &mut serde_json::Value, path: &str, value: serde_json::Value) -> Option<()> {
    let Some((parent, last)) = path.rsplit_once('/') else {
        *document = value;
        return Some(());
    };
    match document.pointer_mut(parent)? {
        serde_json::Value::Object(entries) => drop(entries.insert(last.to_owned(), value)),
        serde_json::Value::Array(items) => {
            let at = if last == "-" { items.len() } else { last.parse().ok()? };
            (at <= items.len()).then(|| items.insert(at, value))?;
        }
        _ => return None,
    }
    Some(())
}

fn take(document: &mut serde_json::Value, path: &str) -> Option<serde_json::Value> {
    let (parent, last) = path.rsplit_once('/')?;
    match document.pointer_mut(parent)? {
        serde_json::Value::Object(entries) => entries.remove(last),
        serde_json::Value::Array(items) => {
            let at: usize = last.parse().ok()?;
            (at < items.len()).then(|| items.remove(at))
        }
        _ => None,
    }
}

fn operation() -> impl Strategy<Value = Value> {
    let path = vec(prop_oneof![3 => "[a-e]", 3 => "[0-3]", 1 => Just("-".to_owned())], 0..4)
        .prop_map(|steps| steps.iter().map(|step| format!("/{step}")).collect::<String>());
    let name = prop::sample::select(vec!["add", "remove", "replace", "move", "copy", "test"]);
    (name, path.clone(), path, value())
        .prop_filter("removing the root leaves nothing to compare", |(name, path, from, _)| {
            !(*name == "remove" && path.is_empty() || *name == "move" && from.is_empty())
        })
        .prop_map(|(name, path, from, value)| {
            let text = |text: &str| Value::Text(text.into());
            let members = [("op", text(name)), ("path", text(&path)), ("from", text(&from)), ("value", value)];
            Value::Map(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        })
}
