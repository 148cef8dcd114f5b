//! Entries as `get` shows them.

use driftless_client::api::Item;
use driftless_statement::{Path, Value, json};
use serde::Serialize;

use crate::out::{Ink, Paint};
use crate::table::{Cell, row, shorten, table};

/// An entry in the form that `apply` reads.
#[derive(Debug, Clone, Serialize)]
pub struct Document {
    pub path: Path,
    pub value: Value,
}

impl From<&Item> for Document {
    fn from(item: &Item) -> Self {
        Self { path: item.path.clone(), value: item.value.clone() }
    }
}

/// Characters of a value in a table.
const VALUE_WIDTH: usize = 60;

/// Entries under a prefix.
pub fn listing(paint: Paint, items: &[Item]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<Cell>> = items
        .iter()
        .map(|item| row![item.path.as_str(), shorten(&json::to_string(&item.value), VALUE_WIDTH), notes(item)])
        .collect();
    table(paint, &["PATH", "VALUE", "NOTES"], &rows)
}

fn notes(item: &Item) -> Cell {
    let conflicts = match item.conflicts {
        0 => None,
        1 => Some("1 conflict".to_owned()),
        many => Some(format!("{many} conflicts")),
    };
    let differs = item.differs.then(|| "merged value waits for activation".to_owned());
    let notes: Vec<String> = conflicts.into_iter().chain(differs).collect();
    if notes.is_empty() { Cell::from("") } else { Cell::ink(notes.join(", "), Ink::Warn) }
}

/// One entry's value, indented.
pub fn value(item: &Item) -> String {
    json::to_pretty(&item.value)
}

/// What happened to an entry, as one line of `get --watch`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Seen {
    /// There at the beginning, new, or changed.
    Put { path: Path, value: Value, revision: String },
    /// Gone.
    Delete { path: Path },
}

/// A line of a watch.
pub fn seen(paint: Paint, seen: &Seen) -> String {
    match seen {
        Seen::Put { path, value, .. } => format!("{path}  {}\n", shorten(&json::to_string(value), VALUE_WIDTH * 2)),
        Seen::Delete { path } => format!("{path}  {}\n", paint.ink(Ink::Bad, "deleted")),
    }
}
