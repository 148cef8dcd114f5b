//! What would be signed, as `diff` and `apply` show it: the very edits, in words.

use driftless_client::sign::{Desired, Edited};
use serde::Serialize;

use super::count;
use crate::out::{Ink, Paint};
use crate::table::shorten;

/// One entry of a plan, for programs.
#[derive(Debug, Clone, Serialize)]
pub struct PlanRow {
    pub path: String,
    /// `create`, `change` or `delete`.
    pub action: &'static str,
    pub edits: Vec<String>,
}

/// The plan for programs.
pub fn rows(edited: &[Edited]) -> Vec<PlanRow> {
    let row =
        |entry: &Edited| PlanRow { path: entry.merged.path.to_string(), action: action(entry), edits: entry.words() };
    edited.iter().map(row).collect()
}

fn action(entry: &Edited) -> &'static str {
    match (&entry.wanted, &entry.before) {
        (Desired::Absent, _) => "delete",
        (Desired::Value(_), None) => "create",
        (Desired::Value(_), Some(_)) => "change",
    }
}

/// The plan for people.
pub fn plan(paint: Paint, rows: &[PlanRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let (sign, ink) = match row.action {
            "create" => ("+", Ink::Good),
            "delete" => ("-", Ink::Bad),
            _ => ("~", Ink::Warn),
        };
        text.push_str(&format!("{} {}\n", paint.ink(ink, sign), paint.ink(Ink::Strong, &row.path)));
        if row.action != "delete" {
            text.extend(row.edits.iter().map(|edit| format!("    {}\n", shorten(edit, 160))));
        }
    }
    text
}

/// How many of each.
pub fn summary(rows: &[PlanRow], unchanged: usize) -> String {
    let of = |action: &str| rows.iter().filter(|row| row.action == action).count();
    format!(
        "{} to create, {} to change, {} to delete, {unchanged} unchanged ({})",
        of("create"),
        of("change"),
        of("delete"),
        count(rows.iter().map(|row| row.edits.len()).sum(), "edit", "edits")
    )
}
