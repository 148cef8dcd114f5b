//! What is to be moved, in the order of time: what a statement names is earlier than it, so it comes before it, and the
//! other side rarely has to keep one waiting.

use std::collections::BTreeSet;

use driftless_statement::Hlc;

use crate::reconcile::limits::DIFFERENCE;

/// The earliest of what differs, up to [`DIFFERENCE`].
pub(super) struct Earliest<T> {
    list: BTreeSet<(Hlc, T)>,
    /// Later ones were left out.
    cut: bool,
}

impl<T> Default for Earliest<T> {
    fn default() -> Self {
        Self { list: BTreeSet::new(), cut: false }
    }
}

impl<T: Ord> Earliest<T> {
    /// Adds one; gives back whether it was not there. The latest gives way when there is no room.
    pub fn add(&mut self, hlc: Hlc, item: T) -> bool {
        let is_new = self.list.insert((hlc, item));
        if self.list.len() > DIFFERENCE {
            self.list.pop_last();
            self.cut = true;
        }
        is_new
    }

    pub fn first(&self) -> Option<&T> {
        self.list.first().map(|(_, item)| item)
    }

    pub fn take_first(&mut self) -> Option<(Hlc, T)> {
        self.list.pop_first()
    }

    /// Moves nothing of it any more.
    pub fn clear(&mut self) {
        self.list.clear();
        self.cut = false;
    }

    /// Whether something later is still to be moved, by another session.
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}
