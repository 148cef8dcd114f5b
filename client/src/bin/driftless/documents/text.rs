//! From YAML or JSON text to values, each with its place in the text. What is wrong is said in our words, with line, column
//! and what to do; the library's own message follows. It must not know files, documents or the mesh.

use std::collections::HashSet;
use std::fmt;

use driftless_statement::value::BadValue;
use driftless_statement::{Value, json};
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Error as BadYaml;
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};

/// Line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    const START: Self = Self { line: 1, column: 1 };

    /// Where a byte of a text is.
    fn of(text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}

/// A value, and where it begins.
#[derive(Debug)]
pub struct Found {
    pub at: Place,
    pub value: Value,
}

/// Why a text cannot be read. Nothing of it was taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Bad {
    pub at: Place,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.at.line, self.at.column, self.what)
    }
}

/// Every value in a text; the elements of a list at the top count one by one when `flat`.
pub fn values(text: &str, is_json: bool, flat: bool) -> Result<Vec<Found>, Bad> {
    let found = if is_json || looks_like_json(text) { json_values(text)? } else { yaml_values(text)? };
    if !flat {
        return Ok(found);
    }
    let places = starts(text);
    let mut flattened = Vec::new();
    for Found { at, value } in found {
        match value {
            Value::List(items) => flattened.extend(items.into_iter().enumerate().map(|(index, value)| {
                let at = places.iter().find(|(list, _)| *list == at).and_then(|(_, items)| items.get(index)).copied();
                Found { at: at.unwrap_or_default(), value }
            })),
            value => flattened.push(Found { at, value }),
        }
    }
    Ok(flattened)
}

/// Where each value at the top begins, and where the elements of those that are lists do.
fn starts(text: &str) -> Vec<(Place, Vec<Place>)> {
    let mut found: Vec<(Place, Vec<Place>)> = Vec::new();
    let (mut depth, mut in_list) = (0usize, false);
    for event in Parser::new_from_str(text) {
        // What cannot be read was refused before, or is JSON that is no YAML; places are then those of the lists.
        let Ok((event, span)) = event else { return found };
        let at = Place { line: span.start.line(), column: span.start.col() + 1 };
        let (opens, closes) = match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => (true, false),
            Event::SequenceEnd | Event::MappingEnd => (false, true),
            Event::Scalar(..) | Event::Alias(..) => (false, false),
            _ => continue,
        };
        if closes {
            depth = depth.saturating_sub(1);
            continue;
        }
        match depth {
            0 => {
                in_list = matches!(event, Event::SequenceStart(..));
                found.push((at, Vec::new()));
            }
            1 if in_list => found.iter_mut().next_back().into_iter().for_each(|(_, items)| items.push(at)),
            _ => {}
        }
        depth += usize::from(opens);
    }
    found
}

fn yaml_values(text: &str) -> Result<Vec<Found>, Bad> {
    // `yes` and `on` are texts, as in YAML 1.2 and as in JSON.
    let options = serde_saphyr::options! { strict_booleans: true };
    let read = serde_saphyr::from_multiple_with_options(text, options);
    let read: Vec<Value> = read.map_err(|error| bad_yaml(&error))?;
    refuse_rounded(text)?;
    let places = starts(text);
    let at = |index: usize| places.get(index).map_or(Place::START, |(at, _)| *at);
    let found: Vec<Found> = read.into_iter().enumerate().map(|(index, value)| Found { at: at(index), value }).collect();
    for Found { at, value } in &found {
        value.check().map_err(|bad| Bad { at: *at, what: bad_value(&bad) })?;
    }
    Ok(found)
}

const TOO_MUCH: &str =
    "it is too deep or too large, or its aliases stand for too much; write it out in several smaller entries";

/// The library's error in our words.
fn bad_yaml(error: &BadYaml) -> Bad {
    let inner = error.without_snippet();
    let at = inner.location().map_or(Place::START, |at| Place {
        line: usize::try_from(at.line()).unwrap_or(1),
        column: usize::try_from(at.column()).unwrap_or(1),
    });
    // Its message begins with the place, which is said already.
    let theirs = inner.to_string();
    let theirs = theirs.lines().next().unwrap_or_default();
    let theirs =
        theirs.split_once(" column ").and_then(|(_, rest)| rest.split_once(": ")).map_or(theirs, |(_, rest)| rest);
    let ours = match inner {
        BadYaml::DuplicateMappingKey { .. } => "a key is given twice in one map; keep one of them",
        BadYaml::Eof { .. } => "the text ends too early; complete the value, or close what is open",
        BadYaml::NonFiniteFloat { .. } => "a number must be finite; quote it if it is a text",
        BadYaml::Budget { .. }
        | BadYaml::AliasReplayCounterOverflow { .. }
        | BadYaml::AliasReplayLimitExceeded { .. }
        | BadYaml::AliasExpansionLimitExceeded { .. }
        | BadYaml::AliasReplayStackDepthExceeded { .. } => TOO_MUCH,
        // The same, met while an alias was read.
        _ if theirs.contains("budget breached") => TOO_MUCH,
        BadYaml::UnknownAnchor { .. } => {
            "an alias names an anchor that is not there; add the anchor, or write the value"
        }
        BadYaml::UnsupportedTag { .. } | BadYaml::TaggedScalarCannotDeserializeIntoString { .. } => {
            "tags are not read, since a value is JSON; leave the tag out"
        }
        BadYaml::IndentationError { .. } | BadYaml::FoldedBlockScalarMustIndentContent { .. } => {
            "the indentation does not fit what stands above; line it up"
        }
        BadYaml::ExternalMessage { .. } => "not YAML; look at the indentation, brackets and quotes there",
        _ => {
            "not a value that an entry can hold (maps with text keys, lists, texts, finite numbers, true, false, null)"
        }
    };
    Bad { at, what: format!("{ours} ({theirs})") }
}

/// YAML readers turn integers beyond 64 bits into floats, and read a leading zero in three ways. Neither is guessed at.
fn refuse_rounded(text: &str) -> Result<(), Bad> {
    for event in Parser::new_from_str(text) {
        let Ok((Event::Scalar(scalar, ScalarStyle::Plain, _, None), span)) = event else { continue };
        let at = Place { line: span.start.line(), column: span.start.col() + 1 };
        let digits = scalar.strip_prefix(['-', '+']).unwrap_or(&scalar);
        let decimal = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '_');
        let based = ["0x", "0X", "0o", "0b"].iter().any(|base| {
            digits
                .strip_prefix(base)
                .is_some_and(|rest| rest.len() > 16 && rest.chars().all(|c| c.is_ascii_hexdigit() || c == '_'))
        });
        if decimal && digits.len() > 1 && digits.starts_with('0') {
            let what = format!("{scalar}: a number must not begin with 0 (is it octal?); quote it if it is a text");
            return Err(Bad { at, what });
        }
        let plain: String = scalar.chars().filter(|c| *c != '_' && *c != '+').collect();
        let fits = plain.parse::<u64>().is_ok() || plain.parse::<i64>().is_ok();
        if (decimal && !fits) || based {
            let what = format!("integer {scalar} does not fit 64 bits; quote it if it is a text");
            return Err(Bad { at, what });
        }
    }
    Ok(())
}

fn looks_like_json(text: &str) -> bool {
    // YAML reads JSON too, but it would round an integer beyond 64 bits, and its messages are about YAML.
    text.trim_start().starts_with(['{', '['])
        && serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>().all(|value| value.is_ok())
}

fn json_values(text: &str) -> Result<Vec<Found>, Bad> {
    let mut parts = serde_json::Deserializer::from_str(text).into_iter::<Grammar>();
    let mut values = Vec::new();
    let mut start = 0;
    while let Some(part) = parts.next() {
        part.map_err(|error| bad_json(&error))?;
        let end = parts.byte_offset();
        let slice = text.get(start..end).unwrap_or_default();
        let begin = start + (slice.len() - slice.trim_start().len());
        let value = json::parse(slice.as_bytes()).map_err(|bad| match &bad {
            json::BadJson::Value(value) => Bad { at: place_of(text, begin, value), what: bad_value(value) },
            json::BadJson::Malformed(_) | json::BadJson::DuplicateKey(_) => {
                Bad { at: Place::of(text, begin), what: format!("{bad}; correct what begins here") }
            }
        })?;
        values.push(Found { at: Place::of(text, begin), value });
        start = end;
    }
    Ok(values)
}

/// Where the integer stands that a value is refused for; else where the value begins.
fn place_of(text: &str, begin: usize, bad: &BadValue) -> Place {
    let digits = match bad {
        BadValue::Integer(digits) => digits.trim_end_matches("...").to_owned(),
        _ => String::new(),
    };
    let found = text.get(begin..).filter(|_| !digits.is_empty()).and_then(|rest| rest.find(&digits));
    Place::of(text, begin + found.unwrap_or(0))
}

fn bad_json(error: &serde_json::Error) -> Bad {
    let at = Place { line: error.line().max(1), column: error.column().max(1) };
    let library = error.to_string();
    if library.starts_with("recursion limit") {
        return Bad { at, what: bad_value(&BadValue::TooDeep) };
    }
    let what = match error.classify() {
        serde_json::error::Category::Eof => {
            format!("not JSON: the text ends too early; close what is open ({library})")
        }
        serde_json::error::Category::Data => {
            let what = library.split(" at line ").next().unwrap_or_default();
            format!("{what}; keep one of them")
        }
        _ => format!("not JSON; look at the commas, brackets and quotes there ({library})"),
    };
    Bad { at, what }
}

fn bad_value(bad: &BadValue) -> String {
    match bad {
        BadValue::Integer(_) => bad.to_string(),
        _ => format!("{bad}; change the value, or divide it among entries"),
    }
}

/// Reads JSON for its grammar and its keys only: the reader's error then has the place of a key that is given twice.
struct Grammar;

impl<'de> Deserialize<'de> for Grammar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Grammar {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format_args!("key {key:?} is given twice in one map")));
            }
            keys.insert(key);
            entries.next_value::<Self>()?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bad(text: &str, is_json: bool) -> String {
        values(text, is_json, true).unwrap_err().to_string()
    }

    #[test]
    fn values_have_their_places() {
        let places = |text: &str, is_json| -> Vec<(usize, usize)> {
            let found = values(text, is_json, true).unwrap();
            found.iter().map(|found| (found.at.line, found.at.column)).collect()
        };
        assert_eq!(places("a: 1\n---\n- b\n- {c: 2}\n---\n# note\n\nd: 3\n", false), [(1, 1), (3, 3), (4, 3), (8, 1)]);
        assert_eq!(places("{\"a\":1}\n\n  {\"b\":2}\n", true), [(1, 1), (3, 3)]);
        assert_eq!(places("[{\"a\":1},\n {\"b\":2}]", true), [(1, 2), (2, 2)]);
    }

    #[test]
    fn what_is_wrong_is_said_in_our_words_with_its_place() {
        let yaml = [
            ("a: 1\nb: 2\na: 3\n", "line 3, column 1: a key is given twice"),
            ("a: [1,\n", "line 1, column 4: "),
            ("a: 1\n b: 2\n", "line 2, column "),
            ("a: *none\n", "line 1, column 4: "),
            ("a:\n  b: .nan\n", "line 2, column 6: a number must be finite"),
            ("a:\n  b: 0755\n", "line 2, column 6: 0755: a number must not begin with 0"),
            ("x: 99999999999999999999\n", "line 1, column 4: integer 99999999999999999999 does not fit"),
        ];
        for (text, part) in yaml {
            assert!(bad(text, false).starts_with(part), "{text:?}: {}", bad(text, false));
        }
        let json = [
            ("{\n \"a\": 1,\n \"a\": 2}", "line 3, column 4: key \"a\" is given twice in one map; keep one of them"),
            ("{\"a\": 1,\n", "line 2, column 1: not JSON: the text ends too early"),
            ("{\n\"a\" 1}", "line 2, column 5: not JSON; look at the commas"),
            ("[1]\n{\"x\":\n 18446744073709551616}", "line 3, column 2: integer"),
        ];
        for (text, part) in json {
            assert!(bad(text, true).starts_with(part), "{text:?}: {}", bad(text, true));
        }
    }
}
