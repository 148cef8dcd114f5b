//! What a node answers: outcomes of writes and submissions, and what it tells of statements, entries and itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::patch::BadPatch;
use driftless_statement::schema::Rule;
use driftless_statement::{
    Hlc, Invalid, MeshId, Note, Path, Pointer, Prefix, PublicKey, Scope, StatementId, Tree, Value, Verified,
};

use super::tell::audit::Approval;
use crate::beacon::Health;
use crate::fold::Breach;
use crate::trust::{Refusal, Revocation, Wanted};
use crate::view::Revision;

/// An edit that a local service asks this node to sign.
#[derive(Debug, Clone)]
pub struct LocalEdit {
    /// The entry.
    pub path: Path,
    /// What to do with it.
    pub change: LocalChange,
    /// What must hold of the merged heads.
    pub precondition: Precondition,
    /// Why.
    pub note: Note,
}

/// What a local edit does.
#[derive(Debug, Clone)]
pub enum LocalChange {
    /// The whole value, diffed into the fewest edits.
    Put(Value),
    /// Delete the entry.
    Delete,
    /// RFC 7396.
    MergePatch(Value),
    /// RFC 6902.
    JsonPatch(Value),
}

/// What must hold of an entry's merged heads before an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// `If-None-Match: *`: the entry is absent.
    Absent,
    /// `If-Match: *`: the entry is present.
    Present,
    /// `If-Match`: one of these entity tags, without quotes.
    OneOf(Vec<String>),
}

/// A write that is on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// The statement; `None`: the value was already there, nothing was signed.
    pub id: Option<StatementId>,
    /// From this view on, reads here see it.
    pub revision: Revision,
    /// What the fold makes of it.
    pub fate: Option<Fate>,
    /// The entry's entity tag now.
    pub etag: String,
}

/// Why a local edit was not made. Nothing was signed, stored or sent, except where the variant says otherwise.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WriteRefused {
    /// The node does not hold the mesh's genesis yet.
    #[error("this node does not hold the mesh's genesis yet; give it a bundle, or a peer that has it")]
    NotFounded,
    /// The scope is not held here.
    #[error("scope {scope} is not held by this node; ask one that holds it")]
    NotHeld {
        /// The scope.
        scope: Scope,
        /// Nodes that may hold it.
        held_by: Vec<PublicKey>,
    },
    /// The merged heads are not the ones demanded.
    #[error("precondition failed: the entry's entity tag is now {etag:?}; read it again and retry")]
    Precondition {
        /// The present entity tag; `None`: the entry is absent.
        etag: Option<String>,
    },
    /// There is nothing to delete or patch.
    #[error("there is no entry at {0}")]
    Absent(Path),
    /// This node's key has no grant that covers the path.
    #[error("this node's key {node} has no grant to {verb} {path}; grant it one, or sign with an operator's key")]
    NoGrant {
        /// This node.
        node: PublicKey,
        /// The verb needed.
        verb: &'static str,
        /// The path.
        path: Path,
    },
    /// The patch does not apply.
    #[error("{0}")]
    Patch(#[from] BadPatch),
    /// The statement would not be valid.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// The merged value would break a limit or a schema.
    #[error("{0}")]
    Unfit(Breach),
    /// This node's clock is behind what it must follow by more than hybrid time can bridge.
    #[error("this node's clock is too far behind: the edit follows {after}, beyond the allowed skew; set the clock")]
    Clock {
        /// The time to follow.
        after: Hlc,
    },
    /// The store takes no writes. When the failure came while storing, the statement is not acknowledged and was not
    /// published.
    #[error("the store takes no writes now: {reason}; reads go on")]
    ReadOnly {
        /// Why.
        reason: String,
    },
    /// Too much waits for the disk.
    #[error("too many writes wait for the disk; try again")]
    Busy,
}

/// How a local edit ended.
pub type WriteOutcome = Result<Receipt, WriteRefused>;

/// What became of a statement signed elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub enum SubmitOutcome {
    /// On disk here, and published.
    Stored {
        /// Its id.
        id: StatementId,
        /// From this view on, reads here see it.
        revision: Revision,
    },
    /// It was already held.
    Known {
        /// Its id.
        id: StatementId,
        /// The view now.
        revision: Revision,
    },
    /// Waits in memory for statements that it names, or for trust to let it in: submit it again if it matters.
    Waiting {
        /// Its id.
        id: StatementId,
        /// What it waits for.
        missing: Vec<StatementId>,
    },
    /// Not valid. Nothing was kept.
    Invalid(Invalid),
    /// Not admissible now. Nothing was kept.
    Refused {
        /// Its id.
        id: StatementId,
        /// The rule.
        refusal: Refusal,
    },
    /// Its scope is not held here. Nothing was kept.
    NotHeld {
        /// Its id.
        id: StatementId,
        /// The scope.
        scope: Scope,
    },
    /// The store takes no writes. Not acknowledged, not published.
    ReadOnly {
        /// Its id.
        id: StatementId,
        /// Why.
        reason: String,
    },
    /// Too many statements wait already. Nothing was kept.
    Full {
        /// Its id.
        id: StatementId,
    },
    /// An author in the submission is over its intake rate. Nothing of the whole submission was kept.
    Delayed {
        /// The author.
        author: PublicKey,
        /// When to come again, milliseconds from now.
        wait_ms: u64,
    },
}

/// What a rule made of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// Shows in the merged state (for a trust statement: counts).
    Fit,
    /// Would break a limit or a schema of an entry.
    Unfit {
        /// The entry.
        path: Path,
        /// What it would break.
        breach: Breach,
    },
    /// Approvals are missing.
    Pending(Refusal),
    /// Kept out by a trust rule.
    Void(Refusal),
    /// Its time, or that of something it names, is too far ahead of this node's time floor.
    NotDue,
    /// Not on disk yet.
    Storing,
}

/// A statement and what became of it.
#[derive(Debug, Clone)]
pub struct Told {
    /// The statement.
    pub statement: Arc<Verified>,
    /// Its fate.
    pub fate: Fate,
    /// Edits skipped: entry, index of the edit among the entry's, why.
    pub skipped: Vec<(Path, u32, driftless_statement::Skip)>,
}

/// What a signer needs to edit an entry.
#[derive(Debug, Clone)]
pub struct MergedAnswer {
    /// The mesh.
    pub mesh: MeshId,
    /// Merged heads, at most as many as a statement may name as bases.
    pub heads: Vec<StatementId>,
    /// Entity tag of all merged heads.
    pub etag: String,
    /// The merged value.
    pub tree: Option<Tree>,
    /// The latest time among what an edit would name, and of the schemas over the entry.
    pub after: Hlc,
    /// The schemas over the entry, with the entries that hold them.
    pub schemas: Vec<(Path, Arc<Rule>)>,
    /// The author's own heads in the scope.
    pub prev: Vec<StatementId>,
    /// The grant that the author may rely on.
    pub grant: Option<StatementId>,
}

/// A conflict, its winner first.
#[derive(Debug, Clone)]
pub struct Conflicted {
    /// The entry.
    pub path: Path,
    /// Where in it.
    pub at: Pointer,
    /// The same as JSON Pointer, elements as their index in the merged value or by name when gone.
    pub pointer: String,
    /// Statement and index of the edit with the greater (time, id).
    pub winner: (Arc<Verified>, u32),
    /// The other one.
    pub loser: (Arc<Verified>, u32),
}

/// Why an entry reads as it does.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Merged value.
    pub merged: Option<Value>,
    /// Effective value.
    pub effective: Option<Arc<Value>>,
    /// Merged heads.
    pub heads: Vec<StatementId>,
    /// JSON Pointer, value and writer of each leaf.
    pub winners: Vec<(String, Value, Arc<Verified>)>,
    /// Open conflicts.
    pub conflicts: Vec<Conflicted>,
    /// Statements about the entry that do not show.
    pub kept_out: Vec<Told>,
    /// Chains of grants of all these statements; none for one whose grant does not stand.
    pub chains: BTreeMap<StatementId, Vec<StatementId>>,
    /// Approvals of these statements and of the grants in their chains.
    pub approvals: BTreeMap<StatementId, Vec<Approval>>,
}

/// One scope's digests and counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeState {
    /// The scope.
    pub scope: Scope,
    /// Statements in the replicated set.
    pub statements: u64,
    /// Set digest.
    pub set: [u8; 32],
    /// Merged digest.
    pub merged: [u8; 32],
    /// Effective digest.
    pub effective: [u8; 32],
    /// Statements by fate word: `fit`, `unfit`, `pending`, `void`, `not_due`.
    pub fates: BTreeMap<&'static str, u64>,
    /// Reasons of those that are not fit, by their stable word.
    pub reasons: BTreeMap<&'static str, u64>,
    /// Open conflicts.
    pub conflicts: u64,
    /// Entries with a merged value.
    pub entries: u64,
}

/// How this node stands: what every answer at the door carries.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Effective digest of each scope held.
    pub digests: BTreeMap<Scope, [u8; 32]>,
    /// Effective digest over all scopes held.
    pub digest: [u8; 32],
    /// Scopes held.
    pub held: BTreeSet<Scope>,
    /// When this node last agreed with another one, Unix milliseconds.
    pub agreed_ms: Option<u64>,
    /// It expects other nodes and hears none.
    pub isolated: bool,
    /// Independent other nodes that agreed with this one lately, each by a beacon of its own.
    pub agreeing: u32,
    /// It expects two other nodes or more, and for a while fewer than two independent ones agreed with it.
    pub stale_peers: bool,
    /// Why the store takes no writes, when it does not.
    pub read_only: Option<String>,
    /// Whether the mesh's genesis is held and the store was read.
    pub ready: bool,
    /// Whether some merged value waits for activation.
    pub differs: bool,
}

/// This node, as `status` shows it.
#[derive(Debug, Clone)]
pub struct StatusTold {
    /// Its key.
    pub node: PublicKey,
    /// The mesh.
    pub mesh: MeshId,
    /// The mesh's name; empty before genesis is held.
    pub mesh_name: String,
    /// Fold version in force.
    pub fold_version: u64,
    /// Peers connected.
    pub peers: Vec<PublicKey>,
    /// Statements held.
    pub statements: u64,
    /// Statements waiting.
    pub waiting: u64,
    /// Per scope.
    pub scopes: Vec<ScopeState>,
    /// Own branches beyond the first, over all scopes.
    pub own_forks: u64,
    /// Whether two rotations ended the same epoch, so that no root act counts any more.
    pub epochs_forked: bool,
    /// The times of the statements that wait for approvals, Unix milliseconds, ascending.
    pub pending_ms: Vec<u64>,
    /// Authors that are or lately were over their intake rate.
    pub floods: Vec<super::Flood>,
    /// What is wrong with it, as its beacons say.
    pub health: Health,
}

/// A grant as trust sees it.
#[derive(Debug, Clone)]
pub struct GrantTold {
    /// What it gives, by whom, and on what terms, with those of the grants above it.
    pub standing: crate::trust::Standing,
    /// Up to genesis.
    pub chain: Vec<StatementId>,
    /// The revocations that strike it, with where.
    pub struck_by: Vec<(StatementId, Prefix)>,
}

/// A statement that waits for signatures or approvals.
#[derive(Debug, Clone)]
pub struct PendingTold {
    /// The statement.
    pub told: Told,
    /// What is wanted under it, met or not.
    pub wanted: Vec<Wanted>,
}

/// An epoch of root keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochTold {
    /// The statement that founded it, which its root acts name as their grant.
    pub id: StatementId,
    /// The root keys, ascending.
    pub roots: Vec<PublicKey>,
    /// How many of them a root act needs.
    pub threshold: u64,
    /// The rotations that ended it: none while it is in force, more than one when the chain is forked.
    pub ended_by: Vec<StatementId>,
    /// The latest of what names it and counts or is pending: what a rotation lists to keep all of it.
    pub heads: Vec<StatementId>,
}

/// What one key has said in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorTold {
    /// The scope.
    pub scope: Scope,
    /// Its latest statements there among those kept: what a revocation lists.
    pub heads: Vec<StatementId>,
    /// How many statements count, up to the time asked for.
    pub kept: u64,
    /// How many count and are later.
    pub left_out: u64,
    /// The time of the first one kept.
    pub first: Option<Hlc>,
    /// The time of the last one kept.
    pub last: Option<Hlc>,
}

/// What acts would change.
#[derive(Debug, Clone, Default)]
pub struct Preview {
    /// For each act in order: why it would not count; `None`: it would.
    pub refused: Vec<Option<Refusal>>,
    /// Statements that count and would be void, by scope.
    pub voided: BTreeMap<Scope, u64>,
    /// Statements that are void and would count, by scope.
    pub restored: BTreeMap<Scope, u64>,
    /// Entries whose merged value would be another one.
    pub entries: Vec<EntryTurn>,
    /// Nodes that would be members no more.
    pub members_lost: Vec<PublicKey>,
    /// Nodes that would be members.
    pub members_won: Vec<PublicKey>,
    /// Revocations that would fall: to be issued again, if they were good.
    pub revocations_lost: Vec<StatementId>,
}

/// An entry whose merged value would change.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryTurn {
    /// The entry.
    pub path: Path,
    /// Its merged value now.
    pub now: Option<Value>,
    /// Its merged value then.
    pub then: Option<Value>,
}

/// A revocation as trust sees it.
#[derive(Debug, Clone)]
pub struct RevocationTold {
    /// The statement.
    pub revocation: Revocation,
    /// The grants that it strikes.
    pub strikes: Vec<StatementId>,
}

/// Who has a change and who lacks it.
#[derive(Debug, Clone)]
pub struct ChangeReach {
    /// The change.
    pub told: Told,
    /// Node, since when in Unix milliseconds.
    pub has: Vec<(PublicKey, u64)>,
    /// Node, since when, why.
    pub lacks: Vec<(PublicKey, u64, &'static str)>,
    /// Node, since when, why nothing can be said.
    pub unknown: Vec<(PublicKey, u64, &'static str)>,
    /// Nodes that are expected to hold the scope.
    pub expected: u32,
}
