//! A medium that keeps the history of everything done to it, for power cuts to be made from. It does not fail; what a
//! power cut leaves of the history is decided in `cuts`.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use driftless_node::store::Medium;
use redb::StorageBackend;

use super::image::Image;

/// One thing that was done to a file.
#[derive(Debug, Clone)]
pub enum Step {
    Write(usize, Arc<[u8]>),
    SetLen(usize),
    /// All before it is durable once this has returned.
    Sync,
    /// The draft, synced by then, took the file's place in one durable step.
    Adopt(Image),
}

impl Step {
    /// Does it again.
    pub fn apply(&self, image: &mut Image) {
        match self {
            Self::Write(offset, bytes) => image.write(*offset, bytes),
            Self::SetLen(len) => image.set_len(*len),
            Self::Sync => {}
            Self::Adopt(draft) => image.clone_from(draft),
        }
    }

    pub fn is_barrier(&self) -> bool {
        matches!(self, Self::Sync | Self::Adopt(_))
    }
}

#[derive(Debug, Default)]
pub struct Record {
    /// None until a draft is adopted.
    pub image: Option<Image>,
    pub history: Vec<Step>,
    draft: Option<Platter>,
    /// Goes up when the process is killed: what an older one still says is not heard.
    process: u64,
}

/// The medium, and at the same time one process's open file on it.
#[derive(Debug, Clone, Default)]
pub struct Platter {
    record: Arc<Mutex<Record>>,
    process: u64,
}

impl Platter {
    /// A disk as a power cut left it: no file, or one with this content.
    pub fn of(image: Option<Image>) -> Self {
        let platter = Self::default();
        platter.record().image = image;
        platter
    }

    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap()
    }

    /// Kills the process that has the file open, and hands out the medium for the next one. Writes that were made stay
    /// made, as the page cache outlives a process; they are no more durable than before.
    pub fn kill(&self) -> Self {
        self.record().process += 1;
        Self { record: self.record.clone(), process: self.process + 1 }
    }

    fn act(&self, step: Step) {
        let mut record = self.record();
        if record.process == self.process {
            let mut image = record.image.take().unwrap_or_default();
            step.apply(&mut image);
            record.image = Some(image);
            record.history.push(step);
        }
    }
}

impl Medium for Platter {
    type Backend = Platter;

    fn name(&self) -> String {
        "platter".to_owned()
    }

    fn is_new(&self) -> io::Result<bool> {
        Ok(self.record().image.is_none())
    }

    fn draft(&self) -> io::Result<Platter> {
        let draft = Platter::of(Some(Image::default()));
        self.record().draft = Some(draft.clone());
        Ok(draft)
    }

    fn adopt(&self) -> io::Result<()> {
        let draft = self.record().draft.take().ok_or(io::ErrorKind::NotFound)?;
        let image = draft.record().image.clone().unwrap_or_default();
        self.act(Step::Adopt(image));
        Ok(())
    }

    fn open(&self) -> io::Result<Platter> {
        if self.record().image.is_some() { Ok(self.clone()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn size(&self) -> u64 {
        self.len().unwrap_or(0)
    }

    fn reserve(&self) -> io::Result<()> {
        Ok(())
    }

    fn release(&self) -> io::Result<()> {
        Ok(())
    }

    fn quarantine(&self, seq: u64, _record: &[u8]) -> io::Result<PathBuf> {
        Ok(PathBuf::from(format!("quarantine/{seq}.record")))
    }
}

impl StorageBackend for Platter {
    fn len(&self) -> io::Result<u64> {
        Ok(self.record().image.as_ref().map_or(0, Image::len) as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let record = self.record();
        let read = record.image.as_ref().is_some_and(|image| image.read(offset as usize, out));
        if read { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.act(Step::SetLen(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.act(Step::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = offset as usize + data.len();
        assert!(self.record().image.as_ref().is_some_and(|image| end <= image.len()), "redb writes within the file");
        self.act(Step::Write(offset as usize, data.into()));
        Ok(())
    }
}
