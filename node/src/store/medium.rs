//! What a store lies on: the narrow waist between this room and the disk, so that tests can put redb on a disk that
//! lies, fails, fills up or loses power.

use std::io;
use std::path::PathBuf;

use redb::StorageBackend;

/// A place for one store. All methods may be called again after any of them failed.
pub trait Medium: Send + 'static {
    /// What redb reads and writes.
    type Backend: StorageBackend;

    /// How to name the place in errors.
    fn name(&self) -> String;

    /// Whether no database lies here yet.
    fn is_new(&self) -> io::Result<bool>;

    /// An empty place beside the database's, for the making of one. What an interrupted making left there is gone.
    fn draft(&self) -> io::Result<Self::Backend>;

    /// Makes the draft the database, in one step that a power cut leaves done or undone. A half-made database would be
    /// taken for a damaged one.
    fn adopt(&self) -> io::Result<()>;

    /// Opens the database's bytes; fails when there is none. The backend of an earlier call is closed by then.
    fn open(&self) -> io::Result<Self::Backend>;

    /// Bytes that the database occupies; for metrics only.
    fn size(&self) -> u64;

    /// Makes sure that some space is set aside, for the day when the disk is full and the store must be opened.
    fn reserve(&self) -> io::Result<()>;

    /// Gives the space set aside back.
    fn release(&self) -> io::Result<()>;

    /// Keeps the bytes of a bad record for inspection, synced; says where.
    fn quarantine(&self, seq: u64, record: &[u8]) -> io::Result<PathBuf>;
}
