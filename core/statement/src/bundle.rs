//! Bundles: statements in one file or request body, as an RFC 8742 sequence of CBOR byte strings, each the wire bytes of
//! one statement. It must not know what the statements say.

use crate::codec::{self, Item};
use crate::limits::STATEMENT_BYTES;

/// Why bytes are no bundle. None of it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadBundle {
    /// What stands there is no CBOR byte string of definite length in its shortest form.
    #[error(
        "byte {at}: not a CBOR byte string of definite length in its shortest form (RFC 8949 section 4.2.1); a bundle is a sequence \
         of them, one for each statement"
    )]
    NotBytes {
        /// Offset.
        at: usize,
    },
    /// The bytes end within a statement.
    #[error("byte {at}: the bundle ends within a statement; was it cut off?")]
    Truncated {
        /// Offset of the statement.
        at: usize,
    },
    /// More statements than the reader takes.
    #[error("more than {max} statements; send them in several parts")]
    TooMany {
        /// How many it takes.
        max: usize,
    },
    /// Longer than any statement.
    #[error("byte {at}: a statement of {got} bytes; the limit is {max}", max = STATEMENT_BYTES + 64)]
    TooLarge {
        /// Offset of the statement.
        at: usize,
        /// Its length.
        got: u64,
    },
}

/// The bundle of these wire bytes, in their order.
pub fn encode(wires: impl IntoIterator<Item: AsRef<[u8]>>) -> Vec<u8> {
    wires.into_iter().flat_map(|wire| codec::encode(&Item::bytes(wire.as_ref()))).collect()
}

/// The wire bytes in a bundle, in their order. Nothing is allocated for a length that the bytes cannot hold.
pub fn decode(bundle: &[u8]) -> Result<Vec<&[u8]>, BadBundle> {
    decode_at_most(bundle, usize::MAX)
}

/// The same, for a reader that takes only so many at once: it looks no further than one beyond.
pub fn decode_at_most(bundle: &[u8], max: usize) -> Result<Vec<&[u8]>, BadBundle> {
    let mut wires = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        if wires.len() == max {
            return Err(BadBundle::TooMany { max });
        }
        let at = bundle.len() - rest.len();
        let (length, body) = head(rest).ok_or(BadBundle::NotBytes { at })?;
        if length > (STATEMENT_BYTES + 64) as u64 {
            return Err(BadBundle::TooLarge { at, got: length });
        }
        let split = usize::try_from(length).ok().and_then(|length| body.split_at_checked(length));
        let (wire, after) = split.ok_or(BadBundle::Truncated { at })?;
        wires.push(wire);
        rest = after;
    }
    Ok(wires)
}

/// Reads the head of a byte string (RFC 8949 §3, major type 2): its length, and what follows.
fn head(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let width = match first {
        0x40..=0x57 => return Some((u64::from(first - 0x40), rest)),
        0x58 => 1,
        0x59 => 2,
        0x5a => 4,
        0x5b => 8,
        _ => return None,
    };
    let (length, rest) = rest.split_at_checked(width)?;
    let length = length.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    let shortest = match width {
        1 => length >= 24,
        2 => length > 0xff,
        4 => length > 0xffff,
        _ => length > 0xffff_ffff,
    };
    shortest.then_some((length, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn gives_back_what_went_in() {
        let wires: Vec<Vec<u8>> = [0usize, 1, 23, 24, 255, 256, 65_535, 65_536].map(|len| vec![7; len]).to_vec();
        let bundle = encode(wires.iter().map(Vec::as_slice));
        assert_eq!(decode(&bundle).unwrap(), wires);
        assert_eq!(decode(&[]).unwrap(), Vec::<&[u8]>::new());
    }

    #[test]
    fn refuses_all_else() {
        assert_eq!(decode(&[0x41, 1, 0x80]), Err(BadBundle::NotBytes { at: 2 }));
        assert_eq!(decode(&[0x58, 3, 1, 2, 3]), Err(BadBundle::NotBytes { at: 0 }));
        assert_eq!(decode(&[0x5f, 0xff]), Err(BadBundle::NotBytes { at: 0 }));
        assert_eq!(decode(&[0x40, 0x43, 1]), Err(BadBundle::Truncated { at: 1 }));
        assert_eq!(decode(&[0x5b, 0, 0, 0, 1, 0, 0, 0, 0]), Err(BadBundle::TooLarge { at: 0, got: 1 << 32 }));
        assert_eq!(decode(&[0x59]), Err(BadBundle::NotBytes { at: 0 }));
        assert_eq!(decode_at_most(&[0x40, 0x40, 0x80], 2), Err(BadBundle::TooMany { max: 2 }));
        assert_eq!(decode_at_most(&[0x40, 0x40], 2).unwrap().len(), 2);
        assert!(decode_at_most(&[], 0).unwrap().is_empty());
    }
}
