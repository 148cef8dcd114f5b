//! Secret key files: made once, readable by their owner only, refused when anybody else could have read them. What they
//! hold is never in an error, a log or a `Debug`.

#[cfg(feature = "cli")]
pub mod passphrase;

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
    /// It is encrypted with a passphrase, and whoever reads it here has nobody to ask.
    #[error(
        "key file {path}: is encrypted with a passphrase, for which a program that starts unattended cannot ask. A node's key lies in a plain \
         file of mode 0600 (`driftless keys passphrase {path} --remove`); to have it encrypted on disk all the same, let systemd \
         decrypt it at the start with LoadCredentialEncrypted=", path = .0.display()
    )]
    Encrypted(PathBuf),
    /// The passphrase does not open it.
    #[error("key file {0}: this is not its passphrase")]
    WrongPassphrase(PathBuf),
    /// Opening it would cost more than this program spends.
    #[error(
        "key file {path}: its scrypt work factor is 2^{got}, at most 2^{max} is accepted; encrypt it anew with a smaller one: \
         `age -d` it and `driftless keys passphrase` the result", path = path.display(), max = passphrase::MOST_WORK
    )]
    #[cfg(feature = "cli")]
    Costly {
        /// Which.
        path: PathBuf,
        /// The binary logarithm of its work factor.
        got: u8,
    },
    /// What encrypts it is damaged, or is not of the kind that is read here.
    #[error("key file {path}: cannot be decrypted: {why}", path = path.display())]
    #[cfg(feature = "cli")]
    Undecryptable {
        /// Which.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
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
    save_text(path, &encode(key))
}

/// Writes a file of secrets as [`save`] does.
pub(crate) fn save_text(path: &Path, text: &str) -> Result<(), KeyError> {
    place(path, text.as_bytes(), Existing::Refused)
}

/// What happens to a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    Refused,
    #[cfg_attr(not(feature = "cli"), allow(dead_code))]
    Replaced,
}

/// Puts a file of mode 0600 in its place in one step.
fn place(path: &Path, text: &[u8], existing: Existing) -> Result<(), KeyError> {
    let failed = |doing| move |cause| KeyError::Io { path: path.to_owned(), doing, cause };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| KeyError::NotAFile(path.to_owned()))?.to_string_lossy();
    let partial = directory.join(format!(".{name}.{}.partial", std::process::id()));
    let written = write_new(&partial, text).map_err(failed("writing it"));
    // Linking refuses an existing name in one step, which renaming would replace.
    let linked = |()| {
        fs::hard_link(&partial, path).map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
            _ => failed("naming it")(cause),
        })
    };
    match existing {
        Existing::Refused => {
            let linked = written.and_then(linked);
            let removed = fs::remove_file(&partial).map_err(failed("removing its first name"));
            linked.and(removed)?;
        }
        Existing::Replaced => written.and_then(|()| fs::rename(&partial, path).map_err(failed("replacing it")))?,
    }
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed("syncing its directory"))
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// The whole text with room from the start, so that no reallocation leaves a copy of the secret behind.
fn encode(key: &SecretKey) -> Zeroizing<String> {
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
    Zeroizing::new(text)
}

/// Whether a path names a descriptor that this process was started with, like `/dev/fd/3`: what a CI job or a shell's `<(…)`
/// hands over instead of a file.
fn is_descriptor(path: &Path) -> bool {
    path.parent().is_some_and(|parent| parent == Path::new("/dev/fd") || parent == Path::new("/proc/self/fd"))
}

/// Reads a key file, and refuses one that others than its owner can read or change. A pipe is read when it was passed as a
/// descriptor (`/dev/fd/3`): nobody else has it.
pub fn load(path: &Path) -> Result<SecretKey, KeyError> {
    let bytes = read_private(path)?;
    if is_encrypted(&bytes) { Err(KeyError::Encrypted(path.to_owned())) } else { decode(path, &bytes) }
}

/// Whether this is what `age` writes, in its textual or its binary form.
fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
        || bytes.starts_with(b"age-encryption.org/")
}

/// The bytes of a file of secrets, which only its owner can read or change.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let failed = |doing| move |cause| KeyError::Io { path: path.to_owned(), doing, cause };
    // Looked at before it is opened: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
        _ => failed("reading it")(cause),
    })?;
    let credentials = std::env::var_os(CREDENTIALS).map(PathBuf::from);
    check(path, &metadata, credentials.as_deref())?;
    let file = File::open(path).map_err(failed("opening it"))?;
    // And again: what was opened may be another file by now.
    check(path, &file.metadata().map_err(failed("reading it"))?, credentials.as_deref())?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST as usize));
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed("reading it"))?;
    Ok(bytes)
}

/// Where systemd puts the credentials of a service (systemd.exec(5)). The directory is the service's alone; to let an
/// unprivileged service read them, an access control list gives its user that right, which shows as a right of the group.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const GROUP_READS: u32 = 0o040;

fn check(path: &Path, metadata: &fs::Metadata, credentials: Option<&Path>) -> Result<(), KeyError> {
    if metadata.file_type().is_fifo() && is_descriptor(path) {
        return Ok(());
    }
    if !metadata.is_file() {
        return Err(KeyError::NotAFile(path.to_owned()));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    let is_credential = credentials.is_some_and(|directory| path.parent() == Some(directory));
    let shut = if is_credential { 0o077 & !GROUP_READS } else { 0o077 };
    if mode & shut != 0 {
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
    fn a_credential_of_the_service_may_carry_an_access_control_list() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        save(&path, &SecretKey::from_bytes([1; 32])).unwrap();
        let allowed = |mode: u32, credentials: Option<&Path>| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            check(&path, &fs::metadata(&path).unwrap(), credentials).is_ok()
        };
        assert!(allowed(0o440, Some(dir.path())));
        assert!(!allowed(0o440, None) && !allowed(0o440, dir.path().parent()));
        assert!([0o404, 0o444, 0o460, 0o450, 0o442].iter().all(|mode| !allowed(*mode, Some(dir.path()))));
    }

    #[test]
    fn a_file_that_age_encrypted_is_told_from_a_damaged_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        for head in ["-----BEGIN AGE ENCRYPTED FILE-----\n", "age-encryption.org/v1\n"] {
            place(&path, head.as_bytes(), Existing::Replaced).unwrap();
            assert!(matches!(load(&path), Err(KeyError::Encrypted(_))), "{head}");
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
