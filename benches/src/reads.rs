//! Reads from the client's snapshot, by path and by prepared handle, quiet and while the snapshot is swapped a thousand
//! times a second. The client is the real one; the node at the other end of its socket is a script.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ahash::AHashMap;
use arc_swap::ArcSwap;
use driftless_client::{Config, Endpoint};
use driftless_statement::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::forge::{path, text};
use crate::pairing::{Effort, Paired, Spread, pair, span, work_seconds};
use crate::table::{Row, Want};

/// Reads in one timed run.
const READS: usize = 1 << 18;
/// Reads timed together for percentiles: the clock costs about as much as a read.
const GROUP: usize = 8;
/// Swaps that a run under swaps must have seen, at least; it reads on until it has.
const SWAPS: u64 = 200;

/// A node that serves one watch: the state, then puts while it is told to.
struct Script {
    socket: std::path::PathBuf,
    swapping: Arc<AtomicBool>,
    _dir: tempfile::TempDir,
}

fn event(number: usize, revision: usize) -> String {
    let value = json::to_string(&text(number.wrapping_add(revision), 40));
    let path = path(number);
    format!(
        "event: put\nid: 00000000000000aa-1.{revision}\ndata: {{\"event\":\"put\",\"path\":\"{path}\",\"value\":{value},\
         \"etag\":\"e{revision}\",\"revision\":\"00000000000000aa-1.{revision}\",\"conflicts\":0}}\n\n"
    )
}

impl Script {
    fn start(runtime: &tokio::runtime::Runtime, entries: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let swapping = Arc::new(AtomicBool::new(false));
        let _inside = runtime.enter();
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let told = swapping.clone();
        runtime.spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await.unwrap();
            let mut state = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_owned();
            state.push_str("event: reset\ndata: {\"event\":\"reset\",\"reason\":\"begins\"}\n\n");
            (0..entries).for_each(|number| state.push_str(&event(number, 1)));
            let synced = "{\"event\":\"synced\",\"revision\":\"00000000000000aa-1.1\"}";
            state.push_str(&format!("event: synced\nid: 00000000000000aa-1.1\ndata: {synced}\n\n"));
            stream.write_all(state.as_bytes()).await.unwrap();
            let mut tick = tokio::time::interval(Duration::from_millis(1));
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
            for revision in 2.. {
                tick.tick().await;
                if told.load(Ordering::Relaxed)
                    && stream.write_all(event(revision * 7919 % entries, revision).as_bytes()).await.is_err()
                {
                    return;
                }
            }
        });
        Self { socket, swapping, _dir: dir }
    }
}

fn open(runtime: &tokio::runtime::Runtime, script: &Script) -> Config {
    let endpoint: Endpoint = format!("unix:{}", script.socket.display()).parse().unwrap();
    runtime.block_on(Config::open(endpoint, &["shop"])).unwrap()
}

fn weight(value: Option<&Value>) -> usize {
    match value {
        Some(Value::Text(text)) => text.len(),
        _ => 0,
    }
}

/// Paths in an order that no cache foresees.
fn order(entries: usize) -> Vec<String> {
    (0..READS).map(|at| path(at.wrapping_mul(2_654_435_761) % entries).as_str().to_owned()).collect()
}

fn per_read(order: &[String], mut read: impl FnMut(&str) -> usize) -> f64 {
    let (took, sum) = work_seconds(|| order.iter().map(|path| read(black_box(path))).sum::<usize>());
    black_box(sum);
    took / order.len() as f64
}

fn slow_share(order: &[String], mut read: impl FnMut(&str) -> usize) -> f64 {
    let groups = order.chunks_exact(GROUP).map(|group| {
        let begin = Instant::now();
        let sum: usize = group.iter().map(|path| read(black_box(path))).sum();
        black_box(sum);
        begin.elapsed().as_secs_f64()
    });
    Spread::of(groups).quantile(0.99)
}

fn by_path(effort: Effort, entries: usize, rows: &mut Vec<Row>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let script = Script::start(&runtime, entries);
    let config = open(&runtime, &script);
    let order = order(entries);
    let items = config.snapshot().items().cloned().collect::<Vec<_>>();
    let map: AHashMap<String, Arc<_>> = items.into_iter().map(|item| (item.path.as_str().to_owned(), item)).collect();
    let mut reads = config.reads();
    let ours = || per_read(&order, |path| weight(reads.now().value(path)));
    let theirs = || per_read(&order, |path| weight(map.get(path).map(|item| &item.value)));
    let paired = pair(effort, ours, theirs);
    rows.push(
        Row::ratio(
            format!("read by path, {entries} entries"),
            "`ahash` map lookup of the same keys",
            Want::AtMost(1.5),
            &paired,
        )
        .note(format!("{} against {}", span(paired.ours.median()), span(paired.theirs.median()))),
    );
    let counter = config.changed();
    let mut reads = config.reads();
    let mut swaps = (0, Duration::ZERO);
    let mut second = config.reads();
    let swapped = || {
        let (before, begin) = (*counter.borrow(), Instant::now());
        script.swapping.store(true, Ordering::Relaxed);
        let mut slow = Vec::new();
        while *counter.borrow() < before + SWAPS {
            slow.push(slow_share(&order, |path| weight(reads.now().value(path))));
            assert!(begin.elapsed() < Duration::from_secs(60), "the snapshot is swapped");
        }
        script.swapping.store(false, Ordering::Relaxed);
        swaps = (swaps.0 + *counter.borrow() - before, swaps.1 + begin.elapsed());
        Spread::of(slow).median()
    };
    let quiet = || slow_share(&order, |path| weight(second.now().value(path)));
    let paired = pair(effort, swapped, quiet);
    let rate = swaps.0 as f64 / swaps.1.as_secs_f64();
    rows.push(
        Row::ratio(
            format!("p99 of {GROUP} reads by path under swaps, {entries} entries"),
            "the same, idle",
            Want::AtMost(2.0),
            &paired,
        )
        .note(format!(
            "{rate:.0} swaps a second; {} against {}",
            span(paired.ours.median()),
            span(paired.theirs.median())
        )),
    );
}

fn by_handle(effort: Effort, handles: usize) -> Row {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let script = Script::start(&runtime, 1_000);
    let config = open(&runtime, &script);
    let prepared: Vec<_> = (0..handles).map(|number| config.handle::<String>(path(number).as_str()).unwrap()).collect();
    let mut readers: Vec<_> = prepared.iter().map(driftless_client::config::Handle::reader).collect();
    let slots: Vec<Arc<String>> = prepared.iter().map(|handle| handle.get().unwrap()).collect();
    let shared = Arc::new(ArcSwap::from_pointee(slots));
    let mut cache = arc_swap::Cache::new(shared);
    let order: Vec<usize> = (0..READS).map(|at| at.wrapping_mul(2_654_435_761) % handles).collect();
    let paired: Paired = pair(
        effort,
        || per_slot(&order, |at| readers[at].get().map_or(0, String::len)),
        || per_slot(&order, |at| cache.load()[at].len()),
    );
    Row::ratio(
        format!("read by prepared handle, {handles} of them in turn"),
        "an indexed slot behind arc-swap's cache",
        Want::AtMost(1.5),
        &paired,
    )
    .note(format!("{} against {}", span(paired.ours.median()), span(paired.theirs.median())))
}

fn per_slot(order: &[usize], mut read: impl FnMut(usize) -> usize) -> f64 {
    let (took, sum) = work_seconds(|| order.iter().map(|at| read(black_box(*at))).sum::<usize>());
    black_box(sum);
    took / order.len() as f64
}

/// All rows about reads.
pub fn run(effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    for entries in [1_000, effort.size(100_000, 10_000)] {
        by_path(effort, entries, &mut rows);
    }
    // Those of one hot path, and more than the nearest cache holds.
    rows.extend([16, 256].map(|handles| by_handle(effort, handles)));
    rows
}
