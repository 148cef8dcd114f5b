//! What a fold is given and what leaves it: the statements themselves, and their places in the entries they touch. Nothing is
//! decided here; what is to be decided anew is noted. Statements of one entry that come behind one another share its look-ups.

use std::sync::Arc;

use driftless_statement::{Body, Path, StatementId, Verified};

use super::fate::Member;
use super::order::{self, Slot};
use super::scope::{Run, ScopeFold};

impl ScopeFold {
    /// Takes statements away, out of each entry all at once: each time, everything behind them moves up.
    pub(super) fn withdraw(&mut self, ids: &[StatementId], run: &mut Run) {
        let leaving = ids.iter().filter_map(|id| self.members.remove(id)).map(|member| member.statement);
        let mut leaving: Vec<Arc<Verified>> = leaving.collect();
        leaving.iter().for_each(|one| self.forget_breaches(&one.id()));
        // One after another, most touch one entry and the same as the one before; the others are few, and last.
        leaving.sort_by_key(|one| one.statement().touches.len() > 1);
        for group in leaving.chunk_by(|one, next| alone(one).is_some_and(|path| alone(next) == Some(path))) {
            let paths = group.first().into_iter().flat_map(|first| order::touches(first)).map(|(path, _)| path);
            paths.for_each(|path| self.withdraw_from(path, group, run));
        }
    }

    fn withdraw_from(&mut self, path: &Path, leaving: &[Arc<Verified>], run: &mut Run) {
        leaving.iter().for_each(|one| self.book.note(path, one.key(), None));
        let Some(entry) = self.entries.get_mut(path).map(Arc::make_mut) else { return };
        let place = |one: &Arc<Verified>| order::position(&entry.slots, one).ok();
        let mut places: Vec<usize> = leaving.iter().filter_map(place).collect();
        places.sort_unstable();
        if let Some(first) = places.first() {
            run.touched(path, *first, leaving.iter().map(|one| one.id()));
            entry.let_go(&places);
        }
    }

    /// Takes statements in, each at its place in the entries that it touches.
    pub(super) fn admit(&mut self, add: &[Member], run: &mut Run) {
        let same = |one: &Member, next: &Member| {
            alone(&one.statement).is_some_and(|path| alone(&next.statement) == Some(path))
        };
        for group in add.chunk_by(same) {
            let new: Vec<&Member> = group.iter().filter(|member| self.is_news(member)).collect();
            let Some(first) = new.first() else { continue };
            for (path, touch) in order::touches(&first.statement) {
                let entry = Arc::make_mut(self.entries.entry(path.clone()).or_default());
                entry.engine_always = self.engine_always;
                let places = new.iter().map(|member| entry_place(&mut entry.slots, &member.statement, touch));
                let at = places.min().unwrap_or_default();
                run.touched(path, at, new.iter().map(|member| member.statement.id()));
            }
        }
    }

    /// Notes whether a statement counts. False when that was known.
    fn is_news(&mut self, member: &Member) -> bool {
        let id = member.statement.id();
        let counts = member.counts && matches!(member.statement.statement().body, Body::Write(_));
        match self.members.get(&id) {
            Some(known) if known.counts == counts => return false,
            Some(_) => self.members.get_mut(&id).into_iter().for_each(|known| known.counts = counts),
            None => drop(self.members.insert(id, Member { statement: member.statement.clone(), counts })),
        }
        self.forget_breaches(&id);
        true
    }

    fn forget_breaches(&mut self, id: &StatementId) {
        // Nearly always there are none.
        if !self.breaches.is_empty() {
            self.breaches.remove(id);
        }
    }
}

/// The entry that a statement touches, if it is one alone.
fn alone(statement: &Verified) -> Option<&Path> {
    match statement.statement().touches.as_slice() {
        [touch] => Some(&touch.path),
        _ => None,
    }
}

/// Where a statement is among those of an entry, from now on at the latest.
fn entry_place(slots: &mut Vec<Slot>, statement: &Arc<Verified>, touch: u32) -> usize {
    match order::position(slots, statement) {
        Ok(at) => at,
        Err(at) => {
            if slots.is_empty() {
                // Most entries are written once, or seldom.
                slots.reserve_exact(1);
            }
            slots.insert(at, Slot::new(statement.clone(), touch));
            at
        }
    }
}
