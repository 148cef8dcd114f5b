//! Statements that every implementation must accept, and build to the same bytes.

use driftless_statement::codec::Item;
use driftless_statement::{
    Accept, Approve, Body, ElementRef, Frontier, Hlc, Note, Op, Prefix, Revoke, Scope, Statement, StatementId, Step,
    Value, Verb, Why, limits,
};

use super::Valid;
use super::build::{
    NODE, ROOT, SECOND, THIRD, WRITER, at, edit, founding, genesis, grant, grant_body, ids, insert, k, key, of, put,
    root_act, sign, touch, write, writes,
};

/// Values whose list elements are numbered: by key bytes, which is not the order of keys in CBOR.
pub const NAMING: [&str; 4] = [
    "[1,[2,3],4]",
    r#"{"b":[1,2],"aa":[[],[3]],"a":7}"#,
    r#"[{"z":[1],"k":[2,{"x":[3]}]},[[[4]]]]"#,
    r#"{"é":[1],"z":[2],"":[3],"a/~b":[4]}"#,
];

/// Floats at the edges of the three widths.
pub const FLOATS: [f64; 24] = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    65504.0,
    65505.0,
    65536.0,
    6.103_515_625e-5,
    6.097_555_160_522_461e-5,
    5.960_464_477_539_063e-8,
    2.980_232_238_769_531_3e-8,
    8.940_696_716_308_594e-8,
    1.000_976_562_5,
    1.000_488_281_25,
    16_777_216.0,
    16_777_217.0,
    3.402_823_466_385_288_6e38,
    3.402_823_669_209_385e38,
    1.401_298_464_324_817e-45,
    5e-324,
    0.1,
    1e23,
    1e300,
    f64::MAX,
];

fn vector(name: &'static str, about: &'static str, statement: Statement, secret: u8) -> Valid {
    Valid { name, about, signed: sign(statement, secret) }
}

fn written(name: &'static str, about: &'static str, statement: Statement) -> Valid {
    vector(name, about, statement, WRITER)
}

/// All of them.
pub(crate) fn all() -> Vec<Valid> {
    [trust(), super::terms::valid(), values(), edits(), envelopes(), unknown()].into_iter().flatten().collect()
}

fn trust() -> Vec<Valid> {
    let act = |name, about, body| vector(name, about, root_act(body), ROOT);
    let all: Vec<Verb> = Verb::ALL.to_vec();
    let delegated = Statement {
        author: key(SECOND).public(),
        grant: grant().id(),
        hlc: at(3),
        note: Why { reason: "on call".into(), ..Why::default() }.into(),
        ..root_act(grant_body(THIRD, &[Verb::Write], "shop/checkout", &[]))
    };
    let delegated = Statement { prev: Vec::new(), ..delegated };
    vec![
        Valid { name: "genesis", about: "three root keys, two of them must agree", signed: founding().clone() },
        vector("genesis-one-key", "the smallest mesh, with a name beyond ASCII", genesis(&[ROOT], 1, "prod é"), ROOT),
        vector("genesis-no-name", "the name may be empty", genesis(&[ROOT, NODE], 2, ""), ROOT),
        Valid { name: "grant-write", about: "write under a prefix", signed: grant().clone() },
        act("grant-every-verb", "all verbs on everything", grant_body(SECOND, &all, "", &[])),
        act(
            "grant-member",
            "a node and the scopes it may hold",
            grant_body(NODE, &[Verb::Member], "", &["@mesh", "shop"]),
        ),
        act("grant-operate", "operators' own data", grant_body(SECOND, &[Verb::Operate], "@mesh/schemas", &[])),
        vector("grant-delegated", "issued under another grant", delegated, SECOND),
        act("approve", "a signature more", Body::from(Approve { scope: Scope::mesh(), id: StatementId([9; 32]) })),
        act(
            "approve-elsewhere",
            "what is approved lies in another scope",
            Body::from(Approve { scope: Scope::parse("shop").unwrap(), id: StatementId([0; 32]) }),
        ),
        act("revoke-all", "everything that a key holds, and nothing of it stays", revoke("", &[])),
        act(
            "revoke-frontier",
            "on a prefix, and what stays, by scope",
            revoke("shop", &[("shop", 7), ("@mesh", 9), ("shop", 3)]),
        ),
        act("accept", "more of a frontier", Body::Accept(Accept { frontier: frontier(&[("shop", 1)]) })),
    ]
}

fn frontier(listed: &[(&str, u8)]) -> Frontier {
    let mut frontier = Frontier::nothing();
    listed.iter().for_each(|(scope, id)| frontier.insert(Scope::parse(scope).unwrap(), StatementId([*id; 32])));
    frontier
}

fn revoke(prefix: &str, listed: &[(&str, u8)]) -> Body {
    let prefix = Prefix::parse(prefix).unwrap();
    Body::from(Revoke { key: key(SECOND).public(), prefix, frontier: frontier(listed) })
}

fn values() -> Vec<Valid> {
    let one = |name, about, text: &str| written(name, about, write(vec![put(&[], text)]));
    let nested = format!("{}1{}", "[".repeat(limits::VALUE_DEPTH), "]".repeat(limits::VALUE_DEPTH));
    let long: String = [23, 24, 255, 256].map(|len| format!("\"{}\"", "x".repeat(len))).join(",");
    let wide = format!("[[{}],[{}]]", vec!["0"; 24].join(","), vec!["1"; 256].join(","));
    let floats = Value::List(FLOATS.iter().map(|float| Value::Float(*float)).collect());
    vec![
        one("put-null", "null is a value, not absence", "null"),
        one("put-booleans", "true and false", "[true,false]"),
        one(
            "put-text",
            "escapes, control characters and characters beyond ASCII",
            r#""a\"\\\/\u0000\n\u007f é 🦀 \u2028""#,
        ),
        one("put-empty-containers", "an empty list and an empty map", r#"[[],{}]"#),
        one(
            "integers",
            "at the edges of every width of head",
            "[0,23,24,255,256,65535,65536,4294967295,4294967296,9223372036854775807,18446744073709551615,\
             -1,-24,-25,-256,-257,-65536,-65537,-4294967296,-4294967297,-9223372036854775808]",
        ),
        written("floats", "half, single and double width", write(vec![edit(&[], Op::Put(floats))])),
        one("kinds", "1 and 1.0 differ, and so do 0.0 and -0.0", "[1,1.0,0,0.0,-0.0,1e2,100]"),
        one("key-order", "shorter keys first in CBOR", r#"{"b":1,"aa":2,"a":3,"":4,"é":5,"z~/":6}"#),
        one("depth-32", "as deep as a value may be", &nested),
        one("text-lengths", "at the edges of the heads of texts", &format!("[{long}]")),
        one("list-lengths", "24 and 256 elements", &wide),
        one("long-key", "a key of 1,024 bytes", &format!("{{\"{}\":1}}", "k".repeat(limits::KEY_BYTES))),
        one(
            "configuration",
            "what people really write",
            r#"{"limits":{"max":50,"ratio":0.75},"regions":["eu","us"],"on":true}"#,
        ),
    ]
}

fn edits() -> Vec<Valid> {
    let one = |name, about, edits| written(name, about, write(edits));
    let own = |edit, ordinal| Some(ElementRef::Own(edit, ordinal));
    let element = |id| Step::Element(id);
    let deep: Vec<Step> = (0..limits::POINTER_STEPS).map(|_| k("a")).collect();
    let by = limits::COUNTER_STEP;
    let start = limits::COUNTER_START;
    vec![
        one("put-at-key", "one key of a map", vec![put(&[k("limits"), k("max")], "50")]),
        one("put-at-element", "a list element keeps its name", vec![put(&[k("regions"), element(of(1))], "\"eu\"")]),
        one("put-behind-element", "through a list into a map", vec![put(&[element(of(0)), k("on")], "false")]),
        one("delete-entry", "the whole value", vec![edit(&[], Op::Delete)]),
        one("delete-key", "one key", vec![edit(&[k("a/~b")], Op::Delete)]),
        one("delete-element", "one list element", vec![edit(&[k("l"), element(of(300))], Op::Delete)]),
        one(
            "counter",
            "from -2^53 to 2^53",
            [0, 1, -1, start, -start].map(|n| edit(&[k("hits")], Op::Counter(n))).to_vec(),
        ),
        one(
            "increment",
            "from -2^32 to 2^32",
            [0, 1, -1, by, -by].map(|n| edit(&[k("hits")], Op::Increment(n))).to_vec(),
        ),
        one("insert-head", "at the head of a list", vec![insert(&[k("l")], None, "1")]),
        one(
            "insert-after",
            "behind an element of another statement",
            vec![insert(&[k("l")], Some(of(7)), "{\"a\":1}")],
        ),
        one(
            "insert-own",
            "behind elements of the same statement",
            vec![insert(&[], Some(of(0)), "1"), insert(&[], own(0, 0), "2"), insert(&[], own(1, 0), "3")],
        ),
        one(
            "edit-own",
            "inside what an earlier edit put",
            vec![
                put(&[], "{\"l\":[[1],[2]]}"),
                put(&[k("l"), element(ElementRef::Own(0, 0)), element(ElementRef::Own(0, 1))], "5"),
                edit(&[k("l"), element(ElementRef::Own(0, 2))], Op::Delete),
            ],
        ),
        one("pointer-32", "as long as a pointer may be", vec![put(&deep, "1")]),
        one("edits-256", "as many edits as a statement may have", vec![edit(&[], Op::Delete); limits::EDITS]),
    ]
}

fn envelopes() -> Vec<Valid> {
    let base = write(vec![put(&[], "1")]);
    let two = vec![
        (touch("shop/a", &ids(1)), vec![put(&[], "1")]),
        (touch("shop/a-b", &[]), vec![put(&[], "2"), edit(&[], Op::Delete)]),
        (touch("shop/a/b", &ids(2)), vec![edit(&[k("x")], Op::Increment(1))]),
    ];
    let long = format!("shop/{}", "p".repeat(limits::PATH_BYTES - 5));
    let deep = vec!["shop"; limits::PATH_SEGMENTS].join("/");
    let noted = |name, about, note: Note| written(name, about, Statement { note, ..base.clone() });
    let path = |name, about, path: &str| written(name, about, writes(vec![(touch(path, &[]), vec![put(&[], "1")])]));
    let text = |len: usize| "n".repeat(len);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    vec![
        written("several-entries", "ascending by the bytes of their paths", writes(two)),
        written("prev-16", "as many own heads as may be named", Statement { prev: ids(16), ..base.clone() }),
        written(
            "bases-16",
            "as many bases as may be named",
            writes(vec![(touch("shop/a", &ids(16)), vec![put(&[], "1")])]),
        ),
        written("hlc-zero", "the beginning of time", Statement { hlc: Hlc(0), ..base.clone() }),
        written("hlc-counter", "the counter in the lower 16 bits", Statement { hlc: Hlc(at(2).0 + 7), ..base.clone() }),
        written("hlc-end", "the end of time", Statement { hlc: Hlc(u64::MAX), ..base.clone() }),
        noted("note-reason", "why", Why { reason: "raise the limit é".into(), ..Why::default() }.into()),
        noted(
            "note-all",
            "every field",
            Why { reason: "why".into(), ticket: "OPS-7".into(), traceparent: trace.into() }.into(),
        ),
        noted(
            "note-1024",
            "as long as a note may be",
            Why { reason: text(1000), ticket: text(24), ..Why::default() }.into(),
        ),
        path("path-characters", "all that a path may use", "shop/AZaz09._~@-"),
        path("path-512", "as long as a path may be", &long),
        path("path-16", "as deep as a path may be", &deep),
        path("path-dots", "dots that do not walk", "shop/.../.a/a../..b"),
        written("in-mesh", "operators' data", writes(vec![(touch("@mesh/schemas/shop", &[]), vec![put(&[], "{}")])])),
    ]
}

fn unknown() -> Vec<Valid> {
    let base = write(vec![put(&[], "1")]);
    let map =
        |entries: Vec<(u64, Item)>| Item::Map(entries.into_iter().map(|(key, item)| (Item::uint(key), item)).collect());
    let kind = |kind, item| Body::Unknown { kind, item: Box::new(item) };
    let odd = Item::Array(vec![
        Item::Map(vec![
            (Item::Int(-1), Item::Null),
            (Item::bytes(&[1, 2]), Item::Float(0.5)),
            (Item::Bool(true), Item::Null),
        ]),
        Item::bytes(&[]),
    ]);
    let later_edit = Item::Array(vec![Item::Array(vec![
        put(&[k("a")], "1").to_item(),
        Item::Array(vec![Item::uint(5), Item::text("move"), Item::Null]),
    ])]);
    let public = Item::bytes(key(NODE).public().as_bytes());
    let grant_fields = |verb: u64| {
        vec![
            (0, public.clone()),
            (1, Item::Array(vec![Item::uint(0), Item::uint(verb)])),
            (2, Item::text("shop")),
            (3, Item::Array(vec![])),
        ]
    };
    let demanding: Vec<_> = grant_fields(2).into_iter().chain([(7, Item::uint(2))]).collect();
    let field = |number, item| Statement { unknown: vec![(number, item)], ..base.clone() };
    vec![
        written("unknown-kind", "a kind of a later version", Statement { body: kind(7, odd.clone()), ..base.clone() }),
        written(
            "unknown-kind-large",
            "any number may be a kind",
            Statement { body: kind(u64::MAX, Item::Null), ..base.clone() },
        ),
        written("unknown-edit", "an edit of a later version", Statement { body: kind(1, later_edit), ..base.clone() }),
        written("unknown-field", "a field of a later version", field(11, odd)),
        written("unknown-field-large", "any number may be a field", field(u64::MAX, Item::text("x"))),
        written(
            "unknown-note",
            "a note with a field of a later version",
            field(10, map(vec![(0, Item::text("why")), (9, Item::Null)])),
        ),
        vector("unknown-verb", "a grant with a verb of a later version", root_act(kind(2, map(grant_fields(6)))), ROOT),
        vector("unknown-term", "a grant with a field of a later version", root_act(kind(2, map(demanding))), ROOT),
    ]
}
