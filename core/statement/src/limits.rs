//! Every bound that decides whether a statement is valid or fit, in one file, each with its reason.
//!
//! These numbers belong to fold version 1: all nodes of a mesh use the same ones, so none of them is configurable.

/// Version of the statement format that this crate reads and writes.
pub const FORMAT_VERSION: u64 = 1;
/// Fold version that this code implements; genesis fixes the first one of a mesh.
pub const FOLD_VERSION: u64 = 1;

/// Canonical bytes of one statement, signature excluded. A bound for every buffer that holds one; twice the largest
/// file of the real configuration history that Driftless is tried on, with room for its bases.
pub const STATEMENT_BYTES: usize = 256 * 1024;
/// Statements above this are announced by id and fetched, not flooded: a flood multiplies bytes by the mesh degree.
pub const GOSSIP_BYTES: usize = 16 * 1024;
/// Merged value of one entry, as its canonical CBOR. Above it a value is an artifact, not configuration.
pub const ENTRY_BYTES: usize = 1024 * 1024;
/// Bytes of a path, separators included. Fits every index key and log line.
pub const PATH_BYTES: usize = 512;
/// Segments of a path.
pub const PATH_SEGMENTS: usize = 16;
/// Nesting of a value: a scalar has depth 0. Far below any parser's stack, well above real configuration.
pub const VALUE_DEPTH: usize = 32;
/// Nesting of a whole statement's CBOR: a value inside an edit inside a body inside the envelope.
pub const CBOR_DEPTH: usize = VALUE_DEPTH + 12;
/// Weight of a statement's CBOR: one for each item, sixteen for each map that is not empty. Items of one byte and maps
/// of three take that many times their bytes in memory; this keeps a statement of 256 KiB below about 8 MiB decoded.
pub const CBOR_WEIGHT: usize = 128 * 1024;
/// Edits of one statement, over all entries it touches.
pub const EDITS: usize = 256;
/// Entries that one statement touches.
pub const TOUCHES: usize = 256;
/// Bases of one entry in one statement. An author who sees more heads merges them in two steps.
pub const BASES: usize = 16;
/// Ids in `prev`.
pub const PREV: usize = 16;
/// Heads of an entry: a write that would leave more is unfit. Bounds the cost of every merge.
pub const HEADS: usize = 64;
/// Bytes of a note, all of its fields together.
pub const NOTE_BYTES: usize = 1024;
/// Steps of a pointer: a pointer reaches no deeper than a value can be, and one more to name what lies there.
pub const POINTER_STEPS: usize = VALUE_DEPTH;
/// Bytes of one map key.
pub const KEY_BYTES: usize = 1024;
/// Magnitude of a counter's start: the integers that every JSON reader keeps exact.
pub const COUNTER_START: i64 = 1 << 53;
/// Magnitude of one increment. 2⁵³ + n·2³² stays inside 64 bits for 2³⁰ increments.
pub const COUNTER_STEP: i64 = 1 << 32;
/// A schema together with what it governs, as canonical CBOR. A guess: far above schemas written by hand; all versions of
/// an entry's schema are kept in memory.
pub const SCHEMA_BYTES: usize = 64 * 1024;
/// Steps spent on checking one entry's value against all schemas that govern it: one for each keyword looked at, for each
/// key looked for and for each value compared. A guess with a reason: enough for some ten thousand places with several
/// keywords each, and spent whole in well under a tenth of a second. Beyond it the write is unfit: a check that is given up
/// must not pass.
pub const SCHEMA_STEPS: usize = 256 * 1024;
/// Root keys of an epoch.
pub const ROOT_KEYS: usize = 32;
/// Scopes that a member grant may list.
pub const GRANT_SCOPES: usize = 64;
/// Keys that a demand for approvals may list.
pub const APPROVERS: usize = 32;
/// Labels of one grant.
pub const LABELS: usize = 16;
/// Bytes of a label's name, and of its value: what Kubernetes and DNS allow, so that labels can be taken from there.
pub const LABEL_BYTES: usize = 63;
/// Bytes of a mesh's name.
pub const MESH_NAME_BYTES: usize = 64;
/// How far ahead of the time floor a statement is still due, in milliseconds.
pub const SKEW_MS: u64 = 60_000;
/// Length of a chain of grants, genesis excluded. Bounds the walk that finds a grant's rank.
pub const GRANT_CHAIN: usize = 16;
/// Ids in the frontier of one revocation or accept: about 140 KiB, so that it fits a statement. A revocation may name 16
/// accepts for each of its touches.
pub const FRONTIER: usize = 4_096;
