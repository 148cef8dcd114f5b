//! What the API tells about authority: grants, revocations, what a key has said, and what acts would change.

use std::collections::BTreeMap;

use driftless_statement::{Hlc, Path, Prefix, PublicKey, Scope, StatementId, Value};
use serde::{Deserialize, Serialize};

/// One grant as trust sees it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GrantInfo {
    /// The statement that gives it.
    #[schema(value_type = String)]
    pub id: StatementId,
    /// Who gives.
    #[schema(value_type = String)]
    pub issuer: PublicKey,
    /// Who receives.
    #[schema(value_type = String)]
    pub key: PublicKey,
    /// What.
    pub verbs: Vec<String>,
    /// Where.
    pub prefix: String,
    /// For members: scopes it may hold; empty means every scope under the prefix.
    #[schema(value_type = Vec<String>)]
    pub scopes: Vec<Scope>,
    /// Distance from the roots.
    pub rank: u32,
    /// `authorised`, `pending` or `void`.
    pub state: String,
    /// The chain of grants up to genesis.
    #[schema(value_type = Vec<String>)]
    pub chain: Vec<StatementId>,
    /// The approvals that a write on it needs, its own demands and those of the grants above it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub demands: Vec<DemandInfo>,
    /// The latest time that a statement on it may claim, RFC 3339: its own limit, or an earlier one above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// For members: labels of the node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The revocations that strike it: what relies on it and concerns their prefix is void unless accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub struck_by: Vec<Strike>,
}

/// Approvals that a grant demands for writes.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DemandInfo {
    /// The grant that demands them.
    #[schema(value_type = String)]
    pub demanded_by: StatementId,
    /// `writes`: for every write; `deletes`: for writes that delete something.
    #[serde(rename = "for")]
    pub what: String,
    /// How many distinct keys of the list must approve.
    pub approvals: u64,
    /// The list. The author of the write never counts.
    #[schema(value_type = Vec<String>)]
    pub of: Vec<PublicKey>,
}

/// Statements that wait for signatures or approvals.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PendingList {
    /// Earliest first.
    pub pending: Vec<PendingInfo>,
    /// How many there are in all.
    pub total: u64,
}

/// A statement that waits for signatures or approvals.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PendingInfo {
    /// The statement.
    pub statement: super::StatementInfo,
    /// What is wanted under it, met or not.
    pub wanted: Vec<WantedInfo>,
}

/// Signatures or approvals that are wanted under a statement.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WantedInfo {
    /// The grant or epoch that wants them.
    #[schema(value_type = String)]
    pub demanded_by: StatementId,
    /// How many distinct keys.
    pub need: u64,
    /// How many there are.
    pub have: u64,
    /// Whose count.
    #[schema(value_type = Vec<String>)]
    pub of: Vec<PublicKey>,
    /// Who has given one.
    #[schema(value_type = Vec<String>)]
    pub by: Vec<PublicKey>,
}

/// An epoch of root keys.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EpochInfo {
    /// What founded it: genesis or a rotation. Its root acts name it as their grant.
    #[schema(value_type = String)]
    pub id: StatementId,
    /// The root keys.
    #[schema(value_type = Vec<String>)]
    pub roots: Vec<PublicKey>,
    /// How many of them a root act needs.
    pub threshold: u64,
    /// The rotation that ended it; more than one: the chain of epochs is forked, and the mesh must be founded anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub ended_by: Vec<StatementId>,
    /// The latest of what names it and counts or is pending: what a rotation lists to keep all of it.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub heads: Vec<StatementId>,
}

/// A revocation that strikes a grant.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Strike {
    /// The revocation.
    #[schema(value_type = String)]
    pub revocation: StatementId,
    /// Where.
    pub prefix: String,
}

/// One revocation as trust sees it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RevocationInfo {
    /// The statement.
    #[schema(value_type = String)]
    pub id: StatementId,
    /// Who revokes.
    #[schema(value_type = String)]
    pub issuer: PublicKey,
    /// Whose grants of greater rank are struck.
    #[schema(value_type = String)]
    pub key: PublicKey,
    /// Where.
    pub prefix: String,
    /// Its rank: 0 for a root act.
    pub rank: u32,
    /// `authorised` or `pending`.
    pub state: String,
    /// How many of the key's statements it lists to keep, each with all it names.
    pub accepts: u64,
    /// The grants that it strikes.
    #[schema(value_type = Vec<String>)]
    pub strikes: Vec<StatementId>,
}

/// What one key has said, as far as it counts.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Author {
    /// The key.
    #[schema(value_type = String)]
    pub key: PublicKey,
    /// By scope.
    pub scopes: Vec<AuthorScope>,
    /// The scopes that are told of, where not all are: the node holds no others, or the caller may not read them whole. Absent:
    /// all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub only: Option<Vec<Scope>>,
}

impl Author {
    /// Whether all that the key said under a prefix is told of, and all of its acts.
    pub fn tells_all(&self, prefix: &Prefix) -> bool {
        let told = |wanted: &Prefix| {
            self.only.as_ref().is_none_or(|only| only.iter().any(|scope| Prefix::from(scope).contains(wanted)))
        };
        told(prefix) && told(&Prefix::from(&Scope::mesh()))
    }
}

/// What one key has said in one scope.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuthorScope {
    /// The scope.
    #[schema(value_type = String)]
    pub scope: Scope,
    /// Its latest statements there, up to the time asked for: what a revocation lists to keep them and all they name.
    #[schema(value_type = Vec<String>)]
    pub heads: Vec<StatementId>,
    /// How many statements that is.
    pub kept: u64,
    /// How many are later than the time asked for.
    pub left_out: u64,
    /// When the first one kept was said, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// When the last one kept was said, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

/// What acts would change if they were submitted, and if all root keys approved them.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Preview {
    /// For each act in order: why it would not count; `null`: it would.
    pub refused: Vec<Option<String>>,
    /// Statements that count and would be void, by scope.
    pub voided: BTreeMap<String, u64>,
    /// Statements that are void and would count, by scope.
    pub restored: BTreeMap<String, u64>,
    /// Entries whose merged value would change.
    pub entries: Vec<EntryTurn>,
    /// Nodes that would be members no more.
    #[schema(value_type = Vec<String>)]
    pub members_lost: Vec<PublicKey>,
    /// Nodes that would become members.
    #[schema(value_type = Vec<String>)]
    pub members_won: Vec<PublicKey>,
    /// Revocations that would fall: issue the good ones again first.
    #[schema(value_type = Vec<String>)]
    pub revocations_lost: Vec<StatementId>,
}

/// An entry whose merged value would change.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EntryTurn {
    /// The entry.
    #[schema(value_type = String)]
    pub path: Path,
    /// Its merged value now; absent: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Value>,
    /// Its merged value then; absent: it would have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Value>,
}

/// Grants of the mesh.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Grants {
    /// The genesis statement.
    #[schema(value_type = String)]
    pub genesis: StatementId,
    /// The epoch in force, which root acts name as their grant.
    #[schema(value_type = String)]
    pub epoch: StatementId,
    /// The root keys of the epoch in force.
    #[schema(value_type = Vec<String>)]
    pub roots: Vec<PublicKey>,
    /// How many of them a root act needs.
    pub threshold: u64,
    /// All epochs, genesis first.
    #[serde(default)]
    pub epochs: Vec<EpochInfo>,
    /// Ascending by rank and id.
    pub grants: Vec<GrantInfo>,
    /// Revocations that trust let in, ascending by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocations: Vec<RevocationInfo>,
    /// For `?author=KEY`: that author's own heads in `@mesh`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub prev: Vec<StatementId>,
    /// The latest hybrid time in `@mesh`: a new grant must be later.
    #[schema(value_type = u64)]
    pub after: Hlc,
}
