//! The store: statements on disk, in redb. It knows bytes, ids and commits; it must not know trust, the fold, peers or
//! HTTP. Nothing that fails its hash ever leaves this room, and nothing is acknowledged before it is synced.

mod database;
mod directory;
mod error;
mod medium;
mod open;
mod patience;
mod tables;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use driftless_statement::{StatementId, Verified};

pub use directory::{Directory, rebuild};
pub use error::StoreError;
pub use medium::Medium;
pub use open::{Options, Store};
pub use tables::FORMAT;
pub use writer::{Batch, Event, Pace, Writer, WriterHandle};

/// What a store held when it was opened.
#[derive(Debug)]
pub struct Loaded {
    /// Random name of this store, drawn when it was made. It changes when the store is rebuilt, and also when a full
    /// disk kept [`Loaded::boot`] from being recorded; so the pair of both never repeats.
    pub store_id: [u8; 8],
    /// Greater each time this store is opened, also when it was put back to a backup in between, as [`Options::boot_from`]
    /// says; on disk before [`Store::open`] returns.
    pub boot: u64,
    /// The durable time floor in milliseconds since the Unix epoch; 0 in a new store.
    pub floor_ms: u64,
    /// Every statement whose hash was right, in the order in which they were stored.
    pub statements: Vec<Arc<Verified>>,
    /// Every record that was not: taken out of the store, for peers to supply again.
    pub quarantined: Vec<Quarantine>,
    /// Records that the store once counted and that are no longer there at all: only a lying disk or a damaged page
    /// loses some. Peers supply them again.
    pub missing: u64,
}

/// A record that was left out because its bytes are not what was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// Its number in the store.
    pub seq: u64,
    /// The id that it claims, when that much can be read.
    pub id: Option<StatementId>,
    /// Why it was left out.
    pub reason: String,
    /// Where its bytes were put for inspection; none when they could not be written (the record then stays in place
    /// and is reported again at the next start).
    pub file: Option<PathBuf>,
}
