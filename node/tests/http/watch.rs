//! Watches over real sockets: state, changes, resume, heartbeats, and readers who do not read.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use crate::support::World;
use crate::support::raw::{self, request};

/// A reader of events.
struct Reader {
    stream: UnixStream,
    bytes: Vec<u8>,
}

impl Reader {
    async fn open(world: &World, target: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = world.unix().await;
        stream.write_all(&request("GET", target, headers, "")).await.unwrap();
        Self { stream, bytes: Vec::new() }
    }

    /// Reads until the text was seen; returns everything up to it.
    async fn until(&mut self, text: &str) -> String {
        let found = async {
            loop {
                let seen = String::from_utf8_lossy(&self.bytes).into_owned();
                if let Some((before, _)) = seen.split_once(text) {
                    let taken = format!("{before}{text}");
                    self.bytes.drain(..taken.len());
                    return taken;
                }
                assert!(raw::more(&mut self.stream, &mut self.bytes).await, "ended before {text:?}: {seen}");
            }
        };
        tokio::time::timeout(Duration::from_secs(60), found).await.unwrap_or_else(|_| panic!("never saw {text:?}"))
    }
}

fn id_of(text: &str) -> String {
    text.lines().rev().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_elsewhere_do_not_keep_signs_of_life_back() {
    let world = World::start().await;
    world.put("shop/a", "1").await;
    let mut reader = Reader::open(&world, "/v1/config/shop/a?watch", &[]).await;
    reader.until("event: synced").await;
    // Far more often than a heartbeat.
    let busy = async {
        for number in 0u64.. {
            world.put("shop/b", &number.to_string()).await;
        }
    };
    tokio::select! {
        alive = reader.until("event: alive") => assert!(!alive.contains("shop/b"), "{alive}"),
        () = busy => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_sends_the_state_then_changes_then_signs_of_life() {
    let world = World::start().await;
    world.put("shop/a", "1").await;
    let mut reader = Reader::open(&world, "/v1/config/shop/?watch", &[]).await;
    let state = reader.until("event: synced").await;
    assert!(state.contains("content-type: text/event-stream"), "{state}");
    assert!(state.contains("driftless-digest: "), "{state}");
    let (reset, put) = (state.find("event: reset").unwrap(), state.find("event: put").unwrap());
    assert!(reset < put && state.contains(r#""path":"shop/a","value":1,"#), "{state}");
    world.put("shop/b", "2").await;
    let change = reader.until(r#""path":"shop/b","value":2,"#).await;
    assert!(!change.contains("reset"), "{change}");
    world.ask("DELETE", "/v1/config/shop/a", &[], "").await;
    let delete = reader.until(r#"{"event":"delete","path":"shop/a""#).await;
    assert!(delete.contains("id: "), "{delete}");
    let alive = reader.until("event: alive").await;
    assert!(!alive.contains("event: put"), "{alive}");
    reader.until(r#""staleness":null"#).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_resumes_by_header_or_parameter_and_starts_anew_when_it_must() {
    let world = World::start().await;
    world.put("shop/a", "1").await;
    let mut first = Reader::open(&world, "/v1/config/shop/a?watch=1", &[]).await;
    let mut state = first.until("event: synced").await;
    state.push_str(&first.until("\n\n").await);
    let id = id_of(&state);
    drop(first);
    world.put("shop/a", "2").await;
    for (target, header) in [
        ("/v1/config/shop/a?watch".to_owned(), Some(("last-event-id", id.as_str()))),
        (format!("/v1/config/shop/a?watch&since={id}"), None),
    ] {
        let mut resumed = Reader::open(&world, &target, header.as_slice()).await;
        let text = resumed.until("event: synced").await;
        assert!(text.contains("\"value\":2") && !text.contains("reset"), "{text}");
    }
    let other = [("last-event-id", "5f3a09c2b1d4e6f8-7.1")];
    let mut anew = Reader::open(&world, "/v1/config/shop/a?watch", &other).await;
    let text = anew.until("event: synced").await;
    assert!(text.contains("event: reset") && text.contains("\"value\":2"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_who_do_not_read_are_cut_and_hold_up_nobody() {
    let world = World::with(|settings| {
        settings.write_timeout = Duration::from_millis(500);
        settings.max_watchers = 60;
    })
    .await;
    let large = format!("\"{}\"", "x".repeat(200 * 1024));
    for index in 0..4 {
        world.put(&format!("shop/{index}"), &large).await;
    }
    let mut stuck = Vec::new();
    for _ in 0..50 {
        stuck.push(Reader::open(&world, "/v1/config/shop/?watch", &[]).await);
    }
    let mut reader = Reader::open(&world, "/v1/config/shop/live?watch", &[]).await;
    reader.until("event: synced").await;
    for round in 0..5 {
        world.put("shop/live", &round.to_string()).await;
        reader.until(&format!("\"value\":{round},")).await;
    }
    let mut look = tokio::time::interval(Duration::from_millis(20));
    // The 50 filled their sockets, took nothing, and are cut; what is left is the one that reads.
    tokio::time::timeout(Duration::from_secs(60), async {
        while world.metrics.watchers() > 1 {
            look.tick().await;
        }
    })
    .await
    .expect("stuck readers are cut");
    world.put("shop/live", "99").await;
    reader.until("\"value\":99,").await;
    drop(stuck);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_are_bounded() {
    let world = World::with(|settings| settings.max_watchers = 2).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut reader = Reader::open(&world, "/v1/config/?watch", &[]).await;
        reader.until("event: synced").await;
        held.push(reader);
    }
    let refused = world.get("/v1/config/?watch").await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "busy"));
    assert_eq!(world.get("/v1/config").await.status, 200);
}
