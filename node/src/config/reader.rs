//! Reads one key after another through the layers, with its default, and collects all that is wrong.

use std::path::PathBuf;
use std::time::Duration;

use toml::Value;

use super::error::{Problem, Source};
use super::keys::{Key, Kind};
use super::layers::{Given, Layers, base_of, shown};
use super::parse::{self, Refused};

/// Reads keys one by one and collects what is wrong with them.
pub(super) struct Reader<'a> {
    pub layers: &'a Layers,
    pub problems: Vec<Problem>,
}

impl Reader<'_> {
    /// What holds for a key: given, else its default, else nothing.
    pub fn given(&self, key: &Key) -> Option<Given> {
        let default = || {
            let table: toml::Table = format!("default = {}", key.default).parse().ok()?;
            Some(Given { value: table.get("default")?.clone(), source: Source::Default })
        };
        self.layers.given(key).cloned().or_else(default)
    }

    fn refuse(&mut self, key: &Key, given: &Given, (limit, fix): Refused) {
        self.problems.push(Problem::new(key.name, &shown(&given.value), &given.source, limit, fix));
    }

    /// A key's value through a parser; nothing when it is unset or refused.
    pub fn read<T>(&mut self, key: &Key, parse: impl FnOnce(&Value) -> Result<T, Refused>) -> Option<T> {
        let given = self.given(key)?;
        parse(&given.value).map_err(|why| self.refuse(key, &given, why)).ok()
    }

    /// Adds a problem that a key has with another.
    pub fn conflict(&mut self, key: &Key, limit: &str, fix: &str) {
        let given = self.given(key);
        let value = given.as_ref().map(|given| shown(&given.value)).unwrap_or_default();
        let source = given.map_or(Source::Default, |given| given.source);
        self.problems.push(Problem::new(key.name, &value, &source, limit, fix));
    }

    pub fn count(&mut self, key: &Key) -> Option<u32> {
        let Kind::Count(min, max) = key.kind else { return None };
        self.read(key, |value| parse::count(value, min, max)).and_then(|count| u32::try_from(count).ok())
    }

    pub fn bytes(&mut self, key: &Key) -> Option<u64> {
        let Kind::Bytes(min, max) = key.kind else { return None };
        self.read(key, |value| parse::bytes(value, min, max))
    }

    pub fn duration(&mut self, key: &Key) -> Option<Duration> {
        let Kind::Duration(min, max) = key.kind else { return None };
        self.read(key, |value| parse::duration(value, min, max))
    }

    /// A path, relative to the layer that gave it. The empty text is kept: some keys give it a meaning.
    pub fn path(&mut self, key: &Key) -> Option<PathBuf> {
        let base = self.given(key).map(|given| base_of(&given.source)).unwrap_or_default();
        self.read(key, |value| {
            let text = parse::text(value)?;
            if text.contains('\0') {
                return Err(("a path holds no zero byte".to_owned(), "remove it".to_owned()));
            }
            Ok(if text.is_empty() { PathBuf::new() } else { base.join(text) })
        })
    }

    /// A path that must not be empty.
    pub fn file(&mut self, key: &Key) -> Option<PathBuf> {
        let path = self.path(key)?;
        if path.as_os_str().is_empty() {
            self.conflict(key, "must not be empty", "name a path, or leave the key out");
            return None;
        }
        Some(path)
    }
}
