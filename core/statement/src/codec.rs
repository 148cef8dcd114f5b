//! Deterministic CBOR (RFC 8949 §4.2.1): one byte string for each item, and a decoder that accepts no other.
//!
//! `minicbor` reads and writes the primitives. Canonical form is enforced by construction: what was decoded is encoded
//! again and must give the same bytes.

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

use crate::limits::{CBOR_DEPTH, CBOR_WEIGHT};

/// A decoded CBOR item: the part of the data model that statements use (no tags, no undefined, no indefinite lengths).
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// null
    Null,
    /// true or false
    Bool(bool),
    /// An integer from −2⁶³ to 2⁶⁴−1.
    Int(i128),
    /// A finite float, written in the shortest of the three widths that keeps its value.
    Float(f64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string.
    Text(String),
    /// An array.
    Array(Vec<Item>),
    /// A map; entries in the order of their keys' encodings.
    Map(Vec<(Item, Item)>),
}

/// Why bytes are not the canonical encoding of an item. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCbor {
    /// The bytes end too early, are longer than the item, or are not CBOR.
    #[error("not one well-formed CBOR item: {0}")]
    Malformed(String),
    /// CBOR, but a kind of item that statements never contain.
    #[error("CBOR item of a kind that statements do not use: {0}")]
    Unsupported(String),
    /// Nested deeper than the bound.
    #[error("CBOR nested deeper than {CBOR_DEPTH} levels")]
    TooDeep,
    /// So many items that they would take far more memory than their bytes.
    #[error("CBOR of weight above {CBOR_WEIGHT}: too many items")]
    TooMany,
    /// The same item has a different canonical encoding.
    #[error("CBOR is not in the deterministic form of RFC 8949 section 4.2.1")]
    NotCanonical,
}

impl BadCbor {
    /// A stable code for problem types and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Unsupported(_) => "unsupported",
            Self::TooDeep => "too_deep",
            Self::TooMany => "too_many_items",
            Self::NotCanonical => "not_canonical",
        }
    }
}

/// The canonical bytes of an item. Map entries are sorted here, so callers may list them in any order.
pub fn encode(item: &Item) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    write(&mut out, item);
    out
}

/// Reads the canonical encoding of one item, and nothing else. Memory is bounded by [`CBOR_WEIGHT`] before any is taken.
pub fn decode(bytes: &[u8]) -> Result<Item, BadCbor> {
    let item = decode_any(bytes)?;
    if encode(&item) != bytes {
        return Err(BadCbor::NotCanonical);
    }
    Ok(item)
}

/// The same of an encoding that may not be the canonical one, for who compares what he makes of it with the bytes.
pub(crate) fn decode_any(bytes: &[u8]) -> Result<Item, BadCbor> {
    scan(bytes)?;
    read(&mut Decoder::new(bytes), 0)
}

/// Walks over the bytes without keeping anything: one complete item, of bounded depth and weight. Afterwards every
/// length that the bytes declare is known to be true.
fn scan(bytes: &[u8]) -> Result<(), BadCbor> {
    let mut decoder = Decoder::new(bytes);
    let mut weight = 0;
    // Items still to come in each container that is open.
    let mut open: Vec<u64> = vec![1];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        let inside = scan_one(&mut decoder)?;
        weight += if inside.map { MAP_WEIGHT } else { 1 };
        if weight > CBOR_WEIGHT {
            return Err(BadCbor::TooMany);
        }
        if inside.items > 0 {
            open.push(inside.items);
        }
        if open.len() > CBOR_DEPTH + 1 {
            return Err(BadCbor::TooDeep);
        }
    }
    if decoder.position() == bytes.len() { Ok(()) } else { Err(BadCbor::Malformed("bytes after the item".into())) }
}

/// What a map that is not empty counts: about the memory of its node, in items.
const MAP_WEIGHT: usize = 16;

/// What opens behind an item's head.
struct Inside {
    items: u64,
    map: bool,
}

fn scan_one(decoder: &mut Decoder<'_>) -> Result<Inside, BadCbor> {
    match decoder.datatype().map_err(malformed)? {
        Type::Array => {
            let items = length(decoder.array().map_err(malformed)?, decoder)?;
            Ok(Inside { items, map: false })
        }
        Type::Map => {
            let entries = length(decoder.map().map_err(malformed)?, decoder)?;
            Ok(Inside { items: 2 * entries, map: entries > 0 })
        }
        _ => scalar(decoder).map(|_| Inside { items: 0, map: false }),
    }
}

/// Runs an encoder over a byte vector: that writer never fails, so neither does this.
fn emit(out: &mut Vec<u8>, write: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) {
    write(&mut Encoder::new(out));
}

pub(crate) fn write(out: &mut Vec<u8>, item: &Item) {
    match item {
        Item::Null => emit(out, |e| drop(e.null())),
        Item::Bool(value) => emit(out, |e| drop(e.bool(*value))),
        Item::Int(value) => write_int(out, *value),
        Item::Float(value) => write_float(out, *value),
        Item::Bytes(value) => emit(out, |e| drop(e.bytes(value))),
        Item::Text(value) => emit(out, |e| drop(e.str(value))),
        Item::Array(items) => {
            emit(out, |e| drop(e.array(items.len() as u64)));
            items.iter().for_each(|item| write(out, item));
        }
        Item::Map(entries) => {
            emit(out, |e| drop(e.map(entries.len() as u64)));
            let start = out.len();
            let mut ends = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                write(out, key);
                let key_end = out.len();
                write(out, value);
                ends.push((key_end, out.len()));
            }
            put_in_order(out, start, &ends);
        }
    }
}

/// Puts a map's entries, written from `start` on, into the order of their keys' encodings. Nearly always they are. They are
/// moved and not written again: else each level of a nest of maps would double the work. Only the map's own bytes are moved.
fn put_in_order(out: &mut Vec<u8>, start: usize, ends: &[(usize, usize)]) {
    let starts = std::iter::once(start).chain(ends.iter().map(|(_, end)| *end));
    let spans = starts.zip(ends).map(|(start, (key_end, end))| (start..*key_end, start..*end));
    if spans.clone().is_sorted_by(|(one, _), (next, _)| out.get(one.clone()) < out.get(next.clone())) {
        return;
    }
    let moved = |span: std::ops::Range<usize>| span.start - start..span.end - start;
    let mut spans: Vec<_> = spans.map(|(key, entry)| (moved(key), moved(entry))).collect();
    let written = out.split_off(start);
    spans.sort_by(|(one, _), (next, _)| written.get(one.clone()).cmp(&written.get(next.clone())));
    for (_, entry) in spans {
        out.extend_from_slice(written.get(entry).unwrap_or_default());
    }
}

fn write_int(out: &mut Vec<u8>, value: i128) {
    match u64::try_from(value) {
        Ok(value) => emit(out, |e| drop(e.u64(value))),
        Err(_) => emit(out, |e| drop(e.i64(i64::try_from(value).unwrap_or(i64::MIN)))),
    }
}

fn write_float(out: &mut Vec<u8>, value: f64) {
    match half_bits(value) {
        Some(bits) => {
            out.push(HALF);
            out.extend_from_slice(&bits.to_be_bytes());
        }
        None if is_single(value) => emit(out, |e| drop(e.f32(value as f32))),
        None => emit(out, |e| drop(e.f64(value))),
    }
}

/// Initial byte of a half-precision float.
const HALF: u8 = 0xf9;

/// Bytes of a float's canonical encoding.
pub(crate) fn float_len(value: f64) -> usize {
    match half_bits(value) {
        Some(_) => 3,
        None if is_single(value) => 5,
        None => 9,
    }
}

fn is_single(value: f64) -> bool {
    f64::from(value as f32).to_bits() == value.to_bits()
}

/// The half-precision float with exactly this value, if there is one. Worked out on the bits: a half has 5 bits of
/// exponent (bias 15) and 10 of fraction, so a double fits when nothing is set below them.
fn half_bits(value: f64) -> Option<u16> {
    const FRACTION: u32 = 52;
    let bits = value.to_bits();
    let sign = ((bits >> 48) & 0x8000) as u16;
    let fraction = bits & ((1 << FRACTION) - 1);
    let exponent = ((bits >> FRACTION) & 0x7ff) as i64 - 1023;
    if value == 0.0 {
        return Some(sign);
    }
    // How many low bits of the fraction (with its leading one) a half cannot hold, and the exponent field it gets.
    let (lost, field) = match exponent {
        -14..=15 => (FRACTION - 10, (exponent + 15) as u64),
        -24..=-15 => (FRACTION - 10 + (-14 - exponent) as u32, 0),
        _ => return None,
    };
    let whole = fraction | (1 << FRACTION);
    if whole & ((1 << lost) - 1) != 0 {
        return None;
    }
    let kept = whole >> lost;
    let magnitude = if field == 0 { kept } else { (field << 10) | (kept & 0x3ff) };
    u16::try_from(magnitude).ok().map(|magnitude| sign | magnitude)
}

fn malformed(error: minicbor::decode::Error) -> BadCbor {
    BadCbor::Malformed(error.to_string())
}

/// An item that holds no others, without a copy.
enum Scalar<'b> {
    Item(Item),
    Bytes(&'b [u8]),
    Text(&'b str),
}

fn scalar<'b>(decoder: &mut Decoder<'b>) -> Result<Scalar<'b>, BadCbor> {
    let item = match decoder.datatype().map_err(malformed)? {
        Type::Null => decoder.null().map(|()| Item::Null),
        Type::Bool => decoder.bool().map(Item::Bool),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => decoder.u64().map(|value| Item::Int(value.into())),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => decoder.i64().map(|value| Item::Int(value.into())),
        Type::F16 => decoder.f16().map(|value| Item::Float(value.into())),
        Type::F32 => decoder.f32().map(|value| Item::Float(value.into())),
        Type::F64 => decoder.f64().map(Item::Float),
        Type::Bytes => return decoder.bytes().map(Scalar::Bytes).map_err(malformed),
        Type::String => return decoder.str().map(Scalar::Text).map_err(malformed),
        Type::BytesIndef | Type::StringIndef | Type::ArrayIndef | Type::MapIndef => return Err(BadCbor::NotCanonical),
        other @ Type::Unknown(_) => return Err(BadCbor::Malformed(other.to_string())),
        other => return Err(BadCbor::Unsupported(other.to_string())),
    };
    match item.map_err(malformed)? {
        Item::Float(value) if !value.is_finite() => Err(BadCbor::Unsupported("a float that is not finite".into())),
        item => Ok(Scalar::Item(item)),
    }
}

fn read(decoder: &mut Decoder<'_>, depth: usize) -> Result<Item, BadCbor> {
    if depth > CBOR_DEPTH {
        return Err(BadCbor::TooDeep);
    }
    match decoder.datatype().map_err(malformed)? {
        Type::Array => read_array(decoder, depth),
        Type::Map => read_map(decoder, depth),
        _ => Ok(match scalar(decoder)? {
            Scalar::Item(item) => item,
            Scalar::Bytes(bytes) => Item::bytes(bytes),
            Scalar::Text(text) => Item::text(text),
        }),
    }
}

fn read_array(decoder: &mut Decoder<'_>, depth: usize) -> Result<Item, BadCbor> {
    let len = length(decoder.array().map_err(malformed)?, decoder)?;
    let mut items = Vec::with_capacity(len as usize);
    for _ in 0..len {
        items.push(read(decoder, depth + 1)?);
    }
    Ok(Item::Array(items))
}

fn read_map(decoder: &mut Decoder<'_>, depth: usize) -> Result<Item, BadCbor> {
    let len = length(decoder.map().map_err(malformed)?, decoder)?;
    let mut entries = Vec::with_capacity(len as usize);
    let mut last: Option<&[u8]> = None;
    for _ in 0..len {
        let start = decoder.position();
        let key = read(decoder, depth + 1)?;
        let bytes = decoder.input().get(start..decoder.position()).unwrap_or_default();
        if last.is_some_and(|last| last >= bytes) {
            return Err(BadCbor::NotCanonical);
        }
        last = Some(bytes);
        entries.push((key, read(decoder, depth + 1)?));
    }
    Ok(Item::Map(entries))
}

/// A definite length that the remaining bytes can hold. `scan` has seen it kept when anything is allocated for it.
fn length(declared: Option<u64>, decoder: &Decoder<'_>) -> Result<u64, BadCbor> {
    let remaining = decoder.input().len().saturating_sub(decoder.position()) as u64;
    match declared {
        Some(len) if len <= remaining => Ok(len),
        Some(_) => Err(BadCbor::Malformed("a length beyond the end of input".into())),
        None => Err(BadCbor::NotCanonical),
    }
}

impl Item {
    /// A byte string.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }

    /// A text string.
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// An unsigned integer.
    pub fn uint(value: u64) -> Self {
        Self::Int(value.into())
    }

    /// This item as 32 bytes.
    pub fn as_32(&self) -> Option<[u8; 32]> {
        match self {
            Self::Bytes(bytes) => bytes.as_slice().try_into().ok(),
            _ => None,
        }
    }

    /// This item as an unsigned 64-bit integer.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// This item as a signed 64-bit integer.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// This item as a text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// This item as an array.
    pub fn as_array(&self) -> Option<&[Item]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }
}
