//! One entry as an Automerge document, for as long as its history is concurrent. It knows statements by id and edits,
//! never trust, limits or other entries.
//!
//! Every change is made here, by replaying statements in the order of (HLC, id); no change is ever received. So operation
//! ids ascend in that order, and Automerge's own tie-breaks (the value shown at a key, the order of elements inserted at
//! one place) follow (HLC, id) too, whatever the length of anybody's history.
//!
//! The root key `v` holds the value. A list element is a map of its own, `{v: value}`, so that an element keeps its
//! identity when its value is replaced. A delete of an element therefore outlives a concurrent put in it, while a put at
//! a map key outlives a concurrent delete of that key.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{
    ActorId, Automerge, AutomergeError, ChangeHash, ObjId, ObjType, PatchLog, ROOT, ReadDoc, ScalarValue,
    Value as Found, hydrate,
};
use driftless_statement::tree::Naming;
use driftless_statement::{After, Edit, ElementId, ElementRef, Op, Skip, StatementId, Step, Tree, Value};

/// The key under which the root and every element keep their value.
pub(super) const V: &str = "v";

/// Automerge refused, or one of the assertions on its own invariants failed. It must cost a statement, not the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EngineFailed;

impl From<AutomergeError> for EngineFailed {
    fn from(_: AutomergeError) -> Self {
        Self
    }
}

impl From<automerge::PatchLogMismatch> for EngineFailed {
    fn from(_: automerge::PatchLogMismatch) -> Self {
        Self
    }
}

/// The names of list elements and the objects that stand for them.
#[derive(Debug, Clone, Default)]
pub(super) struct Elements {
    objects: BTreeMap<ElementId, ObjId>,
    pub(super) names: BTreeMap<ObjId, ElementId>,
}

impl Elements {
    fn record(&mut self, name: ElementId, object: ObjId) {
        self.names.insert(object.clone(), name);
        self.objects.insert(name, object);
    }
}

/// A document that begins with a merged value that all its statements have seen, and holds those statements.
#[derive(Debug, Clone)]
pub(super) struct Doc {
    pub(super) automerge: Automerge,
    /// Who wrote, by the number that an actor id begins with; the first is the seed.
    pub(super) writers: Vec<StatementId>,
    /// Where the document stood after each statement.
    heads: BTreeMap<StatementId, Vec<ChangeHash>>,
    seed: Vec<ChangeHash>,
    pub(super) elements: Elements,
}

/// What lies at a place.
struct Target {
    object: ObjId,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Map,
    List,
    Counter,
    Other,
}

/// A place that a value can be put at: a key of an object.
struct Place {
    object: ObjId,
    key: String,
}

fn kind_of(value: &Found<'_>) -> Kind {
    match value {
        Found::Object(ObjType::Map) => Kind::Map,
        Found::Object(ObjType::List) => Kind::List,
        Found::Object(ObjType::Text | ObjType::Table) => Kind::Other,
        Found::Scalar(scalar) if scalar.is_counter() => Kind::Counter,
        Found::Scalar(_) => Kind::Other,
    }
}

/// The actor of the `number`-th change: ascending, so that a new one never renumbers those before it, and short enough
/// to be stored in place. The statement's own bytes are there for whoever reads a dump.
fn actor(number: usize, statement: StatementId) -> ActorId {
    let number = u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let bytes: Vec<u8> = number.iter().chain(statement.0.iter().take(12)).copied().collect();
    ActorId::from(bytes)
}

pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T, EngineFailed>) -> Result<T, EngineFailed> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(EngineFailed))
}

impl Doc {
    /// A document that begins with this value. Every statement applied later must have seen all of it.
    pub(super) fn begin(seed: Option<&Tree>) -> Result<Self, EngineFailed> {
        guarded(|| {
            let mut doc = Self {
                automerge: Automerge::new(),
                writers: vec![StatementId::NONE],
                heads: BTreeMap::new(),
                seed: Vec::new(),
                elements: Elements::default(),
            };
            if let Some(tree) = seed {
                doc.automerge.set_actor(actor(0, StatementId::NONE));
                let mut tx = ManuallyDrop::new(doc.automerge.transaction());
                write_tree(&mut tx, &mut doc.elements, &Place { object: ROOT, key: V.into() }, tree)?;
                let done = ManuallyDrop::into_inner(tx).commit_with(CommitOptions::default().with_time(0));
                doc.seed = done.0.into_iter().collect();
            }
            Ok(doc)
        })
    }

    /// Applies a statement's edits where the document stood at its bases (those before the seed are the seed), and says
    /// which edits were skipped. Statements must come in ascending order. When it fails, the document must be dropped.
    pub(super) fn apply(
        &mut self,
        statement: StatementId,
        bases: &[StatementId],
        edits: &[Edit],
    ) -> Result<Vec<(u32, Skip)>, EngineFailed> {
        guarded(|| {
            #[cfg(test)]
            super::engine_test::strike(statement);
            let at: BTreeSet<ChangeHash> =
                bases.iter().flat_map(|base| self.heads.get(base).unwrap_or(&self.seed)).copied().collect();
            let at: Vec<ChangeHash> = at.into_iter().collect();
            self.automerge.set_actor(actor(self.writers.len(), statement));
            let mut now = self.automerge.get_heads();
            now.sort_unstable();
            // Reading the present needs no clock: much cheaper than reading the past.
            let tx = match now == at {
                true => self.automerge.transaction(),
                false => self.automerge.transaction_at(PatchLog::inactive(), &at)?,
            };
            let mut change = Change { tx: ManuallyDrop::new(tx), elements: &mut self.elements, own: statement };
            let mut skipped = Vec::new();
            for (edit, index) in edits.iter().zip(0u32..) {
                if let Err(skip) = change.edit(index, edit)? {
                    skipped.push((index, skip));
                }
            }
            let Change { tx, .. } = change;
            match ManuallyDrop::into_inner(tx).commit_with(CommitOptions::default().with_time(0)).0 {
                Some(hash) => {
                    self.writers.push(statement);
                    self.heads.insert(statement, vec![hash]);
                }
                None => drop(self.heads.insert(statement, at)),
            }
            Ok(skipped)
        })
    }
}

fn tree_scalar(value: &Value) -> Option<ScalarValue> {
    Some(match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(value) => ScalarValue::Boolean(*value),
        Value::Int(value) => match i64::try_from(*value) {
            Ok(value) => ScalarValue::Int(value),
            Err(_) => ScalarValue::Uint(u64::try_from(*value).unwrap_or(u64::MAX)),
        },
        Value::Float(value) => ScalarValue::F64(*value),
        Value::Text(text) => ScalarValue::Str((**text).into()),
        Value::List(_) | Value::Map(_) => return None,
    })
}

/// Puts a value at a key that may hold anything. A put always writes: Automerge would drop one that repeats the scalar
/// already there, which is deleted first; of a counter it says the sum, and not what it began with.
fn write_scalar(tx: &mut Transaction<'_>, at: &Place, scalar: ScalarValue) -> Result<(), EngineFailed> {
    let repeats = |found: &ScalarValue| *found == scalar || (found.is_counter() && scalar.is_counter());
    if tx.get(&at.object, at.key.as_str())?.is_some_and(|(found, _)| found.as_scalar().is_some_and(repeats)) {
        tx.delete(&at.object, at.key.as_str())?;
    }
    Ok(tx.put(&at.object, at.key.as_str(), scalar)?)
}

fn write_tree(tx: &mut Transaction<'_>, names: &mut Elements, at: &Place, tree: &Tree) -> Result<(), EngineFailed> {
    match hydrated(tree).ok_or(EngineFailed)? {
        hydrate::Value::Scalar(scalar) => write_scalar(tx, at, scalar),
        // At one go: a third of the cost of one operation for each member (measured on maps of three).
        nested => {
            let object = tx.batch_create_object(&at.object, at.key.as_str(), &nested, false)?;
            name_elements(tx, names, &object, tree)
        }
    }
}

/// A value as Automerge takes it whole, each list element in a map of its own.
fn hydrated(tree: &Tree) -> Option<hydrate::Value> {
    Some(match tree {
        Tree::Leaf(value) => hydrate::Value::Scalar(tree_scalar(value)?),
        Tree::Counter(sum) => hydrate::Value::Scalar(ScalarValue::counter(*sum)),
        Tree::List(items) => {
            let wrapped = items.iter().map(|(_, item)| hydrated_map([(V, item)].into_iter()));
            wrapped.collect::<Option<Vec<hydrate::Value>>>()?.into()
        }
        Tree::Map(entries) => hydrated_map(entries.iter().map(|(key, item)| (key.as_str(), item)))?,
    })
}

/// Automerge writes the members in the order of their keys, whatever order it keeps them in here.
fn hydrated_map<'a>(entries: impl Iterator<Item = (&'a str, &'a Tree)>) -> Option<hydrate::Value> {
    let mut map = hydrate::Map::default();
    for (key, item) in entries {
        map.insert(key.to_owned(), hydrate::MapValue { value: hydrated(item)?, conflict: false });
    }
    Some(map.into())
}

/// Learns which objects stand for the elements of lists that were just written.
fn name_elements(tx: &Transaction<'_>, names: &mut Elements, object: &ObjId, tree: &Tree) -> Result<(), EngineFailed> {
    let inner = |from: &ObjId, key: &str| tx.get(from, key).map(|found| found.map(|(_, object)| object));
    match tree {
        Tree::Leaf(_) | Tree::Counter(_) => {}
        Tree::List(items) => {
            let wrappers: Vec<ObjId> = tx.list_range(object, ..).map(|item| item.id()).collect();
            for ((name, item), wrapper) in items.iter().zip(wrappers) {
                names.record(*name, wrapper.clone());
                if has_list(item) {
                    name_elements(tx, names, &inner(&wrapper, V)?.ok_or(EngineFailed)?, item)?;
                }
            }
        }
        Tree::Map(entries) => {
            for (key, item) in entries.iter().filter(|(_, item)| has_list(item)) {
                name_elements(tx, names, &inner(object, key)?.ok_or(EngineFailed)?, item)?;
            }
        }
    }
    Ok(())
}

fn has_list(tree: &Tree) -> bool {
    match tree {
        Tree::Leaf(_) | Tree::Counter(_) => false,
        Tree::List(items) => !items.is_empty(),
        Tree::Map(entries) => entries.values().any(has_list),
    }
}

/// One statement's change while it is made.
struct Change<'a> {
    /// Not dropped on failure: rolling back could fail again, and a panic in a panic ends the process.
    tx: ManuallyDrop<Transaction<'a>>,
    elements: &'a mut Elements,
    own: StatementId,
}

impl Change<'_> {
    fn edit(&mut self, index: u32, edit: &Edit) -> Result<Result<(), Skip>, EngineFailed> {
        let mut naming = Naming { statement: self.own, edit: index, next: 0 };
        match &edit.op {
            Op::Put(value) => self.put(&edit.at, |_| Tree::build(value, &mut naming)),
            Op::Counter(start) => self.put(&edit.at, |_| Tree::Counter(*start)),
            Op::Delete => self.delete(&edit.at),
            Op::Increment(by) => self.increment(&edit.at, *by),
            Op::Insert(inserted) => {
                let name = naming.take();
                let tree = Tree::build(&inserted.value, &mut naming);
                self.insert(&edit.at, inserted.after, name, &tree)
            }
        }
    }

    fn at(&self, place: &Place) -> Result<Option<Target>, EngineFailed> {
        let found = self.tx.get(&place.object, place.key.as_str())?;
        Ok(found.map(|(value, object)| Target { kind: kind_of(&value), object }))
    }

    /// The element's place in a list, while it is there.
    fn position(&self, list: &ObjId, element: ElementRef) -> Option<(usize, ObjId)> {
        let wrapper = self.elements.objects.get(&element.resolve(self.own))?;
        let index = self.tx.list_range(list, ..).position(|item| item.id() == *wrapper)?;
        Some((index, wrapper.clone()))
    }

    /// Where a step out of an object leads: a key that may be free, or an element that is there.
    fn step(&self, from: &Target, step: &Step) -> Option<Place> {
        match (from.kind, step) {
            (Kind::Map, Step::Key(key)) => Some(Place { object: from.object.clone(), key: key.clone() }),
            (Kind::List, Step::Element(element)) => {
                let (_, wrapper) = self.position(&from.object, *element)?;
                Some(Place { object: wrapper, key: V.into() })
            }
            _ => None,
        }
    }

    fn target(&self, at: &[Step]) -> Result<Option<Target>, EngineFailed> {
        let mut found = self.at(&Place { object: ROOT, key: V.into() })?;
        for step in at {
            let Some(place) = found.and_then(|target| self.step(&target, step)) else { return Ok(None) };
            found = self.at(&place)?;
        }
        Ok(found)
    }

    /// The place that a pointer ends at, and the object it lies in.
    fn place(&self, at: &[Step]) -> Result<Option<Place>, EngineFailed> {
        let Some((last, parents)) = at.split_last() else {
            return Ok(Some(Place { object: ROOT, key: V.into() }));
        };
        Ok(self.target(parents)?.and_then(|parent| self.step(&parent, last)))
    }

    fn put(&mut self, at: &[Step], make: impl FnOnce(()) -> Tree) -> Result<Result<(), Skip>, EngineFailed> {
        let Some(place) = self.place(at)? else { return Ok(Err(Skip::NoTarget)) };
        write_tree(&mut self.tx, self.elements, &place, &make(()))?;
        Ok(Ok(()))
    }

    fn delete(&mut self, at: &[Step]) -> Result<Result<(), Skip>, EngineFailed> {
        if let Some((Step::Element(element), parents)) = at.split_last() {
            let list = self.target(parents)?.filter(|target| target.kind == Kind::List);
            let found = list.and_then(|list| Some((self.position(&list.object, *element)?.0, list.object)));
            let Some((index, list)) = found else { return Ok(Err(Skip::NoTarget)) };
            self.tx.delete(&list, index)?;
            return Ok(Ok(()));
        }
        let Some(place) = self.place(at)? else { return Ok(Err(Skip::NoTarget)) };
        if self.at(&place)?.is_none() {
            return Ok(Err(Skip::NoTarget));
        }
        self.tx.delete(&place.object, place.key.as_str())?;
        Ok(Ok(()))
    }

    fn increment(&mut self, at: &[Step], by: i64) -> Result<Result<(), Skip>, EngineFailed> {
        let Some(target) = self.target(at)? else { return Ok(Err(Skip::NoTarget)) };
        if target.kind != Kind::Counter {
            return Ok(Err(Skip::NotACounter));
        }
        let Some(place) = self.place(at)? else { return Err(EngineFailed) };
        self.tx.increment(&place.object, place.key.as_str(), by)?;
        Ok(Ok(()))
    }

    fn insert(
        &mut self,
        at: &[Step],
        after: After,
        name: ElementId,
        tree: &Tree,
    ) -> Result<Result<(), Skip>, EngineFailed> {
        let Some(target) = self.target(at)? else { return Ok(Err(Skip::NoTarget)) };
        if target.kind != Kind::List {
            return Ok(Err(Skip::NotAList));
        }
        let index = match after {
            After::Head => 0,
            After::Element(element) => match self.position(&target.object, element) {
                Some((index, _)) => index + 1,
                None => return Ok(Err(Skip::NoAnchor)),
            },
        };
        let wrapper = self.tx.insert_object(&target.object, index, ObjType::Map)?;
        self.elements.record(name, wrapper.clone());
        write_tree(&mut self.tx, self.elements, &Place { object: wrapper, key: V.into() }, tree)?;
        Ok(Ok(()))
    }
}
