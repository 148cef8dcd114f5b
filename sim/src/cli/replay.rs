//! An exported log through an imagined topology: the usual summary, and what became of the log's writes.

use std::process::ExitCode;
use std::time::Instant;

use driftless_sim::Options;
use driftless_sim::record::ReplayTold;
use driftless_sim::replay::{Asked, Log, replay};

use super::CannotRun;
use super::files::{failed, scenario};

pub fn replay_log(asked: &super::Replay) -> Result<ExitCode, CannotRun> {
    let bytes = std::fs::read(&asked.log).map_err(|error| failed(&asked.log, error))?;
    let log = Log::read(&bytes).map_err(|bad| failed(&asked.log, bad))?;
    // A rule that breaks on the way is told of; the end of the log is of interest all the same.
    let options = Options { checks: !asked.no_checks, stop_at_first: false, ..Options::default() };
    let how = Asked { scenario: scenario(&asked.which)?, pace: asked.pace, seed: asked.seed, options };
    let (all, begin) = (log.writes.len(), Instant::now());
    let step = (all / 20).max(1);
    let tell = &mut |accepted: usize| {
        if accepted.is_multiple_of(step) {
            eprintln!("{accepted} of {all} writes, {:.0} s", begin.elapsed().as_secs_f64());
        }
    };
    let mut record = replay(&log, &how, tell, &mut |_| {}).map_err(|bad| failed(&asked.log, bad))?;
    record.totals.wall_ms = begin.elapsed().as_millis() as u64;
    let code = super::one::finish(&record, &asked.out)?;
    if let Some(told) = &record.replay {
        print(told);
    }
    for conflict in &record.conflicts {
        say!("conflict          {}{}: {} over {}", conflict.path, conflict.pointer, conflict.winner, conflict.loser);
    }
    Ok(code)
}

fn print(told: &ReplayTold) {
    let left_out: Vec<String> = told.left_out.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let left_out = if left_out.is_empty() { "none".to_owned() } else { left_out.join(", ") };
    say!("log               {} statements, {} writes by {} authors", told.statements, told.writes, told.authors);
    say!("left out          {left_out}");
    say!("pace              {:.6} × that of the log, which spans {} s", told.pace, told.span_s);
    say!("accepted          {} of {} writes", told.accepted, told.writes);
    say!("ahead             {} came to a node that did not know yet what their author had seen", told.ahead);
    say!("offered again     {} until a node took them", told.again);
    for (why, count) in &told.never {
        say!("never accepted    {count}: {why}");
    }
}
