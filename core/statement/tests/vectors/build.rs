//! Short ways to statements for vectors: fixed keys, one mesh, one time.

use std::sync::OnceLock;

use driftless_statement::codec::{self, Item};
use driftless_statement::{
    After, Body, Edit, ElementId, ElementRef, Genesis, Grant, Hlc, MeshId, Note, Op, Path, Scope, SecretKey, Statement,
    StatementId, Step, Terms, Touch, Value, Verb, Verified, Write, json,
};

/// Names of the keys, and the byte that fills each secret.
pub const NAMES: [(&str, u8); 5] = [("root", 1), ("second", 2), ("third", 3), ("writer", 4), ("node", 5)];
pub const ROOT: u8 = 1;
pub const SECOND: u8 = 2;
pub const THIRD: u8 = 3;
pub const WRITER: u8 = 4;
pub const NODE: u8 = 5;

/// 2026-11-21T00:00:00Z.
pub const MILLIS: u64 = 1_795_219_200_000;

pub fn key(secret: u8) -> SecretKey {
    SecretKey::from_bytes([secret; 32])
}

pub fn sign(statement: Statement, secret: u8) -> Verified {
    Verified::sign(statement, &key(secret)).unwrap()
}

/// `seconds` after the vectors' beginning.
pub fn at(seconds: u64) -> Hlc {
    Hlc::from_millis(MILLIS + seconds * 1000)
}

pub fn genesis(secrets: &[u8], threshold: u64, name: &str) -> Statement {
    let mut keys: Vec<_> = secrets.iter().map(|secret| key(*secret).public()).collect();
    keys.sort();
    Statement {
        mesh: MeshId::UNFOUNDED,
        scope: Scope::mesh(),
        author: key(ROOT).public(),
        grant: StatementId::NONE,
        prev: Vec::new(),
        touches: Vec::new(),
        hlc: at(0),
        body: Body::from(Genesis { keys, threshold, fold_version: 1, name: name.into() }),
        note: Note::default(),
        unknown: Vec::new(),
    }
}

pub fn founding() -> &'static Verified {
    static FOUNDING: OnceLock<Verified> = OnceLock::new();
    FOUNDING.get_or_init(|| sign(genesis(&[ROOT, SECOND, THIRD], 2, "example"), ROOT))
}

pub fn mesh() -> MeshId {
    MeshId::from(founding().id())
}

/// A statement in `@mesh` by the first root key.
pub fn root_act(body: Body) -> Statement {
    Statement {
        mesh: mesh(),
        scope: Scope::mesh(),
        author: key(ROOT).public(),
        grant: founding().id(),
        prev: vec![founding().id()],
        touches: Vec::new(),
        hlc: at(1),
        body,
        note: Note::default(),
        unknown: Vec::new(),
    }
}

pub fn grant_body(secret: u8, verbs: &[Verb], prefix: &str, scopes: &[&str]) -> Body {
    Body::from(Grant {
        key: key(secret).public(),
        verbs: verbs.iter().copied().collect(),
        prefix: prefix.parse().unwrap(),
        scopes: scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect(),
        terms: Terms::default(),
    })
}

/// The grant that the writer relies on.
pub fn grant() -> &'static Verified {
    static GRANT: OnceLock<Verified> = OnceLock::new();
    GRANT.get_or_init(|| sign(root_act(grant_body(WRITER, &[Verb::Write], "shop", &[])), ROOT))
}

pub fn touch(path: &str, bases: &[StatementId]) -> Touch {
    let mut bases = bases.to_vec();
    bases.sort();
    Touch { path: Path::parse(path).unwrap(), bases }
}

/// The writer's edits of one entry.
pub fn write(edits: Vec<Edit>) -> Statement {
    writes(vec![(touch("shop/limits", &[]), edits)])
}

/// The writer's edits of several entries, given in the order of their paths.
pub fn writes(entries: Vec<(Touch, Vec<Edit>)>) -> Statement {
    let scope = entries[0].0.path.scope();
    let (touches, edits) = entries.into_iter().unzip();
    Statement {
        mesh: mesh(),
        scope,
        author: key(WRITER).public(),
        grant: grant().id(),
        prev: Vec::new(),
        touches,
        hlc: at(2),
        body: Body::Write(Write { edits }),
        note: Note::default(),
        unknown: Vec::new(),
    }
}

pub fn value(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

pub fn k(key: &str) -> Step {
    Step::Key(key.into())
}

pub fn put(at: &[Step], text: &str) -> Edit {
    Edit { at: at.to_vec(), op: Op::Put(value(text)) }
}

pub fn edit(at: &[Step], op: Op) -> Edit {
    Edit { at: at.to_vec(), op }
}

pub fn of(ordinal: u32) -> ElementRef {
    ElementRef::Of(ElementId { statement: StatementId([0xee; 32]), edit: 0, ordinal })
}

pub fn insert(at: &[Step], after: Option<ElementRef>, text: &str) -> Edit {
    edit(at, Op::insert(after.map_or(After::Head, After::Element), value(text)))
}

/// Ids that stand for statements of others, ascending.
pub fn ids(count: u8) -> Vec<StatementId> {
    (1..=count).map(|number| StatementId([number; 32])).collect()
}

/// The fields of a statement's map, for harming.
pub type Fields = Vec<(Item, Item)>;

pub fn fields(statement: &Statement) -> Fields {
    match codec::decode(&statement.encode()).unwrap() {
        Item::Map(fields) => fields,
        other => panic!("{other:?}"),
    }
}

/// Canonical bytes and a good signature, whatever the bytes say.
pub fn signed_bytes(canonical: &[u8], secret: u8) -> Vec<u8> {
    let signature = key(secret).sign_for(b"driftless/statement/v1\0", canonical);
    [canonical, &signature].concat()
}

/// A statement with one field replaced, signed well.
pub fn with(statement: &Statement, secret: u8, field: u64, item: Item) -> Vec<u8> {
    let mut fields = fields(statement);
    fields.retain(|(key, _)| key.as_u64() != Some(field));
    fields.push((Item::uint(field), item));
    signed_bytes(&codec::encode(&Item::Map(fields)), secret)
}

/// A statement without a field, signed well.
pub fn without(statement: &Statement, secret: u8, field: u64) -> Vec<u8> {
    let mut fields = fields(statement);
    fields.retain(|(key, _)| key.as_u64() != Some(field));
    signed_bytes(&codec::encode(&Item::Map(fields)), secret)
}
