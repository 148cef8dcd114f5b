//! Replays a history of configuration through a real three-node mesh and prints its figures.
//!
//! `cargo build --release -p driftless-node --bin driftlessd`, then
//! `cargo run --release -p driftless-tests --bin replay -- FILE`
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use driftless_tests::replay::{self, Failed, Options};

/// Sends a history of configuration through a real three-node mesh: one node is killed, one is cut off on the way.
#[derive(Parser)]
#[command(name = "replay")]
struct Arguments {
    /// The history: JSON lines, gzipped when the name ends in .gz
    file: PathBuf,
    /// Replay the first commits only
    #[arg(long)]
    commits: Option<usize>,
    /// The node's program; by default `driftlessd` beside this one
    #[arg(long)]
    driftlessd: Option<PathBuf>,
    /// Keep the mesh in this empty directory instead of a temporary one
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Edits under way at a time
    #[arg(long, default_value_t = 16)]
    window: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().map_err(Failed::from);
    match runtime.and_then(|runtime| runtime.block_on(show(arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("replay: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn show(arguments: Arguments) -> Result<(), Failed> {
    let beside = || Ok::<_, Failed>(std::env::current_exe()?.with_file_name("driftlessd"));
    let program = arguments.driftlessd.map_or_else(beside, Ok)?;
    if !program.is_file() {
        let build = "build it (`cargo build -p driftless-node --bin driftlessd`) or name it (--driftlessd PROGRAM)";
        return Err(format!("{} is not there; {build}", program.display()).into());
    }
    let temporary = tempfile::Builder::new().prefix("replay-").tempdir()?;
    let home = arguments.dir.unwrap_or_else(|| temporary.path().to_owned());
    let options = Options {
        file: arguments.file,
        commits: arguments.commits,
        program,
        home,
        window: arguments.window,
        say: |text| eprintln!("{text}"),
    };
    println!("{}", replay::run(&options).await?);
    Ok(())
}
