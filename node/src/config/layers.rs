//! The layers that a configuration is made of, laid over one another: defaults, file, environment, flags. Knows which
//! keys there are, and not yet what their values mean.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::error::{ConfigError, Problem, Source};
use super::flags::Flags;
use super::keys::{KEYS, Key, Kind, SECTIONS};

/// Bytes of a configuration file at most.
const LARGEST: u64 = 1 << 20;
/// Environment variables of ours begin so.
const PREFIX: &str = "DRIFTLESS_";

/// The environment as it was when the process began.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Of this process. Variables that are not UTF-8 are none of ours and left out.
    pub fn of_process() -> Self {
        Self(std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect())
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The same, without what sets keys.
    pub(super) fn without_keys(&self) -> Self {
        Self(self.0.iter().filter(|(name, _)| !name.starts_with(PREFIX)).map(|(k, v)| (k.clone(), v.clone())).collect())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// A value as it was given.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub value: Value,
    pub source: Source,
}

/// All that was given, the strongest layer of each key.
#[derive(Debug, Default)]
pub(super) struct Layers {
    given: BTreeMap<&'static str, Given>,
    /// What is wrong with names already.
    pub problems: Vec<Problem>,
}

impl Layers {
    /// Reads all layers.
    pub fn read(file: Option<&Path>, environment: &Environment, flags: &Flags) -> Result<Self, ConfigError> {
        let mut layers = Self::default();
        if let Some(path) = file {
            layers.add_file(path, &read_file(path)?);
        }
        layers.add_environment(environment);
        layers.add_flags(flags);
        Ok(layers)
    }

    /// What was given for a key, if anything.
    pub fn given(&self, key: &Key) -> Option<&Given> {
        self.given.get(key.name)
    }

    fn add_file(&mut self, path: &Path, table: &Table) {
        let source = Source::File(path.to_owned());
        for (section, content) in table {
            if !SECTIONS.iter().any(|(name, _)| name == section) {
                self.unknown(section, &source, SECTIONS.iter().map(|(name, _)| *name), "section");
                continue;
            }
            let Value::Table(content) = content else {
                let limit = "must be a section, not a value";
                self.problems.push(Problem::new(
                    section,
                    &shown(content),
                    &source,
                    limit,
                    format!("write [{section}]"),
                ));
                continue;
            };
            for (name, value) in content {
                self.put(&format!("{section}.{name}"), value.clone(), source.clone());
            }
        }
    }

    fn add_environment(&mut self, environment: &Environment) {
        for (variable, text) in &environment.0 {
            let Some(rest) = variable.strip_prefix(PREFIX) else { continue };
            let Some((section, name)) = rest.split_once('_') else { continue };
            let section = section.to_lowercase();
            // Other variables of ours (DRIFTLESS_CONFIG, DRIFTLESS_CASES) name no section.
            if SECTIONS.iter().any(|(known, _)| *known == section) {
                let name = format!("{section}.{}", name.to_lowercase());
                self.put_text(&name, text, Source::Environment(variable.clone()));
            }
        }
    }

    fn add_flags(&mut self, flags: &Flags) {
        for setting in &flags.set {
            let source = Source::Flag("--set".to_owned());
            match setting.split_once('=') {
                Some((name, text)) => self.put_text(name.trim(), text, source),
                None => {
                    let limit = "must be of the form section.key=value";
                    self.problems.push(Problem::new(setting, "", &source, limit, "write --set log.level=debug"));
                }
            }
        }
        for (flag, key, text) in flags.single() {
            self.put_text(key, text, Source::Flag(flag.to_owned()));
        }
        for (flag, key, texts) in flags.repeated() {
            let list = texts.iter().cloned().map(Value::String).collect();
            self.put(key, Value::Array(list), Source::Flag(flag.to_owned()));
        }
    }

    fn put(&mut self, name: &str, value: Value, source: Source) {
        match KEYS.iter().find(|key| key.name == name) {
            Some(key) => {
                self.given.insert(key.name, Given { value, source });
            }
            None => self.unknown(name, &source, KEYS.iter().map(|key| key.name), "key"),
        }
    }

    fn put_text(&mut self, name: &str, text: &str, source: Source) {
        let value = match KEYS.iter().find(|key| key.name == name) {
            Some(key) => value_of(key.kind, text),
            None => Value::String(text.to_owned()),
        };
        self.put(name, value, source);
    }

    fn unknown(&mut self, name: &str, source: &Source, known: impl Iterator<Item = &'static str>, what: &str) {
        let fix = match nearest(name, known) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("docs/configuration.md lists every {what}"),
        };
        self.problems.push(Problem::new(name, "", source, format!("there is no such {what}"), fix));
    }
}

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let unreadable = |cause| ConfigError::Unreadable { path: path.to_owned(), cause };
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text)).map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        return Err(ConfigError::TooLarge { path: path.to_owned(), max: LARGEST });
    }
    text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
        path: path.to_owned(),
        message: without_its_text(&text, &error),
    })
}

/// Where the parser stopped and why, without the line itself, which its own form shows: the file may be another one than
/// was meant, and a key's only line is its secret.
fn without_its_text(text: &str, error: &toml::de::Error) -> String {
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return error.message().to_owned() };
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: {}", error.message())
}

/// A text from a flag or the environment, as the value it would be in a file. What does not fit stays a text, for the
/// check of the key to refuse.
fn value_of(kind: Kind, text: &str) -> Value {
    let plain = || Value::String(text.to_owned());
    let pieces = || text.split(',').map(str::trim).filter(|piece| !piece.is_empty());
    match kind {
        Kind::Flag => text.parse().map_or_else(|_| plain(), Value::Boolean),
        Kind::Count(..) | Kind::Bytes(..) => text.parse().map_or_else(|_| plain(), Value::Integer),
        Kind::Roles => {
            let table: Option<Table> = format!("value = {text}").parse().ok();
            table.and_then(|table| table.get("value").cloned()).unwrap_or_else(plain)
        }
        Kind::Addresses | Kind::Texts => Value::Array(pieces().map(|piece| Value::String(piece.to_owned())).collect()),
        Kind::Text | Kind::Choice(_) | Kind::Path | Kind::Hex | Kind::Duration(..) | Kind::Mode | Kind::Address => {
            plain()
        }
    }
}

/// A value as a person would write it.
pub(super) fn shown(value: &Value) -> String {
    value.to_string().trim().to_owned()
}

/// The directory that a relative path in this layer is relative to.
pub(super) fn base_of(source: &Source) -> PathBuf {
    match source {
        Source::File(path) => path.parent().map(Path::to_owned).unwrap_or_default(),
        Source::Default | Source::Environment(_) | Source::Flag(_) => PathBuf::new(),
    }
}

/// The known name that is written most alike, when one is close enough to be what was meant.
fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let name: Vec<char> = name.chars().take(64).collect();
    known
        .map(|candidate| (distance(&name, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 1 + name.len() / 4)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: letters to change, add or drop.
fn distance(name: &[char], candidate: &str) -> usize {
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, theirs) in candidate.chars().enumerate() {
        let mut next = vec![i + 1];
        for (ours, pair) in name.iter().zip(row.windows(2)) {
            let [diagonal, above] = pair else { continue };
            let left = next.last().copied().unwrap_or(0);
            next.push((diagonal + usize::from(*ours != theirs)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
