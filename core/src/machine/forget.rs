//! A flood that root acts struck leaves the disk and the memory, but for a first part of it. Nothing else is ever
//! deleted: what a revocation of a greater rank struck, a senior one can make good.

use driftless_statement::StatementId;

use super::Machine;
use super::planted::Planted;

impl Machine {
    /// Lets go what root acts struck beyond what is kept: at the next tick, after services see what the strike did. As with leaving the set, not before all of `@mesh` that is held
    /// is on disk: else a crash would forget the revocation, and the statements would be missed.
    pub(super) fn forget(&mut self) {
        if !self.forget_wanted || !self.mesh_is_on_disk() {
            return;
        }
        self.forget_wanted = false;
        let Some(trust) = &self.trust else { return };
        let on_disk = |id: &StatementId| {
            let scope = self.log.get(id).map(|held| held.statement().scope.clone());
            scope.and_then(|scope| self.scopes.get(&scope)).is_some_and(|room| room.aside.contains(id))
        };
        let gone = match self.planted(Planted::ForgetsAll) {
            true => self.log.aside().map(|held| held.id()).filter(on_disk).collect(),
            false => self.log.struck_beyond(self.keep_struck_bytes, trust, on_disk),
        };
        if gone.is_empty() {
            return;
        }
        for room in self.scopes.values_mut() {
            room.aside.retain(|id| !gone.contains(id));
        }
        self.log.forget(&gone);
        self.counts.struck_gone += gone.len() as u64;
        self.storing.take_off(gone);
    }
}
