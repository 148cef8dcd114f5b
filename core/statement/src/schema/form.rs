//! The form of a schema: which keywords there are, and what each may be given. Everything else is refused.

use super::{At, DIALECT, shown};
use crate::path::Scope;
use crate::value::Value;

/// Why something is no schema. The statement that would make an entry under `@mesh/schemas` read so is unfit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum BadSchema {
    /// The path is not one for a schema.
    #[error("cannot lie here: a schema lies at @mesh/schemas/SCOPE/NAME, and SCOPE is not @mesh")]
    Place,
    /// The entry is not of its shape.
    #[error("must be a map with `governs` (a prefix) and `schema` (a map, true or false)")]
    Entry,
    /// The entry has a key that means nothing.
    #[error("has the key {key:?}, which means nothing here; only `governs` and `schema` do")]
    Field {
        /// The key.
        key: String,
    },
    /// `governs` is missing or reaches elsewhere.
    #[error(
        "must be a prefix inside scope {scope}, such as \"{scope}\", since the entry lies below @mesh/schemas/{scope}"
    )]
    Governs {
        /// The scope that the entry's path names.
        scope: Scope,
    },
    /// Too large.
    #[error("has {got} bytes, a schema with what it governs has at most {max}")]
    Size {
        /// Bytes allowed.
        max: usize,
        /// Bytes it has.
        got: usize,
    },
    /// Neither a map nor true or false.
    #[error("is {got}; a schema is a map of keywords, true or false")]
    Kind {
        /// What it is.
        got: String,
    },
    /// A keyword outside the subset.
    #[error("is no keyword of this fold version (docs/schemas.md lists them); take it out")]
    Keyword,
    /// A keyword is given something that it does not take.
    #[error("must be {want}, is {got}")]
    Argument {
        /// What it takes.
        want: String,
        /// What it is given.
        got: String,
    },
}

/// What a keyword takes.
enum Takes {
    Types,
    Anything,
    SomeOf,
    Schemas,
    Schema,
    Names,
    Number,
    Count,
    Dialect,
    Text,
    List,
    Bool,
}

/// The names of types.
const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

fn takes(keyword: &str) -> Option<Takes> {
    Some(match keyword {
        "type" => Takes::Types,
        "const" | "default" => Takes::Anything,
        "enum" => Takes::SomeOf,
        "properties" => Takes::Schemas,
        "additionalProperties" | "items" => Takes::Schema,
        "required" => Takes::Names,
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => Takes::Number,
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => Takes::Count,
        "$schema" => Takes::Dialect,
        "title" | "description" | "$comment" => Takes::Text,
        "examples" => Takes::List,
        "deprecated" | "readOnly" | "writeOnly" => Takes::Bool,
        _ => return None,
    })
}

/// Whether a value is a schema of this fold version.
pub(super) fn check(schema: &Value) -> Result<(), At<BadSchema>> {
    let keywords = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Map(keywords) => keywords,
        Value::Null | Value::Int(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => {
            return Err(At::here(BadSchema::Kind { got: shown(schema) }));
        }
    };
    keywords.iter().try_for_each(|(keyword, given)| argument(keyword, given).map_err(|bad| bad.under(keyword)))
}

fn argument(keyword: &str, given: &Value) -> Result<(), At<BadSchema>> {
    let takes = takes(keyword).ok_or(At::here(BadSchema::Keyword))?;
    let (fits, want) = match (&takes, given) {
        (Takes::Schema, schema) => return check(schema),
        (Takes::Schemas, Value::Map(schemas)) => {
            return schemas.iter().try_for_each(|(name, schema)| check(schema).map_err(|bad| bad.under(name)));
        }
        (Takes::Schemas, _) => (false, "a map of schemas".to_owned()),
        (Takes::Types, given) => (types(given), format!("one of {}, or a list of some", TYPES.join(", "))),
        (Takes::Anything, _) => (true, String::new()),
        (Takes::SomeOf, given) => (matches!(given, Value::List(some) if !some.is_empty()), "a list, not empty".into()),
        (Takes::Names, given) => (texts(given), "a list of different texts".to_owned()),
        (Takes::Number, given) => (matches!(given, Value::Int(_) | Value::Float(_)), "a number".to_owned()),
        (Takes::Count, given) => (matches!(given, Value::Int(count) if *count >= 0), "a whole number from 0 on".into()),
        (Takes::Dialect, given) => (matches!(given, Value::Text(text) if **text == *DIALECT), format!("{DIALECT:?}")),
        (Takes::Text, given) => (matches!(given, Value::Text(_)), "a text".to_owned()),
        (Takes::List, given) => (matches!(given, Value::List(_)), "a list".to_owned()),
        (Takes::Bool, given) => (matches!(given, Value::Bool(_)), "true or false".to_owned()),
    };
    if fits { Ok(()) } else { Err(At::here(BadSchema::Argument { want, got: shown(given) })) }
}

fn types(given: &Value) -> bool {
    let known = |given: &Value| matches!(given, Value::Text(text) if TYPES.contains(&&**text));
    match given {
        Value::List(types) => !types.is_empty() && types.iter().all(known) && texts(given),
        given => known(given),
    }
}

/// Whether it is a list of texts, none twice.
fn texts(given: &Value) -> bool {
    let Value::List(items) = given else { return false };
    let mut seen = std::collections::BTreeSet::new();
    items.iter().all(|item| matches!(item, Value::Text(text) if seen.insert(text)))
}
