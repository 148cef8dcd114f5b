//! How many seconds of how many nodes the simulator runs in one second, on one core. Simulated work has no yardstick beside
//! it; the figure is told as it is, and a node's share of memory with it.

use driftless_sim::plan::draw;
use driftless_sim::scenario::{Scenario, ready};
use driftless_sim::world::{Options, World};

use crate::pairing::{Effort, seconds, span};
use crate::table::{Row, Want};

/// Runs a scenario without checks; gives the node-seconds, and how long they took.
fn run_scenario(scenario: &Scenario) -> (f64, f64) {
    let case = draw(scenario, 1);
    let (took, record) = seconds(|| World::new(&case, Options::default().looking(false, None)).run());
    assert!(record.violations.is_empty());
    (record.totals.node_seconds as f64, took)
}

fn scale(nodes: usize, minutes: u64, writes_per_second: f64) -> Scenario {
    let mut scenario = ready("scale").expect("a ready scenario");
    (scenario.nodes, scenario.minutes) = (nodes, minutes);
    scenario.load.writes_per_second = writes_per_second;
    scenario
}

/// All rows about the simulator.
pub fn run(effort: Effort) -> Vec<Row> {
    let (busy, minutes) = (effort.size(1_000, 100), 3);
    let (nodes, hours) = (effort.size(10_000, 500), 1);
    let (node_seconds, took) = run_scenario(&scale(busy, minutes, 1.0));
    let (_, quiet) = run_scenario(&scale(nodes, hours * 60, 0.0));
    vec![
        Row::plain(
            format!("simulator, {busy} nodes, one change a second: node-seconds a second"),
            Want::AtLeast(20_000.0),
            "",
            node_seconds / took,
        )
        .note(format!("{minutes} minutes in {}", span(took))),
        Row::plain(format!("simulator, {nodes} quiet nodes for an hour"), Want::AtMost(120.0), " s", quiet),
    ]
}
