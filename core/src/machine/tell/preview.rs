//! What signed acts would do before anybody submits them, and what one key has said: what an operator looks at before
//! revoking. Reading changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Body, Hlc, Invalid, Path, PublicKey, Scope, StatementId, Value, Verified};

use crate::fold::{Member, ScopeFold};
use crate::machine::Machine;
use crate::machine::outcome::{AuthorTold, EntryTurn, Preview};
use crate::trust::{Accepted, Refusal, Trust};

impl Machine {
    /// What a key has said in each scope held here, up to a time: the heads of what counts, which a revocation lists to
    /// keep it, and how much that is.
    pub fn author(&self, key: &PublicKey, until: Hlc) -> Vec<AuthorTold> {
        self.scopes.keys().filter_map(|scope| self.author_in(key, scope, until)).collect()
    }

    fn author_in(&self, key: &PublicKey, scope: &Scope, until: Hlc) -> Option<AuthorTold> {
        let counts = |statement: &&Arc<Verified>| !matches!(self.fate(statement), crate::machine::Fate::Void(_));
        let said = self.log.scope(scope).filter(|statement| statement.statement().author == *key).filter(counts);
        let (mut heads, mut kept, mut left_out) = (BTreeSet::new(), 0, 0);
        let (mut first, mut last) = (None, None);
        // Whatever names a statement stands behind it.
        for statement in said {
            let said = statement.statement();
            if said.hlc > until {
                left_out += 1;
                continue;
            }
            kept += 1;
            heads.retain(|id| said.prev.binary_search(id).is_err());
            heads.insert(statement.id());
            first = first.min(Some(said.hlc)).or(Some(said.hlc));
            last = last.max(Some(said.hlc));
        }
        let told = AuthorTold { scope: scope.clone(), heads: heads.into_iter().collect(), kept, left_out, first, last };
        (kept + left_out > 0).then_some(told)
    }

    /// What these statements would change if they were submitted here now, and if all root keys approved them. Only acts of `@mesh` change what others count
    /// for; they must be whole and valid, and nothing is kept of them. Costs a look at everything held, and a fold of the
    /// entries that would change.
    pub fn preview(&self, wires: &[Vec<u8>]) -> Result<Preview, PreviewRefused> {
        let mut acts: Vec<Arc<Verified>> = Vec::new();
        for (place, wire) in wires.iter().enumerate() {
            let invalid = |invalid| PreviewRefused::Invalid { place, invalid };
            let claimed = self.proofs.claim(wire).map_err(invalid)?;
            claimed.check_mesh(self.mesh).map_err(invalid)?;
            if !claimed.statement().scope.is_mesh() {
                return Err(PreviewRefused::NotAnAct { place });
            }
            let mut points = driftless_statement::Points::default();
            acts.push(self.proofs.prove(claimed, wire, &mut points).map_err(invalid)?);
        }
        let (Some(before), Some(genesis)) = (&self.trust, self.log.genesis()) else {
            return Err(PreviewRefused::NotFounded);
        };
        let mesh = self.log.mesh().chain(&acts);
        let ids: Vec<StatementId> = acts.iter().map(|act| act.id()).collect();
        let after = Trust::suppose(genesis, mesh.map(|statement| &**statement), &ids);
        let mut preview = Preview::default();
        for act in &acts {
            preview.refused.push(after.authorised(act, &Accepted::default()).err());
        }
        let accepted = self.accepted_by(&after);
        let members = |trust: &Trust| trust.members().map(|(key, _)| *key).collect::<BTreeSet<_>>();
        let (old, new) = (members(before), members(&after));
        preview.members_lost = old.difference(&new).copied().collect();
        preview.members_won = new.difference(&old).copied().collect();
        let counting =
            |trust: &Trust| trust.revocations().filter(|one| one.is_authorised()).map(|one| one.id).collect();
        let (old, new): (BTreeSet<StatementId>, BTreeSet<StatementId>) = (counting(before), counting(&after));
        preview.revocations_lost = old.difference(&new).copied().collect();
        for scope in self.scopes.keys() {
            self.preview_scope(scope, &after, &accepted, &mut preview);
        }
        Ok(preview)
    }

    fn accepted_by(&self, trust: &Trust) -> Accepted {
        let mut accepted = Accepted::default();
        for (id, _) in trust.frontiers() {
            if let Some(listed) = self.log.get(id) {
                trust.accept(listed, |id| self.log.get(id).map(|statement| &**statement), &mut accepted);
            }
        }
        accepted
    }

    fn preview_scope(&self, scope: &Scope, after: &Trust, accepted: &Accepted, preview: &mut Preview) {
        let Some(room) = self.scopes.get(scope) else { return };
        let writes = |statement: &&Arc<Verified>| matches!(statement.statement().body, Body::Write(_));
        let mut counts: BTreeMap<StatementId, bool> = BTreeMap::new();
        let mut touched: BTreeSet<&Path> = BTreeSet::new();
        for statement in self.log.scope(scope).filter(|statement| room.has_stored(&statement.id())) {
            let now = !matches!(self.fate(statement), crate::machine::Fate::Void(_) | crate::machine::Fate::Pending(_));
            let then = after.authorised(statement, accepted).is_ok();
            counts.insert(statement.id(), then);
            if now != then {
                let list = if then { &mut preview.restored } else { &mut preview.voided };
                *list.entry(scope.clone()).or_default() += 1;
                touched.extend(statement.statement().touches.iter().map(|touch| &touch.path));
            }
        }
        // A limit or schema can bind entries that one statement touches together.
        let mut grown = true;
        while std::mem::take(&mut grown) {
            for statement in self.log.scope(scope).filter(writes) {
                let touches = &statement.statement().touches;
                if touches.len() > 1 && touches.iter().any(|touch| touched.contains(&touch.path)) {
                    for touch in touches {
                        grown |= touched.insert(&touch.path);
                    }
                }
            }
        }
        let about = |statement: &&Arc<Verified>| {
            let due = !room.waiting_for_time.contains_key(&(statement.statement().hlc.millis(), statement.id()));
            due && statement.statement().touches.iter().any(|touch| touched.contains(&touch.path))
        };
        let member = |statement: &Arc<Verified>| {
            let counts = counts.get(&statement.id()).copied().unwrap_or(false);
            Member { statement: statement.clone(), counts: counts && writes(&statement) }
        };
        let members: Vec<Member> = self.log.scope(scope).filter(about).map(member).collect();
        let mut fold = ScopeFold::new();
        if let Some(mesh) = self.scopes.get(&Scope::mesh()) {
            fold.govern(mesh.fold.governance(scope));
        }
        fold.update(&members, &[]);
        for path in touched {
            let value = |fold: &ScopeFold| -> Option<Value> { fold.entry(path)?.tree().map(|tree| tree.to_value()) };
            let (now, then) = (value(&room.fold), value(&fold));
            if now != then {
                preview.entries.push(EntryTurn { path: path.clone(), now, then });
            }
        }
    }
}

/// Why nothing can be said about acts. Nothing changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PreviewRefused {
    /// A statement is not valid.
    #[error("statement {place}: {invalid}")]
    Invalid {
        /// Which, from 0.
        place: usize,
        /// Why.
        invalid: Invalid,
    },
    /// A statement is no act of `@mesh`.
    #[error("statement {place} is not one of @mesh; only acts that change who may do what can be previewed")]
    NotAnAct {
        /// Which, from 0.
        place: usize,
    },
    /// The mesh's genesis is not held yet.
    #[error("this node does not hold the mesh's genesis yet")]
    NotFounded,
}

impl Preview {
    /// Why the act at a place would not count; `None`: it would.
    pub fn refusal(&self, place: usize) -> Option<&Refusal> {
        self.refused.get(place).and_then(Option::as_ref)
    }
}
