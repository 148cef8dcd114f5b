//! Signing what takes authority away and gives it back: revocations with their frontier, approvals of root acts.

use driftless_statement::{
    Accept, Approve, Body, Frontier, MeshId, Note, Path, Prefix, PublicKey, Revoke, Scope, StatementId, Touch, Verb,
    Verified, limits,
};

use super::{Frame, SignError, Signer, display_prefix};
use crate::api::{Author, Grants};

/// The entries of `@mesh` as whose bases acts name other acts. Nothing is ever written there.
const ACCEPTS: &str = "@mesh/accepts";
const AGAIN: &str = "@mesh/again";

/// What a key has said, as a frontier that keeps all of it.
pub fn frontier(said: &Author) -> Frontier {
    let mut frontier = Frontier::nothing();
    for scope in &said.scopes {
        scope.heads.iter().for_each(|head| frontier.insert(scope.scope.clone(), *head));
    }
    frontier
}

/// Touches that name statements of `@mesh`; none when there is nothing to name.
pub(super) fn naming(at: &str, named: &[StatementId]) -> Result<Vec<Touch>, SignError> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let mut bases = named.to_vec();
    bases.sort_unstable();
    bases.dedup();
    if bases.len() > limits::BASES {
        return Err(SignError::TooManyNamed { max: limits::BASES, got: bases.len() });
    }
    let path = Path::parse(at).map_err(|bad| SignError::Invalid(bad.into()))?;
    Ok(vec![Touch { path, bases }])
}

impl Signer {
    /// The frame for a revocation on a prefix: this key's root epoch, or the grant of least rank that lets it revoke there.
    pub fn revoke_frame(&self, mesh: MeshId, grants: &Grants, prefix: &Prefix) -> Result<Frame, SignError> {
        let key = self.public();
        let frame = |grant| Frame { mesh, scope: Scope::mesh(), grant, prev: grants.prev.clone(), after: grants.after };
        if grants.roots.contains(&key) {
            return Ok(frame(grants.genesis));
        }
        let usable = grants.grants.iter().find(|held| super::usable(held, &key, &[Verb::Revoke], prefix));
        let no_grant = || SignError::NoGrant { key, verb: "revoke", what: display_prefix(prefix.as_str()) };
        usable.map(|held| frame(held.id)).ok_or_else(no_grant)
    }

    /// Revokes a key on a prefix. A frontier too long for one statement comes in accepts before it.
    pub fn revoke(
        &self,
        frame: &Frame,
        key: PublicKey,
        prefix: Prefix,
        frontier: &Frontier,
        note: &Note,
        now_ms: u64,
    ) -> Result<Vec<Verified>, SignError> {
        let mut parts = frontier.parts();
        let last = parts.pop().unwrap_or_default();
        let mut frame = frame.clone();
        let mut signed: Vec<Verified> = Vec::new();
        for part in parts {
            let accept =
                self.sign(&frame, Vec::new(), Body::Accept(Accept { frontier: part }), note.clone(), now_ms)?;
            frame = Frame { prev: vec![accept.id()], after: accept.statement().hlc, ..frame };
            signed.push(accept);
        }
        let accepts: Vec<StatementId> = signed.iter().map(Verified::id).collect();
        let body = Body::Revoke(Revoke { key, prefix, frontier: last });
        signed.push(self.sign(&frame, naming(ACCEPTS, &accepts)?, body, note.clone(), now_ms)?);
        Ok(signed)
    }

    /// The frame for approving a root act, which root keys do.
    pub fn approve_frame(&self, mesh: MeshId, grants: &Grants) -> Result<Frame, SignError> {
        let key = self.public();
        if !grants.roots.contains(&key) {
            return Err(SignError::NotRoot { key });
        }
        let (grant, prev) = (grants.genesis, grants.prev.clone());
        Ok(Frame { mesh, scope: Scope::mesh(), grant, prev, after: grants.after })
    }

    /// Adds this key's signature to an act of `@mesh`.
    pub fn approve(&self, frame: &Frame, act: StatementId, note: Note, now_ms: u64) -> Result<Verified, SignError> {
        self.sign(frame, Vec::new(), Body::Approve(Approve { scope: Scope::mesh(), id: act }), note, now_ms)
    }
}

/// What names the revocations that a grant gives back from.
pub(super) fn again(revocations: &[StatementId]) -> Result<Vec<Touch>, SignError> {
    naming(AGAIN, revocations)
}
