//! Peer messages: encoding and decoding are exact inverses, every bad message is refused by name, and no bytes panic.

use driftless_core::reconcile::limits::{ANSWER_SYMBOLS, BATCH_BYTES, BATCH_IDS, ESTIMATE_COUNTERS, RANGE_PAGE};
use driftless_core::reconcile::{Estimate, Short, Symbol};
use driftless_core::wire::{
    ANNOUNCE_IDS, BEACON_BYTES, BadMessage, GOSSIP_MESSAGE_BYTES, Gossip, HAS_IDS, MESSAGE_BYTES, MESSAGE_ITEMS, Part,
    Request, Response, Word,
};
use driftless_statement::codec::{self, Item};
use driftless_statement::statement::Bytes;
use driftless_statement::{Hlc, Scope, StatementId, limits};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use crate::figures;

fn cases() -> ProptestConfig {
    ProptestConfig { cases: figures::law(figures::asked()), failure_persistence: None, ..ProptestConfig::default() }
}

fn ids(max: usize) -> impl Strategy<Value = Vec<StatementId>> {
    btree_set(any::<[u8; 32]>(), 0..max).prop_map(|set| set.into_iter().map(StatementId).collect())
}

fn shorts() -> impl Strategy<Value = Vec<Short>> {
    btree_set(any::<[u8; 12]>(), 0..9).prop_map(|set| set.into_iter().map(Short).collect())
}

fn scope() -> impl Strategy<Value = Scope> {
    "[a-z]{1,12}".prop_map(|text| Scope::parse(&text).unwrap())
}

fn statements() -> impl Strategy<Value = Vec<Bytes>> {
    vec(vec(any::<u8>(), 65..200).prop_map(Bytes::from), 0..5)
}

fn symbols() -> impl Strategy<Value = Vec<Symbol>> {
    vec(any::<[u8; 16]>().prop_map(Symbol::from_bytes), 0..20)
}

fn positions() -> impl Strategy<Value = Vec<usize>> {
    btree_set(0..BATCH_IDS, 0..5).prop_map(|set| set.into_iter().collect())
}

fn estimate() -> impl Strategy<Value = Option<(u64, Estimate)>> {
    let counters = vec(any::<u8>(), ESTIMATE_COUNTERS).prop_map(|bytes| Estimate(bytes.try_into().unwrap()));
    prop::option::of((any::<u64>(), counters))
}

fn request() -> impl Strategy<Value = Request> {
    let bound = (any::<[u8; 32]>(), prop::option::of(any::<[u8; 32]>()));
    prop_oneof![
        (scope(), any::<[u8; 32]>(), any::<u64>()).prop_map(|(scope, digest, count)| Request::Compare {
            scope,
            digest,
            count
        }),
        (scope(), any::<u64>(), 0usize..9_999, estimate()).prop_map(|(scope, tag, from, estimate)| Request::Symbols {
            scope,
            tag,
            from,
            estimate
        }),
        (scope(), bound, any::<bool>()).prop_map(|(scope, (from, to), list)| {
            let (from, to) = (StatementId(from), to.map(StatementId).filter(|to| to.0 > from));
            Request::Range { scope, from, to, list }
        }),
        (scope(), shorts()).prop_map(|(scope, shorts)| Request::Times { scope, shorts }),
        ids(9).prop_map(|ids| Request::Fetch { ids }),
        (scope(), shorts()).prop_map(|(scope, shorts)| Request::Pull { scope, shorts }),
        statements().prop_map(|statements| Request::Push { statements }),
        ids(9).prop_map(|ids| Request::Has { ids }),
    ]
}

fn response() -> impl Strategy<Value = Response> {
    let part = (any::<u64>(), any::<[u8; 16]>()).prop_map(|(count, digest)| Part { count, digest });
    let word = "[a-z0-9-]{1,32}".prop_map(|text| Word::new(&text));
    prop_oneof![
        Just(Response::Same),
        (any::<u64>(), any::<u64>(), symbols()).prop_map(|(tag, count, symbols)| Response::Differ {
            tag,
            count,
            symbols
        }),
        (any::<u64>(), any::<u64>(), 0usize..9_999, symbols())
            .prop_map(|(tag, count, from, symbols)| Response::Symbols { tag, count, from, symbols }),
        (ids(15), vec(part, 16)).prop_map(|(bounds, mut parts)| {
            parts.truncate(bounds.len() + 1);
            Response::Parts { bounds, parts }
        }),
        (ids(9), any::<u64>(), any::<bool>()).prop_map(|(mut ids, time, cut)| {
            let upto = if cut { ids.pop() } else { None };
            Response::Ids { ids: ids.into_iter().map(|id| (id, Hlc(time ^ u64::from(id.0[0])))).collect(), upto }
        }),
        vec(any::<u64>(), 0..9).prop_map(|times| Response::Times { times: times.into_iter().map(Hlc).collect() }),
        (statements(), positions()).prop_map(|(statements, missing)| Response::Statements { statements, missing }),
        (0usize..9, positions(), word.clone()).prop_map(|(taken, at, word)| Response::Taken {
            taken,
            refused: at.into_iter().map(|at| (at, word.clone())).collect(),
        }),
        vec(any::<bool>(), 0..40).prop_map(|held| Response::Has { held }),
        word.prop_map(|word| Response::Refused { word }),
    ]
}

fn gossip() -> impl Strategy<Value = Gossip> {
    prop_oneof![
        vec(any::<u8>(), 65..300).prop_map(|wire| Gossip::Statement { wire: wire.into() }),
        (scope(), btree_set(any::<[u8; 32]>(), 1..9))
            .prop_map(|(scope, ids)| Gossip::Announce { scope, ids: ids.into_iter().map(StatementId).collect() }),
        vec(any::<u8>(), 0..300).prop_map(|bytes| Gossip::Beacon { bytes }),
    ]
}

/// Any decoder: what it accepts it also writes, byte for byte.
fn agree(bytes: &[u8]) {
    if let Ok(message) = Request::decode(bytes) {
        assert_eq!(message.encode(), bytes);
    }
    if let Ok(message) = Response::decode(bytes) {
        assert_eq!(message.encode(), bytes);
    }
    if let Ok(message) = Gossip::decode(bytes) {
        assert_eq!(message.encode(), bytes);
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn requests_are_read_as_written(request in request()) {
        prop_assert_eq!(Request::decode(&request.encode()), Ok(request));
    }

    #[test]
    fn responses_are_read_as_written(response in response()) {
        prop_assert_eq!(Response::decode(&response.encode()), Ok(response));
    }

    #[test]
    fn gossip_is_read_as_written(gossip in gossip()) {
        prop_assert_eq!(Gossip::decode(&gossip.encode()), Ok(gossip));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        agree(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(request in request(), response in response(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        for mut bytes in [request.encode(), response.encode()] {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            agree(&bytes);
            bytes.truncate(cut.index(bytes.len()));
            agree(&bytes);
        }
    }
}

fn message(kind: u64, fields: impl IntoIterator<Item = Item>) -> Vec<u8> {
    codec::encode(&Item::Array([Item::uint(1), Item::uint(kind)].into_iter().chain(fields).collect()))
}

fn shop() -> Item {
    Item::text("shop")
}

fn repeated(count: usize, size: usize) -> Item {
    let bytes = (0..count as u64).flat_map(|at| {
        let mut id = vec![0; size];
        id[..8].copy_from_slice(&at.to_be_bytes());
        id
    });
    Item::Bytes(bytes.collect())
}

fn too_many(what: &'static str, max: usize, got: usize) -> BadMessage {
    BadMessage::TooMany { what, max, got }
}

#[test]
fn bad_requests_are_refused_by_name() {
    let id = || Item::bytes(&[3; 32]);
    let field = BadMessage::Field;
    let wire = |size: usize| Item::Array(vec![Item::Bytes(vec![0; size])]);
    let table: Vec<(&str, Vec<u8>, BadMessage)> = vec![
        ("no array", codec::encode(&Item::uint(1)), field("message")),
        ("empty array", codec::encode(&Item::Array(vec![])), field("version")),
        ("version as text", codec::encode(&Item::Array(vec![shop()])), field("version")),
        ("version 2", codec::encode(&Item::Array(vec![Item::uint(2), Item::uint(0)])), BadMessage::Version(2)),
        ("no kind", codec::encode(&Item::Array(vec![Item::uint(1)])), field("kind")),
        ("unknown kind", message(99, []), BadMessage::Kind(99)),
        ("too large", vec![0; MESSAGE_BYTES + 1], BadMessage::TooLarge { max: MESSAGE_BYTES, got: MESSAGE_BYTES + 1 }),
        ("too many items", message(3, vec![Item::Null; MESSAGE_ITEMS]), BadMessage::TooManyItems),
        ("compare without fields", message(0, []), field("scope")),
        ("scope as number", message(0, [Item::uint(1)]), field("scope")),
        ("scope that is a path", message(0, [Item::text("shop/a")]), field("scope")),
        ("scope that walks", message(0, [Item::text("..")]), field("scope")),
        ("scope reserved", message(0, [Item::text("@other")]), field("scope")),
        ("digest too short", message(0, [shop(), Item::bytes(&[1; 31])]), field("digest")),
        ("digest too long", message(0, [shop(), Item::bytes(&[1; 33])]), field("digest")),
        ("count missing", message(0, [shop(), id()]), field("count")),
        ("count negative", message(0, [shop(), id(), Item::Int(-1)]), field("count")),
        ("compare with more", message(0, [shop(), id(), Item::uint(1), Item::Null]), field("after the last field")),
        (
            "symbols from too far",
            message(1, [shop(), Item::uint(1), Item::uint(20_000)]),
            too_many("from", 16_384, 20_000),
        ),
        (
            "count without estimate",
            message(1, [shop(), Item::uint(1), Item::uint(2), Item::uint(3)]),
            field("estimate"),
        ),
        (
            "estimate too short",
            message(1, [shop(), Item::uint(1), Item::uint(2), Item::uint(3), Item::bytes(&[0; 127])]),
            field("estimate"),
        ),
        ("range to itself", message(2, [shop(), id(), id(), Item::Bool(true)]), BadMessage::NotAscending("range")),
        ("range with a number as flag", message(2, [shop(), id(), Item::Null, Item::uint(1)]), field("list")),
        ("range end as text", message(2, [shop(), id(), shop(), Item::Bool(true)]), field("to")),
        ("ids as an array", message(3, [Item::Array(vec![id()])]), field("ids")),
        ("ids cut", message(3, [Item::bytes(&[1; 40])]), field("ids")),
        ("ids twice", message(3, [Item::bytes(&[1; 64])]), BadMessage::NotAscending("ids")),
        ("too many ids", message(3, [repeated(BATCH_IDS + 1, 32)]), too_many("ids", BATCH_IDS, BATCH_IDS + 1)),
        ("short names cut", message(4, [shop(), Item::bytes(&[1; 13])]), field("short names")),
        ("short names twice", message(4, [shop(), Item::bytes(&[1; 24])]), BadMessage::NotAscending("short names")),
        ("too many names", message(4, [shop(), repeated(257, 12)]), too_many("short names", 256, 257)),
        ("push of a text", message(5, [Item::Array(vec![shop()])]), field("statements")),
        ("push of a signature alone", message(5, [wire(64)]), field("statement")),
        (
            "push of a giant",
            message(5, [wire(limits::STATEMENT_BYTES + 65)]),
            too_many("bytes of a statement", limits::STATEMENT_BYTES + 64, limits::STATEMENT_BYTES + 65),
        ),
        (
            "push of too many bytes",
            message(5, [Item::Array(vec![Item::Bytes(vec![0; 200_000]); 3])]),
            too_many("bytes of statements", BATCH_BYTES, 600_000),
        ),
        (
            "push of too many",
            message(5, [Item::Array(vec![Item::Bytes(vec![0; 70]); 257])]),
            too_many("statements", 256, 257),
        ),
        ("has of too many", message(6, [repeated(HAS_IDS + 1, 32)]), too_many("ids", HAS_IDS, HAS_IDS + 1)),
    ];
    assert!(table.len() >= 25);
    for (name, bytes, want) in table {
        assert_eq!(Request::decode(&bytes), Err(want), "{name}");
    }
}

#[test]
fn bad_responses_are_refused_by_name() {
    let field = BadMessage::Field;
    let none = || Item::Array(vec![]);
    let table: Vec<(&str, Vec<u8>, BadMessage)> = vec![
        ("same with more", message(0, [Item::Null]), field("after the last field")),
        ("symbols cut", message(1, [Item::uint(1), Item::uint(1), Item::bytes(&[0; 17])]), field("symbols")),
        (
            "too many symbols",
            message(1, [Item::uint(1), Item::uint(1), repeated(4_097, 16)]),
            too_many("symbols", ANSWER_SYMBOLS, 4_097),
        ),
        ("parts without digests", message(3, [Item::bytes(&[]), none(), Item::bytes(&[])]), field("parts")),
        (
            "a count as text",
            message(3, [Item::bytes(&[]), Item::Array(vec![shop()]), Item::bytes(&[0; 16])]),
            field("counts"),
        ),
        (
            "bounds twice",
            message(3, [Item::bytes(&[0; 64]), none(), Item::bytes(&[])]),
            BadMessage::NotAscending("bounds"),
        ),
        ("ids without times", message(4, [Item::bytes(&[1; 32]), Item::bytes(&[]), Item::Null]), field("times")),
        (
            "ids beyond their end",
            message(4, [Item::bytes(&[9; 32]), Item::bytes(&[0; 8]), Item::bytes(&[1; 32])]),
            BadMessage::NotAscending("upto"),
        ),
        (
            "too many ids",
            message(4, [repeated(RANGE_PAGE + 1, 32), Item::Null, Item::Null]),
            too_many("ids", RANGE_PAGE, RANGE_PAGE + 1),
        ),
        (
            "missing twice",
            message(5, [none(), Item::Array(vec![Item::uint(1), Item::uint(1)])]),
            BadMessage::NotAscending("positions"),
        ),
        ("missing too far", message(5, [none(), Item::Array(vec![Item::uint(256)])]), field("positions")),
        ("refused without word", message(6, [Item::uint(0), Item::Array(vec![Item::uint(1)]), none()]), field("words")),
        ("a word that shouts", message(8, [Item::text("NO")]), field("word")),
        ("a word with a line break", message(8, [Item::text("a\nb")]), field("word")),
        ("an empty word", message(8, [Item::text("")]), field("word")),
        ("a long word", message(8, [Item::text(&"a".repeat(33))]), field("word")),
        ("a bit too many", message(7, [Item::uint(1), Item::bytes(&[3])]), field("held")),
        ("a byte too many", message(7, [Item::uint(8), Item::bytes(&[0, 0])]), field("held")),
        ("bits missing", message(7, [Item::uint(9), Item::bytes(&[0])]), field("held")),
    ];
    for (name, bytes, want) in table {
        assert_eq!(Response::decode(&bytes), Err(want), "{name}");
    }
    assert!(matches!(Response::decode(&[0x9f, 1, 0, 0xff]), Err(BadMessage::Cbor(_))), "indefinite length");
    assert!(
        matches!(Response::decode(&[0x82, 0x18, 1, 0]), Err(BadMessage::Cbor(_))),
        "a number not in its shortest form"
    );
    assert!(
        matches!(Response::decode(&[&Response::Same.encode()[..], &[0]].concat()), Err(BadMessage::Cbor(_))),
        "a tail"
    );
}

#[test]
fn bad_gossip_is_refused_by_name() {
    let large = limits::GOSSIP_BYTES + 1;
    let table: Vec<(&str, Vec<u8>, BadMessage)> = vec![
        (
            "too large",
            vec![0; GOSSIP_MESSAGE_BYTES + 1],
            BadMessage::TooLarge { max: GOSSIP_MESSAGE_BYTES, got: GOSSIP_MESSAGE_BYTES + 1 },
        ),
        (
            "a large statement",
            message(0, [Item::Bytes(vec![0; large])]),
            too_many("bytes of a flooded statement", large - 1, large),
        ),
        ("an empty statement", message(0, [Item::bytes(&[])]), BadMessage::Field("statement")),
        ("nothing announced", message(1, [shop(), Item::bytes(&[])]), BadMessage::Field("ids")),
        (
            "too many announced",
            message(1, [shop(), repeated(ANNOUNCE_IDS + 1, 32)]),
            too_many("ids", ANNOUNCE_IDS, ANNOUNCE_IDS + 1),
        ),
        (
            "a large beacon",
            message(2, [Item::Bytes(vec![0; BEACON_BYTES + 1])]),
            too_many("bytes of a beacon", BEACON_BYTES, BEACON_BYTES + 1),
        ),
        ("unknown kind", message(3, []), BadMessage::Kind(3)),
    ];
    for (name, bytes, want) in table {
        assert_eq!(Gossip::decode(&bytes), Err(want), "{name}");
    }
}

#[test]
fn the_largest_messages_fit() {
    let half: Bytes = vec![7; BATCH_BYTES / 2 - 100].into();
    let statements = vec![half.clone(), half];
    assert!(Request::decode(&Request::Push { statements: statements[..1].to_vec() }.encode()).is_ok());
    let every = (0..BATCH_IDS).collect::<Vec<_>>();
    let response = Response::Statements { statements, missing: every.clone() };
    assert_eq!(Response::decode(&response.encode()), Ok(response));
    let word = Word::new(&"w".repeat(32));
    let response = Response::Taken { taken: 256, refused: every.into_iter().map(|at| (at, word.clone())).collect() };
    assert_eq!(Response::decode(&response.encode()), Ok(response));
    let page = (0..RANGE_PAGE as u64).map(|at| {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&at.to_be_bytes());
        (StatementId(id), Hlc(at))
    });
    let response = Response::Ids { ids: page.collect(), upto: Some(StatementId([255; 32])) };
    let bytes = response.encode();
    assert!(bytes.len() < MESSAGE_BYTES / 2);
    assert_eq!(Response::decode(&bytes), Ok(response));
}

#[test]
fn large_statements_are_announced() {
    let scope = Scope::parse("shop").unwrap();
    let id = StatementId([1; 32]);
    let small: Bytes = vec![0; limits::GOSSIP_BYTES].into();
    let large: Bytes = vec![0; limits::GOSSIP_BYTES + 1].into();
    assert_eq!(Gossip::of(id, &scope, small.clone()), Gossip::Statement { wire: small });
    assert_eq!(Gossip::of(id, &scope, large), Gossip::Announce { scope, ids: vec![id] });
}
