//! Disks that fail and fill up: nothing is acknowledged after an error, what was acknowledged stays, writes come back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use driftless_node::store::{Batch, Event, Options, Pace, Store, StoreError, Writer, WriterHandle};
use driftless_statement::{MeshId, StatementId, Verified};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::disk::{BLOCK, Call, Disk, ids, next, statements};

const OPTIONS: Options = Options { cache_bytes: 1 << 20, reserve_bytes: 1 << 20, boot_from: 0 };
const FAST: Pace =
    Pace { queue: 1024, first_pause: Duration::from_millis(1), longest_pause: Duration::from_millis(10) };

fn start(disk: &Disk, mesh: MeshId) -> (WriterHandle, UnboundedReceiver<Event>, Vec<Arc<Verified>>) {
    let (store, loaded) = Store::open_on(disk.clone(), mesh, [1; 8], OPTIONS).unwrap();
    let (writer, events) = Writer::spawn(store, FAST).unwrap();
    (writer, events, loaded.statements)
}

fn one(id: u64, statement: &Arc<Verified>) -> Batch {
    Batch { id, gone: vec![], statements: vec![statement.clone()], floor_ms: id }
}

/// Submits one statement after another, waits for each event, and says what was acknowledged.
async fn store_all(
    writer: &WriterHandle,
    events: &mut UnboundedReceiver<Event>,
    all: &[Arc<Verified>],
) -> (BTreeSet<StatementId>, Vec<String>) {
    let (stored, refused, _) = store_each(writer, events, all).await;
    (stored, refused)
}

/// The same, and whether the store takes no writes afterwards: on a busy machine it may have come back in between, even from a
/// disk that has little room, and then tells that no second time.
async fn store_each(
    writer: &WriterHandle,
    events: &mut UnboundedReceiver<Event>,
    all: &[Arc<Verified>],
) -> (BTreeSet<StatementId>, Vec<String>, bool) {
    let (mut stored, mut refused, mut read_only) = (BTreeSet::new(), Vec::new(), false);
    for (id, statement) in all.iter().enumerate() {
        writer.submit(one(id as u64, statement)).unwrap();
        loop {
            match next(events).await {
                Event::Stored { batches, .. } if batches == [id as u64] => {
                    stored.insert(statement.id());
                    break;
                }
                Event::Failed { batches, error } if batches == [id as u64] => {
                    refused.push(error.to_string());
                    read_only = true;
                    break;
                }
                Event::ReadOnly { .. } => read_only = true,
                Event::Recovered { .. } => read_only = false,
                other => panic!("{other:?}"),
            }
        }
    }
    (stored, refused, read_only)
}

async fn recovered(events: &mut UnboundedReceiver<Event>) -> Vec<StatementId> {
    loop {
        if let Event::Recovered { lost } = next(events).await {
            return lost;
        }
    }
}

/// Every kind of call failing at every point of two commits, once and for good.
#[tokio::test]
async fn no_acknowledgement_after_an_error_and_none_is_lost() {
    let (mesh, all) = statements(12);
    let mut failures = 0;
    for call in [Call::Write, Call::Sync, Call::SetLen, Call::Read] {
        for after in 0..24 {
            let disk = Disk::default();
            let (writer, mut events, _) = start(&disk, mesh);
            let (mut stored, refused) = store_all(&writer, &mut events, &all[..4]).await;
            assert!(refused.is_empty() && stored.len() == 4);
            disk.state().fails = Some((call, after));
            let (more, refused, read_only) = store_each(&writer, &mut events, &all[4..8]).await;
            stored.extend(more);
            failures += usize::from(!refused.is_empty());
            disk.state().fails = None;
            if read_only {
                let lost = recovered(&mut events).await;
                assert_eq!(lost, [], "{call:?} after {after}: the disk did not lie");
            }
            let (more, refused) = store_all(&writer, &mut events, &all[8..]).await;
            assert_eq!((more.len(), refused), (all.len() - 8, vec![]), "{call:?} after {after}: writes came back");
            stored.extend(more);
            writer.close();
            let (_store, loaded) = Store::open_on(disk, mesh, [2; 8], OPTIONS).unwrap();
            let held = ids(&loaded.statements);
            assert!(stored.is_subset(&held), "{call:?} after {after}: an acknowledged statement is missing");
            assert!(held.is_subset(&ids(&all)), "{call:?} after {after}");
            assert_eq!((loaded.missing, loaded.quarantined), (0, vec![]), "{call:?} after {after}");
            assert_eq!((loaded.store_id, loaded.boot), ([1; 8], 2), "{call:?} after {after}");
        }
    }
    assert!(failures > 20, "only {failures} of the runs failed at all: the test has become too tame");
}

#[tokio::test]
async fn refusals_name_the_reason_and_come_at_once() {
    let (mesh, all) = statements(6);
    let disk = Disk::default();
    let (store, _) = Store::open_on(disk.clone(), mesh, [1; 8], OPTIONS).unwrap();
    // With this pause nothing is tried again while the test runs, so any answer is an immediate one.
    let slow = Pace { first_pause: Duration::from_secs(3600), ..FAST };
    let (writer, mut events) = Writer::spawn(store, slow).unwrap();
    disk.state().fails = Some((Call::Sync, 0));
    writer.submit(one(1, &all[0])).unwrap();
    let Event::Failed { batches, error } = next(&mut events).await else { panic!("not failed") };
    assert_eq!(batches, [1]);
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert_eq!(error.to_string(), "store disk in memory: committing failed: the disk said no");
    let Event::ReadOnly { reason } = next(&mut events).await else { panic!("not read-only") };
    assert!(reason.contains("the disk said no"), "{reason}");
    for id in 2..6 {
        writer.submit(one(id, &all[id as usize])).unwrap();
        let Event::Failed { batches, error } = next(&mut events).await else { panic!("not failed") };
        assert_eq!(batches, [id]);
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
        assert!(error.to_string().contains("the disk said no"), "{error}");
    }
    writer.close();
}

/// A disk that fills at every block in turn: each time reads go on, nothing is acknowledged that is not stored, and
/// freed space is enough for writes to come back.
#[tokio::test]
async fn a_full_disk_refuses_writes_and_recovers_when_freed() {
    let (mesh, all) = statements(30);
    let mut filled = 0;
    for spare in 0..20 {
        let disk = Disk::default();
        disk.state().reserve_bytes = 16 * BLOCK;
        let (writer, mut events, _) = start(&disk, mesh);
        let used = disk.state().blocks.len() as u64 * BLOCK + 16 * BLOCK;
        disk.state().capacity = Some(used + spare * BLOCK);
        let (mut stored, refused, read_only) = store_each(&writer, &mut events, &all[..25]).await;
        if !refused.is_empty() {
            filled += 1;
            assert!(refused[0].contains("no space left on the device"), "{}", refused[0]);
        }
        disk.state().capacity = None;
        if read_only {
            assert_eq!(recovered(&mut events).await, []);
        }
        let (more, refused) = store_all(&writer, &mut events, &all).await;
        assert_eq!(refused, Vec::<String>::new(), "spare {spare}");
        stored.extend(more);
        writer.close();
        let (_store, loaded) = Store::open_on(disk, mesh, [2; 8], OPTIONS).unwrap();
        assert_eq!((ids(&loaded.statements), stored), (ids(&all), ids(&all)), "spare {spare}");
    }
    assert!(filled >= 5, "the disk was full in {filled} runs only");
}

/// A node that starts on a full disk: the reserve lets it open and record the boot; it reads, and refuses writes until
/// there is space for a new reserve.
#[tokio::test]
async fn a_node_starts_on_a_full_disk() {
    let (mesh, all) = statements(10);
    let disk = Disk::default();
    disk.state().reserve_bytes = 64 * BLOCK;
    let (writer, mut events, _) = start(&disk, mesh);
    store_all(&writer, &mut events, &all).await;
    writer.close();
    let full = |disk: &Disk| {
        let mut state = disk.state();
        let reserve = if state.reserved { 64 * BLOCK } else { 0 };
        state.capacity = Some(state.blocks.len() as u64 * BLOCK + reserve);
    };
    full(&disk);
    let (store, loaded) = Store::open_on(disk.clone(), mesh, [2; 8], OPTIONS).unwrap();
    assert_eq!((loaded.store_id, loaded.boot), ([1; 8], 2));
    assert_eq!(ids(&loaded.statements), ids(&all), "reads go on");
    drop(store);
    // And once more with the reserve gone and not a block left: the boot cannot be recorded, so the name changes.
    disk.state().reserved = false;
    full(&disk);
    let (store, loaded) = Store::open_on(disk.clone(), mesh, [3; 8], OPTIONS).unwrap();
    assert_eq!(ids(&loaded.statements), ids(&all), "reads go on");
    let (writer, mut events) = Writer::spawn(store, FAST).unwrap();
    if loaded.store_id == [3; 8] {
        let Event::ReadOnly { reason } = next(&mut events).await else { panic!("not read-only") };
        assert!(reason.contains("no space left"), "{reason}");
    }
    disk.state().capacity = None;
    let (_, more) = statements(12);
    recovered(&mut events).await;
    let (stored, _) = store_all(&writer, &mut events, &more[11..]).await;
    assert_eq!(stored.len(), 2);
    writer.close();
    assert!(disk.state().reserved, "space is set aside again");
    let (_store, again) = Store::open_on(disk, mesh, [4; 8], OPTIONS).unwrap();
    assert_eq!((again.store_id, again.boot, again.statements.len()), (loaded.store_id, loaded.boot + 1, 13));
}

/// A disk that forgets what it said it synced: what is lost is named, so that it can be stored again from memory.
#[tokio::test]
async fn what_a_lying_disk_lost_is_named() {
    let (mesh, all) = statements(10);
    let disk = Disk::default();
    let (writer, mut events, _) = start(&disk, mesh);
    store_all(&writer, &mut events, &all[..4]).await;
    let before = disk.state().data.clone();
    store_all(&writer, &mut events, &all[4..8]).await;
    disk.state().fails = Some((Call::Sync, 0));
    let (stored, refused) = store_all(&writer, &mut events, &all[8..9]).await;
    assert!(stored.is_empty() && !refused.is_empty());
    // Between two attempts: a disk that changes in the midst of one would be a torn one.
    disk.state().at_open = Some(before);
    let lost: BTreeSet<_> = recovered(&mut events).await.into_iter().collect();
    assert_eq!(lost, ids(&all[4..8]));
    let (stored, _) = store_all(&writer, &mut events, &all).await;
    assert_eq!(stored, ids(&all));
    writer.close();
    let (_store, loaded) = Store::open_on(disk, mesh, [2; 8], OPTIONS).unwrap();
    assert_eq!(ids(&loaded.statements), ids(&all));
}

/// The same on a real file system. Needs a small one, which only root can make, so it runs when asked:
/// `mount -t tmpfs -o size=16m tmpfs DIR`, then `DRIFTLESS_SMALL_DISK=DIR cargo test … -- --ignored small_disk`.
#[tokio::test]
#[ignore = "needs a small file system"]
async fn a_small_disk_fills_and_is_freed() {
    let disk = std::path::PathBuf::from(std::env::var_os("DRIFTLESS_SMALL_DISK").expect("a directory"));
    let (dir, filler) = (disk.join("store"), disk.join("filler"));
    let (mesh, all) = statements(3000);
    let (store, _) = Store::open(&dir, mesh, [1; 8]).unwrap();
    let (writer, mut events) = Writer::spawn(store, FAST).unwrap();
    let (mut stored, _) = store_all(&writer, &mut events, &all[..20]).await;
    fill(&filler);
    let (more, refused) = store_all(&writer, &mut events, &all).await;
    stored.extend(more);
    assert!(refused.first().is_some_and(|why| why.contains("no space left on the device")), "{refused:?}");
    writer.close();
    fill(&filler);
    // A start on the full disk: the reserve pays for the boot, reads go on, writes wait.
    let (store, loaded) = Store::open(&dir, mesh, [2; 8]).unwrap();
    assert_eq!((loaded.store_id, loaded.boot), ([1; 8], 2));
    assert!(stored.is_subset(&ids(&loaded.statements)));
    let (writer, mut events) = Writer::spawn(store, FAST).unwrap();
    assert!(matches!(next(&mut events).await, Event::ReadOnly { .. }));
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(recovered(&mut events).await, []);
    let (stored, refused) = store_all(&writer, &mut events, &all).await;
    assert_eq!((stored.len(), refused), (all.len(), vec![]));
    writer.close();
    std::fs::remove_dir_all(&dir).unwrap();
}

fn fill(path: &std::path::Path) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    while file.write_all(&[1; 512]).is_ok() {}
}
