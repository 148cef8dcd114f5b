//! The places where a planted bug may sit: each asks whether a certain bug is planted, and does the wrong thing if so.
//! In a build without the feature `planted` every answer is no.

use std::sync::Arc;

use driftless_core::machine::{Fate, Machine};
use driftless_core::view::View;
use driftless_statement::{StatementId, Verified};

use super::World;
use crate::bugs::Bug;

impl World {
    /// Whether this bug is planted in the shell.
    fn has(&self, bug: Bug) -> bool {
        #[cfg(feature = "planted")]
        return self.options.bug.is_some_and(|planted| planted.in_shell() == Some(bug));
        #[cfg(not(feature = "planted"))]
        return {
            let _ = bug;
            false
        };
    }

    /// The store tells that a batch is on disk before it is.
    pub(super) fn told_stored_early(&self) -> bool {
        self.has(Bug::StoredBeforeSync)
    }

    /// Views reach services a while after their effects, or out of order.
    pub(super) fn shows_late(&mut self, node: usize, view: &Arc<View>) -> bool {
        if self.has(Bug::ViewLate) {
            self.queue.push(self.now_us + 20_000, super::What::ShowLate { node, view: view.clone() });
            return true;
        }
        if self.has(Bug::ViewOutOfOrder) && view.revision().count.is_multiple_of(2) {
            self.queue.push(self.now_us + 300_000, super::What::ShowLate { node, view: view.clone() });
        }
        false
    }

    /// How the node stands is never read again.
    pub(super) fn never_refreshes(&self) -> bool {
        self.has(Bug::StandingFrozen) && self.now_us > 20_000_000
    }

    /// A watcher is not woken for every second view.
    pub(super) fn forgets_to_wake(&self, node: usize, watcher: usize) -> bool {
        self.has(Bug::WakeLost) && watcher == 0 && self.nodes[node].shown.revision().count % 2 == 1
    }

    /// The view that the second of two reads of one request sees.
    pub(super) fn second_view(&mut self, node: usize, view: &Arc<View>) -> Arc<View> {
        if !self.has(Bug::TwoViews) {
            return view.clone();
        }
        self.views_before.insert(node, view.clone()).unwrap_or_else(|| view.clone())
    }

    /// What a store gives back when it is opened.
    pub(super) fn recovered(&mut self, node: usize) -> Vec<Arc<Verified>> {
        let forgets = self.has(Bug::RecoveryForgets) && self.nodes[node].lives > 1;
        let kept = &mut self.nodes[node].disk.kept;
        if forgets {
            kept.truncate(kept.len().saturating_sub(3));
        }
        kept.iter().cloned().collect()
    }

    /// Whether a late joiner is given a statement of the set: all of it, or only what shows.
    pub(super) fn feeds(&self, source: &Machine, id: &StatementId) -> bool {
        let counts = || source.statement(id).is_some_and(|told| matches!(told.fate, Fate::Fit));
        !self.has(Bug::JoinerUnderfed) || counts()
    }

    /// Whether the machine is told that a link came up again.
    pub(super) fn tells_links(&self) -> bool {
        !(self.has(Bug::LinkUntold) && self.now_us > 30_000_000)
    }
}
