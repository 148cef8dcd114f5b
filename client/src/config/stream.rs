//! A stream of changes, as differences between the snapshot last seen and the newest: nothing is queued, so a slow reader
//! costs no memory and misses no final value.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use driftless_statement::Prefix;
use tokio_stream::Stream;
use tokio_stream::wrappers::WatchStream as Ticks;

use super::Running;
use super::snapshot::{Change, Snapshot};

/// Changes under a prefix. It does not end by itself; dropping it ends it.
pub struct WatchStream {
    running: Arc<Running>,
    prefix: Prefix,
    seen: Arc<Snapshot>,
    pending: VecDeque<Change>,
    ticks: Ticks<u64>,
}

impl WatchStream {
    pub(super) fn new(running: Arc<Running>, prefix: Prefix) -> Self {
        // Subscribe before looking, so that no change falls between the two.
        let ticks = Ticks::from_changes(running.shared().changes());
        let seen = running.shared().snapshot();
        Self { running, prefix, seen, pending: VecDeque::new(), ticks }
    }

    /// The state that the next change is relative to.
    pub fn seen(&self) -> &Snapshot {
        &self.seen
    }

    /// The next change.
    pub async fn next(&mut self) -> Option<Change> {
        core::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn look(&mut self) {
        let newest = self.running.shared().snapshot();
        self.pending.extend(newest.changes_since(&self.seen, &self.prefix));
        self.seen = newest;
    }
}

impl Stream for WatchStream {
    type Item = Change;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Change>> {
        let this = self.get_mut();
        loop {
            if let Some(change) = this.pending.pop_front() {
                return Poll::Ready(Some(change));
            }
            match Pin::new(&mut this.ticks).poll_next(context) {
                Poll::Ready(Some(_)) => this.look(),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
