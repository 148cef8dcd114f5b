//! Bodies of HTTP requests, as the routes read them: values, and what PUT, a merge patch, a JSON patch and a pointer make of
//! the value that is there.

use driftless_statement::patch::{json_patch, merge_patch};
use driftless_statement::{Edit, StatementId, Step, Tree, Value, codec, diff, json as text, limits, tree};

use crate::rfc;
use crate::script::halves;

/// Law: what is read as a value is what `serde_json` reads, and comes back from JSON, pretty JSON and CBOR; what is refused
/// is refused by `serde_json` too, or for one of four reasons.
pub fn json(data: &[u8]) {
    let theirs: Result<serde_json::Value, _> = serde_json::from_slice(data);
    match text::parse(data) {
        Ok(value) => {
            value.check().expect("what is read is a value");
            assert_eq!(Some(serde_json::Value::from(&value)), theirs.ok());
            assert_eq!(text::parse(text::to_string(&value).as_bytes()).as_ref(), Ok(&value));
            assert_eq!(text::parse(text::to_pretty(&value).as_bytes()).as_ref(), Ok(&value));
            let bytes = codec::encode(&value.to_item());
            assert_eq!(bytes.len(), value.encoded_len());
            if let Ok(item) = codec::decode(&bytes) {
                assert_eq!(Value::from_item(&item).as_ref(), Ok(&value));
            }
        }
        Err(bad) => {
            let ours = ["duplicate_key", "integer_range", "too_deep", "long_key"].contains(&bad.word());
            assert!(ours || theirs.is_err(), "{bad}");
            assert!(bad.to_string().len() < 8 * limits::KEY_BYTES);
        }
    }
}

fn built(document: &[u8]) -> Option<Tree> {
    let value = text::parse(document).ok()?;
    Some(Tree::build(&value, &mut tree::Naming { statement: StatementId([7; 32]), edit: 0, next: 0 }))
}

/// What edits make of a value once a statement has carried them.
fn after(old: Option<&Tree>, edits: &[Edit]) -> Option<Tree> {
    assert!(edits.len() <= limits::EDITS);
    let mut root = old.cloned();
    let carried = |edit: &Edit| {
        let item = codec::decode(&codec::encode(&edit.to_item())).expect("an edit is canonical");
        Edit::from_item(&item).expect("an edit is valid").expect("an edit is known")
    };
    let edits: Vec<Edit> = edits.iter().map(carried).collect();
    assert_eq!(tree::apply(&mut root, StatementId([9; 32]), &edits), Vec::new(), "an edit was skipped");
    root
}

/// Law: the edits of a PUT give exactly the new value, and there are none exactly when it is there already.
pub fn put(data: &[u8]) {
    let (old, new) = halves(data);
    let (old, Ok(new)) = (built(old), text::parse(new)) else { return };
    let edits = diff::diff(old.as_ref(), &new);
    let result = after(old.as_ref(), &edits).expect("a put leaves something");
    assert_eq!(result.to_value(), new);
    assert_eq!(edits.is_empty(), old.as_ref().is_some_and(|old| diff::same(old, &new)));
}

/// Why a patch may be refused that the RFC takes: limits, and an escape that RFC 6901 does not have.
const STRICTER: [&str; 7] = [
    "patch_too_many",
    "patch_too_large",
    "pointer_too_deep",
    "pointer_escape",
    "too_deep",
    "long_key",
    "patch_into_itself",
];

/// Law: the edits of a patch give exactly what the RFCs say, and what they refuse is refused.
pub fn patch(data: &[u8]) {
    let (old, said) = halves(data);
    let (Some(old), Ok(said)) = (built(old), text::parse(said)) else { return };
    if let Ok(edits) = merge_patch(Some(&old), &said) {
        let result = after(Some(&old), &edits).expect("a merge patch leaves something");
        assert_eq!(result.to_value(), rfc::merge_patch(Some(old.to_value()), &said));
    }
    match (json_patch(Some(&old), &said), rfc::json_patch(old.to_value(), &said)) {
        (Ok(edits), Some(want)) => assert_eq!(after(Some(&old), &edits).map(|tree| tree.to_value()), want),
        (Ok(_), None) => panic!("taken, and refused by the RFC"),
        (Err(bad), Some(_)) => assert!(STRICTER.contains(&bad.word()), "refused, and taken by the RFC: {bad}"),
        (Err(_), None) => {}
    }
}

/// Law: a pointer leads where `serde_json` says, or to a key beside what is there, and no deeper than it may.
pub fn pointer(data: &[u8]) {
    let (document, pointer) = halves(data);
    let (Some(root), Ok(pointer)) = (built(document), std::str::from_utf8(pointer)) else { return };
    let plain = serde_json::Value::from(&root.to_value());
    let there = plain.pointer(pointer);
    match diff::resolve(Some(&root), pointer) {
        Ok(steps) => {
            assert!(steps.len() <= limits::POINTER_STEPS);
            assert_eq!(there.is_none(), steps.last().is_some_and(|last| is_new(&root, &steps, last)));
        }
        // Ours refuses a bare tilde, long keys and deep pointers, which serde_json takes.
        Err(_) if pointer.contains('~') || pointer.len() > limits::KEY_BYTES => {}
        Err(bad) => assert!(there.is_none() || bad.word() == "pointer_too_deep", "{bad}"),
    }
}

/// Whether the last step is a key that is not there.
fn is_new(root: &Tree, steps: &[Step], last: &Step) -> bool {
    let Step::Key(last) = last else { return false };
    let mut at = root;
    for step in &steps[..steps.len() - 1] {
        at = match (at, step) {
            (Tree::Map(entries), Step::Key(key)) => &entries[key],
            (Tree::List(items), Step::Element(element)) => {
                let id = element.resolve(StatementId([9; 32]));
                &items.iter().find(|(found, _)| *found == id).expect("an element that is there").1
            }
            _ => panic!("a step of another kind than what it steps into"),
        };
    }
    matches!(at, Tree::Map(entries) if !entries.contains_key(last))
}
