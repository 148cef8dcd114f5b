//! The tables of a replayed history: what it came to, and each conflict explained. It must not know how a replay is made.

use super::markup::{Markup, element};
use super::tables::Holds::{Numbers, Words};
use super::tables::{self, table};
use super::words::{count, plural};
use crate::record::{ConflictExplained, HistoryTold, Record, ScopeEqual, ValueDiffers};

/// The tables of a replayed history.
pub fn tables(told: &HistoryTold) -> Markup {
    let small = what_it_came_to(told).then(scopes(told));
    let long = explained(told).then(differ(told));
    element("div", &[("class", &"explained")], long).then(element("div", &[("class", &"tables")], small))
}

/// Open conflicts, where they are not explained already.
pub fn conflicts(record: &Record) -> Markup {
    if record.history.is_some() { Markup::none() } else { tables::conflicts(record) }
}

/// What it came to, in a few words each.
pub fn told(told: &HistoryTold) -> Vec<String> {
    vec![
        format!("{}, {}", plural(told.commits, "commit"), plural(told.merges, "merge")),
        format!("{} for {}", plural(told.statements, "statement"), plural(told.changes, "change")),
        format!("{} of {} as its last line says", count(told.equal), plural(told.paths, "path")),
        format!("{} open, each explained", plural(told.open, "conflict")),
    ]
}

fn row(name: &str, figure: u64) -> Vec<String> {
    vec![name.to_owned(), count(figure)]
}

fn what_it_came_to(told: &HistoryTold) -> Markup {
    let rows = [
        row("commits", told.commits),
        row("merges among them", told.merges),
        row("authors", told.authors),
        row("changes", told.changes),
        row("statements that carry them", told.statements),
        row("changes that changed nothing where they were made", told.unchanged),
        row("meetings of two nodes at forks", told.forks_met),
        row("meetings of two nodes at merges", told.merges_met),
        row("meetings that brought conflicts up", told.merges_in_conflict),
        row("most conflicts open at a node", told.most_open),
        row("conflicts open at the end", told.open),
        row("paths that were ever changed", told.paths),
        row("of them last changed by somebody who had seen all changes", told.settled),
        row("paths as the history's last line says", told.equal),
        row("live values in the mesh", told.live.0),
        row("live values in the history", told.live.1),
    ];
    table("What the history came to", &[("what", Words), ("how many", Numbers)], &rows)
}

fn explained(told: &HistoryTold) -> Markup {
    let columns = [
        ("entry", Words),
        ("where in it", Words),
        ("what shows", Words),
        ("the later side", Words),
        ("the other", Words),
        ("why it stands", Words),
    ];
    let row = |one: &ConflictExplained| {
        let pointer = if one.pointer.is_empty() { "the whole entry" } else { &one.pointer };
        [&one.path, pointer, &one.shows, &one.winner, &one.loser, &one.why].map(str::to_owned).to_vec()
    };
    table("Each open conflict, explained", &columns, &told.conflicts.iter().map(row).collect::<Vec<_>>())
}

fn scopes(told: &HistoryTold) -> Markup {
    let columns = [("scope", Words), ("statements", Numbers), ("set", Words), ("merged", Words), ("effective", Words)];
    let row = |one: &ScopeEqual| {
        let (set, merged, effective) = one.digests.clone();
        vec![one.scope.clone(), count(one.statements), set, merged, effective]
    };
    table("Equal on every node at the end", &columns, &told.scopes.iter().map(row).collect::<Vec<_>>())
}

fn differ(told: &HistoryTold) -> Markup {
    let columns = [("path", Words), ("last in the history", Words), ("why the mesh shows another value", Words)];
    let row = |one: &ValueDiffers| vec![one.path.clone(), one.last.clone(), one.why.clone()];
    let title = "Paths that are not as the history's last line says";
    table(title, &columns, &told.differ.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_each_conflict_with_both_sides_and_its_reason() {
        let conflict = ConflictExplained {
            path: "app/<a>".to_owned(),
            winner: "commit 2 by author 1: deleted".to_owned(),
            why: "made without each other".to_owned(),
            ..ConflictExplained::default()
        };
        let history = HistoryTold { conflicts: vec![conflict], open: 1, ..HistoryTold::default() };
        let drawn = tables(&history).into_string();
        for part in ["app/&lt;a&gt;", "the whole entry", "commit 2 by author 1: deleted", "made without each other"] {
            assert!(drawn.contains(part), "{part} is not in {drawn}");
        }
        assert!(told(&history).contains(&"1 conflict open, each explained".to_owned()));
    }
}
