//! The one file that drives redb: open, read everything, commit.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use driftless_statement::{MeshId, StatementId, Verified};
use redb::{
    Builder, Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend, WriteTransaction,
};

use super::tables::{self, BadRecord, FORMAT, FORMAT_NAME, META, STATE_NAME, STATEMENTS, State};
use super::{Medium, Options, StoreError};

/// All that a database holds, checked.
pub(super) struct Contents {
    pub state: State,
    pub next_seq: u64,
    pub good: Vec<(u64, Arc<Verified>)>,
    pub bad: Vec<(u64, Vec<u8>, BadRecord)>,
}

/// Records checked together, on all cores: some MiB of them, read while nothing is checked.
const CHECKED_AT_ONCE: usize = 8_192;
/// Records for which another thread is not worth its start.
const CHECKED_ALONE: usize = 512;

/// Runs what may panic inside redb on a damaged file, and turns the panic into an error. The only such place.
pub(super) fn shield<T>(named: &str, run: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let reason = format!("reading it failed: {}", said.unwrap_or("no reason given"));
        Err(StoreError::Corrupt { store: named.to_owned(), reason })
    })
}

/// Closes a database. Closing writes and checks, so on a damaged file it may panic like everything else.
pub(super) fn close(named: &str, database: Database) {
    if let Err(error) = shield(named, || {
        drop(database);
        Ok(())
    }) {
        tracing::warn!(%error, "closing the store failed; it is checked again when it is opened");
    }
}

/// Makes a database that holds nothing but its state, where there is none.
pub(super) fn make_database<M: Medium>(
    medium: &M,
    named: &str,
    options: Options,
    state: &State,
) -> Result<(), StoreError> {
    let failed = |cause| StoreError::io(named, "making it", cause);
    if !medium.is_new().map_err(failed)? {
        return Ok(());
    }
    let backend = medium.draft().map_err(failed)?;
    shield(named, || {
        let failed = |error: redb::Error| StoreError::redb(named, "making it", error);
        let database = Builder::new()
            .set_cache_size(options.cache_bytes)
            .create_with_backend(backend)
            .map_err(|error| failed(error.into()))?;
        commit(&database, state, |transaction| transaction.open_table(STATEMENTS).map(drop).map_err(redb::Error::from))
            .map_err(failed)
    })?;
    medium.adopt().map_err(failed)
}

/// Opens a database and reads all of it.
pub(super) fn open_database<M: Medium>(
    medium: &M,
    named: &str,
    options: Options,
    mesh: MeshId,
) -> Result<(Database, Contents), StoreError> {
    let backend = medium.open().map_err(|cause| StoreError::io(named, "opening it", cause))?;
    // redb would begin a new database in an empty file; ours are never empty.
    if backend.len().is_ok_and(|len| len == 0) {
        return Err(StoreError::Corrupt { store: named.to_owned(), reason: "it is empty".to_owned() });
    }
    shield(named, || {
        let failed = |error: redb::Error| StoreError::redb(named, "reading it", error);
        let database = Builder::new()
            .set_cache_size(options.cache_bytes)
            .create_with_backend(backend)
            .map_err(|error| failed(error.into()))?;
        let transaction = database.begin_read().map_err(|error| failed(error.into()))?;
        let contents = read_all(&transaction, named, mesh)?;
        drop(transaction);
        Ok((database, contents))
    })
}

/// Reads and checks everything, or says why this is no store of ours.
fn read_all(transaction: &ReadTransaction, named: &str, mesh: MeshId) -> Result<Contents, StoreError> {
    let failed = |error: redb::Error| StoreError::redb(named, "reading it", error);
    let corrupt = |reason: &str| StoreError::Corrupt { store: named.to_owned(), reason: reason.to_owned() };
    let meta = transaction.open_table(META).map_err(|error| failed(error.into()))?;
    let format = meta.get(FORMAT_NAME).map_err(|error| failed(error.into()))?;
    let format = format.and_then(|bytes| bytes.value().try_into().ok().map(u64::from_be_bytes));
    match format {
        Some(FORMAT) => {}
        Some(found) if found > FORMAT => {
            return Err(StoreError::Newer { store: named.to_owned(), found, known: FORMAT });
        }
        Some(_) | None => return Err(corrupt("it names no known format")),
    }
    let state = meta.get(STATE_NAME).map_err(|error| failed(error.into()))?;
    let state = state.and_then(|bytes| State::decode(bytes.value())).ok_or_else(|| corrupt("its state is damaged"))?;
    if state.mesh != mesh {
        return Err(StoreError::OtherMesh { store: named.to_owned(), found: state.mesh, want: mesh });
    }
    read_statements(transaction, mesh, state).map_err(failed)
}

fn read_statements(transaction: &ReadTransaction, mesh: MeshId, state: State) -> Result<Contents, redb::Error> {
    let table = transaction.open_table(STATEMENTS)?;
    let mut contents = Contents { state, next_seq: 0, good: Vec::new(), bad: Vec::new() };
    let mut rows = Vec::new();
    for row in table.iter()? {
        let (seq, record) = row?;
        contents.next_seq = contents.next_seq.max(seq.value().saturating_add(1));
        rows.push((seq.value(), record.value().to_owned()));
        if rows.len() >= CHECKED_AT_ONCE {
            contents.check(std::mem::take(&mut rows), mesh);
        }
    }
    contents.check(rows, mesh);
    Ok(contents)
}

impl Contents {
    /// What is held, with the number of its record.
    pub fn known(&self) -> HashMap<StatementId, u64> {
        self.good.iter().map(|(seq, statement)| (statement.id(), *seq)).collect()
    }

    /// Checks records on all cores, and keeps their order.
    fn check(&mut self, rows: Vec<(u64, Vec<u8>)>, mesh: MeshId) {
        let read = |(_, record): &(u64, Vec<u8>)| tables::read_record(record, mesh);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let part = rows.len().div_ceil(cores).max(CHECKED_ALONE);
        let mut parts = rows.chunks(part);
        let first = parts.next().unwrap_or_default();
        // A panic of one of them is one here, and ends in the shield like any other.
        let checked: Vec<Result<Verified, BadRecord>> = std::thread::scope(|scope| {
            let others: Vec<_> = parts.map(|part| scope.spawn(|| part.iter().map(read).collect::<Vec<_>>())).collect();
            let mut checked: Vec<_> = first.iter().map(read).collect();
            for other in others {
                checked.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            checked
        });
        for ((seq, record), checked) in rows.into_iter().zip(checked) {
            match checked {
                Ok(statement) => self.good.push((seq, Arc::new(statement))),
                Err(reason) => self.bad.push((seq, record, reason)),
            }
        }
    }
}

/// Two-phase and synced: what redb's own checksums cannot promise after a crash, the order of the syncs does.
pub(super) fn commit(
    database: &Database,
    state: &State,
    change: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    transaction.set_durability(Durability::Immediate)?;
    {
        let mut meta = transaction.open_table(META)?;
        meta.insert(FORMAT_NAME, FORMAT.to_be_bytes().as_slice())?;
        meta.insert(STATE_NAME, state.encode().as_slice())?;
    }
    change(&transaction)?;
    transaction.commit()?;
    Ok(())
}
