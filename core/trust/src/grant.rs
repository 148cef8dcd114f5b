//! A grant that stands, and the rule that it can only narrow what its issuer holds.

use std::sync::Arc;

use driftless_statement::{Demands, Grant, Hlc, Path, Prefix, PublicKey, Revoke, StatementId, Verb, Verified, limits};

use super::epoch::Signatures;
use super::member::Held;
use super::refusal::{Reach, Refusal};

/// A grant that trust let in, with its place in the chain up to genesis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The grant's own id.
    pub id: StatementId,
    /// What it gives, to whom and where.
    pub grant: Grant,
    /// Who signed it.
    pub issuer: PublicKey,
    /// When, as its issuer claims.
    pub at: Hlc,
    /// Steps to the epoch, which is rank 0: a grant by root act has rank 1, one that relies on it rank 2, and so on.
    pub rank: usize,
    /// What it relies on: a grant of the rank above, or the epoch.
    pub parent: StatementId,
    /// For a root act, who signed it; `None` for a delegated grant, which needs its issuer's signature only.
    pub signatures: Option<Signatures>,
    /// The approvals that writes on it need, by the grant that demands them: its own, and those of the grants above it, which come first.
    /// Shared with those: whoever holds a long chain may give any number of grants below it.
    pub demands: Arc<Vec<(StatementId, Arc<Demands>)>>,
    /// The latest time that a statement on it may claim, Unix milliseconds: its own limit, or an earlier one above it.
    pub not_after_ms: Option<u64>,
}

impl Standing {
    /// `above`: the grant it relies on; `None` for a root act.
    pub(super) fn new(
        verified: &Verified,
        grant: &Grant,
        rank: usize,
        above: Option<&Standing>,
        signatures: Option<Signatures>,
    ) -> Self {
        let statement = verified.statement();
        let mut demands = above.map(|above| above.demands.clone()).unwrap_or_default();
        if !grant.terms.demands.is_empty() {
            Arc::make_mut(&mut demands).push((verified.id(), Arc::new(grant.terms.demands.clone())));
        }
        let limits = above.and_then(|above| above.not_after_ms).into_iter().chain(grant.terms.not_after_ms);
        Self {
            id: verified.id(),
            grant: grant.clone(),
            issuer: statement.author,
            at: statement.hlc,
            rank,
            parent: statement.grant,
            signatures,
            demands,
            not_after_ms: limits.min(),
        }
    }

    /// Whether it may be relied on: not pending.
    pub fn is_authorised(&self) -> bool {
        self.signatures.is_none_or(Signatures::complete)
    }

    /// The scopes that it lets its key hold; nothing besides `@mesh` when it gives no `member`.
    pub fn held(&self) -> Held {
        if self.grant.verbs.contains(&Verb::Member) { Held::of(&self.grant) } else { Held::none() }
    }

    /// Whether something may be said on it at a time, Unix milliseconds.
    pub fn is_open_at(&self, ms: u64) -> bool {
        self.not_after_ms.is_none_or(|latest| ms <= latest)
    }

    /// Whether it gives a verb on everything under a prefix.
    pub fn gives(&self, verb: Verb, prefix: &Prefix) -> bool {
        self.grant.verbs.contains(&verb) && self.grant.prefix.contains(prefix)
    }

    pub(super) fn need(&self, verb: Verb) -> Result<(), Refusal> {
        if self.grant.verbs.contains(&verb) { Ok(()) } else { Err(Refusal::Verb { grant: self.id, verb }) }
    }

    pub(super) fn covers<'a>(&self, mut paths: impl Iterator<Item = &'a Path>) -> Result<(), Refusal> {
        match paths.find(|path| !self.grant.prefix.covers(path)) {
            Some(path) => Err(Refusal::Outside { path: path.clone(), prefix: self.grant.prefix.clone() }),
            None => Ok(()),
        }
    }

    /// Whether the key that holds this grant may revoke on it.
    pub(super) fn may_revoke(&self, revoke: &Revoke) -> Result<(), Refusal> {
        self.need(Verb::Revoke)?;
        match self.grant.prefix.contains(&revoke.prefix) {
            true => Ok(()),
            false => Err(Refusal::Wider { grant: self.id, reach: Reach::Prefix }),
        }
    }

    /// Whether the key that holds this grant may issue `grant` on it.
    pub(super) fn may_issue(&self, grant: &Grant) -> Result<(), Refusal> {
        self.need(Verb::Delegate)?;
        let wider = |reach| Err(Refusal::Wider { grant: self.id, reach });
        if !grant.verbs.is_subset(&self.grant.verbs) {
            return wider(Reach::Verbs);
        }
        if !self.grant.prefix.contains(&grant.prefix) {
            return wider(Reach::Prefix);
        }
        if grant.verbs.contains(&Verb::Member) && !self.held().contains(&Held::of(grant)) {
            return wider(Reach::Scopes);
        }
        if self.rank >= limits::GRANT_CHAIN {
            return Err(Refusal::Chain { max: limits::GRANT_CHAIN });
        }
        Ok(())
    }
}
