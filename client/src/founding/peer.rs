//! The libp2p name of a key, as multiaddrs carry it. Written out here so that the command line needs no libp2p.

use driftless_statement::PublicKey;

/// Multihash "identity" of 36 bytes, then the protobuf `PublicKey { Type: Ed25519 (1), Data: 32 bytes }` (libp2p specs,
/// "Peer Ids and Keys").
const HEAD: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The peer id of a key in base58btc: `12D3KooW…`.
pub fn id(key: &PublicKey) -> String {
    let bytes: Vec<u8> = HEAD.iter().chain(key.as_bytes()).copied().collect();
    bs58::encode(bytes).into_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The Ed25519 vector of the libp2p specification ("Peer Ids and Keys", test vectors).
    #[test]
    fn names_the_key_of_the_specification() {
        let key = "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
        assert_eq!(id(&key.parse().unwrap()), "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq");
    }
}
