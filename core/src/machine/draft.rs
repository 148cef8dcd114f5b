//! Local edits: diffed against the merged value, signed with this node's key, refused where the fold would refuse them.

use std::sync::Arc;

use driftless_statement::limits::{BASES, ENTRY_BYTES, SKEW_MS, VALUE_DEPTH};
use driftless_statement::{
    Body, Edit, Hlc, Path, Prefix, PublicKey, Scope, Statement, StatementId, Touch, Tree, Value, Verb, Verified, Write,
    codec, diff, patch, tree,
};

use super::Machine;
use super::effect::Effect;
use super::event::CallId;
use super::outcome::{LocalChange, LocalEdit, MergedAnswer, Precondition, Receipt, WriteRefused};
use super::storing::Origin;
use crate::fold::{Breach, Governance};
use crate::view::etag;

impl Machine {
    /// Signs and appends a local edit; the reply comes when it is on disk. False: it ended at once, without a statement.
    pub(super) fn write(&mut self, call: CallId, edit: LocalEdit, effects: &mut Vec<Effect>) -> bool {
        let outcome = match self.draft(edit) {
            Ok(Some(statement)) => {
                let path = statement.statement().touches.first().map(|touch| touch.path.clone());
                match self.arrive(statement, Origin::Write(call), false, effects) {
                    super::intake::Taken::Appended(_) => {
                        path.into_iter().for_each(|path| self.lines.open(path));
                        return true;
                    }
                    super::intake::Taken::Invalid(invalid) => Err(WriteRefused::Invalid(invalid)),
                    _ => Err(WriteRefused::Busy),
                }
            }
            Ok(None) => {
                self.answer_unchanged(call, effects);
                return false;
            }
            Err(refused) => {
                self.note_refused_edit(&refused);
                Err(refused)
            }
        };
        effects.push(Effect::Wrote { call, outcome });
        false
    }

    /// The signed statement for an edit; `None` when the value is already there.
    fn draft(&mut self, edit: LocalEdit) -> Result<Option<Arc<Verified>>, WriteRefused> {
        if let Some(reason) = self.storing.read_only() {
            return Err(WriteRefused::ReadOnly { reason: reason.to_owned() });
        }
        if !self.storing.has_room() {
            return Err(WriteRefused::Busy);
        }
        if self.log.genesis().is_none() {
            return Err(WriteRefused::NotFounded);
        }
        let base = self.merged(&edit.path, Some(&self.node)).map_err(WriteRefused::from)?;
        check_precondition(&edit.precondition, &base)?;
        let edits = edits_for(&edit, base.tree.as_ref())?;
        if edits.is_empty() {
            self.unchanged = Some((edit.path, base.etag));
            return Ok(None);
        }
        let verb = if edit.path.scope().is_mesh() { Verb::Operate } else { Verb::Write };
        let no_grant = WriteRefused::NoGrant { node: self.node, verb: verb.word(), path: edit.path.clone() };
        let grant = base.grant.ok_or(no_grant)?;
        let hlc = self.next_hlc(base.after)?;
        let statement = Statement {
            mesh: self.mesh,
            scope: edit.path.scope(),
            author: self.node,
            grant,
            prev: base.prev,
            touches: vec![Touch { path: edit.path, bases: base.heads }],
            hlc,
            body: Body::Write(Write { edits: vec![edits.clone()] }),
            note: edit.note,
            unknown: Vec::new(),
        };
        let signed = self.proofs.sign(statement, &self.key)?;
        self.check_fit(base.tree, &signed, &edits)?;
        self.last_hlc = hlc;
        Ok(Some(signed))
    }

    /// The author's door keeps the limits and schemas that every receiver keeps.
    fn check_fit(&self, mut root: Option<Tree>, signed: &Verified, edits: &[Edit]) -> Result<(), WriteRefused> {
        tree::apply(&mut root, signed.id(), edits);
        let Some(value) = root.map(|tree| tree.to_value()) else { return Ok(()) };
        let got = codec::encode(&value.to_item()).len();
        if got > ENTRY_BYTES {
            return Err(WriteRefused::Unfit(Breach::Size { max: ENTRY_BYTES, got }));
        }
        let got = depth(&value);
        if got > VALUE_DEPTH {
            return Err(WriteRefused::Unfit(Breach::Depth { max: VALUE_DEPTH, got }));
        }
        let said = signed.statement();
        let path = said.touches.first().map(|touch| &touch.path);
        let breach = |all: &Governance| path.and_then(|path| all.breach(path, said.hlc, &value));
        self.governed(&said.scope, breach).map_or(Ok(()), |breach| Err(WriteRefused::Unfit(breach)))
    }

    /// A time later than everything it must follow, and not behind the clock.
    fn next_hlc(&self, after: Hlc) -> Result<Hlc, WriteRefused> {
        let follow = after.max(self.last_hlc);
        let clock = WriteRefused::Clock { after: follow };
        // Against the clock, not the floor: after a jump ahead and back the floor is ahead too, and an edit signed then
        // would be acknowledged here and due nowhere else.
        if follow.millis() > self.now.wall_ms.saturating_add(SKEW_MS) {
            return Err(clock);
        }
        let next = follow.next().ok_or(clock)?;
        Ok(next.max(Hlc::from_millis(self.now.wall_ms)))
    }

    /// What a signer needs to edit an entry.
    pub fn merged(&self, path: &Path, author: Option<&PublicKey>) -> Result<MergedAnswer, super::NotHeld> {
        let scope = path.scope();
        self.must_hold(&scope)?;
        let entry = self.scopes.get(&scope).and_then(|room| room.fold.entry(path));
        let all_heads = entry.map(|entry| entry.heads().to_vec()).unwrap_or_default();
        let heads = self.latest(all_heads.clone());
        let verb = if scope.is_mesh() { Verb::Operate } else { Verb::Write };
        let grant = author.and_then(|author| {
            self.settled.as_ref().and_then(|trust| trust.grant_for(author, verb, &Prefix::from(path), self.now.wall_ms))
        });
        let prev = author.map(|author| self.log.prev(author, &scope)).unwrap_or_default();
        let named = heads.iter().chain(&prev).chain(&grant);
        let after = named.filter_map(|id| self.log.get(id)).map(|named| named.statement().hlc).max();
        // Later than the schemas too, so that what is checked here is what every receiver checks, whatever the clock says.
        let (since, schemas) = self.governed(&scope, |all| {
            let now = all.at(path, Hlc(u64::MAX));
            (all.since(path), now.map(|(path, rule)| (path.clone(), rule.clone())).collect())
        });
        let after = after.unwrap_or_default().max(since);
        Ok(MergedAnswer {
            mesh: self.mesh,
            etag: etag(&all_heads),
            tree: entry.and_then(|entry| entry.tree()).cloned(),
            after,
            schemas,
            heads,
            prev,
            grant,
        })
    }

    /// Asks the schemas over a scope; of one that nobody has written to yet, `@mesh` itself.
    fn governed<T>(&self, scope: &Scope, ask: impl FnOnce(&Governance) -> T) -> T {
        match (self.scopes.get(scope), self.scopes.get(&Scope::mesh())) {
            (Some(room), _) => ask(room.fold.governed_by()),
            (None, Some(mesh)) => ask(&mesh.fold.governance(scope)),
            (None, None) => ask(&Governance::default()),
        }
    }

    /// As many heads as a statement may name, the latest first to stay; ascending by id.
    fn latest(&self, mut heads: Vec<StatementId>) -> Vec<StatementId> {
        if heads.len() > BASES {
            heads.sort_by_key(|id| std::cmp::Reverse(self.log.get(id).map(|statement| statement.key())));
            heads.truncate(BASES);
        }
        heads.sort_unstable();
        heads
    }

    fn answer_unchanged(&mut self, call: CallId, effects: &mut Vec<Effect>) {
        let etag = self.unchanged.take().map(|(_, etag)| etag).unwrap_or_default();
        let receipt = Receipt { id: None, revision: self.view.revision(), fate: None, etag };
        effects.push(Effect::Wrote { call, outcome: Ok(receipt) });
    }
}

fn check_precondition(precondition: &Precondition, base: &MergedAnswer) -> Result<(), WriteRefused> {
    let present = base.tree.is_some();
    let holds = match precondition {
        Precondition::None => true,
        Precondition::Absent => !present,
        Precondition::Present => present,
        Precondition::OneOf(tags) => present && tags.contains(&base.etag),
    };
    if holds { Ok(()) } else { Err(WriteRefused::Precondition { etag: present.then(|| base.etag.clone()) }) }
}

fn edits_for(edit: &LocalEdit, old: Option<&Tree>) -> Result<Vec<Edit>, WriteRefused> {
    match &edit.change {
        LocalChange::Put(value) => Ok(diff::diff(old, value)),
        LocalChange::Delete if old.is_none() => Err(WriteRefused::Absent(edit.path.clone())),
        LocalChange::Delete => Ok(diff::delete()),
        LocalChange::MergePatch(patch) => Ok(patch::merge_patch(old, patch)?),
        LocalChange::JsonPatch(_) if old.is_none() => Err(WriteRefused::Absent(edit.path.clone())),
        LocalChange::JsonPatch(ops) => Ok(patch::json_patch(old, ops)?),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::List(items) => items.iter().map(depth).max().map_or(1, |inner| inner + 1),
        Value::Map(entries) => entries.values().map(depth).max().map_or(1, |inner| inner + 1),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => 0,
    }
}
