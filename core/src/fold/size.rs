//! How large and how deep a merged value is, exactly and by a cheap upper bound. It knows the codec's sizes, no statement.

use driftless_statement::codec::{self, Item};
use driftless_statement::{Edit, Op, Tree, Value};

/// Bytes and levels of a value; of a bound, at most so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Extent {
    /// Bytes of canonical CBOR.
    pub bytes: usize,
    /// Levels below the root.
    pub depth: usize,
}

/// Bytes of the head of a CBOR item with this argument.
fn head(argument: u128) -> usize {
    match argument {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

fn int(value: i128) -> usize {
    head(if value < 0 { (-1 - value).unsigned_abs() } else { value.unsigned_abs() })
}

fn text(text: &str) -> usize {
    head(text.len() as u128) + text.len()
}

/// Sums children up under a container that holds `count` of them.
fn container(count: usize, children: impl Iterator<Item = (usize, Extent)>) -> Extent {
    children.fold(Extent { bytes: head(count as u128), depth: 0 }, |sum, (key, child)| Extent {
        bytes: sum.bytes.saturating_add(key).saturating_add(child.bytes),
        depth: sum.depth.max(child.depth.saturating_add(1)),
    })
}

fn leaf(bytes: usize) -> Extent {
    Extent { bytes, depth: 0 }
}

/// The exact extent of a plain value.
pub(super) fn of_value(value: &Value) -> Extent {
    match value {
        Value::Null | Value::Bool(_) => leaf(1),
        Value::Int(value) => leaf(int(*value)),
        Value::Float(value) => leaf(codec::encode(&Item::Float(*value)).len()),
        Value::Text(value) => leaf(text(value)),
        Value::List(items) => container(items.len(), items.iter().map(|item| (0, of_value(item)))),
        Value::Map(entries) => {
            container(entries.len(), entries.iter().map(|(key, value)| (text(key), of_value(value))))
        }
    }
}

/// The exact extent of a merged value.
pub(super) fn of_tree(tree: &Tree) -> Extent {
    match tree {
        Tree::Leaf(value) => of_value(value),
        Tree::Counter(sum) => leaf(int((*sum).into())),
        Tree::List(items) => container(items.len(), items.iter().map(|(_, item)| (0, of_tree(item)))),
        Tree::Map(entries) => container(entries.len(), entries.iter().map(|(key, item)| (text(key), of_tree(item)))),
    }
}

/// The exact extent of an entry's value; an absent one has none.
pub(super) fn of_root(root: Option<&Tree>) -> Extent {
    root.map(of_tree).unwrap_or_default()
}

/// An upper bound for the extent after these edits, however they merge. One byte more for each child covers the growth
/// of its container's head, eight for an increment the growth of the counter's digits.
pub(super) fn bound_after(before: Extent, edits: &[Edit]) -> Extent {
    edits.iter().fold(before, |sum, edit| {
        let (added, below) = match &edit.op {
            Op::Put(value) => (of_value(value), 0),
            Op::Insert(inserted) => (of_value(&inserted.value), 1),
            Op::Counter(_) => (leaf(9), 0),
            Op::Increment(_) => (leaf(8), 0),
            Op::Delete => (Extent::default(), 0),
        };
        let key = match edit.at.last() {
            Some(driftless_statement::Step::Key(key)) => text(key),
            Some(driftless_statement::Step::Element(_)) | None => 0,
        };
        Extent {
            bytes: sum.bytes.saturating_add(added.bytes).saturating_add(key).saturating_add(1),
            depth: sum.depth.max(edit.at.len().saturating_add(added.depth).saturating_add(below)),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{of_root, of_tree};
    use driftless_statement::{Tree, Value, codec};

    fn exact(value: Value) {
        let mut naming =
            driftless_statement::tree::Naming { statement: driftless_statement::StatementId::NONE, edit: 0, next: 0 };
        let bytes = codec::encode(&value.to_item()).len();
        assert_eq!(of_tree(&Tree::build(&value, &mut naming)).bytes, bytes, "{value:?}");
    }

    #[test]
    fn sizes_are_those_of_the_codec() {
        for int in
            [0, 23, 24, 255, 256, 65535, 65536, -1, -24, -25, -256, -257, 1 << 32, i64::MIN.into(), u64::MAX.into()]
        {
            exact(Value::Int(int));
        }
        for float in [0.0, -0.0, 1.5, 0.1, 1e300, 65504.0, 16777216.5, f64::MIN_POSITIVE] {
            exact(Value::Float(float));
        }
        for len in [0, 1, 23, 24, 255, 256, 70000] {
            exact(Value::Text("x".repeat(len).into()));
            exact(Value::List(vec![Value::Null; len]));
            exact(Value::Map((0..len).map(|i| (format!("{i}"), Value::Bool(true))).collect::<BTreeMap<_, _>>()));
        }
        assert_eq!(of_root(None).bytes, 0);
    }
}
