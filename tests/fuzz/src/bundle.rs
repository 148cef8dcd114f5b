//! Bundles: files of statements that go from hand to hand.

use driftless_statement::bundle as bundles;

/// Law: decoding is the exact inverse of encoding, and two bundles behind each other are one.
pub fn bundle(data: &[u8]) {
    let Ok(wires) = bundles::decode(data) else { return };
    assert_eq!(bundles::encode(wires.iter().copied()), data);
    let twice = [data, data].concat();
    assert_eq!(bundles::decode(&twice).map(|all| all.len()), Ok(2 * wires.len()));
}
