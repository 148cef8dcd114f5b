//! An identity: the secret half that opens what is sealed to its recipient, in age's own file format. It has no `Debug`,
//! its text is wiped, and no error says anything of it.

use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::Recipient;
use crate::keys::{self, KeyError};

/// Why an identity file was not read or written. Says nothing of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no such file.
    #[error("identity file {0}: not found; make one with `age-keygen -o FILE`, or correct the path")]
    Missing(PathBuf),
    /// The file is not one that may be used, or the system refused.
    #[error(transparent)]
    File(#[from] KeyError),
    /// It holds no identity, or something else beside.
    #[error(
        "identity file {0}: must hold lines AGE-SECRET-KEY-1…, as `age-keygen` writes them, beside lines that begin with #; \
         one with a passphrase is opened by age first: --identity <(age -d FILE)"
    )]
    Malformed(PathBuf),
}

/// What opens secrets. Whoever has it can read all that was ever sealed to its recipient.
#[derive(Clone)]
pub struct Identity(pub(super) age::x25519::Identity);

impl Identity {
    /// A new one from the system's randomness.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Whom others seal to.
    pub fn recipient(&self) -> Recipient {
        Recipient::of(self.0.to_public())
    }

    /// Reads the text of an identity file, as `age-keygen` writes it: at least one identity, comments, and nothing else.
    pub fn parse_all(text: &str) -> Option<Vec<Self>> {
        let lines = text.lines().map(str::trim_end).filter(|line| !line.starts_with('#') && !line.is_empty());
        let found: Vec<Self> = lines.map(|line| line.parse().map(Self)).collect::<Result<_, _>>().ok()?;
        if found.is_empty() { None } else { Some(found) }
    }

    /// Reads an identity file. One that others than its owner can read is refused; a pipe is read when it was passed as a
    /// descriptor (`/dev/fd/3`).
    pub fn load(path: &Path) -> Result<Vec<Self>, IdentityError> {
        let bytes = keys::read_private(path).map_err(|error| match error {
            KeyError::Missing(path) => IdentityError::Missing(path),
            error => IdentityError::File(error),
        })?;
        let text = str::from_utf8(&bytes).ok();
        text.and_then(Self::parse_all).ok_or_else(|| IdentityError::Malformed(path.to_owned()))
    }

    /// Writes an identity file with mode 0600, which must not exist: whole and synced, or not at all.
    pub fn save(&self, path: &Path) -> Result<(), IdentityError> {
        let secret = self.0.to_string();
        let public = self.recipient();
        let parts = ["# driftless identity, opens what is sealed to\n# public key: ", public.as_str(), "\n"];
        // With room from the start, so that no reallocation leaves a copy of the secret behind.
        let room = parts.iter().map(|part| part.len()).sum::<usize>() + secret.expose_secret().len() + 1;
        let mut text = Zeroizing::new(String::with_capacity(room));
        parts.iter().for_each(|part| text.push_str(part));
        text.push_str(secret.expose_secret());
        text.push('\n');
        Ok(keys::save_text(path, &text)?)
    }
}
