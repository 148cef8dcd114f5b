//! A store in a directory: `store.redb`, its lock, its reserve of space and its quarantine. The usual [`Medium`].

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;

use super::{Medium, StoreError};

const DATABASE: &str = "store.redb";
const DRAFT: &str = "store.redb.new";
const LOCK: &str = "store.lock";
const RESERVE: &str = "store.reserve";
const QUARANTINE: &str = "quarantine";
/// Only the node's own user reads the store: it holds configuration of every scope.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// Moved-aside stores that are kept at most; more of them mean a broken disk, which no further rebuild cures.
const BAD_FILES: u32 = 1000;

/// A directory that this process alone uses, for as long as the value lives.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    reserve_bytes: u64,
    /// Held open for its lock.
    _lock: File,
}

impl Directory {
    /// Takes the directory, making it (mode 0700) when needed. `reserve_bytes` are set aside for a full disk.
    pub fn take(path: &Path, reserve_bytes: u64) -> Result<Self, StoreError> {
        let named = path.join(DATABASE).display().to_string();
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(path)
            .map_err(|cause| StoreError::io(&named, "making its directory", cause))?;
        let lock = lock(&path.join(LOCK), &named)?;
        Ok(Self { path: path.to_owned(), reserve_bytes, _lock: lock })
    }

    fn sync(&self) -> io::Result<()> {
        sync_directory(&self.path)
    }
}

/// Takes the lock file, or says who has it.
fn lock(path: &Path, named: &str) -> Result<File, StoreError> {
    let failed = |cause| StoreError::io(named, "locking it", cause);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who holds it is a courtesy: the refusal stands without it.
            let _ = (&mut file).take(64).read_to_string(&mut holder);
            let holder = holder.trim().chars().filter(|c| !c.is_control()).collect();
            return Err(StoreError::Locked { store: named.to_owned(), holder });
        }
        Err(TryLockError::Error(cause)) => return Err(failed(cause)),
    }
    // The text is a courtesy to the next one who tries, so a full disk must not stop us here.
    let _ = file.set_len(0).and_then(|()| file.rewind());
    let _ = writeln!(file, "process {}", std::process::id());
    Ok(file)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)
}

/// Writes and syncs a whole file, and leaves none behind when that fails.
fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = new_file(path)?;
    let written = write(&mut file).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

impl Medium for Directory {
    type Backend = FileBackend;

    fn name(&self) -> String {
        self.path.join(DATABASE).display().to_string()
    }

    fn is_new(&self) -> io::Result<bool> {
        Ok(!self.path.join(DATABASE).try_exists()?)
    }

    fn draft(&self) -> io::Result<FileBackend> {
        let path = self.path.join(DRAFT);
        remove_if_there(&path)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(&path)?;
        FileBackend::new(file).map_err(io::Error::other)
    }

    fn adopt(&self) -> io::Result<()> {
        let draft = self.path.join(DRAFT);
        File::open(&draft)?.sync_all()?;
        fs::rename(&draft, self.path.join(DATABASE))?;
        self.sync()
    }

    fn open(&self) -> io::Result<FileBackend> {
        let file = OpenOptions::new().read(true).write(true).open(self.path.join(DATABASE))?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        FileBackend::new(file).map_err(io::Error::other)
    }

    fn size(&self) -> u64 {
        fs::metadata(self.path.join(DATABASE)).map_or(0, |metadata| metadata.len())
    }

    fn reserve(&self) -> io::Result<()> {
        let path = self.path.join(RESERVE);
        if fs::metadata(&path).is_ok_and(|metadata| metadata.len() == self.reserve_bytes) {
            return Ok(());
        }
        self.release()?;
        // Not zeros: a file system may keep those without giving them space.
        let block = [0xd5; 4096];
        write_whole(&path, |file| {
            let mut left = self.reserve_bytes;
            while left > 0 {
                let part = left.min(block.len() as u64);
                file.write_all(block.get(..part as usize).unwrap_or_default())?;
                left -= part;
            }
            Ok(())
        })
    }

    fn release(&self) -> io::Result<()> {
        remove_if_there(&self.path.join(RESERVE))
    }

    fn quarantine(&self, seq: u64, record: &[u8]) -> io::Result<PathBuf> {
        let directory = self.path.join(QUARANTINE);
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(&directory)?;
        let path = (0..BAD_FILES)
            .map(|n| directory.join(if n == 0 { format!("{seq}.record") } else { format!("{seq}.record.{n}") }))
            .find(|path| !path.exists())
            .ok_or_else(|| io::Error::other("the quarantine holds too many files of this number"))?;
        write_whole(&path, |file| file.write_all(record))?;
        sync_directory(&directory)?;
        Ok(path)
    }
}

/// Moves a store that cannot be opened aside, to `store.redb.bad-N`, and says where. The next [`super::Store::open`]
/// then begins with an empty one. Does nothing and returns `None` when there is no store.
pub fn rebuild(path: &Path) -> Result<Option<PathBuf>, StoreError> {
    let from = path.join(DATABASE);
    if !from.exists() {
        return Ok(None);
    }
    let directory = Directory::take(path, 0)?;
    let failed = |cause| StoreError::io(&directory.name(), "moving it aside", cause);
    let to = (1..=BAD_FILES)
        .map(|n| path.join(format!("{DATABASE}.bad-{n}")))
        .find(|to| !to.exists())
        .ok_or_else(|| failed(io::Error::other("too many stores were moved aside already")))?;
    fs::rename(&from, &to).and_then(|()| directory.sync()).map_err(failed)?;
    Ok(Some(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lock belongs to an open file, so a second one in this process is refused like one in another.
    #[test]
    fn a_second_process_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = Directory::take(dir.path(), 0).unwrap();
        let refused = Directory::take(dir.path(), 0).unwrap_err();
        let named = format!("process {}", std::process::id());
        assert!(matches!(&refused, StoreError::Locked { holder, .. } if *holder == named), "{refused}");
        drop(first);
        Directory::take(dir.path(), 0).unwrap();
    }
}
