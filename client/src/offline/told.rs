//! Authority in the shapes of the API, from an export: grants, epochs, revocations, what is pending, what a key has said. It must not
//! decide anything: trust does.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_statement::{Hlc, PublicKey, Scope, StatementId, Verified};
use driftless_trust::{Epoch, Revocation, Standing};

use super::{Fate, Offline};
use crate::api::{
    Author, AuthorScope, EpochInfo, GrantInfo, Grants, PendingInfo, PendingList, RevocationInfo, StatementInfo,
    WantedInfo,
};
use crate::clock::rfc3339_millis;
use crate::readable;

impl Offline {
    /// Grants of the mesh, with an author's own heads in `@mesh` when one is named.
    pub fn grants(&self, author: Option<&PublicKey>) -> Grants {
        let epochs: Vec<EpochInfo> = self.trust.epochs().map(|epoch| self.epoch(epoch)).collect();
        let last = epochs.last();
        let mut grants: Vec<&Standing> = self.trust.grants().map(|(_, standing)| standing).collect();
        grants.sort_by_key(|standing| (standing.rank, standing.id));
        let mesh = Scope::mesh();
        Grants {
            genesis: self.trust.genesis(),
            epoch: last.map_or(StatementId::NONE, |epoch| epoch.id),
            roots: last.map(|epoch| epoch.roots.clone()).unwrap_or_default(),
            threshold: last.map_or(0, |epoch| epoch.threshold),
            grants: grants.into_iter().map(|standing| self.grant(standing)).collect(),
            revocations: self.trust.revocations().map(|one| self.revocation(one)).collect(),
            prev: author.map(|author| self.prev(author, &mesh)).unwrap_or_default(),
            after: self.in_scope(&mesh).last().map_or(Hlc::default(), |one| one.statement().hlc),
            epochs,
        }
    }

    fn grant(&self, standing: &Standing) -> GrantInfo {
        let struck_by = self.trust.struck(&standing.id).map(|one| (one.id, one.prefix.clone())).collect();
        GrantInfo::of(standing, self.trust.chain(&standing.id), struck_by)
    }

    fn epoch(&self, epoch: &Epoch) -> EpochInfo {
        let id = epoch.id();
        let mesh = Scope::mesh();
        let mut heads = BTreeSet::new();
        let standing = |one: &&Arc<Verified>| one.statement().grant == id && !self.is_void(&one.id());
        // Whatever names a statement stands behind it.
        for act in self.in_scope(&mesh).filter(standing) {
            for named in act.statement().names() {
                heads.remove(&named);
            }
            heads.insert(act.id());
        }
        EpochInfo {
            id,
            roots: epoch.keys().copied().collect(),
            threshold: epoch.threshold(),
            ended_by: epoch.ended_by().copied().collect(),
            heads: heads.into_iter().collect(),
        }
    }

    fn revocation(&self, one: &Revocation) -> RevocationInfo {
        let struck = |grant: &StatementId| self.trust.struck(grant).any(|by| by.id == one.id);
        RevocationInfo::of(one, self.trust.grants().map(|(id, _)| *id).filter(struck).collect())
    }

    /// What waits for signatures or approvals, earliest first.
    pub fn pending(&self) -> PendingList {
        let waits = |one: &&Arc<Verified>| matches!(self.fate(&one.id()), Some(Fate::Pending(_)));
        let unmet = |one: &&Arc<Verified>| self.trust.wanted(one).iter().any(|wanted| !wanted.is_met());
        let told = |one: &Arc<Verified>| PendingInfo {
            statement: self.words(one),
            wanted: self.trust.wanted(one).iter().map(WantedInfo::of).collect(),
        };
        let pending: Vec<PendingInfo> = self.all.iter().filter(waits).filter(unmet).map(told).collect();
        PendingList { total: pending.len() as u64, pending }
    }

    /// A statement in words, with what became of it as far as is known.
    pub fn words(&self, one: &Verified) -> StatementInfo {
        let (fate, reason) = match self.fate(&one.id()) {
            Some(Fate::Counts) => ("fit", None),
            Some(Fate::Unfit) => ("unfit", None),
            Some(Fate::Pending(why)) => ("pending", Some(why.clone())),
            Some(Fate::Void(why)) => ("void", Some(why.clone())),
            Some(Fate::NotDue) => ("not_due", None),
            None => ("", None),
        };
        StatementInfo { fate: fate.to_owned(), reason, ..readable::statement(one) }
    }

    /// What a key has said as far as it counts, up to a time in Unix milliseconds.
    pub fn author(&self, key: &PublicKey, until_ms: Option<u64>) -> Author {
        let until = until_ms.map_or(Hlc(u64::MAX), |millis| Hlc(millis << 16 | 0xffff));
        let scopes: BTreeSet<&Scope> = self.all.iter().map(|one| &one.statement().scope).collect();
        let scopes = scopes.into_iter().filter_map(|scope| self.author_in(key, scope, until)).collect();
        // What else there is an export cannot know: who signs is told what it holds.
        Author { key: *key, scopes, only: None }
    }

    fn author_in(&self, key: &PublicKey, scope: &Scope, until: Hlc) -> Option<AuthorScope> {
        let said = self.in_scope(scope).filter(|one| one.statement().author == *key && !self.is_void(&one.id()));
        let (mut heads, mut kept, mut left_out) = (BTreeSet::new(), 0, 0);
        let (mut first, mut last) = (None, None);
        for one in said {
            let statement = one.statement();
            if statement.hlc > until {
                left_out += 1;
                continue;
            }
            kept += 1;
            heads.retain(|id| statement.prev.binary_search(id).is_err());
            heads.insert(one.id());
            let time = || rfc3339_millis(statement.hlc.millis());
            first.get_or_insert_with(time);
            last = Some(time());
        }
        let heads = heads.into_iter().collect();
        (kept + left_out > 0).then_some(AuthorScope { scope: scope.clone(), heads, kept, left_out, first, last })
    }
}
