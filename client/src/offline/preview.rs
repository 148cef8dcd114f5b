//! What acts would change if they were submitted, from an export: what would be void and what would count again, who would be a member, and
//! of the entries those whose value follows without merging.

use std::collections::{BTreeSet, HashSet};

use driftless_statement::{Path, PublicKey, StatementId, Verified};
use driftless_trust::{Accepted, Trust};

use super::{Fate, Offline};
use crate::api::{EntryTurn, Preview};

impl Offline {
    /// What acts would change, if all root keys approved them; and how many entries would change in a way that only a node can tell.
    pub fn preview(&self, acts: &[Verified]) -> (Preview, usize) {
        let ids: Vec<StatementId> = acts.iter().map(Verified::id).collect();
        let held = self.all.iter().filter(|one| one.statement().scope.is_mesh() && self.is_due(one));
        let after = Trust::suppose(&self.genesis, held.map(|one| &**one).chain(acts), &ids);
        let accepted = self.accepted(&after);
        let members = |trust: &Trust| trust.members().map(|(key, _)| *key).collect::<BTreeSet<PublicKey>>();
        let (old, new) = (members(&self.trust), members(&after));
        let counting =
            |trust: &Trust| trust.revocations().filter(|one| one.is_authorised()).map(|one| one.id).collect();
        let (old_acts, new_acts): (BTreeSet<StatementId>, BTreeSet<StatementId>) =
            (counting(&self.trust), counting(&after));
        let refusal = |act: &Verified| after.authorised(act, &Accepted::default()).err().map(|why| why.to_string());
        let mut preview = Preview {
            refused: acts.iter().map(refusal).collect(),
            members_lost: old.difference(&new).copied().collect(),
            members_won: new.difference(&old).copied().collect(),
            revocations_lost: old_acts.difference(&new_acts).copied().collect(),
            ..empty()
        };
        let mut then: HashSet<StatementId> = HashSet::new();
        let mut touched: BTreeSet<&Path> = BTreeSet::new();
        for one in self.all.iter().filter(|one| self.is_due(one)) {
            let fate = self.judge(&after, one, &accepted);
            let counts = fate == Fate::Counts;
            if counts {
                then.insert(one.id());
            }
            if counts != self.counts(&one.id()) {
                let list = if counts { &mut preview.restored } else { &mut preview.voided };
                *list.entry(one.statement().scope.to_string()).or_default() += 1;
                touched.extend(one.statement().touches.iter().map(|touch| &touch.path));
            }
        }
        let mut untold = 0;
        for path in touched {
            let (now, then) = (self.entry(path, &|id| self.counts(id)), self.entry(path, &|id| then.contains(id)));
            match (now.value, then.value) {
                (Some(now), Some(then)) => {
                    let (now, then) = (now.map(|tree| tree.to_value()), then.map(|tree| tree.to_value()));
                    if now != then {
                        preview.entries.push(EntryTurn { path: path.clone(), now, then });
                    }
                }
                _ => untold += 1,
            }
        }
        (preview, untold)
    }
}

fn empty() -> Preview {
    Preview {
        refused: Vec::new(),
        voided: Default::default(),
        restored: Default::default(),
        entries: Vec::new(),
        members_lost: Vec::new(),
        members_won: Vec::new(),
        revocations_lost: Vec::new(),
    }
}
