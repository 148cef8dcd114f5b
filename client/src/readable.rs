//! A statement in words, as a pure function of what was signed: what a node tells, and what an auditor compares with the
//! signed bytes. It must not know what became of the statement.

use driftless_statement::{
    After, Body, Edit, ElementRef, Frontier, Grant, Op, Prefix, Statement, Step, Terms, Value, Verb, Verified, json,
};

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

/// All that a signature under a statement agrees to, line by line, nothing cut: for who is about to give one. The texts are
/// as its author wrote them.
pub fn whole(statement: &Statement) -> Vec<String> {
    let mut lines = Vec::new();
    match &statement.body {
        Body::Write(write) => {
            for (touch, edits) in statement.touches.iter().zip(&write.edits) {
                lines.push(touch.path.to_string());
                lines.extend(edits.iter().map(|edit| format!("  {}", in_words(edit, &json::to_string))));
            }
        }
        body => lines.extend(edits(body).into_iter().flatten()),
    }
    match &statement.body {
        Body::Grant(grant) => lines.extend(bound_by(grant)),
        Body::Rotate(rotate) => {
            lines.extend(rotate.keys.iter().map(|key| format!("  root key {key}")));
            lines.extend(accepted(&rotate.frontier));
        }
        Body::Revoke(revoke) => lines.extend(accepted(&revoke.frontier)),
        Body::Accept(accept) => lines.extend(accepted(&accept.frontier)),
        Body::Unknown { .. } => lines.push("of a kind that this version does not know: it cannot be shown".to_owned()),
        Body::Write(_) | Body::Approve(_) | Body::Genesis(_) => {}
    }
    lines
}

/// What a grant's one line leaves out.
fn bound_by(grant: &Grant) -> Vec<String> {
    let mut lines = Vec::new();
    if grant.verbs.contains(&Verb::Member) {
        let scopes: Vec<String> = grant.scopes.iter().map(ToString::to_string).collect();
        let scopes = if scopes.is_empty() { "every scope".to_owned() } else { scopes.join(", ") };
        lines.push(format!("  may hold {scopes}"));
    }
    for (what, demand) in [("writes", &grant.terms.demands.writes), ("deletes", &grant.terms.demands.deletes)] {
        lines.extend(demand.iter().flat_map(|demand| &demand.of).map(|key| format!("  {what} approved by {key}")));
    }
    lines
}

fn accepted(frontier: &Frontier) -> impl Iterator<Item = String> {
    frontier.iter().map(|(scope, id)| format!("  accepts {id} in {scope}"))
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

/// One edit in words; a long value is cut.
pub fn edit(edit: &Edit) -> String {
    in_words(edit, &shown)
}

fn in_words(edit: &Edit, shown: &impl Fn(&Value) -> String) -> String {
    let at = pointer(&edit.at);
    match &edit.op {
        Op::Put(value) => format!("put {at} {}", shown(value)),
        Op::Delete => format!("delete {at}"),
        Op::Counter(start) => format!("counter {at} {start}"),
        Op::Increment(by) => format!("increment {at} {by:+}"),
        Op::Insert(inserted) => match &inserted.after {
            After::Head => format!("insert {at} first {}", shown(&inserted.value)),
            After::Element(element) => format!("insert {at} after {} {}", reference(element), shown(&inserted.value)),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use driftless_statement::{
        Demand, Demands, ElementId, Hlc, MeshId, Note, Path, PublicKey, Revoke, Rotate, Scope, StatementId, Touch,
        Write,
    };

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
            (Edit { at: at("a"), op: Op::insert(After::Head, Value::Bool(true)) }, "insert /a first true"),
            (
                Edit { at: at("a"), op: Op::insert(After::Element(element), Value::Int(1)) },
                "insert /a after [ababababab:1:2] 1",
            ),
            (Edit { at: vec![Step::Element(ElementRef::Own(0, 4))], op: Op::Delete }, "delete /[0:4]"),
        ] {
            assert_eq!(super::edit(&edit), words);
        }
        let long = Edit { at: vec![], op: Op::Put(Value::Text("x".repeat(1000).into())) };
        assert!(super::edit(&long).chars().count() < 200);
    }

    fn says(path: Option<&str>, body: Body) -> Statement {
        let path = path.map(|path| Path::parse(path).unwrap());
        Statement {
            mesh: MeshId([1; 32]),
            scope: path.as_ref().map_or(Scope::mesh(), Path::scope),
            author: PublicKey([2; 32]),
            grant: StatementId([3; 32]),
            prev: vec![],
            touches: path.into_iter().map(|path| Touch { path, bases: vec![] }).collect(),
            hlc: Hlc(1),
            body,
            note: Note::default(),
            unknown: vec![],
        }
    }

    /// Each key, scope and id that a signature agrees to, and all of a long value.
    #[test]
    fn nothing_that_is_signed_is_left_out() {
        let mut frontier = Frontier::nothing();
        frontier.insert(Scope::mesh(), StatementId([7; 32]));
        let keys = vec![PublicKey([5; 32]), PublicKey([6; 32])];
        let rotate = Body::from(Rotate { keys: keys.clone(), threshold: 2, frontier: frontier.clone() });
        let accepts = format!("  accepts {} in @mesh", StatementId([7; 32]));
        let roots = [format!("  root key {}", keys[0]), format!("  root key {}", keys[1])];
        let expected = [
            "rotate to 2 of 2 root keys, accepting 1 statement and all it names".to_owned(),
            roots[0].clone(),
            roots[1].clone(),
            accepts.clone(),
        ];
        assert_eq!(whole(&says(None, rotate)), expected);
        let revoke = Body::from(Revoke { key: keys[0], prefix: Prefix::all(), frontier });
        assert!(whole(&says(None, revoke)).contains(&accepts));
        let of = keys.iter().copied().collect();
        let demands = Demands { writes: Some(Demand { approvals: 1, of }), deletes: None };
        let grant = |scopes| Grant {
            key: keys[0],
            verbs: [Verb::Member, Verb::Write].into(),
            prefix: Prefix::all(),
            scopes,
            terms: Terms { demands: demands.clone(), ..Terms::default() },
        };
        let some = whole(&says(None, Body::from(grant(vec![Scope::parse("shop").unwrap()]))));
        assert_eq!(some[1], "  may hold shop");
        assert_eq!(some[2..], keys.iter().map(|key| format!("  writes approved by {key}")).collect::<Vec<_>>());
        assert_eq!(whole(&says(None, Body::from(grant(vec![]))))[1], "  may hold every scope");
        let value = "x".repeat(1000);
        let put = Edit { at: vec![], op: Op::Put(Value::Text(value.clone().into())) };
        let write = whole(&says(Some("shop/a"), Body::Write(Write { edits: vec![vec![put]] })));
        assert_eq!(write, ["shop/a".to_owned(), format!("  put the whole value \"{value}\"")]);
    }
}
