//! Which schemas hold for an entry at a time. It knows `@mesh`'s schema entries as the fold of `@mesh` reads them, never
//! why a statement counts.
//!
//! **Need.** The schema that a write must meet is a function of the set: the same on a node that held the schema when the
//! write came and on one that hears of both years later in the other order.
//!
//! **Idea.** `@mesh` is folded first. Each fit statement of a schema entry leaves a *version* at its (HLC, id): what the
//! entry's merged value said right after it, or that it said nothing. For a write the version with the greatest HLC below
//! the write's own holds. So versions are a timeline, and a late one changes what holds from its place to the next one.
//!
//! **Mechanism.** [`Book`] keeps the timelines as the fold of `@mesh` decides statements; [`Governance`] is the part of one
//! scope, by the prefix governed. Two of them are compared to learn which prefixes have to be decided again, and since when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::schema::{self, Rule};
use driftless_statement::{Hlc, Path, Prefix, Scope, StatementId, Value, limits};

use super::fate::Breach;

/// A place in a timeline.
pub(super) type Key = (Hlc, StatementId);

/// What held from a place on.
type Version = (Key, Option<Arc<Rule>>);

/// The timelines of all schema entries.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    entries: BTreeMap<Path, BTreeMap<Key, Option<Arc<Rule>>>>,
    changed: BTreeSet<Scope>,
}

impl Book {
    /// Notes what a schema entry says after the statement at a place; `None`: the statement does not show.
    pub(super) fn note(&mut self, path: &Path, at: Key, version: Option<Option<Arc<Rule>>>) {
        let Some(scope) = schema::scope_of(path) else { return };
        let known = self.entries.get(path).and_then(|versions| versions.get(&at));
        if known == version.as_ref() {
            return;
        }
        self.changed.insert(scope);
        match version {
            Some(version) => drop(self.entries.entry(path.clone()).or_default().insert(at, version)),
            None => {
                let left = self.entries.get_mut(path).map(|versions| {
                    versions.remove(&at);
                    versions.len()
                });
                if left == Some(0) {
                    self.entries.remove(path);
                }
            }
        }
    }

    pub(super) fn take_changed(&mut self) -> BTreeSet<Scope> {
        std::mem::take(&mut self.changed)
    }

    /// What governs one scope.
    pub(super) fn governance(&self, scope: &Scope) -> Governance {
        let mut all = Governance::default();
        let below = format!("{}/{scope}/", schema::PLACE);
        let from = std::ops::Bound::Included(below.as_str());
        let entries = self.entries.range::<str, _>((from, std::ops::Bound::Unbounded));
        for (path, versions) in entries.take_while(|(path, _)| path.as_str().starts_with(&below)) {
            let mut last: Option<&Prefix> = None;
            for (key, version) in versions {
                let governs = version.as_ref().map(|rule| rule.governs());
                // One that moves on to another prefix lets go of the one before.
                if let Some(left) = last.filter(|left| Some(*left) != governs) {
                    all.push(left, path, (*key, None));
                }
                if let Some(governs) = governs {
                    all.push(governs, path, (*key, version.clone()));
                }
                last = governs;
            }
        }
        all
    }
}

/// The schemas over one scope through all time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Governance {
    prefixes: BTreeMap<Prefix, BTreeMap<Path, Vec<Version>>>,
}

impl Governance {
    fn push(&mut self, prefix: &Prefix, path: &Path, version: Version) {
        let timelines = self.prefixes.entry(prefix.clone()).or_default();
        timelines.entry(path.clone()).or_default().push(version);
    }

    /// Whether nothing was ever governed.
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }

    /// The rules that a write of this time must keep in an entry, each with the entry that holds it: those over the scope
    /// first, those over the entry itself last, and of one prefix by the schemas' paths.
    pub fn at<'a>(&'a self, path: &'a Path, hlc: Hlc) -> impl Iterator<Item = (&'a Path, &'a Arc<Rule>)> {
        above(path).filter_map(|prefix| self.prefixes.get(prefix)).flatten().filter_map(move |(path, versions)| {
            let later = versions.partition_point(|((at, _), _)| *at < hlc);
            let (_, rule) = versions.get(later.checked_sub(1)?)?;
            Some((path, rule.as_ref()?))
        })
    }

    /// When it last changed what holds for an entry. A write that is signed later keeps what holds now.
    pub fn since(&self, path: &Path) -> Hlc {
        let timelines = above(path).filter_map(|prefix| self.prefixes.get(prefix)).flat_map(BTreeMap::values);
        timelines.filter_map(|versions| versions.last()).map(|((at, _), _)| *at).max().unwrap_or_default()
    }

    /// What a value, to be written at this time, would break: the first of the schemas over the entry, or, where schemas
    /// lie, the form of one.
    pub fn breach(&self, path: &Path, hlc: Hlc, value: &Value) -> Option<Breach> {
        if schema::is_place(path) {
            return Rule::read(path, value).err().map(|bad| Breach::NotASchema { bad });
        }
        let mut budget = limits::SCHEMA_STEPS;
        self.at(path, hlc).find_map(|(schema, rule)| {
            let unmet = rule.meets(value, &mut budget).err()?;
            Some(Breach::Schema { schema: schema.clone(), unmet })
        })
    }

    /// The prefixes for which something else holds, each with the first place from which on it does.
    pub(super) fn differences(&self, other: &Self) -> BTreeMap<Prefix, Key> {
        let mut found: BTreeMap<Prefix, Key> = BTreeMap::new();
        let none = BTreeMap::new();
        for prefix in self.prefixes.keys().chain(other.prefixes.keys()).collect::<BTreeSet<_>>() {
            let (ours, theirs) = (self.prefixes.get(prefix), other.prefixes.get(prefix));
            let (ours, theirs) = (ours.unwrap_or(&none), theirs.unwrap_or(&none));
            for path in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
                if let Some(first) = parting(timeline(ours, path), timeline(theirs, path)) {
                    let known = found.entry(prefix.clone()).or_insert(first);
                    *known = first.min(*known);
                }
            }
        }
        found
    }
}

fn timeline<'a>(of: &'a BTreeMap<Path, Vec<Version>>, path: &Path) -> &'a [Version] {
    of.get(path).map(Vec::as_slice).unwrap_or_default()
}

/// The first place at which two timelines differ.
fn parting(ours: &[Version], theirs: &[Version]) -> Option<Key> {
    let same = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
    let key = |of: &[Version]| of.get(same).map(|(key, _)| *key);
    key(ours).into_iter().chain(key(theirs)).min()
}

/// The prefixes that cover a path, the widest first, the empty one left out: no schema governs several scopes.
fn above(path: &Path) -> impl Iterator<Item = &str> {
    let text = path.as_str();
    let ends = text.match_indices('/').map(|(end, _)| end).chain(std::iter::once(text.len()));
    ends.filter_map(move |end| text.get(..end))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use driftless_statement::json;

    use super::*;

    fn path(text: &str) -> Path {
        text.parse().expect("a path")
    }

    fn rule(at: &Path, governs: &str) -> Option<Arc<Rule>> {
        let value = format!(r#"{{"governs":"{governs}","schema":{{"type":"object"}}}}"#);
        Some(Arc::new(Rule::read(at, &json::parse(value.as_bytes()).unwrap()).unwrap()))
    }

    fn key(at: u64) -> Key {
        (Hlc(at), StatementId([at as u8; 32]))
    }

    fn names<'a>(all: &'a Governance, at: &'a Path, hlc: u64) -> Vec<&'a str> {
        all.at(at, Hlc(hlc)).map(|(path, _)| path.as_str()).collect()
    }

    #[test]
    fn what_holds_is_the_latest_before() {
        let (a, b) = (path("@mesh/schemas/s/a"), path("@mesh/schemas/s/b"));
        let mut book = Book::default();
        book.note(&b, key(3), Some(rule(&b, "s")));
        book.note(&a, key(1), Some(rule(&a, "s/x")));
        book.note(&a, key(5), Some(rule(&a, "s/y")));
        book.note(&a, key(7), Some(None));
        let all = book.governance(&Scope::parse("s").unwrap());
        let (x, y, xx) = (path("s/x"), path("s/y/z"), path("s/xx"));
        assert_eq!(names(&all, &x, 1), Vec::<&str>::new(), "not at its own time");
        assert_eq!(names(&all, &x, 2), [a.as_str()]);
        assert_eq!(names(&all, &x, 5), [b.as_str(), a.as_str()], "the wider prefix first");
        assert_eq!(names(&all, &x, 6), [b.as_str()], "it moved on");
        assert_eq!(names(&all, &y, 6), [b.as_str(), a.as_str()]);
        assert_eq!(names(&all, &y, 8), [b.as_str()], "it was deleted");
        assert_eq!(names(&all, &xx, 4), [b.as_str()], "a segment, not a text");
        assert!(book.governance(&Scope::parse("t").unwrap()).is_empty());
    }

    #[test]
    fn only_what_changed_is_decided_again() {
        let (a, s) = (path("@mesh/schemas/s/a"), Scope::parse("s").unwrap());
        let mut book = Book::default();
        book.note(&a, key(2), Some(rule(&a, "s/x")));
        book.note(&a, key(6), Some(rule(&a, "s/y")));
        let before = book.governance(&s);
        assert_eq!(book.take_changed(), [s.clone()].into());
        book.note(&a, key(2), Some(rule(&a, "s/x")));
        assert!(book.take_changed().is_empty(), "nothing new was said");
        book.note(&a, key(4), Some(None));
        let after = book.governance(&s);
        // From 4 on nothing holds for s/x; that it lets go again at 6 is the same.
        assert_eq!(before.differences(&after), [("s/x".parse().unwrap(), key(4))].into());
        book.note(&a, key(4), None);
        assert_eq!(book.governance(&s), before);
    }
}
