//! A mesh that exists only for measuring: one root, one operator, nodes, and signed statements in any number.

use std::sync::Arc;

use driftless_statement::{
    Body, Edit, Genesis, Grant, Hlc, MeshId, Note, Op, Path, Prefix, PublicKey, Scope, SecretKey, Statement,
    StatementId, Step, Terms, Touch, Value, Verb, Verified, Write,
};

/// When the mesh was founded: an hour of hybrid time before any statement that is measured.
pub const START_MS: u64 = 1_790_000_000_000;

/// A key by number.
pub fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32])
}

/// The mesh: genesis, grants, and the operator that writes.
pub struct Forge {
    /// Its name.
    pub mesh: MeshId,
    /// Genesis and grants, in order.
    pub bundle: Vec<Arc<Verified>>,
    operator: SecretKey,
    grant: StatementId,
}

/// An entry's path by number, about twenty bytes long.
pub fn path(number: usize) -> Path {
    Path::parse(&format!("shop/service-{}/limit-{number}", number % 97)).unwrap()
}

/// A text of this many bytes, another one for each number.
pub fn letters(number: usize, bytes: usize) -> String {
    let mut text = format!("{number}:");
    let mut state = number as u64 | 1;
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push(char::from(b'a' + (state >> 59) as u8 % 26));
    }
    text
}

/// The same as a value.
pub fn text(number: usize, bytes: usize) -> Value {
    Value::Text(letters(number, bytes).into())
}

/// A put of a value at a key of the entry, or of the whole entry.
pub fn put(keys: &[&str], value: Value) -> Edit {
    Edit { at: keys.iter().map(|key| Step::Key((*key).to_owned())).collect(), op: Op::Put(value) }
}

fn unsigned(mesh: MeshId, author: PublicKey, grant: StatementId, hlc: Hlc, body: Body) -> Statement {
    Statement {
        mesh,
        scope: Scope::mesh(),
        author,
        grant,
        prev: vec![],
        touches: vec![],
        hlc,
        body,
        note: Note::default(),
        unknown: vec![],
    }
}

impl Forge {
    /// Founds a mesh whose nodes have these keys.
    pub fn found(nodes: &[PublicKey]) -> Self {
        let (root, operator) = (key(201), key(202));
        let genesis = Genesis { keys: vec![root.public()], threshold: 1, fold_version: 1, name: "measured".to_owned() };
        let at = |number: usize| Hlc::from_millis(START_MS - 3_600_000 + number as u64);
        let body = Body::from(genesis);
        let genesis = unsigned(MeshId::UNFOUNDED, root.public(), StatementId::NONE, at(0), body);
        let genesis = Arc::new(Verified::sign(genesis, &root).unwrap());
        let mesh = MeshId::from(genesis.id());
        let mut forge = Self { mesh, grant: genesis.id(), bundle: vec![genesis.clone()], operator };
        let mut grants = vec![(forge.operator.public(), Verb::Write)];
        grants.extend(nodes.iter().flat_map(|node| [(*node, Verb::Member), (*node, Verb::Write)]));
        for (key, verb) in grants {
            let prefix = if verb == Verb::Write { "shop" } else { "" };
            let grant = Grant {
                key,
                verbs: [verb].into_iter().collect(),
                prefix: Prefix::parse(prefix).unwrap(),
                scopes: vec![],
                terms: Terms::default(),
            };
            let body = Body::from(grant);
            let grant = unsigned(mesh, root.public(), genesis.id(), at(forge.bundle.len()), body);
            forge.bundle.push(Arc::new(Verified::sign(grant, &root).unwrap()));
        }
        forge.grant = forge.bundle[1].id();
        forge
    }

    /// The bundle as it travels.
    pub fn bundle_wires(&self) -> Vec<Vec<u8>> {
        self.bundle.iter().map(|statement| statement.wire().to_vec()).collect()
    }

    /// A write by the operator. Numbers order writes in time: a base must have a lesser one.
    pub fn write(&self, number: usize, path: Path, bases: Vec<StatementId>, edits: Vec<Edit>) -> Arc<Verified> {
        let statement = Statement {
            scope: path.scope(),
            touches: vec![Touch { path, bases }],
            ..unsigned(
                self.mesh,
                self.operator.public(),
                self.grant,
                Hlc(Hlc::from_millis(START_MS).0 + number as u64),
                Body::Write(Write { edits: vec![edits] }),
            )
        };
        Arc::new(Verified::sign(statement, &self.operator).unwrap())
    }

    /// Entries written `times` times each without concurrency, round by round, values of about this many bytes.
    pub fn history(&self, entries: usize, times: usize, bytes: usize) -> Vec<Arc<Verified>> {
        let mut heads: Vec<Vec<StatementId>> = vec![Vec::new(); entries];
        let mut all = Vec::with_capacity(entries * times);
        for round in 0..times {
            for (entry, head) in heads.iter_mut().enumerate() {
                let number = round * entries + entry;
                let edit = put(&[], text(number, bytes));
                let statement = self.write(number + 1, path(entry), std::mem::take(head), vec![edit]);
                head.push(statement.id());
                all.push(statement);
            }
        }
        all
    }
}
