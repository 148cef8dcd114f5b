//! Where an entry of a snapshot lies, by path. It must not know order, prefixes or where changes come from.
//!
//! Need: a read by path is what services do most, and what it costs is the cache misses on its way. Idea: one flat hash
//! table, shared by all snapshots and never changed once it is, with the few later changes in a small one before it.
//! Mechanism: a change copies the small table; when that has grown to about the root of the flat one, both make a new flat
//! one. The whole is in parts by hash, so that making one anew is short work however many entries there are.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use driftless_statement::Path;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::api::Item;

/// Bits of a hash, from here on, that choose the part. The table takes the lowest and the highest.
const PART_SHIFT: u32 = 32;
/// Entries of a part on average before there are four times as many parts: making one anew takes a fraction of a millisecond.
const FULL: usize = 16 * 1024;

/// One entry. Its path is here too, so that path and item are fetched from memory at the same time.
#[derive(Debug, Clone)]
struct Slot {
    path: Path,
    item: Arc<Item>,
}

impl Slot {
    fn of(item: &Arc<Item>) -> Self {
        Self { path: item.path.clone(), item: item.clone() }
    }

    fn path(&self) -> &[u8] {
        self.path.as_str().as_bytes()
    }
}

/// What became of an entry since the flat table was made.
#[derive(Debug, Clone)]
struct News {
    path: Path,
    /// `None`: it is gone.
    item: Option<Arc<Item>>,
}

/// The entries of one share of all hashes.
#[derive(Debug, Clone, Default)]
struct Part {
    flat: Arc<HashTable<Slot>>,
    news: Option<Arc<HashTable<News>>>,
}

/// Hashes paths, keyed at random in each process, so that paths cannot be chosen beforehand to meet in one place. The hash is a
/// fast one and no defence against who can time the reads of this very process and may write paths in its mesh: such paths
/// make reads slow, and nothing else.
#[derive(Debug, Clone, Default)]
struct Hashing(RandomState);

impl Hashing {
    /// Of the bytes alone: a length or an end mixed in would be for keys of several parts.
    fn of(&self, path: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(path);
        hasher.finish()
    }
}

/// Puts what is new into a flat table.
fn settle(hashing: &Hashing, flat: &mut HashTable<Slot>, hash: u64, path: &str, item: Option<&Arc<Item>>) {
    let path = path.as_bytes();
    match (flat.find_entry(hash, |slot| slot.path() == path), item) {
        (Ok(mut found), Some(item)) => *found.get_mut() = Slot::of(item),
        (Ok(found), None) => drop(found.remove()),
        (Err(_), Some(item)) => {
            flat.insert_unique(hash, Slot::of(item), |slot| hashing.of(slot.path()));
        }
        (Err(_), None) => {}
    }
}

/// Gives back the room of what is gone, when that is most of it.
fn give_back(hashing: &Hashing, flat: &mut HashTable<Slot>) {
    if flat.capacity() > 64.max(flat.len() * 4) {
        flat.shrink_to_fit(|slot| hashing.of(slot.path()));
    }
}

impl Part {
    fn get(&self, hash: u64, path: &str) -> Option<&Arc<Item>> {
        if let Some(news) = self.news.as_ref().and_then(|news| news.find(hash, |new| new.path.as_str() == path)) {
            return news.item.as_ref();
        }
        self.flat.find(hash, |slot| slot.path() == path.as_bytes()).map(|slot| &slot.item)
    }

    /// Makes the entry at a path be this one, or none.
    fn set(&mut self, hashing: &Hashing, hash: u64, path: &Path, item: Option<&Arc<Item>>) {
        // A table that no other snapshot shares, as while a whole state is taken in, needs nothing before it.
        if let (None, Some(flat)) = (&self.news, Arc::get_mut(&mut self.flat)) {
            settle(hashing, flat, hash, path.as_str(), item);
            if item.is_none() {
                give_back(hashing, flat);
            }
            return;
        }
        let news = Arc::make_mut(self.news.get_or_insert_default());
        let new = News { path: path.clone(), item: item.cloned() };
        match news.find_entry(hash, |old| old.path == *path) {
            Ok(mut found) => *found.get_mut() = new,
            Err(_) => {
                news.insert_unique(hash, new, |new| hashing.of(new.path.as_str().as_bytes()));
            }
        }
        // Where copying the small table at each change and the flat one at so many costs the least.
        if news.len() > 16 + 2 * self.flat.len().isqrt() {
            self.merge(hashing);
        }
    }

    /// Makes a flat table of both.
    fn merge(&mut self, hashing: &Hashing) {
        let Some(news) = self.news.take() else { return };
        let mut flat = HashTable::clone(&self.flat);
        for new in news.iter() {
            let hash = hashing.of(new.path.as_str().as_bytes());
            settle(hashing, &mut flat, hash, new.path.as_str(), new.item.as_ref());
        }
        give_back(hashing, &mut flat);
        self.flat = Arc::new(flat);
    }
}

/// A table of entries. Cloning shares everything.
#[derive(Debug, Clone)]
pub(super) struct Index {
    hashing: Hashing,
    parts: Arc<[Part]>,
    /// How many parts there are, less one.
    mask: u64,
    count: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self { hashing: Hashing::default(), parts: Arc::new([Part::default()]), mask: 0, count: 0 }
    }
}

impl Index {
    fn place(&self, hash: u64) -> usize {
        usize::try_from(hash >> PART_SHIFT & self.mask).unwrap_or(0)
    }

    /// The entry at a path.
    pub fn get(&self, path: &str) -> Option<&Arc<Item>> {
        let hash = self.hashing.of(path.as_bytes());
        self.parts.get(self.place(hash))?.get(hash, path)
    }

    fn set(&mut self, path: &Path, item: Option<&Arc<Item>>) {
        let hash = self.hashing.of(path.as_str().as_bytes());
        let place = self.place(hash);
        if let Some(part) = Arc::make_mut(&mut self.parts).get_mut(place) {
            part.set(&self.hashing, hash, path, item);
        }
    }

    /// Puts an entry, in place of the one at its path.
    pub fn insert(&mut self, item: &Arc<Item>) {
        let fresh = self.get(item.path.as_str()).is_none();
        self.set(&item.path, Some(item));
        self.count += usize::from(fresh);
        if self.count > FULL.saturating_mul(self.parts.len()) {
            self.spread();
        }
    }

    /// Takes an entry out.
    pub fn remove(&mut self, path: &str) {
        if let Some(path) = self.get(path).map(|item| item.path.clone()) {
            self.set(&path, None);
            self.count -= 1;
        }
    }

    /// Makes four times as many parts.
    fn spread(&mut self) {
        self.mask = self.mask << 2 | 3;
        let room = self.count / (self.parts.len() * 4);
        let mut flats: Vec<_> = (0..=self.mask).map(|_| HashTable::with_capacity(room)).collect();
        let hashing = &self.hashing.clone();
        let mut parts = self.parts.to_vec();
        for part in &mut parts {
            part.merge(hashing);
            for slot in part.flat.iter() {
                let hash = hashing.of(slot.path());
                if let Some(flat) = flats.get_mut(self.place(hash)) {
                    flat.insert_unique(hash, slot.clone(), |slot| hashing.of(slot.path()));
                }
            }
        }
        self.parts = flats.into_iter().map(|flat| Part { flat: Arc::new(flat), news: None }).collect();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use driftless_statement::Value;
    use proptest::prelude::*;

    use super::*;

    fn item(number: u32, value: i128) -> Arc<Item> {
        Arc::new(Item {
            path: Path::parse(&format!("shop/{number}")).unwrap(),
            value: Value::Int(value),
            etag: String::new(),
            revision: String::new(),
            differs: false,
            conflicts: 0,
        })
    }

    /// Steps on an index and on a map beside it, with a copy of both kept now and then.
    struct Walk {
        index: Index,
        model: BTreeMap<String, i128>,
        kept: Vec<(Index, BTreeMap<String, i128>)>,
    }

    impl Walk {
        fn put(&mut self, number: u32, value: i128) {
            self.index.insert(&item(number, value));
            self.model.insert(format!("shop/{number}"), value);
        }

        fn remove(&mut self, number: u32) {
            self.index.remove(&format!("shop/{number}"));
            self.model.remove(&format!("shop/{number}"));
        }

        fn keep(&mut self) {
            self.kept.push((self.index.clone(), self.model.clone()));
        }

        fn judge(mut self, all: u32) -> Result<(), TestCaseError> {
            self.keep();
            for (index, model) in self.kept {
                prop_assert_eq!(index.count, model.len());
                for number in 0..all {
                    let path = format!("shop/{number}");
                    let found = index.get(&path).map(|item| item.value.clone());
                    prop_assert_eq!(found, model.get(&path).map(|value| Value::Int(*value)));
                }
            }
            Ok(())
        }
    }

    fn walk() -> Walk {
        Walk { index: Index::default(), model: BTreeMap::new(), kept: Vec::new() }
    }

    proptest! {
        #[test]
        fn it_says_what_an_ordered_map_says_and_clones_stand_still(
            shared in 1usize..200,
            steps in prop::collection::vec((0u32..300, any::<bool>()), 0..900)
        ) {
            let mut walk = walk();
            for (step, (number, put)) in steps.into_iter().enumerate() {
                match put {
                    true => walk.put(number, step as i128),
                    false => walk.remove(number),
                }
                if step % shared == 0 {
                    walk.keep();
                }
            }
            walk.judge(300)?;
        }

        #[test]
        fn a_part_made_anew_loses_nothing(
            first in 0u32..2_000,
            steps in prop::collection::vec((0u32..2_100, 0u8..4), 0..1_500)
        ) {
            let mut walk = walk();
            (0..first).for_each(|number| walk.put(number, -1));
            for (step, (number, what)) in steps.into_iter().enumerate() {
                // Each snapshot is shown, so none of its tables may change under it.
                let _shown = walk.index.clone();
                match what {
                    0 => walk.remove(number),
                    _ => walk.put(number, step as i128),
                }
                if step % 700 == 0 {
                    walk.keep();
                }
            }
            walk.judge(2_100)?;
        }
    }

    #[test]
    fn it_grows_to_many_parts_and_gives_their_room_back() {
        let many = FULL as u32 * 4 + 10;
        let mut walk = walk();
        (0..many).for_each(|number| walk.put(number, 1));
        assert_eq!(walk.index.parts.len(), 16);
        walk.keep();
        for number in 100..many {
            walk.remove(number);
            if number % 8 == 0 {
                let _shown = walk.index.clone();
                walk.put(number % 50, i128::from(number));
            }
        }
        let room: usize = walk.index.parts.iter().map(|part| part.flat.capacity()).sum();
        assert!(room < many as usize / 4, "{room}");
        walk.judge(many).unwrap();
    }
}
