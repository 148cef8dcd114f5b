//! The cheap way: symbols of the peer's set, decoded against the sketch of the own one.

use driftless_statement::{Hlc, StatementId};

use super::{Asked, Session};
use crate::reconcile::limits::{BATCH_IDS, SKETCH_SYMBOLS, SYMBOL_ROUNDS, TIMES_SHORTS};
use crate::reconcile::outcome::End;
use crate::reconcile::peel::{Decoded, decode};
use crate::reconcile::short::{Short, Symbol};
use crate::reconcile::summary::Summary;
use crate::wire::Request;

/// The peer's symbols so far, all of one state of its set.
#[derive(Default)]
pub(super) struct Received {
    tag: u64,
    count: u64,
    list: Vec<Symbol>,
    rounds: usize,
    /// More of them are needed.
    open: bool,
}

impl Received {
    /// Adds an answer. One from index 0 on replaces what there was: the peer's set has changed.
    pub fn open(&mut self, tag: u64, count: u64, from: usize, symbols: &[Symbol]) -> Result<(), End> {
        self.rounds += 1;
        if from == 0 {
            self.list.clear();
            self.tag = tag;
        }
        if tag != self.tag || from != self.list.len() || from + symbols.len() > SKETCH_SYMBOLS {
            return Err(End::Misbehaved("symbols that do not continue those before"));
        }
        self.count = count;
        self.list.extend_from_slice(symbols);
        self.open = !symbols.is_empty() && self.rounds < SYMBOL_ROUNDS && self.list.len() < SKETCH_SYMBOLS;
        Ok(())
    }
}

impl Session {
    /// Tries to decode what came. When that fails for good, or shows nothing though the digests differ, ranges are next.
    pub(super) fn decode(&mut self, summary: &mut Summary) {
        let symbols = &self.symbols.list;
        summary.grow(symbols.len());
        let decoded = decode(summary.sketch(), symbols, |short| summary.named(short).next().is_some());
        match decoded {
            Ok(decoded) if decoded != Decoded::default() => self.found(summary, decoded),
            Err(_) if self.symbols.open => {}
            Ok(_) | Err(_) => self.fall_back(summary),
        }
    }

    fn found(&mut self, summary: &Summary, decoded: Decoded) {
        self.symbols.open = false;
        self.outcome.only_remote = decoded.only_remote.len();
        self.plan_pushes(decoded.only_local.iter().flat_map(|short| summary.named(short)));
        // One batch arrives in causal order by itself: the peer sorts it.
        if decoded.only_remote.len() <= BATCH_IDS {
            for short in decoded.only_remote {
                self.wanted.add(Hlc::default(), short);
            }
        } else {
            self.untimed = decoded.only_remote;
        }
    }

    pub(super) fn plan_pushes<'a>(&mut self, list: impl Iterator<Item = (&'a StatementId, &'a Hlc)>) {
        for (id, hlc) in list {
            self.outcome.only_local += 1;
            self.pushes.add(*hlc, *id);
        }
    }

    fn fall_back(&mut self, summary: &Summary) {
        self.symbols.open = false;
        self.outcome.ranged = true;
        if self.symbols.count == 0 {
            self.plan_pushes(summary.all());
        } else {
            self.list_everything(summary.count() == 0);
        }
    }

    pub(super) fn ask_symbols(&mut self, summary: &Summary) -> Option<Request> {
        if !self.symbols.open {
            return None;
        }
        self.asked = Asked::Symbols;
        // The estimator goes along once; when its reading was too low, half as many symbols again do better.
        let estimate = (self.symbols.rounds == 1).then(|| (summary.count(), summary.sketch().estimate().clone()));
        let (scope, tag) = (self.outcome.scope.clone(), self.symbols.tag);
        Some(Request::Symbols { scope, tag, from: self.symbols.list.len(), estimate })
    }

    pub(super) fn ask_times(&mut self) -> Option<Request> {
        if self.untimed.is_empty() {
            return None;
        }
        let rest = self.untimed.split_off(self.untimed.len().min(TIMES_SHORTS));
        let shorts = std::mem::replace(&mut self.untimed, rest);
        self.asked = Asked::Times(shorts.clone());
        Some(Request::Times { scope: self.outcome.scope.clone(), shorts })
    }

    pub(super) fn take_times(&mut self, shorts: &[Short], times: &[Hlc]) -> Result<(), End> {
        if times.len() != shorts.len() {
            return Err(End::Misbehaved("times for other names than those asked about"));
        }
        for (hlc, short) in times.iter().zip(shorts) {
            self.wanted.add(*hlc, *short);
        }
        Ok(())
    }
}
