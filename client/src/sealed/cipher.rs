//! Sealing and opening, by the age crate. The bytes of a secret pass through buffers that are wiped and made large enough
//! at once, so that no reallocation leaves a copy behind.

use std::io::{self, Read, Write};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{DecryptError, Decryptor, Encryptor};
use zeroize::Zeroizing;

use super::{Identity, RECIPIENTS, Recipients, SECRET_BYTES, Sealed, check_name};

/// Why nothing was sealed. Says nothing of the secret.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The name of the group is not one.
    #[error("group: {0}")]
    Group(String),
    /// The name of a recipient is not one.
    #[error("recipients: a name {0}")]
    Name(String),
    /// Nobody to seal to.
    #[error("group {0} has no recipients; add one with `driftless secret recipients add`")]
    NoRecipients(String),
    /// Too many to seal to, or too many that know the secret.
    #[error("{field} names {got} recipients, at most {RECIPIENTS}; {fix}")]
    TooMany {
        /// Which list.
        field: &'static str,
        /// How many.
        got: usize,
        /// What helps.
        fix: &'static str,
    },
    /// The secret is too large.
    #[error("the secret has {got} bytes, at most {SECRET_BYTES}; keep the data elsewhere and seal the key to it")]
    TooLarge {
        /// Its size.
        got: usize,
    },
    /// The crate failed, which buffers in memory should never make it do.
    #[error("sealing failed: {0}")]
    Cipher(io::Error),
}

/// Why a sealed value was not opened. Says nothing of the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// None of the identities is one that it is sealed to.
    #[error(
        "sealed to group {group} ({names}), and none of the identities at hand is among them; whoever holds one of them adds \
         this one with `driftless secret recipients add {group} NAME age1… --reseal`"
    )]
    NotARecipient {
        /// The group.
        group: String,
        /// Whom it says to be sealed to.
        names: String,
    },
    /// It is no whole age file: cut, altered, or never one.
    #[error("damaged: {0}; whoever knows the secret sets it again with `driftless secret set`, or reverts the edit")]
    Damaged(&'static str),
}

/// Why a sealed value was not sealed anew. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Seals a secret to recipients. `known_to` are those who could read this same secret before and are no recipients now.
pub fn seal(secret: &[u8], group: &str, recipients: Recipients, known_to: Recipients) -> Result<Sealed, SealError> {
    check_name(group).map_err(SealError::Group)?;
    if recipients.is_empty() {
        return Err(SealError::NoRecipients(group.to_owned()));
    }
    let too_many = |field, got, fix| Err(SealError::TooMany { field, got, fix });
    if recipients.len() > RECIPIENTS {
        return too_many("recipients", recipients.len(), "make two groups");
    }
    if known_to.len() > RECIPIENTS {
        return too_many("known_to", known_to.len(), "rotate the secret: `driftless secret rotate`");
    }
    recipients.keys().chain(known_to.keys()).try_for_each(|name| check_name(name)).map_err(SealError::Name)?;
    if secret.len() > SECRET_BYTES {
        return Err(SealError::TooLarge { got: secret.len() });
    }
    let age = encrypt(secret, &recipients)?;
    Ok(Sealed { age, group: group.to_owned(), recipients, known_to })
}

fn encrypt(secret: &[u8], recipients: &Recipients) -> Result<String, SealError> {
    let keys = recipients.values().map(|recipient| &recipient.key as &dyn age::Recipient);
    let failed = |error: age::EncryptError| SealError::Cipher(io::Error::other(error.to_string()));
    let encryptor = Encryptor::with_recipients(keys).map_err(failed)?;
    let mut armored = Vec::with_capacity(2 * secret.len() + 1024);
    let write = || -> io::Result<()> {
        let armor = ArmoredWriter::wrap_output(&mut armored, Format::AsciiArmor)?;
        let mut writer = encryptor.wrap_output(armor)?;
        writer.write_all(secret)?;
        writer.finish()?.finish()?;
        Ok(())
    };
    write().map_err(SealError::Cipher)?;
    String::from_utf8(armored).map_err(|_| SealError::Cipher(io::Error::other("the armor is not text")))
}

impl Sealed {
    /// Opens it with the first identity that fits.
    pub fn open(&self, identities: &[Identity]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let why = |error| match error {
            DecryptError::NoMatchingKeys => OpenError::NotARecipient {
                group: self.group.clone(),
                names: self.recipients.keys().cloned().collect::<Vec<_>>().join(", "),
            },
            DecryptError::InvalidMac => OpenError::Damaged("its header was altered"),
            DecryptError::UnknownFormat => OpenError::Damaged("it is of a version of age that is not known"),
            // The crate's own, and open to more.
            _ => OpenError::Damaged("it is not an age file"),
        };
        let decryptor = Decryptor::new_buffered(ArmoredReader::new(self.age.as_bytes())).map_err(why)?;
        let keys = identities.iter().map(|identity| &identity.0 as &dyn age::Identity);
        let reader = decryptor.decrypt(keys).map_err(why)?;
        let mut secret = Zeroizing::new(Vec::with_capacity(self.age.len()));
        // Armor is longer than what it holds: the bound is never met, and never a second allocation.
        let bound = u64::try_from(self.age.len()).unwrap_or(u64::MAX);
        let cut = |_| OpenError::Damaged("its content was altered or cut");
        reader.take(bound).read_to_end(&mut secret).map_err(cut)?;
        Ok(secret)
    }

    /// The same secret for other recipients: who could read it and is no recipient any more is written down.
    pub fn reseal(&self, identities: &[Identity], next: Recipients) -> Result<Self, ResealError> {
        let secret = self.open(identities)?;
        let known = self.known_after(&next);
        Ok(seal(&secret, &self.group, next, known)?)
    }
}
