//! Who waits for which reply.

use std::collections::BTreeMap;

use driftless_core::machine::{CallId, SubmitOutcome, WriteOutcome};
use tokio::sync::oneshot;

/// Callers at the door, by the name of their call.
#[derive(Default)]
pub(super) struct Replies {
    next: u64,
    writes: BTreeMap<CallId, oneshot::Sender<WriteOutcome>>,
    submissions: BTreeMap<CallId, oneshot::Sender<Vec<SubmitOutcome>>>,
}

impl Replies {
    fn name(&mut self) -> CallId {
        self.next += 1;
        CallId(self.next)
    }

    pub fn write(&mut self, reply: oneshot::Sender<WriteOutcome>) -> CallId {
        let call = self.name();
        self.writes.insert(call, reply);
        call
    }

    pub fn submit(&mut self, reply: oneshot::Sender<Vec<SubmitOutcome>>) -> CallId {
        let call = self.name();
        self.submissions.insert(call, reply);
        call
    }

    /// Tells a caller; one that has gone does not mind.
    pub fn wrote(&mut self, call: CallId, outcome: WriteOutcome) {
        if let Some(reply) = self.writes.remove(&call) {
            let _ = reply.send(outcome);
        }
    }

    /// Tells a caller; one that has gone does not mind.
    pub fn submitted(&mut self, call: CallId, outcome: Vec<SubmitOutcome>) {
        if let Some(reply) = self.submissions.remove(&call) {
            let _ = reply.send(outcome);
        }
    }
}
