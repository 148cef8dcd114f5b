//! What is to happen, in the order of time; at one moment, in the order in which it was planned.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A queue of things to come, each at its time in microseconds. What is ordered is small, and the things themselves stay
/// where they were put: of the thousands under way each would be moved a dozen times. Only what comes within the same
/// millisecond or so is kept in order; what comes later lies unsorted in its slot of time, or the heap of a large mesh
/// would not fit a core's cache.
#[derive(Debug)]
pub struct Queue<T> {
    /// What comes in the present slot.
    heap: BinaryHeap<Reverse<Place>>,
    slot: u64,
    /// What comes in later slots.
    later: BTreeMap<u64, Vec<Reverse<Place>>>,
    next: u64,
    things: Vec<Option<T>>,
    free: Vec<usize>,
}

/// When something is to happen, the number it was planned as, and where it lies.
type Place = (u64, u64, usize);

/// The slot of a time: 1,024 microseconds.
fn slot_of(at_us: u64) -> u64 {
    at_us >> 10
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let (heap, later) = (BinaryHeap::new(), BTreeMap::new());
        Self { heap, slot: 0, later, next: 0, things: Vec::new(), free: Vec::new() }
    }
}

impl<T> Queue<T> {
    /// Plans something.
    pub fn push(&mut self, at_us: u64, what: T) {
        self.next += 1;
        let at = self.free.pop().unwrap_or_else(|| {
            self.things.push(None);
            self.things.len() - 1
        });
        self.things[at] = Some(what);
        let place = Reverse((at_us, self.next, at));
        if slot_of(at_us) <= self.slot {
            self.heap.push(place);
        } else {
            self.later.entry(slot_of(at_us)).or_default().push(place);
        }
    }

    /// When the next thing is to happen.
    pub fn next_us(&self) -> Option<u64> {
        // The greatest of what is reversed is the earliest.
        let next = self.heap.peek().or_else(|| self.later.first_key_value()?.1.iter().max());
        next.map(|Reverse((at_us, _, _))| *at_us)
    }

    /// The next thing, with its time.
    pub fn pop(&mut self) -> Option<(u64, T)> {
        if self.heap.is_empty() {
            let (slot, places) = self.later.pop_first()?;
            (self.slot, self.heap) = (slot, places.into());
        }
        let Reverse((at_us, _, at)) = self.heap.pop()?;
        self.free.push(at);
        Some((at_us, self.things[at].take()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_in_the_order_of_time_then_of_planning() {
        let mut queue = Queue::default();
        for (at, what) in [(5, 'a'), (3, 'b'), (5, 'c'), (3, 'd'), (1, 'e')] {
            queue.push(at, what);
        }
        let order: String = std::iter::from_fn(|| queue.pop()).map(|(_, what)| what).collect();
        assert_eq!(order, "ebdac");
    }

    #[test]
    fn slots_of_time_make_no_difference_to_the_order() {
        let mut queue = Queue::default();
        let mut rng = driftless_core::rng::Rng::new(7);
        let (mut now, mut last, mut popped) = (0, (0, 0), 0);
        for number in 1..=20_000u64 {
            // Some at once, some soon, some much later: also between those that lie there already.
            queue.push(now + [0, 900, 5_000, 3_000_000][rng.below(4) as usize] * rng.below(4) / 3, number);
            if number % 3 == 2 {
                let next = queue.next_us();
                let (at, what) = queue.pop().unwrap();
                assert_eq!(Some(at), next);
                assert!((at, what) > last, "{at} {what} after {last:?}");
                (now, last, popped) = (at, (at, what), popped + 1);
            }
        }
        while let Some((at, what)) = queue.pop() {
            assert!((at, what) > last, "{at} {what} after {last:?}");
            (last, popped) = ((at, what), popped + 1);
        }
        assert_eq!(popped, 20_000);
    }
}
