//! The simulator beside real sockets, in small: that both see the same kind of mesh. A busy machine stretches times, the tail
//! first, so the bands are wide, the 99th percentile is not looked at, and the median only where bare messages came in time;
//! the figures are what `cargo run --bin sockets` prints.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use driftless_sim::report::{self, Agreement};
use driftless_tests::sockets::{self, Options};

/// Every statement comes everywhere by gossip, in about the time and about the copies that the simulator says.
#[tokio::test(flavor = "multi_thread")]
async fn real_nodes_spread_statements_as_simulated_ones_do() {
    let home = tempfile::tempdir().unwrap();
    let say = |text: &str| println!("{text}");
    let options = Options { home: home.path().join("m"), nodes: Some(6), writes: Some(30), seed: 1, say };
    let record = sockets::run(&options).await.unwrap();
    println!("{}", report::sockets(&record));
    assert_eq!(record.violations, []);
    let both = report::agreements(&record);
    let ratio = |name: &str| both.iter().find(|row| row.name == name).map(Agreement::ratio).unwrap();
    assert_eq!(ratio("arrivals"), 1.0, "each write, on each other node, in both");
    let disturbed = record.sockets.as_ref().is_some_and(report::was_disturbed);
    assert!(disturbed || (0.4..2.5).contains(&ratio("propagation p50")), "{both:?}");
    assert!((0.6..1.7).contains(&ratio("copies a node")), "{both:?}");
}
