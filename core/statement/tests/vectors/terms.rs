//! Grants on terms, and rotations: what must be accepted, and what breaks a rule.

use driftless_statement::codec::Item;
use driftless_statement::{
    Body, Demand, Demands, Frontier, Grant, PublicKey, Rotate, Scope, Statement, StatementId, Terms, Verb, limits,
};

use super::build::{NODE, ROOT, SECOND, THIRD, WRITER, grant_body, key, root_act, sign, with, write};
use super::{Refused, Valid};

fn public(secret: u8) -> PublicKey {
    key(secret).public()
}

fn on(terms: Terms) -> Body {
    let Body::Grant(grant) = grant_body(WRITER, &[Verb::Write, Verb::Member], "shop", &[]) else { panic!("a grant") };
    Body::from(Grant { terms, ..*grant })
}

fn demand(approvals: u64, of: &[u8]) -> Option<Demand> {
    Some(Demand { approvals, of: of.iter().map(|secret| public(*secret)).collect() })
}

fn rotate(keys: &[u8], threshold: u64, listed: &[u8]) -> Body {
    let mut keys: Vec<PublicKey> = keys.iter().map(|secret| public(*secret)).collect();
    keys.sort();
    let mut frontier = Frontier::nothing();
    listed.iter().for_each(|id| frontier.insert(Scope::mesh(), StatementId([*id; 32])));
    Body::from(Rotate { keys, threshold, frontier })
}

/// What every implementation must accept.
pub fn valid() -> Vec<Valid> {
    let act = |name, about, body| Valid { name, about, signed: sign(root_act(body), ROOT) };
    let demands = Demands { writes: demand(2, &[SECOND, THIRD, NODE]), deletes: demand(1, &[THIRD]) };
    let only_deletes = Demands { deletes: demand(1, &[SECOND]), ..Demands::default() };
    let labels = [("zone", "Eu-1.a"), ("role", "edge"), ("a-longer-name_1", "x")];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
    vec![
        act(
            "grant-demands",
            "two of three for every write, another key for deletes",
            on(Terms { demands: demands.clone(), ..Terms::default() }),
        ),
        act(
            "grant-demands-for-deletes",
            "only deletes need an approval",
            on(Terms { demands: only_deletes, ..Terms::default() }),
        ),
        act(
            "grant-not-after",
            "nothing later than this",
            on(Terms { not_after_ms: Some(1_900_000_000_000), ..Terms::default() }),
        ),
        act(
            "grant-every-term",
            "labels stand in the order of their encodings: shorter names first",
            on(Terms { demands, not_after_ms: Some(0), labels }),
        ),
        act(
            "rotate",
            "the next root keys, and what stays of what the old ones said",
            rotate(&[SECOND, NODE], 2, &[7, 3]),
        ),
        act("rotate-accepts-nothing", "one root key follows", rotate(&[THIRD], 1, &[])),
    ]
}

fn map(items: impl IntoIterator<Item = (u64, Item)>) -> Item {
    Item::Map(items.into_iter().map(|(key, item)| (Item::uint(key), item)).collect())
}

fn list(items: impl IntoIterator<Item = Item>) -> Item {
    Item::Array(items.into_iter().collect())
}

fn key_item(secret: u8) -> Item {
    Item::bytes(public(secret).as_bytes())
}

fn act(name: &'static str, about: &'static str, word: &'static str, kind: u64, body: Item) -> Refused {
    let unknown = root_act(Body::Unknown { kind: 9, item: body.into() });
    Refused { name, about, word, wire: with(&unknown, ROOT, 8, Item::uint(kind)) }
}

fn granting(name: &'static str, about: &'static str, word: &'static str, number: u64, term: Item) -> Refused {
    let verbs = list([Item::uint(0)]);
    let body = map([(0, key_item(NODE)), (1, verbs), (2, Item::text("shop")), (3, list([])), (number, term)]);
    act(name, about, word, 2, body)
}

fn demanding(name: &'static str, about: &'static str, word: &'static str, approvals: u64, keys: Vec<Item>) -> Refused {
    granting(name, about, word, 4, map([(0, list([Item::uint(approvals), list(keys)]))]))
}

/// What must be refused.
pub fn refused() -> Vec<Refused> {
    let small = || Item::bytes(&[0; 32]);
    let two = || {
        let mut keys = [public(ROOT), public(NODE)];
        keys.sort();
        keys.map(|key| Item::bytes(key.as_bytes())).to_vec()
    };
    let many = (0..=limits::APPROVERS).map(|_| key_item(NODE)).collect();
    let label = |name: &str, value: &str| Item::Map(vec![(Item::text(name), Item::text(value))]);
    let numbered = |number: usize| (Item::text(&format!("label-{number:02}")), Item::text("x"));
    let labels = (0..=limits::LABELS).map(numbered).collect();
    let frontier = || Item::Array(vec![]);
    let rotating =
        |keys: Vec<Item>, threshold: u64| map([(0, list(keys)), (1, Item::uint(threshold)), (2, frontier())]);
    let elsewhere = Statement { body: rotate(&[NODE], 1, &[]), ..write(vec![]) };
    vec![
        granting("demands-empty", "no demand among the demands", "empty", 4, map([])),
        granting("demands-number", "not a map", "bad_field", 4, Item::uint(2)),
        granting("demand-short", "no keys", "bad_field", 4, map([(0, list([Item::uint(1)]))])),
        demanding("demand-none", "no approvals demanded", "approvals", 0, two()),
        demanding("demand-too-many", "three of two keys", "approvals", 3, two()),
        demanding("demand-nobody", "of no keys", "approvals", 1, vec![]),
        demanding(
            "demand-key-twice",
            "one key counted twice",
            "not_ascending",
            2,
            vec![key_item(NODE), key_item(NODE)],
        ),
        demanding("demand-weak-key", "a key of small order", "weak_key", 1, vec![small()]),
        demanding("demand-33-keys", "33 keys", "too_many", 1, many),
        granting("not-after-text", "a time as text", "bad_field", 5, Item::text("2030")),
        granting("not-after-negative", "before 1970", "bad_field", 5, Item::Int((-1i64).into())),
        granting("labels-empty", "no label among the labels", "empty", 6, Item::Map(vec![])),
        granting("labels-17", "seventeen labels", "too_many", 6, Item::Map(labels)),
        granting("label-capital", "a capital in a name", "bad_field", 6, label("Zone", "a")),
        granting("label-space", "a space in a value", "bad_field", 6, label("zone", "a b")),
        granting("label-long", "a value of 64 bytes", "bad_field", 6, label("zone", &"x".repeat(64))),
        granting("label-no-value", "an empty value", "bad_field", 6, label("zone", "")),
        act("rotate-no-keys", "an epoch of nobody", "threshold", 6, rotating(vec![], 0)),
        act("rotate-half", "one of two is no majority", "threshold", 6, rotating(two(), 1)),
        act("rotate-weak-key", "a root key of small order", "weak_key", 6, rotating(vec![small()], 1)),
        act(
            "rotate-key-twice",
            "one key counted twice",
            "not_ascending",
            6,
            rotating(vec![key_item(NODE), key_item(NODE)], 2),
        ),
        act("rotate-missing", "no frontier", "bad_field", 6, map([(0, list(two())), (1, Item::uint(2))])),
        Refused {
            name: "rotate-outside-mesh",
            about: "trust lives in @mesh",
            word: "not_in_mesh",
            wire: with(&elsewhere, WRITER, 6, list([])),
        },
    ]
}
