//! Every figure of speed and memory that the README quotes, each measured beside its yardstick in one run.
//!
//! `cargo run --release -p driftless-benches` runs all and prints the table; `--only NAME` some; `--quick` sees that all
//! runs; `--write docs/benchmarks.md --write README.md` puts the rows into those pages. Ratios count; absolute times only say how large a
//! thing is on the machine at hand. `--no-default-features` leaves out what starts whole nodes, and builds only the core.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a benchmark that cannot run says so and ends"
)]

mod apply;
mod authorise;
mod authority;
#[cfg(feature = "nodes")]
mod catchup;
#[cfg(feature = "nodes")]
mod durable;
#[cfg(feature = "nodes")]
mod etcd;
#[cfg(feature = "nodes")]
mod fanout;
mod forge;
#[cfg(feature = "nodes")]
mod http;
#[cfg(feature = "nodes")]
mod junk;
#[cfg(feature = "nodes")]
mod load;
#[cfg(feature = "nodes")]
mod memory;
#[cfg(feature = "nodes")]
mod overwrite;
mod pairing;
mod peers;
#[cfg(feature = "nodes")]
mod reads;
mod reconcile;
mod revocation;
#[cfg(feature = "nodes")]
mod rig;
mod simulator;
#[cfg(feature = "nodes")]
mod spread;
mod table;

use std::path::PathBuf;

use clap::Parser;
use pairing::Effort;
use table::Row;

/// Measures Driftless beside its yardsticks.
#[derive(Parser)]
struct Arguments {
    /// Runs only these
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Small sizes and few rounds: sees that everything runs, gives no figures to quote
    #[arg(long)]
    quick: bool,
    /// Puts the rows into this page, in place of those of the same name; for more pages, more than once
    #[arg(long, value_name = "FILE")]
    write: Vec<PathBuf>,
    /// Lists the names
    #[arg(long)]
    list: bool,
    #[cfg(feature = "nodes")]
    #[command(subcommand)]
    command: Option<Command>,
}

#[cfg(feature = "nodes")]
#[derive(clap::Subcommand)]
enum Command {
    /// What this program starts itself as, to have it in a process of its own
    #[command(subcommand, hide = true)]
    Role(Role),
}

#[cfg(feature = "nodes")]
#[derive(clap::Subcommand)]
enum Role {
    /// A node
    Node { config: PathBuf },
    /// A bare hyper handler
    Bare { socket: PathBuf, answer: PathBuf },
    /// A bare loop that writes to many
    Spray { socket: PathBuf, watchers: usize },
    /// Hostile members that gossip what nobody wants
    Junk { mesh: String, address: String, rate: usize, gang: u8 },
    /// Load
    Load { kind: String, socket: PathBuf, target: String, connections: usize, millis: u64 },
}

#[cfg(feature = "nodes")]
fn play(role: &Role) {
    match role {
        Role::Node { config } => rig::node(config),
        Role::Bare { socket, answer } => http::bare(socket, answer),
        Role::Spray { socket, watchers } => fanout::bare(socket, *watchers),
        Role::Junk { mesh, address, rate, gang } => junk::role(mesh, address, *rate, *gang),
        Role::Load { kind, socket, target, connections, millis } => {
            load::role(kind, socket, target, *connections, *millis);
        }
    }
}

type Bench = fn(Effort) -> Vec<Row>;

/// All benchmarks by name, in the order of the table.
const BENCHES: &[(&str, Bench)] = &[
    #[cfg(feature = "nodes")]
    ("reads", reads::run),
    #[cfg(feature = "nodes")]
    ("http", http::run),
    #[cfg(feature = "nodes")]
    ("durable", durable::run),
    #[cfg(feature = "nodes")]
    ("junk", junk::run),
    ("apply", apply::run),
    #[cfg(feature = "nodes")]
    ("catchup", catchup::run),
    #[cfg(feature = "nodes")]
    ("spread", spread::run),
    ("reconcile", reconcile::run),
    #[cfg(feature = "nodes")]
    ("memory", memory::run),
    #[cfg(feature = "nodes")]
    ("overwrite", overwrite::run),
    #[cfg(feature = "nodes")]
    ("fanout", fanout::run),
    ("authorise", authorise::run),
    ("revocation", revocation::run),
    ("simulator", simulator::run),
];

/// Those that need yardsticks that are no crates.
#[cfg(feature = "nodes")]
const WITH_SERVERS: &[&str] = &["http", "durable", "spread"];

fn main() {
    let arguments = Arguments::parse();
    #[cfg(feature = "nodes")]
    if let Some(Command::Role(role)) = &arguments.command {
        return play(role);
    }
    if arguments.list {
        BENCHES.iter().for_each(|(name, _)| println!("{name}"));
        return;
    }
    if let Some(unknown) = arguments.only.iter().find(|name| !BENCHES.iter().any(|(known, _)| known == name)) {
        eprintln!("no benchmark is called {unknown:?}; --list lists them");
        std::process::exit(2);
    }
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    #[cfg(feature = "nodes")]
    if WITH_SERVERS.iter().any(|name| wanted(name)) {
        rig::fetch_yardsticks();
    }
    let mut all = Vec::new();
    for (name, bench) in BENCHES.iter().filter(|(name, _)| wanted(name)) {
        let (took, rows) = pairing::seconds(|| bench(effort));
        eprintln!("{name}: {took:.0} s");
        print!("{}", table::markdown(&rows));
        for page in &arguments.write {
            // When all is measured, the first rows clear the table of what is measured no more.
            table::write(page, &rows, arguments.only.is_empty() && all.is_empty()).unwrap();
        }
        all.extend(rows);
    }
    println!("\n{}", table::markdown(&all));
}
