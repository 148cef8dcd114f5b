//! Where an entry of a snapshot lies, by path. It must not know order, prefixes or where changes come from.
//!
//! Need: a read by path is what services do most, and an ordered tree costs it several cache misses a level. Idea: a hash
//! table that snapshots share. Mechanism: the slots of about four entries make a leaf, about as many leaves as there are
//! blocks make a block; a change copies one leaf, the pointers of its block and those to the blocks.

use std::sync::Arc;

use ahash::RandomState;
use driftless_statement::Path;

use crate::api::Item;

/// Entries a leaf holds on average when the table is made, and at most before it is made anew with more leaves. Measured:
/// from two to four the read of 100,000 entries costs the same, and four take a quarter of the pointers.
const FULL: usize = 4;

/// One entry. Its path is here too, so that path and item are fetched from memory at the same time.
#[derive(Debug, Clone)]
struct Slot {
    hash: u64,
    path: Path,
    item: Arc<Item>,
}

type Leaf = Arc<[Slot]>;
type Block = Arc<[Leaf]>;

/// A table of entries. Cloning shares everything.
#[derive(Debug, Clone)]
pub(super) struct Index {
    /// Keyed at random in each process: nobody can choose paths that meet in one leaf.
    hasher: RandomState,
    blocks: Arc<[Block]>,
    /// How many bits of a hash choose the leaf in its block, and how many more the block.
    bits: (u32, u32),
    count: usize,
}

impl Default for Index {
    fn default() -> Self {
        let leaf: Leaf = Arc::new([]);
        Self { hasher: RandomState::new(), blocks: Arc::new([Arc::new([leaf])]), bits: (0, 0), count: 0 }
    }
}

impl Index {
    /// The block and the leaf in it that a hash belongs to.
    fn place(&self, hash: u64) -> (usize, usize) {
        let low = |hash: u64, bits: u32| usize::try_from(hash & ((1 << bits) - 1)).unwrap_or(0);
        (low(hash >> self.bits.0, self.bits.1), low(hash, self.bits.0))
    }

    /// The entry at a path.
    pub fn get(&self, path: &str) -> Option<&Arc<Item>> {
        let hash = self.hasher.hash_one(path);
        let (block, leaf) = self.place(hash);
        let leaf = self.blocks.get(block)?.get(leaf)?;
        leaf.iter().find(|slot| slot.hash == hash && slot.path.as_str() == path).map(|slot| &slot.item)
    }

    /// Changes the leaf of a hash, if `change` makes another of it.
    fn change(&mut self, hash: u64, change: impl FnOnce(&[Slot]) -> Option<Leaf>) {
        let (block, leaf) = self.place(hash);
        let Some(fresh) = self.blocks.get(block).and_then(|block| change(block.get(leaf)?)) else { return };
        let Some(block) = Arc::make_mut(&mut self.blocks).get_mut(block) else { return };
        if let Some(slot) = Arc::make_mut(block).get_mut(leaf) {
            self.count = self.count + fresh.len() - slot.len();
            *slot = fresh;
        }
    }

    /// Puts an entry, in place of the one at its path.
    pub fn insert(&mut self, item: &Arc<Item>) {
        let path = &item.path;
        let hash = self.hasher.hash_one(path.as_str());
        let slot = Slot { hash, path: path.clone(), item: item.clone() };
        self.change(hash, |leaf| Some(leaf.iter().filter(|old| old.path != *path).cloned().chain([slot]).collect()));
        if self.count > FULL << (self.bits.0 + self.bits.1) {
            self.spread();
        }
    }

    /// Takes an entry out.
    pub fn remove(&mut self, path: &str) {
        self.change(self.hasher.hash_one(path), |leaf| {
            let there = leaf.iter().any(|slot| slot.path.as_str() == path);
            there.then(|| leaf.iter().filter(|slot| slot.path.as_str() != path).cloned().collect())
        });
    }

    /// Makes the table anew with four times as many leaves.
    fn spread(&mut self) {
        let bits = self.bits.0 + self.bits.1 + 2;
        let old = std::mem::replace(&mut self.blocks, Arc::new([]));
        self.bits = (bits.div_ceil(2), bits / 2);
        let mut blocks: Vec<Vec<Vec<Slot>>> = vec![vec![Vec::new(); 1 << self.bits.0]; 1 << self.bits.1];
        for slot in old.iter().flat_map(|block| block.iter()).flat_map(|leaf| leaf.iter()) {
            let (block, leaf) = self.place(slot.hash);
            blocks
                .get_mut(block)
                .and_then(|block| block.get_mut(leaf))
                .into_iter()
                .for_each(|leaf| leaf.push(slot.clone()));
        }
        let block = |leaves: Vec<Vec<Slot>>| leaves.into_iter().map(Leaf::from).collect::<Block>();
        self.blocks = blocks.into_iter().map(block).collect();
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

    proptest! {
        #[test]
        fn it_says_what_an_ordered_map_says_and_clones_stand_still(
            steps in prop::collection::vec((0u32..300, any::<bool>()), 0..900)
        ) {
            let (mut index, mut model) = (Index::default(), BTreeMap::new());
            let mut kept = Vec::new();
            for (step, (number, put)) in steps.into_iter().enumerate() {
                let path = format!("shop/{number}");
                if put {
                    index.insert(&item(number, step as i128));
                    model.insert(path, step as i128);
                } else {
                    index.remove(&path);
                    model.remove(&path);
                }
                if step % 200 == 0 {
                    kept.push((index.clone(), model.clone()));
                }
            }
            kept.push((index, model));
            for (index, model) in kept {
                prop_assert_eq!(index.count, model.len());
                for number in 0..300 {
                    let path = format!("shop/{number}");
                    let found = index.get(&path).map(|item| item.value.clone());
                    prop_assert_eq!(found, model.get(&path).map(|value| Value::Int(*value)));
                }
            }
        }
    }
}
