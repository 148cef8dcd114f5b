//! How much memory a waiting statement takes: an estimate from above, so that a bound on bytes is one on memory. Wire bytes
//! alone would not do: a list of 250,000 nulls is 250 KB on the wire and many megabytes once decoded.

use driftless_statement::codec::Item;
use driftless_statement::{Body, Edit, Op, Statement, Value, Verified};

/// A decoded node of a value or item: 32 bytes itself, and its share of a map's tree and key.
const NODE: usize = 96;
/// An edge of the room's graph: two ids and their shares of two ordered sets.
const EDGE: usize = 160;
/// The statement's own struct and its places in the room's indexes.
const BASE: usize = 1024;

/// Bytes that a statement takes while it waits.
pub(super) fn weight(verified: &Verified, names: usize) -> usize {
    let statement = verified.statement();
    // Texts and byte strings lie in memory once decoded and once in the wire bytes.
    BASE + 2 * verified.wire().len() + names * EDGE + nodes(statement) * NODE
}

fn nodes(statement: &Statement) -> usize {
    let body = match &statement.body {
        Body::Write(write) => write.edits.iter().flatten().map(edit_nodes).sum(),
        Body::Unknown { item, .. } => item_nodes(item),
        Body::Genesis(_) | Body::Grant(_) | Body::Approve(_) => 64,
    };
    let unknown: usize = statement.unknown.iter().map(|(_, item)| item_nodes(item)).sum();
    body + unknown + statement.touches.len()
}

fn edit_nodes(edit: &Edit) -> usize {
    let value = match &edit.op {
        Op::Put(value) | Op::Insert(_, value) => value_nodes(value),
        Op::Delete | Op::Counter(_) | Op::Increment(_) => 0,
    };
    1 + edit.at.len() + value
}

/// Depth is bounded where values are decoded.
fn value_nodes(value: &Value) -> usize {
    1 + match value {
        Value::List(items) => items.iter().map(value_nodes).sum(),
        Value::Map(entries) => entries.values().map(value_nodes).sum(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => 0,
    }
}

fn item_nodes(item: &Item) -> usize {
    1 + match item {
        Item::Array(items) => items.iter().map(item_nodes).sum(),
        Item::Map(entries) => entries.iter().map(|(key, item)| item_nodes(key) + item_nodes(item)).sum(),
        Item::Null | Item::Bool(_) | Item::Int(_) | Item::Float(_) | Item::Bytes(_) | Item::Text(_) => 0,
    }
}
