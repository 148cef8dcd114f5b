//! A small world for the tests of trust and log: keys, a genesis, statements made by hand and histories made from plain
//! data. It knows how statements are built, not how they are judged.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

#[path = "../../../../tests/tests/figures.rs"]
pub mod figures;
pub mod history;
pub mod model;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use driftless_core::log::{Arrival, Log};
use driftless_core::trust::Trust;
use driftless_statement::codec::Item;
use driftless_statement::{
    Approve, Body, Edit, Genesis, Grant, Hlc, MeshId, Note, Op, Path, Prefix, PublicKey, Scope, SecretKey, Signed,
    Statement, StatementId, Terms, Touch, Value, Verb, Verified, Write,
};
use proptest::prelude::ProptestConfig;

/// The fewest cases in which everything that a law must meet is met, time and again.
const LEAST: u32 = 2_000;

/// The number of cases: `DRIFTLESS_CASES`, as the gate sets it, or as many as it takes to meet everything.
pub fn cases() -> ProptestConfig {
    ProptestConfig {
        cases: figures::law(figures::asked().max(LEAST)),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Counts what was reached over all cases of a law, and fails when something never was.
#[derive(Default)]
pub struct Reached(Mutex<BTreeMap<&'static str, u64>>);

impl Reached {
    pub fn note(&self, what: &'static str) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }

    pub fn all(&self, expected: &[&'static str]) {
        let reached = self.0.lock().unwrap();
        println!("reached: {reached:?}");
        let never: Vec<_> = expected.iter().filter(|what| !reached.contains_key(**what)).collect();
        assert!(never.is_empty(), "never reached: {never:?}; the generator is too tame");
    }
}

/// One of a few keys. 0, 1 and 2 are the root keys of the worlds below.
pub fn key(index: usize) -> PublicKey {
    static PUBLIC: OnceLock<Vec<PublicKey>> = OnceLock::new();
    let keys = PUBLIC.get_or_init(|| (0..1024).map(|index| secret(index).public()).collect());
    keys[index]
}

pub fn secret(index: usize) -> SecretKey {
    let mut bytes = [7u8; 32];
    bytes[..8].copy_from_slice(&(index as u64).to_be_bytes());
    SecretKey::from_bytes(bytes)
}

/// Takes a statement as if its signature had been checked: neither log nor trust look at signatures, and tests make
/// hundreds of thousands of statements.
pub fn seal(statement: &Statement) -> Arc<Verified> {
    let mut wire = statement.encode();
    let id = StatementId::of(&wire);
    wire.extend([0; 64]);
    Arc::new(Signed::decode(&wire).expect("a sound statement").trust_stored(id).expect("its own id"))
}

pub fn genesis_of(roots: &[usize], threshold: u64, name: &str) -> Arc<Verified> {
    let mut keys: Vec<PublicKey> = roots.iter().map(|root| key(*root)).collect();
    keys.sort_unstable();
    seal(&Statement {
        mesh: MeshId::UNFOUNDED,
        scope: Scope::mesh(),
        author: key(roots[0]),
        grant: StatementId::NONE,
        prev: vec![],
        touches: vec![],
        hlc: Hlc::from_millis(1),
        body: Body::from(Genesis { keys, threshold, fold_version: 1, name: name.to_owned() }),
        note: Note::default(),
        unknown: vec![],
    })
}

pub fn grant_body(to: usize, verbs: &[Verb], prefix: &str, scopes: &[&str]) -> Body {
    Body::from(Grant {
        key: key(to),
        verbs: verbs.iter().copied().collect(),
        prefix: Prefix::parse(prefix).unwrap(),
        scopes: scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect(),
        terms: Terms::default(),
    })
}

pub fn approve_body(id: StatementId) -> Body {
    Body::from(Approve { scope: Scope::mesh(), id })
}

pub fn unknown_body() -> Body {
    Body::Unknown { kind: 900, item: Item::Array(vec![Item::Null]).into() }
}

/// Makes statements of one mesh, each later than all before.
pub struct Maker {
    pub genesis: Arc<Verified>,
    clock: u64,
}

impl Maker {
    /// Keys 0, 1 and 2 are roots.
    pub fn new(threshold: u64) -> Self {
        let roots: &[usize] = if threshold == 1 { &[0] } else { &[0, 1, 2] };
        Self { genesis: genesis_of(roots, threshold, "test"), clock: 10 }
    }

    pub fn mesh(&self) -> MeshId {
        MeshId::from(self.genesis.id())
    }

    pub fn blank(&mut self, author: usize, grant: StatementId, scope: &str, body: Body) -> Statement {
        self.clock += 1;
        Statement {
            mesh: self.mesh(),
            scope: Scope::parse(scope).unwrap(),
            author: key(author),
            grant,
            prev: vec![],
            touches: vec![],
            hlc: Hlc::from_millis(self.clock),
            body,
            note: Note::default(),
            unknown: vec![],
        }
    }

    pub fn root_grant(&mut self, author: usize, to: usize, verbs: &[Verb], prefix: &str) -> Arc<Verified> {
        let epoch = self.genesis.id();
        self.grant(author, epoch, to, verbs, prefix, &[])
    }

    pub fn grant(
        &mut self,
        author: usize,
        on: StatementId,
        to: usize,
        verbs: &[Verb],
        prefix: &str,
        scopes: &[&str],
    ) -> Arc<Verified> {
        seal(&self.blank(author, on, "@mesh", grant_body(to, verbs, prefix, scopes)))
    }

    pub fn approve(&mut self, author: usize, id: StatementId) -> Arc<Verified> {
        let epoch = self.genesis.id();
        seal(&self.blank(author, epoch, "@mesh", approve_body(id)))
    }

    pub fn write(&mut self, author: usize, on: StatementId, paths: &[&str]) -> Arc<Verified> {
        self.write_after(author, on, paths, &[], &[])
    }

    /// A write that names own heads and bases.
    pub fn write_after(
        &mut self,
        author: usize,
        on: StatementId,
        paths: &[&str],
        prev: &[StatementId],
        bases: &[StatementId],
    ) -> Arc<Verified> {
        let scope = paths[0].split('/').next().unwrap();
        let clock = self.clock as i128;
        let edits = paths.iter().map(|_| vec![Edit { at: vec![], op: Op::Put(Value::Int(clock)) }]).collect();
        let mut statement = self.blank(author, on, scope, Body::Write(Write { edits }));
        statement.prev = sorted(prev);
        let bases = sorted(bases);
        statement.touches =
            paths.iter().map(|path| Touch { path: Path::parse(path).unwrap(), bases: bases.clone() }).collect();
        seal(&statement)
    }
}

pub fn sorted(ids: &[StatementId]) -> Vec<StatementId> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}

pub fn evaluate<'a>(genesis: &Verified, set: impl IntoIterator<Item = &'a Arc<Verified>>) -> Trust {
    Trust::evaluate(genesis, set.into_iter().map(|statement| &**statement))
}

/// A log with its trust, driven as a node drives them: trust is evaluated again when `@mesh` statements were appended,
/// and the room retried until nothing more comes of it.
pub struct Node {
    pub log: Log,
    pub trust: Option<Trust>,
}

impl Node {
    pub fn new(log: Log) -> Self {
        Self { log, trust: None }
    }

    pub fn arrive(&mut self, statement: &Arc<Verified>) -> Arrival {
        let arrival = self.log.arrive(statement.clone(), false, self.trust.as_ref());
        if let Arrival::Appended(appended) = &arrival {
            self.trust_changed(appended.clone());
        }
        arrival
    }

    pub fn arrive_batch(&mut self, batch: &[Arc<Verified>]) {
        let mut appended = Vec::new();
        for statement in batch {
            if let Arrival::Appended(now) = self.log.arrive(statement.clone(), false, self.trust.as_ref()) {
                appended.extend(now);
            }
        }
        self.trust_changed(appended);
    }

    fn trust_changed(&mut self, mut appended: Vec<Arc<Verified>>) {
        while appended.iter().any(|statement| statement.statement().scope.is_mesh()) {
            let Some(genesis) = self.log.genesis() else { return };
            let trust = evaluate(genesis, self.log.mesh());
            // What the new trust lets in may have been aside.
            self.log.sift(&trust, |_, _| |_: &Verified| false);
            appended = self.log.retry(&trust);
            self.trust = Some(trust);
        }
    }
}
