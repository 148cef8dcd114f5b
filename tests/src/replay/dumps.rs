//! JSON text exactly as Python's `json.dumps` prints it with its defaults: the history's own figure (322,239 bytes) is
//! measured on that. It must not know what the values are for.

use std::fmt::Write;

use driftless_statement::Value;

/// The value as `json.dumps(value)`: `", "` and `": "` between, everything but printable ASCII escaped.
pub fn dumps(value: &Value) -> String {
    let mut out = String::new();
    put(&mut out, value);
    out
}

fn put(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&float(*number)),
        Value::Text(text) => put_text(out, text),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                put(out, item);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                put_text(out, key);
                out.push_str(": ");
                put(out, value);
            }
            out.push('}');
        }
    }
}

fn put_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

/// Rust and Python both print the shortest digits and change to exponents at the same sizes; Python's exponents have a
/// sign and two digits.
fn float(number: f64) -> String {
    let text = format!("{number:?}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use driftless_statement::json;

    /// Printed by CPython 3.
    #[test]
    fn prints_what_python_prints() {
        for (text, printed) in [
            (r#"{"b":[1,2.5,null],"a":{"x":true,"y":[]}}"#, r#"{"a": {"x": true, "y": []}, "b": [1, 2.5, null]}"#),
            (r#""ü\n\u007f😀\"\\/""#, r#""\u00fc\n\u007f\ud83d\ude00\"\\/""#),
            ("[1e16,1e-5,0.0001,-1.5e300,1e15]", "[1e+16, 1e-05, 0.0001, -1.5e+300, 1000000000000000.0]"),
            ("{}", "{}"),
        ] {
            assert_eq!(dumps(&json::parse(text.as_bytes()).unwrap()), printed);
        }
    }
}
