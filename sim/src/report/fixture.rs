//! A record made by hand, for the tests of the report: every part of it has something to show.

use crate::plan::Class;
use crate::record::{Bytes, ConflictShown, FaultSpan, Heal, NodeEnd, Propagation, Record, Sample, Totals, Violation};

/// A run in which everything that can be shown happened.
pub fn record() -> Record {
    Record {
        scenario: "three-regions".to_owned(),
        about: "Nine nodes in three regions; <ap> is cut off & comes back.".to_owned(),
        seed: 7,
        nodes: 9,
        seconds: 540,
        trace: "9f2c41d07b6ea853".to_owned(),
        version: "0.1.0".to_owned(),
        series: (0..=540).map(sample).collect(),
        propagation: propagation(),
        faults: faults(),
        heals: vec![heal(180_000, Some(7_400)), heal(330_000, Some(2_100)), heal(503_000, None)],
        totals: totals(),
        sometimes: [("a crash while a batch was with the store", 4), ("a beacon expired", 0), ("a late statement", 91)]
            .map(|(state, times)| (state.to_owned(), times))
            .into(),
        violations: vec![violation()],
        conflicts: vec![ConflictShown {
            path: "app/<limits>".to_owned(),
            pointer: "/rate".to_owned(),
            winner: "ba7c…: node-1 put 20".to_owned(),
            loser: "91f0…: node-8 put \"30\"".to_owned(),
        }],
        ends: (0..9).map(end).collect(),
        history: None,
        replay: None,
        sockets: None,
        hostile: None,
    }
}

/// The same mesh, a little worse: another run to compare with.
pub fn other() -> Record {
    let mut other = record();
    other.seed = 8;
    other.trace = "11aa41d07b6ea853".to_owned();
    other.propagation.p99_us *= 2;
    other.totals.bytes.gossip /= 2;
    other.violations.clear();
    other.series.iter_mut().for_each(|sample| sample.most_missing *= 2);
    other
}

fn sample(second: u64) -> Sample {
    let (cut, flaps) = ((60..188).contains(&second), (270..333).contains(&second));
    let behind = if cut { (second.min(180) - 60) * 2 } else { 0 };
    let wave = second * 37 % 11;
    Sample {
        second,
        up: if (500..503).contains(&second) { 8 } else { 9 },
        sets: if cut { 2 + (wave / 4) as usize } else { 1 + usize::from(flaps && wave > 4) },
        statements: second * 3,
        most_missing: behind + if flaps { wave } else { 0 },
        divergence_mean: if cut { 480 } else { 0 },
        divergence_max: if cut { 750 } else { wave / 8 * 10 },
        isolated: 0,
        conflicts: second / 120,
        bytes: Bytes { gossip: 7_000 + wave * 90, beacons: 900, exchange: if cut { 4_500 } else { 300 }, control: 500 },
        queues: [wave as usize, (wave / 2) as usize, 1, 0, if cut { 14 } else { 1 }],
        events: 320 + wave * 7,
    }
}

fn propagation() -> Propagation {
    Propagation {
        arrivals: 12_600,
        p50_us: 58_000,
        p90_us: 141_000,
        p99_us: 412_000,
        max_us: 121_000_000,
        histogram: vec![0, 0, 90, 1_400, 4_880, 2_300, 1_500, 1_300, 700, 260, 150, 0, 5, 10, 0, 5],
        copies_thousandths: 2_310,
    }
}

fn faults() -> Vec<FaultSpan> {
    let fault = |class, from_ms, to_ms, nodes: &[usize], amount| FaultSpan {
        class,
        from_ms,
        to_ms,
        nodes: nodes.to_vec(),
        amount,
    };
    vec![
        fault(Class::Partition, 60_000, 180_000, &[2, 5, 8], 0),
        fault(Class::Flapping, 270_000, 330_000, &[0, 3, 6], 3_000),
        fault(Class::SlowDisk, 280_000, 300_000, &[4], 120),
        fault(Class::Crash, 500_000, 503_000, &[1], 0),
    ]
}

fn heal(at_ms: u64, equal_after_ms: Option<u64>) -> Heal {
    Heal { at_ms, equal_after_ms }
}

fn totals() -> Totals {
    let named = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
    Totals {
        events: 191_000,
        writes: 1_620,
        acknowledged: 1_575,
        refused: named(&[("disk-full", 40), ("stale base", 5)]),
        faults: named(&[("partition", 1), ("flapping", 1), ("slow-disk", 1), ("crash", 1)]),
        crashes: 1,
        copies: 29_106,
        lost: 4_410,
        bytes: Bytes { gossip: 4_000_000, beacons: 485_000, exchange: 776_000, control: 242_500 },
        reads: 9_700,
        sessions: 1_044,
        node_seconds: 5_000,
        wall_ms: 125,
    }
}

fn violation() -> Violation {
    Violation {
        check: "monotonic-reads".to_owned(),
        at_ms: 187_250,
        node: 5,
        what: "a service read revision 41 of app/limits after it had read 42".to_owned(),
    }
}

fn end(node: usize) -> NodeEnd {
    NodeEnd {
        name: format!("node-{node}"),
        region: ["eu", "us", "ap"][node % 3].to_owned(),
        up: true,
        statements: 1_575,
        digest: "5d0e77ab".to_owned(),
        sent: 598_000 + node as u64 * 1_000,
        boots: 1 + u64::from(node == 1),
    }
}
