//! A campaign: many seeds of one scenario, on all cores, with everything that they met added up. A state worth reaching
//! that no seed reached fails it, as does a seed that runs differently the second time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::minimise::minimise;
use crate::plan::{CLASSES, draw};
use crate::quantiles::Quantiles;
use crate::record::{Failure, HostileTold, Record};
use crate::scenario::Scenario;
use crate::world::{Options, World};

/// What to run.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The scenario.
    pub scenario: Scenario,
    /// The first seed.
    pub first: u64,
    /// How many seeds.
    pub seeds: u64,
    /// How many of them are run twice.
    pub twice: u64,
    /// Threads.
    pub jobs: usize,
    /// Runs that making one failure smaller may take.
    pub shrink: usize,
    /// After this long no further seed begins.
    pub at_most: Option<Duration>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Tally {
    /// Seeds that were run.
    pub seeds: u64,
    /// Seeds in which a fault happened.
    pub disturbed: u64,
    /// Seeds that were run twice, with the same trace.
    pub twice: u64,
    /// Seeds whose second run had another trace.
    pub unequal: Vec<u64>,
    /// Seconds that nodes ran, over all.
    pub node_seconds: u64,
    /// Writes asked for.
    pub writes: u64,
    /// Writes acknowledged.
    pub acknowledged: u64,
    /// Events that machines handled.
    pub events: u64,
    /// Processes that died.
    pub crashes: u64,
    /// Reads by services.
    pub reads: u64,
    /// Faults, by class.
    pub faults: BTreeMap<String, u64>,
    /// States worth reaching, with how often.
    pub sometimes: BTreeMap<String, u64>,
    /// Milliseconds from a heal to equal sets.
    pub equal_after: Quantiles,
    /// Microseconds from an acknowledgement to the effect on another node.
    pub propagation: Quantiles,
    /// Hostile authors and peers, by strategy: in how many seeds each was there.
    pub strategies: BTreeMap<String, u64>,
    /// What hostility came to, added up.
    pub hostile: HostileTold,
    /// Failures, each as small as it could be made.
    pub failures: Vec<(u64, Failure)>,
    /// How long it took.
    pub took: Duration,
}

/// Failures that are made smaller and kept; more say little.
const FAILURES: usize = 3;
/// Seeds from which on every strategy must have reached its target: each is in about every third one.
const STRATEGIES: u64 = 40;

impl Campaign {
    /// Runs it. `tell` hears after each seed how many are done.
    pub fn run(&self, options: Options, tell: &(dyn Fn(u64) + Sync)) -> Tally {
        let begin = Instant::now();
        let (next, done, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        let tally = Mutex::new(Tally::default());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    loop {
                        let late = self.at_most.is_some_and(|limit| begin.elapsed() > limit);
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= self.seeds || late || stop.load(Ordering::Relaxed) {
                            break;
                        }
                        self.seed(number, options, &tally, &stop);
                        tell(done.fetch_add(1, Ordering::Relaxed) + 1);
                    }
                });
            }
        });
        let mut tally = tally.into_inner().unwrap_or_default();
        tally.failures.sort_by_key(|(seed, _)| *seed);
        tally.unequal.sort_unstable();
        tally.took = begin.elapsed();
        tally
    }

    fn seed(&self, number: u64, options: Options, tally: &Mutex<Tally>, stop: &AtomicBool) {
        let seed = self.first + number;
        let case = draw(&self.scenario, seed);
        let record = World::new(&case, options).run();
        let again = (number < self.twice).then(|| World::new(&case, options).run().trace == record.trace);
        let failure = record.violations.first().map(|violation| minimise(&case, violation, options, self.shrink));
        let Ok(mut tally) = tally.lock() else { return };
        tally.take(&record);
        match again {
            Some(true) => tally.twice += 1,
            Some(false) => tally.unequal.push(seed),
            None => {}
        }
        if let Some(failure) = failure {
            tally.failures.push((seed, failure));
            stop.store(tally.failures.len() >= FAILURES, Ordering::Relaxed);
        }
    }
}

impl Tally {
    fn take(&mut self, record: &Record) {
        self.seeds += 1;
        self.disturbed += u64::from(!record.faults.is_empty());
        self.node_seconds += record.totals.node_seconds;
        self.writes += record.totals.writes;
        self.acknowledged += record.totals.acknowledged;
        self.events += record.totals.events;
        self.crashes += record.totals.crashes;
        self.reads += record.totals.reads;
        add(&mut self.faults, &record.totals.faults);
        add(&mut self.sometimes, &record.sometimes);
        if let Some(told) = &record.hostile {
            let names: BTreeSet<&String> = told.authors.iter().chain(&told.peers).collect();
            names.into_iter().for_each(|name| *self.strategies.entry(name.clone()).or_default() += 1);
            let sum = &mut self.hostile;
            (sum.signed, sum.let_in) = (sum.signed + told.signed, sum.let_in + told.let_in);
            (sum.left, sum.strikes) = (sum.left + told.left, sum.strikes + told.strikes);
        }
        if let Some(after_ms) = record.heals.last().and_then(|heal| heal.equal_after_ms) {
            self.equal_after.note(after_ms);
        }
        self.propagation.note(record.propagation.p99_us);
    }

    /// Classes of faults that no seed met, of those that the scenario allows.
    pub fn classes_missed(&self, scenario: &Scenario) -> Vec<&'static str> {
        let allowed = |row: &&crate::plan::Trait| {
            let faults = &scenario.faults;
            faults.rate > 0.0
                && (faults.only.is_empty() || faults.only.contains(&row.class))
                && !faults.never.contains(&row.class)
        };
        CLASSES.iter().filter(allowed).map(|row| row.name).filter(|name| !self.faults.contains_key(*name)).collect()
    }

    /// Strategies that no seed saw reach its target, of those that the scenario allows; of so few seeds nothing is asked.
    pub fn strategies_missed(&self, scenario: &Scenario) -> Vec<&'static str> {
        let reached = |state: &&'static str| self.sometimes.get(*state).is_some_and(|times| *times > 0);
        let states = scenario.hostile.states().into_iter().filter(|state| !reached(state));
        states.filter(|_| self.seeds >= STRATEGIES).collect()
    }

    /// States worth reaching that no seed reached.
    pub fn never(&self) -> Vec<&str> {
        self.sometimes.iter().filter(|(_, times)| **times == 0).map(|(what, _)| what.as_str()).collect()
    }
}

fn add(sum: &mut BTreeMap<String, u64>, more: &BTreeMap<String, u64>) {
    for (what, times) in more {
        *sum.entry(what.clone()).or_default() += times;
    }
}
