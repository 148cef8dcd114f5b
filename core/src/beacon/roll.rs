//! The members of a mesh, numbered in the order of their keys: what is kept of each stands at its number, in one row,
//! and whoever knows the same members shares the list. It must not know what is kept.

use std::collections::BTreeSet;

use driftless_statement::PublicKey;

/// The list.
#[derive(Debug, Default)]
pub struct Roll {
    /// Ascending.
    keys: Vec<PublicKey>,
    /// The number of the first key whose beginning is at least this, for each beginning of so many bits, and the end.
    /// About one key to each: it is found with one look, and when somebody chose keys with one beginning, with a few.
    starts: Vec<u32>,
    bits: u32,
}

fn beginning(key: &PublicKey, bits: u32) -> usize {
    let first = key.as_bytes().first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    first.checked_shr(32 - bits).and_then(|first| usize::try_from(first).ok()).unwrap_or(0)
}

impl Roll {
    /// Numbers keys.
    pub fn of(keys: &BTreeSet<PublicKey>) -> Self {
        let keys: Vec<PublicKey> = keys.iter().copied().collect();
        let bits = (usize::BITS - keys.len().leading_zeros()).min(16);
        let mut starts: Vec<u32> = Vec::with_capacity((1 << bits) + 1);
        for (number, key) in (0u32..).zip(&keys) {
            while starts.len() <= beginning(key, bits) {
                starts.push(number);
            }
        }
        let end = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        starts.resize((1 << bits) + 1, end);
        Self { keys, starts, bits }
    }

    /// The number of a key.
    pub fn number(&self, key: &PublicKey) -> Option<usize> {
        let at = beginning(key, self.bits);
        let (from, to) = (*self.starts.get(at)? as usize, *self.starts.get(at + 1)? as usize);
        self.keys.get(from..to)?.binary_search(key).ok().map(|found| from + found)
    }

    /// Whether a key is on it.
    pub fn has(&self, key: &PublicKey) -> bool {
        self.number(key).is_some()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter()
    }
}

impl FromIterator<PublicKey> for Roll {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self::of(&keys.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_place_in_the_order_and_others_have_none() {
        let mut rng = crate::rng::Rng::new(1);
        for count in [0, 1, 2, 3, 64, 1_000] {
            let key = |rng: &mut crate::rng::Rng| {
                let mut bytes = [7; 32];
                // Some begin alike.
                if rng.below(3) > 0 {
                    bytes[..8].copy_from_slice(&rng.next_u64().to_le_bytes());
                }
                bytes[24..].copy_from_slice(&rng.next_u64().to_le_bytes());
                PublicKey(bytes)
            };
            let keys: BTreeSet<PublicKey> = (0..count).map(|_| key(&mut rng)).collect();
            let roll = Roll::of(&keys);
            assert!(roll.keys().eq(keys.iter()) && roll.count() == count);
            assert!(keys.iter().enumerate().all(|(number, key)| roll.number(key) == Some(number)));
            assert!((0..100).all(|_| !roll.has(&key(&mut rng))));
        }
    }
}
