//! JSON text to and from values, strictly: what would be rounded, repeated or guessed is refused.
//!
//! `serde_json` reads the grammar. It turns integers beyond 64 bits into floats and recurses, so a scan over the bytes
//! comes first: it bounds the depth and looks at every integer before any parser does.

use core::fmt;
use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::limits;
use crate::value::{BadValue, Value};

/// Why a text is no value. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadJson {
    /// Not JSON, more than one value, or not UTF-8; says where.
    #[error("not JSON: {0}")]
    Malformed(String),
    /// A map names a key twice; readers of JSON disagree about which one counts.
    #[error("key {0:?} is given twice in one map")]
    DuplicateKey(String),
    /// JSON, but not a value that an entry can hold.
    #[error(transparent)]
    Value(#[from] BadValue),
}

impl BadJson {
    /// A stable code for problem types and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "not_json",
            Self::DuplicateKey(_) => "duplicate_key",
            Self::Value(bad) => bad.word(),
        }
    }
}

/// Reads one value and nothing else.
pub fn parse(text: &[u8]) -> Result<Value, BadJson> {
    scan(text)?;
    let fault = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = Seed { depth: 0, fault: &fault }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match (read, fault.into_inner()) {
        (Ok(value), _) => Ok(value),
        (Err(_), Some(fault)) => Err(fault),
        (Err(error), None) => Err(BadJson::Malformed(error.to_string())),
    }
}

/// Reads any type from JSON text with the same guards against depth and rounded integers. Use it for requests that
/// hold a [`Value`] somewhere inside: `serde_json` alone would hand an integer beyond 64 bits over as a float.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, BadJson> {
    scan(text)?;
    serde_json::from_slice(text).map_err(|error| BadJson::Malformed(error.to_string()))
}

/// The value as compact JSON text, keys in byte order. A float keeps a point or an exponent, so `parse` gives back an
/// equal value. A float that is not finite (which no checked value holds) is written as `null`.
pub fn to_string(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The value as indented JSON text for people.
pub fn to_pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Looks at brackets and integers outside strings. Whether the text is JSON at all is for the parser to say.
fn scan(text: &[u8]) -> Result<(), BadJson> {
    let mut depth = 0usize;
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'"' => rest = behind_string(tail),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => rest = behind_number(*first, tail)?,
            _ => {}
        }
        // A scalar in `VALUE_DEPTH` containers is still allowed, and so is an empty container there.
        if depth > limits::VALUE_DEPTH + 1 {
            return Err(BadValue::TooDeep.into());
        }
    }
    Ok(())
}

fn behind_string(mut rest: &[u8]) -> &[u8] {
    while let Some((first, tail)) = rest.split_first() {
        rest = match first {
            b'"' => return tail,
            b'\\' => tail.get(1..).unwrap_or_default(),
            _ => tail,
        };
    }
    rest
}

fn behind_number(first: u8, tail: &[u8]) -> Result<&[u8], BadJson> {
    let part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    let end = tail.iter().position(|byte| !part(byte)).unwrap_or(tail.len());
    let (token, rest) = tail.split_at_checked(end).unwrap_or((tail, &[]));
    if token.iter().all(u8::is_ascii_digit) {
        let text: String = core::iter::once(&first).chain(token).map(|byte| char::from(*byte)).collect();
        let fits = text.parse().is_ok_and(|number: i128| in_range(number));
        if !fits && text != "-" {
            return Err(BadValue::Integer(shortened(text)).into());
        }
    }
    Ok(rest)
}

/// No error repeats a megabyte of digits.
fn shortened(text: String) -> String {
    if text.len() <= 40 { text } else { text.chars().take(37).chain("...".chars()).collect() }
}

fn in_range(number: i128) -> bool {
    (i64::MIN.into()..=u64::MAX.into()).contains(&number)
}

/// Reads a value at a depth; keeps the typed reason, since `serde`'s errors only carry a text.
#[derive(Clone, Copy)]
struct Seed<'f> {
    depth: usize,
    fault: &'f RefCell<Option<BadJson>>,
}

impl Seed<'_> {
    fn refuse<E: serde::de::Error>(&self, why: BadJson) -> E {
        let error = E::custom(&why);
        *self.fault.borrow_mut() = Some(why);
        error
    }

    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn integer<E: serde::de::Error>(&self, number: i128) -> Result<Value, E> {
        if in_range(number) {
            Ok(Value::Int(number))
        } else {
            Err(self.refuse(BadValue::Integer(number.to_string()).into()))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > limits::VALUE_DEPTH {
            return Err(self.refuse(BadValue::TooDeep.into()));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a boolean, a number, a text, a list or a map with text keys")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Value, E> {
        self.integer(value)
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Value, E> {
        self.integer(i128::try_from(value).unwrap_or(i128::MAX))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        if value.is_finite() { Ok(Value::Float(value)) } else { Err(self.refuse(BadValue::NotFinite.into())) }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper())? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            crate::value::check_key(&key).map_err(|bad| self.refuse(bad.into()))?;
            if map.contains_key(&key) {
                return Err(self.refuse(BadJson::DuplicateKey(key)));
            }
            let value = entries.next_value_seed(self.deeper())?;
            map.insert(key, value);
        }
        Ok(Value::Map(map))
    }
}

/// Refuses duplicate keys, depth and floats that are not finite. From JSON text use [`parse`] or [`read`], which also
/// see integers that `serde_json` would round.
impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fault = RefCell::new(None);
        Seed { depth: 0, fault: &fault }.deserialize(deserializer)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => serializer.serialize_i64(value),
                (Err(_), Ok(value)) => serializer.serialize_u64(value),
                (Err(_), Err(_)) => serializer.serialize_i128(*value),
            },
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => serializer.collect_map(entries),
        }
    }
}

/// Fails on what [`Value`]'s own reader refuses. An integer that `serde_json` has already rounded to a float cannot be
/// told from a float: never come this way from JSON text.
impl TryFrom<&serde_json::Value> for Value {
    type Error = BadJson;
    fn try_from(json: &serde_json::Value) -> Result<Self, BadJson> {
        let fault = RefCell::new(None);
        let read = Seed { depth: 0, fault: &fault }.deserialize(json);
        read.map_err(|error| fault.into_inner().unwrap_or_else(|| BadJson::Malformed(error.to_string())))
    }
}

impl From<&Value> for serde_json::Value {
    fn from(value: &Value) -> Self {
        serde_json::to_value(value).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    fn word(text: &str) -> &'static str {
        parse(text.as_bytes()).map_or_else(|bad| bad.word(), |_| "accepted")
    }

    #[test]
    fn numbers_keep_their_kind() {
        for (text, want) in [
            ("1", Value::Int(1)),
            ("1.0", Value::Float(1.0)),
            ("1e0", Value::Float(1.0)),
            ("-0", Value::Float(-0.0)),
            ("-0.0", Value::Float(-0.0)),
            ("18446744073709551615", Value::Int(u64::MAX.into())),
            ("-9223372036854775808", Value::Int(i64::MIN.into())),
            ("0.1", Value::Float(0.1)),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(want.clone()), "{text}");
            assert_eq!(parse(to_string(&want).as_bytes()), Ok(want), "{text}");
        }
        assert_ne!(parse(b"1"), parse(b"1.0"));
        assert_eq!(to_string(&Value::Float(1.0)), "1.0");
        assert_eq!(to_string(&Value::Float(1e300)), "1e+300");
    }

    #[test]
    fn what_would_be_rounded_repeated_or_guessed_is_refused() {
        for (text, want) in [
            ("18446744073709551616", "integer_range"),
            ("-9223372036854775809", "integer_range"),
            ("[1,{\"a\":100000000000000000000000000000000000000000000000000}]", "integer_range"),
            ("1e400", "not_json"),
            ("NaN", "not_json"),
            ("Infinity", "not_json"),
            ("-Infinity", "not_json"),
            ("-", "not_json"),
            ("01", "not_json"),
            ("+1", "not_json"),
            ("1.", "not_json"),
            (".5", "not_json"),
            ("0x10", "not_json"),
            ("", "not_json"),
            ("1 2", "not_json"),
            ("[1,]", "not_json"),
            ("{\"a\":1,}", "not_json"),
            ("{a:1}", "not_json"),
            ("'a'", "not_json"),
            ("\"\\ud800\"", "not_json"),
            ("\"\u{1}\"", "not_json"),
            ("\u{feff}1", "not_json"),
            ("// x\n1", "not_json"),
            ("{\"a\":1,\"b\":2,\"a\":1}", "duplicate_key"),
            ("[{\"a\":1,\"\\u0061\":1}]", "duplicate_key"),
        ] {
            assert_eq!(word(text), want, "{text}");
        }
        assert_eq!(parse(b"\"\xff\"").map_err(|bad| bad.word()), Err("not_json"));
        assert_eq!(parse(b"{\"\xc0\x80\":1}").map_err(|bad| bad.word()), Err("not_json"));
        assert_eq!(parse(b"{\"a\":1,\"a\":2}"), Err(BadJson::DuplicateKey("a".into())));
    }

    #[test]
    fn numbers_inside_texts_are_texts() {
        let text = r#"["99999999999999999999", "a\"99999999999999999999", "\\", {"99999999999999999999": "[[["}]"#;
        assert_eq!(
            parse(text.as_bytes()).map(|value| to_string(&value)),
            Ok(text.replace(", ", ",").replace(": ", ":"))
        );
    }

    #[test]
    fn depth_is_bounded_before_anything_recurses() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(limits::VALUE_DEPTH).as_bytes()).is_ok());
        assert_eq!(word(&nested(limits::VALUE_DEPTH + 1)), "too_deep");
        for depth in [100, 1_000, 1_000_000] {
            assert_eq!(word(&nested(depth)), "too_deep");
            assert_eq!(word(&"[".repeat(depth)), "too_deep");
            assert_eq!(word(&"{\"a\":".repeat(depth)), "too_deep");
            assert!(read::<serde_json::Value>("[".repeat(depth).as_bytes()).is_err());
        }
    }

    #[test]
    fn long_keys_are_refused() {
        let key = |len: usize| format!("{{\"{}\":1}}", "k".repeat(len));
        assert!(parse(key(limits::KEY_BYTES).as_bytes()).is_ok());
        assert_eq!(word(&key(limits::KEY_BYTES + 1)), "long_key");
    }
}
