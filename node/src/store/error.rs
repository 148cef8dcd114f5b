//! What can go wrong in the store, in words that tell an operator what to do.

use std::io;

use driftless_statement::MeshId;

/// Why the store did not do what was asked. Unless a variant says otherwise nothing on disk was changed, and statements
/// loaded before stay readable in memory.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the store open.
    #[error(
        "store {store}: in use by another process ({holder}); stop that one first, one store serves one process only"
    )]
    Locked {
        /// Which.
        store: String,
        /// What the other process wrote about itself.
        holder: String,
    },
    /// Written by a newer version of this program. Never opened, so never harmed.
    #[error(
        "store {store}: written in format {found}, this program reads up to format {known}; start the newer driftlessd \
         again, or move the store aside to refetch everything from peers"
    )]
    Newer {
        /// Which.
        store: String,
        /// The format found.
        found: u64,
        /// The newest known here.
        known: u64,
    },
    /// Made for another mesh.
    #[error(
        "store {store}: belongs to mesh {found}, the configuration names mesh {want}; correct mesh.id or use another \
         node.data_dir"
    )]
    OtherMesh {
        /// Which.
        store: String,
        /// The mesh recorded in the store.
        found: MeshId,
        /// The mesh asked for.
        want: MeshId,
    },
    /// Damaged, truncated, or no store at all.
    #[error(
        "store {store}: damaged or not a Driftless store ({reason}); restart with --rebuild-store, which moves it to \
         store.redb.bad-N and refetches everything from peers. Only statements of this node that no peer has yet are \
         lost with it: keep the moved file until they are accounted for"
    )]
    Corrupt {
        /// Which.
        store: String,
        /// What was found.
        reason: String,
    },
    /// No space left on the device, or over quota. Nothing of the group was acknowledged.
    #[error("store {store}: no space left on the device; free some, writes resume by themselves")]
    Full {
        /// Which.
        store: String,
    },
    /// The operating system refused. Nothing of the group was acknowledged; whether some of it reached the disk is
    /// found out when the store is opened again.
    #[error("store {store}: {doing} failed: {cause}")]
    Io {
        /// Which.
        store: String,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// Writes are refused since an earlier failure, until the store could be opened again.
    #[error("store: read-only for now ({reason}); writes resume by themselves")]
    ReadOnly {
        /// The earlier failure.
        reason: String,
    },
    /// Too many batches wait already. Nothing was queued.
    #[error("store: {waiting} batches wait for the disk already; try again later")]
    Busy {
        /// Room in the queue.
        waiting: usize,
    },
    /// The writer has ended.
    #[error("store: closed")]
    Closed,
}

impl StoreError {
    /// Whether more space would cure it.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Names an I/O error, telling a full disk and a file cut short from the rest.
    pub(super) fn io(store: &str, doing: &'static str, cause: io::Error) -> Self {
        let store = store.to_owned();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { store },
            // How redb says that the file is none of its own.
            io::ErrorKind::InvalidData => Self::Corrupt { store, reason: cause.to_string() },
            io::ErrorKind::UnexpectedEof => Self::Corrupt { store, reason: "shorter than it should be".to_owned() },
            _ => Self::Io { store, doing, cause },
        }
    }

    /// Names an error of redb.
    pub(super) fn redb(store: &str, doing: &'static str, error: impl Into<redb::Error>) -> Self {
        match error.into() {
            redb::Error::Io(cause) => Self::io(store, doing, cause),
            redb::Error::DatabaseAlreadyOpen => Self::Locked { store: store.to_owned(), holder: "unnamed".to_owned() },
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
                Self::Io { store: store.to_owned(), doing, cause: io::Error::other("an earlier operation failed") }
            }
            other => Self::Corrupt { store: store.to_owned(), reason: other.to_string() },
        }
    }
}
