//! A recipient: the public half of an age identity, `age1…`. It is no secret.

use std::fmt;
use std::str::FromStr;

/// A text is no recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRecipient {
    /// Another text altogether.
    #[error(
        "not an age recipient: one is age1 and 58 letters and digits, as `age-keygen` and `driftless status` print it"
    )]
    Text,
    /// A secret key was given instead. It is not repeated.
    #[error(
        "this is an identity, the SECRET half: give the recipient (age1…) that `age-keygen -y` prints; whoever has seen \
         this identity can open what is sealed to it"
    )]
    Identity,
    /// One of age's other kinds.
    #[error("only X25519 recipients (age1… of 62 characters) are known; not SSH keys, plugins or post-quantum ones")]
    Kind,
    /// A point of small order: what is sealed to it, everybody can open.
    #[error(
        "this recipient is a point of small order, which no identity has: everybody could open what is sealed to it"
    )]
    SmallOrder,
}

/// Whom a secret is sealed to.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    pub(super) key: age::x25519::Recipient,
    /// Kept beside: it is what is compared, sorted and shown.
    text: String,
}

impl Recipient {
    pub(super) fn of(key: age::x25519::Recipient) -> Self {
        let text = key.to_string();
        Self { key, text }
    }

    /// The text, `age1…`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Recipient {
    type Err = BadRecipient;

    fn from_str(text: &str) -> Result<Self, BadRecipient> {
        if text.get(..15).is_some_and(|start| start.eq_ignore_ascii_case("AGE-SECRET-KEY-")) {
            return Err(BadRecipient::Identity);
        }
        let other = ["ssh-", "age1pq1", "age1tag1", "age1tagpq1", "age1yubikey1", "age1se1"];
        if other.iter().any(|start| text.starts_with(start)) {
            return Err(BadRecipient::Kind);
        }
        let key: age::x25519::Recipient = text.parse().map_err(|_| BadRecipient::Text)?;
        let recipient = Self::of(key);
        if recipient.text != text {
            return Err(BadRecipient::Text);
        }
        // The age crate panics when it is asked to seal to such a point.
        let (_, bytes) = bech32::decode(text).map_err(|_| BadRecipient::Text)?;
        let point: [u8; 32] = bytes.try_into().map_err(|_| BadRecipient::Text)?;
        if x25519_dalek::x25519([0x55; 32], point) == [0; 32] {
            return Err(BadRecipient::SmallOrder);
        }
        Ok(recipient)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
