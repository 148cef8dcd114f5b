//! Whom hostile authors aim at, and the bodies of what they say about trust.

use driftless_statement::{Body, Frontier, Grant, Prefix, PublicKey, Revoke, SecretKey, StatementId, Terms, Verb};

use crate::world::founding::Mesh;

/// Whom they may aim at.
pub struct Others {
    /// The operator, and its grant.
    pub operator: (PublicKey, StatementId),
    /// The operator below the roots.
    pub steward: PublicKey,
    /// An honest author far below.
    pub junior: PublicKey,
    /// Root keys.
    pub roots: Vec<PublicKey>,
    /// Honest nodes.
    pub nodes: Vec<PublicKey>,
    /// Keys that operators struck.
    pub struck: Vec<PublicKey>,
}

impl Others {
    /// All of a mesh.
    pub fn of(mesh: &Mesh, steward: &SecretKey, junior: &PublicKey, nodes: Vec<PublicKey>) -> Self {
        let (roots, struck) = (mesh.roots.iter().map(SecretKey::public).collect(), Vec::new());
        Self { operator: mesh.operators(), steward: steward.public(), junior: *junior, roots, nodes, struck }
    }
}

/// A grant.
pub fn grant(key: PublicKey, verbs: &[Verb], prefix: &str) -> Body {
    let prefix = Prefix::parse(prefix).unwrap_or_else(|_| Prefix::all());
    Body::from(Grant {
        key,
        verbs: verbs.iter().copied().collect(),
        prefix,
        scopes: Vec::new(),
        terms: Terms::default(),
    })
}

/// A revocation.
pub fn revoke(key: PublicKey, prefix: &str, frontier: Frontier) -> Body {
    let prefix = Prefix::parse(prefix).unwrap_or_else(|_| Prefix::all());
    Body::from(Revoke { key, prefix, frontier })
}
