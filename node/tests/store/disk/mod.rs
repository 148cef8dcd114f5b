//! A disk in memory that records, fails, fills up and loses power on request, and statements to put on it.

pub mod cuts;
pub mod image;
pub mod judge;
pub mod platter;
pub mod quiet;
pub mod runs;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use driftless_node::store::{Event, Medium};
use driftless_statement::{
    Body, Edit, Genesis, Hlc, MeshId, Note, Op, Path, Pointer, SecretKey, Statement, StatementId, Touch, Value,
    Verified, Write,
};
use redb::StorageBackend;
use tokio::sync::mpsc::UnboundedReceiver;

pub const BLOCK: u64 = 4096;

/// A mesh's genesis and `writes` statements after it.
pub fn statements(writes: usize) -> (MeshId, Vec<Arc<Verified>>) {
    let key = SecretKey::from_bytes([7; 32]);
    let genesis = Statement {
        mesh: MeshId::UNFOUNDED,
        scope: driftless_statement::Scope::mesh(),
        author: key.public(),
        grant: StatementId::NONE,
        prev: vec![],
        touches: vec![],
        hlc: Hlc::from_millis(1000),
        body: Body::from(Genesis { keys: vec![key.public()], threshold: 1, fold_version: 1, name: "test".into() }),
        note: Note::default(),
        unknown: vec![],
    };
    let genesis = Verified::sign(genesis, &key).unwrap();
    let mesh = MeshId::from(genesis.id());
    let mut all = vec![Arc::new(genesis)];
    for n in 0..writes {
        let grant = all[0].id();
        all.push(Arc::new(write(mesh, grant, &key, n, &format!("value {n}"))));
    }
    (mesh, all)
}

fn write(mesh: MeshId, grant: StatementId, key: &SecretKey, n: usize, text: &str) -> Verified {
    let path = Path::parse(&format!("shop/checkout/limit-{n}")).unwrap();
    let edit = Edit { at: Pointer::default(), op: Op::Put(Value::Text(text.into())) };
    let statement = Statement {
        mesh,
        scope: path.scope(),
        author: key.public(),
        grant,
        prev: vec![],
        touches: vec![Touch { path, bases: vec![] }],
        hlc: Hlc::from_millis(2000 + n as u64),
        body: Body::Write(Write { edits: vec![vec![edit]] }),
        note: Note::default(),
        unknown: vec![],
    };
    Verified::sign(statement, key).unwrap()
}

pub fn ids<'a>(statements: impl IntoIterator<Item = &'a Arc<Verified>>) -> BTreeSet<StatementId> {
    statements.into_iter().map(|statement| statement.id()).collect()
}

/// One thing that redb did to the disk.
#[derive(Debug, Clone)]
pub enum Did {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
    /// The draft took the database's place, in one step.
    Adopt(Vec<u8>),
}

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Read,
    Write,
    Sync,
    SetLen,
}

#[derive(Debug, Default)]
pub struct State {
    /// None until a draft is adopted.
    pub made: bool,
    pub data: Vec<u8>,
    pub draft: Option<Disk>,
    pub history: Vec<Did>,
    /// Calls of this kind fail after that many more that work.
    pub fails: Option<(Call, u64)>,
    /// What the disk holds from its next opening on; it fails no longer from then.
    pub at_open: Option<Vec<u8>>,
    /// Bytes of the whole disk: written blocks and reserve together.
    pub capacity: Option<u64>,
    pub reserve_bytes: u64,
    pub reserved: bool,
    pub quarantined: Vec<(u64, Vec<u8>)>,
    pub blocks: BTreeSet<u64>,
    pub opened: u64,
}

impl State {
    fn used(&self) -> u64 {
        self.blocks.len() as u64 * BLOCK + if self.reserved { self.reserve_bytes } else { 0 }
    }

    fn full(&self, more: u64) -> io::Result<()> {
        match self.capacity {
            Some(capacity) if more > 0 && self.used() + more > capacity => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn check(&mut self, call: Call) -> io::Result<()> {
        match &mut self.fails {
            Some((failing, 0)) if *failing == call => Err(io::Error::other("the disk said no")),
            Some((failing, left)) if *failing == call => {
                *left -= 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    pub fn of(data: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.state().blocks = (0..(data.len() as u64).div_ceil(BLOCK)).collect();
        disk.state().data = data;
        disk.state().made = true;
        disk
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Medium for Disk {
    type Backend = Disk;

    fn name(&self) -> String {
        "disk in memory".to_owned()
    }

    fn is_new(&self) -> io::Result<bool> {
        Ok(!self.state().made)
    }

    fn draft(&self) -> io::Result<Disk> {
        let draft = Disk::default();
        self.state().draft = Some(draft.clone());
        Ok(draft)
    }

    fn adopt(&self) -> io::Result<()> {
        let draft = self.state().draft.take().ok_or(io::ErrorKind::NotFound)?;
        let data = draft.state().data.clone();
        let blocks = draft.state().blocks.clone();
        let mut state = self.state();
        (state.made, state.blocks) = (true, blocks);
        let did = Did::Adopt(data);
        apply(&mut state.data, &did);
        state.history.push(did);
        Ok(())
    }

    fn open(&self) -> io::Result<Disk> {
        if !self.state().made {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut state = self.state();
        state.opened += 1;
        if let Some(data) = state.at_open.take() {
            (state.data, state.fails) = (data, None);
        }
        drop(state);
        Ok(self.clone())
    }

    fn size(&self) -> u64 {
        self.state().data.len() as u64
    }

    fn reserve(&self) -> io::Result<()> {
        let mut state = self.state();
        if !state.reserved {
            let more = state.reserve_bytes;
            state.full(more)?;
            state.reserved = true;
        }
        Ok(())
    }

    fn release(&self) -> io::Result<()> {
        self.state().reserved = false;
        Ok(())
    }

    fn quarantine(&self, seq: u64, record: &[u8]) -> io::Result<PathBuf> {
        self.state().quarantined.push((seq, record.to_vec()));
        Ok(PathBuf::from(format!("quarantine/{seq}.record")))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().data.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        state.check(Call::Read)?;
        let from = offset as usize;
        let part = state.data.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.check(Call::SetLen)?;
        state.data.resize(len as usize, 0);
        state.blocks.retain(|block| block * BLOCK < len);
        state.history.push(Did::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.check(Call::Sync)?;
        state.history.push(Did::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.check(Call::Write)?;
        let touched: BTreeSet<u64> = (offset / BLOCK..(offset + data.len() as u64).div_ceil(BLOCK)).collect();
        let new: BTreeSet<u64> = touched.difference(&state.blocks).copied().collect();
        state.full(new.len() as u64 * BLOCK)?;
        state.blocks.extend(new);
        apply(&mut state.data, &Did::Write(offset, data.to_vec()));
        state.history.push(Did::Write(offset, data.to_vec()));
        Ok(())
    }
}

/// What a disk holds after one more thing was done to it.
pub fn apply(data: &mut Vec<u8>, did: &Did) {
    match did {
        Did::Write(offset, bytes) => {
            let (from, to) = (*offset as usize, *offset as usize + bytes.len());
            if data.len() < to {
                data.resize(to, 0);
            }
            data[from..to].copy_from_slice(bytes);
        }
        Did::SetLen(len) => data.resize(*len as usize, 0),
        Did::Adopt(draft) => data.clone_from(draft),
        Did::Sync => {}
    }
}

/// The next event, within a generous deadline.
pub async fn next(events: &mut UnboundedReceiver<Event>) -> Event {
    tokio::time::timeout(Duration::from_secs(60), events.recv()).await.expect("an event in time").expect("a writer")
}
