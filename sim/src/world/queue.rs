//! What is to happen, in the order of time; at one moment, in the order in which it was planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A queue of things to come, each at its time in microseconds. What is ordered is small, and the things themselves stay
/// where they were put: of the thousands under way each would be moved a dozen times.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Reverse<Place>>,
    next: u64,
    things: Vec<Option<T>>,
    free: Vec<usize>,
}

/// When something is to happen, the number it was planned as, and where it lies.
type Place = (u64, u64, usize);

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), next: 0, things: Vec::new(), free: Vec::new() }
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
        self.heap.push(Reverse((at_us, self.next, at)));
    }

    /// When the next thing is to happen.
    pub fn next_us(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at_us, _, _))| *at_us)
    }

    /// The next thing, with its time.
    pub fn pop(&mut self) -> Option<(u64, T)> {
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
}
