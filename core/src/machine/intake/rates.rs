//! Intake rates: how much of one author, and of one peer, is taken in how fast. Pure token buckets on the timer clock. They
//! say "later", and never decide what a statement is worth.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::PublicKey;

use crate::now::Now;

/// Authors, and peers, whose spending is remembered: 200 bytes each. A crowd of more keys washes out only those that
/// spent least lately, and each key of the crowd has a rate of its own anyway.
const KEYS: usize = 1_024;
/// What may be spent beyond a burst, in time at the full rate: bounds how long anybody waits who overspent.
const DEBT_MS: u64 = 1_000;

/// How much of one author and of one peer is taken in a second, and how much may be saved up. By default one author may take
/// about a third of a node's time (measured: it checks and folds about 3,000 statements a second), after sixty thousand at
/// once, so that only floods meet it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Statements of one author a second.
    pub author_statements: u64,
    /// Bytes of one author's statements a second.
    pub author_bytes: u64,
    /// Bytes of statements that one peer brings a second.
    pub peer_bytes: u64,
    /// Checks of signatures that one peer asks for unasked a second.
    pub peer_checks: u64,
    /// For how long each may go unused and be made up for later, milliseconds.
    pub burst_ms: u64,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            author_statements: 1_000,
            author_bytes: 4 << 20,
            peer_bytes: 16 << 20,
            peer_checks: 4_000,
            burst_ms: 60_000,
        }
    }
}

/// Who spends, and on what: `@mesh` has an allowance of its own, so that no flood elsewhere delays an act there.
pub(in crate::machine) type Spender = (PublicKey, bool);

/// What one spender spent of two things, in thousandths, less what time gave back.
#[derive(Debug, Clone, Copy)]
struct Meter {
    spent: [u64; 2],
    at_ms: u64,
    /// Since when it was never full again, Unix milliseconds.
    since_ms: u64,
}

/// Spending of two things against a rate each, by spender.
#[derive(Debug)]
pub(in crate::machine) struct Meters {
    rates: [u64; 2],
    burst_ms: u64,
    meters: BTreeMap<Spender, Meter>,
}

impl Meters {
    /// Nobody spent anything. Rates are a second.
    pub fn new(rates: [u64; 2], burst_ms: u64) -> Self {
        Self { rates: rates.map(|rate| rate.max(1)), burst_ms, meters: BTreeMap::new() }
    }

    /// What is left to be given back, now.
    fn spent(&self, meter: &Meter, mono_ms: u64) -> [u64; 2] {
        let past = mono_ms.saturating_sub(meter.at_ms);
        let [first, second] = meter.spent;
        let [a, b] = self.rates;
        // A unit a second is a thousandth a millisecond.
        [first.saturating_sub(a.saturating_mul(past)), second.saturating_sub(b.saturating_mul(past))]
    }

    /// Which of the two a spender has none left of.
    pub fn over(&self, spender: &Spender, mono_ms: u64) -> Option<usize> {
        let spent = self.spent(self.meters.get(spender)?, mono_ms);
        let over = |(spent, rate): (&u64, &u64)| *spent >= rate.saturating_mul(self.burst_ms);
        spent.iter().zip(&self.rates).position(over)
    }

    /// Whether anybody has none left of something.
    pub fn any_over(&self, mono_ms: u64) -> bool {
        self.meters.keys().any(|spender| self.over(spender, mono_ms).is_some())
    }

    /// Until a spender has something left of both, milliseconds; zero when it has.
    pub fn wait_ms(&self, spender: &Spender, mono_ms: u64) -> u64 {
        let Some(meter) = self.meters.get(spender) else { return 0 };
        let wait = |(spent, rate): (u64, &u64)| {
            let burst = rate.saturating_mul(self.burst_ms);
            if spent < burst { 0 } else { (spent - burst) / rate + 1 }
        };
        self.spent(meter, mono_ms).into_iter().zip(&self.rates).map(wait).max().unwrap_or(0)
    }

    /// Since when a spender has been spending, Unix milliseconds.
    pub fn since_ms(&self, spender: &Spender) -> Option<u64> {
        self.meters.get(spender).map(|meter| meter.since_ms)
    }

    /// A spender spends.
    pub fn spend(&mut self, spender: Spender, costs: [u64; 2], now: Now) {
        let known = self.meters.get(&spender).copied();
        if known.is_none() && self.meters.len() >= KEYS {
            self.make_room(now.mono_ms);
        }
        let before = known.map_or([0, 0], |meter| self.spent(&meter, now.mono_ms));
        let since_ms = known.filter(|_| before != [0, 0]).map_or(now.wall_ms, |meter| meter.since_ms);
        let mut spent = before;
        for ((spent, cost), rate) in spent.iter_mut().zip(costs).zip(self.rates) {
            let most = rate.saturating_mul(self.burst_ms.saturating_add(DEBT_MS));
            *spent = spent.saturating_add(cost.saturating_mul(1_000)).min(most);
        }
        self.meters.insert(spender, Meter { spent, at_ms: now.mono_ms, since_ms });
    }

    /// Forgets who has everything left, else the quarter that is nearest to that, so that a crowd pays for it once in many
    /// statements.
    fn make_room(&mut self, mono_ms: u64) {
        // In parts of a second's rate, so that both things weigh alike.
        let weight = |meter: &Meter| {
            let spent = self.spent(meter, mono_ms).into_iter().zip(&self.rates);
            spent.map(|(spent, rate)| spent.div_ceil(*rate)).max().unwrap_or(0)
        };
        let mut left: Vec<(u64, Spender)> = self
            .meters
            .iter()
            .map(|(spender, meter)| (weight(meter), *spender))
            .filter(|(weight, _)| *weight > 0)
            .collect();
        left.sort_unstable();
        let most = KEYS - KEYS / 4;
        let kept: BTreeSet<Spender> = left.into_iter().rev().take(most).map(|(_, spender)| spender).collect();
        self.meters.retain(|spender, _| kept.contains(spender));
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.meters.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use driftless_statement::SecretKey;
    use proptest::prelude::*;

    use super::*;

    fn spender(number: u16) -> Spender {
        let mut bytes = [7; 32];
        bytes.iter_mut().zip(number.to_be_bytes()).for_each(|(byte, part)| *byte = part);
        (SecretKey::from_bytes(bytes).public(), false)
    }

    fn at(mono_ms: u64) -> Now {
        Now { mono_ms, wall_ms: mono_ms + 1_000_000 }
    }

    #[test]
    fn a_burst_is_spent_and_comes_back_at_the_rate() {
        let (mut meters, one) = (Meters::new([10, 1_000_000], 1_000), spender(1));
        for _ in 0..10 {
            assert_eq!(meters.over(&one, 5), None);
            meters.spend(one, [1, 1], at(5));
        }
        assert_eq!((meters.over(&one, 5), meters.wait_ms(&one, 5)), (Some(0), 1));
        assert_eq!(meters.over(&one, 6), None);
        assert_eq!(meters.over(&(one.0, true), 5), None, "@mesh has its own allowance");
        assert_eq!(meters.over(&spender(2), 5), None);
        meters.spend(one, [1, 1], at(6));
        assert_eq!(meters.since_ms(&one), Some(1_000_005), "since it was full");
        meters.spend(one, [1, 1], at(9_000));
        assert_eq!(meters.since_ms(&one), Some(1_009_000));
    }

    #[test]
    fn who_overspends_waits_a_second_at_most() {
        let (mut meters, one) = (Meters::new([10, 10], 1_000), spender(1));
        meters.spend(one, [u64::MAX, 0], at(0));
        assert_eq!((meters.over(&one, 0), meters.wait_ms(&one, 0)), (Some(0), DEBT_MS + 1));
        assert_eq!(meters.over(&one, DEBT_MS + 1), None);
    }

    #[test]
    fn a_crowd_neither_grows_the_table_nor_frees_a_flooder() {
        let (mut meters, flooder) = (Meters::new([10, 10], 1_000), spender(0));
        meters.spend(flooder, [100, 0], at(0));
        for number in 1..=2_000 {
            meters.spend(spender(number), [1, 1], at(0));
        }
        assert!(meters.len() <= KEYS, "{}", meters.len());
        assert_eq!(meters.over(&flooder, 0), Some(0));
        (2_000..4_000).for_each(|number| meters.spend(spender(number), [1, 1], at(60_000 + u64::from(number))));
        assert_eq!(meters.over(&flooder, 64_000), None);
        assert!(meters.len() <= KEYS, "{}", meters.len());
    }

    proptest! {
        /// Whatever is asked for when: over any time, no more passes than a burst and what the rate gives.
        #[test]
        fn no_more_passes_than_burst_and_rate(pauses in prop::collection::vec(0u64..400, 1..300), rate in 1u64..50) {
            let (mut meters, one, mut now, mut passed) = (Meters::new([rate, 1 << 40], 2_000), spender(1), 0, 0);
            for pause in pauses {
                now += pause;
                if meters.over(&one, now).is_none() {
                    meters.spend(one, [1, 1], at(now));
                    passed += 1;
                }
                prop_assert!(passed * 1_000 <= rate * (2_000 + now) + 1_000, "{passed} in {now} ms at {rate}");
            }
            prop_assert!(meters.over(&one, now + meters.wait_ms(&one, now)).is_none());
        }
    }
}
