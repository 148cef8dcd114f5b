//! Commands about one run, and about what there is to run.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use driftless_sim::plan::{AUTHORS, CLASSES, PEERS};
use driftless_sim::record::Failure;
use driftless_sim::scenario::READY;
use driftless_sim::{Case, Options, Record, World, draw, report};

use super::files::{read_json, scenario, write, write_json};
use super::{CannotRun, Out};

pub fn run(run: &super::Run) -> Result<ExitCode, CannotRun> {
    let case = draw(&scenario(&run.which)?, run.seed);
    let options = Options {
        stop_at_first: !run.go_on,
        sample_s: run.sample.max(1),
        ..Options::default().looking(!run.no_checks, run.which.without())
    };
    let record = timed(&case, options);
    if run.trace {
        say!("{}", record.trace);
        return Ok(verdict(&record));
    }
    finish(&record, &run.out)
}

pub fn again(file: &Path, out: &Out) -> Result<ExitCode, CannotRun> {
    let failure: Failure = read_json(file)?;
    eprintln!("{} broke {} when {} ran it", file.display(), failure.violation.check, failure.version);
    finish(&timed(&failure.case, Options::default()), out)
}

/// Runs a case and notes how long that took.
fn timed(case: &Case, options: Options) -> Record {
    let begin = Instant::now();
    let mut record = World::new(case, options).run();
    record.totals.wall_ms = begin.elapsed().as_millis() as u64;
    record
}

pub fn finish(record: &Record, out: &Out) -> Result<ExitCode, CannotRun> {
    say!("{}", report::summary(record));
    if let Some(path) = &out.report {
        write(path, &report::html(record))?;
    }
    if let Some(path) = &out.record {
        write_json(path, record)?;
    }
    Ok(verdict(record))
}

fn verdict(record: &Record) -> ExitCode {
    if record.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

pub fn compare(a: &Path, b: &Path, page: Option<&Path>) -> Result<ExitCode, CannotRun> {
    let (a, b): (Record, Record) = (read_json(a)?, read_json(b)?);
    say!("{}", report::compare(&a, &b));
    if let Some(page) = page {
        write(page, &report::compare_html(&a, &b))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub fn scenarios(name: Option<&str>) -> Result<ExitCode, CannotRun> {
    match name {
        Some(name) => match READY.iter().find(|(ready, _)| *ready == name) {
            Some((_, text)) => say!("{}", text.trim_end()),
            None => return Err(CannotRun::NoScenario(name.to_owned())),
        },
        None => {
            for (name, _) in READY {
                let about = driftless_sim::scenario::ready(name).map(|scenario| scenario.about).unwrap_or_default();
                say!("{name:<18} {about}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub fn faults() -> ExitCode {
    say!("{:<18} {:>8} {:>10}  amount", "CLASS", "AN HOUR", "SECONDS");
    for row in CLASSES {
        let range = |(from, to): (u64, u64)| if from == to { format!("{from}") } else { format!("{from}-{to}") };
        let amount = if row.unit.is_empty() { String::new() } else { format!("{} {}", range(row.amount), row.unit) };
        say!("{:<18} {:>8} {:>10}  {amount}", row.name, row.an_hour, range(row.seconds));
    }
    ExitCode::SUCCESS
}

pub fn strategies() -> ExitCode {
    for (title, rows) in [
        ("AUTHORS", AUTHORS.map(|row| (row.name, row.does, row.attacks)).to_vec()),
        ("PEERS", PEERS.map(|row| (row.name, row.does, row.attacks)).to_vec()),
    ] {
        say!("{title:<16} {:<76} attacks", "does");
        for (name, does, attacks) in rows {
            say!("{name:<16} {does:<76} {attacks}");
        }
    }
    ExitCode::SUCCESS
}

pub fn checks() -> ExitCode {
    for check in driftless_sim::checks::all() {
        say!("{:<28} {}", check.name(), check.source());
    }
    ExitCode::SUCCESS
}
