//! From merged and wanted values to the fewest statements: edits of entries that share a scope and a grant travel
//! together, so that they are authorised together. It must not know where the values come from.

use driftless_statement::schema::{self, Rule};
use driftless_statement::{
    Body, Edit, Hlc, Note, Scope, StatementId, Touch, Tree, Value, Verified, Write, diff, limits,
};

use super::{Frame, SignError, Signer};
use crate::api::Merged;
use crate::{tree, words};

/// What an author wants of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Desired {
    /// This value.
    Value(Value),
    /// No entry.
    Absent,
}

/// The edits of one entry, with what they were derived from.
#[derive(Debug, Clone)]
pub struct Edited {
    /// What was merged.
    pub merged: Merged,
    /// The same, with element names.
    pub before: Option<Tree>,
    /// What is wanted.
    pub wanted: Desired,
    /// The edits.
    pub edits: Vec<Edit>,
}

impl Edited {
    /// The edits in words, one a line.
    pub fn words(&self) -> Vec<String> {
        words::edits(self.before.as_ref(), &self.edits)
    }
}

/// The fewest edits that turn what is merged into what is wanted; `None`: it is so already.
pub fn plan(merged: &Merged, wanted: &Desired) -> Result<Option<Edited>, SignError> {
    let bad = |bad| SignError::Tree { path: merged.path.clone(), bad };
    let before = merged.tree.as_ref().map(tree::from_json).transpose().map_err(bad)?;
    let edits = match (wanted, &before) {
        (Desired::Value(value), before) => diff::diff(before.as_ref(), value),
        (Desired::Absent, Some(_)) => diff::delete(),
        (Desired::Absent, None) => Vec::new(),
    };
    if edits.is_empty() {
        return Ok(None);
    }
    if let Desired::Value(value) = wanted {
        check(merged, value)?;
    }
    Ok(Some(Edited { merged: merged.clone(), before, wanted: wanted.clone(), edits }))
}

/// One edit that puts a whole value, whatever lies there: for a value that only makes sense whole, such as a sealed one. Of
/// two such edits at once one wins, and the value is never a mixture.
pub fn replace(merged: &Merged, value: Value) -> Result<Edited, SignError> {
    let bad = |bad| SignError::Tree { path: merged.path.clone(), bad };
    let before = merged.tree.as_ref().map(tree::from_json).transpose().map_err(bad)?;
    check(merged, &value)?;
    let edits = diff::diff(None, &value);
    Ok(Edited { merged: merged.clone(), before, wanted: Desired::Value(value), edits })
}

/// The author's door keeps the schemas that every receiver keeps. One that cannot be read here, from a newer node, is left
/// to that node.
fn check(merged: &Merged, value: &Value) -> Result<(), SignError> {
    let path = &merged.path;
    if schema::is_place(path) {
        let rule = Rule::read(path, value);
        return rule.map(drop).map_err(|bad| SignError::NotASchema { path: path.clone(), bad });
    }
    let mut budget = limits::SCHEMA_STEPS;
    for held in &merged.schemas {
        let Ok(rule) = Rule::read(&held.path, &held.value) else { continue };
        let unmet = |unmet| SignError::Schema { path: path.clone(), schema: held.path.clone(), unmet };
        rule.meets(value, &mut budget).map_err(unmet)?;
    }
    Ok(())
}

/// Bytes of edits after which a further entry begins a new statement: half of what a statement may have, the rest is
/// for bases, paths and the note.
const FULL: usize = limits::STATEMENT_BYTES / 2;

/// Entries that go into one statement.
struct Batch {
    frame: Frame,
    edits: usize,
    bytes: usize,
    entries: Vec<Edited>,
}

impl Batch {
    fn of(frame: Frame) -> Self {
        Self { frame, edits: 0, bytes: 0, entries: Vec::new() }
    }

    fn takes(&self, edited: &Edited) -> bool {
        self.frame.scope == edited.merged.path.scope()
            && Some(self.frame.grant) == edited.merged.grant
            && self.entries.len() < limits::TOUCHES
            && self.edits + edited.edits.len() <= limits::EDITS
            && self.bytes + cost(edited) <= FULL
    }

    fn add(&mut self, edited: Edited) {
        self.frame.after = self.frame.after.max(edited.merged.after);
        self.edits += edited.edits.len();
        self.bytes += cost(&edited);
        self.entries.push(edited);
    }
}

/// Signs the edits in as few statements as the limits and the grants allow. Later statements of a scope follow earlier
/// ones.
pub fn statements(
    signer: &Signer,
    mut edited: Vec<Edited>,
    note: &Note,
    now_ms: u64,
) -> Result<Vec<Verified>, SignError> {
    edited.sort_by(|a, b| a.merged.path.cmp(&b.merged.path));
    let mut batches: Vec<Batch> = Vec::new();
    for entry in edited {
        match batches.iter_mut().find(|batch| batch.takes(&entry)) {
            Some(batch) => batch.add(entry),
            None => {
                let mut batch = Batch::of(frame(signer, &entry)?);
                batch.add(entry);
                batches.push(batch);
            }
        }
    }
    let mut signed: Vec<Verified> = Vec::new();
    for batch in batches {
        signed.push(sign(signer, batch, &signed, note, now_ms)?);
    }
    Ok(signed)
}

fn frame(signer: &Signer, edited: &Edited) -> Result<Frame, SignError> {
    let merged = &edited.merged;
    let scope = merged.path.scope();
    let verb = if scope.is_mesh() { "operate" } else { "write" };
    let no_grant = || SignError::NoGrant { key: signer.public(), verb, what: merged.path.to_string() };
    let grant = merged.grant.ok_or_else(no_grant)?;
    Ok(Frame { mesh: merged.mesh, scope, grant, prev: merged.prev.clone(), after: merged.after })
}

/// About how many bytes an entry adds to a statement: its edits, its path, its bases at 34 bytes each.
fn cost(edited: &Edited) -> usize {
    let edits: usize = edited.edits.iter().map(Edit::encoded_len).sum();
    edits + edited.merged.path.as_str().len() + 34 * edited.merged.heads.len() + 16
}

fn sign(signer: &Signer, batch: Batch, earlier: &[Verified], note: &Note, now_ms: u64) -> Result<Verified, SignError> {
    let mut frame = batch.frame;
    if let Some((id, hlc)) = last_in(earlier, &frame.scope) {
        frame.prev = vec![id];
        frame.after = frame.after.max(hlc);
    }
    let (touches, edits) = batch
        .entries
        .into_iter()
        .map(|entry| (Touch { path: entry.merged.path, bases: bases(entry.merged.heads) }, entry.edits))
        .unzip();
    signer.sign(&frame, touches, Body::Write(Write { edits }), note.clone(), now_ms)
}

fn bases(mut heads: Vec<StatementId>) -> Vec<StatementId> {
    heads.sort_unstable();
    heads.dedup();
    heads.truncate(limits::BASES);
    heads
}

fn last_in(earlier: &[Verified], scope: &Scope) -> Option<(StatementId, Hlc)> {
    let last = earlier.iter().rev().find(|signed| signed.statement().scope == *scope)?;
    Some((last.id(), last.statement().hlc))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use driftless_statement::tree::Naming;
    use driftless_statement::{MeshId, Path, SecretKey, Signed, json};

    use super::*;
    use crate::api::Schema;

    const NOW: u64 = 1_800_000_000_000;

    fn merged(path: &str, value: Option<&str>) -> Merged {
        let mut naming = Naming { statement: StatementId([9; 32]), edit: 0, next: 0 };
        let tree = value.map(|text| Tree::build(&json::parse(text.as_bytes()).unwrap(), &mut naming));
        Merged {
            path: Path::parse(path).unwrap(),
            mesh: MeshId([1; 32]),
            heads: if tree.is_some() { vec![StatementId([9; 32])] } else { Vec::new() },
            etag: "x".into(),
            tree: tree.as_ref().map(tree::to_json),
            after: Hlc::from_millis(NOW - 5),
            prev: vec![StatementId([4; 32])],
            grant: Some(StatementId([2; 32])),
            schemas: Vec::new(),
        }
    }

    fn edited(path: &str, before: Option<&str>, wanted: &str) -> Edited {
        plan(&merged(path, before), &Desired::Value(json::parse(wanted.as_bytes()).unwrap())).unwrap().unwrap()
    }

    fn signer() -> Signer {
        Signer::new(SecretKey::from_bytes([5; 32]))
    }

    #[test]
    fn what_is_there_already_needs_no_statement() {
        let same = Desired::Value(json::parse(b"{\"a\":[1]}").unwrap());
        assert!(plan(&merged("shop/a", Some("{\"a\":[1]}")), &same).unwrap().is_none());
        assert!(plan(&merged("shop/a", None), &Desired::Absent).unwrap().is_none());
        assert_eq!(
            plan(&merged("shop/a", Some("1")), &Desired::Absent).unwrap().unwrap().words(),
            ["delete the whole value"]
        );
    }

    #[test]
    fn a_receiver_reads_what_was_shown() {
        let one = edited("shop/a", Some("{\"a\":1,\"b\":5}"), "{\"a\":2,\"b\":5}");
        assert_eq!(one.words(), ["put /a 2"]);
        let signed = statements(&signer(), vec![one.clone()], &Note::default(), NOW).unwrap();
        let read = Signed::decode(&signed[0].wire()).unwrap().verify().unwrap();
        assert_eq!(read.statement().touches[0].bases, [StatementId([9; 32])]);
        assert_eq!(read.statement().prev, [StatementId([4; 32])]);
        assert_eq!(read.statement().hlc, Hlc::from_millis(NOW));
        let Body::Write(write) = &read.statement().body else { panic!("a write") };
        assert_eq!(write.edits, [one.edits]);
    }

    #[test]
    fn entries_of_a_scope_travel_together_until_a_limit() {
        let few = vec![edited("shop/b", None, "1"), edited("shop/a", None, "1"), edited("web/a", None, "1")];
        let signed = statements(&signer(), few, &Note::default(), NOW).unwrap();
        assert_eq!(signed.iter().map(|s| s.statement().touches.len()).collect::<Vec<_>>(), [2, 1]);
        let many = (0..300).map(|n| edited(&format!("shop/e{n}"), None, "1")).collect();
        let signed = statements(&signer(), many, &Note::default(), NOW).unwrap();
        assert_eq!(signed.len(), 2);
        assert_eq!(signed[1].statement().prev, [signed[0].id()]);
        assert!(signed[1].statement().hlc > signed[0].statement().hlc);
        let large = format!("\"{}\"", "x".repeat(100_000));
        let heavy = (0..3).map(|n| edited(&format!("shop/h{n}"), None, &large)).collect();
        assert_eq!(statements(&signer(), heavy, &Note::default(), NOW).unwrap().len(), 3);
    }

    #[test]
    fn a_value_that_is_replaced_is_put_whole() {
        let before = merged("shop/a", Some(r#"{"a":1,"b":2}"#));
        let one = replace(&before, json::parse(br#"{"a":1,"b":3}"#).unwrap()).unwrap();
        assert_eq!(one.words(), [r#"put the whole value {"a":1,"b":3}"#]);
    }

    #[test]
    fn what_breaks_a_schema_is_not_signed() {
        let value = |text: &str| json::parse(text.as_bytes()).unwrap();
        let schema = r#"{"governs":"shop","schema":{"properties":{"max":{"maximum":50}}}}"#;
        let held = Schema { path: Path::parse("@mesh/schemas/shop/limits").unwrap(), value: value(schema) };
        let merged = Merged { schemas: vec![held], ..merged("shop/a", None) };
        let plan = |merged: &Merged, wanted: &str| plan(merged, &Desired::Value(value(wanted)));
        assert!(plan(&merged, r#"{"max":50}"#).is_ok());
        let said = plan(&merged, r#"{"max":51}"#).unwrap_err().to_string();
        assert_eq!(
            said,
            "shop/a: schema @mesh/schemas/shop/limits: /max must be at most 50, is 51; nothing was signed"
        );
        let place = Merged { path: Path::parse("@mesh/schemas/shop/b").unwrap(), schemas: Vec::new(), ..merged };
        let said = plan(&place, r#"{"governs":"shop","schema":{"pattern":"x*"}}"#).unwrap_err().to_string();
        assert!(said.starts_with("@mesh/schemas/shop/b: not a schema: /schema/pattern is no keyword"), "{said}");
    }

    #[test]
    fn says_what_is_missing() {
        let mut one = edited("shop/a", None, "1");
        one.merged.grant = None;
        let failed = statements(&signer(), vec![one], &Note::default(), NOW).unwrap_err();
        assert!(matches!(failed, SignError::NoGrant { verb: "write", .. }));
        let mut late = edited("shop/a", None, "1");
        late.merged.after = Hlc::from_millis(NOW + 3_600_000);
        let failed = statements(&signer(), vec![late], &Note::default(), NOW).unwrap_err();
        assert_eq!(failed, SignError::ClockBehind(3_600_000));
    }
}
