//! The store on a real directory: what was acknowledged is there again, once, and groups share one commit.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use driftless_node::store::{Batch, Directory, Event, Options, Pace, Store, StoreError, Writer, rebuild};

use crate::disk::{Disk, ids, next, statements};

fn batch(id: u64, statements: &[std::sync::Arc<driftless_statement::Verified>], floor_ms: u64) -> Batch {
    Batch { id, gone: vec![], statements: statements.to_vec(), floor_ms }
}

#[tokio::test]
async fn what_was_stored_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mesh, all) = statements(40);
    let (store, loaded) = Store::open(dir.path(), mesh, [1; 8]).unwrap();
    assert_eq!((loaded.store_id, loaded.boot, loaded.floor_ms), ([1; 8], 1, 0));
    assert!(loaded.statements.is_empty() && loaded.quarantined.is_empty());
    let (writer, mut events) = Writer::spawn(store, Pace::default()).unwrap();
    writer.submit(batch(7, &all[..10], 500)).unwrap();
    let Event::Stored { batches, statements, size, .. } = next(&mut events).await else { panic!("not stored") };
    assert_eq!((batches, statements), (vec![7], 10));
    assert!(size > 0);
    writer.submit(batch(8, &all, 400)).unwrap();
    let Event::Stored { batches, statements, .. } = next(&mut events).await else { panic!("not stored") };
    assert_eq!((batches, statements), (vec![8], 31), "what was stored already is skipped");
    writer.close();

    let (_store, loaded) = Store::open(dir.path(), mesh, [2; 8]).unwrap();
    assert_eq!((loaded.store_id, loaded.boot, loaded.floor_ms, loaded.missing), ([1; 8], 2, 500, 0));
    let order: Vec<_> = loaded.statements.iter().map(|statement| statement.id()).collect();
    assert_eq!(order, all.iter().map(|statement| statement.id()).collect::<Vec<_>>(), "in the order of storing");
    assert!(loaded.statements.iter().zip(&all).all(|(a, b)| a.wire() == b.wire()));
}

#[tokio::test]
async fn what_is_taken_off_is_not_there_again_and_can_be_stored_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mesh, all) = statements(6);
    let (store, _) = Store::open(dir.path(), mesh, [1; 8]).unwrap();
    let (writer, mut events) = Writer::spawn(store, Pace::default()).unwrap();
    writer.submit(batch(1, &all[..5], 0)).unwrap();
    assert!(matches!(next(&mut events).await, Event::Stored { statements: 5, gone: 0, .. }));
    let gone = vec![all[1].id(), all[3].id(), all[5].id()];
    writer.submit(Batch { gone, ..batch(2, &[], 0) }).unwrap();
    let told = next(&mut events).await;
    assert!(matches!(told, Event::Stored { statements: 0, gone: 2, .. }), "one of them was never stored: {told:?}");
    // Taken off and appended with one batch: it is there, at the end.
    writer.submit(Batch { gone: vec![all[0].id()], ..batch(3, &[all[0].clone(), all[3].clone()], 0) }).unwrap();
    assert!(matches!(next(&mut events).await, Event::Stored { statements: 2, gone: 1, .. }));
    writer.close();
    let (_store, loaded) = Store::open(dir.path(), mesh, [2; 8]).unwrap();
    let order: Vec<_> = loaded.statements.iter().map(|statement| statement.id()).collect();
    assert_eq!(order, [2, 4, 0, 3].map(|at| all[at].id()));
    assert_eq!(loaded.missing, 0);
}

/// Found by the simulator: a watcher that resumed after a restore took the views of the restored store for later ones of
/// the history that it knew, because the same boot number had come twice.
#[test]
fn a_store_that_is_put_back_to_a_backup_counts_no_boot_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (mesh, _) = statements(0);
    let boot = |clock: u64| {
        let options = Options { boot_from: clock, ..Options::default() };
        let directory = Directory::take(dir.path(), options.reserve_bytes).unwrap();
        Store::open_on(directory, mesh, [1; 8], options).unwrap().1.boot
    };
    let (file, backup) = (dir.path().join("store.redb"), dir.path().join("backup"));
    assert_eq!(boot(1_000), 1_000);
    fs::copy(&file, &backup).unwrap();
    let before = [boot(1_001), boot(1_002), boot(1_002)];
    assert_eq!(before, [1_001, 1_002, 1_003]);
    fs::copy(&backup, &file).unwrap();
    let after = boot(1_060);
    assert!(!before.contains(&after) && after > 1_003, "boot {after} was told before");
    assert_eq!(boot(900), 1_061, "a clock that went back takes nothing back");
}

#[tokio::test]
async fn only_the_owner_reads_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let (mesh, _) = statements(0);
    let _store = Store::open(&dir.path().join("data"), mesh, [1; 8]).unwrap();
    let mode = |path: &str| fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("data"), 0o700);
    for file in ["store.redb", "store.lock", "store.reserve"] {
        assert_eq!(mode(&format!("data/{file}")), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mesh, _) = statements(0);
    let first = Store::open(dir.path(), mesh, [1; 8]).unwrap();
    let second = Store::open(dir.path(), mesh, [1; 8]).err().unwrap();
    assert!(matches!(second, StoreError::Locked { .. }), "{second}");
    assert!(second.to_string().contains(&format!("process {}", std::process::id())), "{second}");
    assert!(rebuild(dir.path()).is_err(), "nor may it be moved aside");
    drop(first);
    Store::open(dir.path(), mesh, [1; 8]).unwrap();
}

#[tokio::test]
async fn waiting_batches_share_one_commit() {
    let disk = Disk::default();
    let (mesh, all) = statements(200);
    let (store, _) = Store::open_on(disk.clone(), mesh, [1; 8], Options::default()).unwrap();
    let (writer, mut events) = Writer::spawn(store, Pace::default()).unwrap();
    // While this holds the disk, the first commit waits, and the others gather behind it.
    let held = disk.state();
    for (id, statement) in all.iter().enumerate() {
        writer.submit(batch(id as u64, std::slice::from_ref(statement), 0)).unwrap();
    }
    drop(held);
    let (mut stored, mut commits) = (Vec::new(), 0);
    while stored.len() < all.len() {
        let Event::Stored { batches, .. } = next(&mut events).await else { panic!("not stored") };
        stored.extend(batches);
        commits += 1;
    }
    assert_eq!(stored, (0..all.len() as u64).collect::<Vec<_>>(), "each once, in order");
    assert!(commits <= 3, "{commits} commits");
}

#[tokio::test]
async fn a_full_queue_says_so() {
    let disk = Disk::default();
    let (mesh, all) = statements(3);
    let (store, _) = Store::open_on(disk.clone(), mesh, [1; 8], Options::default()).unwrap();
    let (writer, mut events) = Writer::spawn(store, Pace { queue: 1, ..Pace::default() }).unwrap();
    let held = disk.state();
    // The first group is bounded and cannot end while the disk is held, so at some point nothing more is taken.
    let refused = (0..20_000).find_map(|id| writer.submit(batch(id, &all[..1], id + 1)).err()).unwrap();
    assert!(matches!(refused, StoreError::Busy { waiting: 1 }), "{refused}");
    drop(held);
    assert!(matches!(next(&mut events).await, Event::Stored { .. }));
    writer.close();
}

#[tokio::test]
async fn closing_stores_what_is_queued() {
    let dir = tempfile::tempdir().unwrap();
    let (mesh, all) = statements(20);
    let (store, _) = Store::open(dir.path(), mesh, [1; 8]).unwrap();
    let (writer, events) = Writer::spawn(store, Pace::default()).unwrap();
    drop(events);
    for (id, statement) in all.iter().enumerate() {
        writer.submit(batch(id as u64, std::slice::from_ref(statement), 0)).unwrap();
    }
    writer.close();
    let (_store, loaded) = Store::open(dir.path(), mesh, [1; 8]).unwrap();
    assert_eq!(ids(&loaded.statements), ids(&all));
}

/// Not a test of anything: prints the figures that the documentation quotes. Run with `--ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn measure_commits() {
    let dir = tempfile::tempdir_in(".").unwrap();
    let (mesh, all) = statements(64 * 200 + 400);
    let (store, _) = Store::open(dir.path(), mesh, [1; 8]).unwrap();
    let (writer, mut events) = Writer::spawn(store, Pace::default()).unwrap();
    let (alone, together) = all.split_at(400);
    for size in [1usize, 64] {
        let source = if size == 1 { alone } else { together };
        let mut times = Vec::new();
        let begin = Instant::now();
        for (id, group) in source.chunks(size).enumerate() {
            let sent = Instant::now();
            for statement in group {
                writer.submit(batch(id as u64, std::slice::from_ref(statement), 0)).unwrap();
            }
            let mut left = group.len();
            while left > 0 {
                let Event::Stored { batches, .. } = next(&mut events).await else { panic!("not stored") };
                left -= batches.len();
            }
            times.push(sent.elapsed());
        }
        let rate = source.len() as f64 / begin.elapsed().as_secs_f64();
        times.sort();
        let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        println!("{size} writers: p50 {p50:?}, p99 {p99:?}, {rate:.0} statements a second");
    }
}
