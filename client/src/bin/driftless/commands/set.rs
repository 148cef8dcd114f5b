//! `set` and `delete`: changing entries by hand.

use std::io::Read;

use driftless_client::Signer;
use driftless_client::api::Merged;
use driftless_client::offline::Need;
use driftless_client::sign::{self, Desired, Edited};
use driftless_statement::{Path, StatementId, Value, json};
use serde::Serialize;

use crate::args::SigningArgs;
use crate::exit::Failure;
use crate::render::plan;
use crate::session::{Session, check_tag};
use crate::source::Source;

/// What `set` sets.
pub struct Part {
    pub value: String,
    pub at: Option<String>,
    pub text: bool,
    pub if_match: Option<String>,
}

pub async fn set(session: &Session, path: &Path, part: Part, given: &SigningArgs) -> Result<(), Failure> {
    let value = value(&part)?;
    let (source, signer) = (session.source(given, false)?, session.signer()?);
    let need = if part.at.is_some() { Need::Value } else { Need::Heads };
    let merged = source.merged(path, Some(&signer.public()), need).await?;
    check_tag(&merged, part.if_match.as_deref())?;
    let wanted = match &part.at {
        None => value,
        Some(pointer) => {
            let whole = current(&merged)?;
            put_at(whole, pointer, value)
                .map_err(|reason| Failure::Usage(format!("{path}: --at {pointer:?}: {reason}")))?
        }
    };
    let plan = sign::plan(&merged, &Desired::Value(wanted))?;
    sign_and_send(session, &source, &signer, plan.into_iter().collect(), given).await
}

/// The value as the argument means it.
fn value(part: &Part) -> Result<Value, Failure> {
    let mut text = part.value.clone();
    if text == "-" && !part.text {
        text.clear();
        let read = std::io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| Failure::file("standard input", error))?;
    }
    if part.text {
        return Ok(Value::Text(text.into()));
    }
    parse(&text).map_err(Failure::Usage)
}

/// JSON, or a text when it neither is JSON nor looks as if it was meant to be.
pub fn parse(text: &str) -> Result<Value, String> {
    match json::parse(text.as_bytes()) {
        Ok(value) => Ok(value),
        Err(error) => {
            let like_json = |c: char| matches!(c, '{' | '[' | '"' | '-') || c.is_ascii_digit();
            let plain = !text.trim().is_empty() && !text.trim_start().starts_with(like_json);
            let plain = plain && matches!(error, json::BadJson::Malformed(_));
            if plain { Ok(Value::Text(text.into())) } else { Err(format!("{error} (for a text give --text)")) }
        }
    }
}

fn current(merged: &Merged) -> Result<Value, Failure> {
    let Some(tree) = &merged.tree else {
        return Err(Failure::NotFound(format!("{} is absent; set it without --at first", merged.path)));
    };
    let tree = driftless_client::tree::from_json(tree).map_err(|error| Failure::Unreachable(error.to_string()))?;
    Ok(tree.to_value())
}

/// Puts a part into a value. The way to it must be there; its last step may be a new key, or `-` behind a list.
fn put_at(whole: Value, pointer: &str, part: Value) -> Result<Value, String> {
    let Some(rest) = pointer.strip_prefix('/') else {
        return if pointer.is_empty() { Ok(part) } else { Err("a pointer is empty or begins with `/`".to_owned()) };
    };
    let steps: Vec<String> = rest.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let mut whole = whole;
    let Some((last, way)) = steps.split_last() else { return Ok(part) };
    let mut here = &mut whole;
    for step in way {
        here = child(here, step)?;
    }
    match here {
        Value::Map(entries) => drop(entries.insert(last.clone(), part)),
        Value::List(items) if last == "-" => items.push(part),
        Value::List(_) => *child(here, last)? = part,
        _ => return Err(format!("step {last:?}: what it steps into is neither a map nor a list")),
    }
    Ok(whole)
}

fn child<'a>(value: &'a mut Value, step: &str) -> Result<&'a mut Value, String> {
    match value {
        Value::Map(entries) => entries.get_mut(step).ok_or_else(|| format!("step {step:?}: no such key")),
        Value::List(items) => {
            let length = items.len();
            let index = step.parse::<usize>().ok().filter(|index| index.to_string() == step);
            let index = index.ok_or_else(|| format!("step {step:?}: a list needs an index, or `-` to append"))?;
            items.get_mut(index).ok_or_else(|| format!("step {step:?}: the list has {length} elements"))
        }
        _ => Err(format!("step {step:?}: what it steps into is neither a map nor a list")),
    }
}

pub async fn delete(
    session: &Session,
    paths: Vec<Path>,
    if_match: Option<String>,
    given: &SigningArgs,
) -> Result<(), Failure> {
    if paths.len() > 1 && if_match.is_some() {
        return Err(Failure::Usage("--if-match goes with one PATH".to_owned()));
    }
    let (source, signer) = (session.source(given, false)?, session.signer()?);
    let mut edited = Vec::new();
    for path in std::collections::BTreeSet::from_iter(paths) {
        let merged = source.merged(&path, Some(&signer.public()), Need::Value).await?;
        check_tag(&merged, if_match.as_deref())?;
        let absent = || Failure::NotFound(format!("there is no entry at {path}; nothing was deleted"));
        edited.push(sign::plan(&merged, &Desired::Absent)?.ok_or_else(absent)?);
    }
    sign_and_send(session, &source, &signer, edited, given).await
}

/// What was done, for programs.
#[derive(Debug, Serialize)]
pub struct Done {
    pub statements: Vec<StatementId>,
    pub entries: Vec<plan::PlanRow>,
}

/// Shows the edits, signs exactly them, hands them over, and prints the statements' ids.
pub async fn sign_and_send(
    session: &Session,
    source: &Source,
    signer: &Signer,
    edited: Vec<Edited>,
    given: &SigningArgs,
) -> Result<(), Failure> {
    let entries = plan::rows(&edited);
    if edited.is_empty() {
        session.out.say("it is so already; nothing was signed");
    } else {
        session.out.say(plan::plan(crate::out::Paint::NONE, &entries).trim_end());
    }
    let statements = session.submit(source, signer, edited, given).await?;
    let done = Done { statements, entries };
    session.out.show(&done, |_| done.statements.iter().map(|id| format!("{id}\n")).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_looks_like_json_must_be_json() {
        assert_eq!(parse("3").unwrap(), Value::Int(3));
        assert_eq!(parse("info").unwrap(), Value::Text("info".into()));
        assert_eq!(parse("true").unwrap(), Value::Bool(true));
        assert_eq!(parse("tru").unwrap(), Value::Text("tru".into()));
        assert_eq!(parse("\"3\"").unwrap(), Value::Text("3".into()));
        for bad in ["{a:1}", "[1,", "1.2.3", "-", "", "  ", "\"x", "{\"a\":1,\"a\":2}", "99999999999999999999"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_part_goes_where_the_pointer_leads() {
        let put = |pointer: &str| {
            let whole = json::parse(br#"{"a":[1,{"b":2}],"c/d":3}"#).unwrap();
            put_at(whole, pointer, Value::Int(9)).map(|value| json::to_string(&value))
        };
        assert_eq!(put("/a/1/b").unwrap(), r#"{"a":[1,{"b":9}],"c/d":3}"#);
        assert_eq!(put("/a/-").unwrap(), r#"{"a":[1,{"b":2},9],"c/d":3}"#);
        assert_eq!(put("/c~1d").unwrap(), r#"{"a":[1,{"b":2}],"c/d":9}"#);
        assert_eq!(put("/new").unwrap(), r#"{"a":[1,{"b":2}],"c/d":3,"new":9}"#);
        assert_eq!(put("").unwrap(), "9");
        for bad in ["a", "/x/y", "/a/2", "/a/01", "/a/0/x", "/a/x"] {
            assert!(put(bad).is_err(), "{bad}");
        }
    }
}
