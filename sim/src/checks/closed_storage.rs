//! Hash-closed storage: whatever is on a disk, all that it names is there too, and was there before it. So no crash can
//! leave a statement without its past.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::StatementId;

use super::history::made;
use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct ClosedStorage {
    together: u64,
    late_parents: u64,
}

impl Check for ClosedStorage {
    fn name(&self) -> &'static str {
        "closed-storage"
    }

    fn source(&self) -> &'static str {
        "threats P2; design §3 (what a statement names)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        let Seen::Synced(batch) = seen else { return Ok(()) };
        let durable = &scene.facts.durable[scene.at];
        let mut behind: BTreeSet<&StatementId> = batch.iter().collect();
        self.together += u64::from(batch.len() > 1);
        for id in *batch {
            behind.remove(id);
            let Some(made) = made(scene.facts, id) else { return Err(format!("{} came from nowhere", id.short())) };
            for name in made.statement().names() {
                if behind.contains(&name) || !durable.contains(&name) {
                    return Err(format!("{} is on disk before {}, which it names", id.short(), name.short()));
                }
            }
            self.late_parents += u64::from(made.statement().prev.len() > 1);
        }
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("several statements shared a commit", self.together),
            ("a statement joined branches of its author", self.late_parents),
        ])
    }
}
