//! `driftless`: reads, changes and watches the configuration of a mesh from a terminal or a script. It must not know how
//! statements are built or sockets spoken to: that is the library's.
#![forbid(unsafe_code)]
// Binaries have no public interface to document beyond their help texts and docs/cli.md.
#![allow(missing_docs)]

mod args;
mod commands;
mod context;
mod documents;
mod exit;
mod files;
mod out;
mod passphrase;
mod render;
mod session;
mod source;
mod table;

use std::process::ExitCode;

use clap::Parser;

use args::Arguments;
use exit::Failure;
use out::Out;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let out = Out::new(arguments.global.output, arguments.global.verbose);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(out, Failure::file("the system", error)),
    };
    match runtime.block_on(commands::run(arguments, out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => end(out, failure),
    }
}

fn end(out: Out, failure: Failure) -> ExitCode {
    let text = failure.to_string();
    if !text.is_empty() {
        out.say(&format!("driftless: {text}"));
    }
    ExitCode::from(failure.code())
}
