//! Names made of bytes: statement ids, mesh ids, public keys and element ids. Parsed once, never wrong afterwards.

use core::fmt;
use core::str::FromStr;

/// Why a text is no id: says what was expected. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {want} lowercase hexadecimal digits, got {got} characters")]
pub struct BadHex {
    what: &'static str,
    want: usize,
    got: usize,
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// Reads exactly 32 bytes of lowercase hexadecimal.
pub fn parse_hex32(what: &'static str, text: &str) -> Result<[u8; 32], BadHex> {
    let bad = || BadHex { what, want: 64, got: text.chars().count() };
    let bytes = text.as_bytes();
    if bytes.len() != 64 {
        return Err(bad());
    }
    let mut out = [0u8; 32];
    for (slot, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        let [high, low] = pair else { return Err(bad()) };
        let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low)) else { return Err(bad()) };
        *slot = high << 4 | low;
    }
    Ok(out)
}

/// Writes bytes as lowercase hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0');
    let mut text = String::with_capacity(bytes.len() * 2);
    // Every read over HTTP writes an entity tag: not through the formatter, which costs as much as the rest of it.
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    text
}

#[inline]
fn first_eight(bytes: &[u8; 32]) -> u64 {
    bytes.first_chunk().map_or(0, |eight| u64::from_be_bytes(*eight))
}

macro_rules! id32 {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub [u8; 32]);

        impl Ord for $name {
            /// The order of the bytes. Ids are hashes, so the first eight nearly always decide: compared as one number,
            /// without a call for each step down a tree.
            #[inline]
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                first_eight(&self.0).cmp(&first_eight(&other.0)).then_with(|| self.0.cmp(&other.0))
            }
        }

        impl PartialOrd for $name {
            #[inline]
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $name {
            /// The raw bytes.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first ten hexadecimal digits: for people, never for lookups.
            pub fn short(&self) -> String {
                self.0.iter().take(5).map(|byte| format!("{byte:02x}")).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl FromStr for $name {
            type Err = BadHex;
            fn from_str(text: &str) -> Result<Self, BadHex> {
                parse_hex32($what, text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id32!(
    /// BLAKE3-256 of a statement's canonical bytes without the signature.
    StatementId,
    "a statement id"
);
id32!(
    /// One trust domain: the id of its genesis statement.
    MeshId,
    "a mesh id"
);
id32!(
    /// An Ed25519 public key as its canonical 32 bytes: an author or a node.
    PublicKey,
    "a public key"
);

impl StatementId {
    /// What genesis puts where others name their grant: it relies on nothing.
    pub const NONE: Self = Self([0; 32]);

    /// The id of these canonical bytes.
    pub fn of(canonical: &[u8]) -> Self {
        Self(*blake3::hash(canonical).as_bytes())
    }
}

impl MeshId {
    /// What genesis itself carries as its mesh: the real id is its own hash.
    pub const UNFOUNDED: Self = Self([0; 32]);
}

impl From<StatementId> for MeshId {
    fn from(genesis: StatementId) -> Self {
        Self(genesis.0)
    }
}

/// A list element, named by the edit that created it: the `ordinal`-th list element, in document order, of what
/// edit number `edit` of one entry's edits in `statement` put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ElementId {
    /// The statement that created the element.
    pub statement: StatementId,
    /// Index of the edit among that statement's edits of the entry.
    pub edit: u32,
    /// Index of the element among those the edit created, parents before children, left to right.
    pub ordinal: u32,
}

#[cfg(test)]
mod tests {
    use super::{StatementId, hex};

    #[test]
    fn ids_stand_in_the_order_of_their_bytes() {
        let of = |at: usize, byte: u8| {
            let mut id = [7; 32];
            id[at] = byte;
            StatementId(id)
        };
        let ids: Vec<StatementId> = (0..32).flat_map(|at| [0, 6, 8, 255].map(|byte| of(at, byte))).collect();
        for one in &ids {
            for other in &ids {
                assert_eq!(one.cmp(other), one.0.cmp(&other.0), "{one} {other}");
            }
        }
    }

    #[test]
    fn hexadecimal_has_two_digits_a_byte() {
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff, 0x12]), "000fa0ff12");
    }
}
