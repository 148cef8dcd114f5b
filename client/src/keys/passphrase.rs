//! Key files encrypted with a passphrase: the whole text of a key file as age encrypts it (the scrypt recipient, ASCII armour), so
//! that `age -d` opens what is made here and what `age -p -a` makes is opened here. It must not know terminals.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, scrypt};
use driftless_statement::{PublicKey, SecretKey};
use zeroize::Zeroizing;

use super::{Existing, KeyError, LARGEST, decode, encode, is_descriptor, is_encrypted, place, read_private};

/// The work factor of files made here, as a binary logarithm: scrypt then needs 128 MiB and some tenths of a second, for each guess too.
/// What `age` itself takes is 18.
const WORK: u8 = 17;
/// The most that is spent on a file: 1 GiB and some seconds. A file from elsewhere may name any.
pub const MOST_WORK: u8 = 20;
/// The longest passphrase.
const LONGEST: usize = 1024;

/// A passphrase. Wiped when dropped; has no `Display`, and its `Debug` hides it.
#[derive(Debug, Clone)]
pub struct Passphrase(SecretString);

/// Why something is no passphrase.
#[derive(Debug, thiserror::Error)]
pub enum BadPassphrase {
    /// Nothing in it.
    #[error("the passphrase is empty; to have no passphrase use `driftless keys passphrase FILE --remove`")]
    Empty,
    /// Too long.
    #[error("the passphrase is longer than {LONGEST} bytes")]
    TooLong,
    /// Its file cannot be used.
    #[error("passphrase file {path}: {why}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl Passphrase {
    /// Takes a passphrase.
    pub fn new(text: Zeroizing<String>) -> Result<Self, BadPassphrase> {
        match text.len() {
            0 => Err(BadPassphrase::Empty),
            long if long > LONGEST => Err(BadPassphrase::TooLong),
            _ => Ok(Self(SecretString::from(text.as_str()))),
        }
    }

    /// The first line of a file that only its owner can read, or of a descriptor (`/dev/fd/3`).
    pub fn read(path: &Path) -> Result<Self, BadPassphrase> {
        let bad = |why: String| BadPassphrase::File { path: path.to_owned(), why };
        let metadata = fs::metadata(path).map_err(|error| bad(error.to_string()))?;
        let mode = metadata.permissions().mode() & 0o7777;
        let passed = metadata.file_type().is_fifo() && is_descriptor(path);
        if !passed && !metadata.is_file() {
            return Err(bad("neither a regular file nor a pipe that was passed as /dev/fd/N".to_owned()));
        }
        if !passed && mode & 0o077 != 0 {
            return Err(bad(format!(
                "mode {mode:04o} lets others than its owner at it; run `chmod 600`, and change the passphrase"
            )));
        }
        let file = fs::File::open(path).map_err(|error| bad(error.to_string()))?;
        let mut text = Zeroizing::new(String::with_capacity(LARGEST as usize));
        file.take(LARGEST).read_to_string(&mut text).map_err(|error| bad(error.to_string()))?;
        let mut lines = text.lines();
        let first = Zeroizing::new(lines.next().unwrap_or_default().to_owned());
        if lines.any(|line| !line.is_empty()) {
            return Err(bad("has more than one line; the passphrase must be the only one".to_owned()));
        }
        Self::new(first)
    }
}

/// What a key file holds.
pub enum Opened {
    /// The key itself.
    Key(SecretKey),
    /// The key, encrypted.
    Encrypted(Encrypted),
}

/// An encrypted key file that was read. It is read once, since a pipe can be read only once, and unlocked as often as it takes.
pub struct Encrypted {
    path: PathBuf,
    bytes: Zeroizing<Vec<u8>>,
}

/// Reads a key file, encrypted or not, on the terms of [`super::load`].
pub fn open(path: &Path) -> Result<Opened, KeyError> {
    let bytes = read_private(path)?;
    match is_encrypted(&bytes) {
        true => Ok(Opened::Encrypted(Encrypted { path: path.to_owned(), bytes })),
        false => decode(path, &bytes).map(Opened::Key),
    }
}

impl Encrypted {
    /// The key, if this is the passphrase.
    pub fn unlock(&self, passphrase: &Passphrase) -> Result<SecretKey, KeyError> {
        let failed = |error| self.failed(&error);
        let decryptor = Decryptor::new(ArmoredReader::new(self.bytes.as_slice())).map_err(failed)?;
        if !decryptor.is_scrypt() {
            return Err(self.not_read("it is encrypted to keys, not with a passphrase; decrypt it with `age -d -i`"));
        }
        let mut identity = scrypt::Identity::new(passphrase.0.clone());
        identity.set_max_work_factor(MOST_WORK);
        let reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(failed)?;
        let mut text = Zeroizing::new(Vec::with_capacity(LARGEST as usize));
        let damaged = |_| self.not_read("it is damaged; restore it from a backup");
        reader.take(LARGEST).read_to_end(&mut text).map_err(damaged)?;
        decode(&self.path, &text)
    }

    fn not_read(&self, why: &str) -> KeyError {
        KeyError::Undecryptable { path: self.path.clone(), why: why.to_owned() }
    }

    fn failed(&self, error: &DecryptError) -> KeyError {
        match error {
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
                KeyError::WrongPassphrase(self.path.clone())
            }
            DecryptError::ExcessiveWork { required, .. } => {
                KeyError::Costly { path: self.path.clone(), got: *required }
            }
            DecryptError::UnknownFormat => self.not_read("it is of a later version of age than is known here"),
            // What is left is a header or armour that is none; the crate may learn to tell more apart.
            _ => self.not_read("it is damaged; restore it from a backup"),
        }
    }
}

/// Writes a key file that must not exist, encrypted, and beside it the public key in `FILE.pub`.
pub fn save(path: &Path, key: &SecretKey, passphrase: &Passphrase) -> Result<(), KeyError> {
    put(path, key, passphrase, WORK, Existing::Refused)
}

/// Replaces a key file by one with this passphrase, or with none: whole, or it stays as it is.
pub fn change(path: &Path, key: &SecretKey, passphrase: Option<&Passphrase>) -> Result<(), KeyError> {
    match passphrase {
        Some(passphrase) => put(path, key, passphrase, WORK, Existing::Replaced),
        None => place(path, encode(key).as_bytes(), Existing::Replaced),
    }
}

fn put(path: &Path, key: &SecretKey, passphrase: &Passphrase, work: u8, existing: Existing) -> Result<(), KeyError> {
    let failed = |cause| KeyError::Io { path: path.to_owned(), doing: "encrypting it", cause };
    // Before the costly part; `place` refuses it in one step.
    if existing == Existing::Refused && path.exists() {
        return Err(KeyError::Exists(path.to_owned()));
    }
    let text = encrypt(encode(key).as_bytes(), passphrase, work).map_err(failed)?;
    place(path, &text, existing)?;
    // Beside it, since age refuses text before its armour. It is no secret, but goes the same way.
    place(&public_file(path), format!("{}\n", key.public()).as_bytes(), Existing::Replaced)
}

fn encrypt(text: &[u8], passphrase: &Passphrase, work: u8) -> std::io::Result<Vec<u8>> {
    let mut recipient = scrypt::Recipient::new(passphrase.0.clone());
    recipient.set_work_factor(work);
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient));
    let encryptor = encryptor.map_err(std::io::Error::other)?;
    let armour = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armour)?;
    writer.write_all(text)?;
    writer.finish()?.finish()
}

/// Where the public key of an encrypted key file is written down.
pub fn public_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

/// The public key of an encrypted key file as it is written down beside it. Only the passphrase tells whether that is true.
pub fn public(path: &Path) -> Option<PublicKey> {
    let mut text = String::new();
    fs::File::open(public_file(path)).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
    text.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    /// Cheap: what is tested is not how long guessing takes.
    const CHEAP: u8 = 4;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(Zeroizing::new(text.to_owned())).unwrap()
    }

    fn made(dir: &tempfile::TempDir, work: u8) -> (PathBuf, SecretKey) {
        let (path, key) = (dir.path().join("key.age"), SecretKey::from_bytes([7; 32]));
        put(&path, &key, &passphrase("open sesame"), work, Existing::Refused).unwrap();
        (path, key)
    }

    fn unlock(path: &Path, text: &str) -> Result<SecretKey, KeyError> {
        match open(path).unwrap() {
            Opened::Encrypted(encrypted) => encrypted.unlock(&passphrase(text)),
            Opened::Key(_) => panic!("not encrypted"),
        }
    }

    #[test]
    fn opens_with_its_passphrase_only() {
        let dir = tempfile::tempdir().unwrap();
        let (path, key) = made(&dir, CHEAP);
        assert_eq!(unlock(&path, "open sesame").unwrap().public(), key.public());
        assert!(matches!(unlock(&path, "Open sesame"), Err(KeyError::WrongPassphrase(_))));
        assert!(matches!(super::super::load(&path), Err(KeyError::Encrypted(_))));
        assert_eq!(public(&path), Some(key.public()));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n") && !text.contains("driftless"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(save(&path, &key, &passphrase("x")), Err(KeyError::Exists(_))), "never overwritten");
    }

    #[test]
    fn damage_and_cost_are_told_from_a_wrong_passphrase() {
        let dir = tempfile::tempdir().unwrap();
        let (path, _) = made(&dir, CHEAP);
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let cut = lines[..lines.len() - 2].join("\n");
        let end = lines[lines.len() - 2];
        let swapped = text.replace(end, &end.chars().rev().collect::<String>());
        for damaged in [cut.as_str(), swapped.as_str(), &text.replace('-', "="), &format!("{}\n", lines[0])] {
            place(&path, damaged.as_bytes(), Existing::Replaced).unwrap();
            let error = match open(&path) {
                Ok(Opened::Encrypted(encrypted)) => encrypted.unlock(&passphrase("open sesame")).err(),
                Ok(Opened::Key(_)) => None,
                Err(error) => Some(error),
            };
            assert!(
                matches!(error, Some(KeyError::Undecryptable { .. } | KeyError::Malformed(_))),
                "{error:?}: {damaged}"
            );
        }
        // The work factor stands in the open, so that a hostile file can name any.
        let plain = encrypt(b"x", &passphrase("open sesame"), CHEAP).unwrap();
        let mut binary = Vec::new();
        ArmoredReader::new(plain.as_slice()).read_to_end(&mut binary).unwrap();
        let at = binary.windows(3).position(|window| window == b" 4\n").unwrap();
        binary.splice(at..at + 3, *b" 40\n");
        place(&path, &binary, Existing::Replaced).unwrap();
        assert!(matches!(unlock(&path, "open sesame"), Err(KeyError::Costly { got: 40, .. })));
    }

    #[test]
    fn a_passphrase_is_set_changed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, key) = (dir.path().join("key"), SecretKey::from_bytes([9; 32]));
        super::super::save(&path, &key).unwrap();
        put(&path, &key, &passphrase("one"), CHEAP, Existing::Replaced).unwrap();
        put(&path, &key, &passphrase("two"), CHEAP, Existing::Replaced).unwrap();
        assert!(unlock(&path, "one").is_err() && unlock(&path, "two").is_ok());
        change(&path, &key, None).unwrap();
        assert_eq!(super::super::load(&path).unwrap().public(), key.public());
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "the key file and its .pub: {left:?}");
    }

    #[test]
    fn passphrase_files_are_one_line_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pass");
        let read = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Passphrase::read(&path)
        };
        assert!(read("open sesame\n", 0o600).is_ok() && read("open sesame", 0o400).is_ok());
        assert!(matches!(read("x\n", 0o640), Err(BadPassphrase::File { .. })));
        assert!(matches!(read("one\ntwo\n", 0o600), Err(BadPassphrase::File { .. })));
        assert!(matches!(read("\n", 0o600), Err(BadPassphrase::Empty)));
        assert!(matches!(read(&"x".repeat(1025), 0o600), Err(BadPassphrase::TooLong)));
        let shown = format!("{:?}", passphrase("open sesame"));
        assert!(!shown.contains("sesame"), "{shown}");
    }
}
