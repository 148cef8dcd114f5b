//! A real history, branch by branch: progress while it runs, the usual summary and what it came to at the end.

use std::process::ExitCode;
use std::time::Instant;

use driftless_sim::Options;
use driftless_sim::history::{History, replay};
use driftless_sim::record::HistoryTold;

use super::CannotRun;
use super::files::failed;

pub fn history(asked: &super::History) -> Result<ExitCode, CannotRun> {
    let history = History::read(&asked.file, asked.commits).map_err(|bad| failed(&asked.file, bad))?;
    let (all, begin) = (history.commits.len(), Instant::now());
    let options = Options { checks: !asked.no_checks, ..Options::default() };
    let mut record = replay(&history, asked.seed, options, &mut |done| {
        if done.is_multiple_of(100) {
            eprintln!("{done} of {all} commits, {:.0} s", begin.elapsed().as_secs_f64());
        }
    });
    record.totals.wall_ms = begin.elapsed().as_millis() as u64;
    let code = super::one::finish(&record, &asked.out)?;
    if let Some(told) = &record.history {
        print(told);
    }
    Ok(code)
}

fn print(told: &HistoryTold) {
    say!("history           {} commits, {} merges, {} authors", told.commits, told.merges, told.authors);
    say!(
        "statements        {} for {} changes, {} of which changed nothing where they were made",
        told.statements,
        told.changes,
        told.unchanged
    );
    say!(
        "meetings          {} at forks, {} at merges; {} of them brought conflicts up, at most {} open at a node",
        told.forks_met,
        told.merges_met,
        told.merges_in_conflict,
        told.most_open
    );
    for scope in &told.scopes {
        let (set, merged, effective) = &scope.digests;
        let (name, statements) = (&scope.scope, scope.statements);
        say!("equal everywhere  {name}: {statements} statements, set {set} merged {merged} effective {effective}");
    }
    say!(
        "paths             {} of {} as the history's last line says; {} live in the mesh, {} in the history",
        told.equal,
        told.paths,
        told.live.0,
        told.live.1
    );
    say!("settled           {} paths were last changed by somebody who had seen all their changes", told.settled);
    for differs in &told.differ {
        say!("differs           {}: last {}; {}", differs.path, differs.last, differs.why);
    }
    say!("open conflicts    {}, of which {} are explained:", told.open, told.conflicts.len());
    for one in &told.conflicts {
        say!("  {}{}", one.path, one.pointer);
        say!("    shows {}", one.shows);
        say!("    won   {}\n    lost  {}\n    why   {}", one.winner, one.loser, one.why);
    }
}
