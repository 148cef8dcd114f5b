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
    /// It relies on an epoch that a rotation ended, and the rotation does not accept it.
    #[error("epoch {epoch} was ended by rotation {rotation}, which does not accept this")]
    Superseded {
        /// The epoch relied on.
        epoch: StatementId,
        /// What ended it.
        rotation: StatementId,
    },
    /// It relies on a rotation that is not followed, because another one ended the same epoch as well.
    #[error("the chain of epochs is forked at or before {epoch}; the mesh must be founded anew")]
    Forked {
        /// The rotation relied on.
        epoch: StatementId,
    },
    /// It relies on a rotation that still lacks signatures.
    #[error("rotation {epoch} is pending: {have} of {need} root keys have signed it")]
    EpochPending {
        /// The rotation relied on.
        epoch: StatementId,
        /// Root keys that have signed.
        have: u64,
        /// Root keys that must sign.
        need: u64,
    },
    /// It changes root keys and relies on a grant.
    #[error("{grant} is no epoch; only an epoch's root keys can rotate it")]
    NotEpoch {
        /// What it relies on.
        grant: StatementId,
    },
    /// It claims a time at which the grant it relies on, or one above it, cannot be used any more.
    #[error("grant {grant} cannot be used after {not_after_ms} ms since 1970, and this claims a later time")]
    Expired {
        /// The grant relied on.
        grant: StatementId,
        /// The latest time, Unix milliseconds.
        not_after_ms: u64,
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
    #[error("{have} of {need} root keys have signed it")]
    Pending {
        /// Root keys that have signed.
        have: u64,
        /// Root keys that must sign.
        need: u64,
    },
    /// Admissible; a write that lacks approvals.
    #[error("{have} of {need} approvals that grant {grant} demands")]
    Unapproved {
        /// The grant that demands them.
        grant: StatementId,
        /// Distinct keys of the grant's list that have approved it.
        have: u64,
        /// How many must.
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
    /// Whether it lacks nothing but signatures or approvals, its own or those of what it relies on.
    pub fn is_pending(&self) -> bool {
        matches!(
            self,
            Self::Pending { .. } | Self::GrantPending { .. } | Self::EpochPending { .. } | Self::Unapproved { .. }
        )
    }

    /// One word from a closed list, for metrics and tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::OtherMesh { .. } => "other_mesh",
            Self::NoSuchGrant { .. } => "no_such_grant",
            Self::GrantPending { .. } => "grant_pending",
            Self::NotGrantee { .. } => "not_grantee",
            Self::NotRoot { .. } => "not_root",
            Self::NotRootAct { .. } => "not_root_act",
            Self::Superseded { .. } => "superseded",
            Self::Forked { .. } => "forked",
            Self::EpochPending { .. } => "epoch_pending",
            Self::NotEpoch { .. } => "not_epoch",
            Self::Expired { .. } => "expired",
            Self::Verb { .. } => "verb",
            Self::Outside { .. } => "outside",
            Self::OutsideScope { .. } => "outside_scope",
            Self::Struck { .. } => "struck",
            Self::Wider { .. } => "wider",
            Self::Chain { .. } => "chain",
            Self::Pending { .. } => "pending",
            Self::Unapproved { .. } => "unapproved",
            Self::Unknown => "unknown",
            Self::FoldVersion { .. } => "fold_version",
        }
    }
}
