//! Arbitrary statements of every kind, with everything unknown that a later version might put in.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;

use super::strategies::{key, text, value};
use crate::Hlc;
use crate::body::{Accept, Approve, Body, Genesis, Grant, Revoke, Rotate, Verb, Write};
use crate::codec::Item;
use crate::edit::{After, Edit, ElementRef, Op, Step};
use crate::frontier::Frontier;
use crate::id::{ElementId, MeshId, PublicKey, StatementId};
use crate::limits;
use crate::path::{Path, Prefix, Scope};
use crate::sign::SecretKey;
use crate::statement::{Note, Statement, Touch, Why};
use crate::terms::{Demand, Demands, Terms};

/// One of a few secret keys.
pub fn secret(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32])
}

fn public() -> impl Strategy<Value = PublicKey> {
    (1u8..6).prop_map(|number| secret(number).public())
}

fn id() -> impl Strategy<Value = StatementId> {
    prop_oneof![Just([1; 32]), Just([255; 32]), any::<[u8; 32]>()]
        .prop_filter("genesis alone names nothing", |id| *id != [0; 32])
        .prop_map(StatementId)
}

fn ids(max: usize) -> impl Strategy<Value = Vec<StatementId>> {
    btree_set(id(), 0..=max).prop_map(|ids| ids.into_iter().collect())
}

/// Any item of the data model.
pub fn item() -> impl Strategy<Value = Item> {
    let leaf = prop_oneof![
        value().prop_map(|value| sorted(&value.to_item())),
        vec(any::<u8>(), 0..5).prop_map(Item::Bytes),
        text().prop_map(Item::Text),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Item::Array), vec((inner.clone(), inner), 0..4).prop_map(map),]
    })
}

/// The item with its maps in canonical order.
fn sorted(item: &Item) -> Item {
    crate::codec::decode(&crate::codec::encode(item)).unwrap()
}

/// A map in the order of its keys' encodings, as the decoder gives it back.
fn map(entries: Vec<(Item, Item)>) -> Item {
    let sorted: BTreeMap<Vec<u8>, (Item, Item)> =
        entries.into_iter().map(|(key, item)| (crate::codec::encode(&key), (key, item))).collect();
    Item::Map(sorted.into_values().collect())
}

fn element() -> impl Strategy<Value = ElementRef> {
    prop_oneof![
        (any::<u32>(), any::<u32>()).prop_map(|(edit, ordinal)| ElementRef::Own(edit, ordinal)),
        (id(), 0u32..3, 0u32..300).prop_map(|(statement, edit, ordinal)| ElementRef::Of(ElementId {
            statement,
            edit,
            ordinal
        })),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let step = prop_oneof![3 => key().prop_map(Step::Key), 1 => element().prop_map(Step::Element)];
    let start = -limits::COUNTER_START..=limits::COUNTER_START;
    let by = -limits::COUNTER_STEP..=limits::COUNTER_STEP;
    let after = prop_oneof![Just(After::Head), element().prop_map(After::Element)];
    let op = prop_oneof![
        value().prop_map(Op::Put),
        Just(Op::Delete),
        start.prop_map(Op::Counter),
        by.prop_map(Op::Increment),
        (after, value()).prop_map(|(after, value)| Op::insert(after, value)),
    ];
    (vec(step, 0..4), op).prop_map(|(at, op)| Edit { at, op })
}

fn scope() -> impl Strategy<Value = Scope> {
    prop::sample::select(vec!["shop", "@mesh", "a.b~c_D-9@"]).prop_map(|text| Scope::parse(text).unwrap())
}

fn prefix() -> impl Strategy<Value = Prefix> {
    prop::sample::select(vec!["", "shop", "shop/a", "@mesh/x"]).prop_map(|text| Prefix::parse(text).unwrap())
}

fn genesis() -> impl Strategy<Value = Genesis> {
    (btree_set(public(), 1..6), any::<u64>(), "[ -~é]{0,12}").prop_map(|(keys, fold_version, name)| Genesis {
        threshold: keys.len() as u64 / 2 + 1,
        keys: keys.into_iter().collect(),
        fold_version,
        name,
    })
}

fn trust_body() -> impl Strategy<Value = Body> {
    let verbs = btree_set(prop::sample::select(Verb::ALL.to_vec()), 1..4);
    let grant = (public(), verbs, prefix(), btree_set(scope(), 0..3), terms()).prop_map(
        |(key, verbs, prefix, scopes, terms)| {
            Body::from(Grant { key, verbs, prefix, scopes: scopes.into_iter().collect(), terms })
        },
    );
    let approve = (scope(), id()).prop_map(|(scope, id)| Body::from(Approve { scope, id }));
    let revoke = (public(), prefix(), frontier())
        .prop_map(|(key, prefix, frontier)| Body::from(Revoke { key, prefix, frontier }));
    let accept = frontier()
        .prop_filter("an accept lists something", |frontier| !frontier.is_empty())
        .prop_map(|frontier| Body::Accept(Accept { frontier }));
    let rotate = (btree_set(public(), 1..6), frontier()).prop_map(|(keys, frontier)| {
        let threshold = keys.len() as u64 / 2 + 1;
        Body::from(Rotate { keys: keys.into_iter().collect(), threshold, frontier })
    });
    prop_oneof![grant, approve, revoke, accept, rotate]
}

fn terms() -> impl Strategy<Value = Terms> {
    let demand = || {
        of((btree_set(public(), 1..5), 1u64..5)
            .prop_map(|(of, approvals)| Demand { approvals: approvals.min(of.len() as u64), of }))
    };
    let labels = btree_map("[a-z0-9._-]{1,12}", "[A-Za-z0-9._-]{1,12}", 0..4);
    (demand(), demand(), of(any::<u64>()), labels).prop_map(|(writes, deletes, not_after_ms, labels)| Terms {
        demands: Demands { writes, deletes },
        not_after_ms,
        labels,
    })
}

fn frontier() -> impl Strategy<Value = Frontier> {
    vec((scope(), id()), 0..6).prop_map(|listed| {
        let mut frontier = Frontier::nothing();
        listed.into_iter().for_each(|(scope, id)| frontier.insert(scope, id));
        frontier
    })
}

/// A kind, a field or an edit of a later version.
fn unknown_body(touches: usize) -> impl Strategy<Value = Body> {
    let kind = prop_oneof![7u64..40, any::<u64>().prop_filter("unknown", |kind| *kind > 6)];
    let body = (kind, item()).prop_map(|(kind, item)| Body::Unknown { kind, item: item.into() });
    let later = (5u64..99, vec(item(), 0..3))
        .prop_map(|(code, parts)| Item::Array([Item::uint(code)].into_iter().chain(parts).collect()));
    let lists = vec(vec(edit().prop_map(|edit| sorted(&edit.to_item())), 1..3), touches);
    let write = (lists, later).prop_map(|(lists, later)| {
        let mut lists: Vec<Item> = lists.into_iter().map(Item::Array).collect();
        if let Some(Item::Array(edits)) = lists.first_mut() {
            edits.push(later);
        }
        Body::Unknown { kind: 1, item: Item::Array(lists).into() }
    });
    if touches == 0 { body.boxed() } else { prop_oneof![body, write].boxed() }
}

fn body(touches: usize, mesh: bool) -> BoxedStrategy<Body> {
    let write = vec(vec(edit(), 1..4), touches).prop_map(|edits| Body::Write(Write { edits })).boxed();
    match (touches, mesh) {
        (0, true) => prop_oneof![trust_body(), unknown_body(0)].boxed(),
        (0, false) => unknown_body(0).boxed(),
        (_, true) => prop_oneof![write, trust_body(), unknown_body(touches)].boxed(),
        (_, false) => prop_oneof![4 => write, 1 => unknown_body(touches)].boxed(),
    }
}

fn note() -> impl Strategy<Value = Note> {
    let text = || prop_oneof![Just(String::new()), "[ -~é]{1,20}"];
    (text(), text(), text()).prop_map(|(reason, ticket, traceparent)| Why { reason, ticket, traceparent }.into())
}

fn unknown_fields() -> impl Strategy<Value = Vec<(u64, Item)>> {
    let fields = btree_map(prop_oneof![11u64..30, 11u64..], item(), 0..3);
    prop_oneof![3 => Just(Vec::new()), 1 => fields.prop_map(|fields| fields.into_iter().collect())]
}

fn touches(scope: &Scope) -> impl Strategy<Value = Vec<Touch>> + use<> {
    let scope = scope.clone();
    let path = prop::sample::select(vec!["a", "a/b", "a-b", "limits", "z/y/x"]);
    btree_map(path, ids(3), 0..4).prop_map(move |touches| {
        let touch = |(path, bases)| Touch { path: Path::parse(&format!("{scope}/{path}")).unwrap(), bases };
        let mut touches: Vec<Touch> = touches.into_iter().map(touch).collect();
        touches.sort_by(|a, b| a.path.cmp(&b.path));
        touches
    })
}

/// A statement that is valid by itself, and the number of the key that signs it.
pub fn statement() -> impl Strategy<Value = (Statement, u8)> {
    let founded = scope().prop_flat_map(|scope| {
        let touched = touches(&scope);
        touched.prop_flat_map(move |touches| {
            let envelope = (id(), id(), ids(4), any::<u64>(), 1u8..6);
            let rest = (body(touches.len(), scope.is_mesh()), note(), unknown_fields());
            let (scope, touches) = (scope.clone(), touches);
            (envelope, rest).prop_map(move |((mesh, grant, prev, hlc, key), (body, note, unknown))| {
                let author = secret(key).public();
                let (mesh, scope, touches) = (MeshId(mesh.0), scope.clone(), touches.clone());
                (Statement { mesh, scope, author, grant, prev, touches, hlc: Hlc(hlc), body, note, unknown }, key)
            })
        })
    });
    let founding = (genesis(), any::<u64>(), note()).prop_map(|(genesis, hlc, note)| {
        let key = (1..6).find(|key| genesis.keys.contains(&secret(*key).public())).unwrap();
        let statement = Statement {
            mesh: MeshId::UNFOUNDED,
            scope: Scope::mesh(),
            author: secret(key).public(),
            grant: StatementId::NONE,
            prev: Vec::new(),
            touches: Vec::new(),
            hlc: Hlc(hlc),
            body: Body::from(genesis),
            note,
            unknown: Vec::new(),
        };
        (statement, key)
    });
    prop_oneof![9 => founded, 1 => founding]
}

/// Every state that the strategies must reach: a generator that is too tame hides bugs.
#[test]
fn every_kind_of_statement_is_generated() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..2_000 {
        let (statement, _) = statement().new_tree(&mut runner).unwrap().current();
        seen.insert(statement.body.word());
        seen.extend((!statement.unknown.is_empty()).then_some("unknown field"));
        seen.extend((!statement.note.is_empty()).then_some("note"));
        seen.extend((statement.touches.len() > 1).then_some("several touches"));
        seen.extend(matches!(statement.body, Body::Unknown { kind: 1, .. }).then_some("unknown edit"));
        if let Body::Write(write) = &statement.body {
            seen.extend(write.edits.iter().flatten().map(|edit| match edit.op {
                Op::Put(_) => "put",
                Op::Delete => "delete",
                Op::Counter(_) => "counter",
                Op::Increment(_) => "increment",
                Op::Insert(_) => "insert",
            }));
        }
    }
    let want = [
        "accept",
        "approve",
        "counter",
        "delete",
        "genesis",
        "grant",
        "increment",
        "insert",
        "note",
        "put",
        "revoke",
        "rotate",
        "several touches",
        "unknown",
        "unknown edit",
        "unknown field",
        "write",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), want);
}
