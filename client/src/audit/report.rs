//! What was verified, and what was not. It must not know how it is printed.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_statement::{MeshId, PublicKey, Scope, StatementId, Verified};
use driftless_trust::Trust;
use serde::Serialize;

use crate::api::StatementInfo;
use crate::clock::rfc3339_millis;
use crate::export::Head;

/// An export that was verified.
#[derive(Debug)]
pub struct Audit {
    /// What was found.
    pub report: Report,
    /// Authority, from what was due when it was written.
    pub trust: Trust,
    /// The statements of `@mesh`.
    pub mesh: Vec<Arc<Verified>>,
    /// What the node said of itself and of the moment.
    pub head: Head,
    /// All statements in the order of the file, when they were asked for.
    pub kept: Vec<Kept>,
}

/// A statement of an export.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What was signed.
    pub statement: Arc<Verified>,
    /// Whether the node says that it broke a limit or a schema: the fold decides that, and stands there on the node's word.
    pub unfit: bool,
}

/// What an export holds and how far it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The mesh: what the whole file hangs on.
    pub mesh: MeshId,
    /// Whether the caller named that mesh. If not, the file may be of any mesh that somebody made up.
    pub mesh_expected: bool,
    /// The node that wrote it, by its own word.
    pub node: PublicKey,
    /// When, by its own word.
    pub at: String,
    /// Scopes in it.
    pub scopes: Vec<Scope>,
    /// Statements whose signature, names, words and authority are as they should be.
    pub statements: u64,
    /// Keys that signed them.
    pub authors: usize,
    /// By kind.
    pub kinds: BTreeMap<String, u64>,
    /// By fate, as told.
    pub fates: BTreeMap<String, u64>,
    /// The time of the earliest, as its author claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The time of the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// `unfit` ones: that is decided by the fold and stands there on the node's word.
    pub taken_on_word: u64,
    /// Refused attempts: the node's own observation.
    pub attempts: u64,
    /// The latest statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_id: Option<StatementId>,
    /// BLAKE3-256 of all before the last line: names this very file.
    pub sum: String,
    /// The times of the earliest and the latest, Unix milliseconds.
    #[serde(skip)]
    pub span: Option<(u64, u64)>,
}

impl Report {
    pub(super) fn note(&mut self, statement: &Verified, told: &StatementInfo) {
        self.statements += 1;
        *self.kinds.entry(told.kind.clone()).or_default() += 1;
        *self.fates.entry(told.fate.clone()).or_default() += 1;
        self.taken_on_word += u64::from(told.fate == "unfit");
        let millis = statement.statement().hlc.millis();
        let (first, last) = self.span.unwrap_or((millis, millis));
        if millis >= last {
            self.last_id = Some(statement.id());
        }
        self.span = Some((first.min(millis), last.max(millis)));
    }

    pub(super) fn close(&mut self, authors: usize, sum: String) {
        self.authors = authors;
        self.sum = sum;
        self.first = self.span.map(|(first, _)| rfc3339_millis(first));
        self.last = self.span.map(|(_, last)| rfc3339_millis(last));
    }
}
