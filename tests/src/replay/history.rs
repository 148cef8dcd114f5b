//! The history to replay: one JSON line a commit, as its README says. It must not know the mesh.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path as FilePath;

use driftless_statement::{Path, Value, json};
use flate2::read::GzDecoder;
use serde::Deserialize;

use super::Failed;

/// The scope that the history is written to.
pub const SCOPE: &str = "kube";

/// One edit of one path: its whole value afterwards, or none when it is deleted.
pub struct Edit {
    /// Where.
    pub path: Path,
    /// The value afterwards.
    pub value: Option<Value>,
}

/// All edits in the file's order, and what they come to.
pub struct History {
    /// Commits read.
    pub commits: usize,
    /// Their edits.
    pub edits: Vec<Edit>,
    /// The last value of each path that is live at the end.
    pub last: BTreeMap<Path, Value>,
}

#[derive(Deserialize)]
struct Commit {
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    path: String,
    value: Option<Value>,
}

impl History {
    /// Reads a file, gzipped when its name ends in `.gz`; the first commits only, when so many are given.
    pub fn read(file: &FilePath, commits: Option<usize>) -> Result<Self, Failed> {
        let open = std::fs::File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let gzipped = file.extension().is_some_and(|extension| extension == "gz");
        let plain: Box<dyn Read> = if gzipped { Box::new(GzDecoder::new(open)) } else { Box::new(open) };
        let mut history = Self { commits: 0, edits: Vec::new(), last: BTreeMap::new() };
        let mut names: BTreeMap<Path, String> = BTreeMap::new();
        for line in BufReader::new(plain).lines().take(commits.unwrap_or(usize::MAX)) {
            let line = line.map_err(|error| format!("{}: {error}", file.display()))?;
            let commit: Commit = json::read(line.as_bytes())
                .map_err(|error| format!("{}, line {}: {error}", file.display(), history.commits + 1))?;
            history.commits += 1;
            for change in commit.changes {
                let path = path(&change.path)?;
                let name = names.entry(path.clone()).or_insert_with(|| change.path.clone());
                if *name != change.path {
                    return Err(format!("{name} and {} would both be {path}", change.path).into());
                }
                history.take(path, change.value);
            }
        }
        Ok(history)
    }

    fn take(&mut self, path: Path, value: Option<Value>) {
        match &value {
            Some(value) => drop(self.last.insert(path.clone(), value.clone())),
            None => drop(self.last.remove(&path)),
        }
        self.edits.push(Edit { path, value });
    }
}

/// A file's path as a Driftless path: the scope, then the same segments. Each byte that paths forbid, and `~` itself, is
/// written `~` and two hexadecimal digits; so are the dots of a segment `.` or `..`; an empty segment is `~`. No two
/// names give one path.
pub fn path(name: &str) -> Result<Path, Failed> {
    let segments: Vec<String> = name.split('/').map(segment).collect();
    let path = Path::parse(&format!("{SCOPE}/{}", segments.join("/")));
    path.map_err(|error| format!("{name:?} has no place in the mesh: {error}").into())
}

fn segment(text: &str) -> String {
    if text.is_empty() {
        return "~".to_owned();
    }
    let walks = matches!(text, "." | "..");
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"_@-".contains(&byte) || (byte == b'.' && !walks);
    text.bytes().map(|byte| if stays(byte) { char::from(byte).to_string() } else { format!("~{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_become_paths_one_to_one() {
        for (name, expected) in [
            ("manifests/a-b_c.yaml", "kube/manifests/a-b_c.yaml"),
            ("a b/ü/~", "kube/a~20b/~C3~BC/~7E"),
            ("a//../x", "kube/a/~/~2E~2E/x"),
            ("@mesh/x", "kube/@mesh/x"),
        ] {
            assert_eq!(path(name).unwrap().as_str(), expected);
        }
        assert!(path(&"x/".repeat(20)).is_err(), "too deep");
    }
}
