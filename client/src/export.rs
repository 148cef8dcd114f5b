//! The export of a log for an auditor: JSON lines, each a statement in words beside the exact bytes that were signed, with a
//! head, what the node refused, and an end. It must not know how an export is judged.
//!
//! Need: somebody who trusts no node must be able to check what was signed, and by whom, from one file, and people and tools
//! must be able to read that file. Idea: the signed bytes prove, the words only repeat them. Mechanism: each line has
//! exactly one form, so that words which say something else than the bytes are found by writing the line anew. Order:
//! `@mesh` first, then all else, each part by time and id; so every statement stands behind what it names, and one pass in
//! bounded memory judges the file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use driftless_statement::{MeshId, PublicKey, Scope};
use serde::{Deserialize, Serialize};

use crate::api::{Attempt, AuditReach, StatementInfo};

/// Media type of an export.
pub const JSON_LINES: &str = "application/jsonl";
/// The form that this code writes and reads.
pub const FORM: u32 = 1;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first.
    Export(Head),
    /// A statement.
    Record(Box<Record>),
    /// What the node refused.
    Attempt(Attempt),
    /// The last.
    End(End),
}

/// What the node says of itself and of the moment. Nothing vouches for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The form of the lines.
    pub form: u32,
    /// The mesh.
    pub mesh: MeshId,
    /// Its name.
    pub mesh_name: String,
    /// The node that wrote this.
    pub node: PublicKey,
    /// Its name.
    pub node_name: String,
    /// Version of its program.
    pub version: String,
    /// When, by its clock, RFC 3339.
    pub at: String,
    /// Its durable time floor, Unix milliseconds: statements that are later than it by more than the allowed skew were not
    /// due.
    pub floor_ms: u64,
    /// The scopes in the file.
    pub scopes: Vec<Scope>,
    /// The other nodes as it saw them.
    pub nodes: Vec<HeadNode>,
}

/// A node as the one that wrote the export saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadNode {
    /// Its key.
    pub node: PublicKey,
    /// Its name, when known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `in_sync`, `differs`, `unknown` or `silent`.
    pub state: String,
    /// Seconds since its last beacon; absent: never heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_seconds: Option<u64>,
}

/// A statement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// In words, with what the node made of it (`fate`, `reason`, `skipped`), which is not signed.
    pub statement: StatementInfo,
    /// On which nodes it was, as far as this one knew. Not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<AuditReach>,
    /// The signed bytes and the signature, in base64 (RFC 4648 §4).
    pub wire: String,
}

/// The end: without it the file was cut off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Statements in the file.
    pub statements: u64,
    /// Refused attempts in the file.
    pub attempts: u64,
    /// Cases of refusal that the node no longer knew.
    pub dropped: u64,
    /// BLAKE3-256 of all bytes of the file before this sum, hexadecimal. It finds damage; who changes the file on purpose can
    /// compute it anew.
    pub sum: String,
}

/// Wire bytes as they stand in a line.
pub fn to_base64(wire: &[u8]) -> String {
    STANDARD.encode(wire)
}

/// The bytes that stand in a line; `None`: it is no base64 in its one canonical form.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Writes lines and keeps the sum and the counts for the end.
#[derive(Default)]
pub struct Writer {
    hasher: blake3::Hasher,
    statements: u64,
    attempts: u64,
}

impl Writer {
    /// A line with its line end.
    pub fn line(&mut self, line: &Line) -> String {
        match line {
            Line::Record(_) => self.statements += 1,
            Line::Attempt(_) => self.attempts += 1,
            Line::Export(_) | Line::End(_) => {}
        }
        let text = text(line) + "\n";
        self.hasher.update(text.as_bytes());
        text
    }

    /// The last line.
    pub fn end(mut self, dropped: u64) -> String {
        let Self { statements, attempts, .. } = self;
        let open = text(&Line::End(End { statements, attempts, dropped, sum: String::new() }));
        let open = before_sum(&open, "");
        let sum = self.hasher.update(open.as_bytes()).finalize().to_hex();
        format!("{open}{sum}{BEHIND_SUM}\n")
    }
}

/// What stands behind the sum in the last line.
const BEHIND_SUM: &str = "\"}}";

/// The last line up to its sum; all of it when that does not stand last.
pub fn before_sum<'a>(line: &'a str, sum: &str) -> &'a str {
    line.strip_suffix(BEHIND_SUM).and_then(|line| line.strip_suffix(sum)).unwrap_or(line)
}

/// The one form of a line, without its line end.
pub fn text(line: &Line) -> String {
    // Structs of texts, numbers and lists always have a JSON form.
    serde_json::to_string(line).unwrap_or_default()
}
