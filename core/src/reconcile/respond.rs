//! The answering side: a function of the summaries and the request, with bounded work and a bounded answer.

use driftless_statement::statement::Bytes;
use driftless_statement::{Hlc, Scope, StatementId};

use super::limits::{ANSWER_SYMBOLS, BATCH_BYTES, RANGE_LEAF, RANGE_PAGE, RANGE_PARTS, SKETCH_SYMBOLS};
use super::short::Short;
use super::sketch::{Estimate, symbols_for};
use super::summary::{Summary, part};
use crate::wire::{Request, Response, Word};

/// What one asker may see of what is held here.
pub trait Shelf {
    /// The summary of a scope; nothing when the scope is not held here or the asker may not hold it.
    fn summary(&mut self, scope: &Scope) -> Option<&mut Summary>;
    /// A statement's wire bytes; nothing when it is not held or the asker may not hold its scope.
    fn statement(&self, id: &StatementId) -> Option<Bytes>;
}

/// Symbols of the first answer when the sets are equally large and not equal: decodes six differences more often than not.
const FIRST_SYMBOLS: usize = 14;

/// Answers a request. A `Push` changes state and is not answered here: nothing is returned.
pub fn answer(shelf: &mut impl Shelf, request: &Request) -> Option<Response> {
    match request {
        Request::Push { .. } => None,
        Request::Fetch { ids } => Some(fetch(shelf, ids)),
        Request::Has { ids } => {
            Some(Response::Has { held: ids.iter().map(|id| shelf.statement(id).is_some()).collect() })
        }
        Request::Pull { scope, shorts } => Some(pull(shelf, scope, shorts)),
        Request::Compare { scope, .. }
        | Request::Symbols { scope, .. }
        | Request::Times { scope, .. }
        | Request::Range { scope, .. } => Some(match shelf.summary(scope) {
            Some(summary) => about(summary, request),
            None => refused(),
        }),
    }
}

fn refused() -> Response {
    Response::Refused { word: Word::new("scope-not-offered") }
}

fn about(summary: &mut Summary, request: &Request) -> Response {
    match request {
        Request::Compare { digest, count, .. } => compare(summary, digest, *count),
        Request::Symbols { tag, from, estimate, .. } => symbols(summary, *tag, *from, estimate.as_ref()),
        Request::Range { from, to, list, .. } => range(summary, *from, *to, *list),
        Request::Times { shorts, .. } => {
            Response::Times { times: shorts.iter().map(|short| time(summary, short)).collect() }
        }
        Request::Fetch { .. } | Request::Pull { .. } | Request::Push { .. } | Request::Has { .. } => refused(),
    }
}

fn time(summary: &Summary, short: &Short) -> Hlc {
    summary.named(short).map(|(_, hlc)| *hlc).min().unwrap_or_default()
}

fn compare(summary: &mut Summary, digest: &[u8; 32], count: u64) -> Response {
    if summary.digest() == *digest {
        return Response::Same;
    }
    let want = match usize::try_from(summary.count().abs_diff(count)).unwrap_or(usize::MAX) {
        0 => FIRST_SYMBOLS,
        _ if count == 0 || summary.count() == 0 => 0,
        gap => symbols_for(gap),
    };
    let want = if want > SKETCH_SYMBOLS { 0 } else { want.min(ANSWER_SYMBOLS) };
    summary.grow(want);
    let symbols = summary.sketch().symbols().iter().take(want).copied().collect();
    Response::Differ { tag: summary.tag(), count: summary.count(), symbols }
}

fn symbols(summary: &mut Summary, asked: u64, had: usize, estimate: Option<&(u64, Estimate)>) -> Response {
    let (tag, count) = (summary.tag(), summary.count());
    let total = match estimate {
        Some((theirs, estimate)) => {
            let gap = usize::try_from(count.abs_diff(*theirs)).unwrap_or(usize::MAX);
            // Three standard errors of the estimator above its reading.
            let likely = summary.sketch().estimate().differing(estimate).saturating_mul(7) / 5;
            symbols_for(likely.max(gap))
        }
        None => 0,
    };
    let from = if asked == tag { had } else { 0 };
    let more = (had / 2).max(8);
    let total = total.max(had.saturating_add(more)).min(from.saturating_add(ANSWER_SYMBOLS)).min(SKETCH_SYMBOLS);
    summary.grow(total);
    let symbols = summary.sketch().symbols().iter().take(total).skip(from).copied().collect();
    Response::Symbols { tag, count, from, symbols }
}

fn range(summary: &Summary, from: StatementId, to: Option<StatementId>, list: bool) -> Response {
    let count = summary.range(from, to).count();
    if list || count <= RANGE_LEAF {
        let ids = summary.range(from, to).take(RANGE_PAGE).map(|(id, hlc)| (*id, *hlc)).collect();
        return Response::Ids { ids, upto: summary.range(from, to).nth(RANGE_PAGE).map(|(id, _)| *id) };
    }
    let ids: Vec<&StatementId> = summary.range(from, to).map(|(id, _)| id).collect();
    let chunks = || ids.chunks(count.div_ceil(RANGE_PARTS));
    Response::Parts {
        bounds: chunks().skip(1).filter_map(|chunk| chunk.first().map(|id| **id)).collect(),
        parts: chunks().map(|chunk| part(chunk.iter().copied())).collect(),
    }
}

fn pull(shelf: &mut impl Shelf, scope: &Scope, shorts: &[Short]) -> Response {
    let Some(summary) = shelf.summary(scope) else { return refused() };
    let mut found: Vec<(Hlc, StatementId)> = Vec::with_capacity(shorts.len());
    let mut missing = Vec::new();
    for (at, short) in shorts.iter().enumerate() {
        let before = found.len();
        found.extend(summary.named(short).map(|(id, hlc)| (*hlc, *id)));
        if found.len() == before {
            missing.push(at);
        }
    }
    // Earliest first, so that the asker rarely gets a statement before one that it names.
    found.sort_unstable();
    Response::Statements { statements: within(found.iter().filter_map(|(_, id)| shelf.statement(id))), missing }
}

fn fetch(shelf: &impl Shelf, ids: &[StatementId]) -> Response {
    let held: Vec<Option<Bytes>> = ids.iter().map(|id| shelf.statement(id)).collect();
    let missing = held.iter().enumerate().filter(|(_, wire)| wire.is_none()).map(|(at, _)| at).collect();
    Response::Statements { statements: within(held.into_iter().flatten()), missing }
}

/// As many statements, from the first on, as fit one message.
fn within(statements: impl Iterator<Item = Bytes>) -> Vec<Bytes> {
    let mut room = BATCH_BYTES;
    statements
        .take(super::limits::BATCH_IDS)
        .map_while(|wire| {
            room = room.checked_sub(wire.len())?;
            Some(wire)
        })
        .collect()
}
