//! Machines of one process that read the same founding share what they learn from it, and that must show in nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_core::machine::{CallId, Effect, Event, KEEP_STRUCK_BYTES, Machine, Now, Pace, Proofs, Rates, Setup};
use driftless_statement::{
    Body, Genesis, Grant, Hlc, MeshId, Note, Prefix, PublicKey, Scope, SecretKey, Statement, StatementId, Terms, Verb,
    Verified,
};

const START_MS: u64 = 1_800_000_000_000;

fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32])
}

fn signed(mesh: MeshId, grant: StatementId, at_ms: u64, body: Body) -> Arc<Verified> {
    let statement = Statement {
        mesh,
        scope: Scope::mesh(),
        author: key(200).public(),
        grant,
        prev: Vec::new(),
        touches: Vec::new(),
        hlc: Hlc::from_millis(at_ms),
        body,
        note: Note::default(),
        unknown: Vec::new(),
    };
    Arc::new(Verified::sign(statement, &key(200)).unwrap())
}

fn member(genesis: StatementId, node: PublicKey, at_ms: u64) -> Arc<Verified> {
    let verbs = [Verb::Member].into_iter().collect();
    let grant = Grant { key: node, verbs, prefix: Prefix::all(), scopes: Vec::new(), terms: Terms::default() };
    signed(MeshId::from(genesis), genesis, at_ms, Body::from(grant))
}

fn founding(nodes: u8) -> Vec<Arc<Verified>> {
    let body = Genesis { keys: vec![key(200).public()], threshold: 1, fold_version: 1, name: "test".to_owned() };
    let genesis = signed(MeshId::UNFOUNDED, StatementId::NONE, START_MS, Body::from(body));
    let id = genesis.id();
    let grants = (1..=nodes).map(|node| member(id, key(node).public(), START_MS + u64::from(node)));
    std::iter::once(genesis).chain(grants).collect()
}

fn now(later_ms: u64) -> Now {
    Now { mono_ms: 1_000 + later_ms, wall_ms: START_MS + 10_000 + later_ms }
}

fn machine(number: u8, founding: &[Arc<Verified>], proofs: &Proofs, floor_ms: u64) -> (Machine, BTreeSet<PublicKey>) {
    let setup = Setup {
        key: key(number),
        mesh: MeshId::from(founding[0].id()),
        name: String::new(),
        wants: None,
        store: 1,
        boot: 1,
        floor_ms,
        keep_struck_bytes: KEEP_STRUCK_BYTES,
        seed: 1,
        pace: Pace::default(),
        rates: Rates::default(),
        proofs: proofs.clone(),
        #[cfg(feature = "planted")]
        planted: None,
    };
    let mut machine = Machine::new(setup, now(0));
    let mut effects = Vec::new();
    machine.handle(now(0), Event::Loaded(founding.to_vec()), &mut effects);
    (machine, members(&effects))
}

fn members(effects: &[Effect]) -> BTreeSet<PublicKey> {
    let told = effects.iter().rev().find_map(|effect| match effect {
        Effect::Members(members) => Some((**members).clone()),
        _ => None,
    });
    told.unwrap_or_default()
}

fn told(machine: &Machine) -> impl PartialEq + std::fmt::Debug + use<> {
    let sets: Vec<(Scope, u64, [u8; 32])> =
        machine.sets().map(|(scope, count, set)| (scope.clone(), count, set)).collect();
    let grants: Vec<StatementId> = machine.grants().into_iter().map(|grant| grant.standing.id).collect();
    let status = machine.status();
    (sets, grants, status.statements, status.fold_version, format!("{:?}", status.scopes), machine.standing().digest)
}

#[test]
fn a_machine_that_takes_an_image_is_like_one_that_read_all() {
    let founding = founding(100);
    let shared = Proofs::shared();
    let (first, _) = machine(1, &founding, &shared, START_MS);
    let (image, heard) = machine(2, &founding, &shared, START_MS);
    let (alone, heard_alone) = machine(2, &founding, &Proofs::default(), START_MS);
    assert_eq!(told(&image), told(&alone));
    assert_eq!(told(&image), told(&first));
    assert_eq!((heard.len(), &heard), (100, &heard_alone));
    assert_eq!(image.divergence().expected, 99);
}

#[test]
fn what_one_learns_later_does_not_show_in_the_other() {
    let founding = founding(100);
    let shared = Proofs::shared();
    let (mut first, _) = machine(1, &founding, &shared, START_MS);
    let (second, _) = machine(2, &founding, &shared, START_MS);
    let before = told(&second);
    let joiner = member(founding[0].id(), key(150).public(), START_MS + 5_000);
    let mut effects = Vec::new();
    let submit = Event::Submit { call: CallId(1), statements: vec![joiner.wire().to_vec()] };
    first.handle(now(10), submit, &mut effects);
    let batch = effects.iter().find_map(|effect| match effect {
        Effect::Store { batch, .. } => Some(*batch),
        _ => None,
    });
    first.handle(now(20), Event::Stored { batch: batch.unwrap() }, &mut effects);
    assert!(members(&effects).contains(&key(150).public()));
    assert_eq!(first.status().statements, 102);
    assert_eq!(told(&second), before);
    // Nor in who reads the same founding after that.
    assert_eq!(told(&machine(3, &founding, &shared, START_MS).0), before);
}

#[test]
fn a_store_whose_floor_is_too_early_takes_no_image() {
    let founding = founding(100);
    let shared = Proofs::shared();
    let (first, _) = machine(1, &founding, &shared, START_MS);
    let (early, _) = machine(2, &founding, &shared, START_MS - 120_000);
    let (alone, _) = machine(2, &founding, &Proofs::default(), START_MS - 120_000);
    assert_eq!(told(&early), told(&alone), "statements that are not due do not count");
    assert_ne!(told(&early), told(&first));
}
