//! A statement as JSON fields: what another language builds the same bytes from. Only what this version does not know
//! is given as CBOR.

use driftless_statement::codec::{self, Item};
use driftless_statement::id::hex;
use driftless_statement::{After, Body, Demand, Edit, ElementRef, Grant, Op, Statement, Step};
use serde_json::{Value as Json, json};

fn cbor(item: &Item) -> Json {
    json!({ "cbor": hex(&codec::encode(item)) })
}

fn element(element: ElementRef) -> Json {
    match element {
        ElementRef::Own(edit, ordinal) => json!({ "own": [edit, ordinal] }),
        ElementRef::Of(id) => json!({ "of": [id.statement, id.edit, id.ordinal] }),
    }
}

fn edit(edit: &Edit) -> Json {
    let step = |step: &Step| match step {
        Step::Key(key) => json!(key),
        Step::Element(id) => element(*id),
    };
    let at: Vec<Json> = edit.at.iter().map(step).collect();
    match &edit.op {
        Op::Put(value) => json!({ "at": at, "put": value }),
        Op::Delete => json!({ "at": at, "delete": true }),
        Op::Counter(start) => json!({ "at": at, "counter": start }),
        Op::Increment(by) => json!({ "at": at, "increment": by }),
        Op::Insert(inserted) => {
            let after = match inserted.after {
                After::Head => Json::Null,
                After::Element(id) => element(id),
            };
            json!({ "at": at, "insert": inserted.value, "after": after })
        }
    }
}

/// A grant, with the terms that it has.
fn granted(grant: &Grant) -> Json {
    let mut told = json!({ "key": grant.key, "verbs": grant.verbs, "prefix": grant.prefix, "scopes": grant.scopes });
    let demand = |demand: &Demand| json!({ "approvals": demand.approvals, "of": demand.of });
    let demands = [("writes", &grant.terms.demands.writes), ("deletes", &grant.terms.demands.deletes)];
    for (what, demanded) in demands {
        if let Some(one) = demanded {
            told["demands"][what] = demand(one);
        }
    }
    if let Some(not_after_ms) = grant.terms.not_after_ms {
        told["not_after"] = json!(not_after_ms);
    }
    if !grant.terms.labels.is_empty() {
        told["labels"] = json!(grant.terms.labels);
    }
    told
}

fn body(body: &Body) -> Json {
    match body {
        Body::Genesis(genesis) => json!({ "genesis": {
            "keys": genesis.keys, "threshold": genesis.threshold,
            "fold_version": genesis.fold_version, "name": genesis.name,
        }}),
        Body::Write(write) => {
            let edits: Vec<Vec<Json>> = write.edits.iter().map(|edits| edits.iter().map(edit).collect()).collect();
            json!({ "write": edits })
        }
        Body::Grant(grant) => json!({ "grant": granted(grant) }),
        Body::Approve(approve) => json!({ "approve": { "scope": approve.scope, "id": approve.id } }),
        Body::Revoke(revoke) => json!({ "revoke": {
            "key": revoke.key, "prefix": revoke.prefix, "frontier": revoke.frontier,
        }}),
        Body::Accept(accept) => json!({ "accept": { "frontier": accept.frontier } }),
        Body::Rotate(rotate) => json!({ "rotate": {
            "keys": rotate.keys, "threshold": rotate.threshold, "frontier": rotate.frontier,
        }}),
        Body::Unknown { kind, item } => json!({ "unknown": { "kind": kind, "body": cbor(item) } }),
    }
}

/// All fields of a statement.
pub fn statement(statement: &Statement) -> Json {
    let touches = statement.touches.iter().map(|touch| json!({ "path": touch.path, "bases": touch.bases }));
    json!({
        "mesh": statement.mesh,
        "scope": statement.scope,
        "author": statement.author,
        "grant": statement.grant,
        "prev": statement.prev,
        "touches": touches.collect::<Vec<_>>(),
        "hlc": statement.hlc,
        "body": body(&statement.body),
        "note": statement.note,
        "unknown": statement.unknown.iter().map(|(field, item)| json!([field, cbor(item)])).collect::<Vec<_>>(),
    })
}
