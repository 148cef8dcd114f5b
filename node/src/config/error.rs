//! What is wrong with a configuration: always the key, the value, where it came from, the limit and what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, `section.key`.
    pub key: String,
    /// The value as given, shortened, control characters escaped; empty when there is none.
    pub value: String,
    /// Who gave it.
    pub source: Source,
    /// What is allowed.
    pub limit: String,
    /// What to do.
    pub fix: String,
}

/// Longest value that is repeated in an error.
const SHOWN: usize = 80;

impl Problem {
    /// Names a problem; the value is made fit for a terminal.
    pub(super) fn new(
        key: &str,
        value: &str,
        source: &Source,
        limit: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let mut shown: String = value.chars().take(SHOWN).flat_map(escape).collect();
        if value.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        let key = key.chars().take(SHOWN).flat_map(escape).collect();
        Self { key, value: shown, source: source.clone(), limit: limit.into(), fix: fix.into() }
    }
}

fn escape(c: char) -> impl Iterator<Item = char> {
    let (plain, escaped) = if c.is_control() { (None, Some(c.escape_unicode())) } else { (Some(c), None) };
    plain.into_iter().chain(escaped.into_iter().flatten())
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if !self.value.is_empty() {
            write!(f, " = {}", self.value)?;
        }
        if self.source != Source::Default {
            write!(f, " ({})", self.source)?;
        }
        write!(f, ": {}; {}", self.limit, self.fix)
    }
}

/// Why there is no configuration. Nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("configuration file {path}: cannot be read: {cause}; correct --config", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The file is larger than any configuration.
    #[error("configuration file {path}: more than {max} bytes; this is another kind of file", path = path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// The limit in bytes.
        max: u64,
    },
    /// The file is no TOML.
    #[error("configuration file {path}: not valid TOML: {message}", path = path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// What the parser said, with the line.
        message: String,
    },
    /// Keys or values are wrong; all of them are listed.
    #[error("{}", list(.0))]
    Problems(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    match lines.as_slice() {
        [one] => format!("configuration: {one}"),
        many => format!("configuration: {} problems:\n  {}", many.len(), many.join("\n  ")),
    }
}
