//! Snapshots of what `audit` and `trust` print.

use std::collections::BTreeMap;

use driftless_client::api::{Attempt, AuditRecord};
use driftless_client::audit::{
    Answer, GrantNode, Needed, Reason, Report, RevocationNode, RootAct, SignatureCount, StrikeNode, Tree, VoidAct,
};
use driftless_statement::{MeshId, PublicKey, Scope, StatementId, json};
use insta::assert_snapshot;
use serde::de::DeserializeOwned;

use crate::out::Paint;
use crate::render::{Now, audit, trust};

const NOW: Now = Now(1_795_255_200_000);

fn answer<T: DeserializeOwned>(text: &str) -> T {
    let id = |digit: char| digit.to_string().repeat(64);
    let text = "0123456789abcdef".chars().fold(text.to_owned(), |text, c| text.replace(&format!("%{c}"), &id(c)));
    json::read(text.as_bytes()).unwrap()
}

fn id(byte: u8) -> StatementId {
    StatementId([byte; 32])
}

fn key(byte: u8) -> PublicKey {
    PublicKey([byte; 32])
}

fn records() -> Vec<AuditRecord> {
    answer(
        r#"[{"statement":{"id":"%a","scope":"shop","author":"%1","grant":"%2","hlc":"1795251600000.0",
        "time":"2026-11-21T09:00:00.000Z","kind":"write","paths":["shop/checkout/limits"],"edits":[["put /max 30"]],
        "note":{"reason":"Black Friday","ticket":"OPS-7"},"fate":"fit"},"chain":["%2","%0"],
        "reach":{"expected":3,"has":2,"lacks":[{"node":"%5","name":"node-3","why":"differs"}]}},
        {"statement":{"id":"%b","scope":"@mesh","author":"%9","grant":"%0","hlc":"1795248000000.0",
        "time":"2026-11-21T08:00:00.000Z","kind":"grant","paths":[],"edits":[["grant write on shop to %3"]],
        "fate":"pending","reason":"pending: 1 of 2 root keys have signed it"},"chain":["%0"],
        "approvals":[{"id":"%d","key":"%8","time":"2026-11-21T08:01:00.000Z","fate":"fit"},
        {"id":"%e","key":"%7","time":"2026-11-21T08:02:00.000Z","fate":"void"}],
        "reach":{"expected":3,"has":3,"unknown":[{"node":"%6","why":"waiting_for_beacon"}]}},
        {"statement":{"id":"%c","scope":"shop","author":"%3","grant":"%4","hlc":"1795244400000.0",
        "time":"2026-11-21T07:00:00.000Z","kind":"write","paths":["shop/a","shop/b"],"edits":[["delete the whole value"],["put /x 1"]],
        "fate":"void","reason":"grant %4 was struck"},"reach":{"expected":3,"has":3}}]"#,
    )
}

fn attempts() -> Vec<Attempt> {
    answer(
        r#"[{"author":"%3","signature":"good","came":"submission","kind":"write","scope":"web","rule":"outside",
        "why":"web/a is not under the grant's prefix `shop`","id":"%a","grant":"%2","paths":["web/a"],
        "first":"2026-11-21T08:00:00.000Z","last":"2026-11-21T09:00:00.000Z","count":12},
        {"author":"%7","signature":"not_checked","came":"peer","kind":"grant","scope":"@mesh","rule":"no_such_grant",
        "why":"grant %0 is not one that stands","first":"2026-11-21T08:00:00.000Z","last":"2026-11-21T08:00:00.000Z","count":1}]"#,
    )
}

#[test]
fn an_audit() {
    assert_snapshot!(audit::short(Paint::NONE, NOW, &records()) + &audit::attempts(Paint::NONE, &attempts()));
    assert_eq!(audit::short(Paint::NONE, NOW, &[]) + &audit::attempts(Paint::NONE, &[]), "");
}

#[test]
fn an_audit_in_full() {
    assert_snapshot!(audit::long(Paint::NONE, NOW, &records()));
}

#[test]
fn what_was_verified() {
    let counts = |list: &[(&str, u64)]| list.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect();
    let kinds: BTreeMap<String, u64> = counts(&[("genesis", 1), ("grant", 4), ("write", 19)]);
    let report = Report {
        mesh: MeshId([0xaa; 32]),
        mesh_expected: false,
        node: key(1),
        at: "2026-11-21T09:00:00.000Z".to_owned(),
        scopes: vec![Scope::mesh(), Scope::parse("shop").unwrap()],
        statements: 24,
        authors: 5,
        kinds,
        fates: counts(&[("fit", 20), ("unfit", 1), ("void", 3)]),
        first: Some("2026-11-20T09:00:00.000Z".to_owned()),
        last: Some("2026-11-21T08:59:00.000Z".to_owned()),
        taken_on_word: 1,
        attempts: 2,
        last_id: Some(id(7)),
        sum: "ab".repeat(32),
        span: None,
    };
    assert_snapshot!(audit::report(Paint::NONE, &report) + &audit::unvouched(&report.mesh));
}

fn grant(byte: u8, to: u8, verbs: &[&'static str], prefix: &str, grants: Vec<GrantNode>) -> GrantNode {
    GrantNode {
        id: id(byte),
        key: key(to),
        issuer: key(1),
        verbs: verbs.to_vec(),
        prefix: prefix.to_owned(),
        scopes: Vec::new(),
        rank: 1,
        state: "authorised",
        signatures: None,
        struck_by: Vec::new(),
        time: "2026-11-20T09:00:00.000Z".to_owned(),
        terms: String::new(),
        note: String::new(),
        grants,
    }
}

#[test]
fn a_tree_of_grants() {
    let signed = |have| Some(SignatureCount { have, need: 2, keys: vec![key(1)] });
    let struck = GrantNode {
        state: "struck",
        struck_by: vec![StrikeNode { revocation: id(0x50), prefix: "shop".to_owned() }],
        note: "for the job\nthat \u{1b}[31mloads".to_owned(),
        ..grant(0x30, 4, &["write"], "shop", vec![grant(0x31, 5, &["write"], "shop/a", Vec::new())])
    };
    let member = GrantNode {
        scopes: vec![Scope::parse("shop").unwrap(), Scope::parse("web").unwrap()],
        terms: "region=eu".to_owned(),
        ..grant(0x20, 6, &["member"], "", Vec::new())
    };
    let operator =
        grant(0x21, 3, &["write", "delegate"], "", vec![struck, grant(0x32, 7, &["write"], "web", Vec::new())]);
    let pending = GrantNode { state: "pending", signatures: signed(1), ..grant(0x22, 8, &["write"], "", Vec::new()) };
    let mut tree = Tree {
        mesh: MeshId([0xaa; 32]),
        name: "acme".to_owned(),
        epoch: id(0xaa),
        roots: vec![key(1), key(2)],
        threshold: 2,
        ended: vec![id(0xab)],
        forked: false,
        fold_version: 1,
        grants: vec![member, operator, pending],
        revocations: vec![RevocationNode {
            id: id(0x50),
            key: key(4),
            prefix: "shop".to_owned(),
            issuer: key(3),
            rank: 1,
            state: "authorised",
            signatures: None,
            strikes: vec![id(0x30)],
            accepts: 2,
            note: "stolen".to_owned(),
        }],
        void: vec![VoidAct {
            id: id(0x60),
            kind: "grant",
            author: key(4),
            key: key(9),
            prefix: String::new(),
            rule: "verb",
            why: "grant 3030303030 does not give the verb delegate".to_owned(),
        }],
    };
    assert_snapshot!(trust::tree(Paint::NONE, &tree));
    (tree.grants, tree.revocations, tree.void) = (Vec::new(), Vec::new(), Vec::new());
    tree.forked = true;
    assert_snapshot!(trust::tree(Paint::NONE, &tree));
}

#[test]
fn whether_a_key_may() {
    let yes = Answer {
        key: key(3),
        verb: "write",
        target: "shop/limits".to_owned(),
        allowed: true,
        chain: vec![id(0x21), id(0xaa)],
        approvals: vec![Needed { demanded_by: id(0x21), what: "deletes", approvals: 1, of: vec![key(4), key(5)] }],
        root_act: None,
        reasons: Vec::new(),
    };
    let root = Answer {
        chain: Vec::new(),
        approvals: Vec::new(),
        root_act: Some(RootAct { threshold: 2, roots: 3 }),
        ..yes.clone()
    };
    let reason = |grant, rule, why: &str| Reason { grant, rule, why: why.to_owned() };
    let no = Answer {
        allowed: false,
        chain: Vec::new(),
        approvals: Vec::new(),
        reasons: vec![
            reason(
                Some(id(0x30)),
                "struck",
                "grant 3030303030 was struck by revocation 5050505050, which does not accept this",
            ),
            reason(None, "no_such_grant", "no grant was given to this key"),
        ],
        ..yes.clone()
    };
    let all: String = [yes, root, no].iter().map(|one| trust::answer(Paint::NONE, one)).collect();
    assert_snapshot!(all);
}
