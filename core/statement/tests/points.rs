//! Remembering the points of keys changes no verdict: not for good signatures, not for bad ones, not for keys that are no
//! points, and not when more keys come than are remembered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use driftless_statement::{
    Body, Edit, Hlc, MeshId, Note, Op, Path, Points, SecretKey, Signed, Statement, StatementId, Touch, Value, Verified,
    Write,
};

fn key(number: u16) -> SecretKey {
    let mut bytes = [3; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_bytes(bytes)
}

fn signed(number: u16) -> Vec<u8> {
    let key = key(number);
    let path = Path::parse("shop/entry").unwrap();
    let statement = Statement {
        mesh: MeshId([7; 32]),
        scope: path.scope(),
        author: key.public(),
        grant: StatementId([8; 32]),
        prev: vec![],
        touches: vec![Touch { path, bases: vec![] }],
        hlc: Hlc::from_millis(1),
        body: Body::Write(Write { edits: vec![vec![Edit { at: vec![], op: Op::Put(Value::Int(number.into())) }]] }),
        note: Note::default(),
        unknown: vec![],
    };
    Verified::sign(statement, &key).unwrap().wire().to_vec()
}

/// The verdict with points remembered and without must be the same.
fn verdict(wire: &[u8], points: &mut Points) -> bool {
    let alone = Signed::decode(wire).unwrap().verify().map(|verified| verified.id());
    let remembered = Signed::decode(wire).unwrap().verify_with(points).map(|verified| verified.id());
    assert_eq!(alone, remembered);
    alone.is_ok()
}

#[test]
fn remembered_points_change_no_verdict() {
    let mut points = Points::default();
    for number in [1, 2, 1, 3, 2, 1] {
        let good = signed(number);
        assert!(verdict(&good, &mut points));
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 1;
        assert!(!verdict(&bad, &mut points));
        // Another author's signature under the same bytes.
        let mut foreign = good.clone();
        let end = foreign.len() - 64;
        let other = signed(number + 1);
        foreign[end..].copy_from_slice(&other[other.len() - 64..]);
        assert!(!verdict(&foreign, &mut points));
    }
}

#[test]
fn a_key_that_is_no_point_stays_none() {
    let mut points = Points::default();
    let good = signed(1);
    let author = key(1).public();
    let at = good.windows(32).position(|part| part == author.as_bytes()).unwrap();
    for weak in [[0; 32], [0xff; 32], [2; 32]] {
        let mut wire = good.clone();
        wire[at..at + 32].copy_from_slice(&weak);
        // Some are refused when they are decoded, the others when they are checked: twice, since the second time they are known.
        if Signed::decode(&wire).is_ok() {
            assert!(!verdict(&wire, &mut points));
            assert!(!verdict(&wire, &mut points));
        }
    }
}

#[test]
fn more_keys_than_are_remembered_are_no_trouble() {
    let mut points = Points::default();
    for number in 0..1_100 {
        assert!(verdict(&signed(number), &mut points), "{number}");
    }
    assert!(verdict(&signed(0), &mut points));
}
