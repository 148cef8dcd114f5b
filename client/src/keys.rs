//! Secret key files: made once, readable by their owner only, refused when anybody else could have read them. What they
//! hold is never in an error, a log or a `Debug`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use driftless_statement::id::parse_hex32;
use driftless_statement::{PublicKey, SecretKey};
use zeroize::Zeroizing;

/// First line of a key file, before the public key: names the file for people, and catches a damaged secret.
const HEAD: &str = "# driftless secret key of ";
const OWNER_ONLY: u32 = 0o600;
/// Far above any key file, so that a wrong path does not read a disk image into memory.
const LARGEST: u64 = 4096;

/// Why a key file was not read or written. Never says anything about the secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is there already. It was left as it is.
    #[error("key file {0}: is there already and is never overwritten; choose another name or move it away")]
    Exists(PathBuf),
    /// There is no such file.
    #[error("key file {0}: not found; make one with `driftless keys new`, or correct the path")]
    Missing(PathBuf),
    /// A directory, device, socket or pipe.
    #[error("key file {0}: not a regular file")]
    NotAFile(PathBuf),
    /// Others than the owner may read or change it.
    #[error(
        "key file {path}: mode {mode:04o} lets others than its owner at it; if nobody else has used it yet, run \
         `chmod 600 {path}`, else replace the key", path = path.display()
    )]
    Open {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Too large to be a key file.
    #[error("key file {path}: {got} bytes, a key file has about 160; this is another kind of file", path = path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        got: u64,
    },
    /// Not one line of 64 lowercase hexadecimal digits beside comments.
    #[error("key file {0}: must hold one line of 64 lowercase hexadecimal digits, beside lines that begin with #")]
    Malformed(PathBuf),
    /// The secret is not the one that its first line names: the file was damaged or edited.
    #[error(
        "key file {path}: its secret does not belong to the public key {named} in its first line; restore the file from \
         a backup, or make a new key and have it granted", path = path.display()
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// The public key that the first line names.
        named: PublicKey,
    },
    /// The operating system refused.
    #[error("key file {path}: {doing} failed: {cause}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// The operating system gave no randomness. Nothing was made.
    #[error("no randomness for a new key: {0}")]
    Randomness(getrandom::Error),
}

/// A new secret key from the system's randomness.
pub fn generate() -> Result<SecretKey, KeyError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(KeyError::Randomness)?;
    Ok(SecretKey::from_bytes(*bytes))
}

/// Makes a key and its file, which must not exist.
pub fn create(path: &Path) -> Result<SecretKey, KeyError> {
    let key = generate()?;
    save(path, &key)?;
    Ok(key)
}

/// Writes a key file with mode 0600: whole and synced, or not at all. Never overwrites one.
pub fn save(path: &Path, key: &SecretKey) -> Result<(), KeyError> {
    save_text(path, &Zeroizing::new(encode(key)))
}

/// Writes a file of secrets as [`save`] does.
pub(crate) fn save_text(path: &Path, text: &str) -> Result<(), KeyError> {
    let failed = |doing| move |cause| KeyError::Io { path: path.to_owned(), doing, cause };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| KeyError::NotAFile(path.to_owned()))?.to_string_lossy();
    let partial = directory.join(format!(".{name}.{}.partial", std::process::id()));
    let written = write_new(&partial, text).map_err(failed("writing it"));
    // Linking refuses an existing name in one step, which renaming would replace.
    let linked = written.and_then(|()| {
        fs::hard_link(&partial, path).map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
            _ => failed("naming it")(cause),
        })
    });
    let removed = fs::remove_file(&partial).map_err(failed("removing its first name"));
    linked.and(removed)?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed("syncing its directory"))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The whole text with room from the start, so that no reallocation leaves a copy of the secret behind.
fn encode(key: &SecretKey) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(HEAD.len() + 2 * 64 + 2);
    text.push_str(HEAD);
    text.push_str(&key.public().to_string());
    text.push('\n');
    for byte in key.expose() {
        for digit in [byte >> 4, byte & 15] {
            text.extend(DIGITS.get(usize::from(digit)));
        }
    }
    text.push('\n');
    text
}

/// Whether a path names a descriptor that this process was started with, like `/dev/fd/3`: what a CI job or a shell's `<(…)`
/// hands over instead of a file.
fn is_descriptor(path: &Path) -> bool {
    path.parent().is_some_and(|parent| parent == Path::new("/dev/fd") || parent == Path::new("/proc/self/fd"))
}

/// Reads a key file, and refuses one that others than its owner can read or change. A pipe is read when it was passed as a
/// descriptor (`/dev/fd/3`): nobody else has it.
pub fn load(path: &Path) -> Result<SecretKey, KeyError> {
    decode(path, &read_private(path)?)
}

/// The bytes of a file of secrets, which only its owner can read or change.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let failed = |doing| move |cause| KeyError::Io { path: path.to_owned(), doing, cause };
    // Looked at before it is opened: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
        _ => failed("reading it")(cause),
    })?;
    check(path, &metadata)?;
    let file = File::open(path).map_err(failed("opening it"))?;
    // And again: what was opened may be another file by now.
    check(path, &file.metadata().map_err(failed("reading it"))?)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST as usize));
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed("reading it"))?;
    Ok(bytes)
}

fn check(path: &Path, metadata: &fs::Metadata) -> Result<(), KeyError> {
    if metadata.file_type().is_fifo() && is_descriptor(path) {
        return Ok(());
    }
    if !metadata.is_file() {
        return Err(KeyError::NotAFile(path.to_owned()));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open { path: path.to_owned(), mode });
    }
    if metadata.len() > LARGEST {
        return Err(KeyError::TooLarge { path: path.to_owned(), got: metadata.len() });
    }
    Ok(())
}

fn decode(path: &Path, bytes: &[u8]) -> Result<SecretKey, KeyError> {
    let malformed = || KeyError::Malformed(path.to_owned());
    let text = str::from_utf8(bytes).map_err(|_| malformed())?;
    let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let (Some(line), None) = (lines.next(), lines.next()) else { return Err(malformed()) };
    let secret = Zeroizing::new(parse_hex32("a secret key", line).map_err(|_| malformed())?);
    let key = SecretKey::from_bytes(*secret);
    let named = text.lines().find_map(|line| line.strip_prefix(HEAD)?.parse::<PublicKey>().ok());
    match named {
        Some(named) if named != key.public() => Err(KeyError::Damaged { path: path.to_owned(), named }),
        _ => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        save(&path, &SecretKey::from_bytes([1; 32])).unwrap();
        assert!(load(&path).is_ok());
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(load(&path).err(), Some(KeyError::Open { mode: found, .. }) if found == mode), "{mode:o}");
        }
    }

    #[test]
    fn a_key_is_read_from_a_descriptor_and_from_no_other_pipe() {
        use std::os::fd::AsRawFd;
        let key = SecretKey::from_bytes([3; 32]);
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(encode(&key).as_bytes()).unwrap();
        drop(writer);
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        assert_eq!(load(&path).unwrap().public(), key.public());
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&[b'x'; 5000]).unwrap();
        drop(writer);
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        assert!(matches!(load(&path), Err(KeyError::Malformed(_))), "and not without end");
        assert!(!is_descriptor(Path::new("/dev/fd/../../tmp/key")) && !is_descriptor(Path::new("/tmp/fd/3")));
    }

    #[test]
    fn a_key_file_that_names_another_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let (key, other) = (SecretKey::from_bytes([1; 32]), SecretKey::from_bytes([2; 32]));
        save(&path, &key).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace(&key.public().to_string(), &other.public().to_string())).unwrap();
        assert!(matches!(load(&path).err(), Some(KeyError::Damaged { .. })));
    }
}
