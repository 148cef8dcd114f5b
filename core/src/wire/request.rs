//! What one peer asks of another. Every request is answered by exactly one [`super::Response`].

use driftless_statement::codec::Item;
use driftless_statement::statement::Bytes;
use driftless_statement::{Scope, StatementId};

use super::item::{BadMessage, Fields, frame, id_or_null, pack, pack_ids, pack_statements, scope};
use super::{HAS_IDS, MESSAGE_BYTES};
use crate::reconcile::limits::{BATCH_BYTES, BATCH_IDS, ESTIMATE_COUNTERS, SKETCH_SYMBOLS, TIMES_SHORTS};
use crate::reconcile::{Estimate, Short};

/// A request. Lists of ids are ascending without repetition, so that a position in one names an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Is your set of this scope the same? Answered by `Same` or `Differ`.
    Compare {
        /// The scope.
        scope: Scope,
        /// The asker's set digest.
        digest: [u8; 32],
        /// The size of the asker's set.
        count: u64,
    },
    /// More coded symbols. Answered by `Symbols`.
    Symbols {
        /// The scope.
        scope: Scope,
        /// Which state of the answerer's set the asker has symbols of.
        tag: u64,
        /// How many of them it has.
        from: usize,
        /// The asker's estimator and the size of its set: the answerer sizes its answer by them. Without them, half as many again.
        estimate: Option<(u64, Estimate)>,
    },
    /// What lies in a range of ids? Answered by `Parts` or `Ids`.
    Range {
        /// The scope.
        scope: Scope,
        /// The first id of the range.
        from: StatementId,
        /// The end of the range, itself outside it; nothing for the end of all ids.
        to: Option<StatementId>,
        /// List the ids, page by page, also when there are many.
        list: bool,
    },
    /// The times of statements of a scope. Answered by `Times`.
    Times {
        /// The scope.
        scope: Scope,
        /// The short names.
        shorts: Vec<Short>,
    },
    /// Statements by id, of any scope. Answered by `Statements`.
    Fetch {
        /// The ids.
        ids: Vec<StatementId>,
    },
    /// Statements of a scope by short name. Answered by `Statements`.
    Pull {
        /// The scope.
        scope: Scope,
        /// The short names.
        shorts: Vec<Short>,
    },
    /// Here are statements that you lack. Answered by `Taken`.
    Push {
        /// Their wire bytes, in an order in which none comes before one that it names.
        statements: Vec<Bytes>,
    },
    /// Which of these do you hold? Answered by `Has`.
    Has {
        /// The ids.
        ids: Vec<StatementId>,
    },
}

const COMPARE: u64 = 0;
const SYMBOLS: u64 = 1;
const RANGE: u64 = 2;
const FETCH: u64 = 3;
const PULL: u64 = 4;
const PUSH: u64 = 5;
const HAS: u64 = 6;
const TIMES: u64 = 7;

fn pack_shorts(shorts: &[Short]) -> Item {
    pack(shorts.iter().map(|short| &short.0))
}

fn read_shorts(fields: &mut Fields, max: usize) -> Result<Vec<Short>, BadMessage> {
    Ok(fields.ascending("short names", max)?.into_iter().map(Short).collect())
}

impl Request {
    /// The word for the kind, for metrics and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Compare { .. } => "compare",
            Self::Symbols { .. } => "symbols",
            Self::Range { .. } => "range",
            Self::Times { .. } => "times",
            Self::Fetch { .. } => "fetch",
            Self::Pull { .. } => "pull",
            Self::Push { .. } => "push",
            Self::Has { .. } => "has",
        }
    }

    /// The scope that it is about, for those about one.
    pub fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Compare { scope, .. }
            | Self::Symbols { scope, .. }
            | Self::Range { scope, .. }
            | Self::Times { scope, .. }
            | Self::Pull { scope, .. } => Some(scope),
            Self::Fetch { .. } | Self::Push { .. } | Self::Has { .. } => None,
        }
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Compare { scope: name, digest, count } => {
                frame(COMPARE, [scope(name), Item::bytes(digest), Item::uint(*count)])
            }
            Self::Symbols { scope: name, tag, from, estimate } => {
                let head = [scope(name), Item::uint(*tag), Item::uint(*from as u64)];
                let tail = estimate.iter().flat_map(|(count, estimate)| [Item::uint(*count), Item::bytes(&estimate.0)]);
                frame(SYMBOLS, head.into_iter().chain(tail))
            }
            Self::Range { scope: name, from, to, list } => {
                frame(RANGE, [scope(name), Item::bytes(from.as_bytes()), id_or_null(to.as_ref()), Item::Bool(*list)])
            }
            Self::Times { scope: name, shorts } => frame(TIMES, [scope(name), pack_shorts(shorts)]),
            Self::Fetch { ids } => frame(FETCH, [pack_ids(ids)]),
            Self::Pull { scope: name, shorts } => frame(PULL, [scope(name), pack_shorts(shorts)]),
            Self::Push { statements } => frame(PUSH, [pack_statements(statements)]),
            Self::Has { ids } => frame(HAS, [pack_ids(ids)]),
        }
    }

    /// Reads the bytes: the exact inverse of [`Request::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        let mut fields = Fields::open(bytes, MESSAGE_BYTES)?;
        let request = match fields.kind {
            COMPARE => {
                Self::Compare { scope: fields.scope()?, digest: fields.fixed("digest")?, count: fields.uint("count")? }
            }
            SYMBOLS => Self::read_symbols(&mut fields)?,
            RANGE => Self::read_range(&mut fields)?,
            FETCH => Self::Fetch { ids: fields.ids("ids", BATCH_IDS)? },
            PULL => Self::Pull { scope: fields.scope()?, shorts: read_shorts(&mut fields, BATCH_IDS)? },
            TIMES => Self::Times { scope: fields.scope()?, shorts: read_shorts(&mut fields, TIMES_SHORTS)? },
            PUSH => Self::Push { statements: fields.statements(BATCH_IDS, BATCH_BYTES)? },
            HAS => Self::Has { ids: fields.ids("ids", HAS_IDS)? },
            kind => return Err(BadMessage::Kind(kind)),
        };
        fields.close(request)
    }

    fn read_symbols(fields: &mut Fields) -> Result<Self, BadMessage> {
        let scope = fields.scope()?;
        let tag = fields.uint("tag")?;
        let from = fields.small("from", SKETCH_SYMBOLS)?;
        let estimate = match fields.is_empty() {
            true => None,
            false => Some((fields.uint("count")?, Estimate(fields.fixed::<ESTIMATE_COUNTERS>("estimate")?))),
        };
        Ok(Self::Symbols { scope, tag, from, estimate })
    }

    fn read_range(fields: &mut Fields) -> Result<Self, BadMessage> {
        let (scope, from, to) = (fields.scope()?, fields.id("from")?, fields.id_or_null("to")?);
        if to.is_some_and(|to| to <= from) {
            return Err(BadMessage::NotAscending("range"));
        }
        Ok(Self::Range { scope, from, to, list: fields.flag("list")? })
    }
}
