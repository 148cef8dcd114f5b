//! Signing what takes authority away and gives it back: revocations and rotations with their frontier, and approvals.

use driftless_statement::{
    Accept, Approve, Body, Frontier, MeshId, Note, Path, Prefix, PublicKey, Revoke, Rotate, Scope, StatementId, Touch,
    Verb, Verified, limits,
};

use super::{Frame, SignError, Signer};
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
    pub fn revoke_frame(
        &self,
        mesh: MeshId,
        grants: &Grants,
        prefix: &Prefix,
        now_ms: u64,
    ) -> Result<Frame, SignError> {
        if grants.roots.contains(&self.public()) {
            return Ok(super::frame(mesh, grants, grants.epoch));
        }
        self.frame_on(mesh, grants, &[Verb::Revoke], std::slice::from_ref(prefix), now_ms)
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
        let body = |frontier| Body::from(Revoke { key, prefix, frontier });
        self.with_frontier(frame, frontier, body, note, now_ms)
    }

    /// Ends the epoch in the frame and founds the next one, keeping what the frontier lists.
    pub fn rotate(
        &self,
        frame: &Frame,
        mut keys: Vec<PublicKey>,
        threshold: u64,
        frontier: &Frontier,
        note: &Note,
        now_ms: u64,
    ) -> Result<Vec<Verified>, SignError> {
        keys.sort_unstable();
        keys.dedup();
        let body = |frontier| Body::from(Rotate { keys, threshold, frontier });
        self.with_frontier(frame, frontier, body, note, now_ms)
    }

    /// Signs a body that carries a frontier; one too long for a statement comes in accepts before it.
    fn with_frontier(
        &self,
        frame: &Frame,
        frontier: &Frontier,
        body: impl FnOnce(Frontier) -> Body,
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
        signed.push(self.sign(&frame, naming(ACCEPTS, &accepts)?, body(last), note.clone(), now_ms)?);
        Ok(signed)
    }

    /// The frame for root acts and for approving them, which only root keys do.
    pub fn root_frame(&self, mesh: MeshId, grants: &Grants) -> Result<Frame, SignError> {
        let key = self.public();
        match grants.roots.contains(&key) {
            true => Ok(super::frame(mesh, grants, grants.epoch)),
            false => Err(SignError::NotRoot { key }),
        }
    }

    /// The frame for approving a write: a grant to approve that covers every entry it touches.
    pub fn approve_frame(
        &self,
        mesh: MeshId,
        grants: &Grants,
        touched: &[Path],
        now_ms: u64,
    ) -> Result<Frame, SignError> {
        let prefixes: Vec<Prefix> = touched.iter().map(Prefix::from).collect();
        self.frame_on(mesh, grants, &[Verb::Approve], &prefixes, now_ms)
    }

    /// Adds this key's signature to a root act, or its approval to a write.
    pub fn approve(
        &self,
        frame: &Frame,
        scope: Scope,
        id: StatementId,
        note: Note,
        now_ms: u64,
    ) -> Result<Verified, SignError> {
        self.sign(frame, Vec::new(), Body::from(Approve { scope, id }), note, now_ms)
    }
}

/// What names the revocations that a grant gives back from.
pub(super) fn again(revocations: &[StatementId]) -> Result<Vec<Touch>, SignError> {
    naming(AGAIN, revocations)
}
