//! The local snapshot: first state, changes, lost connections, restarts, resets, and starting without a node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use driftless_client::api::WatchEvent;
use driftless_client::config::{Config, OpenError, Options};
use serde::Deserialize;

use super::scripted::{Node, Request, SOON, put, soon};

#[derive(Debug, Deserialize, PartialEq)]
struct Limits {
    max: u32,
}

fn socket() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    (dir, path)
}

/// Opens a snapshot of `shop` and gives the open watch too.
async fn opened(node: &Node, entries: &[(&str, &str)]) -> (Config, Request) {
    let opening = tokio::spawn(Options::new(node.endpoint()).prefix("shop").deadline(SOON).open());
    let mut watch = node.request().await;
    assert!(watch.head.starts_with("GET /v1/config/shop/?watch HTTP/1.1\r\n"), "{}", watch.head);
    assert_eq!(watch.header("last-event-id"), None);
    watch.stream().await;
    watch.state(entries, "r1").await;
    (soon(opening).await.unwrap().unwrap(), watch)
}

async fn until(config: &Config, condition: impl Fn() -> bool) {
    let mut changed = config.changed();
    let wait = async {
        while !condition() {
            changed.changed().await.unwrap();
        }
    };
    soon(wait).await;
}

#[tokio::test]
async fn reads_need_no_call_and_follow_changes() {
    let (_dir, path) = socket();
    let node = Node::listen(&path);
    let (config, mut watch) = opened(&node, &[("shop/limits", r#"{"max":3}"#), ("shop/a", "1")]).await;
    assert_eq!(config.get::<Limits>("shop/limits").unwrap(), Some(Limits { max: 3 }));
    assert_eq!(config.get::<Limits>("shop/none").unwrap(), None);
    assert!(config.get::<Limits>("shop/a").is_err());
    assert_eq!(config.raw("shop/a").as_deref(), Some("1"));
    assert!(config.connected());
    let handle = config.handle::<Limits>("shop/limits").unwrap();
    let mut reader = handle.reader();
    let mut changes = config.watch("shop/").unwrap();
    assert_eq!(reader.get(), Some(&Limits { max: 3 }));

    watch.event(&put("shop/limits", r#"{"max":4}"#, "r2"), Some("r2")).await;
    let change = soon(changes.next()).await.unwrap();
    assert_eq!(change.path.as_str(), "shop/limits");
    assert_eq!(reader.get(), Some(&Limits { max: 4 }));
    assert_eq!(config.revision()[0].1.as_deref(), Some("r2"));

    watch.event(&put("shop/limits", r#"{"max":"many"}"#, "r3"), Some("r3")).await;
    soon(changes.next()).await.unwrap();
    assert_eq!(reader.get(), Some(&Limits { max: 4 }), "a value of another type does not take the last good one away");
    assert!(handle.read().mismatch.is_some());

    watch.event(&WatchEvent::Delete { path: "shop/limits".parse().unwrap(), revision: "r4".into() }, Some("r4")).await;
    assert!(soon(changes.next()).await.unwrap().after.is_none());
    assert_eq!(reader.get(), None);
    assert_eq!(config.value("shop/limits"), None);
}

#[tokio::test]
async fn a_slow_stream_gets_the_last_value_and_no_queue() {
    let (_dir, path) = socket();
    let node = Node::listen(&path);
    let (config, mut watch) = opened(&node, &[("shop/a", "0"), ("shop/b", "0")]).await;
    let mut changes = config.watch("shop").unwrap();
    for count in 1..=50 {
        let revision = format!("r{count}");
        watch.event(&put("shop/a", &count.to_string(), &revision), Some(&revision)).await;
    }
    until(&config, || config.raw("shop/a").as_deref() == Some("50")).await;
    let change = soon(changes.next()).await.unwrap();
    assert_eq!(change.after.unwrap().value, driftless_statement::Value::Int(50));
    assert_eq!(change.before.unwrap().value, driftless_statement::Value::Int(0));
}

#[tokio::test]
async fn a_restarted_node_is_resumed_and_nobody_sees_an_emptied_state() {
    let (_dir, path) = socket();
    let node = Node::listen(&path);
    let (config, watch) = opened(&node, &[("shop/a", "1"), ("shop/b", "1")]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let spinning = {
        let (config, stop) = (config.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut reads = 0u64;
            while !stop.load(Ordering::Relaxed) {
                let snapshot = config.snapshot();
                assert!(snapshot.len() >= 2, "a reader saw a half state");
                reads += 1;
            }
            reads
        })
    };
    let mut changes = config.watch("").unwrap();
    drop((watch, node));
    until(&config, || !config.connected()).await;
    assert_eq!(config.raw("shop/a").as_deref(), Some("1"), "the state stays while the node is away");
    assert!(!config.staleness().connected);

    // The node is back, begins to send the state anew, and dies in the middle of it.
    let node = Node::listen(&path);
    let mut half = node.request().await;
    assert_eq!(half.header("last-event-id"), Some("r1"));
    half.stream().await;
    half.event(&WatchEvent::Reset { reason: "restart".into() }, None).await;
    half.event(&put("shop/c", "9", "x1"), None).await;
    drop(half);
    let mut whole = node.request().await;
    assert_eq!(whole.header("last-event-id"), Some("r1"), "a half state is not resumed from");
    whole.stream().await;
    whole.state(&[("shop/a", "1"), ("shop/b", "2"), ("shop/d", "1")], "x2").await;
    until(&config, || config.connected() && config.raw("shop/d").is_some()).await;
    assert_eq!(config.value("shop/c"), None);
    let (first, second) = (soon(changes.next()).await.unwrap(), soon(changes.next()).await.unwrap());
    assert_eq!((first.path.as_str(), second.path.as_str()), ("shop/b", "shop/d"), "what stayed the same is no change");
    stop.store(true, Ordering::Relaxed);
    assert!(spinning.join().unwrap() > 0);
}

#[tokio::test]
async fn a_node_that_says_it_lives_makes_the_state_fresh() {
    let (_dir, path) = socket();
    let node = Node::listen(&path);
    let (config, mut watch) = opened(&node, &[]).await;
    assert_eq!(config.staleness().agreed, None);
    drop(watch);
    let mut again = node.request().await;
    again.raw(b"HTTP/1.1 200 OK\r\ndriftless-staleness: 90\r\nconnection: close\r\n\r\n").await;
    again.event(&WatchEvent::Synced { revision: "r1".into() }, Some("r1")).await;
    until(&config, || config.connected()).await;
    assert!(config.staleness().agreed.unwrap() >= Duration::from_secs(90), "the head of the answer says it first");
    watch = again;
    watch.event(&WatchEvent::Alive { revision: "r1".into(), staleness: Some(7), isolated: true }, Some("r1")).await;
    until(&config, || config.staleness().isolated).await;
    let staleness = config.staleness();
    assert!((7..60).contains(&staleness.agreed.unwrap().as_secs()) && staleness.isolated && staleness.connected);
}

#[tokio::test]
async fn starts_from_the_last_known_file_and_resumes() {
    let (dir, path) = socket();
    let file = dir.path().join("last-known.json");
    let options = |node: &Node| Options::new(node.endpoint()).prefix("shop").cache(&file);
    let node = Node::listen(&path);
    let opening = tokio::spawn(options(&node).deadline(SOON).open());
    let mut watch = node.request().await;
    watch.stream().await;
    watch.state(&[("shop/limits", r#"{"max":3,"f":1.0}"#)], "r5").await;
    let config = soon(opening).await.unwrap().unwrap();
    let saved = async {
        while !file.exists() {
            tokio::task::yield_now().await;
        }
    };
    soon(saved).await;
    drop((config, watch));

    let short = options(&node).deadline(Duration::from_millis(50));
    drop(node);
    let config = soon(short.open()).await.unwrap();
    assert_eq!(config.get::<Limits>("shop/limits").unwrap(), Some(Limits { max: 3 }));
    assert_eq!(config.raw("shop/limits").as_deref(), Some(r#"{"f":1.0,"max":3}"#));
    assert!(!config.connected());
    let node = Node::listen(&path);
    let mut watch = node.request().await;
    assert_eq!(watch.header("last-event-id"), Some("r5"));
    watch.stream().await;
    watch.event(&WatchEvent::Synced { revision: "r5".into() }, Some("r5")).await;
    until(&config, || config.connected()).await;
    assert_eq!(config.get::<Limits>("shop/limits").unwrap(), Some(Limits { max: 3 }));
}

#[tokio::test]
async fn a_damaged_or_foreign_file_keeps_nobody_from_starting() {
    let (dir, path) = socket();
    let file = dir.path().join("last-known.json");
    for text in ["", "{", "{\"form\":9,\"heard_ms\":0,\"revisions\":{},\"items\":[]}", "\u{0}\u{1}"] {
        std::fs::write(&file, text).unwrap();
        let node = Node::listen(&path);
        let opening = tokio::spawn(Options::new(node.endpoint()).prefix("shop").cache(&file).deadline(SOON).open());
        let mut watch = node.request().await;
        watch.stream().await;
        watch.state(&[("shop/a", "1")], "r1").await;
        assert_eq!(soon(opening).await.unwrap().unwrap().raw("shop/a").as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn opening_fails_clearly() {
    let (_dir, path) = socket();
    let node = Node::listen(&path);
    let endpoint = node.endpoint();
    let open = |prefix: &str, within| Options::new(endpoint.clone()).prefix(prefix).deadline(within).open();
    assert!(matches!(open("sh op", SOON).await, Err(OpenError::Prefix { .. })));
    assert!(matches!(Config::open(endpoint.clone(), &[]).await, Err(OpenError::NoPrefix)));
    let refused = tokio::spawn(open("web", SOON));
    let problem =
        r#"{"type":"urn:driftless:problem:not_held","title":"x","status":421,"detail":"scope web is not held here"}"#;
    node.request().await.answer("421 Misdirected Request", "application/problem+json", problem).await;
    let Err(OpenError::Refused(error)) = soon(refused).await.unwrap() else { panic!("not refused") };
    assert_eq!((error.word(), error.to_string().as_str()), (Some("not_held"), "scope web is not held here"));
    drop(node);
    let Err(OpenError::NoState { last, .. }) = open("shop", Duration::from_millis(200)).await else {
        panic!("no node, and yet a state")
    };
    assert!(last.is_transient());
}

#[tokio::test]
async fn garbage_on_a_watch_changes_nothing_and_is_tried_again() {
    let (_dir, path) = socket();
    let node = Node::listen(&path);
    let (config, mut watch) = opened(&node, &[("shop/a", "1")]).await;
    watch.raw(b"data: {\"event\":\"put\",\"path\":\"shop/a\",\"value\":99999999999999999999999}\n\n").await;
    let mut again = node.request().await;
    assert_eq!(again.header("last-event-id"), Some("r1"));
    assert_eq!(config.raw("shop/a").as_deref(), Some("1"));
    again.raw(b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe\x00garbage\n\n").await;
    drop(again);
    let mut fine = node.request().await;
    fine.stream().await;
    fine.event(&put("shop/a", "2", "r2"), Some("r2")).await;
    until(&config, || config.raw("shop/a").as_deref() == Some("2")).await;
}
