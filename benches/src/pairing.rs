//! Pairing: one thing and its yardstick, run in turn as A B B A, so that what slows the machine slows both. Only ratios
//! leave this file. It knows closures and numbers, nothing of what is measured.

use std::time::{Duration, Instant};

/// How thorough a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Rounds of A B B A; at least seven, so that one bad round does not make the median.
    pub rounds: usize,
    /// Whether sizes are cut down, to see that everything runs.
    pub quick: bool,
}

impl Effort {
    /// What the table is made with.
    pub const FULL: Self = Self { rounds: 7, quick: false };
    /// What a change is tried with.
    pub const QUICK: Self = Self { rounds: 3, quick: true };

    /// A size, or a smaller one for a quick run.
    pub fn size(self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

/// Numbers that should all be the same and never are.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    sorted: Vec<f64>,
}

impl Spread {
    /// Of these numbers.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    /// The same seen from the other side: rates for times.
    pub fn inverse(&self) -> Self {
        Self::of(self.sorted.iter().map(|number| 1.0 / number))
    }

    /// The same in another unit.
    pub fn times(&self, factor: f64) -> Self {
        Self::of(self.sorted.iter().map(|number| number * factor))
    }

    /// The number below which this share of them lies.
    pub fn quantile(&self, share: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// The one in the middle.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The least and the greatest.
    pub fn ends(&self) -> (f64, f64) {
        (self.quantile(0.0), self.quantile(1.0))
    }
}

/// What A B B A gave.
#[derive(Debug, Clone)]
pub struct Paired {
    /// A's number over B's, one for each round.
    pub ratio: Spread,
    /// A's own numbers: orders of magnitude, never to be compared between runs.
    pub ours: Spread,
    /// B's own numbers.
    pub theirs: Spread,
}

/// Runs two sides in turn. Each gives one number: seconds, or a rate, whichever, as long as both give the same.
pub fn pair(effort: Effort, mut ours: impl FnMut() -> f64, mut theirs: impl FnMut() -> f64) -> Paired {
    // Neither side is the first to touch cold caches and cold clocks.
    ours();
    theirs();
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        let first = ours();
        let (second, third) = (theirs(), theirs());
        rounds.push(((first + ours()) / 2.0, (second + third) / 2.0));
    }
    Paired {
        ratio: Spread::of(rounds.iter().map(|(ours, theirs)| ours / theirs)),
        ours: Spread::of(rounds.iter().map(|(ours, _)| *ours)),
        theirs: Spread::of(rounds.iter().map(|(_, theirs)| *theirs)),
    }
}

/// Seconds that a piece of work takes.
pub fn seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let begin = Instant::now();
    let made = work();
    (begin.elapsed().as_secs_f64(), made)
}

/// Seconds that this thread worked since some moment: what others on the machine do meanwhile does not count, so this is
/// what compares work that never waits.
pub fn worked() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Seconds of this thread's work that a piece of work takes.
pub fn work_seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let begin = worked();
    let made = work();
    (worked() - begin, made)
}

/// A time as people read it.
pub fn span(seconds: f64) -> String {
    let nanos = seconds * 1e9;
    match Duration::from_secs_f64(seconds.max(0.0)) {
        _ if nanos < 1_000.0 => format!("{nanos:.0} ns"),
        _ if nanos < 1e6 => format!("{:.1} µs", nanos / 1e3),
        _ if nanos < 1e9 => format!("{:.1} ms", nanos / 1e6),
        whole => format!("{:.2} s", whole.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Effort, Spread, pair};

    #[test]
    fn sides_take_turns_and_drift_cancels_out() {
        let order = std::cell::RefCell::new(String::new());
        let clock = std::cell::Cell::new(0.0);
        let tick = |name: char| {
            order.borrow_mut().push(name);
            clock.set(clock.get() + 1.0);
            clock.get()
        };
        let paired = pair(Effort { rounds: 2, quick: true }, || tick('a'), || tick('b'));
        assert_eq!(*order.borrow(), "ababbaabba");
        assert_eq!(paired.ratio.ends(), (1.0, 1.0));
    }

    #[test]
    fn the_median_ignores_one_bad_round() {
        let spread = Spread::of([1.0, 1.1, 90.0, 0.9, 1.0]);
        assert!((spread.median() - 1.0).abs() < 1e-9);
        assert_eq!(spread.ends(), (0.9, 90.0));
    }
}
