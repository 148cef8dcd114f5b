//! What services and operators write.

use driftless_core::machine::{CallId, Event, LocalChange, LocalEdit, Precondition};
use driftless_core::view::View;
use driftless_statement::{Note, Path, Value};

use super::World;
use super::founding::{Change, NODES_WRITE, OPERATORS_WRITE};
use crate::plan::How;

/// The two entries of a pair: always written together.
pub fn pair_paths(pair: usize) -> (Path, Path) {
    (path(format!("{OPERATORS_WRITE}/pair-{pair}/left")), path(format!("{OPERATORS_WRITE}/pair-{pair}/right")))
}

/// Whether the first entry of a pair has a value.
pub fn pair_is_there(view: &View, pair: usize) -> bool {
    view.get_text(&format!("{OPERATORS_WRITE}/pair-{pair}/left")).is_some_and(|entry| entry.effective.is_some())
}

fn path(text: String) -> Path {
    Path::parse(&text).unwrap_or_else(|bad| panic!("the simulator names an entry badly: {bad}"))
}

fn text(text: impl Into<std::sync::Arc<str>>) -> Value {
    Value::Text(text.into())
}

fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

impl World {
    pub(super) fn write(&mut self, number: usize) {
        let write = self.case.plan.writes[number];
        let here = &self.nodes[write.node];
        self.measure.writes += 1;
        let Some(machine) = &here.machine else {
            self.measure.sometimes("a write found its node down");
            return self.measure.refused("its node was down");
        };
        if write.bytes > 16 * 1_024 {
            self.measure.sometimes("a value over 16 KiB was written");
        }
        if here.is_paused() {
            return self.measure.refused("its node stood still");
        }
        let value = Value::Int(i128::from(write.value));
        let entry = path(format!("{NODES_WRITE}/service-{}/entry-{}", write.entry % 7, write.entry));
        let wall_ms = self.now(write.node).wall_ms;
        let change = match write.how {
            How::Pair | How::Count => {
                let (paths, change) = if write.how == How::Pair {
                    let (left, right) = pair_paths(write.entry / 4);
                    (vec![left, right], Change::Put(value))
                } else {
                    (vec![path(format!("{OPERATORS_WRITE}/count-{}", write.entry % 5))], Change::Count(1))
                };
                let Some(signed) = self.mesh.operate(machine, wall_ms, &paths, &change) else {
                    return self.measure.refused("the operator's node did not know enough");
                };
                return self.submit(write.node, vec![signed.wire().to_vec()], Some(number));
            }
            How::Put => {
                let fill = text("x".repeat(write.bytes));
                LocalChange::Put(map([("n", value), ("fill", fill), ("list", Value::List(Vec::new()))]))
            }
            How::Merge => LocalChange::MergePatch(map([("m", value)])),
            How::Append => {
                let op = map([("op", text("add")), ("path", text("/list/-")), ("value", value)]);
                LocalChange::JsonPatch(Value::List(vec![op]))
            }
            How::Delete => LocalChange::Delete,
        };
        let edit = LocalEdit { path: entry, change, precondition: Precondition::None, note: Note::default() };
        let call = self.call(write.node, Some(number));
        self.step(write.node, Event::Write { call, edit });
    }

    /// A call of a local service, about a write of the plan if any.
    pub(super) fn call(&mut self, node: usize, write: Option<usize>) -> CallId {
        self.next_call += 1;
        if let Some(write) = write {
            self.nodes[node].calls.insert(self.next_call, (write, self.now_us));
        }
        CallId(self.next_call)
    }

    /// Statements signed elsewhere, to a node's door.
    pub(super) fn submit(&mut self, node: usize, statements: Vec<Vec<u8>>, write: Option<usize>) {
        let call = self.call(node, write);
        self.step(node, Event::Submit { call, statements });
    }
}
