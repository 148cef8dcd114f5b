//! How far a change got, as `wait` shows it.

use driftless_client::api::{Change, Reach};

use super::ago;
use crate::args::Goal;
use crate::out::{Ink, Paint};
use crate::table::{Cell, plain, row, table};

/// How many nodes must have it. At least one, so that nobody waits for nothing.
pub fn needed(goal: Goal, expected: u32) -> u32 {
    match goal {
        Goal::All => expected.max(1),
        Goal::Percent(percent) => {
            let exact = u64::from(expected) * u64::from(percent);
            u32::try_from(exact.div_ceil(100)).unwrap_or(u32::MAX).max(1)
        }
        Goal::Count(count) => count,
    }
}

/// A line that says how far it is.
pub fn progress(change: &Change, needed: u32) -> String {
    let has = change.has.len();
    let waiting: Vec<String> = change.lacks.iter().chain(&change.unknown).map(name_and_why).collect();
    let rest = if waiting.is_empty() { String::new() } else { format!("; waiting for {}", waiting.join(", ")) };
    format!("{has} of {} nodes have it, {needed} needed{rest}", change.expected)
}

fn name_and_why(reach: &Reach) -> String {
    let name = if reach.name.is_empty() { reach.node.short() } else { plain(&reach.name) };
    if reach.why.is_empty() { name } else { format!("{name} ({})", reach.why.replace('_', " ")) }
}

/// A table of nodes.
pub fn nodes(paint: Paint, change: &Change) -> String {
    let rows = |state: &'static str, ink: Ink, list: &[Reach]| -> Vec<Vec<Cell>> {
        list.iter()
            .map(|reach| {
                let name = if reach.name.is_empty() { "-" } else { &reach.name };
                row![
                    name,
                    reach.node.short(),
                    Cell::ink(state, ink),
                    ago(Some(reach.since_seconds)),
                    reach.why.as_str()
                ]
            })
            .collect()
    };
    let mut all = rows("has it", Ink::Good, &change.has);
    all.extend(rows("lacks it", Ink::Bad, &change.lacks));
    all.extend(rows("unknown", Ink::Warn, &change.unknown));
    table(paint, &["NODE", "KEY", "STATE", "SINCE", "WHY"], &all)
}
