//! Groups of recipients and sealed values, as `secret` shows them.

use crate::commands::secret::{Listed, Resealed, SecretRow};
use crate::out::{Ink, Paint};
use crate::table::{Cell, row, table};

/// Words, or a mark where there are none, so that columns can be told apart.
fn words(words: &[String]) -> String {
    if words.is_empty() { "-".to_owned() } else { words.join(",") }
}

/// A row for each recipient.
pub fn recipients(paint: Paint, listed: &[Listed]) -> String {
    if listed.is_empty() {
        return "No recipients; add one with `driftless secret recipients add GROUP NAME age1…`\n".to_owned();
    }
    let node = |one: &Listed| one.node.map_or_else(|| "-".to_owned(), |node| node.short().to_string());
    let rows: Vec<Vec<Cell>> = listed
        .iter()
        .map(|one| row![one.group.as_str(), one.name.as_str(), one.recipient.as_str(), node(one)])
        .collect();
    table(paint, &["GROUP", "NAME", "RECIPIENT", "NODE"], &rows)
}

/// A row for each path that is, or was, to be sealed anew.
pub fn resealed(paint: Paint, rows: &[Resealed]) -> String {
    let outcome = |one: &Resealed| match one.outcome {
        "resealed" => Cell::ink("sealed anew", Ink::Good),
        "would_reseal" => Cell::ink("would be sealed anew", Ink::Warn),
        "failed" => Cell::ink("failed", Ink::Bad),
        other => Cell::ink(other, Ink::Warn),
    };
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|one| {
            let mut cells = row![one.path.as_str(), words(&one.added), words(&one.removed)];
            cells.insert(1, outcome(one));
            cells.push(Cell::from(one.reason.as_deref().unwrap_or("-")));
            cells
        })
        .collect();
    if cells.is_empty() {
        return String::new();
    }
    table(paint, &["PATH", "OUTCOME", "ADDED", "REMOVED", "REASON"], &cells)
}

/// A row for each sealed value.
pub fn status(paint: Paint, rows: &[SecretRow]) -> String {
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|one| {
            let known = match one.known_to.is_empty() {
                true => Cell::from("-"),
                false => Cell::ink(format!("{} (rotate)", one.known_to.join(",")), Ink::Bad),
            };
            let mut cells = row![one.path.as_str(), one.group.as_str(), words(&one.sealed_to)];
            cells.push(state(one));
            cells.push(known);
            cells
        })
        .collect();
    if cells.is_empty() {
        return String::new();
    }
    table(paint, &["PATH", "GROUP", "SEALED TO", "STATE", "KNOWN TO"], &cells)
}

fn state(one: &SecretRow) -> Cell {
    let mut why = Vec::new();
    if !one.lacks.is_empty() {
        why.push(format!("not to {}", one.lacks.join(",")));
    }
    if !one.still.is_empty() {
        why.push(format!("still to {}", one.still.join(",")));
    }
    match one.state {
        "current" => Cell::ink("current", Ink::Good),
        "stale" if why.is_empty() => Cell::ink("stale: names changed", Ink::Warn),
        "stale" => Cell::ink(format!("stale: {}", why.join("; ")), Ink::Warn),
        "no_group" => Cell::ink("its group is absent", Ink::Bad),
        _ => Cell::ink(format!("unreadable: {}", one.reason.as_deref().unwrap_or_default()), Ink::Bad),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn one(path: &str, state: &'static str) -> SecretRow {
        SecretRow {
            path: path.parse().unwrap(),
            group: "web".to_owned(),
            sealed_to: vec!["a".to_owned(), "b".to_owned()],
            state,
            lacks: Vec::new(),
            still: Vec::new(),
            known_to: Vec::new(),
            reason: None,
        }
    }

    #[test]
    fn a_status_says_what_is_left_to_do() {
        let names = |name: &str| vec![name.to_owned()];
        let rows = [
            one("shop/a", "current"),
            SecretRow { lacks: names("c"), still: names("b"), known_to: names("d"), ..one("shop/b", "stale") },
            one("shop/c", "no_group"),
        ];
        let said = "PATH    GROUP  SEALED TO  STATE                        KNOWN TO\n\
                    shop/a  web    a,b        current                      -\n\
                    shop/b  web    a,b        stale: not to c; still to b  d (rotate)\n\
                    shop/c  web    a,b        its group is absent          -\n";
        assert_eq!(status(Paint::NONE, &rows), said);
        assert_eq!(status(Paint::NONE, &[]), "");
    }

    #[test]
    fn each_path_has_its_outcome() {
        let row = Resealed {
            path: "shop/a".parse().unwrap(),
            outcome: "failed",
            added: vec!["c".to_owned()],
            removed: Vec::new(),
            reason: Some("no".to_owned()),
        };
        let said = "PATH    OUTCOME  ADDED  REMOVED  REASON\nshop/a  failed   c      -        no\n";
        assert_eq!(resealed(Paint::NONE, &[row]), said);
    }
}
