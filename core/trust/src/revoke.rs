//! A revocation that was let in: which grants it strikes and which statements it concerns. What it accepts besides its own
//! list is found in `accepted.rs`.

use std::collections::BTreeMap;

use driftless_statement::{Body, Prefix, PublicKey, Revoke, Scope, Statement, StatementId};

use super::epoch::Signatures;
use super::grant::Standing;

/// A revocation that trust let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Its own id.
    pub id: StatementId,
    /// Whose grants it strikes.
    pub key: PublicKey,
    /// Where.
    pub prefix: Prefix,
    /// Who signed it.
    pub issuer: PublicKey,
    /// The rank of what it relies on: 0 for a root act. It strikes greater ranks only.
    pub rank: usize,
    /// What it relies on.
    pub parent: StatementId,
    /// For a root act, who signed it; `None` when it relies on a grant, which needs its issuer's signature only.
    pub signatures: Option<Signatures>,
    /// What its frontier and the accepts that it names list, with the scope to look in.
    pub listed: BTreeMap<StatementId, Scope>,
}

impl Revocation {
    pub(super) fn new(id: StatementId, issuer: PublicKey, parent: StatementId, rank: usize, revoke: &Revoke) -> Self {
        let (key, prefix) = (revoke.key, revoke.prefix.clone());
        Self { id, key, prefix, issuer, rank, parent, signatures: None, listed: BTreeMap::new() }
    }

    /// Whether it counts: not pending.
    pub fn is_authorised(&self) -> bool {
        self.signatures.is_none_or(Signatures::complete)
    }

    /// Whether it strikes a grant that was issued by `statement`. A grant that names it as a base and relies on nothing
    /// junior to it gives back what it took.
    pub(super) fn strikes(&self, standing: &Standing, statement: &Statement) -> bool {
        let junior = standing.rank > self.rank;
        let names_it = || statement.touches.iter().any(|touch| touch.bases.contains(&self.id));
        let regrant = standing.rank <= self.rank + 1 && names_it();
        self.is_authorised()
            && self.key == standing.grant.key
            && junior
            && self.prefix.overlaps(&standing.grant.prefix)
            && !regrant
    }

    /// Whether a statement that relies on a struck grant is one that it makes void.
    pub(super) fn concerns(&self, statement: &Statement) -> bool {
        let touches = || statement.touches.iter().any(|touch| self.prefix.covers(&touch.path));
        match &statement.body {
            Body::Write(_) => touches(),
            Body::Unknown { .. } => statement.touches.is_empty() || touches(),
            // A wider one is struck, like the one it relies on.
            Body::Grant(grant) => self.prefix.contains(&grant.prefix),
            Body::Revoke(revoke) => self.prefix.overlaps(&revoke.prefix),
            Body::Approve(approve) => self.prefix.overlaps(&Prefix::from(&approve.scope)),
            Body::Accept(_) | Body::Rotate(_) | Body::Genesis(_) => true,
        }
    }

    /// The same for a statement that is sound but for revocations and relies on this grant: where all that the grant covers
    /// is struck, what the statement is about need not be looked at.
    pub(super) fn concerns_on(&self, standing: &Standing, statement: &Statement) -> bool {
        let whole = !statement.touches.is_empty() && self.prefix.contains(&standing.grant.prefix);
        whole || self.concerns(statement)
    }

    /// Whether its list names a statement, which must be the revoked key's own.
    pub fn lists(&self, id: &StatementId, author: &PublicKey) -> bool {
        *author == self.key && self.listed.contains_key(id)
    }

    /// Whether nothing that relies on a struck grant of this prefix can ever be let in.
    pub(super) fn shuts(&self, prefix: &Prefix) -> bool {
        self.prefix.contains(prefix) && self.listed.is_empty()
    }
}
