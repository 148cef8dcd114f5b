//! Schemas: what values of the entries under a prefix must look like, as data in entries of `@mesh`. A bounded subset of
//! JSON Schema 2020-12, written here and specified in `docs/schemas.md`. It must not know the fold, trust or a clock.
//!
//! **Why our own.** A verdict decides what every node shows, for ever, so the meaning of a keyword may change only with the
//! fold version. A library changes when it is upgraded, follows references to other places, and takes its regular
//! expressions from yet another one. What is left out is refused when the schema is written, never passed over: a
//! keyword that one version ignores and the next one obeys would part nodes that hold the same set.

mod form;
mod meet;
mod number;

use std::fmt;

use crate::limits;
use crate::path::{Path, Prefix, Scope};
use crate::value::Value;

pub use form::BadSchema;
pub use meet::Unmet;

/// Below it lie schemas: `@mesh/schemas/SCOPE/NAME`.
pub const PLACE: &str = "@mesh/schemas";

/// The dialect that `$schema` may name.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A schema and what it governs, as one entry of `@mesh` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    governs: Prefix,
    schema: Value,
}

/// Something that is wrong at one place of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct At<T> {
    /// JSON Pointer, cut off when it is very long.
    pub at: String,
    /// What is wrong.
    pub why: T,
}

/// Characters of a pointer that are kept: verdicts stay in memory, and keys can be long.
const POINTER_SHOWN: usize = 256;
/// Characters of a value or key that a message shows.
const VALUE_SHOWN: usize = 80;

impl<T> At<T> {
    fn here(why: T) -> Self {
        Self { at: String::new(), why }
    }

    /// The same, seen from the container in which it lies under this key or index.
    fn under(mut self, step: &str) -> Self {
        let step = step.replace('~', "~0").replace('/', "~1");
        self.at = cut(&format!("/{step}{}", self.at), POINTER_SHOWN);
        self
    }
}

impl<T: fmt::Display> fmt::Display for At<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_str() {
            "" => write!(f, "the whole value {}", self.why),
            at => write!(f, "{at} {}", self.why),
        }
    }
}

impl<T: fmt::Display + fmt::Debug> std::error::Error for At<T> {}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or_default().chars().chain(['…']).collect(),
        None => text.to_owned(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        // Before it is written out: a message about a large value costs no large text.
        Value::List(items) => format!("a list of {}", items.len()),
        Value::Map(entries) => format!("a map of {}", entries.len()),
        Value::Text(text) => crate::json::to_string(&Value::Text(cut(text, VALUE_SHOWN).into())),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => crate::json::to_string(value),
    }
}

/// Whether a path lies where schemas lie, so that its value must be one.
pub fn is_place(path: &Path) -> bool {
    path.as_str().strip_prefix(PLACE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The scope whose entries a schema at this path may govern; `None` when no schema can lie there.
pub fn scope_of(path: &Path) -> Option<Scope> {
    let rest = path.as_str().strip_prefix(PLACE)?.strip_prefix('/')?;
    let (scope, _) = rest.split_once('/')?;
    Scope::parse(scope).ok().filter(|scope| !scope.is_mesh())
}

impl Rule {
    /// Reads the value of the entry at a path where schemas lie.
    pub fn read(path: &Path, value: &Value) -> Result<Self, At<BadSchema>> {
        let scope = scope_of(path).ok_or(At::here(BadSchema::Place))?;
        let got = value.encoded_len();
        if got > limits::SCHEMA_BYTES {
            return Err(At::here(BadSchema::Size { max: limits::SCHEMA_BYTES, got }));
        }
        let Value::Map(fields) = value else { return Err(At::here(BadSchema::Entry)) };
        if let Some(key) = fields.keys().find(|key| !matches!(key.as_str(), "governs" | "schema")) {
            return Err(At::here(BadSchema::Field { key: cut(key, VALUE_SHOWN) }));
        }
        let governs = governs(fields.get("governs"), &scope).map_err(|bad| At::here(bad).under("governs"))?;
        let schema = fields.get("schema").ok_or(At::here(BadSchema::Entry))?;
        form::check(schema).map_err(|bad| bad.under("schema"))?;
        Ok(Self { governs, schema: schema.clone() })
    }

    /// The prefix whose entries it governs.
    pub fn governs(&self) -> &Prefix {
        &self.governs
    }

    /// The schema.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// The value of an entry that says so.
    pub fn to_value(&self) -> Value {
        let governs = ("governs".to_owned(), Value::Text(self.governs.as_str().into()));
        Value::Map([governs, ("schema".to_owned(), self.schema.clone())].into())
    }

    /// Whether a value meets it. `budget`: steps left, of [`limits::SCHEMA_STEPS`] for all rules over one value; it pays
    /// for every keyword looked at and every value compared.
    pub fn meets(&self, value: &Value, budget: &mut usize) -> Result<(), At<Unmet>> {
        meet::meets(&self.schema, value, budget)
    }
}

fn governs(given: Option<&Value>, scope: &Scope) -> Result<Prefix, BadSchema> {
    let Some(Value::Text(text)) = given else { return Err(BadSchema::Governs { scope: scope.clone() }) };
    let inside = |prefix: &Prefix| Prefix::from(scope).contains(prefix);
    Prefix::parse(text).ok().filter(inside).ok_or(BadSchema::Governs { scope: scope.clone() })
}
