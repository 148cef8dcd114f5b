//! What must not grow with the mesh does not, and a mesh in which nothing happens says little.

use driftless_sim::plan::{Class, draw};
use driftless_sim::record::Record;
use driftless_sim::scenario::Scenario;
use driftless_sim::world::{Options, World};

fn run(nodes: usize, minutes: u64, writes_per_second: f64) -> Record {
    let scenario = scenario(nodes, minutes, writes_per_second);
    World::new(&draw(&scenario, 1), Options::default()).run()
}

fn scenario(nodes: usize, minutes: u64, writes_per_second: f64) -> Scenario {
    let text = format!(
        "name = \"scale\"\nnodes = {nodes}\nminutes = {minutes}\npeers = 4\nfounded = true\n\
         [link]\nmedian_ms = 25\np99_ms = 60\n[load]\nwrites_per_second = {writes_per_second:?}\nwatchers = 0\n"
    );
    Scenario::parse(&text).expect("a sound scenario")
}

/// Bytes a node sent in a second, over some seconds of the run.
fn rate(record: &Record, seconds: std::ops::Range<u64>) -> u64 {
    let samples = record.series.iter().filter(|sample| seconds.contains(&sample.second));
    let (bytes, count) = samples.fold((0, 0), |(bytes, count), sample| {
        let all = sample.bytes;
        (bytes + all.gossip + all.beacons + all.exchange + all.control, count + sample.up as u64)
    });
    bytes / count.max(1)
}

#[test]
fn a_large_mesh_in_which_nothing_happens_grows_quiet() {
    let (busy, quiet) = (run(300, 5, 1.0), run(300, 5, 0.0));
    assert_eq!((busy.violations.len(), quiet.violations.len()), (0, 0));
    let (busy, quiet) = (rate(&busy, 200..300), rate(&quiet, 200..300));
    assert!(quiet * 2 < busy, "{quiet} bytes a node and second after minutes of quiet, {busy} under load");
}

#[test]
fn what_a_node_sends_does_not_grow_with_the_mesh() {
    let (small, large) = (run(64, 1, 1.0), run(512, 1, 1.0));
    assert_eq!((small.violations.len(), large.violations.len()), (0, 0));
    let (few, many) = (rate(&small, 20..70), rate(&large, 20..70));
    assert!(many < few * 5 / 4, "{many} bytes a node and second among 512, {few} among 64");
    let (few, many) = (small.propagation.copies_thousandths, large.propagation.copies_thousandths);
    assert!(many < few * 5 / 4, "{many} thousandths of a copy among 512, {few} among 64");
}

/// Where no check looks, machines take over what others of them folded: nothing but time and memory may be spared by it.
/// The load has ten entries, so that some are written from several sides at once; then there are faults as well.
#[test]
fn folding_once_for_all_makes_no_difference() {
    let mut busy = scenario(48, 1, 6.0);
    busy.load.entries = 10;
    let mut shaken = busy.clone();
    shaken.faults.rate = 6.0;
    // Backups of disks are only taken where checks look.
    shaken.faults.never = vec![Class::Restore];
    for (scenario, seed) in [(&busy, 1), (&shaken, 2), (&shaken, 3)] {
        let case = draw(scenario, seed);
        let each = World::new(&case, Options { stop_at_first: false, ..Options::default() }).run();
        let once = World::new(&case, Options::default().looking(false, None)).run();
        assert_eq!(each.trace, once.trace, "seed {seed}");
        assert!(each.propagation.arrivals > 1_000, "seed {seed}: {} arrivals", each.propagation.arrivals);
    }
}
