//! Whether a value meets a schema. It takes the schema for well formed, ends because both are finite and no keyword leads
//! back, and never spends more than its budget.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::number::{compare, is_whole};
use super::{At, VALUE_SHOWN, cut, shown};
use crate::limits;
use crate::value::Value;

/// What of a schema a value does not meet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(tag = "unmet", rename_all = "snake_case")]
pub enum Unmet {
    /// `type`.
    #[error("must be of type {want}, is {got}")]
    Type {
        /// Types allowed.
        want: String,
        /// The value.
        got: String,
    },
    /// `enum` or `const`.
    #[error("must be one of {want}, is {got}")]
    NoneOf {
        /// The values allowed, the first of them.
        want: String,
        /// The value.
        got: String,
    },
    /// `required`.
    #[error("must have the key {key:?}")]
    Missing {
        /// The key.
        key: String,
    },
    /// `additionalProperties` or a property's schema is false.
    #[error("must not be there")]
    Forbidden,
    /// `minimum` and its like.
    #[error("must be {bound}, is {got}")]
    Range {
        /// In words.
        bound: String,
        /// The value.
        got: String,
    },
    /// `minLength` and its like.
    #[error("must have {bound}, has {got}")]
    Count {
        /// In words.
        bound: String,
        /// How many it has.
        got: usize,
    },
    /// The rules over this value cost more than is spent on one.
    #[error("cannot be checked within {max} steps; simplify the schemas over it, or split the entry")]
    Budget {
        /// Steps spent.
        max: usize,
    },
}

type Met = Result<(), At<Unmet>>;

fn unless(met: bool, why: impl FnOnce() -> Unmet) -> Met {
    if met { Ok(()) } else { Err(At::here(why())) }
}

fn spend(budget: &mut usize, steps: usize) -> Met {
    let left = budget.checked_sub(steps);
    *budget = left.unwrap_or_default();
    unless(left.is_some(), || Unmet::Budget { max: limits::SCHEMA_STEPS })
}

pub(super) fn meets(schema: &Value, value: &Value, budget: &mut usize) -> Met {
    spend(budget, 1)?;
    match schema {
        Value::Map(keywords) => keywords.iter().try_for_each(|(keyword, given)| {
            spend(budget, 1)?;
            assert_one(keyword, given, value, budget)?;
            apply_one(keywords, keyword, given, value, budget)
        }),
        schema => unless(*schema != Value::Bool(false), || Unmet::Forbidden),
    }
}

/// Keywords that look at the value itself.
fn assert_one(keyword: &str, given: &Value, value: &Value, budget: &mut usize) -> Met {
    match (keyword, given, value) {
        ("type", given, value) => {
            unless(of_type(given, value), || Unmet::Type { want: types(given), got: shown(value) })
        }
        ("const", given, value) => one_of(std::slice::from_ref(given), value, budget),
        ("enum", Value::List(allowed), value) => one_of(allowed, value, budget),
        ("minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum", bound, value) => range(keyword, bound, value),
        ("minLength" | "maxLength", bound, Value::Text(text)) => {
            spend(budget, text.len() / BYTES_A_STEP)?;
            count(keyword == "minLength", bound, text.chars().count(), "characters")
        }
        ("minItems" | "maxItems", bound, Value::List(items)) => {
            count(keyword == "minItems", bound, items.len(), "elements")
        }
        ("minProperties" | "maxProperties", bound, Value::Map(entries)) => {
            count(keyword == "minProperties", bound, entries.len(), "keys")
        }
        ("required", Value::List(keys), Value::Map(entries)) => {
            spend(budget, keys.len())?;
            let missing = |key: &&Value| matches!(key, Value::Text(key) if !entries.contains_key(&**key));
            match keys.iter().find(missing) {
                Some(Value::Text(key)) => Err(At::here(Unmet::Missing { key: cut(key, VALUE_SHOWN) })),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Keywords that hold schemas for what is inside the value.
fn apply_one(
    keywords: &BTreeMap<String, Value>,
    keyword: &str,
    given: &Value,
    value: &Value,
    budget: &mut usize,
) -> Met {
    match (keyword, given, value) {
        ("properties", Value::Map(schemas), Value::Map(entries)) => {
            spend(budget, schemas.len())?;
            let both = schemas.iter().filter_map(|(key, schema)| Some((key, schema, entries.get(key)?)));
            both.into_iter()
                .try_for_each(|(key, schema, value)| meets(schema, value, budget).map_err(|unmet| unmet.under(key)))
        }
        ("additionalProperties", schema, Value::Map(entries)) => {
            spend(budget, entries.len())?;
            let named = match keywords.get("properties") {
                Some(Value::Map(named)) => Some(named),
                _ => None,
            };
            let other = |key: &&String| named.is_none_or(|named| !named.contains_key(*key));
            let others = entries.iter().filter(|(key, _)| other(key));
            others
                .into_iter()
                .try_for_each(|(key, value)| meets(schema, value, budget).map_err(|unmet| unmet.under(key)))
        }
        ("items", schema, Value::List(items)) => items
            .iter()
            .zip(0u64..)
            .try_for_each(|(item, index)| meets(schema, item, budget).map_err(|unmet| unmet.under(&index.to_string()))),
        _ => Ok(()),
    }
}

/// Texts are counted and compared so many bytes for the price of one step.
const BYTES_A_STEP: usize = 64;

fn of_type(given: &Value, value: &Value) -> bool {
    let is = |name: &Value| match (name, value) {
        (Value::Text(name), value) => match &**name {
            "integer" => is_whole(value),
            name => name == type_of(value),
        },
        _ => false,
    };
    match given {
        Value::List(names) => names.iter().any(is),
        name => is(name),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) | Value::Float(_) => "number",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
    }
}

fn types(given: &Value) -> String {
    match given {
        Value::List(names) => names.iter().map(types).collect::<Vec<_>>().join(" or "),
        Value::Text(name) => name.to_string(),
        _ => String::new(),
    }
}

fn range(keyword: &str, bound: &Value, value: &Value) -> Met {
    let Some(order) = compare(value, bound) else { return Ok(()) };
    let (met, words) = match keyword {
        "minimum" => (order != Ordering::Less, "at least"),
        "maximum" => (order != Ordering::Greater, "at most"),
        "exclusiveMinimum" => (order == Ordering::Greater, "more than"),
        _ => (order == Ordering::Less, "less than"),
    };
    unless(met, || Unmet::Range { bound: format!("{words} {}", shown(bound)), got: shown(value) })
}

fn count(least: bool, bound: &Value, got: usize, what: &str) -> Met {
    let Some(order) = compare(&Value::Int(got as i128), bound) else { return Ok(()) };
    let (met, words) =
        if least { (order != Ordering::Less, "at least") } else { (order != Ordering::Greater, "at most") };
    unless(met, || Unmet::Count { bound: format!("{words} {} {what}", shown(bound)), got })
}

fn one_of(allowed: &[Value], value: &Value, budget: &mut usize) -> Met {
    for one in allowed {
        if equal(one, value, budget)? {
            return Ok(());
        }
    }
    let words: Vec<String> = allowed.iter().take(8).map(shown).collect();
    let more = if allowed.len() > words.len() { ", …" } else { "" };
    Err(At::here(Unmet::NoneOf { want: format!("{}{more}", words.join(", ")), got: shown(value) }))
}

/// Equality as JSON Schema means it: numbers by what they are worth.
fn equal(left: &Value, right: &Value, budget: &mut usize) -> Result<bool, At<Unmet>> {
    spend(budget, 1)?;
    Ok(match (left, right) {
        (Value::List(left), Value::List(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(right) {
                if !equal(left, right, budget)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(left), Value::Map(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for ((key, left), (other, right)) in left.iter().zip(right) {
                if key != other || !equal(left, right, budget)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Text(left), Value::Text(right)) => {
            spend(budget, left.len().min(right.len()) / BYTES_A_STEP)?;
            left == right
        }
        (left, right) => compare(left, right).map_or_else(|| left == right, |order| order == Ordering::Equal),
    })
}
