//! Power cuts: after every write of a run of commits, with what was not synced kept, dropped or torn. What was
//! acknowledged is always there, and nothing that was not submitted ever is.

use std::collections::BTreeSet;

use driftless_node::store::{Batch, Event, Loaded, Options, Pace, Store, Writer};
use driftless_statement::{MeshId, StatementId};

use crate::disk::{Did, Disk, apply, ids, next, statements};

const OPTIONS: Options = Options { cache_bytes: 1 << 20, reserve_bytes: 1 << 20, boot_from: 0 };

/// What was done to the disk, and after how many of these things which statements were acknowledged.
struct Run {
    mesh: MeshId,
    all: BTreeSet<StatementId>,
    history: Vec<Did>,
    acknowledged: Vec<(usize, BTreeSet<StatementId>)>,
}

impl Run {
    fn acknowledged_at(&self, step: usize) -> BTreeSet<StatementId> {
        let before = self.acknowledged.iter().take_while(|(at, _)| *at <= step);
        before.last().map(|(_, ids)| ids.clone()).unwrap_or_default()
    }
}

/// Makes a store, commits six groups, closes it; twice.
async fn run() -> Run {
    let disk = Disk::default();
    let (mesh, all) = statements(47);
    let mut stored = BTreeSet::new();
    let mut acknowledged = Vec::new();
    for half in all.chunks(24) {
        let (store, _) = Store::open_on(disk.clone(), mesh, [1; 8], OPTIONS).unwrap();
        let (writer, mut events) = Writer::spawn(store, Pace::default()).unwrap();
        for (id, group) in half.chunks(4).enumerate() {
            writer.submit(Batch { id: id as u64, gone: vec![], statements: group.to_vec(), floor_ms: 0 }).unwrap();
            assert!(matches!(next(&mut events).await, Event::Stored { .. }));
            stored.extend(ids(group));
            acknowledged.push((disk.state().history.len(), stored.clone()));
        }
        writer.close();
    }
    let history = disk.state().history.clone();
    Run { mesh, all: ids(&all), history, acknowledged }
}

/// Which unsynced writes survive.
#[derive(Debug, Clone, Copy)]
enum Survives {
    All,
    None,
    /// Those whose bit is set in a hash of this number and their place.
    Some(u64),
    /// All, but of each only the first 512 bytes.
    Torn,
}

/// The disk after a power cut behind `step`.
fn image(history: &[Did], step: usize, survives: Survives) -> Vec<u8> {
    let synced =
        history[..step].iter().rposition(|did| matches!(did, Did::Sync | Did::Adopt(_))).map_or(0, |at| at + 1);
    let mut data = Vec::new();
    history[..synced].iter().for_each(|did| apply(&mut data, did));
    for (at, did) in history[synced..step].iter().enumerate() {
        let mixed = |seed: u64| (seed ^ at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 0;
        match (survives, did) {
            (Survives::All, _) => apply(&mut data, did),
            (Survives::None, _) => {}
            (Survives::Some(seed), _) if mixed(seed) => apply(&mut data, did),
            (Survives::Some(_), _) => {}
            (Survives::Torn, Did::Write(offset, bytes)) => {
                apply(&mut data, &Did::Write(*offset, bytes[..bytes.len().min(512)].to_vec()));
            }
            (Survives::Torn, _) => apply(&mut data, did),
        }
    }
    data
}

/// Before the first draft is adopted there is no file at all.
fn disk_of(image: Vec<u8>) -> Disk {
    if image.is_empty() { Disk::default() } else { Disk::of(image) }
}

fn check(run: &Run, disk: Disk, step: usize, what: &str) -> Loaded {
    let (_store, loaded) =
        Store::open_on(disk, run.mesh, [9; 8], OPTIONS).unwrap_or_else(|why| panic!("step {step}, {what}: {why}"));
    let held = ids(&loaded.statements);
    let acknowledged = run.acknowledged_at(step);
    assert!(acknowledged.is_subset(&held), "step {step}, {what}: {} of {}", held.len(), acknowledged.len());
    assert!(held.is_subset(&run.all), "step {step}, {what}: something that nobody stored");
    assert_eq!((loaded.missing, loaded.quarantined.len()), (0, 0), "step {step}, {what}");
    assert!(held.len() % 4 == 0, "step {step}, {what}: half a group");
    loaded
}

#[tokio::test]
async fn every_power_cut_keeps_what_was_acknowledged() {
    let run = run().await;
    let kinds =
        [Survives::All, Survives::None, Survives::Torn, Survives::Some(1), Survives::Some(2), Survives::Some(3)];
    let mut between = 0;
    for step in 0..=run.history.len() {
        for survives in kinds {
            let disk = disk_of(image(&run.history, step, survives));
            let loaded = check(&run, disk, step, &format!("{survives:?}"));
            between += usize::from(loaded.statements.len() > run.acknowledged_at(step).len());
        }
    }
    assert!(run.history.len() > 100 && between > 0, "{} steps, {between} in between", run.history.len());
}

/// A second power cut while the store repairs itself from the first.
#[tokio::test]
async fn a_second_power_cut_during_recovery_keeps_it_too() {
    let run = run().await;
    let mut cuts = 0;
    for step in (1..=run.history.len()).step_by(9) {
        let first = image(&run.history, step, Survives::Some(step as u64));
        let disk = disk_of(first.clone());
        drop(check(&run, disk.clone(), step, "first"));
        let recovery = disk.state().history.clone();
        for second in 0..recovery.len() {
            for survives in [Survives::None, Survives::Some(second as u64)] {
                // Recovery begins on what the first cut left; all of that is on the disk.
                let mut history = vec![Did::SetLen(first.len() as u64), Did::Write(0, first.clone()), Did::Sync];
                history.extend(recovery[..second].iter().cloned());
                let disk = Disk::of(image(&history, history.len(), survives));
                check(&run, disk, step, &format!("second {second}, {survives:?}"));
                cuts += 1;
            }
        }
    }
    assert!(cuts > 200, "{cuts} second cuts only");
}
