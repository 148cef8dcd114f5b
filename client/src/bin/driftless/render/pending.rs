//! What waits for signatures and approvals.

use driftless_client::api::{PendingInfo, PendingList, StatementInfo, WantedInfo};
use driftless_client::clock::{self, rfc3339_millis};
use driftless_client::readable;
use driftless_statement::{PublicKey, Statement};

use super::Now;
use crate::out::{Ink, Paint};
use crate::table::{Cell, plain, row, shorten, table};

/// A row for each statement; what it says below.
pub fn list(paint: Paint, list: &PendingList, now: Now) -> String {
    if list.pending.is_empty() {
        return "Nothing waits for approvals\n".to_owned();
    }
    let rows: Vec<Vec<Cell>> = list.pending.iter().map(|one| cells(one, now)).collect();
    let mut text = table(paint, &["STATEMENT", "KIND", "AUTHOR", "AGE", "HAVE", "WAITS FOR", "SAYS"], &rows);
    let more = list.total.saturating_sub(list.pending.len() as u64);
    if more > 0 {
        text.push_str(&format!("and {more} more; give --limit\n"));
    }
    text
}

fn cells(one: &PendingInfo, now: Now) -> Vec<Cell> {
    let info = &one.statement;
    let age = clock::hlc_millis(&info.hlc).map(|then| clock::age(now.0, then)).unwrap_or_default();
    let unmet = || one.wanted.iter().filter(|wanted| wanted.have < wanted.need);
    let have: Vec<String> = unmet().map(|wanted| format!("{}/{}", wanted.have, wanted.need)).collect();
    let waits: Vec<String> = unmet().map(missing).collect();
    row![
        info.id.to_string(),
        info.kind.as_str(),
        info.author.short(),
        age,
        Cell::ink(have.join(" "), Ink::Warn),
        waits.join("; "),
        first_words(info)
    ]
}

/// The keys that could still give one.
fn missing(wanted: &WantedInfo) -> String {
    let left: Vec<String> = wanted.of.iter().filter(|key| !wanted.by.contains(key)).map(PublicKey::short).collect();
    let need = wanted.need.saturating_sub(wanted.have);
    if left.len() as u64 > need { format!("{need} of {}", left.join(",")) } else { left.join(",") }
}

fn first_words(info: &StatementInfo) -> String {
    let first = info.edits.iter().flatten().next().map(String::as_str).unwrap_or_default();
    let edits: usize = info.edits.iter().map(Vec::len).sum();
    let place = info.paths.first().filter(|_| info.kind == "write").map(|path| format!("{path}: ")).unwrap_or_default();
    let more = if edits > 1 { format!(" and {} more", edits - 1) } else { String::new() };
    format!("{place}{}{more}", shorten(first, 60))
}

/// What is about to be approved, whole, so that what is signed was seen.
pub fn approved(statement: &Statement) -> String {
    let (kind, time) = (statement.body.word(), rfc3339_millis(statement.hlc.millis()));
    let mut lines = vec![format!("approving a {kind} by {} of {time}:", statement.author)];
    lines.extend(readable::whole(statement).iter().map(|line| format!("  {}", plain(line))));
    lines.join("\n")
}
