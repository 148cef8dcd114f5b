//! How much memory a waiting statement takes: an estimate from above, so that a bound on bytes is one on memory. Wire bytes
//! alone would not do: a list of 100,000 nulls is 100 KB on the wire and some megabytes once decoded.

use driftless_statement::codec::Item;
use driftless_statement::{Body, Edit, Frontier, Statement, Value, Verified};

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
        Body::Revoke(revoke) => frontier_bytes(&revoke.frontier),
        Body::Accept(accept) => frontier_bytes(&accept.frontier),
        Body::Rotate(rotate) => frontier_bytes(&rotate.frontier),
    };
    let unknown: usize = statement.unknown.iter().map(|(_, item)| item_nodes(item) * NODE).sum();
    body + unknown + statement.touches.len() * NODE
}

/// Each scope has a set of its own, and that has room for eleven ids from the first on.
fn frontier_bytes(frontier: &Frontier) -> usize {
    (64 + frontier.len()) * NODE + frontier.scopes().count() * MAP
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

#[cfg(test)]
mod tests {
    use driftless_statement::{
        After, ElementRef, Hlc, Inserted, MeshId, Note, Op, Path, Prefix, PublicKey, Revoke, Scope, StatementId, Step,
        Touch, Write,
    };

    use super::*;

    fn said(body: impl Into<Body>, touches: Vec<Touch>) -> Statement {
        Statement {
            mesh: MeshId([1; 32]),
            scope: Scope::parse("shop").unwrap(),
            author: PublicKey([2; 32]),
            grant: StatementId([3; 32]),
            prev: Vec::new(),
            touches,
            hlc: Hlc(1),
            body: body.into(),
            note: Note::default(),
            unknown: Vec::new(),
        }
    }

    /// The standard library's nodes have room for eleven from the first on, and 16 bytes more.
    const SET: usize = 11 * size_of::<StatementId>() + 16;

    #[test]
    fn a_frontier_weighs_what_its_sets_take() {
        for (scopes, ids) in [(1, 1), (1, 1_000), (1_000, 1), (100, 40)] {
            let mut frontier = Frontier::nothing();
            for scope in 0..scopes {
                let scope = Scope::parse(&format!("s{scope}")).unwrap();
                (0..ids).for_each(|id| {
                    frontier
                        .insert(scope.clone(), StatementId([id as u8, (id >> 8) as u8].repeat(16).try_into().unwrap()))
                });
            }
            let revoke = Revoke { key: PublicKey([4; 32]), prefix: Prefix::all(), frontier };
            // Sets are six elevenths full at least, and a scope takes a place in the map and a text.
            let takes = scopes * (SET * 1.max(ids / 6) + 72);
            let weighs = content(&said(revoke, Vec::new()));
            assert!(weighs >= takes, "{scopes} scopes of {ids}: weighs {weighs}, takes {takes}");
        }
    }

    #[test]
    fn edits_weigh_what_they_take() {
        let key = || Step::Key("k".to_owned());
        let element = After::Element(ElementRef::Own(0, 0));
        for (op, boxed) in [
            (Op::Delete, 0),
            (Op::Increment(1), 0),
            (Op::Put(Value::Null), 0),
            (Op::insert(element, Value::Null), size_of::<Inserted>()),
        ] {
            for steps in 0..4 {
                let edit = Edit { at: vec![key(); steps], op: op.clone() };
                let read = Edit::from_item(&edit.to_item()).unwrap().unwrap();
                let takes = size_of::<Edit>() + read.at.capacity() * size_of::<Step>() + steps * 24 + boxed;
                let edits = vec![vec![edit.clone(); 100]];
                let touch = Touch { path: Path::parse("shop/a").unwrap(), bases: Vec::new() };
                let weighs = content(&said(Write { edits }, vec![touch]));
                assert!(weighs >= 100 * takes, "{edit:?}: 100 weigh {weighs}, each takes {takes}");
            }
        }
    }
}
