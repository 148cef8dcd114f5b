//! Bundles: files of statements that go from hand to hand.

use driftless_statement::bundle::{self as bundles, BadBundle};

/// Statements that the node takes of one submission, here few, so that inputs get beyond.
const TAKEN: usize = 8;

/// Law: decoding is the exact inverse of encoding, and two bundles behind each other are one. What a node reads of a submission
/// (`POST /v1/statements`) is the same, or is too many; it never looks further than one beyond what it takes.
pub fn bundle(data: &[u8]) {
    let decoded = bundles::decode(data);
    match (bundles::decode_at_most(data, TAKEN), &decoded) {
        (Err(BadBundle::TooMany { max: TAKEN }), Ok(all)) => assert!(all.len() > TAKEN),
        (Err(BadBundle::TooMany { max: TAKEN }), Err(_)) => {}
        (taken, _) => assert_eq!(taken, decoded),
    }
    let Ok(wires) = decoded else { return };
    assert_eq!(bundles::encode(wires.iter().copied()), data);
    let twice = [data, data].concat();
    assert_eq!(bundles::decode(&twice).map(|all| all.len()), Ok(2 * wires.len()));
}
