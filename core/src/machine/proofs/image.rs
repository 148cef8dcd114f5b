//! What a node knows of `@mesh` once it has read it from its store, kept for other machines of the same process that read
//! the same: a mesh of thousands in a simulator would otherwise judge the same grants thousands of times and hold as many
//! copies. It is a function of what was read, so nothing but memory and time is spared. A node alone never comes here.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_statement::limits::SKEW_MS;
use driftless_statement::{PublicKey, Scope, StatementId, Verified};

use crate::beacon::Roll;
use crate::log::{Log, MeshShelf};
use crate::machine::Machine;
use crate::machine::effect::Effect;
use crate::machine::scope::ScopeRoom;
use crate::trust::Trust;

/// Fewer statements of `@mesh` are not worth an image.
const WORTH: usize = 64;

/// Everything that follows from a run of `@mesh` statements, all of them due and counting.
#[derive(Clone)]
pub(in crate::machine) struct Image {
    shelf: Arc<MeshShelf>,
    room: Arc<ScopeRoom>,
    trust: Trust,
    settled: Trust,
    members: Arc<BTreeSet<PublicKey>>,
    roll: Arc<Roll>,
}

impl Machine {
    /// Takes the statements of `@mesh` that a store's content begins with, by the image of them if there is one. Gives
    /// back what is left to be read.
    pub(in crate::machine) fn load_image(
        &mut self,
        mut statements: Vec<Arc<Verified>>,
        effects: &mut Vec<Effect>,
    ) -> Vec<Arc<Verified>> {
        let foreign = |statement: &Arc<Verified>| !statement.statement().scope.is_mesh();
        let run = statements.iter().position(foreign).unwrap_or(statements.len());
        if !self.proofs.is_shared() || run < WORTH || !self.log.is_empty() {
            return statements;
        }
        let rest = statements.split_off(run);
        let name = self.proofs.image_name(&statements).unwrap_or_else(|| name(&statements));
        match self.proofs.image(&name) {
            Some(image) if image.is_due(self.kept_floor_ms) => self.become_image(&image, &statements, effects),
            _ => {
                self.read(statements.clone(), effects);
                if let Some(image) = self.image() {
                    self.proofs.keep_image(name, statements, image);
                }
            }
        }
        rest
    }

    fn become_image(&mut self, image: &Image, statements: &[Arc<Verified>], effects: &mut Vec<Effect>) {
        self.log = Log::with_mesh_shelf(self.mesh, image.shelf.clone());
        self.note_own(statements);
        self.open_scope(&Scope::mesh(), effects);
        self.scopes.insert(Scope::mesh(), image.room.without_entries());
        self.trust = Some(image.trust.clone());
        self.settled = Some(image.settled.clone());
        self.expect(image.members.clone(), image.roll.clone(), effects);
        self.changes += 1;
    }

    /// What this node knows of `@mesh`, if nothing of it waits or fell out.
    fn image(&self) -> Option<Image> {
        let room = self.scopes.get(&Scope::mesh())?;
        let plain = self.expelled.is_empty()
            && room.aside.is_empty()
            && room.out.is_empty()
            && room.waiting_for_time.is_empty()
            && room.fold.is_empty();
        plain.then_some(Image {
            shelf: self.log.mesh_shelf().clone(),
            room: Arc::new(room.without_entries()),
            trust: self.trust.clone()?,
            settled: self.settled.clone()?,
            members: self.members.clone(),
            roll: self.divergence.members().clone(),
        })
    }
}

impl Image {
    fn is_due(&self, floor_ms: u64) -> bool {
        self.room.newest.millis() <= floor_ms.saturating_add(SKEW_MS)
    }
}

fn name(statements: &[Arc<Verified>]) -> StatementId {
    let mut hasher = blake3::Hasher::new_derive_key("driftless 2026 image of a mesh v1");
    for statement in statements {
        hasher.update(statement.id().as_bytes());
    }
    StatementId(*hasher.finalize().as_bytes())
}
