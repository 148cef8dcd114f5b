//! Edits in words, so that what is signed can be shown first. It must not know who asks or where it is printed.

use driftless_statement::edit::{After, Edit, ElementRef, Op, Step};
use driftless_statement::{StatementId, Tree, json, tree};

use crate::tree::element_name;

/// Edits that refer to elements made by earlier ones of the same statement do so by number, so any id will do for it.
const OWN: StatementId = StatementId::NONE;

/// Each edit as `put /replicas 3`, its pointer as JSON Pointer with the indices that elements have at that moment when
/// the edits are applied to `before` in order. An element that is not there is shown by its name; the whole value as
/// `the whole value`.
pub fn edits(before: Option<&Tree>, edits: &[Edit]) -> Vec<String> {
    let state_before = |index: usize| {
        let mut state = before.cloned();
        tree::apply(&mut state, OWN, edits.get(..index).unwrap_or_default());
        state
    };
    edits.iter().enumerate().map(|(index, edit)| one(state_before(index).as_ref(), edit)).collect()
}

fn one(state: Option<&Tree>, edit: &Edit) -> String {
    let (at, target) = pointer(state, &edit.at);
    let shown = if at.is_empty() { "the whole value" } else { &at };
    match &edit.op {
        Op::Put(value) => format!("put {shown} {}", json::to_string(value)),
        Op::Delete => format!("delete {shown}"),
        Op::Counter(start) => format!("counter {shown} {start}"),
        Op::Increment(by) => format!("increment {shown} {by:+}"),
        Op::Insert(inserted) => {
            let index = match inserted.after {
                After::Head => "0".to_owned(),
                After::Element(element) => target
                    .and_then(|list| place(list, element))
                    .map_or_else(|| format!("?after={}", name(element)), |(index, _)| (index + 1).to_string()),
            };
            format!("insert {at}/{index} {}", json::to_string(&inserted.value))
        }
    }
}

/// A pointer as JSON Pointer, and what lies there.
fn pointer<'a>(state: Option<&'a Tree>, steps: &[Step]) -> (String, Option<&'a Tree>) {
    let mut text = String::new();
    let mut here = state;
    for step in steps {
        text.push('/');
        match (step, here) {
            (Step::Key(key), place) => {
                text.push_str(&key.replace('~', "~0").replace('/', "~1"));
                here = match place {
                    Some(Tree::Map(entries)) => entries.get(key),
                    _ => None,
                };
            }
            (Step::Element(element), place_in) => match place_in.and_then(|list| place(list, *element)) {
                Some((index, item)) => {
                    text.push_str(&index.to_string());
                    here = Some(item);
                }
                None => {
                    text.push_str(&name(*element));
                    here = None;
                }
            },
        }
    }
    (text, here)
}

fn place(list: &Tree, element: ElementRef) -> Option<(usize, &Tree)> {
    let Tree::List(items) = list else { return None };
    let id = element.resolve(OWN);
    items.iter().enumerate().find(|(_, (found, _))| *found == id).map(|(index, (_, item))| (index, item))
}

fn name(element: ElementRef) -> String {
    match element {
        ElementRef::Own(edit, ordinal) => format!("own:{edit}:{ordinal}"),
        ElementRef::Of(id) => element_name(&id),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use driftless_statement::tree::Naming;
    use driftless_statement::{Value, diff};

    use super::*;

    fn value(text: &str) -> Value {
        json::parse(text.as_bytes()).unwrap()
    }

    fn words(before: &str, after: &str) -> Vec<String> {
        let mut naming = Naming { statement: StatementId([9; 32]), edit: 0, next: 0 };
        let tree = Tree::build(&value(before), &mut naming);
        edits(Some(&tree), &diff::diff(Some(&tree), &value(after)))
    }

    #[test]
    fn indices_are_those_of_the_moment() {
        assert_eq!(words(r#"{"a":1,"b":2}"#, r#"{"a":1,"b":3}"#), ["put /b 3"]);
        assert_eq!(words(r#"{"a/b":[1,2,3,4]}"#, r#"{"a/b":[1,2,9,3,4]}"#), ["insert /a~1b/2 9"]);
        assert_eq!(words(r#"{"a":[1,2,3,4,5]}"#, r#"{"a":[1,2,3,4]}"#), ["delete /a/4"]);
        assert_eq!(edits(None, &diff::diff(None, &value("[1]"))), ["put the whole value [1]"]);
        assert_eq!(edits(None, &diff::delete()), ["delete the whole value"]);
    }
}
