//! Calls of local services that wait for the disk: writes in line for one entry, and submissions of several statements.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use driftless_statement::{Path, StatementId, Verified};

use super::Machine;
use super::effect::Effect;
use super::event::CallId;
use super::intake::Taken;
use super::intake::delays::Way;
use super::outcome::{LocalEdit, Receipt, SubmitOutcome, WriteRefused};
use super::planted::Planted;
use super::storing::{OnItsWay, Origin};
use crate::view::{Revision, etag};

/// Edits that may stand in line, over all entries.
const LINE: usize = 4096;

/// Local edits of one entry are made one after the other, so that each sees the one before and `If-Match` holds.
#[derive(Default)]
pub(super) struct Lines {
    waiting: BTreeMap<Path, VecDeque<(CallId, LocalEdit)>>,
    len: usize,
}

impl Lines {
    /// Whether an edit of this entry is on its way to the disk.
    pub fn is_busy(&self, path: &Path) -> bool {
        self.waiting.contains_key(path)
    }

    /// Begins an entry's line: its first edit is on its way.
    pub fn open(&mut self, path: Path) {
        self.waiting.entry(path).or_default();
    }

    /// Puts an edit in line, unless the lines are full.
    pub fn join(&mut self, call: CallId, edit: LocalEdit) -> bool {
        let fits = self.len < LINE;
        if fits {
            self.len += 1;
            self.waiting.entry(edit.path.clone()).or_default().push_back((call, edit));
        }
        fits
    }

    /// The edit on its way has arrived: the next one in line, if any; else the line ends.
    pub fn next(&mut self, path: &Path) -> Option<(CallId, LocalEdit)> {
        let next = self.waiting.get_mut(path).and_then(VecDeque::pop_front);
        match &next {
            Some(_) => self.len -= 1,
            None => drop(self.waiting.remove(path)),
        }
        next
    }

    /// Edits in line.
    pub fn len(&self) -> usize {
        self.len
    }
}

/// Who waits for a statement to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiter {
    /// A submission.
    Call(CallId),
    /// A peer's push, by the token of its request.
    Push(u64),
}

/// A submission whose statements are not all settled.
pub(super) struct Submission {
    outcomes: Vec<Option<SubmitOutcome>>,
    /// Places of each statement that is on its way, and whether it was so before.
    storing: BTreeMap<StatementId, Vec<(usize, bool)>>,
}

impl Machine {
    /// An edit from a local service: made at once, or in line behind the one of the same entry that is on its way.
    pub(super) fn edit(&mut self, call: CallId, edit: LocalEdit, effects: &mut Vec<Effect>) {
        if !self.lines.is_busy(&edit.path) {
            self.write(call, edit, effects);
        } else if !self.lines.join(call, edit) {
            effects.push(Effect::Wrote { call, outcome: Err(WriteRefused::Busy) });
        }
    }

    /// Statements signed elsewhere.
    pub(super) fn submit(&mut self, call: CallId, statements: &[Vec<u8>], effects: &mut Vec<Effect>) {
        if let Some((author, wait_ms)) = self.over_rate_at_door(statements) {
            let delayed = |_: &Vec<u8>| SubmitOutcome::Delayed { author, wait_ms };
            effects.push(Effect::Submitted { call, outcome: statements.iter().map(delayed).collect() });
            return;
        }
        let mut submission = Submission { outcomes: Vec::new(), storing: BTreeMap::new() };
        for (wire, index) in statements.iter().zip(0..) {
            let taken = match self.storing.read_only() {
                Some(reason) => Err(reason.to_owned()),
                None => Ok(self.take(wire, Way::Door, effects)),
            };
            let outcome = match taken {
                Ok(ref taken @ (Taken::Appended(id) | Taken::Known(id))) if self.is_storing(&id) => {
                    let known = matches!(taken, Taken::Known(_));
                    submission.storing.entry(id).or_default().push((index, known));
                    None
                }
                Ok(taken) => Some(submit_outcome(taken, self.view.revision())),
                Err(reason) => Some(SubmitOutcome::ReadOnly { id: StatementId::NONE, reason }),
            };
            submission.outcomes.push(outcome);
        }
        if submission.storing.is_empty() {
            effects.push(Effect::Submitted { call, outcome: submission.outcomes.into_iter().flatten().collect() });
        } else {
            let ids: Vec<StatementId> = submission.storing.keys().copied().collect();
            self.submissions.insert(call, submission);
            ids.into_iter().for_each(|id| self.await_disk(id, Waiter::Call(call)));
        }
    }

    /// Whether a statement is held and not on disk yet.
    pub(super) fn is_storing(&self, id: &StatementId) -> bool {
        let on_disk =
            |held: &Arc<Verified>| self.scopes.get(&held.statement().scope).is_some_and(|room| room.has_stored(id));
        self.log.get(id).is_some_and(|held| !on_disk(held))
    }

    /// Somebody is to be told when a statement is durable, or that it will not be soon.
    pub(super) fn await_disk(&mut self, id: StatementId, waiter: Waiter) {
        self.waiters.entry(id).or_default().push(waiter);
    }

    /// Statements are durable and folded: tells who waited for them.
    pub(super) fn answer_calls(&mut self, ways: &[OnItsWay], effects: &mut Vec<Effect>) {
        let revision = self.view.revision();
        for way in ways {
            let id = way.statement.id();
            match way.origin {
                Origin::Write(call) => {
                    let path = entry_of(&way.statement);
                    let entry = path.as_ref().and_then(|path| self.view.get(path));
                    let etag = entry.map_or_else(|| etag(&[]), |entry| entry.etag());
                    let fate = Some(self.fate(&way.statement));
                    effects.push(Effect::Wrote { call, outcome: Ok(Receipt { id: Some(id), revision, fate, etag }) });
                    self.next_in_line(path, effects);
                }
                Origin::Unclaimed if self.planted(Planted::ForgetsLine) => {}
                Origin::Unclaimed => self.next_in_line(entry_of(&way.statement), effects),
                Origin::Submit | Origin::Peer | Origin::Returned | Origin::Loaded => {}
            }
            for waiter in self.waiters.remove(&id).unwrap_or_default() {
                match waiter {
                    Waiter::Call(call) => {
                        self.settle_submission(call, id, &SubmitOutcome::Stored { id, revision }, effects);
                    }
                    Waiter::Push(token) => self.push_settled(token, id, true, effects),
                }
            }
        }
    }

    /// A batch was not stored: nobody is told that it was.
    pub(super) fn store_failed(&mut self, batch: u64, reason: &str, effects: &mut Vec<Effect>) {
        for way in self.storing.failed(batch, reason.to_owned()) {
            let id = way.statement.id();
            let reason = reason.to_owned();
            match way.origin {
                Origin::Write(call) => {
                    let reason = reason.clone();
                    effects.push(Effect::Wrote { call, outcome: Err(WriteRefused::ReadOnly { reason }) });
                    self.next_in_line(entry_of(&way.statement), effects);
                }
                // Its call was told long ago; who stands in line behind it is told now.
                Origin::Unclaimed => self.next_in_line(entry_of(&way.statement), effects),
                Origin::Submit | Origin::Peer | Origin::Returned | Origin::Loaded => {}
            }
            for waiter in self.waiters.remove(&id).unwrap_or_default() {
                match waiter {
                    Waiter::Call(call) => {
                        let reason = reason.clone();
                        self.settle_submission(call, id, &SubmitOutcome::ReadOnly { id, reason }, effects);
                    }
                    Waiter::Push(token) => self.push_settled(token, id, false, effects),
                }
            }
        }
    }

    /// The store takes writes again: what it gave back goes first, and further edits of its entries stand in line
    /// behind it.
    pub(super) fn store_recovered(&mut self) {
        let again = self.storing.recovered().filter_map(entry_of);
        again.for_each(|path| self.lines.open(path));
    }

    /// The disk lost what it had acknowledged: it goes there again, before anything else.
    pub(super) fn store_lost(&mut self, ids: &[StatementId]) {
        let lost: BTreeSet<&StatementId> = ids.iter().collect();
        let held = self.log.iter_causal().filter(|held| lost.contains(&held.id()));
        let way = |held: &Arc<Verified>| OnItsWay {
            statement: held.clone(),
            origin: Origin::Loaded,
            arrived_ms: self.now.mono_ms,
        };
        let ways: Vec<OnItsWay> = held.map(way).collect();
        self.storing.join_first(ways);
    }

    fn next_in_line(&mut self, path: Option<Path>, effects: &mut Vec<Effect>) {
        let Some(path) = path else { return };
        // One that ends without going to the disk (refused, unchanged) makes way for the next at once.
        while let Some((call, edit)) = self.lines.next(&path) {
            if self.write(call, edit, effects) {
                return;
            }
        }
    }

    fn settle_submission(&mut self, call: CallId, id: StatementId, outcome: &SubmitOutcome, effects: &mut Vec<Effect>) {
        let Some(submission) = self.submissions.get_mut(&call) else { return };
        for (index, known) in submission.storing.remove(&id).unwrap_or_default() {
            if let Some(slot) = submission.outcomes.get_mut(index) {
                *slot = Some(match outcome {
                    SubmitOutcome::Stored { id, revision } if known => {
                        SubmitOutcome::Known { id: *id, revision: *revision }
                    }
                    outcome => outcome.clone(),
                });
            }
        }
        if submission.storing.is_empty()
            && let Some(submission) = self.submissions.remove(&call)
        {
            effects.push(Effect::Submitted { call, outcome: submission.outcomes.into_iter().flatten().collect() });
        }
    }
}

/// The entry that a local write is about.
fn entry_of(statement: &Verified) -> Option<Path> {
    statement.statement().touches.first().map(|touch| touch.path.clone())
}

fn submit_outcome(taken: Taken, revision: Revision) -> SubmitOutcome {
    match taken {
        Taken::Appended(id) => SubmitOutcome::Stored { id, revision },
        Taken::Known(id) => SubmitOutcome::Known { id, revision },
        Taken::Waiting(id, missing) => SubmitOutcome::Waiting { id, missing },
        Taken::Invalid(invalid) => SubmitOutcome::Invalid(invalid),
        Taken::Refused(id, refusal) => SubmitOutcome::Refused { id, refusal },
        Taken::NotHeld(id, scope) => SubmitOutcome::NotHeld { id, scope },
        // At the door rates are looked at before anything of a submission is taken.
        Taken::Full(id) | Taken::Delayed(id, _) => SubmitOutcome::Full { id },
        Taken::ReadOnly(id) => SubmitOutcome::ReadOnly { id, reason: "the store takes no writes".to_owned() },
    }
}
