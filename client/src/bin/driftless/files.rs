//! Files that commands write: whole under their name, or not there. It must not know what is in them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// Writes a file that must not be there yet.
pub fn write_new(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    // Linking refuses an existing name in one step, which renaming would replace.
    new_by(file, bytes, |part, file| fs::hard_link(part, file))
}

/// Writes a file, in place of what has its name. What is no file, such as a pipe, is written to as it is.
pub fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return fs::write(file, bytes).map_err(|error| Failure::file(file, error));
    }
    let part = part_of(file);
    let placed = fill(&part, bytes).and_then(|()| fs::rename(&part, file));
    if placed.is_err() {
        // What is left of it does no harm; the failure before says more.
        let _ = fs::remove_file(&part);
    }
    placed.map_err(|error| Failure::file(file, error))
}

fn new_by(file: &Path, bytes: &[u8], link: impl FnOnce(&Path, &Path) -> io::Result<()>) -> Result<(), Failure> {
    let part = part_of(file);
    let linked = fill(&part, bytes).and_then(|()| link(&part, file));
    // What is left of it does no harm; the failure before says more.
    let _ = fs::remove_file(&part);
    let written = linked.or_else(|error| match error.kind() {
        // A file system without links, as on most sticks that carry files to a machine without a network: a name that is
        // there is refused as well, and only who cuts the power in this moment finds a part of the file.
        io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported => fill(file, bytes),
        _ => Err(error),
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::file(file, "is there already; choose another name"),
        _ => Failure::file(file, error),
    })
}

/// Where it is written before it has its name.
fn part_of(file: &Path) -> PathBuf {
    let mut part = file.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    part.into()
}

/// A new file with these bytes, on the disk; none where that failed.
fn fill(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut opened = File::create_new(file)?;
    let filled = opened.write_all(bytes).and_then(|()| opened.sync_all());
    if filled.is_err() {
        // The failure says more than that of cleaning up after it.
        let _ = fs::remove_file(file);
    }
    filled
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn linked(part: &Path, file: &Path) -> io::Result<()> {
        fs::hard_link(part, file)
    }

    fn without_links(_: &Path, _: &Path) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(1))
    }

    #[test]
    fn a_new_file_is_whole_and_replaces_nothing_also_where_nothing_can_be_linked() {
        for link in [linked, without_links] {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("signed.bundle");
            new_by(&file, b"one", link).unwrap();
            assert_eq!(
                (fs::read(&file).unwrap(), names(dir.path())),
                (b"one".to_vec(), vec!["signed.bundle".to_owned()])
            );
            let refused = new_by(&file, b"two", link).unwrap_err().to_string();
            assert!(refused.contains("is there already"), "{refused}");
            assert_eq!((fs::read(&file).unwrap(), names(dir.path()).len()), (b"one".to_vec(), 1));
        }
        let nowhere = Path::new("/nowhere/signed.bundle");
        assert!(new_by(nowhere, b"one", without_links).is_err());
    }

    #[test]
    fn a_file_is_replaced_whole_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (file, other) = (dir.path().join("export"), dir.path().join("other"));
        fs::write(&other, "kept").unwrap();
        std::os::unix::fs::symlink(&other, &file).unwrap();
        write(&file, b"one").unwrap();
        write(&file, b"two").unwrap();
        assert_eq!((fs::read(&file).unwrap(), fs::read(&other).unwrap()), (b"two".to_vec(), b"kept".to_vec()));
        assert_eq!(names(dir.path()), ["export", "other"]);
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(write(&dir.path().join("no/export"), b"one").is_err());
    }
}
