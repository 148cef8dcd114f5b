//! Edits: the operations that a write asks for, naming map keys by name and list elements by the edit that made them.

use crate::codec::Item;
use crate::id::{ElementId, StatementId};
use crate::limits;
use crate::statement::Invalid;
use crate::value::{Value, check_key};

/// A list element as an edit names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ElementRef {
    /// An element that an earlier edit of this same statement creates in the same entry: (edit, ordinal).
    Own(u32, u32),
    /// An element of a statement in the bases.
    Of(ElementId),
}

impl ElementRef {
    /// The element's name, once the statement that holds the reference has its id.
    pub fn resolve(self, own: StatementId) -> ElementId {
        match self {
            Self::Own(edit, ordinal) => ElementId { statement: own, edit, ordinal },
            Self::Of(id) => id,
        }
    }
}

/// One step of a pointer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into a map, by key.
    Key(String),
    /// Into a list, by element.
    Element(ElementRef),
}

/// Where in an entry's value an edit works; empty means the whole value.
pub type Pointer = Vec<Step>;

/// Behind which element a new one goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum After {
    /// At the head of the list.
    Head,
    /// Directly behind this element.
    Element(ElementRef),
}

/// What an edit does at its pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Puts a value at a map key, in place of an element's value, or as the whole value.
    Put(Value),
    /// Deletes a map key, removes a list element, or deletes the whole value.
    Delete,
    /// Puts a counter that starts here.
    Counter(i64),
    /// Adds to the counter at the pointer.
    Increment(i64),
    /// Inserts a new element into the list at the pointer. Boxed: by far the largest, and rare beside puts.
    Insert(Box<Inserted>),
}

/// A new element of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inserted {
    /// Behind what.
    pub after: After,
    /// What.
    pub value: Value,
}

impl Op {
    /// Inserts an element.
    pub fn insert(after: After, value: Value) -> Self {
        Self::Insert(Box::new(Inserted { after, value }))
    }

    /// The value that it brings, if it brings one.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Put(value) => Some(value),
            Self::Insert(inserted) => Some(&inserted.value),
            Self::Delete | Self::Counter(_) | Self::Increment(_) => None,
        }
    }
}

/// One operation on one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where.
    pub at: Pointer,
    /// What.
    pub op: Op,
}

const PUT: u64 = 0;
const DELETE: u64 = 1;
const COUNTER: u64 = 2;
const INCREMENT: u64 = 3;
const INSERT: u64 = 4;

fn element_item(element: ElementRef) -> Item {
    match element {
        ElementRef::Own(edit, ordinal) => Item::Array(vec![Item::uint(edit.into()), Item::uint(ordinal.into())]),
        ElementRef::Of(id) => Item::Array(vec![
            Item::bytes(id.statement.as_bytes()),
            Item::uint(id.edit.into()),
            Item::uint(id.ordinal.into()),
        ]),
    }
}

fn small(item: &Item) -> Result<u32, Invalid> {
    item.as_u64().and_then(|value| u32::try_from(value).ok()).ok_or(Invalid::Field("pointer: element number"))
}

fn element_from(item: &Item) -> Result<ElementRef, Invalid> {
    match item.as_array() {
        Some([edit, ordinal]) => Ok(ElementRef::Own(small(edit)?, small(ordinal)?)),
        Some([id, edit, ordinal]) => Ok(ElementRef::Of(ElementId {
            statement: StatementId(id.as_32().ok_or(Invalid::Field("pointer: element statement"))?),
            edit: small(edit)?,
            ordinal: small(ordinal)?,
        })),
        _ => Err(Invalid::Field("pointer: element")),
    }
}

fn step_from(item: &Item) -> Result<Step, Invalid> {
    match item {
        Item::Text(key) => {
            check_key(key).map_err(Invalid::Value)?;
            Ok(Step::Key(key.clone()))
        }
        other => element_from(other).map(Step::Element),
    }
}

fn pointer_from(item: &Item) -> Result<Pointer, Invalid> {
    let steps = item.as_array().ok_or(Invalid::Field("edit: pointer"))?;
    if steps.len() > limits::POINTER_STEPS {
        return Err(Invalid::TooMany { what: "steps of a pointer", max: limits::POINTER_STEPS, got: steps.len() });
    }
    // Sized exactly: collecting fallible steps takes at least four places for each pointer.
    let mut at = Pointer::with_capacity(steps.len());
    for step in steps {
        at.push(step_from(step)?);
    }
    Ok(at)
}

fn bounded(item: &Item, max: i64, what: &'static str) -> Result<i64, Invalid> {
    let value = item.as_i64().ok_or(Invalid::Field(what))?;
    if value.unsigned_abs() > max.unsigned_abs() { Err(Invalid::Counter { what, max }) } else { Ok(value) }
}

impl Edit {
    /// The edit as a CBOR item.
    pub fn to_item(&self) -> Item {
        let at = Item::Array(
            self.at
                .iter()
                .map(|step| match step {
                    Step::Key(key) => Item::text(key),
                    Step::Element(element) => element_item(*element),
                })
                .collect(),
        );
        Item::Array(match &self.op {
            Op::Put(value) => vec![Item::uint(PUT), at, value.to_item()],
            Op::Delete => vec![Item::uint(DELETE), at],
            Op::Counter(start) => vec![Item::uint(COUNTER), at, Item::Int((*start).into())],
            Op::Increment(by) => vec![Item::uint(INCREMENT), at, Item::Int((*by).into())],
            Op::Insert(inserted) => {
                let after = match inserted.after {
                    After::Head => Item::Null,
                    After::Element(element) => element_item(element),
                };
                vec![Item::uint(INSERT), at, after, inserted.value.to_item()]
            }
        })
    }

    /// Bytes of the edit in a statement.
    pub fn encoded_len(&self) -> usize {
        crate::codec::encode(&self.to_item()).len()
    }

    /// Reads an edit. `Ok(None)`: an operation that this format version does not know.
    pub fn from_item(item: &Item) -> Result<Option<Self>, Invalid> {
        let parts = item.as_array().ok_or(Invalid::Field("edit"))?;
        let code = parts.first().and_then(Item::as_u64).ok_or(Invalid::Field("edit: operation"))?;
        let at = |item: &Item| pointer_from(item);
        let value = |item: &Item| Value::from_item(item).map_err(Invalid::Value);
        let edit = match (code, parts) {
            (PUT, [_, pointer, new]) => Self { at: at(pointer)?, op: Op::Put(value(new)?) },
            (DELETE, [_, pointer]) => Self { at: at(pointer)?, op: Op::Delete },
            (COUNTER, [_, pointer, start]) => {
                Self { at: at(pointer)?, op: Op::Counter(bounded(start, limits::COUNTER_START, "a counter's start")?) }
            }
            (INCREMENT, [_, pointer, by]) => {
                Self { at: at(pointer)?, op: Op::Increment(bounded(by, limits::COUNTER_STEP, "an increment")?) }
            }
            (INSERT, [_, pointer, after, new]) => {
                let after = match after {
                    Item::Null => After::Head,
                    other => After::Element(element_from(other)?),
                };
                Self { at: at(pointer)?, op: Op::insert(after, value(new)?) }
            }
            (PUT..=INSERT, _) => return Err(Invalid::Field("edit: number of parts")),
            _ => return Ok(None),
        };
        Ok(Some(edit))
    }
}
