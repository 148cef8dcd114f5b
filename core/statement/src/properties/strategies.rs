//! Arbitrary values, trees and edits: small alphabets, so that what meets in reality meets here.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::edit::{Edit, Op};
use crate::id::StatementId;
use crate::tree::{self, Tree};
use crate::value::Value;

/// Texts with everything that JSON and CBOR treat specially.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-e]{0,3}",
        1 => any::<String>(),
        1 => Just("\u{0}\"\\/~0~1\u{7f}\u{2028}é🦀".to_owned()),
    ]
}

/// Map keys: few, so that maps share them.
pub fn key() -> impl Strategy<Value = String> {
    prop_oneof![6 => "[a-e]", 1 => Just("name".to_owned()), 1 => Just("a/~b".to_owned()), 1 => Just(String::new())]
}

/// Integers at the edges of every width.
pub fn integer() -> impl Strategy<Value = i128> {
    prop_oneof![
        4 => -3i128..4,
        1 => any::<i64>().prop_map(i128::from),
        1 => any::<u64>().prop_map(i128::from),
        1 => prop::sample::select(vec![
            i128::from(i64::MIN), i128::from(u64::MAX), i128::from(i64::MAX), -24, -25, -256, -257, 23, 24, 255, 256,
            65535, 65536, 1 << 32, (1 << 32) - 1, 1 << 53, -(1 << 53), (1 << 53) + 1,
        ]),
    ]
}

/// Finite floats of all three widths.
pub fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        2 => prop::sample::select(vec![0.0, -0.0, 1.0, 1.5, -2.0, 65504.0, 5.960_464_477_539_063e-8, 1e300, 0.1, 1e23]),
        1 => any::<f32>().prop_map(f64::from),
        1 => any::<u64>().prop_map(f64::from_bits),
    ]
    .prop_filter("finite", |value| value.is_finite())
}

/// Values, up to four levels deep.
pub fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        3 => integer().prop_map(Value::Int),
        1 => float().prop_map(Value::Float),
        2 => text().prop_map(|text| Value::Text(text.into())),
    ];
    scalar.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![vec(inner.clone(), 0..6).prop_map(Value::List), btree_map(key(), inner, 0..5).prop_map(Value::Map),]
    })
}

/// Trees as statements make them: a value put, and some of its integers turned into counters.
pub fn tree() -> impl Strategy<Value = Option<Tree>> {
    (proptest::option::weighted(0.95, value()), any::<u64>()).prop_map(|(value, counters)| {
        let statement = StatementId([7; 32]);
        let mut root = None;
        if let Some(value) = value {
            tree::apply(&mut root, statement, &[Edit { at: Vec::new(), op: Op::Put(value) }]);
        }
        let mut bits = counters;
        root.as_mut().into_iter().for_each(|tree| some_counters(tree, &mut bits));
        root
    })
}

fn some_counters(tree: &mut Tree, bits: &mut u64) {
    *bits = bits.rotate_right(1);
    match tree {
        Tree::Leaf(Value::Int(number)) if *bits & 1 == 1 => {
            if let Ok(sum) = i64::try_from(*number) {
                *tree = Tree::Counter(sum);
            }
        }
        Tree::Leaf(_) | Tree::Counter(_) => {}
        Tree::List(items) => items.iter_mut().for_each(|(_, item)| some_counters(item, bits)),
        Tree::Map(entries) => entries.values_mut().for_each(|entry| some_counters(entry, bits)),
    }
}

/// A value made from another by a few small changes: what operators do.
pub fn changed(value: Value, at: Vec<u32>, new: Value) -> Value {
    let Some((first, rest)) = at.split_first() else { return new };
    match value {
        Value::List(mut items) => {
            let place = *first as usize % (items.len() + 1);
            match (rest.is_empty(), first % 3, place < items.len()) {
                (true, 0, true) => drop(items.remove(place)),
                (true, 1, _) | (_, _, false) => items.insert(place, new),
                _ => items[place] = changed(items[place].clone(), rest.to_vec(), new),
            }
            Value::List(items)
        }
        Value::Map(mut entries) if !entries.is_empty() => {
            let key = entries.keys().nth(*first as usize % entries.len()).cloned().unwrap();
            if rest.is_empty() && first % 3 == 0 {
                entries.remove(&key);
            } else {
                let old = entries.remove(&key).unwrap();
                entries.insert(key, changed(old, rest.to_vec(), new));
            }
            Value::Map(entries)
        }
        Value::Map(_) => Value::Map(BTreeMap::from([("a".to_owned(), new)])),
        _ => new,
    }
}
