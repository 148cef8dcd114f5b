//! Every limit at its edge, and the texts that are no paths: what is too large for a vector file, or too many.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use driftless_statement::codec::{self, Item};
use driftless_statement::{
    Accept, Approve, Body, Edit, Frontier, Genesis, Grant, Hlc, Invalid, MeshId, Note, Op, Path, Prefix, Scope,
    SecretKey, Signed, Statement, StatementId, Terms, Touch, Value, Verb, Verified, Why, Write, limits,
};

fn writer() -> SecretKey {
    SecretKey::from_bytes([4; 32])
}

fn write(entries: Vec<(&str, Vec<Edit>)>) -> Statement {
    let (touches, edits) = entries
        .into_iter()
        .map(|(path, edits)| (Touch { path: Path::parse(path).unwrap(), bases: Vec::new() }, edits))
        .unzip();
    Statement {
        mesh: MeshId([7; 32]),
        scope: Scope::parse("shop").unwrap(),
        author: writer().public(),
        grant: StatementId([8; 32]),
        prev: Vec::new(),
        touches,
        hlc: Hlc(1),
        body: Body::Write(Write { edits }),
        note: Note::default(),
        unknown: Vec::new(),
    }
}

fn put(value: Value) -> Statement {
    write(vec![("shop/limits", vec![Edit { at: Vec::new(), op: Op::Put(value) }])])
}

fn word(statement: &Statement) -> &'static str {
    let canonical = statement.encode();
    let signature = writer().sign_for(b"driftless/statement/v1\0", &canonical);
    let wire = [canonical.as_slice(), &signature].concat();
    let received = Signed::decode(&wire).and_then(Signed::verify).map_or_else(|bad| bad.word(), |_| "ok");
    let signed = Verified::sign(statement.clone(), &writer()).map_or_else(|bad| bad.word(), |_| "ok");
    assert_eq!(received, signed, "the author's door and the receiver's agree");
    received
}

/// A limit: its name, a maker of something of that size, the limit, and the word beyond it.
type Edge = (&'static str, fn(usize) -> Statement, usize, &'static str);

fn of_bytes(size: usize) -> Statement {
    let text = |len: usize| put(Value::Text("x".repeat(len).into()));
    let frame = text(1 << 17).encode().len() - (1 << 17);
    text(size - frame)
}

fn of_touches(count: usize) -> Statement {
    let paths: Vec<String> = (0..count).map(|number| format!("shop/{number:04}")).collect();
    let delete = || vec![Edit { at: Vec::new(), op: Op::Delete }];
    write(paths.iter().map(|path| (path.as_str(), delete())).collect())
}

fn of_weight(weight: usize) -> Statement {
    let items = |count: usize| put(Value::List(vec![Value::Null; count]));
    // The envelope's map weighs 16, its ten keys and single values 18, the touch and the edit the rest.
    let around = 44;
    items(weight - around)
}

fn of_depth(depth: usize) -> Statement {
    put((0..depth).fold(Value::Null, |inner, _| Value::List(vec![inner])))
}

fn of_unknown_depth(depth: usize) -> Statement {
    // The field lies one level inside the envelope's map.
    let item = (1..depth).fold(Item::Null, |inner, _| Item::Array(vec![inner]));
    Statement { unknown: vec![(11, item)], ..put(Value::Null) }
}

fn of_key(len: usize) -> Statement {
    put(Value::Map([("k".repeat(len), Value::Null)].into()))
}

fn of_note(len: usize) -> Statement {
    Statement {
        note: Why { reason: "é".repeat(len / 2), ticket: "t".repeat(len % 2), ..Why::default() }.into(),
        ..put(Value::Null)
    }
}

fn of_prev(count: usize) -> Statement {
    Statement { prev: (1..=count).map(|number| StatementId([number as u8; 32])).collect(), ..put(Value::Null) }
}

fn of_bases(count: usize) -> Statement {
    let mut statement = put(Value::Null);
    statement.touches[0].bases = (1..=count).map(|number| StatementId([number as u8; 32])).collect();
    statement
}

fn of_edits(count: usize) -> Statement {
    let half = count / 2;
    let edits = |count| vec![Edit { at: Vec::new(), op: Op::Delete }; count];
    write(vec![("shop/a", edits(half)), ("shop/b", edits(count - half))])
}

#[test]
fn every_limit_holds_at_its_edge() {
    let edges: [Edge; 10] = [
        ("bytes", of_bytes, limits::STATEMENT_BYTES, "too_large"),
        ("weight", of_weight, limits::CBOR_WEIGHT, "too_many_items"),
        ("entries", of_touches, limits::TOUCHES, "too_many"),
        ("edits", of_edits, limits::EDITS, "too_many"),
        ("value depth", of_depth, limits::VALUE_DEPTH, "too_deep"),
        ("unknown depth", of_unknown_depth, limits::CBOR_DEPTH, "too_deep"),
        ("key", of_key, limits::KEY_BYTES, "long_key"),
        ("note", of_note, limits::NOTE_BYTES, "too_many"),
        ("prev", of_prev, limits::PREV, "too_many"),
        ("bases", of_bases, limits::BASES, "too_many"),
    ];
    for (name, make, limit, beyond) in edges {
        assert_eq!(word(&make(limit - 1)), "ok", "{name}: one below");
        assert_eq!(word(&make(limit)), "ok", "{name}: at the limit");
        assert_eq!(word(&make(limit + 1)), beyond, "{name}: one above");
    }
}

#[test]
fn wire_of_any_size_is_refused_without_being_read() {
    for (size, word) in [(0, "short"), (63, "short"), (1 << 20, "too_large"), (8 << 20, "too_large")] {
        assert_eq!(Signed::decode(&vec![0xa1; size]).map_err(|bad| bad.word()).map(|_| ()), Err(word), "{size}");
    }
}

#[test]
fn a_promise_of_items_takes_no_memory() {
    // 44 lists in one another, each claiming all the bytes that are left: taken at their word, 300 MB.
    for head in [0x9a_u8, 0xba] {
        let mut bytes: Vec<u8> = (0..40_000).flat_map(|_| [head, 0x00, 0x02, 0x00, 0x00]).collect();
        bytes.resize(limits::STATEMENT_BYTES, 0xf6);
        assert!(codec::decode(&bytes).is_err());
    }
}

#[test]
fn texts_that_are_no_paths() {
    let words = [
        ("", "path_empty_segment"),
        ("/", "path_empty_segment"),
        ("//", "path_empty_segment"),
        ("shop", "path_too_short"),
        ("/shop", "path_empty_segment"),
        ("shop/", "path_empty_segment"),
        ("/shop/limits", "path_empty_segment"),
        ("shop/limits/", "path_empty_segment"),
        ("shop//limits", "path_empty_segment"),
        ("shop///limits", "path_empty_segment"),
        (".", "path_dots"),
        ("..", "path_dots"),
        ("./shop", "path_dots"),
        ("../shop", "path_dots"),
        ("shop/.", "path_dots"),
        ("shop/..", "path_dots"),
        ("shop/../platform/keys", "path_dots"),
        ("shop/a/../../platform", "path_dots"),
        ("shop/./limits", "path_dots"),
        ("../../../../etc/passwd", "path_dots"),
        ("shop/..%2fplatform", "path_character"),
        ("shop/%2e%2e/platform", "path_character"),
        ("shop/%2e", "path_character"),
        ("shop%2flimits", "path_character"),
        ("shop/..;/platform", "path_character"),
        ("shop/..\\platform", "path_character"),
        ("shop\\..\\platform", "path_character"),
        ("C:\\shop", "path_character"),
        ("C:/shop", "path_character"),
        ("file:///etc/passwd", "path_character"),
        ("http://shop/limits", "path_character"),
        ("shop/limits?watch", "path_character"),
        ("shop/limits#a", "path_character"),
        ("shop/lim its", "path_character"),
        (" shop/limits", "path_character"),
        ("shop/limits ", "path_character"),
        ("shop/limits\n", "path_character"),
        ("shop/limits\r\nx: y", "path_character"),
        ("shop/lim\tits", "path_character"),
        ("shop/limits\0", "path_character"),
        ("shop/limits\0.json", "path_character"),
        ("shop/\u{7f}", "path_character"),
        ("shop/\u{85}", "path_character"),
        ("shop/l\u{456}mits", "path_character"),
        ("sh\u{43e}p/limits", "path_character"),
        ("\u{455}hop/limits", "path_character"),
        ("shop/\u{ff4c}imits", "path_character"),
        ("shop\u{2044}limits", "path_character"),
        ("shop\u{2215}limits", "path_character"),
        ("shop\u{ff0f}limits", "path_character"),
        ("shop/\u{2024}\u{2024}/platform", "path_character"),
        ("shop/\u{ff0e}\u{ff0e}/platform", "path_character"),
        ("shop/\u{2025}", "path_character"),
        ("shop/li\u{200b}mits", "path_character"),
        ("shop/li\u{200d}mits", "path_character"),
        ("shop/li\u{ad}mits", "path_character"),
        ("\u{feff}shop/limits", "path_character"),
        ("shop/\u{202e}stimil", "path_character"),
        ("shop/\u{2066}limits\u{2069}", "path_character"),
        ("shop/limi\u{308}ts", "path_character"),
        ("shop/l\u{ec}mits", "path_character"),
        ("shop/\u{131}d", "path_character"),
        ("shop/\u{130}d", "path_character"),
        ("shop/\u{212a}ey", "path_character"),
        ("shop/stra\u{df}e", "path_character"),
        ("shop/\u{fb01}le", "path_character"),
        ("shop/\u{1d41a}", "path_character"),
        ("shop/\u{1f980}", "path_character"),
        ("shop/\u{fffd}", "path_character"),
        ("shop/$(id)", "path_character"),
        ("shop/`id`", "path_character"),
        ("shop/${HOME}", "path_character"),
        ("shop/*", "path_character"),
        ("shop/a|b", "path_character"),
        ("shop/a&b", "path_character"),
        ("shop/a;b", "path_character"),
        ("shop/a'b", "path_character"),
        ("shop/a\"b", "path_character"),
        ("shop/<a>", "path_character"),
        ("shop/{a}", "path_character"),
        ("shop/[0]", "path_character"),
        ("shop/a,b", "path_character"),
        ("shop/a+b", "path_character"),
        ("shop/a=b", "path_character"),
        ("shop/a:b", "path_character"),
        ("shop/a!b", "path_character"),
        ("shop/a^b", "path_character"),
        ("@/limits", "path_reserved"),
        ("@all/limits", "path_reserved"),
        ("@Mesh/limits", "path_reserved"),
        ("@mesh.x/limits", "path_reserved"),
        ("@@mesh/limits", "path_reserved"),
    ];
    assert!(words.len() >= 60);
    for (text, want) in words {
        let bad = Path::parse(text).map_err(|bad| bad.word());
        assert_eq!(bad, Err(want), "{text:?}");
        assert!(text == "shop" || text.is_empty() || Prefix::parse(text).is_err(), "{text:?}");
        assert!(text == "shop" || Scope::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn every_refusal_has_a_word_of_its_own_form() {
    let some = [
        Invalid::Short.word(),
        Invalid::Genesis.word(),
        Invalid::Field("x").word(),
        Invalid::from(codec::BadCbor::NotCanonical).word(),
        Path::parse("a").map_err(Invalid::from).unwrap_err().word(),
    ];
    assert_eq!(some, ["short", "genesis", "bad_field", "not_canonical", "path_too_short"]);
    assert!(some.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
}

/// A trust body edits nothing, so that the limit of edits does not bound the entries it touches.
#[test]
fn a_trust_body_touches_no_more_entries_than_a_write() {
    let approve = |entries: usize| Statement {
        scope: Scope::mesh(),
        touches: (0..entries)
            .map(|at| Touch { path: Path::parse(&format!("@mesh/named/{at:04}")).unwrap(), bases: Vec::new() })
            .collect(),
        body: Body::from(Approve { scope: Scope::mesh(), id: StatementId([3; 32]) }),
        ..put(Value::Null)
    };
    assert_eq!(word(&approve(limits::TOUCHES)), "ok");
    assert_eq!(word(&approve(limits::TOUCHES + 1)), "too_many");
}

fn act(body: Body) -> Statement {
    Statement { scope: Scope::mesh(), touches: Vec::new(), body, ..put(Value::Null) }
}

#[test]
fn lists_of_trust_bodies_are_bounded() {
    let genesis = |count: usize| {
        let mut keys: Vec<_> = (5..).take(count - 1).map(|seed| SecretKey::from_bytes([seed; 32]).public()).collect();
        keys.push(writer().public());
        keys.sort_unstable();
        let founding = Genesis { threshold: count as u64, keys, fold_version: 1, name: String::new() };
        Statement { mesh: MeshId::UNFOUNDED, grant: StatementId::NONE, ..act(Body::from(founding)) }
    };
    assert_eq!(word(&genesis(limits::ROOT_KEYS)), "ok");
    assert_eq!(word(&genesis(limits::ROOT_KEYS + 1)), "too_many");
    let grant = |count: usize| {
        let scopes = (0..count).map(|at| Scope::parse(&format!("scope-{at:03}")).unwrap()).collect();
        let verbs = [Verb::Member].into_iter().collect();
        act(Body::from(Grant { key: writer().public(), verbs, prefix: Prefix::all(), scopes, terms: Terms::default() }))
    };
    assert_eq!(word(&grant(limits::GRANT_SCOPES)), "ok");
    assert_eq!(word(&grant(limits::GRANT_SCOPES + 1)), "too_many");
}

/// The bound is for all scopes of a frontier together.
#[test]
fn a_frontier_is_bounded_over_its_scopes() {
    let accept = |ids: usize| {
        let mut frontier = Frontier::nothing();
        for at in 0..ids {
            let scope = Scope::parse(if at % 2 == 0 { "bank" } else { "shop" }).unwrap();
            frontier.insert(scope, StatementId::of(&at.to_be_bytes()));
        }
        act(Body::Accept(Accept { frontier }))
    };
    assert_eq!(word(&accept(limits::FRONTIER)), "ok");
    assert_eq!(word(&accept(limits::FRONTIER + 1)), "too_many");
}

#[test]
fn a_write_of_nothing_is_none() {
    assert_eq!(word(&write(Vec::new())), "empty");
}

/// A trust body puts nothing where it touches, so its bases are held against their scope alone.
#[test]
fn a_trust_body_names_bases_of_its_own_scope() {
    let named = put(Value::Null);
    let id = StatementId::of(&named.encode());
    let touches = vec![Touch { path: Path::parse("@mesh/named").unwrap(), bases: vec![id] }];
    let body = Body::from(Approve { scope: Scope::mesh(), id });
    let naming = Statement { touches, hlc: Hlc(2), ..act(body.clone()) };
    assert_eq!(naming.check_named(id, &named).map_err(|bad| bad.word()), Err("wrong_name"));
    assert_eq!(naming.check_named(id, &act(body)), Ok(()));
}

/// A store names what it kept: other bytes under that name are not what was checked.
#[test]
fn what_was_stored_is_taken_under_its_own_id_only() {
    let signed = Verified::sign(put(Value::Null), &writer()).unwrap();
    let read = || Signed::decode(&signed.wire()).unwrap();
    assert_eq!(read().trust_stored(signed.id()).map(|stored| stored.id()), Some(signed.id()));
    assert!(read().trust_stored(StatementId([9; 32])).is_none());
}
