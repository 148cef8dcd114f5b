//! What a fold is given and what leaves it: the statements themselves, and their places in the entries they touch. Nothing is
//! decided here; what is to be decided anew is noted. Statements of one entry that come behind one another share its look-ups.

use std::sync::Arc;

use driftless_statement::{Body, Path, StatementId, Verified};

use super::fate::Member;
use super::order::{self, Slot};
use super::scope::{Run, ScopeFold};

impl ScopeFold {
    /// Takes statements away.
    pub(super) fn withdraw(&mut self, ids: &[StatementId], run: &mut Run) {
        let leaving: Vec<Arc<Verified>> = ids.iter().filter_map(|id| self.members.remove(id)).collect();
        self.withdraw_members(leaving.iter().collect(), run);
    }

    /// Takes statements out of the entries that they touch, out of each all at once: each time, everything behind them moves
    /// up. They are members no longer, or will be none when the update is over.
    pub(super) fn withdraw_members(&mut self, mut leaving: Vec<&Arc<Verified>>, run: &mut Run) {
        leaving.iter().for_each(|one| self.forget_breaches(&one.id()));
        // One after another, most touch one entry and the same as the one before; the others are few, and last.
        leaving.sort_by_key(|one| one.statement().touches.len() > 1);
        for group in leaving.chunk_by(|one, next| alone(one).is_some_and(|path| alone(next) == Some(path))) {
            let paths = group.first().into_iter().flat_map(|first| order::touches(first)).map(|(path, _)| path);
            paths.for_each(|path| self.withdraw_from(path, group, run));
        }
    }

    fn withdraw_from(&mut self, path: &Path, leaving: &[&Arc<Verified>], run: &mut Run) {
        leaving.iter().for_each(|one| self.book.note(path, one.key(), None));
        let Some(entry) = self.entries.get_mut(path).map(Arc::make_mut) else { return };
        let place = |one: &&Arc<Verified>| order::position(&entry.slots, one).ok();
        let mut places: Vec<usize> = leaving.iter().filter_map(place).collect();
        places.sort_unstable();
        if let Some(first) = places.first() {
            run.touched(path, *first, leaving.iter().map(|one| one.id()));
            drop(entry.let_go(&places));
        }
    }

    /// Takes statements in, each at its place in the entries that it touches. What is known changes nothing.
    pub(super) fn admit(&mut self, add: &[Member], run: &mut Run) {
        let same = |one: &Member, next: &Member| {
            alone(&one.statement).is_some_and(|path| alone(&next.statement) == Some(path))
        };
        for group in add.chunk_by(same) {
            for (path, touch) in group.first().into_iter().flat_map(|first| order::touches(&first.statement)) {
                let entry = Arc::make_mut(self.entries.entry(path.clone()).or_default());
                entry.engine_always = self.engine_always;
                let mut news = Vec::new();
                let mut first = usize::MAX;
                for member in group {
                    let (at, new) = take_place(&mut entry.slots, member, touch);
                    if new == News::Statement {
                        self.members.insert(member.statement.id(), member.statement.clone());
                    }
                    if new != News::None {
                        first = first.min(at);
                        news.push(member.statement.id());
                    }
                }
                if !news.is_empty() {
                    run.touched(path, first, news.iter().copied());
                    news.iter().for_each(|id| self.forget_breaches(id));
                }
            }
        }
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

/// What is new about a statement in an entry.
#[derive(PartialEq, Eq)]
enum News {
    None,
    /// It counts from now on, or no longer.
    Counts,
    Statement,
}

/// Where a statement is among those of an entry, from now on at the latest, and what is new about it.
fn take_place(slots: &mut Vec<Slot>, member: &Member, touch: u32) -> (usize, News) {
    let counts = member.counts && matches!(member.statement.statement().body, Body::Write(_));
    match order::position(slots, &member.statement) {
        Ok(at) => {
            let known = slots.get_mut(at).map(|slot| std::mem::replace(&mut slot.counts, counts));
            (at, if known == Some(counts) { News::None } else { News::Counts })
        }
        Err(at) => {
            if slots.is_empty() {
                // Most entries are written once, or seldom.
                slots.reserve_exact(1);
            }
            slots.insert(at, Slot::new(member.statement.clone(), touch, counts));
            (at, News::Statement)
        }
    }
}
