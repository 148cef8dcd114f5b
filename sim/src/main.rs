//! `driftless-sim`: run a scenario, many seeds of one, or a failing case again. It reads words and files, and prints; what
//! a run is, the library knows.

/// Says a line on standard output. Who closed it wants to hear no more: that is no reason to fail.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

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
