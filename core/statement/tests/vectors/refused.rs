//! Bytes that are no canonical statement: cut, padded, deep, and every second way to write the same thing.

use driftless_statement::codec::{self, Item};
use driftless_statement::limits;

use super::Refused;
use super::build::{Fields, WRITER, fields, k, put, signed_bytes, with, without, write};

/// All of them.
pub(crate) fn all() -> Vec<Refused> {
    [cut(), encodings(), numbers(), nesting(), missing()].into_iter().flatten().collect()
}

fn canonical() -> Vec<u8> {
    write(vec![put(&[k("limits")], r#"{"max":50,"ratio":0.5,"hours":[9,17]}"#)]).encode()
}

/// Signed well, whatever the bytes are.
fn bytes(name: &'static str, about: &'static str, word: &'static str, canonical: &[u8]) -> Refused {
    Refused { name, about, word, wire: signed_bytes(canonical, WRITER) }
}

/// The canonical bytes with the first occurrence of some bytes replaced.
fn swapped(from: &[u8], to: &[u8]) -> Vec<u8> {
    let bytes = canonical();
    let at = bytes.windows(from.len()).position(|window| window == from).expect("the bytes are there");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

fn cut() -> Vec<Refused> {
    let good = canonical();
    let wire = signed_bytes(&good, WRITER);
    let short = |name, about, word, wire: &[u8]| Refused { name, about, word, wire: wire.to_vec() };
    vec![
        short("empty", "no bytes at all", "short", &[]),
        short("63-bytes", "less than a signature", "short", &wire[..63]),
        short("signature-only", "nothing was signed", "malformed", &wire[wire.len() - 64..]),
        short("cut-by-one", "the last byte of the signature is missing", "malformed", &wire[..wire.len() - 1]),
        short("one-byte-more", "a byte behind the signature", "malformed", &[wire.as_slice(), &[0]].concat()),
        bytes("cut-in-body", "the map ends early", "malformed", &good[..good.len() - 1]),
        bytes("byte-after", "a byte behind the map", "malformed", &[good.as_slice(), &[0xf6]].concat()),
        bytes("two-items", "the statement twice", "malformed", &[good.as_slice(), good.as_slice()].concat()),
        bytes(
            "length-lie",
            "a list that claims 2^32-1 elements",
            "malformed",
            &swapped(b"\x82\x09\x11", b"\x9a\xff\xff\xff\xff\x09\x11"),
        ),
        bytes(
            "length-lie-64",
            "a text that claims 2^64-1 bytes",
            "malformed",
            &swapped(b"\x63max", b"\x7b\xff\xff\xff\xff\xff\xff\xff\xffmax"),
        ),
        bytes(
            "reserved-head",
            "additional information 28 does not exist",
            "malformed",
            &swapped(b"\x63max\x18\x32", b"\x63max\x1c\x32"),
        ),
        bytes("bad-utf8", "a text that is not UTF-8", "malformed", &swapped(b"\x63max", b"\x63m\xffx")),
        bytes(
            "surrogate",
            "a text with half of a surrogate pair",
            "malformed",
            &swapped(b"\x65hours", b"\x65h\xed\xa0\x80s"),
        ),
    ]
}

fn encodings() -> Vec<Refused> {
    let again = |name, about, from: &[u8], to: &[u8]| bytes(name, about, "not_canonical", &swapped(from, to));
    let kind = |name, about, from: &[u8], to: &[u8]| bytes(name, about, "unsupported", &swapped(from, to));
    let statement = fields(&write(vec![put(&[], "1")]));
    let raw = |fields: &[&(Item, Item)]| {
        let entries: Vec<u8> =
            fields.iter().flat_map(|(key, item)| [codec::encode(key), codec::encode(item)].concat()).collect();
        [vec![0xa0 | fields.len() as u8], entries].concat()
    };
    let mut unsorted: Vec<&(Item, Item)> = statement.iter().collect();
    unsorted.swap(3, 4);
    let mut twice: Vec<&(Item, Item)> = statement.iter().collect();
    twice.insert(2, &statement[2]);
    vec![
        bytes("fields-unsorted", "fields 3 and 4 the other way round", "not_canonical", &raw(&unsorted)),
        bytes("field-twice", "field 2 twice", "not_canonical", &raw(&twice)),
        again(
            "keys-unsorted",
            "a map in a value, longer key first",
            b"\x63max\x18\x32\x65hours\x82\x09\x11",
            b"\x65hours\x82\x09\x11\x63max\x18\x32",
        ),
        again("key-twice", "a key of a value twice", b"\xa3\x63max\x18\x32", b"\xa4\x63max\x18\x32\x63max\x18\x32"),
        again("long-head-8", "9 in two bytes", b"\x82\x09\x11", b"\x82\x18\x09\x11"),
        again("long-head-16", "50 in three bytes", b"\x63max\x18\x32", b"\x63max\x19\x00\x32"),
        again("long-head-32", "50 in five bytes", b"\x63max\x18\x32", b"\x63max\x1a\x00\x00\x00\x32"),
        again("long-head-64", "50 in nine bytes", b"\x63max\x18\x32", b"\x63max\x1b\x00\x00\x00\x00\x00\x00\x00\x32"),
        again("long-text-head", "the length of a text in two bytes", b"\x63max", b"\x78\x03max"),
        again("long-list-head", "the length of a list in two bytes", b"\x82\x09\x11", b"\x98\x02\x09\x11"),
        again("indefinite-list", "a list of indefinite length", b"\x82\x09\x11", b"\x9f\x09\x11\xff"),
        again("indefinite-map", "a map of indefinite length", b"\x65hours\x82\x09\x11", b"\x65hours\xbf\xff"),
        again("indefinite-text", "a text of indefinite length", b"\x63max", b"\x7f\x63max\xff"),
        again("indefinite-bytes", "bytes of indefinite length", b"\x65hours\x82\x09\x11", b"\x65hours\x5f\x41\x01\xff"),
        again("wide-float-32", "0.5 as a single", b"\xf9\x38\x00", b"\xfa\x3f\x00\x00\x00"),
        again("wide-float-64", "0.5 as a double", b"\xf9\x38\x00", b"\xfb\x3f\xe0\x00\x00\x00\x00\x00\x00"),
        kind("tag", "a tagged integer", b"\x63max\x18\x32", b"\x63max\xc1\x18\x32"),
        kind(
            "bignum",
            "an integer beyond 64 bits",
            b"\x63max\x18\x32",
            b"\x63max\xc2\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00",
        ),
        kind("undefined", "a value that JSON does not have", b"\x63max\x18\x32", b"\x63max\xf7"),
        kind("simple", "a simple value without a meaning", b"\x63max\x18\x32", b"\x63max\xf0"),
        kind("simple-false", "false in two bytes", b"\x63max\x18\x32", b"\x63max\xf8\x14"),
        kind("break", "a break that ends nothing", b"\x63max\x18\x32", b"\x63max\xff"),
    ]
}

fn numbers() -> Vec<Refused> {
    let number = |name, about, word, to: &[u8]| bytes(name, about, word, &swapped(b"\xf9\x38\x00", to));
    vec![
        number("nan", "NaN as a half", "unsupported", b"\xf9\x7e\x00"),
        number("nan-payload", "NaN with a payload as a double", "unsupported", b"\xfb\x7f\xf8\x00\x00\x00\x00\x00\x01"),
        number("infinity", "infinity as a half", "unsupported", b"\xf9\x7c\x00"),
        number("minus-infinity", "minus infinity as a single", "unsupported", b"\xfa\xff\x80\x00\x00"),
        number("below-64-bits", "-2^63-1", "unsupported", b"\x3b\x80\x00\x00\x00\x00\x00\x00\x00"),
        number("far-below-64-bits", "-2^64", "unsupported", b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff"),
        number("bytes-in-value", "JSON has no byte strings", "value_kind", b"\x41\x00"),
        number("number-as-key", "keys of a value are texts", "value_kind", b"\xa1\x01\x02"),
    ]
}

fn nesting() -> Vec<Refused> {
    let nested = |depth: usize| (0..depth).fold(Item::uint(1), |inner, _| Item::Array(vec![inner]));
    let body = |value: Item| {
        Item::Array(vec![Item::Array(vec![Item::Array(vec![Item::uint(0), Item::Array(vec![]), value])])])
    };
    let statement = write(vec![put(&[], "1")]);
    let long = Item::Map(vec![(Item::text(&"k".repeat(limits::KEY_BYTES + 1)), Item::Null)]);
    let far = |head: u8| [vec![0xa1, 0x00], vec![head; 10_000], vec![0x00]].concat();
    vec![
        Refused {
            name: "value-depth-33",
            about: "deeper than a value may be",
            word: "too_deep",
            wire: with(&statement, WRITER, 9, body(nested(limits::VALUE_DEPTH + 1))),
        },
        Refused {
            name: "unknown-depth",
            about: "what is not known is bounded too",
            word: "too_deep",
            wire: with(&statement, WRITER, 11, nested(limits::CBOR_DEPTH + 1)),
        },
        bytes("depth-10000", "lists in lists", "too_deep", &far(0x81)),
        bytes("tags-10000", "tags on tags", "unsupported", &far(0xc1)),
        Refused {
            name: "key-1025",
            about: "a key longer than allowed",
            word: "long_key",
            wire: with(&statement, WRITER, 9, body(long)),
        },
    ]
}

fn missing() -> Vec<Refused> {
    const NAMES: [(&str, u64); 10] = [
        ("no-version", 0),
        ("no-mesh", 1),
        ("no-scope", 2),
        ("no-author", 3),
        ("no-grant", 4),
        ("no-prev", 5),
        ("no-touches", 6),
        ("no-hlc", 7),
        ("no-kind", 8),
        ("no-body", 9),
    ];
    let statement = write(vec![put(&[], "1")]);
    let missing = NAMES.map(|(name, field)| Refused {
        name,
        about: "a field of the envelope is missing",
        word: "bad_field",
        wire: without(&statement, WRITER, field),
    });
    let all: Fields = fields(&statement);
    let odd = |name, about, item: &Item| bytes(name, about, "bad_field", &codec::encode(item));
    let mut text_key = all.clone();
    text_key.push((Item::text("mesh"), Item::Null));
    missing
        .into_iter()
        .chain([
            odd("not-a-map", "a list of the fields", &Item::Array(all.into_iter().map(|(_, item)| item).collect())),
            odd("field-by-name", "fields have numbers, not names", &Item::Map(text_key)),
            odd("just-null", "no statement at all", &Item::Null),
            odd("empty-map", "no field at all", &Item::Map(vec![])),
        ])
        .collect()
}
