//! What need not be held any longer: a flood that the roots struck. It is aside, no act of a greater rank can bring it back,
//! and nothing that stays names it. Its beginning is kept all the same, for who asks what happened.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{StatementId, Verified};

use super::Log;
use crate::trust::Trust;

impl Log {
    /// What may be let go of what is aside, so that what root acts struck takes at most so many bytes: the latest of it.
    /// `may`: what else must hold of each. Costs time linear in what is held, when there is more than that aside.
    pub fn struck_beyond(
        &self,
        bytes: usize,
        trust: &Trust,
        may: impl Fn(&StatementId) -> bool,
    ) -> BTreeSet<StatementId> {
        if self.aside().map(|statement| statement.wire_len()).sum::<usize>() <= bytes {
            return BTreeSet::new();
        }
        let held = |id: &StatementId| self.shelf.get(id).map(|statement| &**statement);
        let complete = trust.complete(held, &self.accepted);
        let going =
            self.aside().filter(|one| may(&one.id()) && trust.is_struck_by_roots(one, held, &self.accepted, &complete));
        let mut going: BTreeMap<StatementId, &Arc<Verified>> = going.map(|one| (one.id(), one)).collect();
        // What one that stays names stays too.
        for statement in self.shelf.iter().rev() {
            if !going.contains_key(&statement.id()) {
                for named in statement.statement().each_name() {
                    going.remove(named);
                }
            }
        }
        let mut left: usize = going.values().map(|one| one.wire_len()).sum();
        // What a statement names is earlier, so with the latest first it goes after all that names it.
        let mut latest_first: Vec<&Arc<Verified>> = going.into_values().collect();
        latest_first.sort_unstable_by_key(|one| Reverse(one.key()));
        let over = latest_first.into_iter().take_while(|one| {
            let over = left > bytes;
            left -= one.wire_len();
            over
        });
        over.map(|one| one.id()).collect()
    }

    /// Lets statements go that are aside and that nothing else held names.
    pub fn forget(&mut self, gone: &BTreeSet<StatementId>) {
        self.aside.retain(|id| !gone.contains(id));
        self.room.drop_naming(gone);
        self.shelf.remove(gone);
    }
}
