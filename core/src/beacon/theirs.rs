//! One scope on another node, as far as it is known here: what its last beacon told, and how that compared. It must not
//! know other nodes. There is one for each scope of each node heard, so it is kept small.

use std::sync::Arc;

use driftless_statement::{PublicKey, Scope, id};

use super::divergence::Mine;
use super::message::{Proven, Report};
use super::picture::{Alarm, Change, Reach, ScopeState, State};
use super::{MARK_MS, SETTLE_MS};

/// Moments of equality that are remembered for each scope of each node: marks a minute back, and as many sets.
const REMEMBERED: usize = 6;
/// Marks that a node may be late by and still count as in step: one under way, and half a minute of clocks that differ.
const LATE_MARKS: u64 = 4;

/// A report, in the beacon that told it.
#[derive(Clone)]
pub(super) struct Told {
    pub beacon: Arc<Proven>,
    /// Its index among the beacon's reports.
    pub at: usize,
}

impl Told {
    /// The report.
    pub fn report(&self) -> &Report {
        static NOTHING: std::sync::OnceLock<Report> = std::sync::OnceLock::new();
        self.beacon.beacon().scopes.get(self.at).unwrap_or_else(|| NOTHING.get_or_init(Report::nothing))
    }
}

/// When things (marks, sets) were seen equal first and last; newest last.
#[derive(Clone, Default)]
struct Seen(Vec<Once>);

#[derive(Clone, Copy)]
struct Once {
    name: u64,
    first_ms: u64,
    last_ms: u64,
}

impl Seen {
    fn note(&mut self, name: u64, first_ms: u64, last_ms: u64) {
        if let Some(once) = self.0.iter_mut().rev().find(|once| once.name == name) {
            once.last_ms = last_ms;
            return;
        }
        if self.0.len() >= REMEMBERED {
            self.0.remove(0);
        }
        self.0.push(Once { name, first_ms, last_ms });
    }
}

/// One scope on one other node.
#[derive(Clone)]
pub(super) struct Theirs {
    pub told: Told,
    pub state: State,
    pub since_ms: u64,
    mark: Option<u64>,
    /// Marks at which the sets were equal.
    equal: Seen,
    /// Sets, by the beginning of their digests, of which both had exactly the same.
    same: Seen,
    pub alarm: Option<Box<Alarm>>,
}

impl Theirs {
    /// A scope of which nothing is known yet but what was told.
    pub fn new(told: Told, now_ms: u64) -> Self {
        Self {
            told,
            state: State::Unknown,
            since_ms: now_ms,
            mark: None,
            equal: Seen::default(),
            same: Seen::default(),
            alarm: None,
        }
    }

    /// A scope of which one beacon told, when both were equal at a mark, and the sets the same or not.
    pub fn alike(told: Told, now_ms: u64, mark: u64, own_time_ms: u64, same: bool) -> Self {
        let mut theirs = Self { state: State::InSync, mark: Some(mark), ..Self::new(told, now_ms) };
        if same {
            theirs.same.note(set_name(theirs.told.report()), own_time_ms, own_time_ms);
        }
        theirs.equal.note(mark, now_ms, own_time_ms);
        theirs
    }

    /// The scope.
    pub fn scope(&self) -> &Scope {
        &self.told.report().scope
    }

    /// Compares at the newest mark that had settled when either report was made.
    pub fn judge(&mut self, mine: &Mine, own_time_ms: u64, now_ms: u64) {
        let (state, mark) = compare(self.told.report(), self.told.beacon.beacon().time_ms, mine, own_time_ms);
        self.mark = mark;
        if state != self.state {
            self.state = state;
            self.since_ms = now_ms;
        }
        self.note_same(mine, own_time_ms);
        let Some(mark) = self.mark.filter(|_| state == State::InSync) else { return };
        self.equal.note(mark, now_ms, own_time_ms);
    }

    /// Whether the sets were equal at one of the last marks that can have settled: an older one proves an older agreement.
    pub fn is_in_step(&self, own_time_ms: u64) -> bool {
        self.state == State::InSync && self.mark.is_some_and(|mark| is_late(mark, own_time_ms))
    }

    /// Exactly equal sets tell at once, where marks tell only when they have settled.
    fn note_same(&mut self, mine: &Mine, own_time_ms: u64) {
        let report = self.told.report();
        if is_same(report, mine) {
            self.same.note(set_name(report), own_time_ms, own_time_ms);
        }
    }

    /// Raises the alarm when the same was folded there into something else, and ends it when the folds agree again.
    pub fn compare_merged(&mut self, node: PublicKey, mine: &Mine, now_ms: u64) {
        let report = self.told.report();
        let Some((folded, merged)) = mine.merge_of(report) else { return };
        if *merged == report.merged {
            self.alarm = None;
            return;
        }
        let since_ms = self.alarm.as_ref().map_or(now_ms, |alarm| alarm.since_ms);
        self.alarm = Some(Box::new(Alarm {
            node,
            scope: report.scope.clone(),
            since_ms,
            folded: id::hex(folded),
            here: id::hex(merged),
            there: id::hex(&report.merged),
        }));
    }

    pub fn state_against(&self, mine: &Mine) -> ScopeState {
        let (here, there) = (&mine.report, self.told.report());
        let folded_equal = here.folded == there.folded;
        ScopeState {
            scope: there.scope.clone(),
            state: self.state,
            since_ms: self.since_ms,
            at_mark_ms: self.mark.map(|mark| mark.saturating_mul(MARK_MS)),
            merged_equal: folded_equal.then_some(here.merged == there.merged),
            effective_equal: folded_equal.then_some(here.effective == there.effective),
            behind: here.count.saturating_sub(there.count),
            ahead: there.count.saturating_sub(here.count),
            planned: false,
        }
    }

    pub fn reach(&self, change: &Change, silent: bool) -> Reach {
        let covers = |mark: u64| mark.saturating_mul(MARK_MS) > change.hlc.millis();
        // Equality counts only when seen with the change held here, so strictly after it came.
        let equal = self.equal.0.iter().find(|equal| covers(equal.name) && equal.last_ms > change.held_ms);
        let same = self.same.0.iter().find(|same| same.last_ms > change.held_ms);
        let first = equal.map(|equal| equal.first_ms).into_iter().chain(same.map(|same| same.first_ms)).min();
        match (first, self.state, self.mark) {
            (Some(first_ms), _, _) => Reach::Has { since_ms: first_ms.max(change.held_ms) },
            (None, State::Differs, Some(mark)) if covers(mark) && !silent => Reach::Lacks { since_ms: self.since_ms },
            (None, _, _) => Reach::Unknown,
        }
    }
}

/// How a report that was made at a time compares with the own one at the newest mark that had settled when either was made.
pub(super) fn compare(report: &Report, time_ms: u64, mine: &Mine, own_time_ms: u64) -> (State, Option<u64>) {
    let settled_ms = time_ms.min(own_time_ms).saturating_sub(SETTLE_MS);
    let mark = report.marks.common(&mine.report.marks, settled_ms);
    let state = match mark {
        Some(mark) if report.marks.at(mark) == mine.report.marks.at(mark) => State::InSync,
        Some(_) => State::Differs,
        None => State::Unknown,
    };
    (state, mark)
}

/// Whether both have exactly the same.
pub(super) fn is_same(report: &Report, mine: &Mine) -> bool {
    report.set == mine.report.set && report.effective == mine.report.effective
}

/// Whether a mark is one of the last that can have settled.
pub(super) fn is_late(mark: u64, own_time_ms: u64) -> bool {
    mark.saturating_mul(MARK_MS) + SETTLE_MS + LATE_MARKS * MARK_MS >= own_time_ms
}

fn set_name(report: &Report) -> u64 {
    report.set.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
