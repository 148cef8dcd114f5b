//! Statements as `history` and `log` show them.

use driftless_client::api::StatementInfo;
use driftless_client::clock;
use driftless_statement::StatementId;

use super::Now;
use crate::out::{Ink, Paint};
use crate::table::{Cell, plain, row, shorten, table};

/// A table of statements, one a line.
pub fn short(paint: Paint, now: Now, statements: &[StatementInfo]) -> String {
    if statements.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<Cell>> = statements
        .iter()
        .map(|info| {
            row![
                info.id.short(),
                age(now, info),
                info.author.short(),
                fate(info),
                shorten(&what(info), 48),
                shorten(&info.note.reason, 40)
            ]
        })
        .collect();
    table(paint, &["STATEMENT", "AGE", "AUTHOR", "FATE", "WHAT", "REASON"], &rows)
}

fn age(now: Now, info: &StatementInfo) -> String {
    clock::hlc_millis(&info.hlc).map_or_else(|| info.time.clone(), |then| clock::age(now.0, then))
}

fn fate(info: &StatementInfo) -> Cell {
    let text = match &info.reason {
        Some(reason) => format!("{}: {}", info.fate, shorten(reason, 30)),
        None => info.fate.clone(),
    };
    Cell::ink(text, ink(&info.fate))
}

/// The ink of a fate.
pub fn ink(fate: &str) -> Ink {
    match fate {
        "fit" => Ink::Good,
        "pending" | "not_due" => Ink::Warn,
        _ => Ink::Bad,
    }
}

/// What a statement does, in a few words.
pub fn what(info: &StatementInfo) -> String {
    match (info.paths.as_slice(), info.edits.as_slice()) {
        ([], _) => info.kind.clone(),
        ([path], [edits]) => match edits.as_slice() {
            [edit] => format!("{path}: {edit}"),
            edits => format!("{path}: {} edits", edits.len()),
        },
        ([path, ..], _) => format!("{path} and {} more", info.paths.len() - 1),
    }
}

/// Statements with their edits, notes and bases.
pub fn long(paint: Paint, now: Now, statements: &[StatementInfo]) -> String {
    statements.iter().map(|info| one(paint, now, info)).collect::<Vec<_>>().join("\n")
}

/// One statement in full.
pub fn one(paint: Paint, now: Now, info: &StatementInfo) -> String {
    let reason = info.reason.as_ref().map(|reason| format!(": {}", plain(reason))).unwrap_or_default();
    let mut lines = vec![
        paint.ink(Ink::Strong, &format!("{} {}", info.kind, info.id)),
        format!("  author  {}", info.author),
        format!("  grant   {}", info.grant),
        format!("  time    {} ({} ago)", info.time, age(now, info)),
    ];
    // Of a statement that only was read nobody has said what becomes of it.
    if !info.fate.is_empty() {
        lines.push(format!("  fate    {}{reason}", paint.ink(ink(&info.fate), &info.fate)));
    }
    let notes = [("reason", &info.note.reason), ("ticket", &info.note.ticket), ("trace", &info.note.traceparent)];
    lines.extend(
        notes.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| format!("  {name:<7} {}", plain(text))),
    );
    for (index, path) in info.paths.iter().enumerate() {
        let bases: Vec<String> = info.bases.get(path).into_iter().flatten().map(|id| id.short()).collect();
        let bases = if bases.is_empty() { "nothing".to_owned() } else { bases.join(", ") };
        lines.push(format!("  {path} (on {bases})"));
        lines.extend(info.edits.get(index).into_iter().flatten().map(|edit| format!("    {}", shorten(edit, 200))));
    }
    if info.paths.is_empty() {
        lines.extend(info.edits.iter().flatten().map(|edit| format!("    {}", plain(edit))));
    }
    lines.extend(info.skipped.iter().map(|skipped| format!("  skipped {}", plain(skipped))));
    lines.join("\n") + "\n"
}

/// What became of statements that were handed in.
pub fn outcomes<'a>(paint: Paint, told: impl Iterator<Item = (StatementId, &'a str, &'a str, String)>) -> String {
    let rows: Vec<Vec<Cell>> = told
        .map(|(id, kind, outcome, detail)| {
            let ink = if matches!(outcome, "stored" | "known") { Ink::Good } else { Ink::Bad };
            row![id.to_string(), kind, Cell::ink(outcome, ink), detail]
        })
        .collect();
    table(paint, &["STATEMENT", "KIND", "OUTCOME", "WHY"], &rows)
}
