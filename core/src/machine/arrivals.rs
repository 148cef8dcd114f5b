//! Since when recent statements are on this node's disk, by its own clock: what questions about their spread start from.

use std::collections::{BTreeMap, VecDeque};

use driftless_statement::StatementId;

/// Statements remembered. Questions are about what somebody just did; older ones get a time that is certainly not too
/// early.
const REMEMBERED: usize = 4096;

/// Times of arrival of the latest statements.
pub(super) struct Arrivals {
    times: BTreeMap<StatementId, u64>,
    order: VecDeque<StatementId>,
    /// Whatever is not remembered was here by then.
    before_ms: u64,
}

impl Arrivals {
    /// Whatever the store holds was here at the start.
    pub fn since(start_ms: u64) -> Self {
        Self { times: BTreeMap::new(), order: VecDeque::new(), before_ms: start_ms }
    }

    /// A statement is on disk now.
    pub fn note(&mut self, id: StatementId, now_ms: u64) {
        self.times.insert(id, now_ms);
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(old) = self.order.pop_front()
            && let Some(time) = self.times.remove(&old)
        {
            self.before_ms = self.before_ms.max(time);
        }
    }

    /// Since when a statement that is held is on disk, Unix milliseconds; never too early.
    pub fn held_since(&self, id: &StatementId) -> u64 {
        self.times.get(id).copied().unwrap_or(self.before_ms)
    }
}
