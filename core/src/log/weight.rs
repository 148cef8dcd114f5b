//! How much memory a waiting statement takes: an estimate from above, so that a bound on bytes is one on memory. Wire bytes
//! alone would not do: a list of 100,000 nulls is 100 KB on the wire and some megabytes once decoded.

use driftless_statement::codec::Item;
use driftless_statement::{Body, Edit, Statement, Value, Verified};

/// A decoded node of a value or item: 32 bytes itself, and its share of a map's tree and key.
const NODE: usize = 96;
/// A map that is not empty: its tree has room for eleven entries from the first on, of 24 bytes a key and 32 a value.
const MAP: usize = 640;
/// An edge of the room's graph: two ids and their shares of two ordered sets.
const EDGE: usize = 160;
/// The statement's own struct and its places in the room's indexes.
const BASE: usize = 1024;

/// Bytes that a statement takes while it waits.
pub(super) fn weight(verified: &Verified, names: usize) -> usize {
    let statement = verified.statement();
    // Texts and byte strings lie in memory as long as they are on the wire.
    BASE + verified.wire_len() + names * EDGE + content(statement)
}

fn content(statement: &Statement) -> usize {
    let body = match &statement.body {
        Body::Write(write) => write.edits.iter().flatten().map(edit_bytes).sum(),
        Body::Unknown { item, .. } => item_nodes(item) * NODE,
        Body::Genesis(_) | Body::Grant(_) | Body::Approve(_) => 160 * NODE,
        Body::Revoke(revoke) => (64 + revoke.frontier.len()) * NODE,
        Body::Accept(accept) => (64 + accept.frontier.len()) * NODE,
        Body::Rotate(rotate) => (64 + rotate.frontier.len()) * NODE,
    };
    let unknown: usize = statement.unknown.iter().map(|(_, item)| item_nodes(item) * NODE).sum();
    body + unknown + statement.touches.len() * NODE
}

fn edit_bytes(edit: &Edit) -> usize {
    (1 + edit.at.len()) * NODE + edit.op.value().map_or(0, value_bytes)
}

/// Depth is bounded where values are decoded.
fn value_bytes(value: &Value) -> usize {
    NODE + match value {
        Value::List(items) => items.iter().map(value_bytes).sum(),
        Value::Map(entries) if entries.is_empty() => 0,
        Value::Map(entries) => MAP + entries.values().map(value_bytes).sum::<usize>(),
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
