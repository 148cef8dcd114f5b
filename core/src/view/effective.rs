//! An effective value as a view keeps it: so that it can be sent at once, and that it does not lie in memory twice.

use std::borrow::Cow;
use std::sync::Arc;

use driftless_statement::{Value, json};

/// A value that services see. Equal values are equal here, and give the same JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective(Kept);

/// What most values are costs nothing but a reference: a text is the one that its statement holds, and is quoted each time.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    Text(Arc<str>),
    /// Everything else is written once.
    Json(Arc<str>),
}

impl Effective {
    /// A value, to be shown.
    pub fn of(value: &Value) -> Self {
        Self(match value {
            Value::Text(text) => Kept::Text(text.clone()),
            other => Kept::Json(json::to_string(other).into()),
        })
    }

    /// The value as compact JSON.
    pub fn json(&self) -> Cow<'_, str> {
        match &self.0 {
            Kept::Text(text) => Cow::Owned(json::to_string(&Value::Text(text.clone()))),
            Kept::Json(json) => Cow::Borrowed(json),
        }
    }

    /// The same to be sent, without a copy where it lies ready.
    pub fn shared(&self) -> Arc<str> {
        match &self.0 {
            Kept::Text(_) => self.json().into(),
            Kept::Json(json) => json.clone(),
        }
    }

    /// The value itself. Read from its JSON, if it is no text: those who read values all the time want the JSON.
    pub fn value(&self) -> Option<Value> {
        match &self.0 {
            Kept::Text(text) => Some(Value::Text(text.clone())),
            Kept::Json(json) => json::parse(json.as_bytes()).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_as_its_json_and_given_back() {
        for text in
            [r#""""#, r#""a \"quoted\" text\n""#, r#""{}""#, "{}", r#"{"a":["b",1.0,null]}"#, "null", "-1", "1.0"]
        {
            let value = json::parse(text.as_bytes()).unwrap();
            let shown = Effective::of(&value);
            assert_eq!(shown.json(), json::to_string(&value));
            assert_eq!(shown.value(), Some(value));
        }
        let (text, map) = (Value::Text("{}".into()), Value::Map([].into()));
        assert_ne!(Effective::of(&text), Effective::of(&map));
    }
}
