//! Opening a store, checking all that it holds, and appending groups to it. One thread owns a [`Store`].

use std::collections::HashMap;
use std::path::Path;

use driftless_statement::{MeshId, StatementId};
use redb::{Database, WriteTransaction};

use super::database::{Contents, close, commit, make_database, open_database, shield};
use super::tables::{self, BadRecord, STATEMENTS, State};
use super::{Batch, Directory, Loaded, Medium, Quarantine, StoreError};

/// Choices of the one who opens a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Bytes of redb's page cache. Statements live in memory anyway; this serves commits only.
    pub cache_bytes: usize,
    /// Bytes set aside on disk, so that a full disk does not keep the store from opening.
    pub reserve_bytes: u64,
    /// The boot is at least this: Unix seconds now, from whoever has a clock. A store that was put back to an old backup
    /// would else count its boots a second time, and readers would take views of another history for later ones of theirs.
    pub boot_from: u64,
}

impl Default for Options {
    fn default() -> Self {
        // Appending touches the last pages of two trees, and reading at the start each page once. The reserve is what redb
        // writes when it repairs and commits once, many times over.
        Self { cache_bytes: 4 << 20, reserve_bytes: 4 << 20, boot_from: 0 }
    }
}

/// An open store.
pub struct Store<M: Medium = Directory> {
    medium: M,
    named: String,
    options: Options,
    mesh: MeshId,
    state: State,
    next_seq: u64,
    /// What it holds, with the number of its record.
    known: HashMap<StatementId, u64>,
    /// None after a failure, until [`Store::reopen`] succeeds.
    database: Option<Database>,
    /// The failure that began it all, when the store was opened on a full disk.
    starved: Option<StoreError>,
}

/// What one commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Committed {
    /// Statements that were new.
    pub statements: usize,
    /// Bytes of their records.
    pub bytes: u64,
    /// Statements that were taken off.
    pub gone: usize,
}

/// What a group of batches changes.
struct Change {
    /// What is taken off, with the number of its record.
    gone: HashMap<StatementId, u64>,
    /// What is appended, in this order.
    fresh: Vec<(StatementId, Vec<u8>)>,
}

impl Change {
    fn of(group: &[Batch], known: &HashMap<StatementId, u64>) -> Self {
        let mut gone = HashMap::new();
        let mut order = Vec::new();
        let mut fresh = HashMap::new();
        for batch in group {
            for id in &batch.gone {
                fresh.remove(id);
                gone.extend(known.get(id).map(|seq| (*id, *seq)));
            }
            for statement in &batch.statements {
                let id = statement.id();
                let here = fresh.contains_key(&id) || (known.contains_key(&id) && !gone.contains_key(&id));
                if !here {
                    order.push(id);
                    fresh.insert(id, tables::write_record(statement));
                }
            }
        }
        let fresh = order.into_iter().filter_map(|id| Some((id, fresh.remove(&id)?))).collect();
        Self { gone, fresh }
    }
}

impl Store<Directory> {
    /// Opens the store in a directory, or makes one. `entropy` is eight random bytes: the name of a new store.
    ///
    /// Every statement that is returned has the hash it had when its signature was checked.
    pub fn open(dir: &Path, mesh: MeshId, entropy: [u8; 8]) -> Result<(Self, Loaded), StoreError> {
        let options = Options::default();
        Self::open_on(Directory::take(dir, options.reserve_bytes)?, mesh, entropy, options)
    }
}

impl<M: Medium> Store<M> {
    /// Opens the store on any medium.
    pub fn open_on(medium: M, mesh: MeshId, entropy: [u8; 8], options: Options) -> Result<(Self, Loaded), StoreError> {
        let named = medium.name();
        let fresh = State { mesh, store_id: entropy, boot: 0, floor_ms: 0, count: 0 };
        make_database(&medium, &named, options, &fresh)?;
        let (database, contents) = match open_database(&medium, &named, options, mesh) {
            Err(error) if error.is_full() => {
                medium.release().map_err(|cause| StoreError::io(&named, "giving up the reserve", cause))?;
                open_database(&medium, &named, options, mesh)?
            }
            other => other?,
        };
        let before = contents.state;
        let held = contents.good.len() as u64 + contents.bad.len() as u64;
        let mut store = Self {
            state: State {
                boot: before.boot.saturating_add(1).max(options.boot_from),
                count: contents.good.len() as u64,
                ..before
            },
            next_seq: contents.next_seq,
            known: contents.known(),
            database: Some(database),
            starved: None,
            medium,
            named,
            options,
            mesh,
        };
        let quarantined = store.record_boot(&contents.bad, entropy)?;
        let loaded = Loaded {
            store_id: store.state.store_id,
            boot: store.state.boot,
            floor_ms: store.state.floor_ms,
            missing: before.count.saturating_sub(held),
            statements: contents.good.into_iter().map(|(_, statement)| statement).collect(),
            quarantined,
        };
        Ok((store, loaded))
    }

    /// Makes the boot durable. A full disk first costs the reserve, then the name: reads must go on either way.
    fn record_boot(
        &mut self,
        bad: &[(u64, Vec<u8>, BadRecord)],
        entropy: [u8; 8],
    ) -> Result<Vec<Quarantine>, StoreError> {
        let mut outcome = self.settle(bad);
        if outcome.as_ref().is_err_and(StoreError::is_full) {
            self.medium.release().map_err(|cause| StoreError::io(&self.named, "giving up the reserve", cause))?;
            outcome = self.reopen_database().and_then(|contents| self.settle(&contents.bad));
        }
        match outcome {
            Ok(quarantined) => {
                if let Err(cause) = self.medium.reserve() {
                    self.starved = Some(StoreError::io(&self.named, "setting space aside", cause));
                }
                Ok(quarantined)
            }
            Err(error) if error.is_full() => {
                self.state.store_id = entropy;
                self.starved = Some(error);
                Ok(bad.iter().map(|(seq, record, reason)| quarantine_of(*seq, record, reason)).collect())
            }
            Err(error) => Err(error),
        }
    }

    /// Takes bad records out and commits the state: afterwards the disk is known to accept writes.
    fn settle(&mut self, bad: &[(u64, Vec<u8>, BadRecord)]) -> Result<Vec<Quarantine>, StoreError> {
        let quarantined: Vec<Quarantine> = bad
            .iter()
            .map(|(seq, record, reason)| Quarantine {
                file: self.medium.quarantine(*seq, record).ok(),
                ..quarantine_of(*seq, record, reason)
            })
            .collect();
        let state = self.state;
        self.commit(state, |transaction| {
            let mut table = transaction.open_table(STATEMENTS)?;
            for one in quarantined.iter().filter(|one| one.file.is_some()) {
                table.remove(one.seq)?;
            }
            Ok(())
        })?;
        Ok(quarantined)
    }

    /// Does what a group of batches asks for, in their order and in one commit: takes off what is gone, appends what is not
    /// stored yet, raises the floor. When it returns without error all of it is on disk; otherwise none of it may be
    /// acknowledged, and the store must be opened again.
    pub(super) fn append(&mut self, group: &[Batch]) -> Result<Committed, StoreError> {
        let Change { gone, fresh } = Change::of(group, &self.known);
        let bytes = fresh.iter().map(|(_, record)| record.len() as u64).sum();
        let committed = Committed { statements: fresh.len(), bytes, gone: gone.len() };
        let count = self.state.count.saturating_sub(gone.len() as u64).saturating_add(fresh.len() as u64);
        let floor_ms = group.iter().map(|batch| batch.floor_ms).fold(self.state.floor_ms, u64::max);
        let state = State { floor_ms, count, ..self.state };
        if state == self.state && fresh.is_empty() && gone.is_empty() {
            return Ok(committed);
        }
        let first = self.next_seq;
        self.commit(state, |transaction| {
            let mut table = transaction.open_table(STATEMENTS)?;
            for seq in gone.values() {
                table.remove(seq)?;
            }
            for (seq, (_, record)) in (first..).zip(&fresh) {
                table.insert(seq, record.as_slice())?;
            }
            Ok(())
        })?;
        self.next_seq = first.saturating_add(committed.statements as u64);
        for id in gone.keys() {
            self.known.remove(id);
        }
        self.known.extend(fresh.into_iter().map(|(id, _)| id).zip(first..));
        Ok(committed)
    }

    /// One durable transaction: `change`, and the state beside it. On failure the database is closed.
    fn commit(
        &mut self,
        state: State,
        change: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        let Some(database) = self.database.take() else {
            return Err(StoreError::ReadOnly { reason: "the store is not open".to_owned() });
        };
        let outcome = shield(&self.named, || {
            commit(&database, &state, change).map_err(|error| StoreError::redb(&self.named, "committing", error))
        });
        match outcome {
            Ok(()) => {
                self.database = Some(database);
                self.state = state;
            }
            Err(_) => close(&self.named, database),
        }
        outcome
    }

    /// Opens the store again after a failure, checks everything anew and proves with a commit that writes work.
    /// Returns what had been stored before and is not any more: the caller has it in memory and stores it again.
    pub(super) fn reopen(&mut self) -> Result<Vec<StatementId>, StoreError> {
        self.medium.reserve().map_err(|cause| StoreError::io(&self.named, "setting space aside", cause))?;
        if self.database.is_none() {
            let before = std::mem::take(&mut self.known);
            let contents = self.reopen_database().inspect_err(|_| self.known.clone_from(&before))?;
            let lost = before.keys().filter(|id| !self.known.contains_key(id)).copied().collect();
            if let Err(error) = self.settle(&contents.bad) {
                self.known = before;
                return Err(error);
            }
            self.starved = None;
            return Ok(lost);
        }
        self.starved = None;
        Ok(Vec::new())
    }

    fn reopen_database(&mut self) -> Result<Contents, StoreError> {
        let (database, contents) = open_database(&self.medium, &self.named, self.options, self.mesh)?;
        let floor_ms = contents.state.floor_ms.max(self.state.floor_ms);
        self.state = State { count: contents.good.len() as u64, floor_ms, ..self.state };
        self.next_seq = contents.next_seq;
        self.known = contents.known();
        self.database = Some(database);
        Ok(contents)
    }

    /// Why the store cannot take writes since it was opened, if so.
    pub(super) fn starved(&self) -> Option<&StoreError> {
        self.starved.as_ref()
    }

    /// A number that differs between stores and between starts: for spreading load, never for secrets.
    pub(super) fn seed(&self) -> u64 {
        u64::from_le_bytes(self.state.store_id) ^ self.state.boot
    }

    /// Bytes that the database occupies.
    pub fn size(&self) -> u64 {
        self.medium.size()
    }

    /// How many statements it holds.
    pub fn count(&self) -> u64 {
        self.state.count
    }
}

impl<M: Medium> Drop for Store<M> {
    fn drop(&mut self) {
        if let Some(database) = self.database.take() {
            close(&self.named, database);
        }
    }
}

fn quarantine_of(seq: u64, record: &[u8], reason: &BadRecord) -> Quarantine {
    Quarantine { seq, id: tables::claimed_id(record), reason: reason.to_string(), file: None }
}
