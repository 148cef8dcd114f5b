//! Writes that are acknowledged when they are signed and on disk, through the HTTP API of a whole node: one writer, and
//! sixty-four. Held against redb's two-phase commits of the same bytes, the check of signatures, and etcd.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::{Duration, Instant};

use driftless_statement::json;
use driftless_statement::sign::verify_for;
use redb::{Database, Durability, TableDefinition};

use crate::etcd::Etcd;
use crate::forge::{Forge, path, put, text};
use crate::load;
use crate::pairing::{Effort, Paired, Spread, pair, seconds, span};
use crate::peers::keys;
use crate::rig::{Homes, Running, etcd, free_port};
use crate::table::{Row, Want};

/// Bytes of a value.
pub const VALUE: usize = 200;
/// Entries that are written to in turn by each writer.
const ENTRIES: usize = 1_000;
const WRITERS: usize = 64;
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");

/// redb alone, writing what a node's store would: the same number of bytes for each statement, two-phase and synced.
pub struct Bare {
    database: Database,
    next: u64,
    record: Vec<u8>,
    _dir: tempfile::TempDir,
}

impl Bare {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::builder().set_cache_size(32 << 20).create(dir.path().join("bare.redb")).unwrap();
        let forge = Forge::found(&keys(1));
        let before = forge.write(1, path(0), vec![], vec![put(&[], text(1, VALUE))]);
        let statement = forge.write(2, path(0), vec![before.id()], vec![put(&[], text(2, VALUE))]);
        // A record is an id and a hash before the statement; a node's own statement also names the one before it.
        let record = vec![7; 64 + 34 + statement.wire_len()];
        Self { database, next: 0, record, _dir: dir }
    }

    /// Seconds that one commit of so many records takes.
    pub fn commit(&mut self, records: usize) -> f64 {
        let begin = Instant::now();
        let mut transaction = self.database.begin_write().unwrap();
        transaction.set_two_phase_commit(true);
        transaction.set_durability(Durability::Immediate).unwrap();
        {
            let mut table = transaction.open_table(RECORDS).unwrap();
            for _ in 0..records {
                self.next += 1;
                table.insert(self.next, self.record.as_slice()).unwrap();
            }
        }
        transaction.commit().unwrap();
        begin.elapsed().as_secs_f64()
    }

    /// Records a second, committed in groups for about this long.
    fn rate(&mut self, group: usize, lasts: Duration) -> f64 {
        let begin = Instant::now();
        let mut done = 0;
        while begin.elapsed() < lasts {
            self.commit(group);
            done += group;
        }
        done as f64 / begin.elapsed().as_secs_f64()
    }
}

/// A request that puts another value each time.
pub fn request(connection: usize, turn: usize) -> Vec<u8> {
    let number = connection * 1_000_003 + turn;
    let body = json::to_string(&text(number, VALUE));
    let path = path((connection * 17 + turn * WRITERS) % ENTRIES);
    let length = body.len();
    format!("PUT /v1/config/{path} HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Writes a second that a node acknowledges.
pub fn writes(runtime: &tokio::runtime::Runtime, socket: &FilePath, writers: usize, lasts: Duration) -> f64 {
    runtime.block_on(load::run(socket, writers, lasts, load::http, request)).rate
}

/// Puts a second that etcd acknowledges.
fn puts(runtime: &tokio::runtime::Runtime, port: u16, writers: usize, lasts: Duration) -> f64 {
    runtime.block_on(async {
        // Sixteen calls share a connection at most: one connection alone would hold etcd back.
        let mut connections = Vec::new();
        for _ in 0..writers.div_ceil(16) {
            connections.push(Etcd::connect(port).await);
        }
        let begin = Instant::now();
        let mut tasks = Vec::new();
        for writer in 0..writers {
            let mut etcd = connections[writer % connections.len()].clone();
            tasks.push(tokio::spawn(async move {
                let mut done = 0;
                while begin.elapsed() < lasts {
                    let key = path((writer * 17 + done * WRITERS) % ENTRIES);
                    let value = json::to_string(&text(writer * 1_000_003 + done, VALUE));
                    etcd.put(key.as_str().as_bytes(), value.as_bytes()).await;
                    done += 1;
                }
                done
            }));
        }
        let mut done = 0;
        for task in tasks {
            done += task.await.unwrap();
        }
        done as f64 / begin.elapsed().as_secs_f64()
    })
}

/// Signatures checked a second on one core.
fn checks(statement: &Arc<driftless_statement::Verified>) -> f64 {
    let wire = statement.wire();
    let (canonical, signature) = wire.split_last_chunk::<64>().unwrap();
    let author = statement.statement().author;
    let check = || assert!(verify_for(&author, b"driftless/statement/v1\0", canonical, signature));
    1_000.0 / seconds(|| (0..1_000).for_each(|_| check())).0
}

/// The smaller of two bounds in each round.
fn smaller(one: &Paired, other: &Paired) -> Spread {
    let mean = |paired: &Paired| paired.theirs.median();
    if mean(one) < mean(other) { one.ratio.clone() } else { other.ratio.clone() }
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    homes: Homes,
    forge: Forge,
    _node: Running,
    effort: Effort,
}

impl Bench {
    fn lasts(&self) -> Duration {
        Duration::from_millis(self.effort.size(1_000, 200) as u64)
    }

    fn ours(&self, writers: usize) -> f64 {
        writes(&self.runtime, &self.homes.socket(1), writers, self.lasts())
    }

    fn row(&self, what: &str, against: &str, want: f64, paired: &Paired) -> Row {
        let note = format!("{:.0} against {:.0} a second", paired.ours.median(), paired.theirs.median());
        Row::ratio(what, against, Want::AtLeast(want), paired).note(note)
    }

    fn against_redb(&self, rows: &mut Vec<Row>) {
        let mut bare = Bare::new();
        let alone = pair(self.effort, || self.ours(1), || bare.rate(1, self.lasts()));
        rows.push(self.row("durable signed writes, 1 writer", "redb two-phase commits of the same bytes", 0.7, &alone));
        let group = pair(self.effort, || self.ours(WRITERS), || bare.rate(WRITERS, self.lasts()));
        let statement = self.forge.write(1, path(0), vec![], vec![put(&[], text(1, VALUE))]);
        let verify = pair(self.effort, || self.ours(WRITERS), || checks(&statement));
        let note = format!(
            "{:.0} a second; groups of {WRITERS}: {:.0}, checks of signatures: {:.0}",
            group.ours.median(),
            group.theirs.median(),
            verify.theirs.median()
        );
        rows.push(Row {
            what: format!("durable signed writes, {WRITERS} writers"),
            against: "the smaller of the group-commit and the verify bound".to_owned(),
            want: Want::AtLeast(0.5),
            unit: " ×",
            figure: smaller(&group, &verify),
            note,
        });
        let wait = bare.commit(1);
        rows.last_mut().unwrap().note.push_str(&format!("; one commit {}", span(wait)));
    }

    fn against_etcd(&self, rows: &mut Vec<Row>) {
        let (data, port) = (tempfile::tempdir().unwrap(), free_port());
        let Some(_etcd) = etcd(data.path(), port) else { return };
        for (writers, want) in [(1, 2.0), (WRITERS, 3.0)] {
            let paired = pair(self.effort, || self.ours(writers), || puts(&self.runtime, port, writers, self.lasts()));
            let what =
                format!("durable signed writes, {writers} writer{}, beside etcd", if writers == 1 { "" } else { "s" });
            rows.push(self.row(&what, "etcd puts (gRPC) at the same concurrency", want, &paired));
        }
    }
}

/// All rows about durable writes.
pub fn run(effort: Effort) -> Vec<Row> {
    let forge = Forge::found(&keys(1));
    let homes = Homes::make(&forge, 1);
    homes.fill(&forge, 1, &forge.history(ENTRIES, 1, VALUE));
    let node = homes.start(1, None);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let bench = Bench { runtime, homes, forge, _node: node, effort };
    let mut rows = Vec::new();
    bench.against_redb(&mut rows);
    bench.against_etcd(&mut rows);
    rows
}
