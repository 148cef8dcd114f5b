//! A copy of the repository's sources to break: the tree that people work in is never touched. Files keep their times as
//! long as they stay the same, so that cargo builds anew only what is broken.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a build needs of the repository.
const PARTS: [&str; 9] = ["Cargo.toml", "Cargo.lock", "core", "node", "client", "sim", "tests", "benches", "examples"];
/// And what tests read: pages that they hold against the code.
const PAGES: [&str; 4] = ["docs", "contrib", "README.md", "ARCHITECTURE.md"];

/// The copy.
pub struct Mirror {
    from: PathBuf,
    /// Where it lies.
    pub at: PathBuf,
}

impl Mirror {
    /// Brings the copy up to date.
    pub fn of(root: &Path, at: PathBuf) -> io::Result<Self> {
        let mirror = Self { from: root.to_owned(), at };
        let mut kept = BTreeSet::new();
        for part in PARTS.iter().chain(&PAGES) {
            mirror.copy(Path::new(part), &mut kept)?;
        }
        mirror.clear(Path::new(""), &kept)?;
        Ok(mirror)
    }

    fn copy(&self, part: &Path, kept: &mut BTreeSet<PathBuf>) -> io::Result<()> {
        let from = self.from.join(part);
        if !from.is_dir() {
            kept.insert(part.to_owned());
            return write_if_other(&self.at.join(part), &fs::read(&from)?);
        }
        fs::create_dir_all(self.at.join(part))?;
        for entry in fs::read_dir(&from)? {
            let name = entry?.file_name();
            let hidden = name.to_string_lossy().starts_with('.');
            if name != "target" && name != "corpus" && !hidden {
                self.copy(&part.join(name), kept)?;
            }
        }
        Ok(())
    }

    /// Takes out of the copy what the repository does not have any more.
    fn clear(&self, part: &Path, kept: &BTreeSet<PathBuf>) -> io::Result<()> {
        for entry in fs::read_dir(self.at.join(part))? {
            let part = part.join(entry?.file_name());
            let path = self.at.join(&part);
            if path.is_dir() {
                self.clear(&part, kept)?;
            } else if !kept.contains(&part) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// The repository's text of a file.
    pub fn original(&self, file: &str) -> io::Result<String> {
        fs::read_to_string(self.from.join(file))
    }

    /// Puts a text into the copy.
    pub fn put(&self, file: &str, text: &str) -> io::Result<()> {
        write_if_other(&self.at.join(file), text.as_bytes())
    }
}

fn write_if_other(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(file).is_ok_and(|old| old == bytes) { Ok(()) } else { fs::write(file, bytes) }
}
