//! One scope as this node holds it: the fold, the summaries and digests, and the statements that do not count today.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_statement::{Hlc, IdTable, MeshId, PublicKey, Scope, StatementId, Verified};

use super::peers::repair::Recent;
use super::proofs::twins::{FoldName, Joining};
use super::shown::ShownHash;
use crate::beacon::Marks;
use crate::fold::ScopeFold;
use crate::lthash::{Drawn, LtHash};
use crate::reconcile::Summary;
use crate::trust::Refusal;

/// Why a stored statement does not count now.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Out {
    /// Its time has not come.
    NotDue,
    /// A trust rule keeps it out. Shared: one revocation may keep out very many.
    Refused(Arc<Refusal>),
}

/// What a node keeps of one scope besides the log.
pub(super) struct ScopeRoom {
    /// Entries, from the due statements that are authorised.
    pub fold: Arc<ScopeFold>,
    /// What the fold is of, where machines fold once for all.
    pub folded_as: FoldName,
    /// What reconciliation compares: the replicated set, as far as it is on disk.
    pub summary: Summary,
    /// What beacons compare: the same set at the last marks.
    pub marks: Marks,
    /// Hash of the due part of the set: what the merged digest belongs to.
    pub due: LtHash,
    /// Hash of the effective entries.
    pub shown: ShownHash,
    /// Stored statements that do not count, and why.
    pub out: IdTable<(StatementId, Out)>,
    /// Sets that were had lately.
    pub recent: Recent,
    /// Stored statements that wait for their time, by the millisecond at which they are due.
    pub waiting_for_time: BTreeMap<(u64, StatementId), Arc<Verified>>,
    /// Stored statements that a revocation took out of the replicated set.
    pub aside: IdTable<StatementId>,
    /// The latest time of a stored statement.
    pub newest: Hlc,
}

impl ScopeRoom {
    pub fn new(mesh: &MeshId, scope: &Scope) -> Self {
        Self {
            fold: Arc::default(),
            folded_as: FoldName::default(),
            summary: Summary::new(mesh, scope),
            marks: Marks::default(),
            due: LtHash::default(),
            shown: ShownHash::default(),
            out: IdTable::new(),
            recent: Recent::default(),
            waiting_for_time: BTreeMap::new(),
            aside: IdTable::new(),
            newest: Hlc::default(),
        }
    }

    /// The same for another machine, with no entries.
    pub fn without_entries(&self) -> Self {
        Self {
            fold: Arc::default(),
            folded_as: FoldName::default(),
            summary: self.summary.clone(),
            marks: self.marks.clone(),
            due: self.due.clone(),
            shown: ShownHash::default(),
            out: IdTable::new(),
            recent: Recent::default(),
            waiting_for_time: BTreeMap::new(),
            aside: IdTable::new(),
            newest: self.newest,
        }
    }

    /// Takes in a statement that is on disk now.
    /// False: it was known to be, and the disk had lost it in between.
    pub fn stored(&mut self, statement: &Verified, joining: &mut Joining<'_>) -> bool {
        let hlc = statement.statement().hlc;
        let new = joining.summary(&mut self.summary, hlc);
        if new {
            self.marks.join(&statement.id(), hlc, |hash| joining.hash(hash));
            self.newest = self.newest.max(hlc);
        }
        new
    }

    /// Takes stored statements, ascending by id, out of the replicated set, and of what is due. Gives back those that were in
    /// the set.
    pub fn put_aside(&mut self, mut leaving: Vec<Arc<Verified>>) -> Vec<Arc<Verified>> {
        if leaving.len() as u64 > self.summary.count() / 2 {
            // A flood may be nearly all there is: to count what stays is less work, and so is to walk both lists at once.
            let mut all = self.summary.all().peekable();
            let mut stays: Vec<(StatementId, Hlc)> = Vec::new();
            leaving.retain(|one| {
                let id = one.id();
                stays.extend(std::iter::from_fn(|| all.next_if(|(next, _)| **next < id)).map(|(id, hlc)| (*id, *hlc)));
                all.next_if(|(next, _)| **next == id).is_some()
            });
            stays.extend(all.map(|(id, hlc)| (*id, *hlc)));
            self.count_anew(&stays);
        } else {
            leaving.retain(|one| self.uncount(one));
        }
        self.aside.extend(leaving.iter().map(|one| one.id()));
        // Often nothing waits and all counts.
        if !self.waiting_for_time.is_empty() {
            leaving
                .iter()
                .for_each(|one| drop(self.waiting_for_time.remove(&(one.statement().hlc.millis(), one.id()))));
        }
        if !self.out.is_empty() {
            leaving.iter().for_each(|one| drop(self.out.remove(&one.id())));
        }
        leaving
    }

    /// Takes one out of the summary and the hashes; false when it is not in the set.
    fn uncount(&mut self, statement: &Verified) -> bool {
        let (id, hlc) = (statement.id(), statement.statement().hlc);
        // Drawn once for all three.
        let drawn = Drawn::of(id.as_bytes());
        if !self.summary.leave(&id, &drawn) {
            return false;
        }
        self.marks.leave(&id, hlc, |hash| hash.leave(&drawn));
        if !self.waiting_for_time.contains_key(&(hlc.millis(), id)) {
            self.due.leave(&drawn);
        }
        true
    }

    /// Makes the summary and the hashes those of these statements, all of them in the set.
    fn count_anew(&mut self, stays: &[(StatementId, Hlc)]) {
        self.summary.clear();
        self.marks.clear();
        self.due = LtHash::default();
        for (id, hlc) in stays {
            let drawn = Drawn::of(id.as_bytes());
            self.summary.join(*id, *hlc, &drawn);
            self.marks.join(id, *hlc, |hash| hash.join(&drawn));
            if !self.waiting_for_time.contains_key(&(hlc.millis(), *id)) {
                self.due.join(&drawn);
            }
        }
    }

    /// The fold is this machine's own from here on: no other one's is the same by name.
    pub fn fold_apart(&mut self, node: &PublicKey) {
        self.folded_as = super::proofs::twins::name_apart(node, &self.due.digest());
    }

    /// Why a stored statement does not count; nothing when it does.
    pub fn why_out(&self, id: &StatementId) -> Option<&Out> {
        self.out.get(id).map(|(_, out)| out)
    }

    /// Stored statements that wait for approvals or signatures.
    pub fn pending(&self) -> impl Iterator<Item = &StatementId> {
        let pending = |(_, out): &(_, Out)| matches!(out, Out::Refused(refusal) if refusal.is_pending());
        self.out.those(pending).into_iter().map(|(id, _)| id)
    }

    /// Whether all of the so many statements that are held of this scope are on disk.
    pub fn is_all(&self, held: usize) -> bool {
        self.summary.count() + self.aside.len() as u64 == held as u64
    }

    /// Whether a statement is on disk, in the replicated set or aside.
    pub fn has_stored(&self, id: &StatementId) -> bool {
        self.summary.contains(id) || self.aside.contains(id)
    }
}
