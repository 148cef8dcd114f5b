//! Golden vectors: `tests/vectors/statement.json` is what the code says today, and any other language can check itself
//! against it. `DRIFTLESS_WRITE_VECTORS=1 cargo test -p driftless-statement --test vectors` writes the file anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod build;
mod describe;
mod refused;
mod terms;
mod unsound;
mod valid;

use std::collections::BTreeSet;

use driftless_statement::codec;
use driftless_statement::id::hex;
use driftless_statement::{Invalid, MeshId, Signed, Statement, StatementId, Tree, Value, Verified};
use serde_json::{Value as Json, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/statement.json");

/// A statement that must be accepted.
pub(crate) struct Valid {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) signed: Verified,
}

/// Wire bytes that must be refused, with the word of the refusal.
pub(crate) struct Refused {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) word: &'static str,
    pub(crate) wire: Vec<u8>,
}

/// Two valid statements, the first of which names the second, and what the rule about that says.
pub(crate) struct Named {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) word: &'static str,
    pub(crate) statement: Verified,
    pub(crate) named: Verified,
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// What every receiver does with bytes before it looks at anything else it holds.
fn receive(wire: &[u8], mesh: MeshId) -> Result<Verified, Invalid> {
    let claim = Signed::decode(wire)?;
    claim.check_mesh(mesh)?;
    claim.verify()
}

fn valid_json(vector: &Valid) -> Json {
    let statement = vector.signed.statement();
    let wire = vector.signed.wire();
    let (canonical, signature) = wire.split_at(wire.len() - 64);
    let key = build::NAMES.iter().find(|(_, secret)| build::key(*secret).public() == statement.author).unwrap().0;
    json!({
        "name": vector.name,
        "about": vector.about,
        "key": key,
        "statement": describe::statement(statement),
        "canonical": hex(canonical),
        "id": vector.signed.id(),
        "signature": hex(signature),
        "unknown": statement.is_unknown(),
    })
}

/// Where the list elements of a value lie, and their ordinals.
fn elements(tree: &Tree, at: &str, out: &mut Vec<Json>) {
    match tree {
        Tree::Leaf(_) | Tree::Counter(_) => {}
        Tree::List(items) => {
            for (index, (id, item)) in items.iter().enumerate() {
                let at = format!("{at}/{index}");
                out.push(json!({ "at": at, "ordinal": id.ordinal }));
                elements(item, &at, out);
            }
        }
        Tree::Map(entries) => {
            for (key, entry) in entries {
                elements(entry, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), out);
            }
        }
    }
}

fn naming_json(text: &str) -> Json {
    let value = driftless_statement::json::parse(text.as_bytes()).unwrap();
    let mut naming = driftless_statement::tree::Naming { statement: StatementId([1; 32]), edit: 0, next: 0 };
    let mut out = Vec::new();
    elements(&Tree::build(&value, &mut naming), "", &mut out);
    json!({ "value": Json::from(&value), "elements": out })
}

fn float_json(value: f64) -> Json {
    json!({ "value": value, "cbor": hex(&codec::encode(&Value::Float(value).to_item())) })
}

fn file() -> Json {
    let keys: serde_json::Map<String, Json> = build::NAMES
        .iter()
        .map(|(name, secret)| {
            let key = build::key(*secret);
            ((*name).to_owned(), json!({ "secret": hex(key.expose()), "public": key.public() }))
        })
        .collect();
    json!({
        "format": 1,
        "mesh": build::mesh(),
        "keys": keys,
        "valid": valid::all().iter().map(valid_json).collect::<Vec<_>>(),
        "refused": refused::all().iter().chain(&unsound::all()).map(|vector| json!({
            "name": vector.name, "about": vector.about, "word": vector.word, "wire": hex(&vector.wire),
        })).collect::<Vec<_>>(),
        "named": unsound::named().iter().map(|vector| json!({
            "name": vector.name, "about": vector.about, "word": vector.word,
            "statement": hex(&vector.statement.wire()), "named": hex(&vector.named.wire()),
        })).collect::<Vec<_>>(),
        "naming": valid::NAMING.iter().map(|text| naming_json(text)).collect::<Vec<_>>(),
        "floats": valid::FLOATS.iter().map(|value| float_json(*value)).collect::<Vec<_>>(),
    })
}

fn stored() -> Json {
    serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap()
}

#[test]
fn the_file_is_what_the_code_says() {
    let text = serde_json::to_string_pretty(&file()).unwrap() + "\n";
    if std::env::var_os("DRIFTLESS_WRITE_VECTORS").is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    let found = std::fs::read_to_string(FILE).unwrap();
    let differs = text.lines().zip(found.lines()).enumerate().find(|(_, (want, got))| want != got);
    assert_eq!(differs, None, "first line that differs: (number, (code, file))");
    assert_eq!(text.len(), found.len());
}

#[test]
fn valid_vectors_are_accepted_and_come_back() {
    let file = stored();
    let mesh: MeshId = file["mesh"].as_str().unwrap().parse().unwrap();
    let vectors = file["valid"].as_array().unwrap();
    assert!(vectors.len() >= 36);
    for vector in vectors {
        let name = &vector["name"];
        let canonical = unhex(vector["canonical"].as_str().unwrap());
        let wire = [canonical.clone(), unhex(vector["signature"].as_str().unwrap())].concat();
        let signed = Signed::decode(&wire).and_then(Signed::verify).unwrap_or_else(|bad| panic!("{name}: {bad}"));
        assert_eq!(signed.id().to_string(), vector["id"], "{name}");
        assert_eq!(signed.statement().encode(), canonical, "{name}");
        assert_eq!(signed.statement().is_unknown(), vector["unknown"], "{name}");
        assert_eq!(describe::statement(signed.statement()), vector["statement"], "{name}");
        let founds = name.as_str().unwrap().starts_with("genesis");
        assert!(founds || receive(&wire, mesh).is_ok(), "{name}");
    }
}

#[test]
fn refused_vectors_are_refused_with_their_word() {
    let file = stored();
    let mesh: MeshId = file["mesh"].as_str().unwrap().parse().unwrap();
    let mut wrong = Vec::new();
    for vector in file["refused"].as_array().unwrap() {
        let wire = unhex(vector["wire"].as_str().unwrap());
        let got = receive(&wire, mesh).map_or_else(|bad| bad.word(), |_| "accepted");
        if got != vector["word"] {
            wrong.push(format!("{} gives {got} and not {}", vector["name"], vector["word"]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn statements_are_held_against_what_they_name() {
    let verified = |text: &Json| Signed::decode(&unhex(text.as_str().unwrap())).and_then(Signed::verify).unwrap();
    for vector in stored()["named"].as_array().unwrap() {
        let (own, named) = (verified(&vector["statement"]), verified(&vector["named"]));
        let statement: &Statement = own.statement();
        assert!(statement.names().contains(&named.id()), "{}", vector["name"]);
        let got = statement.check_named(named.id(), named.statement()).map_or_else(|bad| bad.word(), |()| "ok");
        assert_eq!(got, vector["word"], "{}", vector["name"]);
    }
}

#[test]
fn names_are_given_once() {
    let file = stored();
    let all = ["valid", "refused", "named"].iter().flat_map(|list| file[list].as_array().unwrap());
    let names: Vec<&str> = all.map(|vector| vector["name"].as_str().unwrap()).collect();
    let set: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(names.len(), set.len());
}
