//! Digests of merged state: canonical bytes of what is compared, never what Automerge saves.

use std::sync::LazyLock;

use driftless_statement::{ElementRef, Path, Pointer, Step, Tree, Value};
use minicbor::Encoder;

use super::entry::Entry;

/// What an entry showed when it was last digested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Print {
    pub value: [u8; 32],
    pub heads: [u8; 32],
    /// `None`: there are none.
    pub conflicts: Option<Box<[u8; 32]>>,
    pub has_value: bool,
    pub has_conflicts: bool,
}

/// What stands for no conflicts: a list of none, and none beyond it.
static NO_CONFLICTS: LazyLock<[u8; 32]> = LazyLock::new(|| *blake3::hash(&[0]).as_bytes());

impl Print {
    pub(super) fn of(entry: &Entry) -> Self {
        let mut value = Vec::new();
        root(&mut value, entry.tree());
        let mut heads = Vec::new();
        entry.heads().iter().for_each(|head| heads.extend_from_slice(head.as_bytes()));
        let has_any = entry.listed_conflicts() > 0 || entry.unlisted_conflicts() > 0;
        let hash = |bytes: &[u8]| *blake3::hash(bytes).as_bytes();
        Self {
            value: hash(&value),
            heads: hash(&heads),
            conflicts: has_any.then(|| Box::new(hash(&conflicts(entry)))),
            has_value: entry.tree().is_some(),
            has_conflicts: entry.listed_conflicts() > 0,
        }
    }

    /// The member that stands for the entry in the scope's digest.
    pub(super) fn member(&self, path: &Path) -> Vec<u8> {
        let conflicts = self.conflicts.as_deref().unwrap_or(&NO_CONFLICTS);
        [&self.value[..], &self.heads[..], &conflicts[..], path.as_str().as_bytes()].concat()
    }
}

/// The sides of all conflicts that are listed, and how many are not.
fn conflicts(entry: &Entry) -> Vec<u8> {
    let sides = entry.sides();
    let mut bytes = Vec::new();
    for pair in &entry.state.conflicts {
        for side in [pair.left, pair.right].iter().filter_map(|place| sides.get(place)) {
            bytes.extend_from_slice(side.statement.as_bytes());
            bytes.extend_from_slice(&side.edit.to_be_bytes());
            pointer(&mut bytes, &side.at);
        }
    }
    emit(&mut bytes, |e| drop(e.u64(entry.unlisted_conflicts())));
    bytes
}

fn emit(out: &mut Vec<u8>, write: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) {
    write(&mut Encoder::new(out));
}

fn root(out: &mut Vec<u8>, tree: Option<&Tree>) {
    match tree {
        None => emit(out, |e| drop(e.null())),
        Some(tree) => node(out, tree),
    }
}

/// `[kind, content…]`: 0 a plain value, 1 a counter, 2 a list of names and nodes, 3 a map of keys and nodes.
fn node(out: &mut Vec<u8>, tree: &Tree) {
    match tree {
        Tree::Leaf(value) => {
            emit(out, |e| drop(e.array(2).and_then(|e| e.u8(0))));
            leaf(out, value);
        }
        Tree::Counter(sum) => emit(out, |e| drop(e.array(2).and_then(|e| e.u8(1)).and_then(|e| e.i64(*sum)))),
        Tree::List(items) => {
            emit(out, |e| drop(e.array(1 + 4 * items.len() as u64).and_then(|e| e.u8(2))));
            for (name, item) in items {
                emit(out, |e| {
                    drop(
                        e.bytes(name.statement.as_bytes())
                            .and_then(|e| e.u32(name.edit))
                            .and_then(|e| e.u32(name.ordinal)),
                    );
                });
                node(out, item);
            }
        }
        Tree::Map(entries) => {
            emit(out, |e| drop(e.array(1 + 2 * entries.len() as u64).and_then(|e| e.u8(3))));
            for (key, item) in entries {
                emit(out, |e| drop(e.str(key)));
                node(out, item);
            }
        }
    }
}

fn leaf(out: &mut Vec<u8>, value: &Value) {
    out.extend_from_slice(&driftless_statement::codec::encode(&value.to_item()));
}

fn pointer(out: &mut Vec<u8>, at: &Pointer) {
    emit(out, |e| drop(e.array(at.len() as u64)));
    for step in at {
        match step {
            Step::Key(key) => emit(out, |e| drop(e.str(key))),
            Step::Element(ElementRef::Of(id)) => {
                emit(out, |e| {
                    drop(e.bytes(id.statement.as_bytes()).and_then(|e| e.u32(id.edit)).and_then(|e| e.u32(id.ordinal)))
                });
            }
            Step::Element(ElementRef::Own(edit, ordinal)) => {
                emit(out, |e| drop(e.array(2).and_then(|e| e.u32(*edit)).and_then(|e| e.u32(*ordinal))));
            }
        }
    }
}
