//! What readers and the watch tasks share: the newest snapshot, and how each watched prefix stands. Readers only load;
//! the lock here is between writers.

use core::fmt;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use driftless_statement::{Path, Prefix};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::cache::Saved;
use super::follower::Step;
use super::handle::{Slot, TypedSlot};
use super::snapshot::Snapshot;
use super::{OpenError, cache, follow};
use crate::client::Client;
use crate::clock;
use crate::error::ClientError;

/// How old a state may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staleness {
    /// Whether the watch is connected on every prefix.
    pub connected: bool,
    /// Since the node was last heard from.
    pub heard: Duration,
    /// Since the node last agreed with another node, as far as is known here; `None`: never.
    pub agreed: Option<Duration>,
    /// The node expects other nodes and hears none.
    pub isolated: bool,
}

impl fmt::Display for Staleness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.connected { "connected" } else { "not connected" };
        write!(f, "{state}, node heard {} ago", clock::span(self.heard))?;
        match self.agreed {
            Some(agreed) => write!(f, ", it agreed with another {} ago", clock::span(agreed))?,
            None => write!(f, ", it never agreed with another")?,
        }
        if self.isolated { write!(f, ", it hears no other now") } else { Ok(()) }
    }
}

/// How one watched prefix stands.
#[derive(Debug, Clone)]
struct Part {
    prefix: Prefix,
    connected: bool,
    synced: bool,
    heard: Instant,
    /// How old the news was when it was heard: zero, except for a state from the last-known file.
    age_then: Duration,
    agreed: Option<u64>,
    isolated: bool,
    revision: Option<String>,
    resume: Option<String>,
    last_error: Option<ClientError>,
}

impl Part {
    fn new(prefix: &Prefix, saved: Option<&Saved>) -> Self {
        let resume = saved.and_then(|saved| saved.revisions.get(prefix)).filter(|text| !text.is_empty()).cloned();
        let age = saved.map_or(0, |saved| clock::now_ms().saturating_sub(saved.heard_ms));
        Self {
            prefix: prefix.clone(),
            connected: false,
            synced: false,
            heard: Instant::now(),
            age_then: Duration::from_millis(age),
            agreed: None,
            isolated: false,
            revision: resume.clone(),
            resume,
            last_error: None,
        }
    }

    fn heard_ago(&self) -> Duration {
        self.heard.elapsed() + self.age_then
    }
}

/// What the watch tasks write and readers load.
pub(crate) struct Shared {
    snapshot: Arc<ArcSwap<Snapshot>>,
    parts: ArcSwap<Vec<Part>>,
    /// Held while writing, never while reading: keeps writers apart and the handles' slots.
    slots: Mutex<Vec<Weak<dyn Slot>>>,
    changed: watch::Sender<u64>,
}

/// One reader's own copy of the newest snapshot.
pub(super) type Cached = arc_swap::Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>;

/// Revisions of one follower.
pub(super) struct At<'a> {
    pub revision: Option<&'a str>,
    pub resume: Option<&'a str>,
}

impl Shared {
    fn new(prefixes: &[Prefix], mut saved: Option<Saved>) -> Self {
        let parts = prefixes.iter().map(|prefix| Part::new(prefix, saved.as_ref())).collect();
        let snapshot = saved.as_mut().map(Saved::snapshot).unwrap_or_default();
        Self {
            snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
            parts: ArcSwap::from_pointee(parts),
            slots: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }

    fn writing(&self) -> MutexGuard<'_, Vec<Weak<dyn Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The newest snapshot, remembered by one reader until there is a newer one.
    pub(super) fn cached(&self) -> Cached {
        Cached::new(self.snapshot.clone())
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn slot<T: DeserializeOwned + Send + Sync + 'static>(&self, path: Path) -> Arc<TypedSlot<T>> {
        let mut slots = self.writing();
        let slot = Arc::new(TypedSlot::new(path, &self.snapshot.load()));
        let erased: Arc<dyn Slot> = slot.clone();
        slots.push(Arc::downgrade(&erased));
        slot
    }

    pub fn staleness(&self) -> Staleness {
        let parts = self.parts.load();
        // The oldest news counts: a state is as fresh as its stalest part.
        let agreed = parts.iter().map(|part| part.agreed.map(|agreed| Duration::from_secs(agreed) + part.heard_ago()));
        Staleness {
            connected: parts.iter().all(|part| part.connected),
            heard: parts.iter().map(Part::heard_ago).max().unwrap_or_default(),
            agreed: agreed.reduce(|a, b| Some(a?.max(b?))).flatten(),
            isolated: parts.iter().any(|part| part.isolated),
        }
    }

    pub fn revisions(&self) -> Vec<(Prefix, Option<String>)> {
        self.parts.load().iter().map(|part| (part.prefix.clone(), part.revision.clone())).collect()
    }

    pub(super) fn resume(&self, index: usize) -> Option<String> {
        self.parts.load().get(index).and_then(|part| part.resume.clone())
    }

    /// Takes steps of one prefix in; readers see all of them at once.
    pub(super) fn apply(&self, index: usize, prefix: &Prefix, steps: Vec<Step>, at: At<'_>) {
        let mut slots = self.writing();
        let mut snapshot = Snapshot::clone(&self.snapshot.load());
        let mut parts = Vec::clone(&self.parts.load());
        let Some(part) = parts.get_mut(index) else { return };
        part.connected = true;
        part.heard = Instant::now();
        part.age_then = Duration::ZERO;
        part.last_error = None;
        part.revision = at.revision.map(str::to_owned);
        part.resume = at.resume.map(str::to_owned);
        for step in steps {
            match step {
                Step::Synced(state) => {
                    part.synced = true;
                    if let Some(items) = state {
                        snapshot.replace(prefix, items);
                    }
                }
                Step::Put(item) => snapshot.put(item),
                Step::Delete(path) => snapshot.delete(path.as_str()),
                Step::Alive { agreed, isolated } => {
                    part.agreed = agreed;
                    part.isolated = isolated;
                }
                Step::Nothing => {}
            }
        }
        slots.retain(|slot| slot.upgrade().inspect(|slot| slot.refresh(&snapshot)).is_some());
        self.snapshot.store(Arc::new(snapshot));
        self.parts.store(Arc::new(parts));
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A connection was made: the answer's head says how the node stands. The state is no newer for it.
    pub(super) fn reached(&self, index: usize, agreed: Option<u64>, isolated: bool) {
        let _writing = self.writing();
        let mut parts = Vec::clone(&self.parts.load());
        if let Some(part) = parts.get_mut(index) {
            part.agreed = agreed;
            part.isolated = isolated;
        }
        self.parts.store(Arc::new(parts));
    }

    /// Something came from the node that changes nothing.
    pub(super) fn heard(&self, index: usize) {
        let _writing = self.writing();
        let mut parts = Vec::clone(&self.parts.load());
        // Before the first event it is not known what the state is worth.
        if let Some(part) = parts.get_mut(index).filter(|part| part.connected) {
            part.heard = Instant::now();
        }
        self.parts.store(Arc::new(parts));
    }

    /// The connection of one prefix ended, or none could be made. The state stays.
    pub(super) fn lost(&self, index: usize, error: ClientError) {
        let _writing = self.writing();
        let mut parts = Vec::clone(&self.parts.load());
        if let Some(part) = parts.get_mut(index) {
            part.connected = false;
            part.last_error = Some(error);
        }
        self.parts.store(Arc::new(parts));
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// What there is to save; `None` before the first state of every prefix.
    pub(super) fn to_save(&self) -> Option<Saved> {
        let _writing = self.writing();
        let parts = self.parts.load();
        if !parts.iter().all(|part| part.synced) {
            return None;
        }
        let oldest = parts.iter().map(Part::heard_ago).max().unwrap_or_default();
        let heard_ms = clock::now_ms().saturating_sub(u64::try_from(oldest.as_millis()).unwrap_or(u64::MAX));
        let revision = |part: &Part| (part.prefix.clone(), part.resume.clone().unwrap_or_default());
        let revisions: BTreeMap<_, _> = parts.iter().map(revision).collect();
        Some(Saved::new(heard_ms, revisions, &self.snapshot.load()))
    }
}

/// The tasks that keep a snapshot fresh; they end with it.
pub(crate) struct Running {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
    from_file: bool,
}

impl Running {
    pub(super) fn start(client: Client, prefixes: Vec<Prefix>, file: Option<PathBuf>) -> Self {
        let saved = file.as_ref().and_then(|file| cache::load(file, &prefixes));
        let from_file = saved.is_some();
        let shared = Arc::new(Shared::new(&prefixes, saved));
        let watches = prefixes
            .into_iter()
            .enumerate()
            .map(|(index, prefix)| tokio::spawn(follow::watch(client.clone(), shared.clone(), index, prefix)));
        let mut tasks: Vec<_> = watches.collect();
        tasks.extend(file.map(|file| tokio::spawn(follow::save(shared.clone(), file))));
        Self { shared, tasks, from_file }
    }

    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Waits until every prefix has its first state.
    pub(super) async fn wait_for_state(&self, deadline: Duration) -> Result<(), OpenError> {
        let mut changes = self.shared.changes();
        let arrive = async {
            loop {
                changes.mark_unchanged();
                let parts = self.shared.parts.load_full();
                if parts.iter().all(|part| part.synced) {
                    return Ok(());
                }
                let errors = parts.iter().filter_map(|part| part.last_error.as_ref());
                if let Some(error) = errors.into_iter().find(|error| !error.is_transient()) {
                    return Err(error.clone());
                }
                if changes.changed().await.is_err() {
                    return Ok(());
                }
            }
        };
        match tokio::time::timeout(deadline, arrive).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) if self.from_file => Ok(()),
            Ok(Err(refused)) => Err(OpenError::Refused(refused)),
            Err(_) => Err(OpenError::NoState { waited: deadline, last: self.last_error(deadline) }),
        }
    }

    fn last_error(&self, waited: Duration) -> ClientError {
        let parts = self.shared.parts.load_full();
        let last = parts.iter().find_map(|part| part.last_error.clone());
        last.unwrap_or(ClientError::Timeout { endpoint: "the watch".to_owned(), after: waited })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
