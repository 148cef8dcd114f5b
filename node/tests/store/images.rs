//! Crash images: the real redb on a disk that records every write, sync and change of length; every sequence of up to
//! three operations of a store; every image that a power cut can leave, torn and reordered; and a second power cut while
//! the store recovers. What was acknowledged is there, the store opens, and an operation under way is whole or not at all.
//!
//! Read the figures: `cargo test -p driftless-node --test store images -- --nocapture | grep 'crash images'`.
//! A longer campaign: `DRIFTLESS_CRASH_ROUNDS=20` before it.
#![allow(clippy::print_stdout)]

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::disk::judge::{Judge, Plan, Tally};
use crate::disk::platter::Step;
use crate::disk::quiet::redb_panics_quietly;
use crate::disk::runs::{Op, Player, Run, Supply};
use crate::figures;

/// Fewer images than this, and the test has become too tame.
const IMAGES: usize = 50_000;

fn rounds() -> u64 {
    std::env::var("DRIFTLESS_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

/// Examines every sequence, on as many threads as there are cores.
fn campaign(sequences: &[Vec<Op>], plan: &Plan) -> Tally {
    let supply = Supply::new();
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut judge = Judge::default();
        while let Some(ops) = sequences.get(next.fetch_add(1, Ordering::Relaxed)) {
            let run = Player::new(&supply).play(ops);
            // What comes before the last operation is examined with the shorter sequence.
            let from = if ops.len() == 1 { 0 } else { run.done[ops.len()].begun };
            judge.examine(&run, plan, from, &format!("{ops:?}"));
        }
        judge.tally
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut total = Tally::default();
        workers.into_iter().for_each(|worker| total.add(worker.join().unwrap()));
        total
    })
}

fn must_be_clean(tally: &Tally, name: &str) {
    figures::say(&format!("{name}: {tally}"));
    assert_eq!(tally.bad(), 0, "{tally}\n{}", tally.examples.join("\n"));
    assert!(tally.before > 0 && tally.after > 0, "an operation under way was always, or never, done: {tally}");
}

#[test]
fn every_image_of_every_short_sequence_keeps_what_was_acknowledged() {
    let sequences = Op::sequences(3);
    assert_eq!(sequences.len(), 5 + 25 + 125);
    let plan = Plan { exhaustive: 7, places: 8, seeds: 0..8 * rounds(), second: 128 / rounds().min(128) };
    let tally = campaign(&sequences, &plan);
    must_be_clean(&tally, "crash images");
    assert!(tally.distinct() >= IMAGES, "fewer than {IMAGES} images: {tally}");
    assert!(tally.second > 10_000, "too few second cuts: {tally}");
}

/// The same where a commit takes something off: it is off, or the commit was never made.
#[test]
fn what_is_taken_off_is_off_with_its_whole_commit() {
    let mut sequences = vec![vec![Op::One, Op::Gone]];
    for op in Op::ALL {
        sequences.extend([vec![Op::Group, Op::Gone, op], vec![Op::One, op, Op::Gone], vec![Op::Gone, Op::Gone, op]]);
    }
    let plan = Plan { exhaustive: 7, places: 4, seeds: 0..4 * rounds(), second: 512 / rounds().min(512) };
    let tally = campaign(&sequences, &plan);
    must_be_clean(&tally, "crash images of what is taken off");
    assert!(tally.second > 100, "too few second cuts: {tally}");
}

/// The same where commits make the file grow, which `set_len` must survive.
#[test]
fn a_file_that_grows_keeps_it_too() {
    let mut sequences = vec![vec![Op::Large]];
    for op in Op::ALL {
        sequences.extend([vec![op, Op::Large], vec![Op::Large, op], vec![Op::Large, op, Op::Large]]);
    }
    let plan = Plan { exhaustive: 5, places: 4, seeds: 0..4 * rounds(), second: 512 / rounds().min(512) };
    let tally = campaign(&sequences, &plan);
    must_be_clean(&tally, "crash images of a growing file");
    assert!(tally.second > 100, "too few second cuts: {tally}");
}

const SMALL: Plan = Plan { exhaustive: 6, places: 8, seeds: 0..8, second: 0 };

fn planted(bug: impl Fn(&Run) -> Run) -> Tally {
    redb_panics_quietly();
    let run = Player::new(&Supply::new()).play(&[Op::One, Op::Group, Op::Killed, Op::One]);
    let mut judge = Judge::default();
    judge.examine(&bug(&run), &SMALL, 0, &"planted");
    judge.tally
}

#[test]
fn the_same_run_without_a_bug_is_clean() {
    must_be_clean(&planted(Run::clone), "crash images, nothing planted");
}

/// Planted: a store that acknowledges before it syncs.
#[test]
fn a_store_that_acknowledges_before_it_syncs_is_caught() {
    let tally = planted(|run| {
        let ends = run.done.iter().map(|done| done.acknowledged - 1).collect::<Vec<_>>();
        run.without_syncs(|_, at| ends.contains(&at))
    });
    figures::say(&format!("crash images, planted, early acknowledgement: {tally}"));
    assert!(tally.lost > 0, "{tally}");
}

/// Planted: a store that never syncs.
#[test]
fn a_store_that_never_syncs_is_caught() {
    let tally = planted(|run| run.without_syncs(|_, _| true));
    figures::say(&format!("crash images, planted, no syncs: {tally}"));
    assert!(tally.lost > 0, "{tally}");
}

/// Planted: a commit whose pages and header share one sync, trusted as if they had two. What is then in the header may
/// point to pages that are not there.
#[test]
fn a_one_phase_commit_without_checksums_is_caught() {
    let tally = planted(|run| {
        let header = |step: Option<&Step>| matches!(step, Some(Step::Write(0, _)));
        run.without_syncs(|history, at| header(history.get(at + 1)))
    });
    figures::say(&format!("crash images, planted, one phase: {tally}"));
    assert!(tally.unopenable + tally.lost + tally.neither > 0, "{tally}");
}

/// Planted: a store that commits a group in parts.
#[test]
fn a_store_that_splits_groups_is_caught() {
    let mut player = Player::new(&Supply::new());
    player.splits_groups = true;
    let mut judge = Judge::default();
    judge.examine(&player.play(&[Op::Group]), &SMALL, 0, &"planted");
    figures::say(&format!("crash images, planted, split groups: {}", judge.tally));
    assert!(judge.tally.neither > 0 && judge.tally.lost == 0, "{}", judge.tally);
}
