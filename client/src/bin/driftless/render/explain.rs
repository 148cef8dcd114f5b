//! Why an entry reads as it does, as `explain` shows it.

use driftless_client::api::{Approval, Explanation};
use driftless_statement::{StatementId, Value, json};

use super::{Now, conflicts, statements};
use crate::out::{Ink, Paint};
use crate::table::{Cell, row, shorten, table};

/// The whole explanation.
pub fn explanation(paint: Paint, now: Now, told: &Explanation) -> String {
    let mut sections = vec![summary(paint, told)];
    if !told.winners.is_empty() {
        sections.push(winners(paint, told));
    }
    if !told.conflicts.is_empty() {
        let shown: String = told.conflicts.iter().map(|conflict| conflicts::one(paint, conflict)).collect();
        sections.push(format!("{}\n{shown}", paint.ink(Ink::Warn, "Concurrent edits of the same place:")));
    }
    if !told.kept_out.is_empty() {
        let shown = statements::long(paint, now, &told.kept_out);
        sections.push(format!("{}\n{shown}", paint.ink(Ink::Warn, "Statements that do not show:")));
    }
    if !told.chains.is_empty() {
        sections.push(format!("Authority, each grant relying on the next, up to genesis:\n{}", chains(told)));
    }
    sections.join("\n")
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), |value| shorten(&json::to_string(value), 100))
}

fn summary(paint: Paint, told: &Explanation) -> String {
    let mut text = format!("{}\n", paint.ink(Ink::Strong, told.path.as_str()));
    if told.merged == told.effective {
        text.push_str(&format!("  value      {}\n", shown(told.merged.as_ref())));
    } else {
        text.push_str(&format!("  merged     {}\n", shown(told.merged.as_ref())));
        text.push_str(&format!("  effective  {} (the merged value waits)\n", shown(told.effective.as_ref())));
    }
    let heads: Vec<String> = told.heads.iter().map(StatementId::short).collect();
    text.push_str(&format!("  heads      {}\n", if heads.is_empty() { "none".to_owned() } else { heads.join(", ") }));
    text
}

fn winners(paint: Paint, told: &Explanation) -> String {
    let rows: Vec<Vec<Cell>> = told
        .winners
        .iter()
        .map(|winner| {
            let pointer = if winner.pointer.is_empty() { "the whole value" } else { &winner.pointer };
            let value = shorten(&json::to_string(&winner.value), 40);
            row![pointer, value, winner.id.short(), winner.author.short(), winner.time.as_str()]
        })
        .collect();
    table(paint, &["WHERE", "VALUE", "STATEMENT", "AUTHOR", "TIME"], &rows)
}

fn chains(told: &Explanation) -> String {
    let line = |(id, chain): (&StatementId, &Vec<StatementId>)| {
        let links: Vec<String> = chain.iter().map(StatementId::short).collect();
        let links = if links.is_empty() { "no grant that stands".to_owned() } else { links.join(" → ") };
        format!("  {}  relies on {links}\n", id.short())
    };
    let approved = |(id, list): (&StatementId, &Vec<Approval>)| {
        let by: Vec<String> = list.iter().map(approval).collect();
        format!("  {}  approved by {}\n", id.short(), by.join(", "))
    };
    let chains: String = told.chains.iter().map(line).collect();
    chains + &told.approvals.iter().map(approved).collect::<String>()
}

/// One that adds nothing says why.
fn approval(approval: &Approval) -> String {
    match approval.fate.as_str() {
        "fit" => approval.key.short(),
        fate => format!("{} ({fate})", approval.key.short()),
    }
}
