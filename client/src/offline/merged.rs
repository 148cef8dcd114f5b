//! The merged state of an entry, as far as it follows without merging: its heads always, its value when its edits came one after the other,
//! or since one of them put the whole value over all that was there. It must not know who signs.

use std::collections::BTreeSet;

use driftless_statement::id::hex;
use driftless_statement::schema::{self, Rule};
use driftless_statement::{
    Body, Edit, Hlc, Op, Path, Prefix, PublicKey, StatementId, Tree, Verb, Verified, limits, tree,
};

use super::Offline;
use crate::api::{Merged, Schema};
use crate::tree::to_json;

/// What of an entry a signer needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Its heads: the whole value is put over them.
    Heads,
    /// Its merged value: a part of it is edited.
    Value,
}

/// The merged value of an entry does not follow from an export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmerged {
    /// It has concurrent edits.
    #[error(
        "{0}: it has concurrent edits, which only a node merges; without one its whole value can be set (`driftless set` without --at, \
         `driftless apply`)"
    )]
    Concurrent(Path),
}

/// An entry: its heads, and its merged value when that is known.
pub(super) struct Entry {
    pub heads: Vec<StatementId>,
    pub value: Option<Option<Tree>>,
}

impl Offline {
    /// What a signer needs to edit an entry.
    pub fn merged(&self, path: &Path, author: Option<&PublicKey>, need: Need, now_ms: u64) -> Result<Merged, Unmerged> {
        let scope = path.scope();
        let Entry { heads: all_heads, value } = self.entry(path, &|id| self.counts(id));
        let value = match (value, need) {
            (Some(value), _) => value,
            (None, Need::Heads) => None,
            (None, Need::Value) => return Err(Unmerged::Concurrent(path.clone())),
        };
        let etag = etag(&all_heads);
        let heads = self.latest(all_heads);
        let verb = if scope.is_mesh() { Verb::Operate } else { Verb::Write };
        let grant = author.and_then(|author| self.trust.grant_for(author, verb, &Prefix::from(path), now_ms));
        let prev = author.map(|author| self.prev(author, &scope)).unwrap_or_default();
        let (since, schemas) = self.schemas_over(path);
        let named = heads.iter().chain(&prev).chain(&grant).filter_map(|id| self.by_id.get(id));
        let after = named.map(|named| named.statement().hlc).max().unwrap_or_default().max(since);
        let tree = value.as_ref().map(to_json);
        Ok(Merged { path: path.clone(), mesh: self.mesh(), heads, etag, tree, after, schemas, prev, grant })
    }

    /// All entries that have a merged value, or may have one, under a prefix.
    pub fn paths(&self, prefix: &Prefix) -> Vec<Path> {
        let there = |path: &&Path| !matches!(self.entry(path, &|id| self.counts(id)).value, Some(None));
        self.by_path.keys().filter(|path| prefix.covers(path)).filter(there).cloned().collect()
    }

    /// Replays an entry from the writes that `counts` admits.
    pub(super) fn entry(&self, path: &Path, counts: &dyn Fn(&StatementId) -> bool) -> Entry {
        let mut heads: BTreeSet<StatementId> = BTreeSet::new();
        let mut value: Option<Option<Tree>> = Some(None);
        for one in self.by_path.get(path).into_iter().flatten().filter(|one| counts(&one.id())) {
            let Some(edits) = edits_of(one, path) else { continue };
            let bases = self.standing_bases(one, path, counts);
            let sequential = bases == heads;
            heads.retain(|head| !bases.contains(head));
            heads.insert(one.id());
            if !sequential {
                value = None;
                continue;
            }
            if value.is_none() && edits.first().is_some_and(replaces_all) {
                value = Some(None);
            }
            if let Some(root) = &mut value {
                // What it skips, every node skips.
                let _ = tree::apply(root, one.id(), edits);
            }
        }
        Entry { heads: heads.into_iter().collect(), value }
    }

    /// The bases of a write, those that do not count replaced by their nearest ancestors that do.
    fn standing_bases(
        &self,
        one: &Verified,
        path: &Path,
        counts: &dyn Fn(&StatementId) -> bool,
    ) -> BTreeSet<StatementId> {
        let mut bases = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut stack: Vec<StatementId> = one.statement().bases_of(path).unwrap_or_default().to_vec();
        while let Some(base) = stack.pop() {
            if counts(&base) {
                bases.insert(base);
            } else if seen.insert(base) {
                let named = self.by_id.get(&base).and_then(|held| held.statement().bases_of(path));
                stack.extend(named.unwrap_or_default());
            }
        }
        bases
    }

    /// As many heads as a statement may name, the latest first to stay; ascending by id.
    fn latest(&self, mut heads: Vec<StatementId>) -> Vec<StatementId> {
        if heads.len() > limits::BASES {
            heads.sort_by_key(|id| std::cmp::Reverse(self.by_id.get(id).map(|held| held.key())));
            heads.truncate(limits::BASES);
        }
        heads.sort_unstable();
        heads
    }

    /// The schemas over an entry and the latest time among them. One whose value only a node merges is left to the nodes, which
    /// check every write.
    fn schemas_over(&self, path: &Path) -> (Hlc, Vec<Schema>) {
        let (mut since, mut schemas) = (Hlc::default(), Vec::new());
        for place in self.by_path.keys().filter(|place| schema::is_place(place)) {
            let entry = self.entry(place, &|id| self.counts(id));
            let Some(Some(tree)) = entry.value else { continue };
            let value = tree.to_value();
            let Ok(rule) = Rule::read(place, &value) else { continue };
            if rule.governs().covers(path) {
                let heads = entry.heads.iter().filter_map(|id| self.by_id.get(id));
                since = heads.map(|head| head.statement().hlc).max().unwrap_or_default().max(since);
                schemas.push(Schema { path: place.clone(), value: rule.to_value() });
            }
        }
        (since, schemas)
    }
}

fn edits_of<'a>(one: &'a Verified, path: &Path) -> Option<&'a [Edit]> {
    let said = one.statement();
    let Body::Write(write) = &said.body else { return None };
    let at = said.touches.iter().position(|touch| touch.path == *path)?;
    write.edits.get(at).map(Vec::as_slice)
}

fn replaces_all(edit: &Edit) -> bool {
    edit.at.is_empty() && matches!(edit.op, Op::Put(_) | Op::Delete | Op::Counter(_))
}

/// The entity tag of heads, as a node makes it.
fn etag(heads: &[StatementId]) -> String {
    let mut hasher = blake3::Hasher::new();
    for id in heads {
        hasher.update(id.as_bytes());
    }
    hex(hasher.finalize().as_bytes().first_chunk::<16>().map_or(&[][..], |half| half))
}
