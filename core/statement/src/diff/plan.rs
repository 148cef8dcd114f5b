//! What has to change, as a tree of changes: counted and shortened first, written out as edits last.

use std::collections::BTreeMap;

use super::align::{Slot, align};
use crate::edit::{After, Edit, ElementRef, Op, Pointer, Step};
use crate::id::ElementId;
use crate::limits;
use crate::tree::Tree;
use crate::value::Value;

/// A container is put whole when its edits are more than this many times as long. Four is a guess between short
/// statements and edits that leave alone what others write; the bytes of small edits are mostly their frame.
const SHORTER: usize = 4;
/// Bytes of an edit around its pointer and value, and of an element's name. The name really has 37 bytes; it counts
/// like a short key, because a list that others edit too is worth its names.
const EDIT_COST: usize = 4;
const ELEMENT_COST: usize = 4;

/// What happens to one child.
pub(super) enum Change<'a> {
    /// It goes.
    Delete(Step),
    /// It changes in place, or comes under this key.
    At(Step, Node<'a>),
    /// A new list element.
    Insert(&'a Value),
    /// An element that stays as it is: what comes next goes behind it.
    Pass(ElementId),
}

enum Kind<'a> {
    Same,
    Put(&'a Value),
    Counter(i64),
    Increment(i64),
    Inside(Vec<Change<'a>>),
}

/// The change of one value, with what it costs.
pub(super) struct Node<'a> {
    kind: Kind<'a>,
    /// The new value: for a put in place of the edits inside.
    new: &'a Value,
    /// Number of edits.
    edits: usize,
    /// About their bytes, pointers counted from this value on.
    cost: usize,
    /// Whether something of the old value stays.
    keeps: bool,
}

/// Whether a tree reads as this value.
pub fn same(old: &Tree, new: &Value) -> bool {
    match (old, new) {
        (Tree::Leaf(old), new) => old == new,
        (Tree::Counter(sum), Value::Int(new)) => i128::from(*sum) == *new,
        (Tree::List(old), Value::List(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|((_, old), new)| same(old, new))
        }
        (Tree::Map(old), Value::Map(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|((key, old), (name, new))| key == name && same(old, new))
        }
        (Tree::Counter(_) | Tree::List(_) | Tree::Map(_), _) => false,
    }
}

/// Appends the edits that turn what lies at `at` into `new`.
pub(crate) fn extend(edits: &mut Vec<Edit>, at: Pointer, old: Option<&Tree>, new: &Value) {
    let node = match old {
        None => Node::leaf(Kind::Put(new), new),
        Some(old) if same(old, new) => return,
        Some(old) => plan(old, new),
    };
    node.emit(at, edits);
}

/// How a counter comes to a new sum: an increment where one reaches, else a new counter, else a plain integer.
pub(crate) fn counter_of(sum: i64, new: i128) -> Op {
    match (i64::try_from(new - i128::from(sum)), i64::try_from(new)) {
        (Ok(by), _) if by.unsigned_abs() <= limits::COUNTER_STEP.unsigned_abs() => Op::Increment(by),
        (_, Ok(start)) if start.unsigned_abs() <= limits::COUNTER_START.unsigned_abs() => Op::Counter(start),
        _ => Op::Put(Value::Int(new)),
    }
}

pub(super) fn plan<'a>(old: &Tree, new: &'a Value) -> Node<'a> {
    if same(old, new) {
        return Node::leaf(Kind::Same, new);
    }
    match (old, new) {
        (Tree::Counter(sum), Value::Int(number)) => match counter_of(*sum, *number) {
            Op::Increment(by) => Node::leaf(Kind::Increment(by), new),
            Op::Counter(start) => Node::leaf(Kind::Counter(start), new),
            Op::Put(_) | Op::Delete | Op::Insert(_) => Node::leaf(Kind::Put(new), new),
        },
        (Tree::Map(old), Value::Map(entries)) => Node::inside(map_changes(old, entries), new),
        (Tree::List(old), Value::List(items)) => match align(old, items) {
            Some(slots) => Node::inside(list_changes(slots), new),
            None => Node::leaf(Kind::Put(new), new),
        },
        (Tree::Leaf(_) | Tree::Counter(_) | Tree::Map(_) | Tree::List(_), _) => Node::leaf(Kind::Put(new), new),
    }
}

fn map_changes<'a>(old: &BTreeMap<String, Tree>, new: &'a BTreeMap<String, Value>) -> Vec<Change<'a>> {
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| Change::Delete(Step::Key(key.clone())));
    let there = new.iter().map(|(key, value)| {
        let node = old.get(key).map_or_else(|| Node::leaf(Kind::Put(value), value), |old| plan(old, value));
        Change::At(Step::Key(key.clone()), node)
    });
    gone.chain(there).collect()
}

fn list_changes<'a>(slots: Vec<Slot<'_, 'a>>) -> Vec<Change<'a>> {
    let element = |id: ElementId| Step::Element(ElementRef::Of(id));
    slots
        .into_iter()
        .map(|slot| match slot {
            Slot::Keep(id) => Change::Pass(id),
            Slot::Delete(id) => Change::Delete(element(id)),
            Slot::Insert(value) => Change::Insert(value),
            Slot::Replace(id, old, new) => Change::At(element(id), plan(old, new)),
        })
        .collect()
}

fn step_cost(step: &Step) -> usize {
    match step {
        Step::Key(key) => key.len() + 1,
        Step::Element(_) => ELEMENT_COST,
    }
}

impl Change<'_> {
    fn edits(&self) -> usize {
        match self {
            Self::Pass(_) => 0,
            Self::Delete(_) | Self::Insert(_) => 1,
            Self::At(_, node) => node.edits,
        }
    }

    fn cost(&self) -> usize {
        match self {
            Self::Pass(_) => 0,
            Self::Delete(step) => EDIT_COST + step_cost(step),
            Self::Insert(value) => EDIT_COST + ELEMENT_COST + value.encoded_len(),
            Self::At(step, node) => node.cost + node.edits * step_cost(step),
        }
    }

    fn keeps(&self) -> bool {
        match self {
            Self::Pass(_) => true,
            Self::Delete(_) | Self::Insert(_) => false,
            Self::At(_, node) => node.keeps,
        }
    }
}

impl<'a> Node<'a> {
    fn leaf(kind: Kind<'a>, new: &'a Value) -> Self {
        let (edits, cost, keeps) = match &kind {
            Kind::Same => (0, 0, true),
            Kind::Put(value) => (1, EDIT_COST + value.encoded_len(), false),
            Kind::Counter(_) => (1, EDIT_COST + 9, true),
            Kind::Increment(_) => (1, EDIT_COST + 5, true),
            Kind::Inside(_) => (0, 0, true),
        };
        Self { kind, new, edits, cost, keeps }
    }

    fn inside(changes: Vec<Change<'a>>, new: &'a Value) -> Self {
        let edits = changes.iter().map(Change::edits).sum();
        let cost = changes.iter().map(Change::cost).sum();
        let keeps = changes.iter().any(Change::keeps);
        let mut node = Self { kind: Kind::Inside(changes), new, edits, cost, keeps };
        let long = cost > SHORTER * (EDIT_COST + new.encoded_len());
        if !keeps || (long && !node.counts()) {
            node = Self::leaf(Kind::Put(new), new);
        }
        node.shorten(limits::EDITS);
        node
    }

    /// Whether a counter is somewhere inside that goes on counting: a put of the whole would make it an integer.
    fn counts(&self) -> bool {
        match &self.kind {
            Kind::Same | Kind::Put(_) => false,
            Kind::Counter(_) | Kind::Increment(_) => true,
            Kind::Inside(changes) => {
                changes.iter().any(|change| matches!(change, Change::At(_, node) if node.counts()))
            }
        }
    }

    /// Makes it at most `max` edits by putting whole the smallest containers for which that suffices.
    fn shorten(&mut self, max: usize) {
        while self.edits > max {
            let excess = self.edits - max;
            let Kind::Inside(changes) = &mut self.kind else { return };
            let nodes = changes.iter_mut().filter_map(|change| match change {
                Change::At(_, node) if node.edits > 1 => Some(node),
                _ => None,
            });
            // The smallest that is enough by itself, else the largest.
            let rank = |node: &&mut Self| match node.edits > excess {
                true => (false, node.edits),
                false => (true, usize::MAX - node.edits),
            };
            let Some(node) = nodes.min_by_key(rank) else {
                *self = Self::leaf(Kind::Put(self.new), self.new);
                return;
            };
            node.shorten(node.edits.saturating_sub(excess).max(1));
            self.edits = changes.iter().map(Change::edits).sum();
        }
    }

    fn emit(self, at: Pointer, edits: &mut Vec<Edit>) {
        let op = match self.kind {
            Kind::Same => return,
            Kind::Inside(changes) => return emit_inside(changes, &at, edits),
            Kind::Put(value) => Op::Put(value.clone()),
            Kind::Counter(start) => Op::Counter(start),
            Kind::Increment(by) => Op::Increment(by),
        };
        edits.push(Edit { at, op });
    }
}

fn emit_inside(changes: Vec<Change<'_>>, at: &Pointer, edits: &mut Vec<Edit>) {
    let below = |step: Step| at.iter().cloned().chain([step]).collect::<Pointer>();
    let mut after = After::Head;
    for change in changes {
        match change {
            Change::Pass(id) => after = After::Element(ElementRef::Of(id)),
            Change::Delete(step) => edits.push(Edit { at: below(step), op: Op::Delete }),
            Change::At(step, node) => {
                if let Step::Element(element) = step {
                    after = After::Element(element);
                }
                node.emit(below(step), edits);
            }
            Change::Insert(value) => {
                // More edits than fit 32 bits are more than a statement holds.
                let index = u32::try_from(edits.len()).unwrap_or(u32::MAX);
                edits.push(Edit { at: at.clone(), op: Op::insert(after, value.clone()) });
                after = After::Element(ElementRef::Own(index, 0));
            }
        }
    }
}
