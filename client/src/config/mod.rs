//! A local snapshot of what a node serves, kept fresh by a watch and read without a call, a lock or a wait. It must not
//! know how values are written.
//!
//! When the node is away the last state stays, and [`Config::staleness`] says how old it is. After a restart of the node
//! the watch goes on from the last revision; when the node sends the whole state anew, it takes the place of the old one
//! in one step, so no reader ever sees an emptied state.

mod backoff;
mod cache;
mod follow;
mod follower;
mod handle;
mod index;
mod shared;
mod snapshot;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use driftless_statement::path::BadPath;
use driftless_statement::{Path, Prefix, Value};
use serde::de::DeserializeOwned;

use crate::api::Item;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::error::ClientError;
use crate::tokens::Token;

pub use handle::{Handle, Mismatch, Read, Reader};
pub use shared::Staleness;
pub use snapshot::{Change, Snapshot};
pub use stream::WatchStream;

pub(crate) use shared::Running;

/// How long opening waits for the first state. A guess: a loaded machine at boot, with everything starting at once.
const FIRST_STATE: Duration = Duration::from_secs(10);

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A prefix breaks the rules.
    #[error("prefix {text:?}: {reason}")]
    Prefix {
        /// As given.
        text: String,
        /// Which rule.
        reason: BadPath,
    },
    /// No prefix was given.
    #[error("no prefix to watch was given; the empty one watches everything that the node holds")]
    NoPrefix,
    /// The node did not send a first state in time, and there is no last-known file to start from.
    #[error("no first state within {}: {last}", crate::clock::span(*.waited))]
    NoState {
        /// How long was waited.
        waited: Duration,
        /// What came of the last attempt.
        last: ClientError,
    },
    /// The node refuses the watch, and would again.
    #[error("the node refuses the watch: {0}")]
    Refused(ClientError),
}

/// What to watch, and how to start.
#[derive(Debug, Clone)]
pub struct Options {
    endpoint: Endpoint,
    token: Option<Token>,
    prefixes: Vec<String>,
    cache: Option<PathBuf>,
    deadline: Duration,
}

impl Options {
    /// Watches at an endpoint; nothing yet.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, token: None, prefixes: Vec::new(), cache: None, deadline: FIRST_STATE }
    }

    /// Shows a token to the node.
    pub fn token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Watches a prefix too. The empty one is everything that the node holds.
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefixes.push(prefix.trim_end_matches('/').to_owned());
        self
    }

    /// Keeps the last-known state in a file, and starts from it when the node does not answer in time.
    pub fn cache(mut self, file: impl Into<PathBuf>) -> Self {
        self.cache = Some(file.into());
        self
    }

    /// How long to wait for the first state.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Starts watching; ready when the first state is here, or, with a last-known file, when the deadline passed.
    pub async fn open(self) -> Result<Config, OpenError> {
        let prefixes = prefixes(&self.prefixes)?;
        let client = Client::new(self.endpoint);
        let client = match self.token {
            Some(token) => client.with_token(token),
            None => client,
        };
        let running = Running::start(client, prefixes, self.cache);
        running.wait_for_state(self.deadline).await?;
        Ok(Config { running: Arc::new(running) })
    }
}

/// Parses prefixes and leaves out those that another one contains.
fn prefixes(texts: &[String]) -> Result<Vec<Prefix>, OpenError> {
    let parse = |text: &String| Prefix::parse(text).map_err(|reason| OpenError::Prefix { text: text.clone(), reason });
    let mut parsed: Vec<Prefix> = texts.iter().map(parse).collect::<Result<_, _>>()?;
    parsed.sort();
    parsed.dedup();
    let all = parsed.clone();
    parsed.retain(|prefix| !all.iter().any(|other| other != prefix && other.contains(prefix)));
    if parsed.is_empty() { Err(OpenError::NoPrefix) } else { Ok(parsed) }
}

/// A local snapshot kept fresh. Cheap to clone; the watch ends when the last clone, handle and stream is dropped.
#[derive(Clone)]
pub struct Config {
    running: Arc<Running>,
}

impl Config {
    /// Watches prefixes of a node; ready when the first state is here. Fails when that takes more than ten seconds.
    pub async fn open(endpoint: Endpoint, prefixes: &[&str]) -> Result<Self, OpenError> {
        prefixes.iter().fold(Options::new(endpoint), |options, prefix| options.prefix(prefix)).open().await
    }

    /// The state now: one consistent snapshot for several reads.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.running.shared().snapshot()
    }

    /// A reader for one task or thread, for who reads by path all the time: while nothing changed, the snapshot costs one
    /// atomic load and no shared counter.
    pub fn reads(&self) -> Reads {
        Reads { cached: self.running.shared().cached(), _running: self.running.clone() }
    }

    /// An entry's value as `T`. `Ok(None)`: there is no such entry.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Mismatch> {
        let snapshot = self.snapshot();
        snapshot.item(path).map(|item| handle::read(&item.path, &item.value)).transpose()
    }

    /// An entry's value.
    pub fn value(&self, path: &str) -> Option<Value> {
        self.snapshot().value(path).cloned()
    }

    /// An entry with its entity tag, revision and conflicts.
    pub fn item(&self, path: &str) -> Option<Arc<Item>> {
        self.snapshot().item(path).cloned()
    }

    /// An entry's value as JSON text.
    pub fn raw(&self, path: &str) -> Option<String> {
        self.snapshot().value(path).map(driftless_statement::json::to_string)
    }

    /// A prepared read of one entry, whether it exists yet or not.
    pub fn handle<T: DeserializeOwned + Send + Sync + 'static>(&self, path: &str) -> Result<Handle<T>, BadPath> {
        let slot = self.running.shared().slot::<T>(Path::parse(path)?);
        Ok(Handle::new(slot, self.running.clone()))
    }

    /// Changes under a prefix from now on. A slow reader gets the latest value of each entry, and never an endless queue.
    pub fn watch(&self, prefix: &str) -> Result<WatchStream, BadPath> {
        Ok(WatchStream::new(self.running.clone(), Prefix::parse(prefix.trim_end_matches('/'))?))
    }

    /// Rises whenever the state, or how it stands, changes: for who wants to wake up then.
    pub fn changed(&self) -> tokio::sync::watch::Receiver<u64> {
        self.running.shared().changes()
    }

    /// How old the state may be.
    pub fn staleness(&self) -> Staleness {
        self.running.shared().staleness()
    }

    /// Whether the node answers now, on every prefix watched.
    pub fn connected(&self) -> bool {
        self.staleness().connected
    }

    /// The node's revision that the state is of, by prefix watched.
    pub fn revision(&self) -> Vec<(Prefix, Option<String>)> {
        self.running.shared().revisions()
    }

    /// Whether some entry's merged value waits for activation on the node.
    pub fn differs(&self) -> bool {
        self.snapshot().differs()
    }
}

/// The fastest way to the newest snapshot; each thread has its own. Keeps the snapshot fresh while it lives.
pub struct Reads {
    cached: shared::Cached,
    _running: Arc<Running>,
}

impl Reads {
    /// The state now. Never waits.
    pub fn now(&mut self) -> &Snapshot {
        self.cached.load()
    }
}
