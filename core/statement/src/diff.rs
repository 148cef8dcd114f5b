//! The fewest edits between an entry's merged value and a new one, for whoever writes values and not edits.
//!
//! Fewest is not one put of everything: a put replaces what others change at the same time. So a container is put
//! whole only when nothing in it stays, when that is less than a quarter as long, or when the edits would be too many.

mod align;
mod plan;
mod pointer;

use crate::edit::{Edit, Op};
use crate::limits;
use crate::tree::Tree;
use crate::value::Value;

pub use plan::same;
pub(crate) use plan::{counter_of, extend};
pub use pointer::{BadPointer, resolve};
pub(crate) use pointer::{element, tokens};

/// The edits that turn `old` (`None`: the entry is absent) into `new`; none when they are equal. They are meant as all
/// the edits of the entry in one statement: later ones name elements that earlier ones create by their index here.
/// At most [`limits::EDITS`].
pub fn diff(old: Option<&Tree>, new: &Value) -> Vec<Edit> {
    let mut edits = Vec::new();
    extend(&mut edits, Vec::new(), old, new);
    let bytes: usize = edits.iter().map(Edit::encoded_len).sum();
    let whole = Edit { at: Vec::new(), op: Op::Put(new.clone()) };
    if edits.len() > limits::EDITS || (bytes > ROOMY && bytes > whole.encoded_len()) {
        edits = vec![whole];
    }
    edits
}

/// Bytes of edits that certainly fit a statement beside its bases and the edits of other entries.
const ROOMY: usize = limits::STATEMENT_BYTES / 2;

/// The edits that delete an entry.
pub fn delete() -> Vec<Edit> {
    vec![Edit { at: Vec::new(), op: Op::Delete }]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;
    use crate::edit::{After, ElementRef, Step};
    use crate::id::{ElementId, StatementId};
    use crate::{json, tree};

    const MADE: StatementId = StatementId([7; 32]);

    fn value(text: &str) -> Value {
        json::parse(text.as_bytes()).unwrap()
    }

    fn put(text: &str) -> Option<Tree> {
        let mut root = None;
        tree::apply(&mut root, MADE, &[Edit { at: Vec::new(), op: Op::Put(value(text)) }]);
        root
    }

    fn of(ordinal: u32) -> ElementRef {
        ElementRef::Of(ElementId { statement: MADE, edit: 0, ordinal })
    }

    fn key(name: &str) -> Step {
        Step::Key(name.into())
    }

    fn edit(at: &[Step], op: Op) -> Edit {
        Edit { at: at.to_vec(), op }
    }

    fn check(old: &str, new: &str, want: &[Edit]) {
        assert_eq!(diff(put(old).as_ref(), &value(new)), want, "{old} to {new}");
    }

    #[test]
    fn nothing_and_everything() {
        check("1", "1", &[]);
        check(r#"{"a":[1,{"b":2}]}"#, r#"{"a":[1,{"b":2}]}"#, &[]);
        check("1", "1.0", &[edit(&[], Op::Put(Value::Float(1.0)))]);
        check("[]", "{}", &[edit(&[], Op::Put(value("{}")))]);
        assert_eq!(diff(None, &Value::Null), [edit(&[], Op::Put(Value::Null))]);
    }

    #[test]
    fn map_keys_by_name() {
        let old = r#"{"a":1,"b":{"c":2,"d":3},"e":4}"#;
        check(old, r#"{"a":1,"b":{"c":5,"d":3},"e":4}"#, &[edit(&[key("b"), key("c")], Op::Put(Value::Int(5)))]);
        let deletes_and_adds = [edit(&[key("e")], Op::Delete), edit(&[key("f")], Op::Put(Value::Null))];
        check(old, r#"{"a":1,"b":{"c":2,"d":3},"f":null}"#, &deletes_and_adds);
    }

    #[test]
    fn a_container_of_which_nothing_stays_is_put_whole() {
        check(
            r#"{"a":{"x":1,"y":2},"b":0}"#,
            r#"{"a":{"x":3,"y":4},"b":0}"#,
            &[edit(&[key("a")], Op::Put(value(r#"{"x":3,"y":4}"#)))],
        );
    }

    #[test]
    fn list_elements_by_what_they_are() {
        check("[1,2,3]", "[1,3]", &[edit(&[Step::Element(of(1))], Op::Delete)]);
        check("[1,2,3]", "[0,1,2,3]", &[edit(&[], Op::insert(After::Head, Value::Int(0)))]);
        check("[1,2,3]", "[1,5,3]", &[edit(&[Step::Element(of(1))], Op::Put(Value::Int(5)))]);
        check(
            "[1]",
            "[1,2,3]",
            &[
                edit(&[], Op::insert(After::Element(of(0)), Value::Int(2))),
                edit(&[], Op::insert(After::Element(ElementRef::Own(0, 0)), Value::Int(3))),
            ],
        );
    }

    #[test]
    fn a_changed_map_in_a_list_is_found_by_its_name() {
        let old = r#"[{"name":"a","v":1,"w":0},{"name":"b","v":2,"w":0}]"#;
        // Ordinals are given parents first: the two maps are elements 0 and 1.
        let at = [Step::Element(of(1)), key("v")];
        check(
            old,
            r#"[{"name":"b","v":3,"w":0}]"#,
            &[edit(&[Step::Element(of(0))], Op::Delete), edit(&at, Op::Put(Value::Int(3)))],
        );
    }

    #[test]
    fn counters_count_on() {
        let mut root = put(r#"{"hits":0,"x":0}"#);
        let Some(Tree::Map(entries)) = &mut root else { panic!() };
        entries.insert("hits".into(), Tree::Counter(5));
        let to = |hits: i128| diff(root.as_ref(), &value(&format!(r#"{{"hits":{hits},"x":1}}"#)));
        let x = edit(&[key("x")], Op::Put(Value::Int(1)));
        assert_eq!(to(5), std::slice::from_ref(&x));
        assert_eq!(to(7), [edit(&[key("hits")], Op::Increment(2)), x.clone()]);
        assert_eq!(to(5 + (1 << 32)), [edit(&[key("hits")], Op::Increment(1 << 32)), x.clone()]);
        assert_eq!(to(6 + (1 << 32)), [edit(&[key("hits")], Op::Counter(6 + (1 << 32))), x]);
        // Beyond what a counter may start from it becomes an integer, and then nothing of the map stays.
        assert_eq!(to(1 << 60), [edit(&[], Op::Put(value(r#"{"hits":1152921504606846976,"x":1}"#)))]);
    }

    #[test]
    fn more_edits_than_a_statement_holds_become_puts_of_the_smallest_containers() {
        let entries = |value: usize, from: usize, to: usize| -> String {
            (from..to).map(|key| format!(r#""k{key}":{value}"#)).collect::<Vec<_>>().join(",")
        };
        let document = |big: usize, small: usize| {
            // Of each map something stays, so that only the limit can ask for a put of the whole.
            format!(
                r#"{{"big":{{{},"stays":0}},"small":{{{},"stays":0}}}}"#,
                entries(big, 0, 200),
                entries(small, 0, 100)
            )
        };
        let edits = diff(put(&document(1, 1)).as_ref(), &value(&document(2, 2)));
        assert_eq!(edits.len(), 201);
        assert!(matches!(&edits[200], Edit { at, op: Op::Put(Value::Map(_)) } if *at == [key("small")]));
        let wide = |value| format!("{{{},\"stays\":0}}", entries(value, 0, 300));
        check(&wide(1), &wide(2), &[edit(&[], Op::Put(value(&wide(2))))]);
    }

    #[test]
    fn a_huge_list_is_aligned_in_bounded_time() {
        let list = |from: usize, to: usize| Value::List((from..to).map(|item| Value::Int(item as i128)).collect());
        let mut root = None;
        tree::apply(&mut root, MADE, &[edit(&[], Op::Put(list(0, 100_000)))]);
        assert_eq!(diff(root.as_ref(), &list(0, 100_001)).len(), 1);
        assert_eq!(diff(root.as_ref(), &list(1, 100_000)).len(), 1);
        assert_eq!(diff(root.as_ref(), &list(1, 100_001)), [edit(&[], Op::Put(list(1, 100_001)))]);
    }
}
