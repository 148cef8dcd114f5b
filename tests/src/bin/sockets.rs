//! Holds the simulator to real sockets and prints both with their ratio.
//!
//! `cargo run --release -p driftless-tests --bin sockets -- --report sockets.html`
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use driftless_sim::report;
use driftless_tests::replay::Failed;
use driftless_tests::sockets::{self, Options};

/// Runs one small scenario over real sockets and in the simulator. Exit code 1: they differ by more than a quarter.
#[derive(Parser)]
#[command(name = "sockets")]
struct Arguments {
    /// Nodes; by default the scenario's ten
    #[arg(long, value_parser = clap::value_parser!(u16).range(4..=16))]
    nodes: Option<u16>,
    /// Writes; by default the scenario's 400
    #[arg(long)]
    writes: Option<u64>,
    /// Draws the plan and all delays
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep the mesh in this empty directory instead of a temporary one
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Write a page with both here
    #[arg(long)]
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().map_err(Failed::from);
    match runtime.and_then(|runtime| runtime.block_on(show(arguments))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sockets: {error}");
            ExitCode::from(2)
        }
    }
}

async fn show(arguments: Arguments) -> Result<bool, Failed> {
    let temporary = tempfile::Builder::new().prefix("sockets-").tempdir()?;
    let options = Options {
        home: arguments.dir.unwrap_or_else(|| temporary.path().join("m")),
        nodes: arguments.nodes.map(usize::from),
        writes: arguments.writes,
        seed: arguments.seed,
        say: |text| eprintln!("{text}"),
    };
    let record = sockets::run(&options).await?;
    print!("{}", report::sockets(&record));
    if let Some(file) = arguments.report {
        std::fs::write(&file, report::html(&record))?;
    }
    Ok(report::agreements(&record).iter().all(report::Agreement::holds))
}
