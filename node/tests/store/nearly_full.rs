//! A nearly full disk, on which space comes and goes: the store must not turn read-only and back in step with its shortest
//! pause.

use std::time::{Duration, Instant};

use driftless_node::store::{Batch, Event, Options, Pace, Store, Writer};

use crate::disk::{BLOCK, Disk, ids, next, statements};

const OPTIONS: Options = Options { cache_bytes: 1 << 20, reserve_bytes: 1 << 20, boot_from: 0 };
/// Pauses below 2, 4, 8, … ms, so that only the growth makes them felt.
const PACE: Pace = Pace { queue: 16, first_pause: Duration::from_millis(2), longest_pause: Duration::from_secs(3600) };
const FLAPS: u64 = 12;

/// Fills the disk but for so many blocks.
fn leave(disk: &Disk, blocks: u64) {
    let mut state = disk.state();
    let reserve = if state.reserved { state.reserve_bytes } else { 0 };
    state.capacity = Some((state.blocks.len() as u64 + blocks) * BLOCK + reserve);
}

/// Each recovery is followed by a failure. The pauses are drawn from the store's name, so their sum is the same in every
/// run: 3.8 s, however fast the machine. Without growth twelve of them would be 24 ms at most.
#[tokio::test]
async fn recoveries_that_do_not_last_make_the_pauses_grow() {
    let (mesh, all) = statements(400);
    let disk = Disk::default();
    disk.state().reserve_bytes = 16 * BLOCK;
    let (store, _) = Store::open_on(disk.clone(), mesh, [1; 8], OPTIONS).unwrap();
    let (writer, mut events) = Writer::spawn(store, PACE).unwrap();
    let begin = Instant::now();
    for id in 0..FLAPS {
        leave(&disk, 0);
        writer.submit(Batch { id, gone: vec![], statements: all.clone(), floor_ms: id }).unwrap();
        let Event::Failed { batches, error } = next(&mut events).await else { panic!("the disk is not full") };
        assert!(batches == [id] && error.is_full(), "{batches:?} {error}");
        // Enough to open the store and to prove that it takes a commit.
        leave(&disk, 64);
        let Event::ReadOnly { .. } = next(&mut events).await else { panic!("not read-only") };
        let Event::Recovered { lost } = next(&mut events).await else { panic!("it does not even open") };
        assert_eq!(lost, []);
    }
    assert!(begin.elapsed() >= Duration::from_millis(3_800), "{FLAPS} flaps in {:?}", begin.elapsed());
    disk.state().capacity = None;
    writer.submit(Batch { id: FLAPS, gone: vec![], statements: all.clone(), floor_ms: FLAPS }).unwrap();
    assert!(matches!(next(&mut events).await, Event::Stored { .. }), "freed space is enough");
    writer.close();
    let (_store, loaded) = Store::open_on(disk, mesh, [2; 8], OPTIONS).unwrap();
    assert_eq!(ids(&loaded.statements), ids(&all));
}
