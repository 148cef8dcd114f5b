//! Going back in an entry's order and forward again. It repeats verdicts, and never makes one.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_statement::Verified;

use super::doc::EngineFailed;
use super::entry::{Entry, Heads, State, Weighed};
use super::order::{self, Members, SEEN_ALL, Slot, Verdict};

/// Marks kept of one entry.
const MARKS: usize = 6;
/// Values above this are not copied for marks: replaying costs less than remembering.
pub(super) const MARK_BYTES: usize = 64 * 1024;

impl Entry {
    /// Goes back to the state after the first `to` statements, which are decided and as they were. When it fails, the
    /// statement at `next` is the one that the engine could not repeat.
    pub(super) fn rewind(&mut self, to: usize) -> Result<(), EngineFailed> {
        let moves = self.next != to;
        if let Some(warm) = &mut self.warm {
            warm.planned.clear();
            // A document cannot forget what it took in.
            warm.branches.take_if(|_| moves);
            warm.joints.retain(|(at, _)| *at <= to);
            warm.marks.retain(|(at, _)| *at <= to);
        }
        if moves {
            (self.next, self.state) = self.nearest(to);
        }
        self.replay(to)
    }

    /// Lets the statements at these positions go, ascending; to be followed by going back to before the first of them.
    pub(super) fn let_go(&mut self, places: &[usize]) -> Vec<Arc<Verified>> {
        let Self { slots, skips, .. } = self;
        let (mut at, mut next) = (0, places.iter().copied().peekable());
        let goes = move |_: &mut Slot| {
            at += 1;
            next.next_if_eq(&(at - 1)).is_some()
        };
        let gone: Vec<Arc<Verified>> = slots.extract_if(.., goes).map(|slot| slot.statement).collect();
        if !skips.is_empty() {
            gone.iter().for_each(|one| drop(skips.remove(&one.id())));
        }
        gone
    }

    /// Takes in again the decided statements up to `to`.
    pub(super) fn replay(&mut self, to: usize) -> Result<(), EngineFailed> {
        if self.next < to {
            let lows = self.slots.get(self.next..to).unwrap_or_default().iter().map(|slot| slot.low).collect();
            self.foresee(lows);
        }
        while self.next < to {
            match self.slots.get(self.next) {
                Some(slot) if slot.is_fit() => {
                    let weighed = self.recall(slot);
                    self.take(weighed)?;
                }
                Some(_) => self.pass(),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// What was weighed when the statement at the next position was decided.
    fn recall(&self, slot: &Slot) -> Weighed {
        let seen = slot.parents.as_slice();
        let strangers = match slot.low {
            SEEN_ALL => Vec::new(),
            _ => order::strangers(&self.slots, &self.state.heads, seen),
        };
        let mut heads: Heads = self.state.heads.iter().filter(|head| !seen.contains(head)).copied().collect();
        heads.extend(u32::try_from(self.next));
        let bound = self.bound_with(slot.low, slot.edits());
        Weighed { parents: slot.parents.clone(), strangers, heads, bound, rule: None }
    }

    /// Foresees where documents will have to begin among the statements not yet decided, taking each one that counts for
    /// fit unless it was found unfit before. It only saves work: a wrong guess costs a replay.
    pub(super) fn plan(&mut self, members: &Members, guess: impl Fn(&Slot) -> bool) {
        if self.slots.len() - self.next < 2 {
            return;
        }
        if self.is_chain() {
            return self.foresee(Vec::new());
        }
        let mut slots = self.slots.clone();
        let mut heads = self.state.heads.clone();
        for slot in slots.iter_mut().skip(self.next) {
            slot.verdict = if guess(slot) { Verdict::Fit } else { Verdict::Void };
        }
        let mut lows = Vec::new();
        for at in self.next..slots.len() {
            lows.push(SEEN_ALL);
            if !slots.get(at).is_some_and(Slot::is_fit) {
                continue;
            }
            let parents = order::effective(&slots, members, at);
            let seen = parents.as_slice();
            if !heads.iter().all(|head| seen.contains(head)) {
                let strangers = order::strangers(&slots, &heads, seen);
                if let (Some(low), Some(last)) = (lows.last_mut(), strangers.last()) {
                    *low = *last;
                }
            }
            heads.retain(|head| !seen.contains(head));
            heads.extend(u32::try_from(at));
            if let Some(slot) = slots.get_mut(at) {
                slot.parents = parents;
            }
        }
        self.foresee(lows);
    }

    /// Whether each statement from here on names the one before it: then each one sees all before it, whichever are fit.
    fn is_chain(&self) -> bool {
        let before = self.next.saturating_sub(1);
        let whole = self.state.heads.iter().all(|head| *head as usize == before);
        let mut pairs = self.slots.get(before..).unwrap_or_default().windows(2);
        whole && pairs.all(|pair| matches!(pair, [one, next] if next.names(&one.id())))
    }

    /// Finds the beginnings of concurrent stretches, given the least unseen position of each statement from here on.
    fn foresee(&mut self, lows: Vec<u32>) {
        let mut begins = BTreeSet::new();
        let mut open = SEEN_ALL as usize;
        for (low, at) in lows.iter().zip(self.next..).collect::<Vec<_>>().into_iter().rev() {
            open = open.min(*low as usize);
            if open == at {
                begins.insert(at);
                open = SEEN_ALL as usize;
            }
        }
        if !begins.is_empty() || self.warm.is_some() {
            self.warm.get_or_insert_default().planned = begins;
        }
    }

    /// Keeps a state for later, if it is small.
    pub(super) fn mark(&mut self, count: usize, state: State) {
        if state.stale || state.bound.bytes > MARK_BYTES {
            return;
        }
        let marks = &mut self.warm.get_or_insert_default().marks;
        let at = marks.partition_point(|(at, _)| *at < count);
        if marks.get(at).is_some_and(|(at, _)| *at == count) {
            return;
        }
        marks.insert(at, (count, state));
        if marks.len() > MARKS {
            // The oldest stays, for what comes very late.
            marks.remove(1);
        }
    }
}
