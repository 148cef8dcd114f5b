//! An entry's value with the names of its list elements, and the plain meaning of edits on it when nothing is concurrent.

use std::collections::BTreeMap;

use crate::edit::{After, Edit, ElementRef, Op, Pointer, Step};
use crate::id::{ElementId, StatementId};
use crate::value::Value;

/// A value whose list elements have names and whose counters are told from integers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// null, boolean, number or text.
    Leaf(Value),
    /// A counter; reads as an integer.
    Counter(i64),
    /// A list of named elements.
    List(Vec<(ElementId, Tree)>),
    /// A map; keys in byte order.
    Map(BTreeMap<String, Tree>),
}

/// Why one edit of a statement was skipped; the statement's other edits stand.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// Nothing lies where the pointer leads, or what lies there is not of the kind that the next step needs.
    #[error("the target is not there")]
    NoTarget,
    /// The element to insert behind is not in the list.
    #[error("the element to insert behind is not there")]
    NoAnchor,
    /// An increment of something that is no counter.
    #[error("the target is not a counter")]
    NotACounter,
    /// An insert into something that is no list.
    #[error("the target is not a list")]
    NotAList,
}

/// Numbers the list elements that one edit creates.
pub struct Naming {
    /// The statement that the edit belongs to.
    pub statement: StatementId,
    /// Index of the edit among its entry's edits.
    pub edit: u32,
    /// The next ordinal.
    pub next: u32,
}

impl Naming {
    /// The name for the next element.
    pub fn take(&mut self) -> ElementId {
        let ordinal = self.next;
        self.next = self.next.saturating_add(1);
        ElementId { statement: self.statement, edit: self.edit, ordinal }
    }
}

impl Tree {
    /// A value as a tree, its list elements named parents first, left to right, map keys in byte order.
    pub fn build(value: &Value, naming: &mut Naming) -> Self {
        match value {
            Value::List(items) => Self::List(
                items
                    .iter()
                    .map(|item| {
                        let id = naming.take();
                        (id, Self::build(item, naming))
                    })
                    .collect(),
            ),
            Value::Map(entries) => {
                Self::Map(entries.iter().map(|(key, value)| (key.clone(), Self::build(value, naming))).collect())
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {
                Self::Leaf(value.clone())
            }
        }
    }

    /// The plain value.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Leaf(value) => value.clone(),
            Self::Counter(sum) => Value::Int((*sum).into()),
            Self::List(items) => Value::List(items.iter().map(|(_, item)| item.to_value()).collect()),
            Self::Map(entries) => {
                Value::Map(entries.iter().map(|(key, value)| (key.clone(), value.to_value())).collect())
            }
        }
    }

    fn child(&mut self, step: &Step, own: StatementId) -> Option<&mut Self> {
        match (self, step) {
            (Self::Map(entries), Step::Key(key)) => entries.get_mut(key),
            (Self::List(items), Step::Element(element)) => {
                let id = element.resolve(own);
                items.iter_mut().find(|(found, _)| *found == id).map(|(_, item)| item)
            }
            _ => None,
        }
    }

    fn descend<'a>(&'a mut self, steps: &[Step], own: StatementId) -> Option<&'a mut Self> {
        steps.iter().try_fold(self, |tree, step| tree.child(step, own))
    }
}

/// Applies one entry's edits of one statement, in order, to its value (`None`: the entry is absent).
/// Returns the edits skipped, with their index.
pub fn apply(root: &mut Option<Tree>, statement: StatementId, edits: &[Edit]) -> Vec<(u32, Skip)> {
    let numbered = edits.iter().zip(0u32..);
    numbered
        .filter_map(|(edit, index)| apply_at(root, statement, index, edit).err().map(|skip| (index, skip)))
        .collect()
}

/// Applies one edit: the one with this index among the statement's edits of the entry.
pub fn apply_at(root: &mut Option<Tree>, own: StatementId, index: u32, edit: &Edit) -> Result<(), Skip> {
    let mut naming = Naming { statement: own, edit: index, next: 0 };
    match &edit.op {
        Op::Put(value) => put(root, own, &edit.at, |naming| Tree::build(value, naming), &mut naming),
        Op::Counter(start) => put(root, own, &edit.at, |_| Tree::Counter(*start), &mut naming),
        Op::Delete => delete(root, own, &edit.at),
        Op::Increment(by) => match target(root, own, &edit.at)? {
            Tree::Counter(sum) => {
                *sum = sum.saturating_add(*by);
                Ok(())
            }
            Tree::Leaf(_) | Tree::List(_) | Tree::Map(_) => Err(Skip::NotACounter),
        },
        Op::Insert(inserted) => match target(root, own, &edit.at)? {
            Tree::List(items) => insert(items, own, inserted.after, &inserted.value, &mut naming),
            Tree::Leaf(_) | Tree::Counter(_) | Tree::Map(_) => Err(Skip::NotAList),
        },
    }
}

fn target<'a>(root: &'a mut Option<Tree>, own: StatementId, at: &Pointer) -> Result<&'a mut Tree, Skip> {
    root.as_mut().and_then(|tree| tree.descend(at, own)).ok_or(Skip::NoTarget)
}

fn put(
    root: &mut Option<Tree>,
    own: StatementId,
    at: &Pointer,
    make: impl FnOnce(&mut Naming) -> Tree,
    naming: &mut Naming,
) -> Result<(), Skip> {
    let Some((last, parents)) = at.split_last() else {
        *root = Some(make(naming));
        return Ok(());
    };
    let parent = root.as_mut().and_then(|tree| tree.descend(parents, own)).ok_or(Skip::NoTarget)?;
    match (parent, last) {
        (Tree::Map(entries), Step::Key(key)) => {
            entries.insert(key.clone(), make(naming));
            Ok(())
        }
        (parent @ Tree::List(_), Step::Element(_)) => {
            *parent.child(last, own).ok_or(Skip::NoTarget)? = make(naming);
            Ok(())
        }
        _ => Err(Skip::NoTarget),
    }
}

fn delete(root: &mut Option<Tree>, own: StatementId, at: &Pointer) -> Result<(), Skip> {
    let Some((last, parents)) = at.split_last() else {
        return root.take().map(drop).ok_or(Skip::NoTarget);
    };
    let parent = root.as_mut().and_then(|tree| tree.descend(parents, own)).ok_or(Skip::NoTarget)?;
    match (parent, last) {
        (Tree::Map(entries), Step::Key(key)) => entries.remove(key).map(drop).ok_or(Skip::NoTarget),
        (Tree::List(items), Step::Element(element)) => {
            let id = element.resolve(own);
            let at = items.iter().position(|(found, _)| *found == id).ok_or(Skip::NoTarget)?;
            items.remove(at);
            Ok(())
        }
        _ => Err(Skip::NoTarget),
    }
}

fn insert(
    items: &mut Vec<(ElementId, Tree)>,
    own: StatementId,
    after: After,
    value: &Value,
    naming: &mut Naming,
) -> Result<(), Skip> {
    let position = |element: ElementRef| items.iter().position(|(found, _)| *found == element.resolve(own));
    let at = match after {
        After::Head => 0,
        After::Element(element) => position(element).ok_or(Skip::NoAnchor)? + 1,
    };
    let id = naming.take();
    let tree = Tree::build(value, naming);
    items.insert(at, (id, tree));
    Ok(())
}
