//! The shapes of the HTTP API, shared by the node that serves them and the clients that read them.
//!
//! Every answer to a read carries the headers in [`header`]; every error is an RFC 9457 [`Problem`].

mod audit;
mod flood;
mod trust;

use std::collections::BTreeMap;

use driftless_statement::{Hlc, MeshId, Note, Path, PublicKey, Scope, StatementId, Value};
use serde::{Deserialize, Serialize};

pub use audit::{Approval, Attempt, Attempts, AuditPage, AuditReach, AuditRecord, Laggard};
pub use flood::{Flood, remedy};
pub use trust::{
    Author, AuthorScope, DemandInfo, EntryTurn, EpochInfo, GrantInfo, Grants, PendingInfo, PendingList, Preview,
    RevocationInfo, Strike, WantedInfo,
};

/// Names of the headers that answers carry.
pub mod header {
    /// Effective digest of the scope read (or of all scopes held), hexadecimal.
    pub const DIGEST: &str = "driftless-digest";
    /// Revision of the view that answered: `STORE-BOOT.COUNT`. Later views of the same store compare greater.
    pub const REVISION: &str = "driftless-revision";
    /// Seconds since this node last agreed with another node, or `never`.
    pub const STALENESS: &str = "driftless-staleness";
    /// `true` while merged and effective values differ in what was read.
    pub const DIFFERS: &str = "driftless-differs";
    /// `true` while the node hears no other node although it expects some.
    pub const ISOLATED: &str = "driftless-isolated";
    /// On a read: the revision that the answer must cover, as `min_revision` in the query.
    pub const MIN_REVISION: &str = "driftless-min-revision";
    /// On a request: a reason for the statement's note.
    pub const REASON: &str = "driftless-reason";
    /// On a request: a ticket for the statement's note.
    pub const TICKET: &str = "driftless-ticket";
}

/// Media type of an [`Item`]: a read of one entry that names it in `Accept` gets the value with what is known about it,
/// instead of the value alone.
pub const ITEM: &str = "application/vnd.driftless.item+json";

/// An RFC 9457 problem. `kind` is a stable word; nothing was changed unless `changed` says so.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// `urn:driftless:problem:<word>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short title, the same for all problems of the kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, which field, which limit, and what to do.
    pub detail: String,
    /// The path or id that the problem is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Nodes that hold what was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<String>,
}

/// One entry as services read it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Item {
    /// Its path.
    #[schema(value_type = String)]
    pub path: Path,
    /// Its effective value.
    pub value: Value,
    /// The entity tag for `If-Match`: names the merged heads.
    pub etag: String,
    /// Revision of the view in which it last changed.
    pub revision: String,
    /// Whether a merged value waits for activation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub differs: bool,
    /// Open conflicts in the entry.
    #[serde(default)]
    pub conflicts: u32,
}

/// A page of entries under a prefix.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Listing {
    /// Revision of the one view that the page was read from.
    pub revision: String,
    /// The entries, ascending by path.
    pub items: Vec<Item>,
    /// Pass as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Path>,
}

/// What a watch sends: server-sent events named like the variants, `id:` is the revision.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum WatchEvent {
    /// The state begins anew (first connection, or you fell behind): drop what you have under the prefix; `put`s of
    /// the whole state follow, then `synced`.
    Reset {
        /// Why.
        reason: String,
    },
    /// The whole state was sent; from now on events are changes.
    Synced {
        /// Revision of the state.
        revision: String,
    },
    /// An entry has a new effective value.
    Put(Item),
    /// An entry is gone.
    Delete {
        /// Which.
        #[schema(value_type = String)]
        path: Path,
        /// In which revision.
        revision: String,
    },
    /// Nothing changed under the prefix, and the node is alive: revision and staleness now.
    Alive {
        /// The current revision.
        revision: String,
        /// Seconds since the node agreed with another one; absent: never.
        staleness: Option<u64>,
        /// Whether it hears nobody although it expects some.
        isolated: bool,
    },
}

/// The answer to a write at the door of a node, durable on its disk.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Written {
    /// The statement that carries the change; absent when the value was already there and nothing was signed.
    #[schema(value_type = Option<String>)]
    pub id: Option<StatementId>,
    /// Revision from which on reads of this node see it.
    pub revision: String,
    /// Whether it is fit, and if not why.
    pub fate: String,
    /// The entity tag of the entry now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// What became of one submitted statement.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Submitted {
    /// Its id; absent when it could not be read.
    #[schema(value_type = Option<String>)]
    pub id: Option<StatementId>,
    /// `stored`, `known`, `waiting` or `refused`.
    pub outcome: String,
    /// For `waiting` and `refused`: the stable word of the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For `waiting` and `refused`: the reason in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What became of submitted statements, and where reads see them.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Submission {
    /// One for each statement, in order.
    pub results: Vec<Submitted>,
    /// Revision from which on reads of this node see the stored ones.
    pub revision: String,
}

/// What a signer needs to edit one entry: its merged state with the names of its list elements.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Merged {
    /// The entry.
    #[schema(value_type = String)]
    pub path: Path,
    /// The mesh.
    #[schema(value_type = String)]
    pub mesh: MeshId,
    /// The merged heads: the bases of the next edit.
    #[schema(value_type = Vec<String>)]
    pub heads: Vec<StatementId>,
    /// The entity tag of these heads.
    pub etag: String,
    /// The merged value; absent when the entry is.
    pub tree: Option<TreeJson>,
    /// The latest hybrid time among what an edit by this author would name, and of the schemas over the entry: an edit
    /// must be later.
    #[schema(value_type = u64)]
    pub after: Hlc,
    /// The schemas that the merged value must meet; absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<Schema>,
    /// For `?author=KEY`: the author's own heads in the scope.
    #[schema(value_type = Vec<String>)]
    pub prev: Vec<StatementId>,
    /// For `?author=KEY`: the grant to rely on for this path, when there is one.
    #[schema(value_type = Option<String>)]
    pub grant: Option<StatementId>,
}

/// A schema over an entry.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Schema {
    /// The entry of `@mesh` that holds it.
    #[schema(value_type = String)]
    pub path: Path,
    /// That entry's value: `governs`, the prefix, and `schema`.
    #[schema(value_type = Object)]
    pub value: Value,
}

/// A tree with element names as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeJson {
    /// null, boolean, number or text.
    Leaf(Value),
    /// A counter.
    Counter(i64),
    /// Elements: name (`STATEMENT:EDIT:ORDINAL`) and tree.
    List(Vec<(String, TreeJson)>),
    /// A map.
    Map(BTreeMap<String, TreeJson>),
}

// By hand: the derived schema of a type that holds itself in a tuple never ends.
impl utoipa::ToSchema for TreeJson {}

impl utoipa::PartialSchema for TreeJson {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type, empty};
        let tree = || utoipa::openapi::Ref::from_schema_name("TreeJson");
        let case = |name: &str| ObjectBuilder::new().required(name);
        let list = ArrayBuilder::new()
            .items(
                ArrayBuilder::new()
                    .items(ObjectBuilder::new().schema_type(SchemaType::AnyValue))
                    .min_items(Some(2))
                    .max_items(Some(2)),
            )
            .description(Some("pairs of a name STATEMENT:EDIT:ORDINAL and a TreeJson"));
        OneOfBuilder::new()
            .item(case("leaf").property("leaf", empty()))
            .item(case("counter").property("counter", ObjectBuilder::new().schema_type(Type::Integer)))
            .item(case("list").property("list", list))
            .item(case("map").property("map", ObjectBuilder::new().additional_properties(Some(tree()))))
            .into()
    }
}

/// A statement in words.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StatementInfo {
    /// Its id.
    #[schema(value_type = String)]
    pub id: StatementId,
    /// Its scope.
    #[schema(value_type = String)]
    pub scope: Scope,
    /// Who signed.
    #[schema(value_type = String)]
    pub author: PublicKey,
    /// The grant relied on.
    #[schema(value_type = String)]
    pub grant: StatementId,
    /// The author's own heads in the scope that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub prev: Vec<StatementId>,
    /// Hybrid time: `MILLIS.COUNTER`.
    pub hlc: String,
    /// The same as RFC 3339.
    pub time: String,
    /// The kind of body.
    pub kind: String,
    /// Entries touched.
    #[schema(value_type = Vec<String>)]
    pub paths: Vec<Path>,
    /// Edits in words, `put /replicas 3`, one list for each path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Vec<String>>,
    /// Why.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    pub note: Note,
    /// `fit`, `unfit`, `pending`, `void` or `not_due`.
    pub fate: String,
    /// The reason when it is not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Edits skipped, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
    /// Bases by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    pub bases: BTreeMap<Path, Vec<StatementId>>,
}

/// A page of statements.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct History {
    /// Latest first.
    pub statements: Vec<StatementInfo>,
    /// Pass as `before` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Two concurrent edits that touch the same place.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ConflictInfo {
    /// The entry.
    #[schema(value_type = String)]
    pub path: Path,
    /// Where in its value, as JSON Pointer (elements as their present index, or their name when gone).
    pub pointer: String,
    /// The edit that shows, in words.
    pub winner: ConflictSide,
    /// The edit that does not.
    pub loser: ConflictSide,
}

/// One side of a conflict.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ConflictSide {
    /// The statement.
    #[schema(value_type = String)]
    pub id: StatementId,
    /// Who signed it.
    #[schema(value_type = String)]
    pub author: PublicKey,
    /// When, RFC 3339.
    pub time: String,
    /// The edit in words.
    pub edit: String,
}

/// Open conflicts.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Conflicts {
    /// Ascending by path and pointer.
    pub conflicts: Vec<ConflictInfo>,
    /// How many there are in all.
    pub total: u64,
}

/// Why an entry reads as it does.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Explanation {
    /// The entry.
    #[schema(value_type = String)]
    pub path: Path,
    /// Its merged value.
    pub merged: Option<Value>,
    /// Its effective value.
    pub effective: Option<Value>,
    /// The merged heads.
    #[schema(value_type = Vec<String>)]
    pub heads: Vec<StatementId>,
    /// The statement behind each leaf of the merged value: JSON Pointer to statement.
    pub winners: Vec<Winner>,
    /// Open conflicts in the entry.
    pub conflicts: Vec<ConflictInfo>,
    /// Statements about the entry that do not show, with the rule that keeps them out.
    pub kept_out: Vec<StatementInfo>,
    /// For each of these statements: the chain of grants up to genesis; none when its grant does not stand.
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    pub chains: BTreeMap<StatementId, Vec<StatementId>>,
    /// Approvals of these statements and of the grants in their chains.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Vec<Approval>>)]
    pub approvals: BTreeMap<StatementId, Vec<Approval>>,
}

/// The statement behind one leaf.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Winner {
    /// JSON Pointer of the leaf.
    pub pointer: String,
    /// Its value.
    pub value: Value,
    /// The statement that wrote it.
    #[schema(value_type = String)]
    pub id: StatementId,
    /// Who signed it.
    #[schema(value_type = String)]
    pub author: PublicKey,
    /// When, RFC 3339.
    pub time: String,
}

/// How far this node is from each other one, measured at equal points.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Divergence {
    /// This node.
    #[schema(value_type = String)]
    pub node: PublicKey,
    /// Share of the heard nodes that differ from this one at the same mark, from 0 to 1.
    pub ratio: f64,
    /// Seconds since which some node differs; 0 when none does.
    pub age_seconds: u64,
    /// Nodes that may be members, this one included.
    pub expected: u32,
    /// Nodes heard within the beacon expiry, this one included.
    pub heard: u32,
    /// Expected nodes not heard.
    pub silent: u32,
    /// Equal sets with unequal merged digests were seen: must never happen.
    pub alarm: bool,
    /// One row for each expected node.
    pub nodes: Vec<NodeRow>,
}

/// One node as this one sees it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NodeRow {
    /// Its key.
    #[schema(value_type = String)]
    pub node: PublicKey,
    /// Its name, when its beacon gives one.
    pub name: String,
    /// Whether it is the node that answers.
    pub this: bool,
    /// `in_sync`, `differs`, `unknown` or `silent`.
    pub state: String,
    /// Seconds in that state.
    pub since_seconds: u64,
    /// Seconds since its last beacon; absent: never heard.
    pub heard_seconds: Option<u64>,
    /// How long changes take from their author's time to being effective there, in milliseconds, by its own beacon: a mean
    /// of the last eight or so. What it caught up with after a cut or a restart is left out.
    pub lag_ms: u64,
    /// Fold version in force there.
    pub fold_version: u64,
    /// Peers it is connected to.
    pub peers: u32,
    /// Health words such as `read_only`, `own_branch_forked`, `isolated`, `secrets_unopenable`; empty when well.
    pub health: Vec<String>,
    /// Per scope.
    pub scopes: Vec<ScopeRow>,
}

/// One scope of one node.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ScopeRow {
    /// Which.
    #[schema(value_type = String)]
    pub scope: Scope,
    /// `in_sync`, `differs` or `unknown`.
    pub state: String,
    /// Statements it holds.
    pub statements: u64,
    /// Digest of the set, first 16 hexadecimal digits.
    pub set: String,
    /// Digest of the merged state, likewise.
    pub merged: String,
    /// Digest of the effective state, likewise.
    pub effective: String,
}

/// How far one change got.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Change {
    /// The statement.
    pub statement: StatementInfo,
    /// Nodes known to have it effective.
    pub has: Vec<Reach>,
    /// Nodes known to lack it.
    pub lacks: Vec<Reach>,
    /// Nodes of which nothing can be said yet.
    pub unknown: Vec<Reach>,
    /// Expected nodes that hold the scope.
    pub expected: u32,
}

/// One node in a [`Change`].
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reach {
    /// The node.
    #[schema(value_type = String)]
    pub node: PublicKey,
    /// Its name, when known.
    pub name: String,
    /// Seconds since which that is known.
    pub since_seconds: u64,
    /// Why it is not known to have it: `silent`, `differs`, `waiting_for_mark`, …; empty when it has it.
    pub why: String,
}

/// This node, its store and what it holds.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Status {
    /// Its key.
    #[schema(value_type = String)]
    pub node: PublicKey,
    /// Its name.
    pub name: String,
    /// The mesh.
    #[schema(value_type = String)]
    pub mesh: MeshId,
    /// The mesh's name.
    pub mesh_name: String,
    /// Version of the program.
    pub version: String,
    /// Fold version in force.
    pub fold_version: u64,
    /// Current revision.
    pub revision: String,
    /// The age recipient (`age1…`) of what is sealed to this node. Empty: a node of an earlier version.
    #[serde(default)]
    pub recipient: String,
    /// Peers connected.
    #[schema(value_type = Vec<String>)]
    pub peers: Vec<PublicKey>,
    /// Statements held and waiting.
    pub statements: u64,
    /// Statements in the waiting room.
    pub waiting: u64,
    /// Entries with an effective value.
    pub entries: u64,
    /// Open conflicts.
    pub conflicts: u64,
    /// Scopes held.
    pub scopes: Vec<ScopeRow>,
    /// Health words; empty when well.
    pub health: Vec<String>,
    /// Authors that are or lately were over their intake rate here, at most sixteen: those that are first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub floods: Vec<Flood>,
    /// Bytes of the store on disk.
    pub store_bytes: u64,
    /// Seconds since this node agreed with another one; absent: never.
    pub staleness: Option<u64>,
    /// Independent other nodes that agreed with this one lately, each by a beacon of its own. Fewer than two for some time
    /// make the health word `stale_peers`.
    #[serde(default)]
    pub agreeing: u32,
    /// Who is refused for a while for what it sent. A restart ends all bans.
    #[serde(default)]
    pub bans: Vec<Banned>,
}

/// A peer, or an address from which nobody proved a key, that is refused for a while.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Banned {
    /// A peer's key, or an address.
    pub who: String,
    /// What it did.
    pub why: String,
    /// Seconds until the ban ends.
    pub ends_seconds: u64,
}
