//! Canonical bytes that break a rule: of a field, between fields, of the signature, or against what they name.

use driftless_statement::codec::Item;
use driftless_statement::{Body, MeshId, Note, PublicKey, Statement, StatementId, Verb, Verified, limits};

use super::build::{
    NODE, ROOT, SECOND, WRITER, at, edit, founding, genesis, grant, grant_body, ids, k, key, mesh, put, root_act, sign,
    signed_bytes, touch, with, write, writes,
};
use super::{Named, Refused};

fn base() -> Statement {
    write(vec![put(&[], "1")])
}

fn field(name: &'static str, about: &'static str, word: &'static str, number: u64, item: Item) -> Refused {
    Refused { name, about, word, wire: with(&base(), WRITER, number, item) }
}

fn list(items: impl IntoIterator<Item = Item>) -> Item {
    Item::Array(items.into_iter().collect())
}

fn map(items: impl IntoIterator<Item = (u64, Item)>) -> Item {
    Item::Map(items.into_iter().map(|(key, item)| (Item::uint(key), item)).collect())
}

fn id_items(ids: &[StatementId]) -> Item {
    list(ids.iter().map(|id| Item::bytes(id.as_bytes())))
}

/// All of them.
pub(crate) fn all() -> Vec<Refused> {
    [envelope(), paths(), edits(), trust(), revocations(), super::terms::refused(), signatures()]
        .into_iter()
        .flatten()
        .collect()
}

fn envelope() -> Vec<Refused> {
    let reversed: Vec<StatementId> = ids(3).into_iter().rev().collect();
    let twice = [StatementId([1; 32]), StatementId([1; 32])];
    let touched = |path: &str, bases: &[StatementId]| list([Item::text(path), id_items(bases)]);
    let text = |len: usize| Item::text(&"n".repeat(len));
    let note = |name, about, word, item| field(name, about, word, 10, item);
    vec![
        field("version-0", "before the first version", "unknown_version", 0, Item::uint(0)),
        field("version-2", "a later version", "unknown_version", 0, Item::uint(2)),
        field("version-text", "the version as a text", "bad_field", 0, Item::text("1")),
        field("mesh-31", "31 bytes of mesh", "bad_field", 1, Item::bytes(&[7; 31])),
        field("other-mesh", "made for another mesh", "other_mesh", 1, Item::bytes(&[7; 32])),
        field("grant-33", "33 bytes of grant", "bad_field", 4, Item::bytes(&[7; 33])),
        field("grant-none", "only genesis relies on nothing", "genesis", 4, Item::bytes(&[0; 32])),
        field("mesh-none", "only genesis founds a mesh", "genesis", 1, Item::bytes(&[0; 32])),
        field("prev-17", "one more than may be named", "too_many", 5, id_items(&ids(17))),
        field("prev-unsorted", "descending", "not_ascending", 5, id_items(&reversed)),
        field("prev-twice", "the same id twice", "not_ascending", 5, id_items(&twice)),
        field("bases-17", "one more than may be named", "too_many", 6, list([touched("shop/limits", &ids(17))])),
        field("bases-unsorted", "descending", "not_ascending", 6, list([touched("shop/limits", &reversed)])),
        field("bases-twice", "the same id twice", "not_ascending", 6, list([touched("shop/limits", &twice)])),
        field(
            "touches-unsorted",
            "paths descending",
            "not_ascending",
            6,
            list([touched("shop/b", &[]), touched("shop/a", &[])]),
        ),
        field(
            "touches-twice",
            "the same path twice",
            "not_ascending",
            6,
            list([touched("shop/a", &[]), touched("shop/a", &[])]),
        ),
        field("touches-none", "a write of nothing", "edits_and_touches", 6, list([])),
        field(
            "touch-outside",
            "an entry of another scope",
            "outside_scope",
            6,
            list([touched("shopping/limits", &[])]),
        ),
        field("hlc-negative", "before the beginning of time", "bad_field", 7, Item::Int(-1)),
        field("hlc-float", "time as a float", "bad_field", 7, Item::Float(1.0)),
        field("kind-negative", "kinds are not negative", "bad_field", 8, Item::Int(-1)),
        note("note-1025", "one byte longer than a note may be", "too_many", map([(0, text(1000)), (1, text(25))])),
        note("note-nothing", "a note without fields is left out", "empty", map([])),
        note("note-empty-text", "an empty text is left out", "bad_field", map([(0, text(0))])),
        note("note-number", "a reason is a text", "bad_field", map([(0, Item::uint(1))])),
        note(
            "note-unknown-and-bad",
            "known fields are checked beside unknown ones",
            "bad_field",
            map([(0, Item::Null), (9, Item::Null)]),
        ),
    ]
}

fn paths() -> Vec<Refused> {
    const BAD: [(&str, &str, &str); 12] = [
        ("path-one-segment", "shop", "path_too_short"),
        ("path-empty", "", "path_empty_segment"),
        ("path-leading-slash", "/shop/limits", "path_empty_segment"),
        ("path-trailing-slash", "shop/limits/", "path_empty_segment"),
        ("path-double-slash", "shop//limits", "path_empty_segment"),
        ("path-dot", "shop/./limits", "path_dots"),
        ("path-up", "shop/../platform", "path_dots"),
        ("path-space", "shop/the limits", "path_character"),
        ("path-confusable", "shop/lіmits", "path_character"),
        ("path-backslash", "shop/..\\platform", "path_character"),
        ("path-percent", "shop/%2e%2e", "path_character"),
        ("path-reserved", "@meshes/limits", "path_reserved"),
    ];
    let touched = |path: &str| list([list([Item::text(path), list([])])]);
    let long = format!("shop/{}", "p".repeat(limits::PATH_BYTES - 4));
    let deep = vec!["shop"; limits::PATH_SEGMENTS + 1].join("/");
    let bad = BAD.map(|(name, path, word)| field(name, "a path that breaks the rules", word, 6, touched(path)));
    bad.into_iter()
        .chain([
            field("path-513", "one byte longer than a path may be", "path_too_long", 6, touched(&long)),
            field("path-17", "one segment more than a path may have", "path_too_deep", 6, touched(&deep)),
            field("scope-two-segments", "a scope is one segment", "not_a_scope", 2, Item::text("shop/limits")),
            field("scope-empty", "a scope is not empty", "path_empty_segment", 2, Item::text("")),
            field("scope-reserved", "only @mesh begins with @", "path_reserved", 2, Item::text("@all")),
        ])
        .collect()
}

fn edits() -> Vec<Refused> {
    let body = |name, about, word, body: Item| field(name, about, word, 9, body);
    let one = |name, about, word, parts: Vec<Item>| body(name, about, word, list([list([list(parts)])]));
    let at = list([]);
    let op = Item::uint;
    let keys = |count: usize| list(vec![Item::text("a"); count]);
    let place = |items: Vec<Item>| list([list(items)]);
    let start = limits::COUNTER_START;
    let by = limits::COUNTER_STEP;
    let many = list([list(vec![edit(&[], driftless_statement::Op::Delete).to_item(); limits::EDITS + 1])]);
    vec![
        body("edits-257", "one more than a statement may have", "too_many", many),
        body("edits-none", "an entry touched without an edit", "empty", list([list([])])),
        body(
            "edits-two-lists",
            "two lists of edits for one entry",
            "edits_and_touches",
            list(vec![list([edit(&[], driftless_statement::Op::Delete).to_item()]); 2]),
        ),
        body("write-map", "a write is a list", "bad_field", map([])),
        one("edit-empty", "an edit without an operation", "bad_field", vec![]),
        one("edit-text", "operations have numbers", "bad_field", vec![Item::text("put"), at.clone(), Item::Null]),
        one("put-two-parts", "a put without a value", "bad_field", vec![op(0), at.clone()]),
        one("delete-three-parts", "a delete with a value", "bad_field", vec![op(1), at.clone(), Item::Null]),
        one("pointer-text", "a pointer is a list of steps", "bad_field", vec![op(1), Item::text("/a")]),
        one("pointer-33", "one step more than a pointer may have", "too_many", vec![op(1), keys(33)]),
        one("pointer-index", "elements have names, not places", "bad_field", vec![op(1), list([Item::uint(0)])]),
        one("pointer-null", "a step is a key or an element", "bad_field", vec![op(1), list([Item::Null])]),
        one(
            "pointer-long-key",
            "a key that no map may have",
            "long_key",
            vec![op(1), list([Item::text(&"k".repeat(1025))])],
        ),
        one("element-one-part", "an element needs two or three numbers", "bad_field", vec![op(1), place(vec![op(0)])]),
        one(
            "element-negative",
            "numbers of elements are not negative",
            "bad_field",
            vec![op(1), place(vec![op(0), Item::Int(-1)])],
        ),
        one(
            "element-33-bits",
            "numbers of elements have 32 bits",
            "bad_field",
            vec![op(1), place(vec![op(0), op(1 << 32)])],
        ),
        one(
            "element-31-bytes",
            "the statement of an element has 32 bytes",
            "bad_field",
            vec![op(1), place(vec![Item::bytes(&[1; 31]), op(0), op(0)])],
        ),
        one("counter-above", "2^53+1", "counter_range", vec![op(2), at.clone(), Item::Int((start + 1).into())]),
        one("counter-below", "-2^53-1", "counter_range", vec![op(2), at.clone(), Item::Int((-start - 1).into())]),
        one(
            "counter-min",
            "-2^63, whose magnitude has no 64-bit integer",
            "counter_range",
            vec![op(2), at.clone(), Item::Int(i64::MIN.into())],
        ),
        one("counter-max", "2^64-1", "bad_field", vec![op(2), at.clone(), Item::Int(u64::MAX.into())]),
        one("counter-float", "a counter is an integer", "bad_field", vec![op(2), at.clone(), Item::Float(1.0)]),
        one("increment-above", "2^32+1", "counter_range", vec![op(3), at.clone(), Item::Int((by + 1).into())]),
        one("increment-below", "-2^32-1", "counter_range", vec![op(3), at.clone(), Item::Int((-by - 1).into())]),
        one(
            "insert-index",
            "an insert goes behind an element, not to a place",
            "bad_field",
            vec![op(4), at.clone(), op(0), Item::Null],
        ),
        body(
            "unknown-and-bad-edit",
            "known edits are checked beside unknown ones",
            "counter_range",
            list([list([list([op(99)]), list([op(3), at, Item::Int((by + 1).into())])])]),
        ),
    ]
}

fn trust() -> Vec<Refused> {
    let root = |name, about, word, kind: u64, body: Item| {
        let act = with(&root_act(Body::Unknown { kind: 9, item: body.into() }), ROOT, 8, Item::uint(kind));
        Refused { name, about, word, wire: act }
    };
    let public = |secret: u8| Item::bytes(key(secret).public().as_bytes());
    let grant = |key: Item, verbs: &[u64], prefix: &str, scopes: &[&str]| {
        let verbs = list(verbs.iter().copied().map(Item::uint));
        map([(0, key), (1, verbs), (2, Item::text(prefix)), (3, list(scopes.iter().copied().map(Item::text)))])
    };
    let two = || {
        let mut keys = [ROOT, NODE].map(|secret| key(secret).public());
        keys.sort();
        keys.map(|key| Item::bytes(key.as_bytes())).to_vec()
    };
    let founding = |keys: Vec<Item>, threshold: u64, name: &str| {
        map([(0, list(keys)), (1, Item::uint(threshold)), (2, Item::uint(1)), (3, Item::text(name))])
    };
    let found = |name, about, word, body: Item| Refused {
        name,
        about,
        word,
        wire: with(&genesis(&[ROOT], 1, ""), ROOT, 9, body),
    };
    let own = || public(ROOT);
    let small = Item::bytes(&[0; 32]);
    let mut beyond = [0xff; 32];
    beyond[0] = 0xf0;
    beyond[31] = 0x7f;
    let elsewhere = |kind, body: Item| {
        with(&Statement { body: Body::Unknown { kind: 9, item: body.into() }, ..base() }, WRITER, 8, Item::uint(kind))
    };
    let mut names = genesis(&[ROOT], 1, "");
    names.hlc = at(1);
    vec![
        root("grant-no-verbs", "a grant of nothing", "empty", 2, grant(own(), &[], "", &[])),
        root("grant-verbs-unsorted", "verbs descending", "not_ascending", 2, grant(own(), &[1, 0], "", &[])),
        root("grant-verb-twice", "a verb twice", "not_ascending", 2, grant(own(), &[1, 1], "", &[])),
        root("grant-bad-prefix", "a prefix that walks upwards", "path_dots", 2, grant(own(), &[0], "shop/..", &[])),
        root(
            "grant-scopes-unsorted",
            "scopes descending",
            "not_ascending",
            2,
            grant(own(), &[5], "", &["shop", "@mesh"]),
        ),
        root("grant-key-zero", "a key of small order", "weak_key", 2, grant(small.clone(), &[0], "", &[])),
        root(
            "grant-key-beyond",
            "a second encoding of a point",
            "weak_key",
            2,
            grant(Item::bytes(&beyond), &[0], "", &[]),
        ),
        root(
            "grant-unknown-and-weak",
            "known fields are checked beside unknown verbs",
            "path_character",
            2,
            grant(own(), &[63], "a b", &[]),
        ),
        root("grant-missing", "a field of the grant is missing", "bad_field", 2, map([(0, own())])),
        root(
            "approve-short",
            "what is approved has 32 bytes",
            "bad_field",
            3,
            map([(0, Item::text("shop")), (1, Item::bytes(&[1; 31]))]),
        ),
        Refused {
            name: "grant-outside-mesh",
            about: "trust lives in @mesh",
            word: "not_in_mesh",
            wire: elsewhere(2, grant(public(NODE), &[0], "shop", &[])),
        },
        Refused {
            name: "unknown-grant-outside-mesh",
            about: "also with a verb of a later version",
            word: "not_in_mesh",
            wire: elsewhere(2, grant(public(NODE), &[6], "shop", &[])),
        },
        Refused {
            name: "approve-outside-mesh",
            about: "trust lives in @mesh",
            word: "not_in_mesh",
            wire: elsewhere(3, map([(0, Item::text("shop")), (1, Item::bytes(&[1; 32]))])),
        },
        found("genesis-no-keys", "a mesh of nobody", "threshold", founding(vec![], 0, "")),
        found("genesis-half", "one of two is no majority", "threshold", founding(two(), 1, "")),
        found("genesis-too-many-needed", "two of one", "threshold", founding(vec![own()], 2, "")),
        found("genesis-key-twice", "one key counted twice", "not_ascending", founding(vec![own(), own()], 2, "")),
        found("genesis-weak-key", "a root key of small order", "weak_key", founding(vec![small, own()], 2, "")),
        found("genesis-stranger", "founded by none of its keys", "genesis", founding(vec![public(NODE)], 1, "")),
        found("genesis-long-name", "a name of 65 bytes", "bad_field", founding(vec![own()], 1, &"n".repeat(65))),
        found("genesis-control-name", "a name with a line feed", "bad_field", founding(vec![own()], 1, "a\nb")),
        Refused {
            name: "genesis-with-prev",
            about: "genesis names nothing",
            word: "genesis",
            wire: with(&names, ROOT, 5, id_items(&ids(1))),
        },
        Refused {
            name: "genesis-with-mesh",
            about: "genesis founds its mesh",
            word: "genesis",
            wire: with(&names, ROOT, 1, Item::bytes(mesh().as_bytes())),
        },
        Refused {
            name: "genesis-unknown-field",
            about: "nothing in genesis may be unknown",
            word: "genesis",
            wire: with(&names, ROOT, 11, Item::Null),
        },
        Refused {
            name: "genesis-other-mesh",
            about: "founds another mesh",
            word: "other_mesh",
            wire: sign(names, ROOT).wire().to_vec(),
        },
    ]
}

fn revocations() -> Vec<Refused> {
    let root = |name, about, word, kind: u64, body: Item| {
        let act = with(&root_act(Body::Unknown { kind: 9, item: body.into() }), ROOT, 8, Item::uint(kind));
        Refused { name, about, word, wire: act }
    };
    let elsewhere = |kind, body: Item| {
        with(&Statement { body: Body::Unknown { kind: 9, item: body.into() }, ..base() }, WRITER, 8, Item::uint(kind))
    };
    let public = |secret: u8| Item::bytes(key(secret).public().as_bytes());
    let own = || public(ROOT);
    let small = Item::bytes(&[0; 32]);
    vec![
        root(
            "revoke-weak-key",
            "a key of small order",
            "weak_key",
            4,
            map([(0, small.clone()), (1, Item::text("")), (2, Item::Array(vec![]))]),
        ),
        root(
            "revoke-bad-prefix",
            "a prefix with an empty segment",
            "path_empty_segment",
            4,
            map([(0, own()), (1, Item::text("shop//a")), (2, Item::Array(vec![]))]),
        ),
        root(
            "revoke-no-ids",
            "a scope of which nothing is accepted",
            "empty",
            4,
            map([(0, own()), (1, Item::text("")), (2, listed(&[("shop", &[])]))]),
        ),
        root(
            "revoke-ids-unsorted",
            "ids descending",
            "not_ascending",
            4,
            map([(0, own()), (1, Item::text("")), (2, listed(&[("shop", &[2, 1])]))]),
        ),
        root(
            "revoke-scope-twice",
            "a scope twice",
            "not_ascending",
            4,
            map([(0, own()), (1, Item::text("")), (2, listed(&[("shop", &[1]), ("shop", &[2])]))]),
        ),
        root(
            "revoke-path-for-scope",
            "a path where a scope belongs",
            "not_a_scope",
            4,
            map([(0, own()), (1, Item::text("")), (2, listed(&[("shop/a", &[1])]))]),
        ),
        root("revoke-missing", "no frontier", "bad_field", 4, map([(0, own()), (1, Item::text(""))])),
        root("accept-nothing", "an accept of nothing", "empty", 5, map([(0, Item::Array(vec![]))])),
        root("accept-too-many", "4,097 ids", "too_many", 5, map([(0, many_listed())])),
        Refused {
            name: "revoke-outside-mesh",
            about: "trust lives in @mesh",
            word: "not_in_mesh",
            wire: elsewhere(4, map([(0, public(NODE)), (1, Item::text("")), (2, Item::Array(vec![]))])),
        },
    ]
}

/// A frontier by the first byte of each id.
fn listed(lists: &[(&str, &[u8])]) -> Item {
    let ids = |ids: &[u8]| Item::Array(ids.iter().map(|id| Item::bytes(&[*id; 32])).collect());
    Item::Array(lists.iter().map(|(scope, list)| Item::Array(vec![Item::text(scope), ids(list)])).collect())
}

/// One id more than a frontier may list, in two scopes.
fn many_listed() -> Item {
    let ids = |from: u16, to: u16| {
        let id = |id: u16| [id.to_be_bytes().as_slice(), &[0; 30]].concat();
        Item::Array((from..to).map(|number| Item::bytes(&id(number))).collect())
    };
    let part = |scope, ids| Item::Array(vec![Item::text(scope), ids]);
    Item::Array(vec![part("bank", ids(0, 4_000)), part("shop", ids(4_000, 4_097))])
}

/// The order of the curve's large group, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A second signature for the same bytes: the group's order added to its number.
fn malleated(wire: &[u8]) -> Vec<u8> {
    let mut wire = wire.to_vec();
    let at = wire.len() - 32;
    let mut carry = 0u16;
    for (byte, more) in wire[at..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    wire
}

fn signatures() -> Vec<Refused> {
    let good = sign(base(), WRITER);
    let canonical = base().encode();
    let refused = |name, about, wire: Vec<u8>| Refused { name, about, word: "signature", wire };
    let flipped = |at: usize| {
        let mut wire = good.wire().to_vec();
        let at = wire.len() - at;
        wire[at] ^= 1;
        wire
    };
    let signed_as = |context: &[u8]| [canonical.as_slice(), &key(WRITER).sign_for(context, &canonical)].concat();
    // With a key of small order this pair of R = the key and S = 0 satisfies the plain equation for many messages.
    let weak = |author: [u8; 32]| {
        let canonical = Statement { author: PublicKey(author), ..base() }.encode();
        let mut point = [0; 32];
        point[0] = 1;
        [canonical.as_slice(), &point, &[0; 32]].concat()
    };
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = [0xff; 32];
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    vec![
        refused("signature-r", "one bit of R flipped", flipped(64)),
        refused("signature-s", "one bit of S flipped", flipped(1)),
        refused("signature-zero", "64 zero bytes", [canonical.as_slice(), &[0; 64]].concat()),
        refused("signature-malleated", "S plus the order of the group", malleated(&good.wire())),
        refused("signature-of-another", "signed by another key", signed_bytes(&canonical, SECOND)),
        refused("signature-no-context", "signed without the context", signed_as(b"")),
        refused("signature-other-context", "signed for another purpose", signed_as(b"driftless/beacon/v1\0")),
        refused("signature-no-zero", "the context without its zero byte", signed_as(b"driftless/statement/v1")),
        refused("swapped-author", "the author replaced after signing", {
            let other = Statement { author: key(SECOND).public(), ..base() }.encode();
            [other.as_slice(), &good.wire()[good.wire_len() - 64..]].concat()
        }),
        refused("edited-body", "an edit replaced after signing", {
            let other = write(vec![put(&[], "2")]).encode();
            [other.as_slice(), &good.wire()[good.wire_len() - 64..]].concat()
        }),
        refused("author-neutral", "the neutral point as author", weak(one)),
        refused("author-zero", "a point of order four as author", weak([0; 32])),
        refused("author-minus-one", "the point of order two as author", weak(minus_one)),
        refused("author-no-point", "an author that is no point of the curve", weak([2; 32])),
    ]
}

/// What statements may name.
pub(crate) fn named() -> Vec<Named> {
    let mesh_id: MeshId = mesh();
    let first = sign(base(), WRITER);
    let following = |change: &dyn Fn(&mut Statement)| {
        let mut statement = Statement { hlc: at(3), ..base() };
        change(&mut statement);
        sign(statement, WRITER)
    };
    let other = Statement { author: key(SECOND).public(), ..base() };
    let elsewhere = writes(vec![(touch("platform/limits", &[]), vec![put(&[k("a")], "1")])]);
    let beside = writes(vec![(touch("shop/other", &[]), vec![put(&[], "1")])]);
    let (other, elsewhere, beside) = (sign(other, SECOND), sign(elsewhere, WRITER), sign(beside, WRITER));
    let prev = |of: &Verified| following(&|statement| statement.prev = vec![of.id()]);
    let based = |of: &Verified| following(&|statement| statement.touches[0].bases = vec![of.id()]);
    let relying = |on: &Verified| following(&|statement| statement.grant = on.id());
    let pair = |name, about, word, statement: Verified, named: &Verified| Named {
        name,
        about,
        word,
        statement,
        named: named.clone(),
    };
    let regrant = sign(
        Statement {
            mesh: mesh_id,
            note: Note::default(),
            hlc: at(4),
            ..root_act(grant_body(NODE, &[Verb::Member], "", &[]))
        },
        ROOT,
    );
    vec![
        pair("names-prev", "an earlier one of the same author and scope", "ok", prev(&first), &first),
        pair("names-base", "an earlier one about the same entry", "ok", based(&first), &first),
        pair("names-base-of-another", "a base may be anybody's", "ok", based(&other), &other),
        pair("names-grant", "a grant in @mesh", "ok", relying(grant()), grant()),
        pair("names-genesis", "a root act relies on genesis", "ok", regrant, founding()),
        pair(
            "same-time",
            "not later than its prev",
            "not_later",
            {
                following(&|statement| {
                    statement.prev = vec![first.id()];
                    statement.hlc = at(2);
                })
            },
            &first,
        ),
        pair(
            "earlier",
            "earlier than its base",
            "not_later",
            {
                following(&|statement| {
                    statement.touches[0].bases = vec![first.id()];
                    statement.hlc = at(1);
                })
            },
            &first,
        ),
        pair(
            "earlier-than-grant",
            "earlier than its grant",
            "not_later",
            following(&|statement| statement.hlc = at(0)),
            grant(),
        ),
        pair("prev-of-another", "prev names another author", "wrong_name", prev(&other), &other),
        pair("prev-elsewhere", "prev names another scope", "wrong_name", prev(&elsewhere), &elsewhere),
        pair("base-elsewhere", "a base in another scope", "wrong_name", based(&elsewhere), &elsewhere),
        pair("base-beside", "a base about another entry", "wrong_name", based(&beside), &beside),
        pair("grant-elsewhere", "a grant outside @mesh", "wrong_name", relying(&first), &first),
    ]
}
