//! Conflicts as `conflicts` shows them.

use driftless_client::api::{ConflictInfo, ConflictSide, Conflicts};

use crate::out::{Ink, Paint};
use crate::table::shorten;

/// Open conflicts, the side that shows first.
pub fn conflicts(paint: Paint, answer: &Conflicts) -> String {
    let mut text: String = answer.conflicts.iter().map(|conflict| one(paint, conflict)).collect();
    let rest = answer.total.saturating_sub(answer.conflicts.len() as u64);
    if rest > 0 {
        text.push_str(&format!("and {rest} more; show them with --limit\n"));
    }
    text
}

/// One conflict.
pub fn one(paint: Paint, conflict: &ConflictInfo) -> String {
    let pointer = if conflict.pointer.is_empty() { "the whole value" } else { &conflict.pointer };
    let head = paint.ink(Ink::Strong, &format!("{} {pointer}", conflict.path));
    format!(
        "{head}\n  {} {}\n  {} {}\n",
        paint.ink(Ink::Good, "shows "),
        side(&conflict.winner),
        paint.ink(Ink::Warn, "hidden"),
        side(&conflict.loser)
    )
}

fn side(side: &ConflictSide) -> String {
    format!("{}  {}  by {}  {}", side.id.short(), side.time, side.author.short(), shorten(&side.edit, 80))
}
