//! A statement in words, as a pure function of what was signed: what a node tells, and what an auditor compares with the
//! signed bytes. It must not know what became of the statement.

use driftless_statement::{After, Body, Edit, ElementRef, Op, Prefix, Step, Terms, Value, Verified, json};

use crate::api::StatementInfo;
use crate::clock::rfc3339_millis;

/// Characters of a value shown in an edit in words; the whole value is in the statement.
const SHOWN: usize = 160;

/// A statement in words. What became of it is left empty.
pub fn statement(verified: &Verified) -> StatementInfo {
    let statement = verified.statement();
    StatementInfo {
        id: verified.id(),
        scope: statement.scope.clone(),
        author: statement.author,
        grant: statement.grant,
        prev: statement.prev.clone(),
        hlc: statement.hlc.to_string(),
        time: rfc3339_millis(statement.hlc.millis()),
        kind: statement.body.word().to_owned(),
        paths: statement.touches.iter().map(|touch| touch.path.clone()).collect(),
        edits: edits(&statement.body),
        note: statement.note.clone(),
        fate: String::new(),
        reason: None,
        skipped: Vec::new(),
        bases: statement.touches.iter().map(|touch| (touch.path.clone(), touch.bases.clone())).collect(),
    }
}

fn edits(body: &Body) -> Vec<Vec<String>> {
    match body {
        Body::Write(write) => write.edits.iter().map(|edits| edits.iter().map(edit).collect()).collect(),
        Body::Grant(grant) => vec![vec![
            format!(
                "grant {} on {} to {}",
                grant.verbs.iter().map(|verb| verb.word()).collect::<Vec<_>>().join(","),
                place(&grant.prefix),
                grant.key
            ) + &terms(&grant.terms),
        ]],
        Body::Approve(approve) => vec![vec![format!("approve {} in {}", approve.id, approve.scope)]],
        Body::Revoke(revoke) => vec![vec![format!(
            "revoke {} on {}, accepting {}",
            revoke.key,
            place(&revoke.prefix),
            heads(revoke.frontier.len())
        )]],
        Body::Accept(accept) => vec![vec![format!("accept {} for a revocation", heads(accept.frontier.len()))]],
        Body::Rotate(rotate) => vec![vec![format!(
            "rotate to {} of {} root keys, accepting {}",
            rotate.threshold,
            rotate.keys.len(),
            heads(rotate.frontier.len())
        )]],
        Body::Genesis(genesis) => vec![vec![format!(
            "found {:?} with {} of {} root keys",
            genesis.name,
            genesis.threshold,
            genesis.keys.len()
        )]],
        Body::Unknown { .. } => Vec::new(),
    }
}

/// The terms of a grant, as a tail of what it gives.
pub(crate) fn terms(terms: &Terms) -> String {
    let mut text = String::new();
    for (what, demand) in [("writes", &terms.demands.writes), ("deletes", &terms.demands.deletes)] {
        if let Some(demand) = demand {
            text.push_str(&format!(", {what} with {} approvals of {} keys", demand.approvals, demand.of.len()));
        }
    }
    if let Some(not_after_ms) = terms.not_after_ms {
        text.push_str(&format!(", not after {}", rfc3339_millis(not_after_ms)));
    }
    for (name, value) in &terms.labels {
        text.push_str(&format!(", {name}={value}"));
    }
    text
}

fn place(prefix: &Prefix) -> &str {
    if prefix.as_str().is_empty() { "everything" } else { prefix.as_str() }
}

fn heads(count: usize) -> String {
    match count {
        0 => "nothing".to_owned(),
        1 => "1 statement and all it names".to_owned(),
        more => format!("{more} statements and all they name"),
    }
}

fn shown(value: &Value) -> String {
    let text = json::to_string(value);
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN).chain(['…']).collect() }
}

fn pointer(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        text.push('/');
        match step {
            Step::Key(key) => text.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Step::Element(element) => text.push_str(&reference(element)),
        }
    }
    if text.is_empty() { "the whole value".to_owned() } else { text }
}

fn reference(element: &ElementRef) -> String {
    match element {
        ElementRef::Own(edit, ordinal) => format!("[{edit}:{ordinal}]"),
        ElementRef::Of(id) => format!("[{}:{}:{}]", id.statement.short(), id.edit, id.ordinal),
    }
}

/// One edit in words.
pub fn edit(edit: &Edit) -> String {
    let at = pointer(&edit.at);
    match &edit.op {
        Op::Put(value) => format!("put {at} {}", shown(value)),
        Op::Delete => format!("delete {at}"),
        Op::Counter(start) => format!("counter {at} {start}"),
        Op::Increment(by) => format!("increment {at} {by:+}"),
        Op::Insert(After::Head, value) => format!("insert {at} first {}", shown(value)),
        Op::Insert(After::Element(element), value) => {
            format!("insert {at} after {} {}", reference(element), shown(value))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use driftless_statement::{ElementId, StatementId};

    use super::*;

    fn at(key: &str) -> Vec<Step> {
        vec![Step::Key(key.to_owned())]
    }

    #[test]
    fn edits_read_as_words() {
        let element = ElementRef::Of(ElementId { statement: StatementId([0xab; 32]), edit: 1, ordinal: 2 });
        for (edit, words) in [
            (Edit { at: vec![], op: Op::Put(Value::Int(3)) }, "put the whole value 3"),
            (Edit { at: at("a/b~"), op: Op::Put(Value::Null) }, "put /a~1b~0 null"),
            (Edit { at: at("a"), op: Op::Delete }, "delete /a"),
            (Edit { at: at("a"), op: Op::Counter(-2) }, "counter /a -2"),
            (Edit { at: at("a"), op: Op::Increment(5) }, "increment /a +5"),
            (Edit { at: at("a"), op: Op::Insert(After::Head, Value::Bool(true)) }, "insert /a first true"),
            (
                Edit { at: at("a"), op: Op::Insert(After::Element(element), Value::Int(1)) },
                "insert /a after [ababababab:1:2] 1",
            ),
            (Edit { at: vec![Step::Element(ElementRef::Own(0, 4))], op: Op::Delete }, "delete /[0:4]"),
        ] {
            assert_eq!(super::edit(&edit), words);
        }
        let long = Edit { at: vec![], op: Op::Put(Value::Text("x".repeat(1000))) };
        assert!(super::edit(&long).chars().count() < 200);
    }
}
