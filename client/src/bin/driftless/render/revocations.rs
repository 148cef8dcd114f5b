//! Revocations, what a key has said, and what acts would change.

use std::collections::BTreeMap;

use driftless_client::api::{Author, GrantInfo, Preview, RevocationInfo};
use driftless_statement::json;

use super::count;
use crate::out::{Ink, Paint};
use crate::table::{Cell, row, table};

/// The longest value shown whole.
const SHOWN: usize = 60;

/// Revocations, as `revoke` without arguments shows them.
pub fn list(paint: Paint, revocations: &[RevocationInfo]) -> String {
    if revocations.is_empty() {
        return "No key was revoked\n".to_owned();
    }
    let rows: Vec<Vec<Cell>> = revocations
        .iter()
        .map(|one| {
            let state = if one.state == "authorised" { Ink::Good } else { Ink::Warn };
            row![
                one.id.short(),
                one.rank.to_string(),
                one.key.short(),
                if one.prefix.is_empty() { "/" } else { &one.prefix },
                one.accepts.to_string(),
                one.strikes.len().to_string(),
                one.issuer.short(),
                Cell::ink(one.state.as_str(), state)
            ]
        })
        .collect();
    table(paint, &["REVOCATION", "RANK", "KEY", "PREFIX", "ACCEPTS", "STRIKES", "ISSUER", "STATE"], &rows)
}

/// A grant that a key relies on.
pub fn relied_on(grant: &GrantInfo) -> String {
    let prefix = if grant.prefix.is_empty() { "/" } else { &grant.prefix };
    format!("relies on grant {}: {} on {prefix}, by {}", grant.id, grant.verbs.join(","), grant.issuer.short())
}

/// What a revocation keeps of what its key said, a line for each scope.
pub fn frontier(said: &Author, nothing: bool) -> String {
    if said.scopes.is_empty() {
        return format!("{} has said nothing there that counts", said.key);
    }
    let line = |scope: &driftless_client::api::AuthorScope| {
        let (kept, void) = if nothing { (0, scope.kept + scope.left_out) } else { (scope.kept, scope.left_out) };
        let last = scope.last.as_deref().filter(|_| kept > 0).map(|last| format!(", the last of {last}"));
        format!(
            "{}: accepts {}{}; leaves out {void}",
            scope.scope,
            count(kept as usize, "statement", "statements"),
            last.unwrap_or_default()
        )
    };
    said.scopes.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn by_scope(counts: &BTreeMap<String, u64>) -> String {
    counts.iter().map(|(scope, count)| format!("{count} in {scope}")).collect::<Vec<_>>().join(", ")
}

fn value(value: Option<&driftless_statement::Value>) -> String {
    let Some(value) = value else { return "(absent)".to_owned() };
    let text = json::to_string(value);
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN).chain(['…']).collect() }
}

/// What acts would change.
pub fn preview(paint: Paint, preview: &Preview) -> String {
    let mut lines = Vec::new();
    if !preview.voided.is_empty() {
        lines.push(format!("Void: statements that count now, {}", by_scope(&preview.voided)));
    }
    if !preview.restored.is_empty() {
        lines.push(format!("Counts again: {}", by_scope(&preview.restored)));
    }
    lines.extend(preview.members_lost.iter().map(|key| format!("No member any more: node {key}")));
    lines.extend(preview.members_won.iter().map(|key| format!("A member: node {key}")));
    let again = "issue it again, if it was good";
    lines.extend(preview.revocations_lost.iter().map(|id| format!("Falls: revocation {id}; {again}")));
    if preview.entries.is_empty() {
        lines.push("No entry changes".to_owned());
    }
    let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    if !preview.entries.is_empty() {
        let rows: Vec<Vec<Cell>> = preview
            .entries
            .iter()
            .map(|turn| row![turn.path.to_string(), value(turn.now.as_ref()), value(turn.then.as_ref())])
            .collect();
        text.push_str(&table(paint, &["ENTRY", "NOW", "THEN"], &rows));
    }
    text
}
