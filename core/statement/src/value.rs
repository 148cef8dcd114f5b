//! Values of entries: JSON whose numbers keep their kind. 1 and 1.0 differ; integers beyond 64 bits do not exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codec::{self, Item};
use crate::limits;

/// A JSON value. Integers lie between −2⁶³ and 2⁶⁴−1; floats are finite. Equality is by kind and bits, so −0.0 ≠ 0.0.
#[derive(Debug, Clone)]
pub enum Value {
    /// null
    Null,
    /// true or false
    Bool(bool),
    /// An integer of 64 bits, signed or unsigned.
    Int(i128),
    /// A finite float.
    Float(f64),
    /// A text, shared: the merged value holds the same one as the statement that wrote it.
    Text(Arc<str>),
    /// A list.
    List(Vec<Value>),
    /// A map; keys in byte order.
    Map(BTreeMap<String, Value>),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

/// Why something is no value. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// Nested too deeply.
    #[error("a value must be nested at most {max} levels deep", max = limits::VALUE_DEPTH)]
    TooDeep,
    /// An integer outside 64 bits.
    #[error("integer {0} does not fit 64 bits (write it as a text)")]
    Integer(String),
    /// NaN or an infinity.
    #[error("a float must be finite")]
    NotFinite,
    /// A map key that is too long.
    #[error("a map key must have at most {max} bytes, got {got}", max = limits::KEY_BYTES)]
    LongKey {
        /// Bytes given.
        got: usize,
    },
    /// CBOR of a kind that JSON does not have.
    #[error("a value holds only null, booleans, numbers, texts, lists and maps with text keys")]
    Kind,
}

impl BadValue {
    /// A stable code for problem types and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::TooDeep => "too_deep",
            Self::Integer(_) => "integer_range",
            Self::NotFinite => "not_finite",
            Self::LongKey { .. } => "long_key",
            Self::Kind => "value_kind",
        }
    }
}

impl Value {
    /// Checks depth, keys and numbers. Every value that came from outside passes here once.
    pub fn check(&self) -> Result<(), BadValue> {
        self.check_at(0)
    }

    fn check_at(&self, depth: usize) -> Result<(), BadValue> {
        if depth > limits::VALUE_DEPTH {
            return Err(BadValue::TooDeep);
        }
        match self {
            Self::Null | Self::Bool(_) | Self::Text(_) => Ok(()),
            Self::Int(value) if *value < i64::MIN.into() || *value > u64::MAX.into() => {
                Err(BadValue::Integer(value.to_string()))
            }
            Self::Int(_) => Ok(()),
            Self::Float(value) if value.is_finite() => Ok(()),
            Self::Float(_) => Err(BadValue::NotFinite),
            Self::List(items) => items.iter().try_for_each(|item| item.check_at(depth + 1)),
            Self::Map(entries) => entries.iter().try_for_each(|(key, value)| {
                check_key(key)?;
                value.check_at(depth + 1)
            }),
        }
    }

    /// Bytes of the value's canonical CBOR, without writing it.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 1,
            Self::Int(value) => head_len(if *value < 0 { -1 - *value } else { *value }.unsigned_abs()),
            Self::Float(value) => codec::float_len(*value),
            Self::Text(value) => text_len(value),
            Self::List(items) => head_len(items.len() as u128) + items.iter().map(Self::encoded_len).sum::<usize>(),
            Self::Map(entries) => {
                let inside: usize = entries.iter().map(|(key, value)| text_len(key) + value.encoded_len()).sum();
                head_len(entries.len() as u128) + inside
            }
        }
    }

    /// The value as a CBOR item.
    pub fn to_item(&self) -> Item {
        match self {
            Self::Null => Item::Null,
            Self::Bool(value) => Item::Bool(*value),
            Self::Int(value) => Item::Int(*value),
            Self::Float(value) => Item::Float(*value),
            Self::Text(value) => Item::text(value),
            Self::List(items) => Item::Array(items.iter().map(Self::to_item).collect()),
            Self::Map(entries) => {
                Item::Map(entries.iter().map(|(key, value)| (Item::text(key), value.to_item())).collect())
            }
        }
    }

    /// The value that a CBOR item stands for, checked.
    pub fn from_item(item: &Item) -> Result<Self, BadValue> {
        let value = Self::convert(item)?;
        value.check()?;
        Ok(value)
    }

    fn convert(item: &Item) -> Result<Self, BadValue> {
        Ok(match item {
            Item::Null => Self::Null,
            Item::Bool(value) => Self::Bool(*value),
            Item::Int(value) => Self::Int(*value),
            Item::Float(value) => Self::Float(*value),
            Item::Text(value) => Self::Text(value.as_str().into()),
            Item::Bytes(_) => return Err(BadValue::Kind),
            Item::Array(items) => {
                // Sized exactly: collecting fallible items takes at least four places for each list.
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.push(Self::convert(item)?);
                }
                Self::List(list)
            }
            Item::Map(entries) => Self::Map(
                entries
                    .iter()
                    .map(|(key, value)| Ok((key.as_text().ok_or(BadValue::Kind)?.to_owned(), Self::convert(value)?)))
                    .collect::<Result<_, _>>()?,
            ),
        })
    }
}

fn head_len(argument: u128) -> usize {
    match argument {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

fn text_len(text: &str) -> usize {
    head_len(text.len() as u128) + text.len()
}

/// Checks the length of a map key.
pub fn check_key(key: &str) -> Result<(), BadValue> {
    if key.len() > limits::KEY_BYTES { Err(BadValue::LongKey { got: key.len() }) } else { Ok(()) }
}
