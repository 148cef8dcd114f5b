//! The writer: the one thread that owns the store. It merges whatever waits into one commit, and after a failure
//! refuses writes at once until the store could be opened again. It decides nothing about statements.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use driftless_statement::{StatementId, Verified};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::patience::Patience;
use super::{Medium, Store, StoreError};

/// Statements that one commit takes at most: bounds how long the first of a group waits for the last.
const GROUP_STATEMENTS: usize = 8192;
/// Bytes that one commit takes at most, one batch more or less.
const GROUP_BYTES: usize = 16 << 20;

/// Something to be made durable, whole or not at all.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The caller's name for it, given back in the event.
    pub id: u64,
    /// What to take off first; what is not stored is skipped.
    pub gone: Vec<StatementId>,
    /// What to append; what is stored already is skipped.
    pub statements: Vec<Arc<Verified>>,
    /// The time floor in milliseconds; a smaller one than stored changes nothing.
    pub floor_ms: u64,
}

/// What became of batches, and of the store.
#[derive(Debug)]
pub enum Event {
    /// These batches are on disk.
    Stored {
        /// Their ids, in the order of arrival.
        batches: Vec<u64>,
        /// Statements among them that were new.
        statements: usize,
        /// Bytes of their records.
        bytes: u64,
        /// Statements that were taken off.
        gone: usize,
        /// How long the commit took.
        commit: Duration,
        /// Bytes of the database now.
        size: u64,
    },
    /// Nothing of these batches may be acknowledged.
    Failed {
        /// Their ids, in the order of arrival.
        batches: Vec<u64>,
        /// Why.
        error: StoreError,
    },
    /// From now on every batch is refused, until [`Event::Recovered`].
    ReadOnly {
        /// Why.
        reason: String,
    },
    /// Batches are accepted again.
    Recovered {
        /// What had been stored, and is no longer there: to be stored again from memory.
        lost: Vec<StatementId>,
    },
}

/// How the writer paces itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Batches that may wait. More are refused as [`StoreError::Busy`].
    pub queue: usize,
    /// Longest pause before the store is opened again after a failure; doubles with each attempt that fails, and with
    /// each failure soon after a recovery.
    pub first_pause: Duration,
    /// What it doubles up to.
    pub longest_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        // Guesses: a full disk is freed by people, in minutes; a hiccup of a network disk passes in tenths of seconds.
        Self { queue: 1024, first_pause: Duration::from_millis(100), longest_pause: Duration::from_secs(30) }
    }
}

/// The way to the writer. Dropping it ends the writer after what is queued.
#[derive(Debug)]
pub struct WriterHandle {
    inbox: SyncSender<Batch>,
    queue: usize,
    thread: JoinHandle<()>,
}

impl WriterHandle {
    /// Queues a batch without waiting. Its fate comes as an [`Event`] if, and only if, this returns `Ok`.
    pub fn submit(&self, batch: Batch) -> Result<(), StoreError> {
        self.inbox.try_send(batch).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreError::Busy { waiting: self.queue },
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }

    /// Waits until everything queued has its event and the database is closed. Blocks: not for async code.
    pub fn close(self) {
        drop(self.inbox);
        // A panic in that thread was reported when it happened; there is nothing left to close then.
        let _ = self.thread.join();
    }
}

/// Since when, and until when, writes are refused.
struct Refusing {
    reason: String,
    again: Instant,
}

/// The writer's own side.
pub struct Writer<M: Medium> {
    store: Store<M>,
    patience: Patience,
    inbox: Receiver<Batch>,
    // Unbounded: holds at most one event for each batch, and those are bounded by the inbox and by who submits.
    events: UnboundedSender<Event>,
    refusing: Option<Refusing>,
}

/// Why the writer woke up.
enum Wake {
    Batch(Batch),
    TryAgain,
    End,
}

impl<M: Medium> Writer<M> {
    /// Starts the writer's thread.
    pub fn spawn(store: Store<M>, pace: Pace) -> io::Result<(WriterHandle, UnboundedReceiver<Event>)> {
        let (inbox, batches) = sync_channel(pace.queue);
        let (events, receiver) = unbounded_channel();
        let patience = Patience::new(&pace, store.seed());
        let mut writer = Self { store, patience, inbox: batches, events, refusing: None };
        let thread = thread::Builder::new().name("store".to_owned()).spawn(move || writer.run())?;
        Ok((WriterHandle { inbox, queue: pace.queue, thread }, receiver))
    }

    fn run(&mut self) {
        if let Some(reason) = self.store.starved().map(ToString::to_string) {
            self.refuse_from_now(reason);
        }
        loop {
            match self.wait() {
                Wake::Batch(batch) => self.take(batch),
                Wake::TryAgain => self.try_again(),
                Wake::End => return,
            }
        }
    }

    fn wait(&self) -> Wake {
        let Some(refusing) = &self.refusing else {
            return self.inbox.recv().map_or(Wake::End, Wake::Batch);
        };
        let left = refusing.again.saturating_duration_since(Instant::now());
        // Refused batches must not put the next attempt off for ever.
        if left.is_zero() {
            return Wake::TryAgain;
        }
        match self.inbox.recv_timeout(left) {
            Ok(batch) => Wake::Batch(batch),
            Err(RecvTimeoutError::Timeout) => Wake::TryAgain,
            Err(RecvTimeoutError::Disconnected) => Wake::End,
        }
    }

    fn take(&mut self, batch: Batch) {
        if let Some(refusing) = &self.refusing {
            let error = StoreError::ReadOnly { reason: refusing.reason.clone() };
            self.tell(Event::Failed { batches: vec![batch.id], error });
            return;
        }
        let group = self.gather(batch);
        let batches = group.iter().map(|batch| batch.id).collect();
        let begin = Instant::now();
        match self.store.append(&group) {
            Ok(done) => self.tell(Event::Stored {
                batches,
                statements: done.statements,
                bytes: done.bytes,
                gone: done.gone,
                commit: begin.elapsed(),
                size: self.store.size(),
            }),
            Err(error) => {
                let reason = error.to_string();
                self.tell(Event::Failed { batches, error });
                self.refuse_from_now(reason);
            }
        }
    }

    /// The batch, and all that wait behind it, up to the bounds of a group.
    fn gather(&self, first: Batch) -> Vec<Batch> {
        let weigh = |batch: &Batch| batch.statements.iter().map(|statement| statement.wire_len()).sum::<usize>();
        let (mut statements, mut bytes) = (first.statements.len(), weigh(&first));
        let mut group = vec![first];
        while statements < GROUP_STATEMENTS && bytes < GROUP_BYTES {
            let Ok(next) = self.inbox.try_recv() else { break };
            statements += next.statements.len();
            bytes += weigh(&next);
            group.push(next);
        }
        group
    }

    fn try_again(&mut self) {
        match self.store.reopen() {
            Ok(lost) => {
                self.refusing = None;
                self.patience.recovered(Instant::now());
                self.tell(Event::Recovered { lost });
            }
            Err(error) => self.stay_away(error.to_string()),
        }
    }

    fn refuse_from_now(&mut self, reason: String) {
        self.tell(Event::ReadOnly { reason: reason.clone() });
        self.stay_away(reason);
    }

    fn stay_away(&mut self, reason: String) {
        let now = Instant::now();
        self.refusing = Some(Refusing { reason, again: now + self.patience.failed(now) });
    }

    fn tell(&self, event: Event) {
        // Nobody listening means that the node is going down: what is queued is still stored.
        let _ = self.events.send(event);
    }
}
