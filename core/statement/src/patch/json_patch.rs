//! JSON patches (RFC 6902), operation by operation on a copy of the tree: each becomes the one edit that says the same.

use super::{BadPatch, Fault, WORK_BYTES};
use crate::diff::{self, BadPointer, element, same, tokens};
use crate::edit::{After, Edit, ElementRef, Op, Pointer, Step};
use crate::id::{ElementId, StatementId};
use crate::limits;
use crate::tree::{self, Tree};
use crate::value::Value;

/// Operations of one patch: tests and moves on the way to the 256 edits that a statement may have.
const OPERATIONS: usize = 4 * limits::EDITS;
/// Stands for the statement that does not exist yet: elements named by it are the patch's own.
const OWN: StatementId = StatementId::NONE;

/// The edits that a JSON patch asks for, atomically: when one operation fails there are none. `add`, `remove` and
/// `replace` become one edit each, `move` two; a `replace` by what is there already becomes none. `add` at a list index
/// inserts behind the element before. At most [`limits::EDITS`].
pub fn json_patch(old: Option<&Tree>, ops: &Value) -> Result<Vec<Edit>, BadPatch> {
    let Value::List(ops) = ops else { return Err(BadPatch::NotAList) };
    if ops.len() > OPERATIONS {
        return Err(BadPatch::TooMany { max: OPERATIONS, got: ops.len() });
    }
    let bytes = old.map_or(0, |tree| tree.to_value().encoded_len());
    let mut work = Work { root: old.cloned(), edits: Vec::new(), bytes };
    for (index, op) in ops.iter().enumerate() {
        work.operation(op).map_err(|(pointer, why)| BadPatch::Operation {
            index,
            op: member_text(op, "op").unwrap_or_default().to_owned(),
            pointer,
            why,
        })?;
    }
    work.finish(old)
}

fn member<'v>(op: &'v Value, name: &'static str) -> Result<&'v Value, Fault> {
    match op {
        Value::Map(members) => members.get(name).ok_or(Fault::Member(name)),
        _ => Err(Fault::Unknown),
    }
}

fn member_text<'v>(op: &'v Value, name: &'static str) -> Result<&'v str, Fault> {
    match member(op, name)? {
        Value::Text(text) => Ok(text),
        _ => Err(Fault::Member(name)),
    }
}

/// The tree after the operations so far, and the edits that made it.
struct Work {
    root: Option<Tree>,
    edits: Vec<Edit>,
    /// Bytes of value that the tree has and the operations so far have put; what they removed is not taken off.
    bytes: usize,
}

/// The pointer to blame, and why.
type Blamed = (String, Fault);

impl Work {
    fn operation(&mut self, op: &Value) -> Result<(), Blamed> {
        let path = member_text(op, "path");
        let blame = |why: Fault| (path.clone().unwrap_or_default().to_owned(), why);
        let name = member_text(op, "op").map_err(|_| blame(Fault::Unknown))?;
        let path = path.clone().map_err(blame)?;
        match name {
            "add" => self.add(path, tree_of(member(op, "value").map_err(blame)?)).map_err(blame),
            "replace" => self.replace(path, member(op, "value").map_err(blame)?).map_err(blame),
            "test" => self.test(path, member(op, "value").map_err(blame)?).map_err(blame),
            "remove" => self.remove(path).map(drop).map_err(blame),
            "move" | "copy" => {
                let from = member_text(op, "from").map_err(blame)?;
                let blame_from = |why: Fault| (from.to_owned(), why);
                if name == "copy" {
                    let found = self.find(from).map_err(blame_from)?.clone();
                    return self.add(path, found).map_err(blame);
                }
                if from == path {
                    return self.find(from).map(drop).map_err(blame_from);
                }
                if path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/')) {
                    return Err(blame_from(Fault::IntoItself));
                }
                let taken = self.remove(from).map_err(blame_from)?;
                self.add(path, taken).map_err(blame)
            }
            _ => Err(blame(Fault::Unknown)),
        }
    }

    /// What lies at a pointer.
    fn find(&self, pointer: &str) -> Result<&Tree, Fault> {
        let mut tree = self.root.as_ref().ok_or(Fault::Absent)?;
        for token in tokens(pointer)? {
            tree = child(tree, token)?.1;
        }
        Ok(tree)
    }

    /// The pointer of edits to what lies at a pointer.
    fn resolve(&self, pointer: &str) -> Result<Pointer, Fault> {
        self.walk(&tokens(pointer)?).map(|(at, _)| at)
    }

    fn walk(&self, tokens: &[String]) -> Result<(Pointer, &Tree), Fault> {
        let root = self.root.as_ref().ok_or(Fault::Absent)?;
        tokens.iter().try_fold((Pointer::new(), root), |(mut at, tree), token| {
            let (step, next) = child(tree, token.clone())?;
            at.push(step);
            Ok((at, next))
        })
    }

    fn add(&mut self, path: &str, new: Tree) -> Result<(), Fault> {
        let tokens = tokens(path)?;
        let Some((last, parents)) = tokens.split_last() else { return self.put(Pointer::new(), &new) };
        let (mut at, parent) = self.walk(parents)?;
        match parent {
            Tree::Map(_) => {
                at.push(Step::Key(last.clone()));
                self.put(at, &new)
            }
            Tree::List(items) => {
                let after = place(items, last)?;
                self.edit(Edit { at, op: Op::insert(after, new.to_value()) })
            }
            Tree::Leaf(_) | Tree::Counter(_) => Err(BadPointer::NotAContainer(last.clone()).into()),
        }
    }

    fn replace(&mut self, path: &str, new: &Value) -> Result<(), Fault> {
        match self.find(path)? {
            old if same(old, new) => Ok(()),
            Tree::Counter(sum) => {
                let op = match new {
                    Value::Int(number) => diff::counter_of(*sum, *number),
                    _ => Op::Put(new.clone()),
                };
                let at = self.resolve(path)?;
                self.edit(Edit { at, op })
            }
            Tree::Leaf(_) | Tree::List(_) | Tree::Map(_) => {
                let at = self.resolve(path)?;
                self.put(at, &tree_of(new))
            }
        }
    }

    fn test(&self, path: &str, want: &Value) -> Result<(), Fault> {
        if same(self.find(path)?, want) { Ok(()) } else { Err(Fault::Differs) }
    }

    fn remove(&mut self, path: &str) -> Result<Tree, Fault> {
        let taken = self.find(path)?.clone();
        let at = self.resolve(path)?;
        self.edit(Edit { at, op: Op::Delete })?;
        Ok(taken)
    }

    fn put(&mut self, at: Pointer, new: &Tree) -> Result<(), Fault> {
        let op = match new {
            Tree::Counter(start) if start.unsigned_abs() <= limits::COUNTER_START.unsigned_abs() => Op::Counter(*start),
            Tree::Leaf(_) | Tree::Counter(_) | Tree::List(_) | Tree::Map(_) => Op::Put(new.to_value()),
        };
        self.edit(Edit { at, op })
    }

    fn edit(&mut self, edit: Edit) -> Result<(), Fault> {
        if let Some(value) = edit.op.value() {
            value.check()?;
            self.bytes += value.encoded_len();
        }
        if self.bytes > WORK_BYTES {
            return Err(Fault::TooLarge);
        }
        let index = u32::try_from(self.edits.len()).unwrap_or(u32::MAX);
        tree::apply_at(&mut self.root, OWN, index, &edit).map_err(|_| Fault::Absent)?;
        self.edits.push(edit);
        Ok(())
    }

    fn finish(self, old: Option<&Tree>) -> Result<Vec<Edit>, BadPatch> {
        if self.root.as_ref() == old {
            return Ok(Vec::new());
        }
        let Some(root) = self.root else { return Ok(diff::delete()) };
        let new = root.to_value();
        new.check()?;
        Ok(if self.edits.len() > limits::EDITS { diff::diff(old, &new) } else { self.edits })
    }
}

/// A value as a tree of the patch: only `copy` and `move` ask for the names inside, and put them as values again.
fn tree_of(value: &Value) -> Tree {
    Tree::build(value, &mut tree::Naming { statement: OWN, edit: 0, next: 0 })
}

/// The step into a child that is there.
fn child(tree: &Tree, token: String) -> Result<(Step, &Tree), Fault> {
    match tree {
        Tree::Map(entries) => {
            let next = entries.get(&token).ok_or(Fault::Absent)?;
            Ok((Step::Key(token), next))
        }
        Tree::List(items) => {
            let (id, next) = element(items, &token)?;
            Ok((Step::Element(name(*id)), next))
        }
        Tree::Leaf(_) | Tree::Counter(_) => Err(BadPointer::NotAContainer(token).into()),
    }
}

fn name(id: ElementId) -> ElementRef {
    if id.statement == OWN { ElementRef::Own(id.edit, id.ordinal) } else { ElementRef::Of(id) }
}

/// Behind which element an insertion at an index goes; `-` and the length mean the end.
fn place(items: &[(ElementId, Tree)], step: &str) -> Result<After, Fault> {
    let behind = |item: Option<&(ElementId, Tree)>| item.map_or(After::Head, |(id, _)| After::Element(name(*id)));
    if step == "-" || step == items.len().to_string() {
        return Ok(behind(items.last()));
    }
    let (next, _) = element(items, step)?;
    let before = items.iter().take_while(|(id, _)| id != next).last();
    Ok(behind(before))
}
