//! Laws of bytes: decoding is the exact inverse of encoding, and no byte string does anything but decode or be refused.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::cases;
use super::statements::{item, secret, statement};
use crate::codec;
use crate::sign::{Signed, Verified};
use crate::statement::{Invalid, Statement};

/// What a hostile hand does to bytes.
#[derive(Debug, Clone)]
enum Harm {
    Set(usize, u8),
    Flip(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    // Initial bytes of every major type, tags, simple values, indefinite lengths and floats.
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(vec![
            0x00, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x20, 0x38, 0x3b, 0x40, 0x5f, 0x60, 0x7f, 0x80, 0x9f, 0xa0, 0xbf,
            0xc0, 0xd8, 0xe0, 0xf4, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xff,
        ]),
    ];
    let at = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        (at.clone(), byte.clone()).prop_map(|(at, byte)| Harm::Set(at, byte)),
        (at.clone(), 0u8..8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        (at.clone(), vec(byte, 1..10)).prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        (at.clone(), 1usize..10).prop_map(|(at, len)| Harm::Remove(at, len)),
        (at, 1usize..40).prop_map(|(at, len)| Harm::Repeat(at, len)),
    ]
}

fn harmed(mut bytes: Vec<u8>, harms: Vec<Harm>) -> Vec<u8> {
    for harm in harms {
        let len = bytes.len().max(1);
        match harm {
            Harm::Set(at, byte) => bytes.iter_mut().skip(at % len).take(1).for_each(|slot| *slot = byte),
            Harm::Flip(at, bit) => bytes.iter_mut().skip(at % len).take(1).for_each(|slot| *slot ^= 1 << bit),
            Harm::Insert(at, new) => {
                drop(bytes.splice(at % len.min(bytes.len() + 1)..at % len.min(bytes.len() + 1), new))
            }
            Harm::Remove(at, count) => {
                drop(bytes.drain(at % len.min(bytes.len() + 1)..(at % len + count).min(bytes.len())))
            }
            Harm::Repeat(at, count) => {
                let from = (at % len).min(bytes.len());
                let copy = bytes[from..(from + count).min(bytes.len())].to_vec();
                bytes.splice(from..from, copy);
            }
        }
    }
    bytes
}

/// Whatever is accepted is exactly what it would be encoded as.
fn accepted_means_canonical(bytes: &[u8]) -> Result<bool, TestCaseError> {
    if let Ok(item) = codec::decode(bytes) {
        prop_assert_eq!(&codec::encode(&item), bytes);
    }
    match Statement::decode(bytes) {
        Ok(statement) => {
            prop_assert_eq!(&statement.encode(), bytes);
            Ok(true)
        }
        Err(_) => Ok(false),
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn decoding_a_statement_is_the_inverse_of_encoding((statement, _) in statement()) {
        let bytes = statement.encode();
        prop_assert_eq!(Statement::decode(&bytes), Ok(statement));
    }

    #[test]
    fn decoding_an_item_is_the_inverse_of_encoding(item in item()) {
        prop_assert_eq!(codec::decode(&codec::encode(&item)), Ok(item));
    }

    #[test]
    fn arbitrary_bytes_decode_or_are_refused(bytes in vec(any::<u8>(), 0..200)) {
        accepted_means_canonical(&bytes)?;
        let _ = Signed::decode(&bytes);
    }

    #[test]
    fn harmed_statements_decode_or_are_refused((statement, _) in statement(), harms in vec(harm(), 1..4)) {
        accepted_means_canonical(&harmed(statement.encode(), harms))?;
    }

    #[test]
    fn harmed_items_decode_or_are_refused(item in item(), harms in vec(harm(), 1..3)) {
        accepted_means_canonical(&harmed(codec::encode(&item), harms))?;
    }
}

#[test]
fn longer_forms_of_an_item_are_refused() {
    let forms: [&[u8]; 6] = [
        &[0x18, 0x01],
        &[0x38, 0x01],
        &[0x58, 0x01, 0x07],
        &[0x78, 0x01, 0x61],
        &[0x98, 0x01, 0xf6],
        &[0xfa, 0x3f, 0x80, 0x00, 0x00],
    ];
    for bytes in forms {
        assert_eq!(codec::decode(bytes), Err(codec::BadCbor::NotCanonical), "{bytes:x?}");
    }
}

/// Keys in longer forms may stand in order and their canonical forms not: such a nest once took twice the time for each
/// level, so that one small message would have stopped a node. Found by fuzzing.
#[test]
fn a_nest_of_maps_out_of_order_is_refused_at_once() {
    let nest = |levels: usize| {
        let mut bytes = vec![0xf6];
        for _ in 0..levels {
            // { 0x0002: null, 0x000001: … }: in order as it stands, and 1 comes before 2.
            bytes = [&[0xa2, 0x19, 0, 2, 0xf6, 0x1a, 0, 0, 0, 1][..], &bytes].concat();
        }
        bytes
    };
    for levels in [1, 8, crate::limits::CBOR_DEPTH] {
        assert_eq!(codec::decode(&nest(levels)), Err(codec::BadCbor::NotCanonical), "{levels} levels");
    }
}

/// Signatures cost more than bytes: an eighth of the cases.
fn fewer() -> ProptestConfig {
    super::one_in(8)
}

proptest! {
    #![proptest_config(fewer())]

    #[test]
    fn what_is_signed_verifies_and_what_is_harmed_does_not((statement, key) in statement(), harm in harm()) {
        let signed = Verified::sign(statement.clone(), &secret(key)).unwrap();
        let claim = Signed::decode(&signed.wire()).unwrap();
        prop_assert_eq!(claim.statement(), &statement);
        let (id, wire) = (signed.id(), signed.wire());
        let proven = claim.verify().unwrap();
        prop_assert_eq!((proven.id(), proven.wire_len(), proven.wire()), (id, wire.len(), wire));
        let bytes = harmed(signed.wire().to_vec(), vec![harm]);
        if bytes != signed.wire().to_vec() {
            prop_assert!(Signed::decode(&bytes).and_then(Signed::verify).is_err());
        }
    }

    #[test]
    fn what_is_signed_later_is_the_same((statement, key) in statement()) {
        let now = Verified::sign(statement.clone(), &secret(key)).unwrap();
        let later = Verified::sign_later(statement, &Arc::new(secret(key))).unwrap();
        prop_assert_eq!((later.id(), later.wire_len()), (now.id(), now.wire_len()));
        let before = later.clone();
        prop_assert_eq!(later.wire(), now.wire());
        prop_assert_eq!((before.wire(), later.clone().wire()), (now.wire(), now.wire()));
    }

    #[test]
    fn nobody_signs_for_another((statement, key) in statement()) {
        let author = statement.author;
        let later = Verified::sign_later(statement.clone(), &Arc::new(secret(key + 10)));
        prop_assert_eq!(later.map(|signed| signed.id()), Err(Invalid::Signature(author)));
        let other = Verified::sign(statement, &secret(key + 10));
        prop_assert_eq!(other.map(|signed| signed.id()), Err(Invalid::Signature(author)));
    }
}
