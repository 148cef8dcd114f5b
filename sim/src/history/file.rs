//! The history as its file tells it: one JSON line for each commit, parents first. It must not know the mesh.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::Path as FilePath;

use driftless_statement::{Path, Value, json};
use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::world::NODES_WRITE;

/// Why a file is no history. Nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum BadHistory {
    /// It cannot be read.
    #[error("{0}; give a file of one JSON line for each commit, plain or as .gz")]
    File(#[from] std::io::Error),
    /// A line is no commit.
    #[error("line {line}: {reason}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// It holds no commit.
    #[error("the file holds no commit")]
    Empty,
}

/// One commit. Commits are numbered from 0 in the file's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The commits that it was made from: numbers below its own.
    pub parents: Vec<usize>,
    /// When, Unix seconds.
    pub time: u64,
    /// Who, as a number.
    pub author: u64,
    /// Paths that it gave another value, and to which: none deletes.
    pub changes: Vec<(Path, Option<Value>)>,
}

/// A history.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// All commits, parents first.
    pub commits: Vec<Commit>,
}

#[derive(Deserialize)]
struct Line {
    id: usize,
    parents: Vec<usize>,
    time: u64,
    author: u64,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    path: String,
    value: Option<Value>,
}

impl History {
    /// Reads a file, unpacked when its name ends in `.gz`; the first commits only, when so many are given.
    pub fn read(file: &FilePath, commits: Option<usize>) -> Result<Self, BadHistory> {
        let open = std::fs::File::open(file)?;
        let packed = file.extension().is_some_and(|extension| extension == "gz");
        let plain: Box<dyn Read> = if packed { Box::new(GzDecoder::new(open)) } else { Box::new(open) };
        Self::parse(BufReader::new(plain).lines().take(commits.unwrap_or(usize::MAX)))
    }

    /// Reads lines.
    pub fn parse(lines: impl Iterator<Item = std::io::Result<String>>) -> Result<Self, BadHistory> {
        let mut history = Self::default();
        for line in lines {
            let (text, number) = (line?, history.commits.len());
            let commit = commit(&text, number).map_err(|reason| BadHistory::Line { line: number + 1, reason })?;
            history.commits.push(commit);
        }
        if history.commits.is_empty() { Err(BadHistory::Empty) } else { Ok(history) }
    }

    /// The last value that the file's order gives each path that is live at its end.
    pub fn last(&self) -> BTreeMap<&Path, &Value> {
        let mut last = BTreeMap::new();
        for (path, value) in self.commits.iter().flat_map(|commit| &commit.changes) {
            match value {
                Some(value) => drop(last.insert(path, value)),
                None => drop(last.remove(path)),
            }
        }
        last
    }

    /// Merges: commits of more than one parent.
    pub fn merges(&self) -> usize {
        self.commits.iter().filter(|commit| commit.parents.len() > 1).count()
    }

    /// Changes of all commits.
    pub fn changes(&self) -> usize {
        self.commits.iter().map(|commit| commit.changes.len()).sum()
    }

    /// How many authors there are.
    pub fn authors(&self) -> usize {
        self.commits.iter().map(|commit| commit.author).collect::<BTreeSet<_>>().len()
    }
}

fn commit(text: &str, number: usize) -> Result<Commit, String> {
    let line: Line = json::read(text.as_bytes()).map_err(|bad| bad.to_string())?;
    if line.id != number {
        return Err(format!("has id {}; ids count from 0, one a line", line.id));
    }
    if let Some(parent) = line.parents.iter().find(|parent| **parent >= number) {
        return Err(format!("names parent {parent}, which does not stand before it"));
    }
    let path = |name: &str| Path::parse(&format!("{NODES_WRITE}/{name}")).map_err(|bad| format!("{name:?}: {bad}"));
    let changes = line.changes.into_iter().map(|change| Ok((path(&change.path)?, change.value)));
    let changes = changes.collect::<Result<Vec<_>, String>>()?;
    let paths: BTreeSet<&Path> = changes.iter().map(|(path, _)| path).collect();
    if paths.len() < changes.len() {
        return Err("changes one path twice".to_owned());
    }
    Ok(Commit { parents: line.parents, time: line.time, author: line.author, changes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<History, BadHistory> {
        History::parse(text.lines().map(|line| Ok(line.to_owned())))
    }

    #[test]
    fn reads_commits_and_what_they_come_to() {
        let history = parse(concat!(
            r#"{"id":0,"parents":[],"time":5,"author":1,"changes":[{"path":"a","value":{"x":1}},{"path":"b","value":2}]}"#,
            "\n",
            r#"{"id":1,"parents":[0],"time":6,"author":2,"changes":[{"path":"b","value":null}]}"#,
        ))
        .unwrap();
        assert_eq!((history.changes(), history.merges(), history.authors()), (3, 0, 2));
        let last: Vec<&str> = history.last().into_keys().map(Path::as_str).collect();
        assert_eq!(last, ["app/a"]);
    }

    #[test]
    fn refuses_what_is_no_history_and_says_where() {
        for (text, reason) in [
            ("", "no commit"),
            ("{}", "line 1: "),
            (r#"{"id":1,"parents":[],"time":0,"author":0,"changes":[]}"#, "line 1: has id 1"),
            (r#"{"id":0,"parents":[0],"time":0,"author":0,"changes":[]}"#, "names parent 0"),
            (r#"{"id":0,"parents":[],"time":0,"author":0,"changes":[{"path":"//","value":1}]}"#, "line 1: \"//\""),
        ] {
            let refused = parse(text).unwrap_err().to_string();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}
