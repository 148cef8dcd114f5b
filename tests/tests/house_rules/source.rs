//! The sources of the house, and the little reading of Rust that the rules need. It relies on rustfmt's layout.

use std::path::{Path, PathBuf};

/// One source file.
pub struct Source {
    /// Path from the repository's root.
    pub path: String,
    /// Its lines.
    pub lines: Vec<String>,
    /// Index of the first line of its inline tests; the number of lines when it has none.
    pub tests_from: usize,
}

/// One function: where it begins and how long it is.
pub struct Function {
    pub name: String,
    pub line: usize,
    pub length: usize,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let tests_from = lines.iter().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(lines.len());
        Self { path: path.to_owned(), lines, tests_from }
    }

    pub fn is_in(&self, room: &str) -> bool {
        self.path.starts_with(room)
    }

    /// Whether the file serves: neither tests, benches, examples nor generators.
    pub fn serves(&self) -> bool {
        let served = ["core/src/", "core/statement/src/", "core/trust/src/", "node/src/", "client/src/"];
        let test_module = self.path.ends_with("/tests.rs") || self.path.contains("/tests/");
        served.iter().any(|room| self.is_in(room)) && !test_module && !self.path.contains("properties")
    }

    /// Lines of code that serve, with their number: comments, docs and inline tests left out.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.lines.iter().take(self.tests_from).enumerate();
        lines
            .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
            .filter(|(_, l)| !l.trim().is_empty())
    }

    /// Every line of code, tests included.
    pub fn all_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.lines.iter().enumerate();
        lines
            .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
            .filter(|(_, l)| !l.trim().is_empty())
    }

    /// Functions, by rustfmt's layout: from the line with `fn` to the first `}` at the same indentation.
    pub fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for (start, line) in self.lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let Some(name) = function_name(line.trim_start()) else { continue };
            let end = self.lines.iter().enumerate().skip(start).find(|(_, line)| {
                let here = line.len() - line.trim_start().len();
                here == indent
                    && (line.trim_end() == format!("{}}}", " ".repeat(indent)) || line.trim_end().ends_with(';'))
                    || (here == indent && line.trim_end().ends_with('}') && line.contains("fn "))
            });
            let length = end.map_or(1, |(end, _)| end - start + 1);
            found.push(Function { name, line: start + 1, length });
        }
        found
    }
}

fn function_name(line: &str) -> Option<String> {
    let mut rest = line;
    for word in ["pub(crate) ", "pub(super) ", "pub ", "const ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let name: String = rest.strip_prefix("fn ")?.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    Some(name)
}

/// Every Rust source of the repository.
pub fn all() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let mut files = Vec::new();
    for top in ["core", "node", "client", "sim", "tests", "benches", "examples"] {
        walk(&root.join(top), &mut files);
    }
    files.sort();
    let read = |file: &PathBuf| {
        let path = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        Source::new(&path, &std::fs::read_to_string(file).unwrap())
    };
    files.iter().map(read).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            walk(&path, files);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}
