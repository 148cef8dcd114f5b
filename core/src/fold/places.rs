//! Places found by a key, built once and looked up often: a sorted list with an index of where each beginning begins. For keys
//! that are spread evenly, as hashes are, a look-up costs two misses of a core's cache, and nothing depends on the order in memory.

/// Which place, or places, each key has.
#[derive(Debug)]
pub(super) struct Places {
    /// Ascending by key.
    sorted: Vec<(u64, u32)>,
    /// Where in that list those begin whose keys begin with so many bits, about one for each.
    begins: Vec<usize>,
    shift: u32,
}

impl Places {
    pub fn of(mut sorted: Vec<(u64, u32)>) -> Self {
        sorted.sort_unstable();
        // At least two, so that fewer than 64 bits are shifted out.
        let shift = 64 - sorted.len().next_power_of_two().max(2).trailing_zeros();
        let mut begins = Vec::new();
        for (at, (key, _)) in sorted.iter().enumerate() {
            while begins.len() as u64 <= key >> shift {
                begins.push(at);
            }
        }
        Self { sorted, begins, shift }
    }

    /// The places of a key, ascending.
    pub fn at(&self, key: u64) -> impl Iterator<Item = usize> {
        let beginning = usize::try_from(key >> self.shift).ok();
        let begin = beginning.and_then(|at| self.begins.get(at)).copied().unwrap_or(self.sorted.len());
        let here = self.sorted.get(begin..).unwrap_or_default().iter().take_while(move |(other, _)| *other <= key);
        here.filter(move |(other, _)| *other == key).map(|(_, place)| *place as usize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Places;

    proptest! {
        #[test]
        fn each_key_has_its_places(keys in prop::collection::vec(any::<u64>().prop_map(|key| key >> (key % 64)), 0..60)) {
            let places = Places::of(keys.iter().copied().zip(0..).collect());
            for wanted in keys.iter().copied().chain([0, 1, u64::MAX]) {
                let expected: Vec<usize> = (0..keys.len()).filter(|at| keys[*at] == wanted).collect();
                prop_assert_eq!(places.at(wanted).collect::<Vec<_>>(), expected);
            }
        }
    }
}
