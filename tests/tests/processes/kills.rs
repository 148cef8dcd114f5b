//! Processes that are killed under load, again and again, on one store: whatever was acknowledged is there after each
//! restart, and nothing that nobody wrote.
//!
//! 200 cycles; a longer campaign: `DRIFTLESS_KILL_CYCLES=1000 cargo test -p driftless-tests --test processes kills -- --nocapture`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use driftless_client::Client;
use driftless_client::client::Write;
use driftless_statement::{Path, Prefix, json};

use crate::mesh::{Mesh, wait};

/// Services that write at the same time, each its own entry.
const WRITERS: usize = 8;

fn cycles() -> u64 {
    std::env::var("DRIFTLESS_KILL_CYCLES").ok().and_then(|cycles| cycles.parse().ok()).unwrap_or(200)
}

/// A service that counts its entry up.
#[derive(Debug, Clone)]
struct Counter {
    path: Path,
    sent: u64,
    acknowledged: u64,
}

impl Counter {
    /// Writes until the node is gone.
    async fn count_up(mut self, client: Client, acknowledged: Arc<AtomicU64>) -> Self {
        loop {
            self.sent += 1;
            let value = json::parse(self.sent.to_string().as_bytes()).unwrap();
            if client.put(&self.path, &value, &Write::default()).await.is_err() {
                return self;
            }
            self.acknowledged = self.sent;
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What all cycles came to.
#[derive(Debug, Default)]
struct Tally {
    acknowledged: u64,
    /// Under way when the node was killed, and of these the ones that were on disk by then.
    in_flight: u64,
    survived: u64,
    lost: u64,
    invented: u64,
}

impl Tally {
    /// Compares what the node serves with what each writer knows, and lets the writers go on from there.
    async fn compare(&mut self, mesh: &Mesh, counters: &mut [Counter]) {
        for counter in counters {
            let served = mesh.read(0, &counter.path.to_string()).await.map_or(0, |value| value.parse().unwrap());
            self.lost += u64::from(served < counter.acknowledged);
            self.invented += u64::from(served > counter.sent);
            self.in_flight += counter.sent - counter.acknowledged;
            self.survived += u64::from(served > counter.acknowledged);
            (counter.sent, counter.acknowledged) = (served, served);
        }
    }
}

async fn ready(mesh: &Mesh, wanted: u64) -> u64 {
    let client = mesh.client(0);
    wait("the node to serve", || async { client.items(&Prefix::all()).await.is_ok() }).await;
    let held = client.status().await.unwrap().statements;
    assert!(held >= wanted, "{wanted} statements were acknowledged, {held} are there");
    held
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_load_lose_nothing_that_was_acknowledged() {
    let (cycles, begin) = (cycles(), std::time::Instant::now());
    let mut mesh = Mesh::found(1);
    let path = |writer| Path::parse(&format!("shop/writer-{writer}")).unwrap();
    let mut counters: Vec<_> =
        (0..WRITERS).map(|writer| Counter { path: path(writer), sent: 0, acknowledged: 0 }).collect();
    let mut tally = Tally::default();
    // Statements of the founding, and those acknowledged: the whole log is there, not only the newest values.
    let mut wanted = 1;
    for cycle in 0..cycles {
        mesh.start(0, &[]);
        let held = ready(&mesh, wanted).await;
        tally.compare(&mesh, &mut counters).await;
        let acknowledged = Arc::new(AtomicU64::new(0));
        let tasks: Vec<_> = counters
            .drain(..)
            .map(|counter| tokio::spawn(counter.count_up(mesh.client(0), acknowledged.clone())))
            .collect();
        // Another moment each time: from the very first write, through a first full round, to several rounds.
        let moment = cycle * 7 % 32;
        wait("writes to be acknowledged", || async { acknowledged.load(Ordering::Relaxed) >= moment }).await;
        mesh.kill(0);
        for task in tasks {
            counters.push(task.await.unwrap());
        }
        let count = acknowledged.load(Ordering::Relaxed);
        (wanted, tally.acknowledged) = (held + count, tally.acknowledged + count);
    }
    mesh.start(0, &[]);
    ready(&mesh, wanted).await;
    tally.compare(&mesh, &mut counters).await;
    let Tally { acknowledged, in_flight, survived, lost, invented } = tally;
    crate::figures::say(&format!(
        "kill cycles: {cycles} cycles, {acknowledged} acknowledged, {in_flight} in flight ({survived} of them on disk), \
         {lost} lost, {invented} invented, {:.2} s a cycle",
        begin.elapsed().as_secs_f64() / cycles as f64
    ));
    assert_eq!((lost, invented), (0, 0));
    assert!(acknowledged > cycles * 5 && in_flight > cycles, "hardly any load: {acknowledged}, {in_flight}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_keeps_its_store_and_a_killed_one_leaves_it() {
    let mut mesh = Mesh::running(1).await;
    mesh.put(0, "shop/a", "1").await.unwrap();
    mesh.signal(0, "-STOP");
    for arguments in [&["--socket", "other.sock"][..], &["--rebuild-store", "--socket", "other.sock"]] {
        let second = mesh.try_start(0, arguments);
        let said = String::from_utf8_lossy(&second.stderr).into_owned();
        assert_eq!(second.status.code(), Some(1), "{said}");
        assert!(said.contains("in use by another process") && !said.contains("panicked"), "{said}");
    }
    assert!(!mesh.data(0).join("store.redb.bad-1").exists(), "a refused process moved the store aside");
    mesh.signal(0, "-CONT");
    mesh.put(0, "shop/b", "2").await.unwrap();
    mesh.kill(0);
    mesh.start(0, &[]);
    mesh.wait_read(0, "shop/a", "1").await;
    mesh.wait_read(0, "shop/b", "2").await;
}
