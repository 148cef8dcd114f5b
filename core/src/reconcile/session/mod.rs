//! The asking side: one comparison of one scope with one peer, as a state machine without clock or connection.

mod earliest;
mod exchange;
mod ranges;
mod symbols;

use driftless_statement::statement::Bytes;
use driftless_statement::{Hlc, Scope, StatementId};

use self::earliest::Earliest;
use self::ranges::Span;
use self::symbols::Received;
use super::limits::{SESSION_BYTES, SESSION_RANGES, SESSION_ROUNDS};
use super::outcome::{End, Outcome};
use super::short::Short;
use super::summary::Summary;
use crate::wire::{Request, Response};

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this to the peer and hand its answer to [`Session::answer`].
    Ask(Request),
    /// The session is over.
    Done(Outcome),
}

/// How the session looks up statements that it pushes: nothing for what the peer may not hold.
pub type Lookup<'a> = &'a dyn Fn(&StatementId) -> Option<Bytes>;

/// One session. Its summary may change between the steps: every step works with the set as it is then.
pub struct Session {
    asked: Asked,
    symbols: Received,
    /// Short names that only the peer has, whose times are not known yet.
    untimed: Vec<Short>,
    /// Short names to be pulled.
    wanted: Earliest<Short>,
    pushes: Earliest<StatementId>,
    ranges: Vec<Span>,
    /// Some part of the set was left out because of a bound.
    cut: bool,
    outcome: Outcome,
}

/// The question that is open.
enum Asked {
    Nothing,
    Compare,
    Symbols,
    Times(Vec<Short>),
    Range(Span),
    Pull(Vec<(Hlc, Short)>),
    Push(Vec<StatementId>),
}

impl Session {
    /// Begins: the first request compares digests.
    pub fn start(scope: Scope, summary: &Summary) -> (Self, Request) {
        let request = Request::Compare { scope: scope.clone(), digest: summary.digest(), count: summary.count() };
        let session = Self {
            asked: Asked::Compare,
            symbols: Received::default(),
            untimed: Vec::new(),
            wanted: Earliest::default(),
            pushes: Earliest::default(),
            ranges: Vec::new(),
            cut: false,
            outcome: Outcome::new(scope),
        };
        (session, request)
    }

    /// The scope compared.
    pub fn scope(&self) -> &Scope {
        &self.outcome.scope
    }

    /// Ends it because the connection ended or no answer came.
    pub fn abandon(self) -> Outcome {
        self.outcome
    }

    /// Takes the answer to the open question. Statements in it are only accounted for: the caller checks and keeps them,
    /// before this call, so that none is asked for twice.
    pub fn answer(&mut self, summary: &mut Summary, lookup: Lookup<'_>, response: &Response) -> Step {
        self.outcome.rounds += 1;
        self.outcome.bytes = self.outcome.bytes.saturating_add(response.weight());
        match self.take(summary, response) {
            Ok(()) => self.next(summary, lookup),
            Err(end) => self.done(end),
        }
    }

    fn take(&mut self, summary: &mut Summary, response: &Response) -> Result<(), End> {
        match (std::mem::replace(&mut self.asked, Asked::Nothing), response) {
            (_, Response::Refused { word }) => return Err(End::Refused(word.clone())),
            (Asked::Compare, Response::Same) => return Err(End::Same),
            (Asked::Compare, Response::Differ { tag, count, symbols }) => {
                self.symbols.open(*tag, *count, 0, symbols)?;
                self.decode(summary);
            }
            (Asked::Symbols, Response::Symbols { tag, count, from, symbols }) => {
                self.symbols.open(*tag, *count, *from, symbols)?;
                self.decode(summary);
            }
            (Asked::Times(shorts), Response::Times { times }) => self.take_times(&shorts, times)?,
            (Asked::Range(span), Response::Parts { bounds, parts }) => self.take_parts(summary, span, bounds, parts)?,
            (Asked::Range(span), Response::Ids { ids, upto }) => self.take_ids(summary, span, ids, *upto)?,
            (Asked::Pull(asked), Response::Statements { statements, missing }) => {
                self.take_statements(asked, statements, missing);
            }
            (Asked::Push(ids), Response::Taken { taken, refused }) => self.take_taken(&ids, *taken, refused),
            _ => return Err(End::Misbehaved("an answer of another kind than the question")),
        }
        Ok(())
    }

    /// The next question: first what differs, then what is wanted, then what the peer lacks.
    fn next(&mut self, summary: &Summary, lookup: Lookup<'_>) -> Step {
        if self.outcome.rounds >= SESSION_ROUNDS || self.outcome.bytes >= SESSION_BYTES {
            return self.done(End::Partial);
        }
        if let Some(request) = self.ask_symbols(summary).or_else(|| self.ask_times()) {
            return Step::Ask(request);
        }
        // Ranges are of ids, and statements move in the order of time: nothing moves before all ranges were looked at, or
        // as many as leave rounds to move what they showed.
        let ranges = if self.outcome.rounds < SESSION_RANGES { self.ask_range() } else { None };
        match ranges.or_else(|| self.ask_pull(summary)).or_else(|| self.ask_push(lookup)) {
            Some(request) => Step::Ask(request),
            None => self.finish(),
        }
    }

    fn finish(&mut self) -> Step {
        let found = self.outcome.only_local + self.outcome.only_remote;
        self.done(match found {
            _ if self.cut || self.is_unfinished() => End::Partial,
            0 => End::Unexplained,
            _ => End::Exchanged,
        })
    }

    fn is_unfinished(&self) -> bool {
        !self.ranges.is_empty() || self.wanted.is_cut() || self.pushes.is_cut()
    }

    fn done(&mut self, end: End) -> Step {
        self.outcome.end = end;
        Step::Done(self.outcome.clone())
    }
}
