//! Damaged, foreign and newer stores: no unverified statement is ever served, nothing panics, and the refusal says what
//! to do.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use driftless_node::store::{Batch, Event, FORMAT, Options, Pace, Store, StoreError, Writer, rebuild};
use driftless_statement::{MeshId, Signed, Verified};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::disk::{Disk, ids, next, statements};
use crate::figures;

const OPTIONS: Options = Options { cache_bytes: 1 << 20, reserve_bytes: 1 << 20, boot_from: 0 };
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const STATEMENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("statements");

/// A closed store's bytes with these statements in it.
async fn image(mesh: MeshId, all: &[Arc<Verified>]) -> Vec<u8> {
    let disk = Disk::default();
    let (store, _) = Store::open_on(disk.clone(), mesh, [1; 8], OPTIONS).unwrap();
    let (writer, mut events) = Writer::spawn(store, Pace::default()).unwrap();
    writer.submit(Batch { id: 0, gone: vec![], statements: all.to_vec(), floor_ms: 77 }).unwrap();
    assert!(matches!(next(&mut events).await, Event::Stored { .. }));
    writer.close();
    disk.state().data.clone()
}

/// What opening damaged bytes came to: how many statements, or the refusal. Anything else fails the test.
fn outcome(mesh: MeshId, all: &[Arc<Verified>], data: Vec<u8>, what: &str) -> Result<usize, StoreError> {
    let (_store, loaded) = Store::open_on(Disk::of(data), mesh, [2; 8], OPTIONS)?;
    for statement in &loaded.statements {
        let good = Signed::decode(&statement.wire()).unwrap().verify();
        assert!(good.is_ok(), "{what}: served a statement whose signature does not verify");
    }
    let held = ids(&loaded.statements);
    assert!(held.is_subset(&ids(all)), "{what}: served a statement that nobody stored");
    assert!(loaded.floor_ms == 77 || held.is_empty(), "{what}: the floor is {}", loaded.floor_ms);
    let gone = all.len() - held.len();
    let told = loaded.quarantined.len() as u64 + loaded.missing;
    assert!(told >= gone as u64 || loaded.store_id == [2; 8], "{what}: {gone} gone, {told} told");
    Ok(held.len())
}

#[tokio::test]
async fn every_truncation_is_survived() {
    let (mesh, all) = statements(20);
    let whole = image(mesh, &all).await;
    let (mut refused, mut opened) = (0, 0);
    for len in (0..whole.len()).step_by(512) {
        match outcome(mesh, &all, whole[..len].to_vec(), &format!("cut to {len} bytes")) {
            Ok(_) => opened += 1,
            Err(StoreError::Corrupt { .. }) => refused += 1,
            Err(other) => panic!("cut to {len} bytes: {other}"),
        }
    }
    assert!(refused > 1000, "{refused} refused, {opened} opened");
    assert_eq!(outcome(mesh, &all, whole, "whole").unwrap(), all.len());
}

/// Every byte of every page in use, in strides that a prime keeps from falling into step with the pages.
#[tokio::test]
async fn flipped_bytes_are_survived() {
    let (mesh, all) = statements(20);
    let whole = image(mesh, &all).await;
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    // One case costs some milliseconds, so a fifth of what properties get.
    let cases = std::env::var("DRIFTLESS_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2500usize);
    let wanted = (cases / 5).max(100);
    let stride = (used.len() / wanted).max(1);
    let (mut whole_again, mut fewer, mut refused) = (0, 0, 0);
    for (n, at) in used.iter().enumerate().step_by(stride) {
        let mut data = whole.clone();
        data[*at] ^= [0xff, 0x01, 0x80, 0x10][n % 4];
        match outcome(mesh, &all, data, &format!("byte {at} flipped")) {
            Ok(held) if held == all.len() => whole_again += 1,
            Ok(_) => fewer += 1,
            Err(StoreError::Corrupt { .. } | StoreError::Newer { .. } | StoreError::OtherMesh { .. }) => refused += 1,
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
    figures::say(&format!(
        "damage, single bytes: {whole_again} whole, {fewer} with fewer statements, {refused} refused"
    ));
    assert!(fewer > 0 && refused > 0, "{whole_again} whole, {fewer} with fewer, {refused} refused: too tame");
}

/// Changes a store on disk behind our back, through redb itself, so that redb's checksums hold.
fn tamper(dir: &Path, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::create(dir.join("store.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
}

async fn stored(dir: &Path, all: &[Arc<Verified>], mesh: MeshId) {
    let (store, _) = Store::open(dir, mesh, [1; 8]).unwrap();
    let (writer, mut events) = Writer::spawn(store, Pace::default()).unwrap();
    writer.submit(Batch { id: 0, gone: vec![], statements: all.to_vec(), floor_ms: 5 }).unwrap();
    assert!(matches!(next(&mut events).await, Event::Stored { .. }));
    writer.close();
}

/// Records that redb vouches for and that are not what was stored: left out, kept for inspection, stored anew.
#[tokio::test]
async fn bad_records_are_quarantined_and_can_be_stored_again() {
    type Damage = fn(&mut Vec<u8>);
    let cases: &[(&str, Damage, &str)] = &[
        ("empty", Vec::clear, "shorter than its own hashes"),
        ("half a head", |record| record.truncate(40), "shorter than its own hashes"),
        ("no statement", |record| record.truncate(64), "do not have the hash stored with them"),
        (
            "cut short",
            |record| {
                let _ = record.pop();
            },
            "do not have the hash stored with them",
        ),
        ("longer", |record| record.push(0), "do not have the hash stored with them"),
        ("a flipped bit in the content", |record| record[100] ^= 1, "do not have the hash stored with them"),
        ("a flipped bit in the signature", |record| *record.last_mut().unwrap() ^= 1, "do not have the hash"),
        ("a flipped bit in the id", |record| record[0] ^= 1, "are another statement than"),
        ("a flipped bit in the hash", |record| record[40] ^= 1, "do not have the hash stored with them"),
        (
            "garbage with its right hash",
            |record| {
                record.truncate(64);
                record.extend([0xff; 100]);
                let hash = *blake3::hash(&record[64..]).as_bytes();
                record[32..64].copy_from_slice(&hash);
            },
            "are no valid statement",
        ),
        (
            "another mesh's statement with its right hash",
            |record| {
                let key = driftless_statement::SecretKey::from_bytes([9; 32]);
                let mut foreign = statements(1).1[1].statement().clone();
                foreign.author = key.public();
                foreign.mesh = MeshId([7; 32]);
                let foreign = Verified::sign(foreign, &key).unwrap();
                *record =
                    [foreign.id().as_bytes(), blake3::hash(&foreign.wire()).as_bytes().as_slice(), &foreign.wire()]
                        .concat();
            },
            "belongs to mesh",
        ),
    ];
    for (name, damage, want) in cases {
        let dir = tempfile::tempdir().unwrap();
        let (mesh, all) = statements(5);
        stored(dir.path(), &all, mesh).await;
        tamper(dir.path(), |transaction| {
            let mut table = transaction.open_table(STATEMENTS).unwrap();
            let mut record = table.get(3).unwrap().unwrap().value().to_vec();
            damage(&mut record);
            table.insert(3, record.as_slice()).unwrap();
        });
        let (store, loaded) = Store::open(dir.path(), mesh, [2; 8]).unwrap();
        let left: BTreeSet<_> = ids(&all).into_iter().filter(|id| *id != all[3].id()).collect();
        assert_eq!(ids(&loaded.statements), left, "{name}");
        let [quarantined] = loaded.quarantined.as_slice() else { panic!("{name}: {:?}", loaded.quarantined) };
        assert_eq!(quarantined.seq, 3, "{name}");
        assert!(quarantined.reason.contains(want), "{name}: {}", quarantined.reason);
        assert!(quarantined.file.as_ref().unwrap().starts_with(dir.path().join("quarantine")), "{name}");
        // A peer supplies it again.
        let (writer, mut events) = Writer::spawn(store, Pace::default()).unwrap();
        writer.submit(Batch { id: 9, gone: vec![], statements: vec![all[3].clone()], floor_ms: 0 }).unwrap();
        let Event::Stored { statements: 1, .. } = next(&mut events).await else { panic!("{name}: not stored") };
        writer.close();
        let (_store, loaded) = Store::open(dir.path(), mesh, [2; 8]).unwrap();
        assert_eq!((ids(&loaded.statements), loaded.quarantined.len()), (ids(&all), 0), "{name}");
    }
}

#[tokio::test]
async fn removed_records_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (mesh, all) = statements(5);
    stored(dir.path(), &all, mesh).await;
    tamper(dir.path(), |transaction| {
        transaction.open_table(STATEMENTS).unwrap().remove(2).unwrap();
    });
    let (_store, loaded) = Store::open(dir.path(), mesh, [2; 8]).unwrap();
    assert_eq!((loaded.missing, loaded.statements.len()), (1, 5));
}

type Damage = fn(&Path);

fn write_meta(dir: &Path, name: &'static str, value: &[u8]) {
    tamper(dir, |transaction| {
        transaction.open_table(META).unwrap().insert(name, value).unwrap();
    });
}

const BAD_FILES: &[(&str, Damage, &str)] = &[
    (
        "a newer format",
        |dir| write_meta(dir, "format", &(FORMAT + 1).to_be_bytes()),
        "written in format 2, this program reads up to format 1; start the newer driftlessd",
    ),
    (
        "a far newer format",
        |dir| write_meta(dir, "format", &u64::MAX.to_be_bytes()),
        "written in format 18446744073709551615",
    ),
    ("format zero", |dir| write_meta(dir, "format", &[0; 8]), "names no known format"),
    ("a format of three bytes", |dir| write_meta(dir, "format", &[1; 3]), "names no known format"),
    (
        "no format",
        |dir| tamper(dir, |t| drop(t.open_table(META).unwrap().remove("format").unwrap())),
        "names no known format",
    ),
    (
        "no state",
        |dir| tamper(dir, |t| drop(t.open_table(META).unwrap().remove("state").unwrap())),
        "its state is damaged",
    ),
    ("a state cut short", |dir| write_meta(dir, "state", &[1; 50]), "its state is damaged"),
    ("a state without its hash", |dir| write_meta(dir, "state", &[1; 96]), "its state is damaged"),
    ("no statements table", |dir| tamper(dir, |t| assert!(t.delete_table(STATEMENTS).unwrap())), "does not exist"),
    ("no meta table", |dir| tamper(dir, |t| assert!(t.delete_table(META).unwrap())), "Table 'meta' does not exist"),
    ("a text file", |dir| fs::write(dir.join("store.redb"), "key = 1\n".repeat(1000)).unwrap(), "--rebuild-store"),
    ("an empty file", |dir| fs::write(dir.join("store.redb"), "").unwrap(), "it is empty"),
    ("one byte", |dir| fs::write(dir.join("store.redb"), "x").unwrap(), "damaged or not a Driftless store"),
    ("zeros", |dir| fs::write(dir.join("store.redb"), vec![0; 1 << 20]).unwrap(), "damaged or not a Driftless store"),
    (
        "random bytes",
        |dir| fs::write(dir.join("store.redb"), blake3_noise(1 << 20)).unwrap(),
        "refetches everything from peers",
    ),
    (
        "an SQLite file",
        |dir| fs::write(dir.join("store.redb"), [b"SQLite format 3\0".as_slice(), &[0; 8192]].concat()).unwrap(),
        "damaged or not",
    ),
    (
        "a directory",
        |dir| {
            fs::remove_file(dir.join("store.redb")).unwrap();
            fs::create_dir(dir.join("store.redb")).unwrap()
        },
        "opening it failed",
    ),
    (
        "another program's redb file",
        |dir| {
            fs::remove_file(dir.join("store.redb")).unwrap();
            let table: TableDefinition<u32, &str> = TableDefinition::new("theirs");
            tamper(dir, |transaction| drop(transaction.open_table(table).unwrap().insert(1, "x").unwrap()));
        },
        "damaged or not a Driftless store",
    ),
    (
        "tables of another shape",
        |dir| {
            fs::remove_file(dir.join("store.redb")).unwrap();
            let table: TableDefinition<u32, u32> = TableDefinition::new("meta");
            tamper(dir, |transaction| drop(transaction.open_table(table).unwrap().insert(1, 1).unwrap()));
        },
        "damaged or not a Driftless store",
    ),
];

fn blake3_noise(len: usize) -> Vec<u8> {
    let mut noise = vec![0; len];
    blake3::Hasher::new().update(b"noise").finalize_xof().fill(&mut noise);
    noise
}

#[tokio::test]
async fn bad_store_files_are_refused_unchanged_and_can_be_rebuilt() {
    for (name, damage, want) in BAD_FILES {
        let dir = tempfile::tempdir().unwrap();
        let (mesh, all) = statements(5);
        stored(dir.path(), &all, mesh).await;
        damage(dir.path());
        let path = dir.path().join("store.redb");
        let said = Store::open(dir.path(), mesh, [2; 8]).err().unwrap_or_else(|| panic!("{name}: accepted"));
        assert!(said.to_string().contains(want), "{name}: {said}");
        assert!(said.to_string().contains(&path.display().to_string()), "{name}: does not name the file: {said}");
        let moved = rebuild(dir.path()).unwrap().unwrap();
        assert_eq!(moved, dir.path().join("store.redb.bad-1"), "{name}");
        assert!(moved.exists() && !path.exists(), "{name}");
        let (_store, loaded) = Store::open(dir.path(), mesh, [3; 8]).unwrap();
        assert_eq!((loaded.store_id, loaded.boot, loaded.statements.len()), ([3; 8], 1, 0), "{name}");
    }
}

#[tokio::test]
async fn a_newer_or_foreign_store_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (mesh, all) = statements(5);
    stored(dir.path(), &all, mesh).await;
    let other = Store::open(dir.path(), MeshId([7; 32]), [2; 8]).err().unwrap();
    assert!(matches!(other, StoreError::OtherMesh { .. }), "{other}");
    assert!(
        other.to_string().contains(&format!("belongs to mesh {mesh}, the configuration names mesh 0707")),
        "{other}"
    );
    let (_store, loaded) = Store::open(dir.path(), mesh, [2; 8]).unwrap();
    assert_eq!((loaded.statements.len(), loaded.boot), (6, 2), "the refused start did not count");
    drop(_store);
    write_meta(dir.path(), "format", &9u64.to_be_bytes());
    assert!(matches!(
        Store::open(dir.path(), mesh, [2; 8]).err().unwrap(),
        StoreError::Newer { found: 9, known: 1, .. }
    ));
    let database = Database::create(dir.path().join("store.redb")).unwrap();
    let table = database.begin_read().unwrap().open_table(META).unwrap();
    assert_eq!(
        table.get("format").unwrap().unwrap().value(),
        9u64.to_be_bytes(),
        "the newer program finds it as it was"
    );
}

#[tokio::test]
async fn rebuilding_counts_up_and_needs_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let (mesh, _) = statements(0);
    assert_eq!(rebuild(dir.path()).unwrap(), None);
    for n in 1..=3 {
        drop(Store::open(dir.path(), mesh, [n; 8]).unwrap());
        assert_eq!(rebuild(dir.path()).unwrap().unwrap(), dir.path().join(format!("store.redb.bad-{n}")));
    }
}

#[test]
fn a_place_that_cannot_hold_a_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let said = Store::open(&file, MeshId([1; 32]), [1; 8]).err().unwrap().to_string();
    assert!(said.contains("making its directory failed"), "{said}");
    let said = Store::open(&file.join("below"), MeshId([1; 32]), [1; 8]).err().unwrap().to_string();
    assert!(said.contains("making its directory failed"), "{said}");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
}
