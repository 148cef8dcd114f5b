//! Things found by their statement id: a hash table that nobody can read in the order of its hashes.

use core::fmt;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use hashbrown::HashTable;

use crate::id::StatementId;

/// What has a statement id that never changes.
pub trait Named {
    /// The id.
    fn named(&self) -> &StatementId;
}

impl Named for StatementId {
    fn named(&self) -> &StatementId {
        self
    }
}

impl<T: Named> Named for Arc<T> {
    fn named(&self) -> &StatementId {
        (**self).named()
    }
}

impl<V> Named for (StatementId, V) {
    fn named(&self) -> &StatementId {
        &self.0
    }
}

/// A set of things by their ids. A look-up costs one or two cache misses, where a tree of 100,000 costs four. It is walked through
/// in an order by [`IdTable::sorted`] alone, so nothing depends on how it lies in memory.
#[derive(Clone)]
pub struct IdTable<T>(HashTable<T>);

impl<T> Default for IdTable<T> {
    fn default() -> Self {
        Self(HashTable::new())
    }
}

/// Drawn once a process, and seen by nobody: it decides where things lie and nothing else. An id does not hang on the signature,
/// so without it an author could make ids for hours that meet in one place, sign only those, and have each look-up walk
/// past all of them.
static SECRET: LazyLock<[u64; 2]> = LazyLock::new(|| [0, 1].map(|half| RandomState::new().hash_one(half)));

/// Where a thing lies: sixteen bytes of its id, mixed with the secret by a multiplication of which both halves count.
fn place(id: &StatementId) -> u64 {
    let half = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |eight| u64::from_le_bytes(*eight));
    let [first, second] = *SECRET;
    let (one, other) = (half(id.0.first_chunk()) ^ first, half(id.0.last_chunk()) ^ second);
    let product = u128::from(one) * u128::from(other);
    (product >> 64) as u64 ^ product as u64
}

impl<T: Named> IdTable<T> {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many things are in it.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The thing of this id.
    pub fn get(&self, id: &StatementId) -> Option<&T> {
        self.0.find(place(id), |one| one.named() == id)
    }

    /// Whether there is a thing of this id.
    pub fn contains(&self, id: &StatementId) -> bool {
        self.get(id).is_some()
    }

    /// Takes a thing in, unless one of its id is there. Whether it did.
    pub fn insert(&mut self, one: T) -> bool {
        let (place_of, id) = (place(one.named()), one.named());
        if self.0.find(place_of, |other| other.named() == id).is_some() {
            return false;
        }
        self.0.insert_unique(place_of, one, |other| place(other.named()));
        true
    }

    /// Takes a thing in, in place of one of its id that is there.
    pub fn put(&mut self, one: T) {
        let id = one.named();
        match self.0.find_mut(place(id), |other| other.named() == id) {
            Some(there) => *there = one,
            None => drop(self.0.insert_unique(place(id), one, |other| place(other.named()))),
        }
    }

    /// Takes the thing of this id out.
    pub fn remove(&mut self, id: &StatementId) -> Option<T> {
        let found = self.0.find_entry(place(id), |one| one.named() == id).ok()?;
        Some(found.remove().0)
    }

    /// Keeps those of which this is true.
    pub fn retain(&mut self, stays: impl Fn(&T) -> bool) {
        self.0.retain(|one| stays(one));
    }

    /// Changes each of them, but not its id; what becomes of one must not depend on the others.
    pub fn each(&mut self, change: impl Fn(&mut T)) {
        self.0.iter_mut().for_each(change);
    }

    /// Whether this is true of one of them.
    pub fn any(&self, of: impl Fn(&T) -> bool) -> bool {
        self.0.iter().any(of)
    }

    /// All of them, ascending by id.
    pub fn sorted(&self) -> Vec<&T> {
        self.those(|_| true)
    }

    /// Those of which this is true, ascending by id.
    pub fn those(&self, of: impl Fn(&T) -> bool) -> Vec<&T> {
        let mut those: Vec<&T> = self.0.iter().filter(|one| of(one)).collect();
        those.sort_unstable_by(|one, other| one.named().cmp(other.named()));
        those
    }

    /// How many of them have each mark.
    pub fn tally<K: Ord>(&self, mark: impl Fn(&T) -> Option<K>) -> BTreeMap<K, u64> {
        let mut tally = BTreeMap::new();
        for mark in self.0.iter().filter_map(mark) {
            *tally.entry(mark).or_default() += 1;
        }
        tally
    }
}

impl<T: Named> Extend<T> for IdTable<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, new: I) {
        let new = new.into_iter();
        self.0.reserve(new.size_hint().0, |other| place(other.named()));
        new.for_each(|one| {
            self.insert(one);
        });
    }
}

impl<T: Named> FromIterator<T> for IdTable<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut table = Self::new();
        table.extend(all);
        table
    }
}

impl<T: Named> PartialEq for IdTable<T> {
    /// Whether both have the same ids.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.0.iter().all(|one| other.contains(one.named()))
    }
}

impl<T: Named> Eq for IdTable<T> {}

impl<T: Named> fmt::Debug for IdTable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.sorted().into_iter().map(T::named)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::IdTable;
    use crate::id::StatementId;

    /// Ids that are the same but for two bytes, as somebody could look for them, lie apart.
    #[test]
    fn ids_that_were_looked_for_lie_apart() {
        let id = |number: u16| {
            let mut id = [7; 32];
            id[8..10].copy_from_slice(&number.to_le_bytes());
            id[24..26].copy_from_slice(&number.to_le_bytes());
            StatementId(id)
        };
        let places: BTreeSet<u64> = (0..4_096).map(|number| super::place(&id(number)) % 4_096).collect();
        // Of 4,096 thrown at random into as many, about 2,589 are hit.
        assert!(places.len() > 2_000, "{} places", places.len());
    }

    proptest! {
        /// It holds what an ordered map holds, also of ids that meet in one place.
        #[test]
        fn it_holds_what_a_map_holds(steps in prop::collection::vec((0u8..3, 0u8..4, 0u8..40), 0..200)) {
            let (mut table, mut map) = (IdTable::default(), BTreeMap::new());
            for (step, meets, other) in steps {
                let mut id = [meets; 32];
                id[15] = other;
                let id = StatementId(id);
                match step {
                    0 => prop_assert_eq!(table.remove(&id).map(|(_, value)| value), map.remove(&id)),
                    1 => {
                        table.put((id, step));
                        map.insert(id, step);
                    }
                    _ if map.contains_key(&id) => prop_assert!(!table.insert((id, other))),
                    _ => prop_assert!(table.insert((id, other)) && map.insert(id, other).is_none()),
                }
                prop_assert_eq!(table.get(&id).map(|(_, value)| value), map.get(&id));
            }
            prop_assert_eq!(table.len(), map.len());
            let sorted: Vec<(StatementId, u8)> = table.sorted().into_iter().copied().collect();
            prop_assert_eq!(sorted, map.iter().map(|(id, value)| (*id, *value)).collect::<Vec<_>>());
            let mut odd = table.clone();
            odd.retain(|(_, value)| value % 2 == 1);
            prop_assert_eq!(odd == table, map.values().all(|value| value % 2 == 1));
            prop_assert_eq!(odd.sorted(), table.those(|(_, value)| value % 2 == 1));
            let tally = table.tally(|(_, value)| Some(value % 3).filter(|rest| *rest > 0));
            for (rest, count) in &tally {
                prop_assert_eq!(*count, map.values().filter(|value| *value % 3 == *rest).count() as u64);
            }
            prop_assert_eq!(tally.len(), (1..3).filter(|rest| map.values().any(|value| value % 3 == *rest)).count());
            prop_assert!(odd.sorted().iter().all(|(id, _)| table.contains(id)));
        }
    }
}
