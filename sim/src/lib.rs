//! The simulator of Driftless: a deterministic world around the very core that real nodes run. A scenario and a seed make
//! a plan; a plan makes a run; checks look at every step; a record is what remains. It must not know libp2p, redb, tokio
//! or a real clock.
#![forbid(unsafe_code)]

pub mod bugs;
pub mod campaign;
pub mod checks;
pub mod facts;
pub mod history;
pub mod minimise;
pub mod plan;
pub mod quantiles;
pub mod record;
pub mod replay;
pub mod report;
mod said;
pub mod scenario;
mod trace;
pub mod world;

pub use plan::{Case, draw};
pub use record::Record;
pub use scenario::Scenario;
pub use world::{Options, World};

/// Runs a case.
pub fn run(case: &Case, options: Options) -> Record {
    World::new(case, options).run()
}

/// The version of this program, and the commit that it was built from where that is known.
pub fn version() -> String {
    match option_env!("DRIFTLESS_COMMIT") {
        Some(commit) => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
        None => env!("CARGO_PKG_VERSION").to_owned(),
    }
}
