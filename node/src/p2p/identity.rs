//! Public keys and peer ids: the same 32 bytes in two wrappings. Only Ed25519 keys that can verify strictly exist here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::thread::LocalKey;

use driftless_statement::{PublicKey, SecretKey, sign};
use libp2p::PeerId;
use libp2p::identity::{self, Keypair};

/// The code of the multihash that carries its content verbatim.
const IDENTITY_HASH: u64 = 0;

/// The node's key as libp2p wants it.
pub(super) fn keypair(key: &SecretKey) -> Option<Keypair> {
    let mut secret = *key.expose();
    // Wipes the copy that it is given.
    Keypair::ed25519_from_bytes(&mut secret).ok()
}

/// Answers that are remembered on a thread, in each direction: more than a node has connections. Strangers who bring more
/// only cost themselves the work again.
const MOST: usize = 1_024;

thread_local! {
    static PEERS: RefCell<BTreeMap<PublicKey, Option<PeerId>>> = const { RefCell::new(BTreeMap::new()) };
    static KEYS: RefCell<BTreeMap<PeerId, Option<PublicKey>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The answer of a pure function, remembered: each of those below finds points of the curve, which costs some microseconds,
/// and is asked with every message about the few peers that there are.
fn remembered<K: Ord + Copy, V: Copy>(
    memory: &'static LocalKey<RefCell<BTreeMap<K, V>>>,
    asked: &K,
    find: impl FnOnce(&K) -> V,
) -> V {
    if let Some(known) = memory.with_borrow(|known| known.get(asked).copied()) {
        return known;
    }
    let found = find(asked);
    memory.with_borrow_mut(|known| {
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(*asked, found);
    });
    found
}

/// The peer id of a key. None for bytes that are no point of the curve: such a peer cannot exist.
pub(super) fn peer_id(key: &PublicKey) -> Option<PeerId> {
    remembered(&PEERS, key, find_peer_id)
}

fn find_peer_id(key: &PublicKey) -> Option<PeerId> {
    let key = identity::ed25519::PublicKey::try_from_bytes(key.as_bytes()).ok()?;
    Some(PeerId::from_public_key(&key.into()))
}

/// The key inside a peer id. None for other key types, hashed ids, and keys of small order: libp2p's own check of
/// handshake signatures is not strict, and under such a key almost any signature passes.
pub(super) fn public_key(peer: &PeerId) -> Option<PublicKey> {
    remembered(&KEYS, peer, find_public_key)
}

fn find_public_key(peer: &PeerId) -> Option<PublicKey> {
    let hash = peer.as_ref();
    if hash.code() != IDENTITY_HASH {
        return None;
    }
    let key = identity::PublicKey::try_decode_protobuf(hash.digest()).ok()?.try_into_ed25519().ok()?;
    let key = PublicKey(key.to_bytes());
    sign::is_sound(&key).then_some(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_and_its_peer_id_name_each_other() {
        for seed in 0..20 {
            let secret = SecretKey::from_bytes([seed; 32]);
            let peer = keypair(&secret).unwrap().public().to_peer_id();
            assert_eq!(peer_id(&secret.public()), Some(peer));
            assert_eq!(public_key(&peer), Some(secret.public()));
        }
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_same() {
        let peers: Vec<PeerId> = (0..MOST + 10).map(|_| PeerId::random()).collect();
        let good = keypair(&SecretKey::from_bytes([1; 32])).unwrap().public().to_peer_id();
        for peer in &peers {
            assert_eq!((public_key(peer), public_key(&good)), (None, find_public_key(&good)));
            assert!(KEYS.with_borrow(BTreeMap::len) <= MOST);
        }
    }

    #[test]
    fn other_kinds_of_id_are_no_peers() {
        assert_eq!(public_key(&PeerId::random()), None, "random bytes instead of a key");
        // An RSA-style id: SHA-256 (code 0x12) of the key instead of the key.
        let hashed = PeerId::from_bytes(&[&[0x12, 32][..], &[7; 32]].concat()).unwrap();
        assert_eq!(public_key(&hashed), None);
    }

    #[test]
    fn keys_of_small_order_are_refused() {
        // The neutral element: y = 1. libp2p decodes it; strict verification never accepts it.
        let mut neutral = [0u8; 32];
        neutral[0] = 1;
        let peer = peer_id(&PublicKey(neutral)).unwrap();
        assert_eq!(public_key(&peer), None);
    }
}
