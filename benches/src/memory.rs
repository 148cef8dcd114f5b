//! What an idle entry costs in memory, and how long a node takes from its start until it serves what its disk holds.

use std::sync::Arc;

use driftless_node::store::Store;
use driftless_statement::Verified;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::forge::Forge;
use crate::pairing::{Effort, pair, seconds, span};
use crate::peers::keys;
use crate::rig::Homes;
use crate::table::{Row, Want};

/// Bytes of a value.
const VALUE: usize = 200;
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("statements");

/// Reads the records of a store and hashes each.
fn read_and_hash(homes: &Homes, number: u8) -> f64 {
    let data = homes.home(number).join("data");
    let file = std::fs::read_dir(&data)
        .unwrap()
        .flatten()
        .find(|file| file.path().extension().is_some_and(|end| end == "redb"));
    let file = file.expect("the store's file").path();
    let (took, hashed) = seconds(|| {
        let database = Database::builder().set_cache_size(32 << 20).open(&file).unwrap();
        let transaction = database.begin_read().unwrap();
        let table = transaction.open_table(RECORDS).unwrap();
        let mut all = 0u64;
        for row in table.iter().unwrap() {
            let (_, record) = row.unwrap();
            all += u64::from(blake3::hash(record.value()).as_bytes()[0]);
        }
        all
    });
    std::hint::black_box(hashed);
    took
}

/// Resident bytes of a node that holds these, when it has nothing to do.
fn resident(homes: &Homes, number: u8) -> f64 {
    let node = homes.start(number, None);
    node.resident() as f64
}

/// All rows about memory and starting.
pub fn run(effort: Effort) -> Vec<Row> {
    let entries = effort.size(100_000, 10_000);
    let forge = Forge::found(&keys(2));
    let homes = Homes::make(&forge, 2);
    let all: Vec<Arc<Verified>> = forge.history(entries, 1, VALUE);
    homes.fill(&forge, 1, &all);
    homes.fill(&forge, 2, &all[..1]);
    drop(all);
    let each = (resident(&homes, 1) - resident(&homes, 2)) / entries as f64;
    let mut rows = vec![
        Row::plain(
            format!("memory of an idle entry, {entries} entries of {VALUE} bytes, resident"),
            Want::AtMost(1_536.0 + VALUE as f64),
            " B",
            each,
        )
        .note(format!(
            "value included; a statement has {} bytes on the wire",
            forge.history(1, 1, VALUE)[0].wire_len()
        )),
    ];
    let start = || seconds(|| homes.start(1, None)).0;
    let paired = pair(effort, start, || read_and_hash(&homes, 1));
    rows.push(
        Row::ratio(
            format!("start to ready from disk, {entries} entries"),
            "reading the records from redb and hashing them",
            Want::AtMost(2.0),
            &paired,
        )
        .note(format!("{} against {}", span(paired.ours.median()), span(paired.theirs.median()))),
    );
    let open = || seconds(|| drop(Store::open(&homes.home(1).join("data"), forge.mesh, [1; 8]).unwrap())).0;
    let paired = pair(effort, open, || read_and_hash(&homes, 1));
    rows.push(Row::ratio("of that, opening the store", "the same", Want::Shown, &paired).note(format!(
        "{} against {}",
        span(paired.ours.median()),
        span(paired.theirs.median())
    )));
    rows
}
