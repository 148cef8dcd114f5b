//! A campaign from the command line: progress while it runs, figures at the end, failing cases in files.

use std::process::ExitCode;
use std::time::Duration;

use driftless_sim::campaign::{Campaign, Tally};
use driftless_sim::{Options, Scenario};

use super::CannotRun;
use super::files::{scenario, write_json};

pub fn campaign(asked: &super::Campaign) -> Result<ExitCode, CannotRun> {
    let scenario = scenario(&asked.which)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let campaign = Campaign {
        scenario: scenario.clone(),
        first: asked.first,
        seeds: asked.seeds,
        twice: asked.twice,
        jobs: if asked.jobs == 0 { cores } else { asked.jobs },
        shrink: asked.shrink,
        at_most: asked.at_most.map(Duration::from_secs),
    };
    let options = Options { without: asked.which.without(), ..Options::default() };
    let step = (asked.seeds / 20).max(1);
    let tally = campaign.run(options, &|done| {
        if done % step == 0 {
            eprintln!("{done} of {} seeds", asked.seeds);
        }
    });
    print(&scenario, &tally);
    for (seed, failure) in &tally.failures {
        let file = asked.out.join(format!("{}-{seed}.json", failure.violation.check));
        write_json(&file, failure)?;
        say!("  run it again: driftless-sim again {}", file.display());
    }
    let missed = !asked.tame && (!tally.never().is_empty() || !tally.classes_missed(&scenario).is_empty());
    let missed = missed || !tally.strategies_missed(&scenario).is_empty();
    let good = tally.failures.is_empty() && tally.unequal.is_empty() && !missed;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(scenario: &Scenario, tally: &Tally) {
    let hours = tally.node_seconds as f64 / 3_600.0;
    let busy = tally.writes as f64 / tally.node_seconds.max(1) as f64 * scenario.nodes as f64;
    let took = tally.took.as_secs_f64();
    let faults: u64 = tally.faults.values().sum();
    let reached = tally.sometimes.values().filter(|times| **times > 0).count();
    say!("scenario       {}, {} nodes, {} minutes", scenario.name, scenario.nodes, scenario.minutes);
    say!(
        "seeds          {}, {} with faults, {} run twice with equal traces",
        tally.seeds,
        tally.disturbed,
        tally.twice
    );
    say!("node-hours     {hours:.0}, at {busy:.2} writes a second in each mesh");
    say!(
        "events         {}, {} writes asked for, {} acknowledged, {} reads",
        tally.events,
        tally.writes,
        tally.acknowledged,
        tally.reads
    );
    say!("faults         {faults} of {} classes, {} processes died", tally.faults.len(), tally.crashes);
    say!(
        "equal again    half within {} ms of a heal, 99 of 100 within {} ms, at most {} ms",
        tally.equal_after.at(500),
        tally.equal_after.at(990),
        tally.equal_after.max()
    );
    say!("sometimes      {reached} of {} states worth reaching", tally.sometimes.len());
    say!("speed          {:.0} node-seconds a second, {took:.1} s in all", tally.node_seconds as f64 / took);
    if !tally.strategies.is_empty() {
        let met: u64 = tally.strategies.values().sum();
        let (told, count) = (&tally.hostile, tally.strategies.len());
        say!("hostile        {count} strategies, {met} times one of them in one seed");
        say!(
            "               {} statements signed by hostile authors, {} came on a disk, {} left the summaries again",
            told.signed,
            told.let_in,
            told.left
        );
        say!("               {} revocations by honest operators", told.strikes);
        let times: Vec<String> = tally.strategies.iter().map(|(name, times)| format!("{name} {times}")).collect();
        say!("strategies     {}", times.join(", "));
    }
    for seed in &tally.unequal {
        say!("UNEQUAL        seed {seed} ran differently the second time");
    }
    for what in tally.never() {
        say!("NEVER          {what}");
    }
    for what in tally.strategies_missed(scenario) {
        say!("NEVER          {what}");
    }
    for name in tally.classes_missed(scenario) {
        say!("NEVER          a fault of class {name}");
    }
    for (seed, failure) in &tally.failures {
        let (violation, (faults, writes)) = (&failure.violation, failure.case.plan.size());
        say!("BROKEN         {} under seed {seed}: {}", violation.check, violation.what);
        say!(
            "               at {} ms on node {}; {faults} faults and {writes} writes are enough, of {} and {}",
            violation.at_ms,
            violation.node,
            failure.before.0,
            failure.before.1
        );
    }
}
