//! Merge patches (RFC 7396) and JSON patches (RFC 6902) as edits. What a patch leaves alone, no edit touches.

mod json_patch;

use std::collections::BTreeMap;

use crate::diff::{self, BadPointer};
use crate::edit::{Edit, Op, Pointer, Step};
use crate::limits;
use crate::tree::Tree;
use crate::value::{BadValue, Value};

pub use json_patch::json_patch;

/// Why a patch was refused, whole: no edit came of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPatch {
    /// A JSON patch is a list of operations.
    #[error("a JSON patch is a list of operations, like [{{\"op\":\"add\",\"path\":\"/a\",\"value\":1}}]")]
    NotAList,
    /// More operations than one patch may have.
    #[error("a JSON patch has at most {max} operations, got {got}")]
    TooMany {
        /// The limit.
        max: usize,
        /// Operations given.
        got: usize,
    },
    /// One operation cannot be done.
    #[error("operation {index} ({op} {pointer:?}): {why}")]
    Operation {
        /// Its place in the list, from 0.
        index: usize,
        /// Its `op`, as far as it has one.
        op: String,
        /// The pointer that is to blame, as far as there is one.
        pointer: String,
        /// What is wrong with it.
        why: Fault,
    },
    /// The value that would come out is none that an entry can hold.
    #[error("the patched value: {0}")]
    Value(#[from] BadValue),
}

/// What is wrong with one operation of a JSON patch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No object, or an `op` that RFC 6902 does not have.
    #[error("an operation is a map whose `op` is add, remove, replace, move, copy or test")]
    Unknown,
    /// A member that the operation needs is not there or of the wrong kind.
    #[error("needs the member `{0}`")]
    Member(&'static str),
    /// The pointer leads nowhere.
    #[error(transparent)]
    Pointer(#[from] BadPointer),
    /// Nothing is there to remove, replace, move, copy or test.
    #[error("nothing is there")]
    Absent,
    /// A `test` found another value.
    #[error("the value there is another one")]
    Differs,
    /// A `move` into itself.
    #[error("cannot move a value into itself")]
    IntoItself,
    /// The value to put is none that an entry can hold.
    #[error(transparent)]
    Value(#[from] BadValue),
    /// The patch copies more than any entry may hold.
    #[error("the patch makes more than {max} bytes of value", max = WORK_BYTES)]
    TooLarge,
}

/// Bytes of value that one patch may handle: copies of copies double, an entry does not.
const WORK_BYTES: usize = 4 * limits::ENTRY_BYTES;

impl BadPatch {
    /// A stable code for problem types and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotAList => "patch_not_a_list",
            Self::TooMany { .. } => "patch_too_many",
            Self::Operation { why, .. } => why.word(),
            Self::Value(bad) => bad.word(),
        }
    }
}

impl Fault {
    /// A stable code for problem types and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unknown => "patch_operation",
            Self::Member(_) => "patch_member",
            Self::Pointer(bad) => bad.word(),
            Self::Value(bad) => bad.word(),
            Self::Absent => "patch_absent",
            Self::Differs => "patch_test_failed",
            Self::IntoItself => "patch_into_itself",
            Self::TooLarge => "patch_too_large",
        }
    }
}

/// The edits that a merge patch asks for: `null` deletes a key, maps are merged, everything else is put (a list as the
/// fewest edits to its elements). A counter given another integer is incremented. At most [`limits::EDITS`].
pub fn merge_patch(old: Option<&Tree>, patch: &Value) -> Result<Vec<Edit>, BadPatch> {
    let merged = merged(old, patch);
    merged.check()?;
    let mut edits = Vec::new();
    merge(&mut edits, &mut Vec::new(), old, patch);
    if edits.len() > limits::EDITS { Ok(diff::diff(old, &merged)) } else { Ok(edits) }
}

fn merge(edits: &mut Vec<Edit>, at: &mut Pointer, old: Option<&Tree>, patch: &Value) {
    let (Some(Tree::Map(entries)), Value::Map(changes)) = (old, patch) else {
        return diff::extend(edits, at.clone(), old, &merged(None, patch));
    };
    for (key, change) in changes {
        at.push(Step::Key(key.clone()));
        match (entries.get(key), change) {
            (None, Value::Null) => {}
            (Some(_), Value::Null) => edits.push(Edit { at: at.clone(), op: Op::Delete }),
            (old, change) => merge(edits, at, old, change),
        }
        at.pop();
    }
}

/// What the merge patch makes of a value, as RFC 7396 section 2 says.
fn merged(old: Option<&Tree>, patch: &Value) -> Value {
    let Value::Map(changes) = patch else { return patch.clone() };
    let empty = BTreeMap::new();
    let entries = match old {
        Some(Tree::Map(entries)) => entries,
        Some(Tree::Leaf(_) | Tree::Counter(_) | Tree::List(_)) | None => &empty,
    };
    let kept = entries.iter().filter(|(key, _)| !changes.contains_key(*key));
    let kept = kept.map(|(key, old)| (key.clone(), old.to_value()));
    let changed = changes.iter().filter(|(_, change)| !matches!(change, Value::Null));
    let changed = changed.map(|(key, change)| (key.clone(), merged(entries.get(key), change)));
    Value::Map(kept.chain(changed).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;
    use crate::id::{ElementId, StatementId};
    use crate::{After, ElementRef, json, tree};

    const MADE: StatementId = StatementId([7; 32]);
    const OLD: &str = r#"{"a":{"b":1,"c":[1,2,3]},"d":1.0,"e":null}"#;

    fn value(text: &str) -> Value {
        json::parse(text.as_bytes()).unwrap()
    }

    fn old() -> Option<Tree> {
        let mut root = None;
        tree::apply(&mut root, MADE, &[Edit { at: Vec::new(), op: Op::Put(value(OLD)) }]);
        root
    }

    fn key(name: &str) -> Step {
        Step::Key(name.into())
    }

    fn element(ordinal: u32) -> ElementRef {
        ElementRef::Of(ElementId { statement: MADE, edit: 0, ordinal })
    }

    fn json_edits(patch: &str) -> Vec<Edit> {
        json_patch(old().as_ref(), &value(patch)).unwrap()
    }

    fn refused(patch: &str) -> (String, &'static str) {
        let bad = json_patch(old().as_ref(), &value(patch)).unwrap_err();
        (bad.to_string(), bad.word())
    }

    #[test]
    fn one_operation_is_the_one_edit_that_says_the_same() {
        let list = [key("a"), key("c")];
        for (patch, at, op) in [
            (r#"{"op":"add","path":"/x","value":{"y":1}}"#, vec![key("x")], Op::Put(value(r#"{"y":1}"#))),
            (r#"{"op":"add","path":"/a","value":{"b":2,"c":[]}}"#, vec![key("a")], Op::Put(value(r#"{"b":2,"c":[]}"#))),
            (r#"{"op":"remove","path":"/a/b"}"#, vec![key("a"), key("b")], Op::Delete),
            (r#"{"op":"replace","path":"/d","value":1}"#, vec![key("d")], Op::Put(Value::Int(1))),
            (r#"{"op":"remove","path":""}"#, vec![], Op::Delete),
            (r#"{"op":"add","path":"/a/c/0","value":9}"#, list.to_vec(), Op::insert(After::Head, Value::Int(9))),
            (
                r#"{"op":"add","path":"/a/c/1","value":9}"#,
                list.to_vec(),
                Op::insert(After::Element(element(0)), Value::Int(9)),
            ),
            (
                r#"{"op":"add","path":"/a/c/-","value":9}"#,
                list.to_vec(),
                Op::insert(After::Element(element(2)), Value::Int(9)),
            ),
        ] {
            assert_eq!(json_edits(&format!("[{patch}]")), [Edit { at, op }], "{patch}");
        }
    }

    #[test]
    fn operations_that_change_nothing_are_no_edits() {
        for patch in [
            "[]",
            r#"[{"op":"test","path":"/d","value":1.0}]"#,
            r#"[{"op":"replace","path":"/d","value":1.0}]"#,
            r#"[{"op":"add","path":"/x","value":1},{"op":"remove","path":"/x"}]"#,
            r#"[{"op":"move","from":"/a","path":"/a"}]"#,
        ] {
            assert_eq!(json_edits(patch), [], "{patch}");
        }
    }

    #[test]
    fn later_operations_see_what_earlier_ones_made() {
        let edits = json_edits(
            r#"[{"op":"add","path":"/a/c/-","value":[4]},{"op":"add","path":"/a/c/3/1","value":5},
                {"op":"copy","from":"/a/c/3/0","path":"/a/c/3/-"}]"#,
        );
        let own = |edit, ordinal| ElementRef::Own(edit, ordinal);
        let inside = vec![key("a"), key("c"), Step::Element(own(0, 0))];
        assert_eq!(edits[1], Edit { at: inside.clone(), op: Op::insert(After::Element(own(0, 1)), Value::Int(5)) });
        assert_eq!(edits[2], Edit { at: inside, op: Op::insert(After::Element(own(1, 0)), Value::Int(4)) });
    }

    #[test]
    fn a_failing_operation_refuses_the_patch_and_is_named() {
        let (text, word) = refused(r#"[{"op":"add","path":"/x","value":1},{"op":"test","path":"/d","value":1}]"#);
        assert_eq!(text, r#"operation 1 (test "/d"): the value there is another one"#);
        assert_eq!(word, "patch_test_failed");
        for (patch, want) in [
            (r#"{"op":"add"}"#, "patch_not_a_list"),
            ("[1]", "patch_operation"),
            (r#"[{"op":"put","path":"/a"}]"#, "patch_operation"),
            (r#"[{"op":"add","path":"/a"}]"#, "patch_member"),
            (r#"[{"op":"add","value":1}]"#, "patch_member"),
            (r#"[{"op":"move","path":"/a"}]"#, "patch_member"),
            (r#"[{"op":"add","path":1,"value":1}]"#, "patch_member"),
            (r#"[{"op":"remove","path":"/x"}]"#, "patch_absent"),
            (r#"[{"op":"replace","path":"/x","value":1}]"#, "patch_absent"),
            (r#"[{"op":"copy","from":"/x","path":"/y"}]"#, "patch_absent"),
            (r#"[{"op":"add","path":"/x/y","value":1}]"#, "patch_absent"),
            (r#"[{"op":"add","path":"/d/y","value":1}]"#, "pointer_not_a_container"),
            (r#"[{"op":"add","path":"/a/c/4","value":1}]"#, "pointer_past_end"),
            (r#"[{"op":"replace","path":"/a/c/-","value":1}]"#, "pointer_past_end"),
            (r#"[{"op":"add","path":"/a/c/01","value":1}]"#, "pointer_not_an_index"),
            (r#"[{"op":"add","path":"/a/c/+3","value":1}]"#, "pointer_not_an_index"),
            (r#"[{"op":"add","path":"/a/c/x","value":1}]"#, "pointer_not_an_index"),
            (r#"[{"op":"add","path":"x","value":1}]"#, "pointer_no_slash"),
            (r#"[{"op":"add","path":"/~2","value":1}]"#, "pointer_escape"),
            (r#"[{"op":"move","from":"/a","path":"/a/b"}]"#, "patch_into_itself"),
            (r#"[{"op":"move","from":"","path":"/a"}]"#, "patch_into_itself"),
        ] {
            assert_eq!(refused(patch).1, want, "{patch}");
        }
        assert_eq!(
            json_patch(None, &value(r#"[{"op":"add","path":"/a","value":1}]"#)).unwrap_err().word(),
            "patch_absent"
        );
    }

    #[test]
    fn copies_of_copies_end_at_a_bound() {
        let copy = r#"{"op":"copy","from":"","path":"/x"}"#;
        let deep = refused(&format!("[{}]", vec![copy; 40].join(","))).1;
        assert_eq!(deep, "too_deep");
        let doubling: Vec<String> = (0..28)
            .flat_map(|level| {
                let down = "/0".repeat(level);
                [
                    format!(r#"{{"op":"copy","from":"/a/c","path":"/a/n{level}"}}"#),
                    format!(r#"{{"op":"add","path":"/a/c/-","value":"{down}"}}"#),
                    format!(r#"{{"op":"move","from":"/a/n{level}","path":"/a/c/-"}}"#),
                ]
            })
            .collect();
        let word = refused(&format!("[{}]", doubling.join(","))).1;
        assert_eq!(word, "patch_too_large");
        let many = refused(&format!("[{}]", vec![r#"{"op":"test","path":"","value":1}"#; 1025].join(","))).1;
        assert_eq!(many, "patch_too_many");
    }

    #[test]
    fn a_long_patch_becomes_a_diff() {
        let adds: Vec<String> = (0..300).map(|key| format!(r#"{{"op":"add","path":"/a/b","value":{key}}}"#)).collect();
        let edits = json_edits(&format!("[{}]", adds.join(",")));
        assert_eq!(edits, [Edit { at: vec![key("a"), key("b")], op: Op::Put(Value::Int(299)) }]);
    }

    #[test]
    fn a_merge_patch_touches_what_it_names() {
        let merge = |patch: &str| merge_patch(old().as_ref(), &value(patch)).unwrap();
        let put = |at: &[Step], text: &str| Edit { at: at.to_vec(), op: Op::Put(value(text)) };
        assert_eq!(merge("{}"), []);
        assert_eq!(merge(r#"{"a":{"b":1},"d":1.0,"x":null}"#), []);
        assert_eq!(merge(r#"{"a":{"b":2},"d":3}"#), [put(&[key("a"), key("b")], "2"), put(&[key("d")], "3")]);
        assert_eq!(merge(r#"{"a":null}"#), [Edit { at: vec![key("a")], op: Op::Delete }]);
        assert_eq!(merge(r#"{"d":{"x":{"y":null,"z":1}}}"#), [put(&[key("d")], r#"{"x":{"z":1}}"#)]);
        let insert = Op::insert(After::Element(element(2)), Value::Int(4));
        assert_eq!(merge(r#"{"a":{"c":[1,2,3,4]}}"#), [Edit { at: vec![key("a"), key("c")], op: insert }]);
        assert_eq!(merge("7"), [put(&[], "7")]);
        assert_eq!(merge_patch(None, &value(r#"{"a":null,"b":1}"#)), Ok(vec![put(&[], r#"{"b":1}"#)]));
    }
}
