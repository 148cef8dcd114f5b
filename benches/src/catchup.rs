//! Catching up between two real nodes: one starts with nothing but the founding and one statement, and takes in what the
//! other one holds, over their sockets and onto its disk.

use std::time::{Duration, Instant};

use driftless_client::{Client, Endpoint};

use crate::apply::bound;
use crate::forge::Forge;
use crate::pairing::{Effort, span};
use crate::peers::keys;
use crate::rig::Homes;
use crate::table::{Row, Want};

/// Bytes of a value.
const VALUE: usize = 200;
/// How long it may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(600);

/// Seconds from the start of a node that lacks nearly all until it holds all.
fn catch_up(forge: &Forge, entries: usize) -> f64 {
    let homes = Homes::make(forge, 2);
    let all = forge.history(entries, 1, VALUE);
    homes.fill(forge, 1, &all);
    homes.fill(forge, 2, &all[..1]);
    let want = (forge.bundle.len() + all.len()) as u64;
    drop(all);
    let _full = homes.start(1, None);
    let begin = Instant::now();
    let _late = homes.start(2, None);
    let endpoint: Endpoint = format!("unix:{}", homes.socket(2).display()).parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    loop {
        let held = runtime.block_on(Client::new(endpoint.clone()).status()).map(|status| status.statements);
        if held.as_ref().is_ok_and(|held| *held >= want) {
            return begin.elapsed().as_secs_f64();
        }
        assert!(begin.elapsed() < PATIENCE, "the late node is stuck at {held:?} of {want}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The row about catching up.
pub fn run(effort: Effort) -> Vec<Row> {
    let entries = effort.size(100_000, 10_000);
    let forge = Forge::found(&keys(2));
    let check = bound(&forge.history(1_000, 1, VALUE));
    let took = catch_up(&forge, entries);
    let row = Row::plain(
        format!("catch-up of {entries} statements, two real nodes"),
        Want::Shown,
        " × the checks of signatures",
        took / (check * entries as f64),
    );
    vec![row.note(format!(
        "{} from the late node's start until it holds all, {} a statement; one check takes {}",
        span(took),
        span(took / entries as f64),
        span(check)
    ))]
}
