//! The command line. Data goes to standard output, words to standard error; the exit code is 0 when every rule held, 1
//! when one was broken, 2 when the command could not be carried out.

mod files;
mod history;
mod many;
mod one;
mod replay;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args as ClapArgs, Parser, Subcommand};

pub use files::CannotRun;

/// Runs meshes of Driftless in a deterministic world: virtual time, bad links, bad disks, bad clocks.
#[derive(Debug, Parser)]
#[command(name = "driftless-sim", version, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one scenario under one seed.
    Run(Run),
    /// Run many seeds of one scenario, on all cores.
    Campaign(Campaign),
    /// Run a failing case again, as a campaign wrote it.
    Again {
        /// The case, JSON.
        file: PathBuf,
        #[command(flatten)]
        out: Out,
    },
    /// Compare two runs by their records.
    Compare {
        /// The first record, JSON as `run --record` writes it.
        a: PathBuf,
        /// The second.
        b: PathBuf,
        /// Write an HTML page with the plots of both.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Replay a real history, branch by branch: branches are written on nodes that have not seen each other, which meet
    /// where the history merges. All must be equal at the end, and every conflict is explained.
    History(History),
    /// Replay an exported log through a scenario's topology and faults. Each author's writes go to one node, in their
    /// order and at the pace of their own times, again until it accepts them.
    ///
    /// An export holds no secret keys, so the mesh is a new one and every write is signed anew by a simulated key that
    /// stands for its author. Kept: paths, edits, notes, what each author had seen, and the order in which writes win.
    /// Not kept: genesis, grants, approvals (whoever wrote may write everywhere), ids, digests, and the scenario's own load.
    Replay(Replay),
    /// List the ready scenarios, or print one as a beginning for your own.
    Scenarios {
        /// Print this one.
        name: Option<String>,
    },
    /// List the classes of faults.
    Faults,
    /// List the strategies of hostile authors and peers.
    Strategies,
    /// List the checks, with the source of each.
    Checks,
}

/// A scenario, and what of it shall be otherwise.
#[derive(Debug, Clone, ClapArgs)]
pub struct Which {
    /// A scenario file, or the name of a ready one.
    #[arg(long, short, default_value = "steady", value_name = "FILE|NAME")]
    pub scenario: String,
    /// Nodes, instead of what the scenario says.
    #[arg(long, short)]
    pub nodes: Option<usize>,
    /// Minutes of load and faults, instead of what the scenario says.
    #[arg(long, short)]
    pub minutes: Option<u64>,
    /// Let this check not look: to see what lies behind one that fails.
    #[arg(long, value_name = "CHECK")]
    pub without: Option<String>,
}

impl Which {
    /// The name of the check that does not look.
    pub fn without(&self) -> Option<&'static str> {
        let name = self.without.as_deref()?;
        driftless_sim::checks::all().iter().map(|check| check.name()).find(|check| *check == name)
    }
}

/// What to write besides the summary.
#[derive(Debug, Clone, ClapArgs)]
pub struct Out {
    /// Write a self-contained HTML report.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write the whole record, JSON.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
struct Run {
    #[command(flatten)]
    which: Which,
    /// Draws everything that is left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run on after the first broken rule.
    #[arg(long)]
    go_on: bool,
    /// Look at nothing: for speed and for large meshes.
    #[arg(long)]
    no_checks: bool,
    /// Print the hash of the trace and nothing else.
    #[arg(long)]
    trace: bool,
    /// Seconds between two samples.
    #[arg(long, default_value_t = 1, value_name = "SECONDS")]
    sample: u64,
    #[command(flatten)]
    out: Out,
}

#[derive(Debug, ClapArgs)]
struct Campaign {
    #[command(flatten)]
    which: Which,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// How many of them run twice, to see that the second run is the same.
    #[arg(long, default_value_t = 10)]
    twice: u64,
    /// Threads; 0: one for each core.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
    /// Begin no seed after this long.
    #[arg(long, value_name = "SECONDS")]
    at_most: Option<u64>,
    /// Runs that making one failure smaller may take.
    #[arg(long, default_value_t = 400)]
    shrink: usize,
    /// Do not fail when some state worth reaching was reached by no seed: for short campaigns. From forty seeds on every
    /// strategy of somebody hostile must have reached its target all the same.
    #[arg(long)]
    tame: bool,
    /// Where failing cases go.
    #[arg(long, default_value = "failures", value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, ClapArgs)]
struct History {
    /// One JSON line for each commit, parents first, plain or .gz:
    /// {"id": 7, "parents": [5, 6], "time": …, "author": 3, "changes": [{"path": "a/b", "value": {…}}, …]}.
    file: PathBuf,
    /// Replay the first commits only.
    #[arg(long)]
    commits: Option<usize>,
    /// Draws latencies, and the nodes' keys.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Let no check look: faster.
    #[arg(long)]
    no_checks: bool,
    #[command(flatten)]
    out: Out,
}

#[derive(Debug, ClapArgs)]
struct Replay {
    /// The log, as `driftless log --export FILE` writes it.
    #[arg(long, value_name = "EXPORT")]
    log: PathBuf,
    #[command(flatten)]
    which: Which,
    /// How many times faster than by the writes' own times, 1 for as fast; by default so that they fill the scenario's
    /// minutes. A pace that takes longer than these makes the run longer.
    #[arg(long)]
    pace: Option<f64>,
    /// Draws everything that is left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Let no check look: faster.
    #[arg(long)]
    no_checks: bool,
    #[command(flatten)]
    out: Out,
}

impl Args {
    /// Carries the command out.
    pub fn run(self) -> Result<ExitCode, CannotRun> {
        match self.command {
            Command::Run(run) => one::run(&run),
            Command::Campaign(campaign) => many::campaign(&campaign),
            Command::Again { file, out } => one::again(&file, &out),
            Command::Compare { a, b, report } => one::compare(&a, &b, report.as_deref()),
            Command::History(asked) => history::history(&asked),
            Command::Replay(asked) => replay::replay_log(&asked),
            Command::Scenarios { name } => one::scenarios(name.as_deref()),
            Command::Faults => Ok(one::faults()),
            Command::Strategies => Ok(one::strategies()),
            Command::Checks => Ok(one::checks()),
        }
    }
}
