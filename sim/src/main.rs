//! `driftless-sim`: run a scenario, many seeds of one, or a failing case again. It reads words and files, and prints; what
//! a run is, the library knows.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Args::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("driftless-sim: {error}");
            ExitCode::from(2)
        }
    }
}
