//! Changes a part of an entry that the node may write, only if nobody changed it since it was read; tries again when
//! somebody did. The node signs with its own key, which needs a grant (`driftless init --node-write shop`).
//!
//! `cargo run -p driftless-examples --bin write_with_precondition -- unix:/run/driftless/driftless.sock shop/seen`
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;

use driftless_client::client::Write;
use driftless_client::{Client, Precondition};
use driftless_examples::{Failed, argument, endpoint};
use driftless_statement::{Path, Value, Why};

const ATTEMPTS: usize = 5;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let path: Path = argument(2, "shop/seen").parse()?;
    let client = Client::new(endpoint()?);
    for _ in 0..ATTEMPTS {
        let (value, precondition) = match client.item(&path).await {
            Ok(item) => (next(item.value), Precondition::Tag(item.etag)),
            Err(error) if error.is_not_found() => (next(Value::Null), Precondition::Absent),
            Err(error) => return Err(error.into()),
        };
        let note = Why { reason: "seen once more".into(), ..Why::default() }.into();
        match client.put(&path, &value, &Write { precondition, note }).await {
            Ok(written) => {
                println!("{path} is {value:?} from revision {} on, {}", written.revision, written.fate);
                return Ok(());
            }
            Err(error) if error.is_precondition() => println!("somebody was faster: {error}"),
            Err(error) => return Err(error.into()),
        }
    }
    Err(format!("{path} changed {ATTEMPTS} times in between").into())
}

/// The value with one more in `count`.
fn next(value: Value) -> Value {
    let mut fields = match value {
        Value::Map(fields) => fields,
        _ => BTreeMap::new(),
    };
    let count = match fields.get("count") {
        Some(Value::Int(count)) => count + 1,
        _ => 1,
    };
    fields.insert("count".to_owned(), Value::Int(count));
    Value::Map(fields)
}
