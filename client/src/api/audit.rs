//! The shapes of an audit: statements with authority and reach, and what a node refused.

use driftless_statement::{Path, PublicKey, Scope, StatementId};
use serde::{Deserialize, Serialize};

use super::StatementInfo;

/// An approval of a statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Approval {
    /// The approval itself.
    #[schema(value_type = String)]
    pub id: StatementId,
    /// Who approved.
    #[schema(value_type = String)]
    pub key: PublicKey,
    /// When, RFC 3339.
    pub time: String,
    /// What became of the approval: one that is not `fit` adds nothing.
    pub fate: String,
}

/// A node that is not known to have a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Laggard {
    /// The node.
    #[schema(value_type = String)]
    pub node: PublicKey,
    /// Its name, when known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `differs`, `silent`, `waiting_for_beacon`, `storing`.
    pub why: String,
}

/// On which nodes a statement is, as far as beacons tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditReach {
    /// Nodes that are expected to hold it.
    pub expected: u32,
    /// Nodes known to have it.
    pub has: u32,
    /// Nodes known to lack it; at most sixteen are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Laggard>,
    /// Nodes of which nothing can be said now; at most sixteen are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Laggard>,
}

/// One statement with all that is known of it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditRecord {
    /// Who, what, when, why, and what became of it on this node.
    pub statement: StatementInfo,
    /// The grant relied on and those above it, up to genesis; absent when that grant does not stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub chain: Vec<StatementId>,
    /// Approvals of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// On which nodes it is.
    pub reach: AuditReach,
}

/// A page of an audit.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditPage {
    /// Latest first.
    pub records: Vec<AuditRecord>,
    /// Pass as `before` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What one key tried in one way and one rule refused: the node's own observation, signed by nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Attempt {
    /// Whose key it names.
    #[schema(value_type = String)]
    pub author: PublicKey,
    /// Whether that key did it: `good` (its signature was checked), `own` (this node's key, asked by a local service),
    /// `not_checked` or `bad` (anybody may have put the key there).
    pub signature: String,
    /// How it came: `edit` (a local service), `submission` (this node's HTTP API), `peer`.
    pub came: String,
    /// The kind of body.
    pub kind: String,
    /// Where.
    #[schema(value_type = String)]
    pub scope: Scope,
    /// The stable word of the rule that refused it.
    pub rule: String,
    /// The rule in words, for the last one.
    pub why: String,
    /// The last statement; absent when none was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub id: Option<StatementId>,
    /// The grant that the last one relied on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub grant: Option<StatementId>,
    /// What the last one touched; at most four entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub paths: Vec<Path>,
    /// When the first came, RFC 3339, by the node's clock.
    pub first: String,
    /// When the last came.
    pub last: String,
    /// How many, the same one again not counted.
    pub count: u64,
}

/// What a node refused since its start.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Attempts {
    /// Latest first.
    pub attempts: Vec<Attempt>,
    /// How many had to give way to later ones.
    pub dropped: u64,
}
