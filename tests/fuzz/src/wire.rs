//! Messages between peers: requests, responses, gossip.

use driftless_core::wire::{BadMessage, Gossip, Request, Response};
use driftless_statement::{Signed, codec};

use crate::reference;

/// Law: decoding is the exact inverse of encoding, and what a response weighs for the bounds of a session is not much less
/// than its bytes. The first byte tells the kind of message.
pub fn wire(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    check(*kind, bytes);
    if let Some(item) = reference::sloppy(bytes) {
        check(*kind, &codec::encode(&item));
    }
}

fn check(kind: u8, bytes: &[u8]) {
    match kind % 3 {
        0 => inverse(bytes, Request::decode, Request::encode, |request| assert!(!request.word().is_empty())),
        1 => inverse(bytes, Response::decode, Response::encode, |response| {
            assert!(bytes.len() <= 2 * response.weight() + 1024, "{} weighs {}", bytes.len(), response.weight());
        }),
        _ => inverse(bytes, Gossip::decode, Gossip::encode, |gossip| match gossip {
            Gossip::Statement { wire } => drop(Signed::decode(wire)),
            Gossip::Announce { ids, .. } => assert!(ids.is_sorted_by(|a, b| a < b) && !ids.is_empty()),
            Gossip::Beacon { .. } => {}
        }),
    }
}

fn inverse<T>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, BadMessage>,
    encode: impl Fn(&T) -> Vec<u8>,
    also: impl Fn(&T),
) {
    match decode(bytes) {
        Ok(message) => {
            assert_eq!(encode(&message), bytes);
            also(&message);
        }
        Err(bad) => assert!(bad.to_string().len() < 4096),
    }
}
