//! What each target begins with: the golden vectors, and one message of every kind, as real nodes would encode them.

use std::collections::BTreeMap;

use driftless_core::beacon::{Beacon, Health, MARK_MS, MARKS, MarkList, Report};
use driftless_core::reconcile::{Estimate, Short, Symbol};
use driftless_core::wire::{Gossip, Part, Request, Response, Word};
use driftless_statement::{Hlc, MeshId, Scope, SecretKey, StatementId, bundle};
use serde_json::Value;

const STATEMENTS: &str = include_str!("../../vectors/statement.json");
const SCHEMAS: &str = include_str!("../../vectors/schema.json");

/// Inputs by target.
pub fn all() -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let (signed, canonical) = statements();
    let (requests, responses) = (requests(), responses());
    let wire = |kind: u8, list: &[Vec<u8>]| list.iter().map(|bytes| joined(&[&[kind], bytes])).collect::<Vec<_>>();
    let gossips: Vec<Vec<u8>> = signed.iter().take(12).map(|bytes| gossip(bytes)).chain([announce()]).collect();
    let documents = documents();
    BTreeMap::from([
        ("statement", canonical.clone()),
        ("cbor", canonical.iter().chain(&requests).chain(&responses).cloned().chain(floats()).collect()),
        ("wire", [wire(0, &requests), wire(1, &responses), wire(2, &gossips)].concat()),
        ("answer", requests.iter().map(|bytes| joined(&[&[20], bytes])).collect()),
        ("reconcile", scripts(&responses)),
        ("beacon", vec![joined(&[&5_000_000u64.to_be_bytes(), &beacon()])]),
        ("bundle", vec![bundle::encode(signed.iter().take(3).map(Vec::as_slice)), bundle::encode([&[1u8; 300][..]])]),
        ("store", signed.iter().map(|bytes| joined(&[&[0, 70, 1], bytes])).collect()),
        ("json", documents.iter().map(|text| text.clone().into_bytes()).collect()),
        ("put", pairs(&documents, &documents)),
        ("patch", pairs(&documents, &patches())),
        ("pointer", pairs(&documents, &["", "/a", "/a/0", "/a/b/1", "/~0~1", "/a/-", "/ß"].map(str::to_owned))),
        ("schema", schemas()),
    ])
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap_or_default();
    let digits: Vec<u8> = text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn list<'v>(file: &'v Value, name: &str) -> &'v [Value] {
    file[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The golden statements and those that must be refused: with their signatures, and without.
fn statements() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let file: Value = serde_json::from_str(STATEMENTS).expect("the golden vectors");
    let valid = list(&file, "valid").iter().map(|one| joined(&[&hex(&one["canonical"]), &hex(&one["signature"])]));
    let refused = list(&file, "refused").iter().map(|one| hex(&one["wire"]));
    let signed: Vec<Vec<u8>> = valid.chain(refused).filter(|wire| (64..2048).contains(&wire.len())).collect();
    let canonical = signed.iter().map(|wire| wire[..wire.len() - 64].to_vec()).collect();
    (signed, canonical)
}

fn floats() -> Vec<Vec<u8>> {
    let file: Value = serde_json::from_str(STATEMENTS).expect("the golden vectors");
    list(&file, "floats").iter().map(|one| hex(&one["cbor"])).collect()
}

fn ids(count: u8) -> Vec<StatementId> {
    (1..=count).map(|byte| StatementId([byte; 32])).collect()
}

fn shop() -> Scope {
    Scope::parse("shop").expect("a scope")
}

fn requests() -> Vec<Vec<u8>> {
    let shorts = vec![Short([1; 12]), Short([2; 12])];
    let (from, to) = (StatementId([0; 32]), Some(StatementId([9; 32])));
    let all = [
        Request::Compare { scope: shop(), digest: [3; 32], count: 20 },
        Request::Symbols { scope: shop(), tag: 5, from: 14, estimate: Some((9, Estimate([7; 128]))) },
        Request::Symbols { scope: shop(), tag: 5, from: 0, estimate: None },
        Request::Range { scope: shop(), from, to, list: true },
        Request::Range { scope: shop(), from, to: None, list: false },
        Request::Times { scope: shop(), shorts: shorts.clone() },
        Request::Pull { scope: shop(), shorts },
        Request::Fetch { ids: ids(3) },
        Request::Has { ids: ids(9) },
        Request::Push { statements: vec![[7; 80].into(), [8; 65].into()] },
    ];
    all.iter().map(Request::encode).collect()
}

fn responses() -> Vec<Vec<u8>> {
    let symbols = || vec![Symbol::from_bytes([1; 16]), Symbol::from_bytes([2; 16])];
    let part = Part { count: 3, digest: [4; 16] };
    let all = [
        Response::Same,
        Response::Differ { tag: 5, count: 9, symbols: symbols() },
        Response::Symbols { tag: 5, count: 9, from: 2, symbols: symbols() },
        Response::Parts { bounds: ids(2), parts: vec![part; 3] },
        Response::Ids { ids: ids(3).into_iter().map(|id| (id, Hlc(7))).collect(), upto: Some(StatementId([8; 32])) },
        Response::Times { times: vec![Hlc(1), Hlc(2)] },
        Response::Statements { statements: vec![[7; 80].into()], missing: vec![1, 4] },
        Response::Taken { taken: 2, refused: vec![(1, Word::new("busy"))] },
        Response::Has { held: vec![true, false, true, true, false, false, true, false, true] },
        Response::Refused { word: Word::new("scope-not-offered") },
    ];
    all.iter().map(Response::encode).collect()
}

fn gossip(wire: &[u8]) -> Vec<u8> {
    Gossip::Statement { wire: wire.into() }.encode()
}

fn announce() -> Vec<u8> {
    Gossip::Announce { scope: shop(), ids: ids(2) }.encode()
}

/// Sessions in which the peer says each response in the place of its first or second answer.
fn scripts(responses: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let said = |bytes: &Vec<u8>| joined(&[&[1], &(bytes.len() as u16).to_be_bytes(), bytes]);
    let first = responses.iter().map(|bytes| joined(&[&[10, 3, 5], &said(bytes)]));
    let second = responses.iter().map(|bytes| joined(&[&[10, 3, 20, 0], &said(bytes), &[0, 2, 1, 0, 9, 1]]));
    first.chain(second).collect()
}

fn beacon() -> Vec<u8> {
    let key = SecretKey::from_bytes([7; 32]);
    let report = |name: &str, fill: u8| Report {
        scope: Scope::parse(name).expect("a scope"),
        count: 12,
        set: [fill; 32],
        marks: MarkList { newest: 5_000_000 / MARK_MS, hashes: vec![[fill; 16]; MARKS] },
        folded: [fill; 32],
        merged: [fill; 32],
        effective: [fill; 32],
        newest: Hlc::from_millis(5_000_000),
    };
    let beacon = Beacon {
        mesh: MeshId([1; 32]),
        node: key.public(),
        boot: 1,
        counter: 2,
        time_ms: 5_000_000,
        expires_ms: 5_015_000,
        fold_version: 1,
        health: Health::READ_ONLY,
        peers: 3,
        lag_ms: 120,
        far: true,
        name: "node".to_owned(),
        scopes: vec![report("billing", 4), report("shop", 5)],
    };
    beacon.sign(&key).expect("a sound beacon")
}

fn documents() -> Vec<String> {
    [
        "null",
        "-0.0",
        "18446744073709551615",
        "1e300",
        "\"a\\u00df\\\"/~\"",
        "[]",
        "{}",
        "[1,2,[3,{\"a\":null}],\"x\"]",
        "{\"a\":[1,2,3],\"b\":{\"c\":true}}",
        "{\"a\":{\"b\":[1,{\"c\":2}]},\"~/\":0.5,\"\":[[]]}",
        "{\"a\":1,\"a\":2}",
        "[99999999999999999999]",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    ]
    .map(str::to_owned)
    .into()
}

fn patches() -> Vec<String> {
    let one = |op: &str, rest: &str| format!("[{{\"op\":\"{op}\",{rest}}}]");
    let mut all = vec![
        "{\"a\":null,\"b\":{\"c\":{\"d\":1}},\"e\":[1]}".to_owned(),
        "[{\"op\":\"add\",\"path\":\"/a/-\",\"value\":[1,2]},{\"op\":\"remove\",\"path\":\"/a/3/0\"}]".to_owned(),
    ];
    for path in ["/a", "/a/0", "/a/b/1", "", "/2/1/a", "/b/c"] {
        all.push(one("add", &format!("\"path\":\"{path}\",\"value\":{{\"x\":[1]}}")));
        all.push(one("replace", &format!("\"path\":\"{path}\",\"value\":5")));
        all.push(one("remove", &format!("\"path\":\"{path}\"")));
        all.push(one("test", &format!("\"path\":\"{path}\",\"value\":1")));
        all.push(one("move", &format!("\"from\":\"{path}\",\"path\":\"/n\"")));
        all.push(one("copy", &format!("\"from\":\"{path}\",\"path\":\"/a/1\"")));
    }
    all
}

fn pairs(first: &[String], second: &[String]) -> Vec<Vec<u8>> {
    let pair = |one: &String, other: &String| joined(&[one.as_bytes(), &[0], other.as_bytes()]);
    first.iter().flat_map(|one| second.iter().map(move |other| pair(one, other))).collect()
}

fn schemas() -> Vec<Vec<u8>> {
    let file: Value = serde_json::from_str(SCHEMAS).expect("the golden vectors");
    let pair = |schema: &Value, value: &Value| pairs(&[schema.to_string()], &[value.to_string()]);
    let meets = list(&file, "meets").iter();
    let meets = meets.flat_map(|row| list(row, "cases").iter().flat_map(|case| pair(&row["schema"], &case["value"])));
    let refused = list(&file, "refused").iter().flat_map(|row| pair(&row["schema"], &Value::Null));
    meets.chain(refused).collect()
}
