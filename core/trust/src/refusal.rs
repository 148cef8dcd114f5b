//! Why trust keeps a statement out. One small, closed list: metrics count by its words, `explain` shows its sentences.

use driftless_statement::{MeshId, Path, Prefix, PublicKey, Scope, StatementId, Verb};

/// In what a grant reaches further than the grant it relies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// It gives a verb that its issuer does not hold.
    Verbs,
    /// Its prefix is not under its issuer's.
    Prefix,
    /// It lets a node hold a scope that its issuer could not let it hold.
    Scopes,
}

impl Reach {
    /// The word, as messages use it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Verbs => "verbs",
            Self::Prefix => "prefix",
            Self::Scopes => "scopes",
        }
    }
}

/// Why a statement is not admissible, or admissible and not authorised. Judging changes nothing: the same statement may
/// pass later, when further `@mesh` statements are held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// It belongs to another mesh. Never passes.
    #[error("it belongs to mesh {got}, not to this one")]
    OtherMesh {
        /// Its mesh.
        got: MeshId,
    },
    /// The grant it relies on is no grant, is not held, or is itself refused.
    #[error("grant {grant} is not one that stands")]
    NoSuchGrant {
        /// The grant relied on.
        grant: StatementId,
    },
    /// The grant it relies on still lacks approvals by root keys.
    #[error("grant {grant} is pending: {have} of {need} root keys have signed it")]
    GrantPending {
        /// The grant relied on.
        grant: StatementId,
        /// Root keys that have signed.
        have: u64,
        /// Root keys that must sign.
        need: u64,
    },
    /// The grant it relies on was given to another key.
    #[error("grant {grant} was given to key {grantee}, not to its author")]
    NotGrantee {
        /// The grant relied on.
        grant: StatementId,
        /// Who holds it.
        grantee: PublicKey,
    },
    /// It relies on an epoch, and its author is no root key of it.
    #[error("it relies on epoch {epoch}, and its author is not one of the root keys")]
    NotRoot {
        /// The epoch relied on.
        epoch: StatementId,
    },
    /// It relies on an epoch, and its kind is none that root keys do as such: they give themselves a grant for it.
    #[error("a {kind} in {scope} cannot rely on an epoch; rely on a grant")]
    NotRootAct {
        /// Kind of body.
        kind: &'static str,
        /// Where it was said.
        scope: Scope,
    },
    /// The grant it relies on lacks a verb.
    #[error("grant {grant} does not give the verb {}", verb.word())]
    Verb {
        /// The grant relied on.
        grant: StatementId,
        /// The verb that is needed.
        verb: Verb,
    },
    /// It touches an entry that the grant it relies on does not cover.
    #[error("{path} is not under the grant's prefix `{prefix}`")]
    Outside {
        /// The entry touched.
        path: Path,
        /// What the grant covers.
        prefix: Prefix,
    },
    /// It speaks about a scope in which the grant it relies on covers nothing.
    #[error("the grant's prefix `{prefix}` covers nothing in scope {scope}")]
    OutsideScope {
        /// The scope spoken about.
        scope: Scope,
        /// What the grant covers.
        prefix: Prefix,
    },
    /// The grant it relies on was struck by a revocation, which concerns it and does not accept it.
    #[error("grant {grant} was struck by revocation {revocation}, which does not accept this")]
    Struck {
        /// The grant relied on.
        grant: StatementId,
        /// The revocation.
        revocation: StatementId,
    },
    /// It is a grant or revocation that reaches further than the grant it relies on.
    #[error("it gives more than grant {grant} holds: {}", reach.word())]
    Wider {
        /// The grant relied on.
        grant: StatementId,
        /// In what.
        reach: Reach,
    },
    /// It is a grant at the end of a chain that is already as long as allowed.
    #[error("the chain of grants is at most {max} long")]
    Chain {
        /// The limit.
        max: usize,
    },
    /// Admissible; a root act that still lacks signatures by root keys.
    #[error("pending: {have} of {need} root keys have signed it")]
    Pending {
        /// Root keys that have signed.
        have: u64,
        /// Root keys that must sign.
        need: u64,
    },
    /// Admissible; some part of it is not defined by the fold version in force.
    #[error("it is of a kind, or has a part, that the fold version in force does not define")]
    Unknown,
    /// Admissible, perhaps; the mesh runs a fold version that this node does not implement.
    #[error("the mesh is at fold version {mesh}, this node implements {node}; upgrade the node")]
    FoldVersion {
        /// In force.
        mesh: u64,
        /// Implemented here.
        node: u64,
    },
}

impl Refusal {
    /// One word from a closed list, for metrics and tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::OtherMesh { .. } => "other_mesh",
            Self::NoSuchGrant { .. } => "no_such_grant",
            Self::GrantPending { .. } => "grant_pending",
            Self::NotGrantee { .. } => "not_grantee",
            Self::NotRoot { .. } => "not_root",
            Self::NotRootAct { .. } => "not_root_act",
            Self::Verb { .. } => "verb",
            Self::Outside { .. } => "outside",
            Self::OutsideScope { .. } => "outside_scope",
            Self::Struck { .. } => "struck",
            Self::Wider { .. } => "wider",
            Self::Chain { .. } => "chain",
            Self::Pending { .. } => "pending",
            Self::Unknown => "unknown",
            Self::FoldVersion { .. } => "fold_version",
        }
    }
}
