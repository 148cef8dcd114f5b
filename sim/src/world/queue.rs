//! What is to happen, in the order of time; at one moment, in the order in which it was planned.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A queue of things to come, each at its time in microseconds.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Item<T>>,
    next: u64,
}

#[derive(Debug)]
struct Item<T> {
    at_us: u64,
    number: u64,
    what: T,
}

impl<T> PartialEq for Item<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Item<T> {}

impl<T> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Item<T> {
    /// The heap gives its greatest first: that is the earliest here.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at_us, other.number).cmp(&(self.at_us, self.number))
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), next: 0 }
    }
}

impl<T> Queue<T> {
    /// Plans something.
    pub fn push(&mut self, at_us: u64, what: T) {
        self.next += 1;
        self.heap.push(Item { at_us, number: self.next, what });
    }

    /// When the next thing is to happen.
    pub fn next_us(&self) -> Option<u64> {
        self.heap.peek().map(|item| item.at_us)
    }

    /// The next thing, with its time.
    pub fn pop(&mut self) -> Option<(u64, T)> {
        self.heap.pop().map(|item| (item.at_us, item.what))
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
