//! Folding and hashing once for many machines. It must not know how a fold works.
//!
//! **Need.** A simulated mesh of a thousand nodes folds each statement a thousand times and holds the same entries as
//! often, which is most of what it costs. **Idea.** What is folded is a function of the due sets of the scope and of
//! `@mesh` (beacons rely on it), so the digests of both name it, and whoever comes from the same set to the same set may
//! take what another machine of the process found. **Mechanism.** [`Twins`] keeps the latest steps by the names of their
//! two ends; a machine that made a step itself still takes the fold that another one had made before, so that only one
//! is held. Sets and their hashes go the same way. A machine whose fold broke the rule would go unnoticed: so where
//! checks look, every machine folds for itself, and a node alone never comes here.

use std::sync::{Arc, MutexGuard};

use driftless_statement::{Hlc, PublicKey, Scope, StatementId};

use crate::fold::ScopeFold;
use crate::lthash::{Drawn, LtHash};
use crate::machine::proofs::Memory;
use crate::machine::scope::ScopeRoom;
use crate::reconcile::{Set, Summary};
use crate::view::Candidate;

/// Steps that are remembered, and folds: those of about half a minute of ten changes a second, with the orders in which
/// they come.
const REMEMBERED: usize = 8_192;

/// Stands for the due sets that a fold is of. All zero: of nothing yet.
pub(in crate::machine) type FoldName = [u8; 32];

/// A step from one fold to the next.
pub(in crate::machine) struct Step {
    fold: Arc<ScopeFold>,
    changed: Vec<Candidate>,
}

/// The latest steps and folds of one process.
#[derive(Default)]
pub(in crate::machine) struct Twins {
    steps: Memory<Step>,
    folds: Memory<ScopeFold>,
    sets: Memory<Set>,
    hashes: Memory<LtHash>,
}

impl Twins {
    /// Makes a room's step to the present due sets: as it was made before, or else by `fold`.
    pub fn step(
        &mut self,
        scope: &Scope,
        room: &mut ScopeRoom,
        mesh_due: &[u8; 32],
        fold: impl FnOnce(&mut ScopeRoom) -> Vec<Candidate>,
    ) -> Vec<Candidate> {
        let name = hash(&[scope.as_str().as_bytes(), &room.due.digest(), mesh_due]);
        let between = hash(&[&room.folded_as, &name]);
        room.folded_as = name;
        if let Some(step) = self.steps.get(&between) {
            room.fold = step.fold.clone();
            return step.changed.clone();
        }
        let changed = fold(room);
        match self.folds.get(&name) {
            Some(twin) => room.fold = twin.clone(),
            None => self.folds.note(name, room.fold.clone(), REMEMBERED),
        }
        let step = Step { fold: room.fold.clone(), changed: changed.clone() };
        self.steps.note(between, Arc::new(step), REMEMBERED);
        changed
    }
}

/// One statement that joins the sets of its scope.
pub(in crate::machine) struct Joining<'a> {
    id: StatementId,
    twins: Option<MutexGuard<'a, Twins>>,
    drawn: Option<Drawn>,
}

impl<'a> Joining<'a> {
    pub fn new(id: StatementId, twins: Option<MutexGuard<'a, Twins>>) -> Self {
        Self { id, twins, drawn: None }
    }

    /// Joins a summary; false when it is there already.
    pub fn summary(&mut self, summary: &mut Summary, hlc: Hlc) -> bool {
        let id = self.id;
        let Some(twins) = &mut self.twins else { return summary.join(id, hlc, drawn(&mut self.drawn, id)) };
        let between = hash(&[&summary.digest(), id.as_bytes()]);
        if let Some(set) = twins.sets.get(&between) {
            summary.become_set(&id, Set::clone(set));
            return true;
        }
        let new = summary.join(id, hlc, drawn(&mut self.drawn, id));
        if new {
            summary.digest();
            twins.sets.note(between, Arc::new(summary.set().clone()), REMEMBERED);
        }
        new
    }

    /// Joins a hash.
    pub fn hash(&mut self, of: &mut LtHash) {
        let id = self.id;
        let Some(twins) = &mut self.twins else { return of.join(drawn(&mut self.drawn, id)) };
        let between = hash(&[&of.digest(), id.as_bytes()]);
        if let Some(sum) = twins.hashes.get(&between) {
            *of = LtHash::clone(sum);
            return;
        }
        of.join(drawn(&mut self.drawn, id));
        of.digest();
        twins.hashes.note(between, Arc::new(of.clone()), REMEMBERED);
    }
}

/// A name that no other machine's fold has.
pub(in crate::machine) fn name_apart(node: &PublicKey, due: &[u8; 32]) -> FoldName {
    hash(&[node.as_bytes(), due])
}

fn drawn(known: &mut Option<Drawn>, id: StatementId) -> &Drawn {
    known.get_or_insert_with(|| Drawn::of(id.as_bytes()))
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("driftless 2026 name of a fold v1");
    parts.iter().for_each(|part| {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    });
    *hasher.finalize().as_bytes()
}
