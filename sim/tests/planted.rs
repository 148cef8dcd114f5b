//! Every check can fail: a bug is planted for each, and the right check must catch it within 200 seeds of its scenario,
//! while the same seeds without the bug are clean. `cargo test --release -p driftless-sim --features planted --test planted`
//! prints the table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use driftless_core::machine::Planted as InCore;
use driftless_sim::bugs::{Bug, Planted};
use driftless_sim::plan::AuthorKind;
use driftless_sim::scenario::ready;
use driftless_sim::{Options, checks, draw, run};

/// Seeds within which a bug must be caught.
const SEEDS: u64 = 200;

/// A bug, the check that must catch it, and where.
struct Row {
    bug: Planted,
    check: &'static str,
    scenario: &'static str,
    /// A check that may see the bug's effect earlier, and rightly: it does not look here.
    without: Option<&'static str>,
    /// The strategies of hostile authors; none: all.
    authors: &'static [AuthorKind],
}

const fn core(bug: InCore, check: &'static str, scenario: &'static str) -> Row {
    Row { bug: Planted::Core(bug), check, scenario, without: None, authors: &[] }
}

const fn shell(bug: Bug, check: &'static str, scenario: &'static str) -> Row {
    Row { bug: Planted::Shell(bug), check, scenario, without: None, authors: &[] }
}

static ROWS: [Row; 33] = [
    core(InCore::ChildFirst, "closed-storage", "storm"),
    core(InCore::PublishesAtOnce, "persist-before-publish", "storm"),
    core(InCore::TakenAtOnce, "persist-before-publish", "storm"),
    shell(Bug::StoredBeforeSync, "persist-before-publish", "storm"),
    core(InCore::ForgetsLine, "every-call-is-answered", "storm"),
    core(InCore::KeepsRequests, "bounded-queues", "storm"),
    core(InCore::FoldByArrival, "equal-sets-equal-states", "storm"),
    core(InCore::DueAtOnce, "bounded-future", "wild-clocks"),
    core(InCore::ForgetsFloor, "no-resurrection", "storm"),
    core(InCore::LosesAnEntry, "no-unexplained-change", "storm"),
    core(InCore::AnswersEarly, "read-your-writes", "storm"),
    shell(Bug::ViewLate, "read-your-writes", "storm"),
    shell(Bug::ViewOutOfOrder, "monotonic-reads", "storm"),
    shell(Bug::TwoViews, "snapshot-reads", "storm"),
    shell(Bug::WakeLost, "watchers-miss-nothing", "storm"),
    shell(Bug::RecoveryForgets, "acknowledged-writes-survive", "storm"),
    core(InCore::ComparesOnce, "convergence", "flapping-link"),
    shell(Bug::LinkUntold, "convergence", "storm"),
    core(InCore::AgreesAlways, "honest-staleness", "storm"),
    shell(Bug::StandingFrozen, "honest-staleness", "storm"),
    core(InCore::MarksAtOnce, "divergence-reads-zero", "three-regions"),
    core(InCore::StrikesSideways, "nobody-strikes-equals", "hostile"),
    core(InCore::StruckCounts, "struck-keys-change-nothing", "hostile"),
    core(InCore::OutsideCounts, "nothing-beyond-the-grant", "hostile"),
    core(InCore::EndedCounts, "ended-epochs-say-nothing", "hostile"),
    core(InCore::UnapprovedCounts, "nothing-counts-unapproved", "storm"),
    core(InCore::ExpiredCounts, "nothing-beyond-the-grant", "hostile"),
    // What a node has aside and should have taken back, it is handed again and again; and not only revokers put aside.
    Row {
        without: Some("no-ping-pong"),
        authors: &[AuthorKind::Sideways],
        ..core(InCore::NeverReturns, "roots-recover", "hostile")
    },
    core(InCore::ForgetsAll, "roots-recover", "hostile"),
    core(InCore::KeepsGone, "incremental-equals-batch", "hostile"),
    core(InCore::CountsIdentities, "an-eclipse-is-detected", "eclipse"),
    core(InCore::PushesAgain, "no-ping-pong", "three-regions"),
    shell(Bug::JoinerUnderfed, "late-joiner-computes-the-same", "hostile"),
];

/// How a row ended.
struct Caught {
    seeds: u64,
    check: String,
    what: String,
}

/// Runs seeds until one breaks a rule.
fn hunt(row: &Row) -> Option<Caught> {
    let mut scenario = ready(row.scenario)?;
    if !row.authors.is_empty() {
        scenario.hostile.author_strategies = row.authors.to_vec();
    }
    (0..SEEDS).find_map(|seed| {
        let options = Options { bug: Some(row.bug), without: row.without, ..Options::default() };
        let record = run(&draw(&scenario, seed), options);
        let first = record.violations.into_iter().next()?;
        Some(Caught { seeds: seed + 1, check: first.check, what: first.what })
    })
}

/// Hunts for all bugs, on all cores.
fn hunt_all() -> BTreeMap<usize, Option<Caught>> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((number, row)) = next_of(&next) {
                    let caught = hunt(row);
                    results.lock().unwrap().insert(number, caught);
                }
            });
        }
    });
    results.into_inner().unwrap()
}

fn next_of(next: &AtomicUsize) -> Option<(usize, &'static Row)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    ROWS.get(number).map(|row| (number, row))
}

#[test]
fn the_right_check_catches_every_planted_bug() {
    let mut wrong = Vec::new();
    let mut seeds: BTreeMap<&str, u64> = BTreeMap::new();
    println!("{:<34} {:<28} {:<12} {:>5}  what it said", "bug", "check", "scenario", "seeds");
    for (number, caught) in hunt_all() {
        let (row, bug) = (&ROWS[number], format!("{:?}", ROWS[number].bug));
        let Some(Caught { seeds: needed, check, what }) = caught else {
            println!("{bug:<34} {:<28} {:<12} {:>5}", row.check, row.scenario, "–");
            wrong.push(format!("{bug} was not caught within {SEEDS} seeds of {}", row.scenario));
            continue;
        };
        println!("{bug:<34} {check:<28} {:<12} {needed:>5}  {what}", row.scenario);
        if check != row.check {
            wrong.push(format!("{bug} was caught by {check}, not by {}", row.check));
        }
        let most = seeds.entry(row.scenario).or_default();
        *most = needed.max(*most);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (name, most) in seeds {
        let scenario = ready(name).unwrap();
        for seed in 0..most {
            let record = run(&draw(&scenario, seed), Options::default());
            assert_eq!(record.violations, [], "{name}, seed {seed}, without a bug");
        }
    }
}

#[test]
fn every_check_and_every_bug_has_a_row() {
    let checks: BTreeSet<&str> = checks::all().iter().map(|check| check.name()).collect();
    let caught: BTreeSet<&str> = ROWS.iter().map(|row| row.check).collect();
    assert_eq!(checks, caught);
    let bugs: BTreeSet<Planted> = ROWS.iter().map(|row| row.bug).collect();
    assert_eq!(bugs, Planted::all().collect());
    assert!(checks::all().iter().all(|check| !check.source().is_empty()));
}
