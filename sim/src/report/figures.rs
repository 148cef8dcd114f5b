//! The figures of a run, each with its unit and with which way is better: what the summary lists and what two runs are
//! compared by. It must not know how they are shown.

use super::words::Unit;
use crate::record::{Bytes, Record, Sample};

/// Which way a figure should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Good {
    /// Less is better.
    Less,
    /// More is better.
    More,
    /// It says what the run was, not how well it went.
    Neither,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What it is.
    pub name: &'static str,
    /// In what it is counted.
    pub unit: Unit,
    /// `None`: the run had nothing to measure it by.
    pub value: Option<f64>,
    /// Which way is better.
    pub good: Good,
}

/// Names of the queues, in the order of [`Sample::queues`].
pub const QUEUES: [&str; 5] = ["room", "disk", "line", "submissions", "requests"];

/// Kinds of bytes, in the order of [`kinds`].
pub const KINDS: [&str; 4] = ["gossip", "exchange", "beacons", "control"];

/// Bytes by kind, in the order of [`KINDS`].
pub fn kinds(bytes: &Bytes) -> [u64; 4] {
    [bytes.gossip, bytes.exchange, bytes.beacons, bytes.control]
}

/// The value at a share of a sorted list, by nearest rank.
pub fn quantile(sorted: &[u64], thousandths: usize) -> Option<u64> {
    let rank = (sorted.len() * thousandths).div_ceil(1_000).max(1);
    sorted.get(rank - 1).copied()
}

/// How long the mesh took to be equal after each heal, sorted, milliseconds.
pub fn heal_times(record: &Record) -> Vec<u64> {
    let mut times: Vec<u64> = record.heals.iter().filter_map(|heal| heal.equal_after_ms).collect();
    times.sort_unstable();
    times
}

/// The longest that each queue was on any node.
pub fn longest_queues(record: &Record) -> [usize; 5] {
    let mut longest = [0; 5];
    for sample in &record.series {
        longest.iter_mut().zip(sample.queues).for_each(|(most, here)| *most = here.max(*most));
    }
    longest
}

/// Bytes that a node sent in a second, by kind, over the whole run.
pub fn rates(record: &Record) -> [Option<f64>; 4] {
    let over = record.totals.node_seconds;
    kinds(&record.totals.bytes).map(|bytes| (over > 0).then(|| bytes as f64 / over as f64))
}

/// Node-seconds simulated in a second on the clock of the machine that ran it.
pub fn speed(record: &Record) -> Option<f64> {
    let wall = record.totals.wall_ms;
    (wall > 0).then(|| record.totals.node_seconds as f64 * 1_000.0 / wall as f64)
}

/// States worth reaching that were reached, and all of them.
pub fn reached(record: &Record) -> (usize, usize) {
    (record.sometimes.values().filter(|times| **times > 0).count(), record.sometimes.len())
}

/// Open conflicts at the end: a record lists only so many of them, but samples count them all.
pub fn open_conflicts(record: &Record) -> u64 {
    record.series.last().map_or(0, |sample| sample.conflicts).max(record.conflicts.len() as u64)
}

/// The worst of a number over the run.
pub fn worst(record: &Record, of: fn(&Sample) -> u64) -> Option<f64> {
    record.series.iter().map(of).max().map(|most| most as f64)
}

/// All figures that two runs are compared by.
pub fn figures(record: &Record) -> Vec<Figure> {
    let figure = |name, unit, good, value| Figure { name, unit, value, good };
    let what = |name, value: u64| figure(name, Unit::Count, Good::Neither, Some(value as f64));
    let totals = &record.totals;
    // A share: runs that were asked for more do not do better by it.
    let acknowledged = (totals.writes > 0).then(|| totals.acknowledged as f64 * 1_000.0 / totals.writes as f64);
    let mut list = vec![
        what("nodes at the start", record.nodes as u64),
        what("simulated seconds", record.seconds),
        what("events", totals.events),
        what("faults", totals.faults.values().sum()),
        what("writes asked for", totals.writes),
        figure("writes acknowledged", Unit::Share, Good::More, acknowledged),
        what("writes refused", totals.refused.values().sum()),
    ];
    list.extend(spreading(record));
    list.extend(mending(record));
    let longest = longest_queues(record).into_iter().max().filter(|_| !record.series.is_empty());
    list.push(figure("longest queue", Unit::Count, Good::Less, longest.map(|most| most as f64)));
    list.push(figure("open conflicts at the end", Unit::Count, Good::Neither, Some(open_conflicts(record) as f64)));
    list.push(figure("rules broken", Unit::Count, Good::Less, Some(record.violations.len() as f64)));
    list.push(figure("node-seconds a second", Unit::Count, Good::More, speed(record).map(f64::round)));
    list
}

fn spreading(record: &Record) -> Vec<Figure> {
    let spread = &record.propagation;
    let measured = |value: u64| (spread.arrivals > 0).then_some(value as f64);
    let less = |name, unit, value| Figure { name, unit, value, good: Good::Less };
    let mut list = vec![
        less("propagation p50", Unit::Micros, measured(spread.p50_us)),
        less("propagation p90", Unit::Micros, measured(spread.p90_us)),
        less("propagation p99", Unit::Micros, measured(spread.p99_us)),
        less("propagation max", Unit::Micros, measured(spread.max_us)),
        less("copies a node", Unit::Thousandths, measured(spread.copies_thousandths)),
    ];
    const NAMES: [&str; 4] =
        ["bytes a node: gossip", "bytes a node: exchange", "bytes a node: beacons", "bytes a node: control"];
    list.extend(NAMES.into_iter().zip(rates(record)).map(|(name, rate)| less(name, Unit::Rate, rate)));
    list
}

fn mending(record: &Record) -> Vec<Figure> {
    let times = heal_times(record);
    let less = |name, unit, value| Figure { name, unit, value, good: Good::Less };
    let after = |thousandths| quantile(&times, thousandths).map(|ms| ms as f64);
    vec![
        less("equal after a heal p50", Unit::Millis, after(500)),
        less("equal after a heal p99", Unit::Millis, after(990)),
        less("equal after a heal max", Unit::Millis, after(1_000)),
        less("most missing at one node", Unit::Count, worst(record, |sample| sample.most_missing)),
        less("divergence max", Unit::Share, worst(record, |sample| sample.divergence_max)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn quantiles_are_values_of_the_list() {
        let list: Vec<u64> = (1..=200).collect();
        assert_eq!([500, 990, 1_000].map(|share| quantile(&list, share)), [Some(100), Some(198), Some(200)]);
        assert_eq!((quantile(&[7], 500), quantile(&[], 500)), (Some(7), None));
    }

    #[test]
    fn a_run_that_measured_nothing_claims_nothing() {
        let empty = figures(&Record::default());
        assert!(empty.iter().all(|figure| figure.value.is_none_or(|value| value == 0.0)), "{empty:?}");
        let unmeasured = empty.iter().filter(|figure| figure.value.is_none()).count();
        assert!(unmeasured >= 14, "{unmeasured}");
    }

    #[test]
    fn figures_are_those_of_the_record() {
        let list = figures(&fixture::record());
        let value = |name: &str| list.iter().find(|figure| figure.name == name).and_then(|figure| figure.value);
        assert_eq!(value("propagation p99"), Some(412_000.0));
        assert_eq!(value("equal after a heal max"), Some(7_400.0));
        assert_eq!(value("bytes a node: gossip"), Some(800.0));
        assert_eq!(value("node-seconds a second"), Some(40_000.0));
        assert_eq!(value("open conflicts at the end"), Some(4.0));
    }
}
