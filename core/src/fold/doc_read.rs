//! Reading a document: the merged value, and who wrote what in it. It writes nothing.

use automerge::{ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value as Found};
use driftless_statement::{ElementRef, Pointer, StatementId, Step, Tree, Value};

use super::doc::{Doc, EngineFailed, V, guarded};

impl Doc {
    /// The merged value of everything applied.
    pub(super) fn tree(&self) -> Result<Option<Tree>, EngineFailed> {
        guarded(|| {
            let Some((value, object)) = self.automerge.get(ROOT, V)? else { return Ok(None) };
            self.read(&value, &object).map(Some)
        })
    }

    fn read(&self, value: &Found<'_>, object: &ObjId) -> Result<Tree, EngineFailed> {
        Ok(match value {
            Found::Object(ObjType::List) => Tree::List(
                self.automerge
                    .list_range(object, ..)
                    .filter_map(|item| {
                        let wrapper = item.id();
                        let name = self.elements.names.get(&wrapper)?;
                        Some(self.read_at(&wrapper, V).map(|tree| (*name, tree)))
                    })
                    .collect::<Result<_, _>>()?,
            ),
            Found::Object(_) => Tree::Map(
                self.automerge
                    .map_range(object, ..)
                    .map(|item| {
                        let tree = self.read(&item.value.clone().into_value(), &item.id())?;
                        Ok((item.key.into_owned(), tree))
                    })
                    .collect::<Result<_, EngineFailed>>()?,
            ),
            Found::Scalar(scalar) => scalar_tree(scalar),
        })
    }

    fn read_at(&self, object: &ObjId, key: &str) -> Result<Tree, EngineFailed> {
        let (value, id) = self.automerge.get(object, key)?.ok_or(EngineFailed)?;
        self.read(&value, &id)
    }

    /// Who wrote each leaf of the merged value: scalars, counters, empty maps and empty lists.
    pub(super) fn writers(&self) -> Result<Vec<(Pointer, Tree, StatementId)>, EngineFailed> {
        guarded(|| {
            let mut found = Vec::new();
            if let Some((value, object)) = self.automerge.get(ROOT, V)? {
                self.trace(&value, &object, &mut Vec::new(), &mut found)?;
            }
            Ok(found)
        })
    }

    fn trace(
        &self,
        value: &Found<'_>,
        object: &ObjId,
        at: &mut Pointer,
        found: &mut Vec<(Pointer, Tree, StatementId)>,
    ) -> Result<(), EngineFailed> {
        let before = found.len();
        match value {
            Found::Object(ObjType::List) => {
                for wrapper in self.automerge.list_range(object, ..).map(|item| item.id()) {
                    let name = self.elements.names.get(&wrapper).ok_or(EngineFailed)?;
                    let (value, id) = self.automerge.get(&wrapper, V)?.ok_or(EngineFailed)?;
                    at.push(Step::Element(ElementRef::Of(*name)));
                    self.trace(&value, &id, at, found)?;
                    at.pop();
                }
            }
            Found::Object(_) => {
                for item in self.automerge.map_range(object, ..) {
                    at.push(Step::Key(item.key.to_string()));
                    self.trace(&item.value.clone().into_value(), &item.id(), at, found)?;
                    at.pop();
                }
            }
            Found::Scalar(_) => {}
        }
        if found.len() == before {
            found.push((at.clone(), self.read(value, object)?, self.writer(object)));
        }
        Ok(())
    }

    /// The statement whose change made this operation.
    fn writer(&self, id: &ObjId) -> StatementId {
        let number = match id {
            ObjId::Root => None,
            ObjId::Id(_, actor, _) => actor.to_bytes().first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes)),
        };
        let number = number.and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
        self.writers.get(number).copied().unwrap_or(StatementId::NONE)
    }
}

fn scalar_tree(scalar: &ScalarValue) -> Tree {
    match scalar {
        ScalarValue::Counter(counter) => Tree::Counter(counter.into()),
        ScalarValue::Str(text) => Tree::Leaf(Value::Text(text.to_string().into())),
        ScalarValue::Int(value) => Tree::Leaf(Value::Int((*value).into())),
        ScalarValue::Uint(value) => Tree::Leaf(Value::Int((*value).into())),
        ScalarValue::F64(value) => Tree::Leaf(Value::Float(*value)),
        ScalarValue::Boolean(value) => Tree::Leaf(Value::Bool(*value)),
        // The last three kinds are never written here.
        ScalarValue::Null | ScalarValue::Bytes(_) | ScalarValue::Timestamp(_) | ScalarValue::Unknown { .. } => {
            Tree::Leaf(Value::Null)
        }
    }
}
