//! What a node may hold: the scopes that its member grants give it. Knows no grant chains.

use std::collections::BTreeSet;

use driftless_statement::{Grant, Labels, Prefix, Scope};

/// A set of scopes, besides `@mesh`, which every member holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Held {
    /// Every scope, also those that do not exist yet.
    All,
    /// These.
    These(BTreeSet<Scope>),
}

impl Held {
    /// The scopes that a grant names *and* that lie wholly under its prefix; with an empty list, all that do. A prefix
    /// of more than one segment has no scope under it.
    pub fn of(grant: &Grant) -> Self {
        let under = |scope: &Scope| grant.prefix.contains(&Prefix::from(scope));
        if !grant.scopes.is_empty() {
            return Self::These(grant.scopes.iter().filter(|scope| under(scope)).cloned().collect());
        }
        if grant.prefix == Prefix::all() {
            return Self::All;
        }
        Self::These(Scope::parse(grant.prefix.as_str()).into_iter().collect())
    }

    /// Nothing besides `@mesh`.
    pub fn none() -> Self {
        Self::These(BTreeSet::new())
    }

    /// Whether the scope is in the set.
    pub fn has(&self, scope: &Scope) -> bool {
        match self {
            Self::All => true,
            Self::These(scopes) => scope.is_mesh() || scopes.contains(scope),
        }
    }

    /// Whether everything in `other` is in this set.
    pub fn contains(&self, other: &Held) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::These(_), Self::All) => false,
            (Self::These(_), Self::These(scopes)) => scopes.iter().all(|scope| self.has(scope)),
        }
    }

    /// Adds the scopes of `other`.
    pub fn add(&mut self, other: &Held) {
        match (&mut *self, other) {
            (Self::These(scopes), Self::These(more)) => scopes.extend(more.iter().cloned()),
            (Self::These(_), Self::All) => *self = Self::All,
            (Self::All, Self::All | Self::These(_)) => {}
        }
    }
}

/// A key that takes part as a node.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Member {
    /// What all its member grants together let it hold.
    pub scopes: Held,
    /// What they say of it. Where two differ, the one of least rank decides, then the latest.
    pub labels: Labels,
}

impl Member {
    /// Whether a scope may be offered to this node. `@mesh` always may.
    pub fn may_hold(&self, scope: &Scope) -> bool {
        self.scopes.has(scope)
    }
}
