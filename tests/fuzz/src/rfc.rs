//! Patches on plain values, word by word from RFC 7396 and RFC 6902, and pointers from RFC 6901: by another hand than the
//! code under test, without trees, names of elements or limits.

use driftless_statement::Value;

/// RFC 7396 section 2.
pub fn merge_patch(target: Option<Value>, patch: &Value) -> Value {
    let Value::Map(changes) = patch else { return patch.clone() };
    let mut entries = match target {
        Some(Value::Map(entries)) => entries,
        _ => Default::default(),
    };
    for (key, change) in changes {
        let old = entries.remove(key);
        if *change != Value::Null {
            entries.insert(key.clone(), merge_patch(old, change));
        }
    }
    Value::Map(entries)
}

/// RFC 6902: the document afterwards (`Some(None)`: the whole document was removed); `None`: an operation cannot be done.
pub fn json_patch(document: Value, patch: &Value) -> Option<Option<Value>> {
    let Value::List(operations) = patch else { return None };
    operations.iter().try_fold(Some(document), |mut document, operation| {
        let Value::Map(members) = operation else { return None };
        let text = |name: &str| match members.get(name) {
            Some(Value::Text(text)) => Some(&**text),
            _ => None,
        };
        let path = text("path")?;
        match text("op")? {
            "add" => add(&mut document, path, members.get("value")?.clone())?,
            "replace" => *find(document.as_mut()?, path)? = members.get("value")?.clone(),
            "remove" => drop(remove(&mut document, path)?),
            "test" => (find(document.as_mut()?, path)? == members.get("value")?).then_some(())?,
            "copy" => {
                let value = find(document.as_mut()?, text("from")?)?.clone();
                add(&mut document, path, value)?;
            }
            "move" => {
                let from = text("from")?;
                let value = find(document.as_mut()?, from)?.clone();
                if path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/')) {
                    return None;
                }
                if from != path {
                    remove(&mut document, from)?;
                    add(&mut document, path, value)?;
                }
            }
            _ => return None,
        }
        Some(document)
    })
}

/// RFC 6901: what lies at a pointer.
pub fn find<'v>(document: &'v mut Value, pointer: &str) -> Option<&'v mut Value> {
    steps(pointer)?.iter().try_fold(document, |value, step| match value {
        Value::Map(entries) => entries.get_mut(step),
        Value::List(items) => items.get_mut(index(step)?),
        _ => None,
    })
}

fn steps(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let steps = pointer.strip_prefix('/')?.split('/');
    Some(steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

/// Section 4: digits without leading zeros.
fn index(step: &str) -> Option<usize> {
    let digits = step.bytes().all(|byte| byte.is_ascii_digit()) && (step == "0" || !step.starts_with('0'));
    if digits { step.parse().ok() } else { None }
}

/// The container that the last step of a pointer works in, and that step.
fn parent<'v>(document: &'v mut Option<Value>, pointer: &str) -> Option<(&'v mut Value, String)> {
    let (parent, _) = pointer.rsplit_once('/')?;
    let last = steps(pointer)?.pop()?;
    Some((find(document.as_mut()?, parent)?, last))
}

fn add(document: &mut Option<Value>, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *document = Some(value);
        return Some(());
    }
    match parent(document, path)? {
        (Value::Map(entries), last) => drop(entries.insert(last, value)),
        (Value::List(items), last) => {
            let at = if last == "-" { items.len() } else { index(&last)? };
            (at <= items.len()).then(|| items.insert(at, value))?;
        }
        _ => return None,
    }
    Some(())
}

fn remove(document: &mut Option<Value>, path: &str) -> Option<Value> {
    if path.is_empty() {
        return document.take();
    }
    match parent(document, path)? {
        (Value::Map(entries), last) => entries.remove(&last),
        (Value::List(items), last) => {
            let at = index(&last)?;
            (at < items.len()).then(|| items.remove(at))
        }
        _ => None,
    }
}
