//! Deterministic CBOR once more, by another hand than `core/statement/src/codec.rs` and from RFC 8949 alone: one pass, no
//! library. It says which bytes are canonical, and reads sloppy bytes as what they mean, so that a fuzzer that does not know
//! how to sort a map still reaches what lies behind the canonical form.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use driftless_statement::codec::Item;
use driftless_statement::limits::{CBOR_DEPTH, CBOR_WEIGHT};

/// The item that bytes are the canonical form of, by the bounds of statements.
pub fn strict(bytes: &[u8]) -> Option<Item> {
    let mut reader = Reader { rest: bytes, strict: true, weight: 0 };
    let item = reader.item(0)?;
    (reader.rest.is_empty() && reader.weight <= CBOR_WEIGHT).then_some(item)
}

/// The item that bytes begin with, in whatever form of definite length.
pub fn sloppy(bytes: &[u8]) -> Option<Item> {
    Reader { rest: bytes, strict: false, weight: 0 }.item(0)
}

struct Reader<'a> {
    rest: &'a [u8],
    strict: bool,
    weight: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self, width: u64) -> Option<u64> {
        Some(self.take(width)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The argument of a head (RFC 8949 §3): canonical in the shortest of its widths (§4.2.1).
    fn argument(&mut self, low: u8) -> Option<u64> {
        let (width, least) = match low {
            0..=23 => return Some(low.into()),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return None,
        };
        let number = self.number(width)?;
        (!self.strict || number >= least).then_some(number)
    }

    fn item(&mut self, depth: usize) -> Option<Item> {
        if depth > CBOR_DEPTH || self.weight > CBOR_WEIGHT {
            return None;
        }
        let head = *self.take(1)?.first()?;
        let (major, low) = (head >> 5, head & 31);
        let entries = if major == 7 { 0 } else { self.argument(low)? };
        self.weight += if major == 5 && entries > 0 { 16 } else { 1 };
        match major {
            0 => Some(Item::Int(entries.into())),
            1 => i64::try_from(entries).ok().map(|value| Item::Int(-1 - i128::from(value))),
            2 => Some(Item::Bytes(self.take(entries)?.to_vec())),
            3 => Some(Item::Text(std::str::from_utf8(self.take(entries)?).ok()?.to_owned())),
            4 => (0..entries).map(|_| self.item(depth + 1)).collect::<Option<_>>().map(Item::Array),
            5 => self.map(entries, depth),
            7 => self.simple(low),
            _ => None,
        }
    }

    fn map(&mut self, entries: u64, depth: usize) -> Option<Item> {
        let mut list = Vec::new();
        let mut last: &[u8] = &[];
        for _ in 0..entries {
            let from = self.rest;
            let key = self.item(depth + 1)?;
            let bytes = &from[..from.len() - self.rest.len()];
            if self.strict && last >= bytes {
                return None;
            }
            last = bytes;
            list.push((key, self.item(depth + 1)?));
        }
        Some(Item::Map(list))
    }

    fn simple(&mut self, low: u8) -> Option<Item> {
        let value = match low {
            20 | 21 => return Some(Item::Bool(low == 21)),
            22 => return Some(Item::Null),
            25 => half(self.number(2)? as u16),
            26 => f64::from(f32::from_bits(self.number(4)? as u32)),
            27 => f64::from_bits(self.number(8)?),
            _ => return None,
        };
        let shorter = match low {
            26 => halves().contains(&value.to_bits()),
            27 => f64::from(value as f32).to_bits() == value.to_bits(),
            _ => false,
        };
        (value.is_finite() && !(self.strict && shorter)).then_some(Item::Float(value))
    }
}

/// Every value that a half has, by its bits as a double.
fn halves() -> &'static BTreeSet<u64> {
    static HALVES: OnceLock<BTreeSet<u64>> = OnceLock::new();
    HALVES.get_or_init(|| (0..=u16::MAX).map(|bits| half(bits).to_bits()).collect())
}

/// A half-precision float (IEEE 754, binary16) by its definition.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}
