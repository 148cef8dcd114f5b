//! Every figure of speed and memory that the README quotes, each measured beside its yardstick in one run.
//!
//! `cargo run --release -p driftless-benches` runs all and prints the table; `--only NAME` some; `--quick` sees that all
//! runs; `--write docs/benchmarks.md` puts the rows into that page. Ratios count; absolute times only say how large a
//! thing is on the machine at hand.
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
mod durable;
mod etcd;
mod fanout;
mod forge;
mod http;
mod junk;
mod load;
mod memory;
mod overwrite;
mod pairing;
mod peers;
mod reads;
mod reconcile;
mod rig;
mod simulator;
mod spread;
mod table;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
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
    /// Puts the rows into this page, in place of those of the same name
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Lists the names
    #[arg(long)]
    list: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// What this program starts itself as, to have it in a process of its own
    #[command(subcommand, hide = true)]
    Role(Role),
}

#[derive(Subcommand)]
enum Role {
    /// A node
    Node { config: PathBuf },
    /// A bare hyper handler
    Bare { socket: PathBuf, answer: PathBuf },
    /// A bare loop that writes to many
    Spray { socket: PathBuf, watchers: usize },
    /// Hostile members that gossip what nobody wants
    Junk { mesh: String, address: String, rate: usize },
    /// Load
    Load { kind: String, socket: PathBuf, target: String, connections: usize, millis: u64 },
}

fn play(role: &Role) {
    match role {
        Role::Node { config } => rig::node(config),
        Role::Bare { socket, answer } => http::bare(socket, answer),
        Role::Spray { socket, watchers } => fanout::bare(socket, *watchers),
        Role::Junk { mesh, address, rate } => junk::role(mesh, address, *rate),
        Role::Load { kind, socket, target, connections, millis } => {
            load::role(kind, socket, target, *connections, *millis);
        }
    }
}

type Bench = fn(Effort) -> Vec<Row>;

/// All benchmarks by name, in the order of the table.
const BENCHES: &[(&str, Bench)] = &[
    ("reads", reads::run),
    ("http", http::run),
    ("durable", durable::run),
    ("junk", junk::run),
    ("apply", apply::run),
    ("spread", spread::run),
    ("reconcile", reconcile::run),
    ("memory", memory::run),
    ("overwrite", overwrite::run),
    ("fanout", fanout::run),
    ("simulator", simulator::run),
];

/// Those that need yardsticks that are no crates.
const WITH_SERVERS: &[&str] = &["http", "durable", "spread"];

fn main() {
    let arguments = Arguments::parse();
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
    if WITH_SERVERS.iter().any(|name| wanted(name)) {
        rig::fetch_yardsticks();
    }
    let mut all = Vec::new();
    for (name, bench) in BENCHES.iter().filter(|(name, _)| wanted(name)) {
        let (took, rows) = pairing::seconds(|| bench(effort));
        eprintln!("{name}: {took:.0} s");
        print!("{}", table::markdown(&rows));
        if let Some(page) = &arguments.write {
            // When all is measured, the first rows clear the table of what is measured no more.
            table::write(page, &rows, arguments.only.is_empty() && all.is_empty()).unwrap();
        }
        all.extend(rows);
    }
    println!("\n{}", table::markdown(&all));
}
